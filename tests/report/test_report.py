"""The command, from a folder of runs to the files."""

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from dissect.errors import InputError
from dissect.measure.gains import gain
from dissect.report.__main__ import main
from dissect.report.analysis import Analysis, analyse
from dissect.report.study import read_study
from dissect.report.tables import variants_table
from tests.report.conftest import rewrite, write_manifest

AddRun = Callable[..., Path]

FILES = {f"{name}.{kind}" for name in ("gains", "learning_curves") for kind in ("png", "svg", "pdf")}
FILES |= {"index.html", "runs.csv", "effects.csv", "effects.md", "effects.tex", "variants.tex"}


class Page(HTMLParser):
    """The page's text, its tags that were not closed, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br", "link", "source"):
            self.open.append(tag)
        self.ids |= {value or "" for name, value in attrs if name == "id"}
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


def test_sentences_of_the_page_are_apart(reported: tuple[Path, Path]):
    text = re.sub(r"<(style|script).*?</\1>", "", (reported[1] / "index.html").read_text(), flags=re.DOTALL)
    assert not re.findall(r"[a-z]{3}\.[A-Z][a-z]+ ", text)


def test_effects_csv_has_a_row_a_contrast_in_points(reported: tuple[Path, Path]):
    table = rows(reported[1] / "effects.csv")
    assert [row["component"] for row in table] == ["dropout1", "augmentation", "leaky_relu", "ten_crop", "ensemble"]
    assert {row["kind"] for row in table} == {"ladder"}  # leaving out the last step would say the same again
    study = read_study(reported[0])
    measured = gain(study.compared, "step2", "step1", study.metric)
    assert [float(table[0][key]) for key in ("gain", "low_alone", "high_alone", "p")] == pytest.approx(measured[:4])
    assert table[0]["published"] == "4.88"
    assert table[-1]["published"] == ""  # the source's ensemble is not one of step4
    assert [row["seeds"] for row in table] == ["3", "3", "3", "3", "2"]
    assert table[-1]["left_out"] == "1"
    assert (table[0]["weights"], table[0]["seeds_used"]) == ("step2: +1; step1: -1", "0 1 2")
    assert {row["plan"] for row in table} == {"exploratory"}


def test_runs_csv_has_a_row_a_run_with_its_folder(reported: tuple[Path, Path]):
    table = rows(reported[1] / "runs.csv")
    assert {row["folder"] for row in table} == {path.name for path in reported[0].iterdir()}
    assert {row["status"] for row in table} == {"finished", "failed"}
    assert next(row for row in table if row["variant"] == "step3")["components"] == "dropout1+augmentation"


def test_the_page_is_whole_and_loads_nothing(reported: tuple[Path, Path]):
    page = Page((reported[1] / "index.html").read_text())
    assert page.open == []
    assert len([source for source in page.loads if source.startswith("data:image/svg+xml;base64,")]) == 2
    assert all(source.startswith(("data:image/svg+xml;base64,", "#")) for source in page.loads)


def test_every_link_of_the_page_leads_to_a_row_of_it(reported: tuple[Path, Path]):
    page = Page((reported[1] / "index.html").read_text())
    links = {source[1:] for source in page.loads if source.startswith("#")}
    assert links <= page.ids
    assert {f"r-step2-seed{seed}-k" for seed in range(3)} <= links


def test_the_page_names_every_run_and_why_one_failed(reported: tuple[Path, Path]):
    text = Page((reported[1] / "index.html").read_text()).text
    for folder in reported[0].iterdir():
        assert folder.name in text
    assert "failed: the loss became <NaN> in epoch 2" in text
    assert "member of the ensemble step8 · ensemble" in text


def test_the_page_answers_in_words(study: Path, add_run: AddRun):
    for seed, (base, better) in enumerate([(0.30, 0.40), (0.32, 0.43), (0.28, 0.40)]):
        add_run("step1", (), seed, base, accuracy_ten_crop=None)
        add_run("step2", ("dropout1",), seed, better, accuracy_ten_crop=None)
    text = " ".join(Page((report(study) / "index.html").read_text()).text.split())
    # t = 11 / (1 / sqrt(3)) = 19.05 with 2 degrees of freedom: p = 0.003; 4.303 * sqrt(1 / 3 + 1) = 4.97
    sides = "step2 · dropout 1 against step1 · baseline"
    assert f"dropout 1 +11.0 points [8.5, 13.5], 3 seeds, p = 0.003 helps {sides}; published: +4.88" in text
    shown = "what one pair of runs would show here (+6.0 to +16.0, 95% prediction interval)"
    assert f"published: +4.88, below {shown}; exploratory" in text
    assert "Everything here is exploratory" in text
    assert "+study=..." in text


def test_the_page_says_that_published_values_are_from_other_data(reported: tuple[Path, Path]):
    text = " ".join(Page((reported[1] / "index.html").read_text()).text.split())
    assert "The published values are from other data: 200 classes, image size 64, 100,000 training examples." in text
    assert "This study has 10 classes, image size 32" in text


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_study_of_few_seeds_and_no_ten_crop_is_reported(study: Path, add_run: AddRun, seeds: int):
    for seed in range(seeds):
        add_run("step1", (), seed, 0.4, accuracy_ten_crop=None)
        add_run("step2", ("dropout1",), seed, 0.5, accuracy_ten_crop=None)
    folder = report(study)
    assert len(rows(folder / "effects.csv")) == 1
    text = Page((folder / "index.html").read_text()).text
    assert "one seed only" in text if seeds == 1 else "the same difference for every seed" in text
    assert "Nothing is decided: no contrast has trained runs of two seeds on both its sides" in text or seeds == 2
    assert "No contrast has an interval" in text
    assert "No scores of examples are kept" not in text


def test_a_study_of_one_variant_is_reported_without_gains(study: Path, add_run: AddRun):
    add_run("dropout1", ("dropout1",), 0, 0.4, accuracy_ten_crop=None)
    assert rows(report(study) / "effects.csv") == []


LADDER = [
    ("ladder", ["dropout1"], {"step2": 1.0, "step1": -1.0}),
    ("ladder", ["augmentation"], {"step3": 1.0, "step2": -1.0}),
]


def words(folder: Path) -> str:
    return " ".join(Page((folder / "index.html").read_text()).text.split())


def test_planned_contrasts_stand_first_and_the_page_tells_the_plan_and_what_is_missing(
    ladder: Path, capsys: pytest.CaptureFixture[str]
):
    write_manifest(ladder, LADDER, seeds=[0, 1, 2, 7], extended=[{"seeds": [8], "on": "2025-01-03"}], smallest=0.5)
    text = words(report(ladder))
    assert text.index("The ladder planned: asked") < text.index("Exploratory: 1 more way")
    assert text.index("Exploratory: 1 more way") < text.index("The ladder exploratory")
    assert "Everything here is exploratory" not in text
    assert "1 run did not finish: step2 · dropout 1 seed 7 (failed)." in text
    missing = "step2 · dropout 1 (seeds 7, 8), step1 · baseline (seeds 7, 8), step3 · augmentation (seeds 7, 8)"
    assert f"6 planned runs without a result: {missing}." in text
    assert (
        "asked, frozen 2025-01-01 10:00 (UTC) before the first of its runs was finished: 2 contrasts of 3 variants, "
        "seeds 0 to 2, 7; extended by" in text
    )
    assert "margin ±0.5 points, power 80%" in text
    said = capsys.readouterr().out
    assert said.index("The ladder (planned: asked)") < said.index("The ladder (exploratory)")


def test_a_stray_run_of_other_settings_or_code_is_left_out_of_a_plans_page_and_said(ladder: Path, add_run: AddRun):
    add_run("step2", ("dropout1",), 7, 0.9, key="stray", settings="other code")
    with pytest.raises(InputError, match="may not be compared"):
        read_study(ladder)
    write_manifest(ladder, LADDER, variants={f"step{n}": {"settings": "s"} for n in (1, 2, 3)})
    assert 0.9 not in set(read_study(ladder).runs["accuracy"])
    text = words(report(ladder))
    assert "Left out, as their settings or code are not the plan's: step2-seed7-stray." in text


def test_a_plan_whose_step_has_other_components_than_its_runs_is_refused(
    ladder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_manifest(ladder, LADDER, variants={"step2": {"settings": "s", "components": {"leaky_relu": "leaky ReLU"}}})
    assert main(["trial", "--runs", str(ladder.parent), "--out", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert "plans step2 with ['leaky_relu']" in said
    assert "has runs of step2 with ['dropout1']" in said


def test_the_ten_crop_that_an_earlier_plan_of_a_shorter_ladder_asks_for_is_measured(ladder: Path):
    weights = {"step2 + ten-crop": 1.0, "step2": -1.0}
    write_manifest(ladder, [*LADDER[:1], ("ladder", ["ten_crop"], weights)])
    effects = pd.read_csv(report(ladder) / "effects.csv")
    [asked] = effects.loc[effects["treated"] == "step2 + ten-crop", "gain"]
    assert asked == pytest.approx(1.5)


def test_a_plan_of_which_little_is_finished_is_reported_with_its_gaps(study: Path, add_run: AddRun):
    add_run("step1", (), 0, 0.4, accuracy_ten_crop=None)
    write_manifest(study, LADDER)
    text = words(report(study))
    assert "dropout1 no seed has all that it needs not measured" in text
    assert "2 contrasts could not be measured: dropout1 (ladder), augmentation (ladder)." in text


def test_seeds_beyond_the_plan_are_used_and_said(ladder: Path):
    write_manifest(ladder, LADDER, seeds=[0, 1])
    assert "seed 2 is at hand beyond the plan, and used" in words(report(ladder))


def test_what_a_plan_asks_as_another_kind_keeps_its_answer_and_the_others_share_their_own_correction(ladder: Path):
    write_manifest(ladder, [("pair", ["dropout1"], {"step2": 1.0, "step1": -1.0})])
    text = words(report(ladder))
    assert re.match(r".*[01] of 1 planned contrast is decided, with 3 seeds\.", text)
    assert "planned: asked, corrected over 1 contrast " in text
    assert "exploratory as such, but asked planned the same difference, and this is its answer" in text
    others = pd.read_csv(ladder.parents[1] / "reports" / "trial" / "effects.csv").query("plan == 'exploratory'")
    own = set(others.loc[others["component"] != "dropout1", "together"])
    assert len(own) == 1
    assert f"The ladder exploratory, corrected over {own.pop()} contrasts" in text
    assert set(others.loc[others["component"] == "dropout1", "together"]) == {1}


def test_the_table_of_variants_has_means_of_runs_that_trained_as_figures_and_gains_have(study: Path, add_run: AddRun):
    for seed, level in enumerate([0.5, 0.52, 0.1]):  # the third is at chance
        add_run("step1", (), seed, 0.4 + seed / 100, accuracy_ten_crop=None)
        add_run("step2", ("dropout1",), seed, level, accuracy_ten_crop=None)
    found = analyse(read_study(study))
    table = variants_table(found.study, found.manifests, found.effects).set_index("variant")
    assert table.loc["step2", ["accuracy", "n", "failed", "over_baseline"]].tolist() == pytest.approx(
        [0.51, 2, 1, 10.5]
    )
    assert found.bars.set_index("variant").loc["step2", ["mean", "gain"]].tolist() == pytest.approx([0.51, 10.5])


def test_seeds_between_looks_wait_for_the_next_one(ladder: Path):
    write_manifest(ladder, LADDER, looks=[5, 8])
    text = words(report(ladder))
    assert "before the first look" in text
    assert "looks after 5, 8 seeds, corrected for looking more than once" in text


def test_another_network_is_not_compared_with_the_published_values(ladder: Path):
    config = ladder / "step1-seed0-k" / "config.yaml"
    config.write_text(config.read_text() + "model: {_target_: mine.Net}\n")
    rewrite(config.parent)
    text = words(report(ladder))
    assert "No published values for these data and this network" in text
    assert "published: +4.88" not in text


def test_all_subsets_are_shown_as_attribution_and_interactions_and_bars_of_the_ladder(subsets: tuple[Path, Path]):
    folder = subsets[1]
    assert {path.name for path in folder.iterdir()} == FILES | {
        f"{name}.{kind}" for name in ("attribution", "interactions") for kind in ("png", "svg", "pdf")
    }
    text = words(folder)
    assert "26 more variants are in the tables" in text  # 32, but for the six of the ladder
    assert "Shapley value exploratory" in text
    assert "a_1 & b × b" in text
    page = Page((folder / "index.html").read_text())
    assert {source[1:] for source in page.loads if source.startswith("#")} <= page.ids


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("{", "manifest-asked.json: is not valid JSON"),
        ('{"study": "asked"}', "manifest-asked.json: is no manifest that can be read"),
        (None, "manifest-asked.json: the weights of ladder dropout1 do not sum to zero"),
    ],
)
def test_a_damaged_manifest_is_named(
    ladder: Path, damage: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = write_manifest(ladder, [("ladder", ["dropout1"], {"step2": 1.0, "step1": -0.5})])
    if damage is not None:
        path.write_text(damage)
    assert main(["trial", "--runs", str(ladder.parent), "--out", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_every_table_can_be_sorted_by_the_keyboard(reported: tuple[Path, Path]):
    text = (reported[1] / "index.html").read_text()
    assert text.count("<th") - text.count("<thead") == text.count('<button type="button">') > 20
    assert 'setAttribute("aria-sort"' in text


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


def attributed(kinds: list[str], components: list[str]) -> tuple[list[str], dict[str, str]]:
    effects = pd.DataFrame({"kind": kinds, "component": components, "gain": 1.0})
    named = SimpleNamespace(effects=effects, labels={"a": "A", "b": "B"}, study=SimpleNamespace(conditions={}))
    rows, labels = Analysis.attributed.fget(named)  # type: ignore[attr-defined]
    return list(rows["kind"]), labels


def test_two_kinds_of_gains_about_different_components_make_no_figure_of_attribution():
    """Each component is seen in one way, so that there is nothing to compare."""
    assert attributed(["ladder", "one_at_a_time"], ["a", "b"]) == ([], {})
    assert attributed(["ladder", "one_at_a_time"], ["a", "a"]) == (["ladder", "one_at_a_time"], {"a": "A"})


@pytest.mark.parametrize("kind", ["main_effect", "shapley"])
def test_a_gain_on_average_over_variants_is_drawn_though_it_is_the_only_one_as_no_bar_shows_it(kind: str):
    assert attributed([kind, kind, "ladder"], ["a", "b", "a"]) == ([kind, kind, "ladder"], {"a": "A", "b": "B"})


def test_only_a_screen_has_the_narrow_figures_as_paper_is_wide_enough(reported):
    narrow = re.findall(r"<source media=\"([^\"]*)\"", (reported[1] / "index.html").read_text())
    assert set(narrow) == {"screen and (max-width: 640px)"}
