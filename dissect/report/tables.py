"""The tables that figures, the page and runs.csv are made of, besides that of the effects."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dissect.composing.plain import leaves
from dissect.measure.contrasts import control, variants, with_ten_crop
from dissect.measure.gains import summary
from dissect.measure.stopping import HOPELESS
from dissect.planning.manifest import Manifest
from dissect.report.labels import bar_label, caller
from dissect.report.published import Published
from dissect.report.study import COSTS, Study

STOPPED = ["seeds", "verdict", "foreseen"]


def scored_runs(study: Study) -> pd.DataFrame:
    """The runs behind the bars, ten-crop included, in order.

    Columns: `folder`, `variant`, `components`, `seed`, the metric by its name, and `averaged`: read off other runs?
    """
    metrics = [study.metric.name, *([study.ten_crop] if study.ten_crop else [])]
    runs = study.compared[["folder", "variant", "components", "seed", *metrics, "averaged"]]
    planned = {name for plan in study.manifests for one in plan.contrasts for name in one.weights}
    return with_ten_crop(runs.assign(components=runs["components"].map(tuple)), study.metric, planned)


def untrained(study: Study, scored: pd.DataFrame) -> set[tuple[str, int]]:
    """The runs that did not train, and what was read off them."""
    lost = set(study.untrained)
    known = set(scored["variant"])
    return lost | {(view, seed) for name, seed in lost if (view := f"{name} + ten-crop") in known}


def bars_table(
    scored: pd.DataFrame, effects: pd.DataFrame, study: Study, drawn: Sequence[str], published: Published | None,
    level: float,
) -> pd.DataFrame:  # fmt: skip
    """A row a bar, top to bottom: `variant`, `label`, `mean`, `half_width`, `published_level` and its row of gains.

    The gain is that over the largest drawn variant which it contains, named in `versus` if that is not the bar above.
    """
    known = {name: parts for name, parts in variants(scored).items() if name in drawn}
    lost = untrained(study, scored)
    trained = pd.Series([run not in lost for run in zip(scored["variant"], scored["seed"], strict=True)], scored.index)
    # The mean of those that trained, as of the gains beside it; of a variant that never trains, what it comes to.
    trained |= ~trained.groupby(scored["variant"]).transform("any")
    bars = summary(scored[scored["variant"].isin(list(drawn)) & trained], study.metric, level)
    without = left_out(effects, drawn)
    if without:  # the full model first, then as it is without each
        own = [name for name in bars["variant"] if name not in without]
        bars = bars.set_index("variant").loc[[*without, *own]].reset_index()[list(bars.columns)]
    names = [str(name) for name in bars["variant"]]
    against = {name: control(name, known) for name in names}
    inherited = {name: known[under] for name, under in against.items() if under is not None}
    called = caller(study)
    bars["label"] = [bar_label(study, name, known[name], inherited.get(name), called(name)) for name in names]
    # A level on other data is no yardstick, where a gain still is one.
    comparable = published.levels if published and published.same_data(study.data) else {}
    bars["published_level"] = bars["variant"].map(comparable).astype(float)
    rows = {pair: place for place, pair in reversed(list(enumerate(effects["pair"])))}
    places = [without.get(name, rows.get((name, against[name]), -1)) for name in names]
    shown = effects[["gain", "low", "high", "verdict", "published"]].assign(exploratory=effects["manifest"] == "")
    bars = bars.join(shown.reindex(places).reset_index(drop=True))
    bars["exploratory"] = bars["exploratory"] == True  # noqa: E712  # NaN where there is no gain
    # In a ladder the control is the bar above; where it is not, the chart has to name it.
    above = dict(zip(names, ["", *names], strict=False))
    bars["versus"] = [
        "" if name in without or under in (None, above[name]) else called(str(under)) for name, under in against.items()
    ]
    return bars


def left_out(effects: pd.DataFrame, drawn: Sequence[str]) -> dict[str, int]:
    """Of a study that was planned to leave one out: its drawn variants, the full model first (-1).

    Each of the others has the row of `effects` that says what the full model gains over it. Empty for other studies,
    and where more is drawn than these and what is read off the full model's runs.
    """
    planned = effects[(effects["kind"] == "leave_one_out") & (effects["manifest"] != "")]
    full = set(planned["treated"])
    found = {str(control): int(row) for row, control in planned["control"].items()}  # type: ignore[call-overload]
    theirs = {*full, *(f"{name} + ten-crop" for name in full)}
    others = set(drawn) - theirs - set(found)
    whole = {**dict.fromkeys(full, -1), **found}
    return whole if len(full) == 1 and not others and set(whole) <= set(drawn) else {}


def variants_table(study: Study, manifests: Sequence[Manifest], effects: pd.DataFrame) -> pd.DataFrame:
    """A row a trained variant, in order: means of all metrics and COSTS over its `n` runs that trained (all that are
    finished where none did), how many `failed` or are left out as they did not train, and

    `planned` (runs), `over_baseline` (a gain, over the seeds that both have; NaN without a baseline), `folders`.
    """
    known = variants(study.compared)
    lost = pd.Series([run in study.untrained for run in zip(study.compared["variant"], study.compared["seed"],
                                                            strict=True)], study.compared.index)  # fmt: skip
    trained = study.compared[~lost | lost.groupby(study.compared["variant"]).transform("all")]
    groups = trained.groupby("variant")
    means = groups[[*study.logged, *COSTS]].mean().astype(float).loc[list(known)].reset_index()
    means["n"] = means["variant"].map(groups.size())
    means["folders"] = means["variant"].map(study.compared.groupby("variant")["folder"].agg(list))
    failed = study.runs[(study.runs["status"] != "finished") & study.runs["member_of"].isna()]["variant"].value_counts()
    means["failed"] = means["variant"].map(failed).fillna(0).astype(int)
    means["failed"] += means["variant"].map(study.compared.groupby("variant").size()).astype(int) - means["n"]
    seeds = planned_seeds(manifests, effects)
    means["planned"] = [len(seeds.get(name, ())) for name in means["variant"]]
    by_seed = trained.pivot(index="seed", columns="variant", values=study.metric.name).astype(float)
    baseline = next((name for name, parts in known.items() if not parts), None)
    own = by_seed[baseline] if baseline is not None else pd.Series(np.nan, by_seed.index)
    means["over_baseline"] = study.metric.times * means["variant"].map(by_seed.sub(own, axis=0).mean())
    if baseline is not None:
        means.loc[means["variant"] == baseline, "over_baseline"] = np.nan
    return means


def planned_seeds(manifests: Sequence[Manifest], effects: pd.DataFrame) -> Mapping[str, list[int]]:
    """The seeds planned for each variant, by any manifest: of one with looks, no more than its contrasts ask for.

    A contrast that is decided, or given up, asks for no seed more; another one for those of the next look.
    """
    differences = [frozenset((name, weight) for name, weight in one.items() if weight) for one in effects["variants"]]
    rows = {key: place for place, key in reversed(list(enumerate(differences)))}
    found: dict[str, set[int]] = {}
    for manifest in manifests:
        for name in (name.removesuffix(" + ten-crop") for name in manifest.variants):  # a plan that was said has it
            found.setdefault(name, set()).update(manifest.all_seeds if manifest.looks is None else ())
        for one in manifest.contrasts if manifest.looks is not None else ():
            place = rows.get(frozenset((name, weight) for name, weight in one.weights.items() if weight))
            reached, verdict, chance = (0, "", np.nan) if place is None else effects.loc[place, STOPPED]
            looks = manifest.looks or []
            later = [n for n in looks if n > reached] or looks[-1:]
            ended = verdict not in ("", "inconclusive") or chance < HOPELESS
            asked = reached if ended else later[0]
            for name in (name.removesuffix(" + ten-crop") for name, weight in one.weights.items() if weight):
                found.setdefault(name, set()).update(manifest.all_seeds[: int(asked)])
    return {name: sorted(seeds) for name, seeds in found.items()}


def missing_seeds(study: Study, manifests: Sequence[Manifest], effects: pd.DataFrame) -> dict[str, list[int]]:
    """Of each variant the planned seeds without an outcome; that a run did not train is one."""
    done = {*zip(study.compared["variant"], study.compared["seed"], strict=True), *study.untrained}
    planned = planned_seeds(manifests, effects)
    missing = {name: [seed for seed in seeds if (name, seed) not in done] for name, seeds in planned.items()}
    return {name: seeds for name, seeds in missing.items() if seeds}


def runs_csv(study: Study) -> pd.DataFrame:
    """`runs` with one value a cell, for a spreadsheet: a column a metric, and one for each fact of the data."""
    runs = study.runs.drop(columns="kept")
    # What reads the table back needs it: what components are called, and what is compared.
    place = list(runs.columns).index("components") + 1
    runs.insert(place, "labels", [json.dumps(parts, ensure_ascii=False) for parts in runs["components"]])
    described = {key: value for key, value in study.primary._asdict().items() if key != "judge"}
    runs.insert(place + 1, "metric", json.dumps(described, ensure_ascii=False))
    runs["components"] = runs["components"].map("+".join)
    runs["members"] = [" ".join(members) if isinstance(members, list) else None for members in runs["members"]]
    for key, prefix in (("data", "data"), ("versions", "version")):
        cells = [leaves(value) if isinstance(value, dict) else {} for value in runs.pop(key)]
        facts = pd.DataFrame(cells, index=runs.index, dtype=object).rename(columns=lambda name: name.replace(".", "_"))
        runs = runs.join(facts.add_prefix(f"{prefix}_"))
    return runs
