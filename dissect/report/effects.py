"""The table of effects: a row a contrast, planned ones first, with all that was measured and what it rests on."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from dissect.design import resolution
from dissect.measure.contrasts import variants
from dissect.measure.effects import COLUMNS as MEASURED
from dissect.measure.effects import EXAMPLES, effects
from dissect.measure.examples import Scores
from dissect.measure.paired import Contrast, by_variant
from dissect.planning.manifest import Manifest, family
from dissect.report.labels import caller, question_label
from dissect.report.published import Published
from dissect.report.questions import CONTAINED, Question, pilot_seeds
from dissect.report.study import Study
from dissect.report.tables import untrained

LEVEL, MARGIN, POWER = 0.95, 1.0, 0.8  # where nothing was planned; a margin is one of points
COLUMNS = [
    "kind", "component", "label", "treated", "control", "manifest", *MEASURED, *EXAMPLES, "level", "margin", "power",
    "metric", "unit", "published", "seeds_used", "weights",
]  # fmt: skip


def effects_table(
    study: Study,
    scored: pd.DataFrame,
    asked: Sequence[Question],
    manifests: Sequence[Manifest],
    *,
    published: Published | None = None,
    scores: Scores | None = None,
) -> pd.DataFrame:
    """COLUMNS, and for the page `components`, `pair` and `seen` as in `Question`, `variants` (name -> weight),
    `digits`, the decimals with which gains are written, `published_runs`, how many a side are behind a published gain,
    `sides`, what the pair is called, "full against full − dropout 1", `aliased` as by `_aliased`, `identical`: where
    the treated runs came to the same as their control's in every seed, "on all 797 examples", and `answer_of`: the plan
    whose answer an exploratory row has, "" if none.

    `manifest` names the study that planned the contrast, "" where it is exploratory. Holm's correction runs over each
    manifest's effects and over its interactions, and once over all that is exploratory, where a difference that is seen
    from several sides counts once; one that was planned keeps the plan's answer wherever it is seen. `seeds_used` and
    `weights` say which runs are behind it. A contrast of two manifests stands there once, for the first.
    """
    columns = [
        *COLUMNS,
        "published_runs",
        "aliased",
        "components",
        "pair",
        "seen",
        "variants",
        "extended",
        "digits",
        "identical",
        "answer_of",
        "sides",
    ]
    if not asked:
        return pd.DataFrame(columns=columns)
    asked = sorted(asked, key=lambda one: not one.manifest)
    answered = _answered(study, scored, asked, manifests, scores)
    table = pd.concat([_about(study, scored, asked, answered, manifests), answered], axis=1)
    table = table[~table.duplicated("key")].reset_index(drop=True)
    table["extended"] = table["manifest"].isin([one.study for one in manifests if one.extended and not one.looks])
    known = variants(scored)
    table["label"] = [question_label(study, one, known) for one in table["question"]]
    called = caller(study)
    table["sides"] = ["" if pair is None else " against ".join(map(called, pair)) for pair in table["pair"]]
    table["published"] = [_published(one, published) for one in table["question"]]
    table["published_runs"] = published.runs if published else 1
    table["aliased"] = [_aliased(one, known) for one in table["question"]]
    planned = {one.difference: one.manifest for one in reversed(asked) if one.manifest}
    table["answer_of"] = ["" if one.manifest else planned.get(one.difference, "") for one in table["question"]]
    table["metric"], table["unit"] = study.metric.name, study.metric.unit
    table["identical"] = _identical(study, table)
    halves = (table["high"] - table["low"]) / 2
    table["digits"] = study.metric.digits(halves.where(halves > 0, table["gain"]).tolist())
    return table[columns]


def _answered(
    study: Study,
    scored: pd.DataFrame,
    asked: Sequence[Question],
    manifests: Sequence[Manifest],
    scores: Scores | None,
) -> pd.DataFrame:
    """What was measured of each question, and on whose terms, a row each in their order."""
    plans: dict[str, Manifest | None] = {one.study: one for one in manifests} | {"": None}
    planned = {one.difference: place for place, one in reversed(list(enumerate(asked))) if one.manifest}
    unplanned = {one.difference: place for place, one in reversed(list(enumerate(asked))) if not one.manifest}
    source = [place if one.manifest else {**unplanned, **planned}[one.difference] for place, one in enumerate(asked)]
    frames, lost = [], untrained(study, scored)
    for name, plan in plans.items():
        places = sorted({place for place in source if asked[place].manifest == name})
        ours = [asked[place] for place in places]
        contrasts = [Contrast(one.weights, one.orders, family(one.kind) if name else "exploratory") for one in ours]
        told = terms(plan, manifests, study)
        looks, variances = (plan.looks, plan.variances) if plan else (None, "own")
        runs = scored[~scored["seed"].isin(pilot_seeds(study, plan))] if plan else scored
        found = effects(
            runs, contrasts, study.metric, looks=looks, scores=scores, untrained=lost, variances=variances, **told
        )
        frames.append(found.reindex(columns=[*MEASURED, *EXAMPLES]).assign(**told).set_axis(places))
    return pd.concat([one for one in frames if len(one)]).loc[source].reset_index(drop=True)


def _identical(study: Study, table: pd.DataFrame) -> list[str]:
    """Of a pair of variants whose runs came to the same in every seed, on how many examples; else ""."""
    runs = study.compared[study.compared["kept"] != ""]
    kept = runs.set_index(["variant", "seed"])["kept"]
    count = (study.data.get("examples") or {}).get("validation") if len(runs) else None
    said = f"on all {count:,} examples" if count else "in all that was measured"
    found = []
    for pair, used in table[["pair", "seeds_used"]].itertuples(index=False):
        seeds = [int(seed) for seed in used.split()]
        if pair and not seeds:  # also where neither trains
            both = set.intersection(*({seed for name, seed in kept.index if name == one} for one in pair))
            seeds = sorted(both) if len(both) > 1 else []
        runs_of = [[(name, seed) for seed in seeds] for name in pair or ()]
        known = bool(seeds) and bool(pair) and all(run in kept.index for ours in runs_of for run in ours)
        same = known and all(kept[one] == kept[other] for one, other in zip(*runs_of, strict=True))
        found.append(said if same else "")
    return found


def terms(plan: Manifest | None, manifests: Sequence[Manifest], study: Study) -> Mapping[str, float]:
    """Level, margin and power: those planned, and for what was not planned those of the first plan.

    A margin is one of the study's own metric: for another one nobody has said what is small, so it is NaN.
    """
    told = plan or next(iter(manifests), None)
    unplanned = MARGIN if study.metric.unit == "points" else np.nan
    level, margin, power = (told.level, told.smallest, told.power) if told else (LEVEL, unplanned, POWER)
    if margin is None or study.metric.name != study.primary.name:
        margin = np.nan
    return {"level": level, "margin": margin, "power": power}


def _about(
    study: Study, scored: pd.DataFrame, asked: Sequence[Question], answered: pd.DataFrame, manifests: Sequence[Manifest]
) -> pd.DataFrame:
    """What each question is about, and which seeds its answer rests on."""
    lost = untrained(study, scored)
    runs = list(zip(scored["variant"], scored["seed"], strict=True))
    levels = by_variant(scored[[one not in lost for one in runs]], study.metric)
    pilots = {plan.study: pilot_seeds(study, plan) for plan in manifests}
    used = [levels.drop(index=pilots.get(one.manifest, []), errors="ignore") for one in asked]
    seeds = [_seeds(ours, one, n) for ours, one, n in zip(used, asked, answered["seeds"], strict=True)]
    about = pd.DataFrame(
        {
            "kind": [one.kind for one in asked],
            "component": ["+".join(one.components) for one in asked],
            "treated": [one.pair[0] if one.pair else "" for one in asked],
            "control": [one.pair[1] if one.pair else "" for one in asked],
            "manifest": [one.manifest for one in asked],
            "seen": [one.seen for one in asked],
            "seeds_used": [" ".join(map(str, used)) for used in seeds],
            "weights": [_written(one.weights) for one in asked],
        }
    )
    # One by one, as pandas would take tuples and mappings apart.
    about["components"] = _objects([one.components for one in asked])
    about["pair"] = _objects([one.pair for one in asked])
    about["variants"] = _objects([dict(one.weights) for one in asked])
    about["question"] = _objects(asked)
    about["key"] = _objects([one.key for one in asked])
    return about


def _objects(values: Iterable[object]) -> np.ndarray:
    found = list(values)
    cells = np.empty(len(found), dtype=object)
    cells[:] = found
    return cells


def _seeds(levels: pd.DataFrame, one: Question, used: int) -> list[int]:
    """The seeds behind a contrast: the first of those that all its variants have."""
    table = levels.reindex(columns=[name for name, weight in one.weights.items() if weight])
    return list(table.index[table.notna().all(axis=1)][: int(used)])


def _written(weights: Mapping[str, float]) -> str:
    """ "step2: +1; step1: -1"."""
    return "; ".join(f"{name}: {weight:+.6g}" for name, weight in weights.items() if weight)


def _aliased(one: Question, known: Mapping[str, Sequence[str]]) -> int:
    """Of a main effect over a fraction of all subsets: of how many components the interactions are that it holds too.

    A design of resolution R mixes a main effect with interactions of R - 1 components; all subsets mix nothing: 0.
    """
    subsets = [set(known[name]) for name, weight in one.weights.items() if weight and name in known]
    parts = sorted(set.union(*subsets)) if subsets else []
    if one.kind != "main_effect" or not 2 < len(subsets) < 2 ** len(parts) or len(subsets) < len(one.weights):
        return 0
    signs = np.array([[1 if part in subset else -1 for part in parts] for subset in subsets])
    found = resolution(signs)
    return found - 1 if found <= len(parts) else 0


def _published(one: Question, published: Published | None) -> float:
    """The source's gain, which is one of its own ladder: no other kind of contrast is compared with it."""
    if published is None or one.kind not in ("ladder", CONTAINED) or one.pair is None:
        return np.nan
    own = ("+".join(one.components), *one.pair)
    told = {(row["component"], row["step"], row["control"]): row["gain"] for row in published.gains}
    return float(told.get(own, np.nan))
