"""The table of effects as CSV with all columns, and as Markdown and LaTeX with those that are read."""

import pandas as pd

from dissect.measure.metric import Metric
from dissect.report.effects import COLUMNS
from dissect.report.figures import gain_text
from dissect.report.words import gain_head, kind_of, p_number, plan_text

# Each by itself, so that the braces that one brings are not escaped by the next.
LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "±": r"$\pm$"}
LATEX |= {"×": r"$\times$", "·": r"$\cdot$", "<": "$<$", ">": "$>$"} | {sign: f"\\{sign}" for sign in "&%$#_{}"}


def as_csv(effects: pd.DataFrame) -> str:
    """All of COLUMNS, numbers in full; a manifest's name, or "exploratory"."""
    table = effects[COLUMNS].rename(columns={"manifest": "plan"})
    return str(table.assign(plan=table["plan"].replace("", "exploratory")).to_csv(index=False, lineterminator="\n"))


def as_markdown(effects: pd.DataFrame, metric: Metric) -> str:
    head = _head(metric)
    lines = [head, ["---"] * len(head), *_cells(effects)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def as_latex(effects: pd.DataFrame, metric: Metric) -> str:
    r"""A `tabular` for \input, which needs the package booktabs and no other."""
    rows = "".join(" & ".join(map(_escaped, line)) + " \\\\\n" for line in _cells(effects))
    head = " & ".join(map(_escaped, _head(metric)))
    columns = "lllrrrrl"
    return f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head} \\\\\n\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n"


def _head(metric: Metric) -> list[str]:
    return ["contrast", "kind", "plan", gain_head(metric), "interval", "p (Holm)", "seeds", "verdict"]


def _cells(effects: pd.DataFrame) -> list[list[str]]:
    rows = []
    for row in effects.to_dict("records"):
        gain, _, interval = gain_text(row["gain"], row["low"], row["high"], digits=row["digits"]).partition(" ")
        about = [row["label"], kind_of(row["kind"]).name, plan_text(row["manifest"])]
        tested = [p_number(row["p_holm"]), str(int(row["seeds"])), row["verdict"] or "not decided"]
        rows.append([*about, gain, interval, *tested])
    return rows


def _escaped(text: str) -> str:
    return "".join(LATEX.get(sign, sign) for sign in text)
