"""The files for papers and spreadsheets."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from dissect.report.build import build_report
from dissect.report.exports import latex
from dissect.report.words import answer
from dissect.store import runs as store
from tests.report.conftest import LABELS, write_run


@pytest.fixture(scope="module")
def folder(subsets: tuple[Path, Path]) -> Path:
    return subsets[1]


def test_latex_is_a_tabular_with_as_many_cells_a_line_as_columns_and_nothing_unescaped(folder: Path):
    text = (folder / "effects.tex").read_text()
    columns = len(re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", text.splitlines()[0])[1])
    lines = [line for line in text.splitlines() if line.endswith("\\\\")]
    assert {len(re.split(r"(?<!\\)&", line)) for line in lines} == {columns}
    assert not re.search(r"(?<!\\)[%#_]", text)
    assert text.isascii()  # so that any engine sets it
    assert "a\\_1 \\& b $\\times$ c" in text
    assert text.count("\\toprule") == text.count("\\midrule") == text.count("\\bottomrule") == 1
    assert text.endswith("\\end{tabular}\n")
    assert all(line.count("$") % 2 == 0 for line in lines)


def test_all_three_have_a_row_a_contrast_and_say_which_were_planned(folder: Path):
    with open(folder / "effects.csv", newline="") as file:
        table = list(csv.DictReader(file))
    markdown = (folder / "effects.md").read_text().splitlines()
    latex = [line for line in (folder / "effects.tex").read_text().splitlines() if line.endswith("\\\\")]
    assert len(table) == len(markdown) - 2 == len(latex) - 1
    assert [row["plan"] for row in table].count("asked") == 1
    assert sum("planned: asked" in line for line in markdown) == sum("planned: asked" in line for line in latex) == 1
    assert {row["plan"] for row in table} == {"asked", "exploratory"}
    assert {line.count(" | ") for line in markdown} == {7}


def test_csv_numbers_are_in_full_and_missing_ones_empty(folder: Path):
    with open(folder / "effects.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert all(row["published"] == "" for row in table)
    total = {kind: sum(float(row["gain"]) for row in table if row["kind"] == kind) for kind in ("ladder", "shapley")}
    assert total["shapley"] == pytest.approx(total["ladder"], abs=1e-9)


def test_an_interaction_neither_helps_nor_hurts_in_any_export(folder: Path):
    with open(folder / "effects.csv", newline="") as file:
        pairs = [row for row in csv.DictReader(file) if row["kind"] == "interaction"]
    assert pairs
    assert not {row["verdict"] for row in pairs} & {"helps", "hurts"}
    for name in ("effects.md", "effects.tex"):
        lines = [line for line in (folder / name).read_text().splitlines() if "interaction" in line]
        assert not [line for line in lines if re.search("helps|hurts", line)]


HOSTILE = '=HYPERLINK("http://a")<img src=x onerror=alert(1)>|[b](javascript:c)\n| d\x1b[31m\u202e\\'


def test_labels_of_strangers_stay_text_in_every_export(study: Path, monkeypatch):
    monkeypatch.setitem(LABELS, "dropout1", HOSTILE)
    for seed in (0, 1):
        write_run(study, "step1", (), seed, 0.4 + 0.01 * seed)
        write_run(study, "step2", ("dropout1",), seed, 0.5, commit="@SUM(1+9)")
    folder = build_report(study, study.parents[1] / "out").page.parent
    markdown, latex = (folder / "effects.md").read_text(), (folder / "effects.tex").read_text()
    assert "<img" not in markdown
    assert "](javascript" not in markdown.replace("\\]", "")
    assert {re.sub(r"\\.", "", line).count("|") for line in markdown.splitlines()} == {9}  # none ends a cell
    for text in (markdown, latex):
        assert not {"\x1b", "\u202e", "\r"} & set(text)
        assert sum("HYPERLINK" in line for line in text.splitlines()) == text.count("HYPERLINK") > 0
    assert "<img src=x" not in (folder / "index.html").read_text()
    for name in ("effects.csv", "runs.csv"):
        with open(folder / name, newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row if cell]
        assert not [cell for cell in cells if cell.startswith(("=", "@"))]
        texts = [cell for cell in cells if cell.startswith(("+", "-"))]
        assert all(re.fullmatch(r"-?[\d.e-]+", cell) for cell in texts)  # numbers are left as they are
    assert "'@SUM(1+9)" in (folder / "runs.csv").read_text()


@pytest.mark.parametrize("level", [0.5, 0.1], ids=["trained", "no better than guessing"])
def test_a_component_that_does_nothing_is_said_to_be_identical_and_not_inconclusive(study: Path, capsys, level: float):
    right = np.arange(40) % 10 < 10 * level
    for seed in (0, 1):
        for variant, parts, flipped in (("step1", (), right), ("step2", ("a",), right), ("b", ("b",), right[::-1])):
            folder = write_run(study, variant, parts, seed, level, accuracy_ten_crop=None)
            arrays = {"labels": np.zeros(40, int), "scores": flipped}
            store.write_result(folder, json.loads((folder / "result.json").read_text()), arrays)
    made = build_report(study, study.parents[1] / "out")
    told = {row["treated"]: answer(row, made.metric) for row in made.effects.to_dict("records")}
    assert told["step2"]["outcome"] == "identical"
    assert told["step2"]["notes"][0] == "identical to its control on all 500 examples in every seed: is it switched on?"
    assert told["b"]["outcome"] == ("inconclusive" if level == 0.5 else "does not train")
    assert "on all 500 examples in every seed: is it switched on?" in made.page.read_text()
    assert "| identical |" in (made.page.parent / "effects.md").read_text()


def test_latex_shows_greek_letters_and_no_cell_is_taken_for_an_option():
    text = latex(["β2", "Ω → é"], [["[x]", "*"], ["*", "λ ≤ 1"]], "ll")
    assert text.splitlines()[2:7] == [
        r"$\beta$2 & $\Omega$ $\to$ é \\", r"\midrule", r"{}[x] & * \\", r"{}* & $\lambda$ $\le$ 1 \\", r"\bottomrule",
    ]  # fmt: skip
