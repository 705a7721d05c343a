"""The paper's table, a row a variant, and the sentence on method that goes with it."""

from collections.abc import Sequence
from html import escape as as_html
from importlib.metadata import PackageNotFoundError, version
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd

from dissect.errors import VERSION
from dissect.report.analysis import Analysis
from dissect.report.exports import escaped, for_spreadsheets, latex, markdown
from dissect.report.figures import gain_text
from dissect.report.words import counted, duration, number

COSTS = {"parameters": "parameters", "multiply_adds": "multiply-adds", "train_seconds": "time a run"}
FORMATS = ("latex", "markdown", "csv", "html")
# A check mark for those who do not load amssymb, and heads that lie for those who do not load graphicx.
MARK = "\\providecommand{\\checkmark}{\\ensuremath{\\bullet}}\n\\providecommand{\\rotatebox}[2]{#2}\n"
NAMED = 40  # characters of a variant's name in LaTeX, where marks tell its components
# As large as it is, or as wide as the text.
FIT = (
    "\\newcommand{\\fit}[1]{\\sbox0{#1}"
    "\\ifdim\\wd0>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox0}\\else\\usebox0\\fi}\n"
)
CAPTIONS = {
    "gains": "Each variant, and what it gains over the one that it is compared with.",
    "attribution": "Each component's gain, by the variants that it is added to or left out of.",
    "interactions": "What two components gain together beyond the sum of their gains.",
    "costs": "What each variant reaches against what it costs.",
    "learning_curves": "Learning curves.",
}


def paper_table(found: Analysis) -> pd.DataFrame:
    """A row a drawn variant, top to bottom.

    Columns: `variant`; for each component one of its name, true or false; `mean`, `sd` and its interval's ends
    `mean_low`, `mean_high` over `n` seeds, as logged (NaN for one seed); `gain`, `low`, `high` over `control`, in the
    metric's unit; `parameters`, `multiply_adds`, `train_seconds`, means of the runs (NaN where not known).
    """
    bars = found.bars.reset_index(drop=True)
    parts = dict(zip(found.scored["variant"], found.scored["components"], strict=True))
    names = [part.name for part in found.components]
    table = pd.DataFrame({"variant": bars["label"]})
    for name in names:
        table[name] = [name in parts[variant] for variant in bars["variant"]]
    table[["mean", "sd", "n"]] = bars[["mean", "sd", "n"]]
    table["mean_low"], table["mean_high"] = (bars["mean"] + sign * bars["half_width"] for sign in (-1, 1))
    table[["gain", "low", "high"]] = bars[["gain", "low", "high"]]
    above = ["", *bars["label"].iloc[:-1]]
    versus = [named or under for named, under in zip(bars["versus"], above, strict=True)]
    table["control"] = [name if known else "" for name, known in zip(versus, bars["gain"].notna(), strict=True)]
    costs = found.study.compared.groupby("variant")[list(COSTS)].mean().astype(float)
    # Ten-crop is read off the runs of the variant itself.
    bases = [name.removesuffix(" + ten-crop") for name in bars["variant"]]
    return table.join(costs.reindex(bases).reset_index(drop=True))


def as_text(found: Analysis, kind: str = "markdown") -> str:
    r"""`paper_table` as text: "latex" (a `tabular` for \input, with booktabs), "markdown", "html", or
    "csv" with numbers in full.

    A mean stands with its sd over seeds in brackets, as the head says; a gain with its interval.

    Raises:
        ValueError: for another kind.
    """
    if kind not in FORMATS:
        raise ValueError(f"kind={kind!r}: must be one of {', '.join(FORMATS)}")
    table = paper_table(found)
    if kind == "csv":
        return for_spreadsheets(table)
    head, rows = _cells(found, table)
    if kind == "markdown":
        return markdown(head, rows)
    if kind == "latex":
        marks = sum(part.name in table for part in found.components)
        rows = [[shorten(name, NAMED, placeholder=" …") if marks else name, *rest] for name, *rest in rows]
        heads = ["", *(f"\\rotatebox{{90}}{{{escaped(name)}}}" for name in head[1 : 1 + marks])]
        heads += [_stacked(name) for name in head[1 + marks :]]
        return MARK + latex(head, rows, "l" + "c" * marks + "r" * (len(head) - 1 - marks), heads)
    tagged = [("th", head), *(("td", row) for row in rows)]
    lines = ["".join(f"<{tag}>{as_html(cell)}</{tag}>" for cell in line) for tag, line in tagged]
    return "<table>\n" + "".join(f"<tr>{line}</tr>\n" for line in lines) + "</table>\n"


def _stacked(head: str) -> str:
    """A head of numbers, with what stands in brackets in a line of its own."""
    name, bracket, rest = head.partition(" (") if " (" in head else head.partition(" [")
    return f"\\shortstack[r]{{{escaped(name)}\\\\{{}}{escaped(bracket.strip() + rest)}}}" if rest else escaped(head)


