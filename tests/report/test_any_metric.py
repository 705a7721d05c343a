"""A study of another metric than accuracy, from a folder of runs to the page."""

import csv
import json
import re
from pathlib import Path

import pytest

from dissect.report.__main__ import main
from tests.report.conftest import rewrite, write_errors, write_ladder, write_manifest, write_run
from tests.report.test_report import Page

Reported = tuple[Path, Path]
PLANNED = [
    ("one_at_a_time", ["a"], {"a": 1.0, "baseline": -1.0}),
    ("one_at_a_time", ["b"], {"b": 1.0, "baseline": -1.0}),
]


def page(folder: Path) -> str:
    return " ".join(Page((folder / "index.html").read_text()).text.split())


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Of a regression: a lowers the error by three, b raises it by two, both together add up; and its report."""
    root = tmp_path_factory.mktemp("errors")
    study = root / "runs" / "table"
    for seed, base in enumerate((55.0, 57.0, 56.0, 58.0)):
        off = 0.1 * (seed - 1.5)
        for name, parts, change in (("baseline", (), 0), ("a", ("a",), -3), ("b", ("b",), 2), ("a+b", ("a", "b"), -1)):
            write_errors(study, name, parts, seed, base + change + off * len(parts) * (1 if "a" in parts else -1))
    write_errors(study, "a", ("a",), 9, 55.0, metrics={"val/rmse": None, "val/mae": 1.0})
    write_manifest(
        study, PLANNED, seeds=[0, 1, 2, 3], smallest=2.0,
        metric={"name": "val/rmse", "label": "error", "unit": "units", "better": "lower", "times": 1.0},
    )  # fmt: skip
    assert main(["table", "--runs", str(root / "runs"), "--out", str(root / "reports")]) == 0
    return study, root / "reports" / "table"


def test_what_lowers_an_error_helps_and_what_raises_it_hurts(errors: Reported):
    text = page(errors[1])
    assert re.search(r"a_1 & b −3\.0\d? units \[−3\.\d+, −2\.\d+\], 4 seeds, p < 0\.001 helps", text)
    assert re.search(r" b \+2\.0\d? units \[\+?1\.\d+, 2\.\d+\], 4 seeds, p < 0\.001 hurts", text)
    assert "Gains are differences of validation error, in units, treated minus control, paired by seed" in text
    assert "Lower is better, so a gain below zero helps." in text
    assert "Judged by validation error (lower is better), of the last epoch, whatever came before it" in text
    assert "margin ±2 units, power 80%" in text
    verdicts = {(row["kind"], row["component"]): row["verdict"] for row in rows(errors[1] / "effects.csv")}
    assert verdicts["one_at_a_time", "a"] == "helps"
    assert verdicts["one_at_a_time", "b"] == "hurts"


def test_the_page_speaks_of_this_metric_and_of_these_data_alone(errors: Reported):
    text = page(errors[1])
    assert not re.findall(r"accurac|\bimages?\b|ten-crop|multiply|points", text, re.IGNORECASE)
    assert "diabetes: 342 training and 100 validation examples; judged on validation." in text
    files = [path.read_text() for path in errors[1].iterdir() if path.suffix in (".md", ".tex", ".csv")]
    assert not [text for text in files if re.search("accurac|image|points", text)]
    assert b"lower is better" in (errors[1] / "gains.svg").read_bytes()


def test_a_run_that_ended_without_a_number_failed_and_is_named(errors: Reported):
    text = page(errors[1])
    assert "1 run ended without a number for error, and so failed: a_1 & b seed 9." in text
    assert "failed: finished with nothing for val/rmse, which is no number" in text
    (failed,) = [row for row in rows(errors[1] / "runs.csv") if row["status"] == "failed"]
    assert failed["seed"] == "9"


def test_runs_csv_has_a_column_a_metric_and_a_fact(errors: Reported):
    first = rows(errors[1] / "runs.csv")[0]
    assert {"val/rmse", "val/mae", "train/rmse", "data_name", "data_examples_training"} <= first.keys()
    assert float(first["val/mae"]) == pytest.approx(0.8 * float(first["val/rmse"]))


def test_effects_say_their_metric_and_unit(errors: Reported):
    assert {(row["metric"], row["unit"]) for row in rows(errors[1] / "effects.csv")} == {("val/rmse", "units")}
    assert "| gain, units |" in (errors[1] / "effects.md").read_text()


def shown(study: Path, *more: str) -> int:
    return main([study.name, *more, "--runs", str(study.parent), "--out", str(study.parents[1] / "shown")])


def test_another_metric_has_a_page_of_its_own_on_which_nothing_was_planned(errors: Reported, capsys):
    before = {path.name: path.read_bytes() for path in errors[1].iterdir() if path.is_file()}
    assert shown(errors[0], "metric=val/mae", "better=lower") == 0
    said = capsys.readouterr().out
    assert "planned: asked" not in said
    assert "lower is better: a gain below zero helps" in said
    folder = errors[0].parents[1] / "shown" / "table" / "val-mae"
    text = page(folder)
    assert "The study is judged by error and planned for that; this page shows val/mae of the same runs" in text
    assert {row["plan"] for row in rows(folder / "effects.csv")} == {"exploratory"}
    first = next(
        row for row in rows(folder / "effects.csv") if row["kind"] == "one_at_a_time" and row["component"] == "a"
    )
    assert (float(first["gain"]), first["verdict"]) == (pytest.approx(-2.4), "helps")
    assert not [row for row in rows(folder / "effects.csv") if row["verdict"] == "equivalent"]  # of no known margin
    assert {path.name: path.read_bytes() for path in errors[1].iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["metric=val/mae"], "metric=val/mae: which way is better is not known; give better=higher or better=lower"),
        (
            ["metric=val/mae", "better=sideways"],
            "better=sideways: must be higher or lower, whichever is better of val/mae",
        ),
        (["metric=f1"], "metric=f1: no run of {} logged it; logged were val/rmse, val/mae, train/rmse"),
        (["metric="], "metric=: says nothing; say metric=NAME, and better=higher or better=lower"),
        (["better=lower"], "better=lower: the study's own metric says"),
    ],
)
def test_a_metric_that_cannot_be_shown_is_refused_in_one_line(errors: Reported, asked: list[str], message: str, capsys):
    assert shown(errors[0], *asked) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {message.format(errors[0])}")
    assert said.count("\n") == 1


def test_a_described_metric_of_images_is_shown_in_its_own_words(study: Path):
    write_ladder(study)
    for folder in study.iterdir():
        metrics = json.loads((folder / "result.json").read_text())["metrics"]
        rewrite(folder, metrics=metrics and metrics | {"loss": 2 + len(folder.name) / 100})
    assert shown(study, "metric=loss") == 0
    text = page(study.parents[1] / "shown" / "trial" / "loss")
    assert "Gains are differences of validation loss, in nats" in text
    assert "loss, nats" in text
    assert "accuracy, %" in text  # further metrics stay in the table of variants
    assert "chance" not in text


def test_data_whose_bytes_nobody_looked_at_say_so(study: Path):
    data = {"name": "Text", "digest": "d", "judge": "validation", "bytes_known": False}
    for name, parts in (("baseline", ()), ("a", ("a",))):
        for seed in range(2):
            level = 0.5 + 0.1 * seed * bool(parts)
            write_run(study, name, parts, seed, level, data=data, accuracy_ten_crop=None, ten_crop=None)
    assert main(["trial", "--runs", str(study.parent), "--out", str(study.parents[1] / "shown")]) == 0
    text = page(study.parents[1] / "shown" / "trial")
    told = (
        "Text; judged on validation. Fingerprint d. Its code and its config are what it is known by: its bytes were not"
    )
    assert told in text
    assert "on these validation examples" in text
