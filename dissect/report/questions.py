"""What is asked of a study's runs: the contrasts planned in its manifests, then all others that its variants allow."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd

from dissect.composing.variant import declaration
from dissect.design import Component, attributions, conditional
from dissect.elsewhere.asked import Elsewhere
from dissect.errors import InputError
from dissect.measure.contrasts import TEN_CROP, Variants, control, variants
from dissect.planning.manifest import Manifest, Planned
from dissect.report.study import Study

SAID = "as was said"  # the study of contrasts that are said to have been planned, where nothing shows it
CONTAINED, CONDITIONAL = "contained", "conditional"  # kinds of the report's own, beside those of `design.Contrast`
MOST_DRAWN = 16  # bars, or panels of learning curves, that one figure holds


class Question(NamedTuple):
    """A contrast: `weights` by variant, and the `manifest` (its study's name) that planned it, "" if none did.

    `kind` and `components` are those of `design.Contrast`. Besides there are "contained" (a variant over the largest
    that it contains) and "conditional" (the gain of the first component while the second is `present`, or not).
    `seen` says of one that stands in a plan why it is exploratory all the same.
    """

    kind: str
    components: tuple[str, ...]
    weights: Mapping[str, float]
    orders: Sequence[Mapping[str, float]] = ()
    manifest: str = ""
    present: bool | None = None
    seen: str = ""

    @property
    def pair(self) -> tuple[str, str] | None:
        """The treated variant and its control, where these two are all that it is about."""
        by_weight = {weight: name for name, weight in self.weights.items() if weight}
        return (by_weight[1], by_weight[-1]) if by_weight.keys() == {1, -1} and len(self.weights) == 2 else None

    @property
    def difference(self) -> frozenset[tuple[str, float]]:
        """What is subtracted from what, whatever kind of question it answers."""
        return frozenset((name, round(weight, 9)) for name, weight in self.weights.items() if weight)

    @property
    def key(self) -> tuple[str, tuple[str, ...], frozenset[tuple[str, float]]]:
        return self.kind, self.components, self.difference


def components_of(study: Study, scored: pd.DataFrame) -> list[Component]:
    """The components that occur, in the ladder's order, as the runs' configs declare them.

    Derived are those that no trained run has, and ten-crop. A requirement that no variant meets is none.
    """
    runs = scored[~scored["averaged"]].drop_duplicates("variant").iloc[::-1]  # the largest first
    trained = {name for parts in runs["components"] for name in parts} - {TEN_CROP}
    if study.elsewhere:
        return _elsewhere(study.elsewhere, scored, trained)
    said: dict[str, Any] = {}
    ladder: list[str] = []
    for folder, parts in zip(runs["folder"], runs["components"], strict=True):
        if not (ladder and set(parts) - {TEN_CROP} <= set(said)):
            own = study.config(folder)
            ladder, said = ladder or list(own.get("ladder") or []), (own.get("components") or {}) | said
    order = _order(scored, ladder, trained)
    found = [declaration(name, said.get(name, name))[1]._replace(derived=name not in trained) for name in order]
    return _among(found, order)


def _order(scored: pd.DataFrame, ladder: Sequence[str], trained: Collection[str]) -> list[str]:
    known = sorted(variants(scored).values(), key=len, reverse=True)
    occurring = dict.fromkeys(name for parts in known for name in parts)
    order = [name for name in dict.fromkeys([*ladder, *occurring]) if name in occurring]
    order.sort(key=lambda name: 0 if name in trained else 1 if name == TEN_CROP else 2)  # what averages, averages that
    return order


def _elsewhere(study: Elsewhere, scored: pd.DataFrame, trained: Collection[str]) -> list[Component]:
    order = _order(scored, study.ladder, trained)
    found = [study.declared.get(name, Component(name))._replace(derived=name not in trained) for name in order]
    return _among(found, order)


def said_planned(study: Study, known: Variants, components: Sequence[Component]) -> list[Manifest]:
    """The contrasts of the kinds that are said to have been planned, as a manifest that nobody froze.

    Raises:
        InputError: for a kind of which these variants allow none.
    """
    if study.elsewhere is None or not study.elsewhere.planned:
        return []
    at_hand = _at_hand(known, components)
    kinds = list(dict.fromkeys(one.kind for one in at_hand))
    for kind in study.elsewhere.planned:
        if kind not in kinds:
            raise InputError(
                f"planned={kind}: these variants allow no such contrast; they allow {', '.join(kinds) or 'none'}"
            )
    chosen = [one for one in at_hand if one.kind in study.elsewhere.planned]
    metric = {key: getattr(study.primary, key) for key in ("name", "label", "unit", "better", "times")}
    seeds = sorted(set(study.compared["seed"]))
    named: dict[str, dict[str, Any]] = {name: {} for one in chosen for name in one.weights}
    return [
        Manifest(
            SAID, "", "", seeds, 0.95, 1.0 if study.primary.unit == "points" else None, 0.8, None, named,
            [Planned(one.kind, one.components, one.weights) for one in chosen], metric,
        )
    ]  # fmt: skip


def questions(
    known: Variants, components: Sequence[Component], manifests: Iterable[Manifest], *, ordered: bool = True
) -> list[Question]:
    """Everything that is asked: each manifest's contrasts, then what the variants at hand allow beyond them.

    A kind that nobody planned and that only says again what stands before it is left out, but for what it says of
    derived components; so is a ladder of components that nobody has `ordered`.
    """
    derived = {part.name for part in components if part.derived}
    found = [
        Question(one.kind, one.components, one.weights, one.orders, manifest.study)
        for manifest in manifests
        for one in manifest.contrasts
    ]
    at_hand = [one for one in _at_hand(known, components) if ordered or one.kind != "ladder"]
    for kind in dict.fromkeys(one.kind for one in at_hand):
        planned = {one.key for one in found if one.kind == kind}
        new = [one for one in at_hand if one.kind == kind and one.key not in planned]
        said = {one.difference for one in found}
        fresh = [one for one in new if one.difference not in said]
        found += fresh if all(derived.intersection(one.components) for one in fresh) else new
    return [*found, *_conditionals(found, known, components)]


def _at_hand(known: Variants, components: Sequence[Component]) -> list[Question]:
    """What the variants allow; where not all components were ever together, also what those of the largest one do."""
    have = [tuple(parts) for parts in known.values()]
    largest = max(have, key=len)
    found = attributions(have, components)
    kinds = {one.kind for one in found}
    within = attributions(have, _among(components, largest))
    found += [one for one in within if one.kind not in kinds]
    return [Question(one.kind, one.components, _named(one.weights, known)) for one in found]


def contained(found: Iterable[Question], known: Variants, drawn: Collection[str]) -> list[Question]:
    """Every drawn variant over the largest drawn one that it contains, where that pair is not asked about yet."""
    pairs = {one.pair for one in found}
    asked = []
    for treated in drawn:
        under = control(treated, {name: known[name] for name in drawn})
        if under is not None and (treated, under) not in pairs:
            added = tuple(part for part in known[treated] if part not in known[under])
            asked.append(Question(CONTAINED, added, {treated: 1.0, under: -1.0}))
    return asked


def drawn_variants(known: Variants, found: Iterable[Question]) -> list[str]:
    """The variants that figures show: all, or of more than MOST_DRAWN the ladder's steps, or else the baseline, the
    full model and single components."""
    if len(known) <= MOST_DRAWN:
        return list(known)
    steps = {name for one in found if one.kind == "ladder" for name in one.weights}
    if len(ladder := [name for name in known if name in steps]) > 2:
        return ladder[:MOST_DRAWN]
    *smaller, full = known
    return [*[name for name in smaller if len(known[name]) <= 1][: MOST_DRAWN - 1], full]


def planned_before(asked: Iterable[Question], study: Study, manifests: Iterable[Manifest]) -> list[Question]:
    """The questions; one whose runs were finished, if only some of them, when its plan was frozen is exploratory."""
    plans = {one.study: one for one in manifests}
    runs = study.compared[["variant", "seed", "finished"]].dropna().to_numpy()
    ended = [(variant, seed, _moment(str(finished))) for variant, seed, finished in runs]
    found = []
    for one in asked:
        if one.manifest and one.manifest != SAID:
            plan = plans[one.manifest]
            needed = {name.removesuffix(" + ten-crop") for name, weight in one.weights.items() if weight}
            behind = [moment for name, seed, moment in ended if name in needed and seed in plan.all_seeds]
            frozen = _moment(plan.frozen)
            if early := [moment for moment in behind if moment < frozen]:
                told = f"{len(early)} of its {len(behind)} runs were finished, the first on {min(early):%Y-%m-%d %H:%M}"
                seen = f"{plan.study} planned it on {frozen:%Y-%m-%d %H:%M} (UTC), when {told}"
                one = one._replace(manifest="", seen=seen)
        found.append(one)
    return found


def pilot_seeds(study: Study, plan: Manifest) -> list[int]:
    """The seeds at hand that a plan left out and of which runs were finished when it was made."""
    if not plan.frozen:  # one that runs made elsewhere are said to follow
        return []
    frozen = _moment(plan.frozen)
    runs = study.compared[["seed", "finished"]].dropna().to_numpy()
    ended = {int(seed) for seed, finished in runs if _moment(str(finished)) < frozen}
    return sorted(ended - set(plan.all_seeds))


def _moment(said: str) -> datetime:
    moment = datetime.fromisoformat(said)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def refuse_nonsense(study: Study, manifests: Iterable[Manifest]) -> None:
    """Refuse a manifest that can be read and makes no sense.

    Raises:
        InputError: where weights are no contrast, or variants have other components than their runs.
    """
    trained = {str(name): set(parts) for name, parts in study.compared[["variant", "components"]].to_numpy()}
    for manifest in manifests:
        for name, entry in manifest.variants.items():
            planned = set(entry.get("components") or ())
            if "components" in entry and trained.get(name, planned) != planned:
                path = study.path / f"manifest-{manifest.study}.json"
                raise InputError(
                    f"{path}: plans {name} with {sorted(planned)}, and {study.path} has runs of {name} with "
                    f"{sorted(trained[name])}; a folder has one ladder: move this plan and its runs to another"
                )
        for one in manifest.contrasts:
            weights = [w for w in dict(one.weights).values() if isinstance(w, int | float)]
            if len(weights) < len(one.weights) or abs(sum(weights)) > 1e-9:
                path = study.path / f"manifest-{manifest.study}.json"
                raise InputError(
                    f"{path}: the weights of {one.kind} {'+'.join(one.components)} do not sum to zero: "
                    f"{one.weights!r}; put back the file as it was frozen, or delete it to plan anew"
                )


def _conditionals(found: Iterable[Question], known: Variants, components: Sequence[Component]) -> list[Question]:
    """Of each pair that has an interaction, the gain of the later component without the earlier one and with it."""
    return [
        Question(CONDITIONAL, (b, a), _named(one.weights, known), present=bool(present))
        for a, b in dict.fromkeys(one.components for one in found if one.kind == "interaction")
        if {a, b} <= {part.name for part in components}  # a planned one may not have been trained yet
        for present, one in enumerate(conditional(map(tuple, known.values()), components, a, b))
    ]


def _among(components: Iterable[Component], names: Collection[str]) -> list[Component]:
    chosen = [part for part in components if part.name in names]
    return [part._replace(requires=tuple(needed for needed in part.requires if needed in names)) for part in chosen]


def _named(weights: Mapping[tuple[str, ...], float], known: Variants) -> dict[str, float]:
    names = {frozenset(parts): name for name, parts in known.items()}
    return {names[frozenset(parts)]: weight for parts, weight in weights.items()}