def _cells(found: Analysis, table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    metric, labels = found.study.metric, found.study.labels
    names = [part.name for part in found.components]
    costs = {name: label for name, label in COSTS.items() if table[name].notna().any()}
    digits = int(found.effects["digits"].iloc[0]) if len(found.effects) else 1
    decimals = digits + 1 if metric.unit == "points" else metric.digits((metric.times * table["sd"]).tolist())
    unit = f", {metric.unit}" if metric.unit else ""
    head = ["", *(labels.get(name, name.replace("_", "-")) for name in names), f"{metric.head} (sd)", "seeds"]
    head += [f"gain{unit} [{100 * found.level:g}% interval]", *costs.values()]
    rows = []
    for row in table.to_dict("records"):
        mean = metric.number(row["mean"], decimals)
        spread = "" if np.isnan(row["sd"]) else f" ({metric.number(row['sd'], decimals)})"
        gain = gain_text(row["gain"], row["low"], row["high"], digits=digits)
        told = [duration(row[name]) if name == "train_seconds" else number(row[name]) for name in costs]
        marks = ["✓" if row[name] else "" for name in names]
        rows.append([str(row["variant"]), *marks, mean + spread, str(row["n"]), gain, *told])
    return head, rows


def method(found: Analysis) -> str:
    """A few sentences on method for a paper: seeds, intervals, test, correction, what was planned, software."""
    study, metric = found.study, found.study.metric
    seeds = study.compared.groupby("variant")["seed"].nunique()
    many = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    planned = int((found.effects["manifest"] != "").sum())
    plan = (
        f"{counted(planned, 'contrast')} {'was' if planned == 1 else 'were'} planned before the runs; "
        "all others are exploratory."
        if planned
        else "No contrast is known to have been planned before the runs; all are exploratory."
    )
    unit = {"points": "percentage points", "": ""}.get(metric.unit, metric.unit)
    examples = "low_examples" in found.effects and bool(found.effects["low_examples"].notna().any())
    about = (
        "a p value is the larger of that over seeds and that of seeds crossed with examples (two-way random effects), "
        "so that verdicts speak of new seeds and new examples"
        if examples
        else "they speak of new seeds on these examples"
    )
    inside = f" in {unit}" if unit else ""
    return " ".join(
        [
            f"Each variant was trained with {many} seeds. Gains are differences of {metric.held_out}{inside}, paired "
            f"by seed; sd is the standard deviation over seeds. Tests are two-sided paired t tests; {about}. They are "
            "corrected for the number of contrasts (Holm, 1979); that a gain is within a margin is tested by two "
            f"one-sided tests, corrected by themselves. Brackets behind gains are {100 * found.level:g}% intervals "
            "compatible with that correction.",
            *_besides(found),
            f"{plan} Statistics: dissect {VERSION} ({', '.join(_versions())}).",
        ]
    )


def _besides(found: Analysis) -> list[str]:
    """What some studies have beside that: looks, pooled variances, runs that did not train."""
    looks = next((one.looks for one in found.manifests if one.looks), None)
    told = [
        f"One looked after {', '.join(map(str, looks))} seeds, and p values and intervals count all looks."
        if looks
        else "",
        "Planned contrasts have variances pooled over the study's."
        if any(one.variances == "pooled" for one in found.manifests)
        else "",
        f"{counted(len(found.study.untrained), 'run')} diverged or ended no better than guessing; gains are over the "
        "seeds for which all runs trained."
        if found.study.untrained
        else "",
    ]
    return [one for one in told if one]


def paper_files(found: Analysis, figures: Sequence[str]) -> dict[str, str]:
    r"""What a paper takes in: `method.tex`, `variants.md`, `variants.csv`, and `example.tex`, which \inputs all."""
    shown = [("table", f"\\input{{{name}}}", told) for name, told in (("variants", "Variants."), ("effects", "Gains."))]
    shown += [("figure", f"\\includegraphics{{{name}.pdf}}", CAPTIONS.get(name, name)) for name in figures]
    floats = "".join(
        f"\\begin{{{kind}}}\n\\centering\\fit{{{taken}}}\n\\caption{{{escaped(told)}}}\n\\end{{{kind}}}\n"
        for kind, taken, told in shown
    )
    document = (
        "\\documentclass{article}\n\\usepackage[margin=2.5cm]{geometry}\n\\usepackage{booktabs,graphicx,amssymb}\n"
        f"{FIT}\\begin{{document}}\n\\input{{method}}\n\n{floats}\\end{{document}}\n"
    )
    tables = {"variants.md": as_text(found, "markdown"), "variants.csv": as_text(found, "csv")}
    return {"method.tex": escaped(method(found)) + "\n", "example.tex": document, **tables}


def _versions() -> list[str]:
    found: list[Any] = []
    for name, label in (("scipy", "SciPy"), ("numpy", "NumPy"), ("pandas", "pandas")):
        try:
            found.append(f"{label} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
