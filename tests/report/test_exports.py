"""The files for papers and spreadsheets."""

import csv
import re
from pathlib import Path

import pytest


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
