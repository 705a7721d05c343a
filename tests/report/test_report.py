"""The command, from a folder of runs to the files."""

import csv
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dissect.measure.gains import gain
from dissect.report.__main__ import main
from dissect.report.study import read_study

AddRun = Callable[..., Path]

FILES = {f"{name}.{kind}" for name in ("gains", "learning_curves") for kind in ("png", "svg")}
FILES |= {"index.html", "runs.csv", "gains.csv"}


class Page(HTMLParser):
    """The page's text, its tags that were not closed, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def report(study: Path, *more: str) -> Path:
    out = study.parents[1] / "reports"
    assert main([study.name, "--runs", str(study.parent), "--out", str(out), *more]) == 0
    return out / study.name


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_report_has_all_its_files_and_twice_gives_the_same_bytes(
    reported: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    study, folder = reported
    assert {path.name for path in folder.iterdir()} == FILES
    # by its path this time, which has to make no difference
    assert main([str(study), "--runs", str(tmp_path / "elsewhere"), "--out", str(tmp_path)]) == 0
    assert str(tmp_path / "trial" / "index.html") in capsys.readouterr().out
    for path in folder.iterdir():
        assert (tmp_path / "trial" / path.name).read_bytes() == path.read_bytes()


def test_gains_csv_has_a_row_a_contrast_in_points(reported: tuple[Path, Path]):
    table = rows(reported[1] / "gains.csv")
    assert list(table[0]) == ["component", "step", "control", "gain", "low", "high", "p", "seeds", "published"]
    assert [row["component"] for row in table] == ["dropout1", "augmentation", "leaky_relu", "ten_crop", "ensemble"]
    measured = gain(read_study(reported[0]).compared, "step2", "step1")
    assert [float(table[0][key]) for key in ("gain", "low", "high", "p")] == pytest.approx(measured[:4])
    assert table[0]["published"] == "4.88"
    assert table[-1]["published"] == ""  # the source's ensemble is not one of step4
    assert [row["seeds"] for row in table] == ["3", "3", "3", "3", "2"]


def test_runs_csv_has_a_row_a_run_with_its_folder(reported: tuple[Path, Path]):
    table = rows(reported[1] / "runs.csv")
    assert {row["folder"] for row in table} == {path.name for path in reported[0].iterdir()}
    assert {row["status"] for row in table} == {"finished", "failed"}
    assert next(row for row in table if row["variant"] == "step3")["components"] == "dropout1+augmentation"


def test_the_page_is_whole_and_loads_nothing(reported: tuple[Path, Path]):
    page = Page((reported[1] / "index.html").read_text())
    assert page.open == []
    assert len(page.loads) == 2
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.loads)


def test_the_page_names_every_run_and_why_one_failed(reported: tuple[Path, Path]):
    text = Page((reported[1] / "index.html").read_text()).text
    for folder in reported[0].iterdir():
        assert folder.name in text
    assert "failed: the loss became <NaN> in epoch 2" in text
    assert "member of the step8 ensemble" in text


def test_the_page_answers_in_words(study: Path, add_run: AddRun):
    for seed, (base, better) in enumerate([(0.30, 0.40), (0.32, 0.43), (0.28, 0.40)]):
        add_run("step1", (), seed, base, accuracy_ten_crop=None)
        add_run("step2", ("dropout1",), seed, better, accuracy_ten_crop=None)
    text = " ".join(Page((report(study) / "index.html").read_text()).text.split())
    # t = 11 / (1 / sqrt(3)) = 19.05 with 2 degrees of freedom: p = 0.003
    assert "dropout 1 +11.0 points [8.5, 13.5], p = 0.003, 3 seeds helps" in text


def test_the_page_says_that_published_values_are_from_other_data(reported: tuple[Path, Path]):
    text = " ".join(Page((reported[1] / "index.html").read_text()).text.split())
    assert "The published values are from other data: 200 classes at 64×64" in text
    assert "This study has 10 classes at 32×32" in text


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_study_of_few_seeds_and_no_ten_crop_is_reported(study: Path, add_run: AddRun, seeds: int):
    for seed in range(seeds):
        add_run("step1", (), seed, 0.4, accuracy_ten_crop=None)
        add_run("step2", ("dropout1",), seed, 0.5, accuracy_ten_crop=None)
    folder = report(study)
    assert len(rows(folder / "gains.csv")) == 1
    text = Page((folder / "index.html").read_text()).text
    assert "not decided by one seed" in text if seeds == 1 else "the same difference for every seed" in text


def test_a_study_of_one_variant_is_reported_without_gains(study: Path, add_run: AddRun):
    add_run("dropout1", ("dropout1",), 0, 0.4, accuracy_ten_crop=None)
    assert rows(report(study) / "gains.csv") == []


def test_bad_input_ends_with_one_message_and_nothing_written(
    study: Path, add_run: AddRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    add_run("step1", (), 0, None, status="failed", error="x")
    assert main(["trial", "--runs", str(study.parent), "--out", str(tmp_path / "reports")]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert not (tmp_path / "reports").exists()


def test_the_layers_are_imported_without_torch():
    code = "import sys, dissect.measure.contrasts, dissect.report.build; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
