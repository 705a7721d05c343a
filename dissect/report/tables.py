"""The tables that figures, CSV files and the page are made of."""

from collections.abc import Iterable

import pandas as pd

from dissect.measure.contrasts import TEN_CROP, contrasts, control, variants, with_ten_crop
from dissect.measure.gains import summary
from dissect.report.published import Published
from dissect.report.study import COSTS, METRICS, Study

GAINS = ["component", "step", "control", "gain", "low", "high", "p", "seeds", "published"]


def scored_runs(study: Study) -> pd.DataFrame:
    """The runs behind the bars, ten-crop included: `folder`, `variant`, `components`, `seed`, `accuracy`, in order."""
    runs = study.compared[["folder", "variant", "components", "seed", "accuracy", "accuracy_ten_crop"]]
    return with_ten_crop(runs.assign(components=runs["components"].map(tuple)))


def gains_table(scored: pd.DataFrame, study: Study, published: Published | None) -> pd.DataFrame:
    """The contrasts with `component` (names joined by +), `label` and `published` (points, NaN where there is none)."""
    table = contrasts(scored)
    table["component"] = table["components"].map("+".join).astype(object)
    table["label"] = [_labels(study, parts) for parts in table["components"]]
    contrast = ["component", "step", "control"]
    known = published.gains_table() if published else pd.DataFrame(columns=[*contrast, "published"])
    return table.merge(known.astype({"published": float}), how="left", on=contrast)


def bars_table(scored: pd.DataFrame, gains: pd.DataFrame, study: Study, published: Published | None) -> pd.DataFrame:
    """A row a bar, top to bottom: `label`, `mean`, `half_width`, `published_accuracy` and the bar's row of gains."""
    known = variants(scored)
    bars = summary(scored)
    names = [str(name) for name in bars["variant"]]
    against = {name: control(name, known) for name in names}
    inherited = {name: known[under] for name, under in against.items() if under is not None}
    bars["label"] = [bar_label(study, name, known[name], inherited.get(name)) for name in names]
    # An accuracy on other classes or sizes is no yardstick, where a gain still is one.
    comparable = published.accuracies if published and published.same_data(study.data) else {}
    bars["published_accuracy"] = bars["variant"].map(comparable).astype(float)
    bars = bars.merge(gains.drop(columns="label"), how="left", left_on="variant", right_on="step")
    # In a ladder the control is the bar above; where it is not, the chart has to name it.
    above = dict(zip(names, ["", *names], strict=False))
    bars["versus"] = ["" if against[name] in (None, above[name]) else against[name] for name in names]
    return bars


def bar_label(study: Study, variant: str, components: tuple[str, ...], inherited: tuple[str, ...] | None) -> str:
    """How a variant is called in figures: "step4 · + leaky ReLU", "step1 · baseline", "dropout 1 + leaky ReLU".

    `inherited` are its control's components, None where it has no control.
    """
    if not components:
        return variant if variant == "baseline" else f"{variant} · baseline"
    if variant == "+".join(components) and (len(components) <= 3 or inherited is None):
        return _labels(study, components)
    added = _labels(study, [part for part in components if part not in (inherited or ())])
    step = f"{len(components)} components" if variant == "+".join(components) else variant.removesuffix(" + ten-crop")
    return f"{step} · {added}" if inherited is None else f"{step} · + {added}"


def _labels(study: Study, components: Iterable[str]) -> str:
    # Where labels do not survive a mirror, five of the ten crops are left; the word stays, the number is said.
    views = study.data.get("views", 10)
    ten_crop = "ten-crop" if views == 10 else f"ten-crop ({views} views)"
    return " + ".join({TEN_CROP: ten_crop, **study.labels}.get(name, name) for name in components)


def variants_table(study: Study) -> pd.DataFrame:
    """A row a trained variant, in order: means of METRICS and COSTS over `n` finished runs, and how many `failed`."""
    known = variants(study.compared)
    means = study.compared.groupby("variant")[[*METRICS, *COSTS]].mean().astype(float).loc[list(known)].reset_index()
    means["n"] = means["variant"].map(study.compared["variant"].value_counts())
    failed = study.runs[(study.runs["status"] != "finished") & study.runs["member_of"].isna()]["variant"].value_counts()
    means["failed"] = means["variant"].map(failed).fillna(0).astype(int)
    return means


def runs_csv(study: Study) -> pd.DataFrame:
    """`runs` with one value a cell, for a spreadsheet."""
    runs = study.runs.copy()
    runs["components"] = runs["components"].map("+".join)
    runs["members"] = [" ".join(members) if isinstance(members, list) else None for members in runs["members"]]
    for key, prefix in (("data", "data"), ("versions", "version")):
        cells = [value if isinstance(value, dict) else {} for value in runs.pop(key)]
        runs = runs.join(pd.DataFrame(cells, index=runs.index, dtype=object).add_prefix(f"{prefix}_"))
    return runs
