"""The table of effects as CSV with all columns, and as Markdown and LaTeX with those that are read."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import pandas as pd

from dissect.measure.metric import Metric
from dissect.planning.manifest import BETWEEN
from dissect.report.effects import COLUMNS
from dissect.report.figures import gain_text
from dissect.report.kinds import kind_of
from dissect.report.words import gain_head, outcome, p_number, p_tested, plan_text

# Each by itself, so that the braces that one brings are not escaped by the next.
LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "±": r"$\pm$"}
LATEX |= {"×": r"$\times$", "✓": r"\checkmark", "–": "--", "·": r"$\cdot$", "<": "$<$", ">": "$>$"}
LATEX |= {sign: f"\\{sign}" for sign in "&%$#_{}"} | {"→": r"$\to$", "≤": r"$\le$", "≥": r"$\ge$", "≈": r"$\approx$"}
GREEK = "αβγδεζηθικλμνξπρστυφχψω" + "ΓΔΘΛΞΠΣΥΦΨΩ"  # those that have a command: the others look Latin


def as_csv(effects: pd.DataFrame, metric: Metric) -> str:
    """All of COLUMNS, numbers in full, a manifest's name or "exploratory", and the `outcome` in words.

    An interaction, or a difference between conditions, neither helps nor hurts: its `verdict` is "better" or "worse"
    than the sum, or than in the other condition.
    """
    table = effects[COLUMNS].rename(columns={"manifest": "plan"})
    joint = table["kind"].isin(["interaction", BETWEEN])
    table["verdict"] = table["verdict"].mask(joint, table["verdict"].replace({"helps": "better", "hurts": "worse"}))
    table["outcome"] = [outcome(row, metric) for row in effects.to_dict("records")]
    return for_spreadsheets(table.assign(plan=table["plan"].replace("", "exploratory")))


def for_spreadsheets(table: pd.DataFrame) -> str:
    """The table as CSV. Text that a spreadsheet would take for a formula, as it begins with = + - @, gets an apostrophe
    before it, which a spreadsheet reads as "this is text" and does not show."""
    safe = table.rename(columns=_text).copy()
    for name in safe.columns[[str(kind) in ("object", "str", "string") for kind in safe.dtypes]]:
        safe[name] = safe[name].map(_text)
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _text(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip().startswith(("=", "+", "-", "@")) else cell


def as_markdown(effects: pd.DataFrame, metric: Metric) -> str:
    return markdown(_head(metric), _cells(effects, metric))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, whatever its cells hold."""
    lines = [[_marked(cell) for cell in line] for line in (head, *rows)]
    lines.insert(1, ["---"] * len(head))
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


MARKED = {sign: f"\\{sign}" for sign in "\\|[]`*_"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def _marked(text: str) -> str:
    """The text as Markdown that shows it: no HTML, no links, one line."""
    return "".join(MARKED.get(sign, sign) for sign in _one_line(text))


def _one_line(text: str) -> str:
    """Without control characters and line ends of any kind; those that turn the writing's direction are such too."""
    return "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in text)


def as_latex(effects: pd.DataFrame, metric: Metric) -> str:
    r"""A `tabular` for \input, which needs the package booktabs and no other."""
    return latex(_head(metric), _cells(effects, metric), "lllrrrrl")


def latex(
    head: Sequence[str], lines: Sequence[Sequence[str]], columns: str, heads: Sequence[str] | None = None
) -> str:  # fmt: skip
    """A `tabular`, whatever its cells hold; `columns` are its alignments, `heads` the head where that is LaTeX."""
    rows = "".join(_tabbed(line) + " \\\\\n" for line in lines)
    names = _tabbed(head) if heads is None else " & ".join(heads)
    return (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{names} \\\\\n\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n"
    )


def _tabbed(line: Sequence[str]) -> str:
    """The cells of a line; a bracket or star at its begin would be an option of the command before it."""
    text = " & ".join(map(escaped, line))
    return f"{{}}{text}" if text.lstrip().startswith(("[", "*")) else text


def _head(metric: Metric) -> list[str]:
    return ["contrast", "kind", "plan", gain_head(metric), "interval", "p (Holm)", "seeds", "verdict"]


def _cells(effects: pd.DataFrame, metric: Metric) -> list[list[str]]:
    rows = []
    for row in effects.to_dict("records"):
        gain, _, interval = gain_text(row["gain"], row["low"], row["high"], digits=row["digits"]).partition(" ")
        about = [row["label"], kind_of(row["kind"]).name, plan_text(row["manifest"])]
        told = [p_tested(row, p_number), str(int(row["seeds"])), outcome(row, metric)]
        rows.append([*about, gain, interval, *told])
    return rows


def escaped(text: str) -> str:
    """The text as LaTeX that shows it; of letters that pdflatex does not know the Greek ones."""
    return "".join(LATEX.get(sign) or _greek(sign) for sign in _one_line(text))


def _greek(sign: str) -> str:
    """ "β" as math, and any other sign as it is."""
    if sign not in GREEK:
        return sign
    *_, size, _, name = unicodedata.name(sign).replace("LAMDA", "LAMBDA").split()
    return f"$\\{name.lower() if size == 'SMALL' else name.capitalize()}$"
