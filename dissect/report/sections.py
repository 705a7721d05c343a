"""The page's sentences and notes: which contrasts are told where, and what is missing."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from dissect.measure.members import Members
from dissect.measure.metric import Metric
from dissect.planning.conditions import chosen_text
from dissect.planning.manifest import Manifest
from dissect.report.figures import gain_text
from dissect.report.kinds import kind_of
from dissect.report.labels import caller
from dissect.report.questions import CONDITIONAL, CONTAINED, SAID, pilot_seeds
from dissect.report.study import Study
from dissect.report.tables import missing_seeds
from dissect.report.words import answer, counted, does_not_train, p_number, p_tested, size_text, stopped_early
from dissect.store.runs import DAMAGED

MANY = 8  # sentences of one kind; beyond them those about inconclusive interactions are folded


def sections(effects: pd.DataFrame, metric: Metric, members: Mapping[str, Members]) -> list[dict[str, Any]]:
    """The sentences by plan and kind: `heading`, `asks`, `manifest` ("" if exploratory), `answers`, and `folded` ones.

    Conditional gains are told with the interactions; a variant over what it contains only where nothing else tells of
    that variant.
    """
    conditional = effects[effects["kind"] == CONDITIONAL]
    told: list[dict[str, Any]] = []
    for (manifest, kind), rows in spoken(effects).groupby(["manifest", "kind"], sort=False):
        answers = [answer(row, metric, members.get(row["treated"])) for row in rows.to_dict("records")]
        if kind == "interaction":
            for one, components in zip(answers, rows["components"], strict=True):
                one["notes"] = [*_conditions(conditional, components), *one["notes"]]
        open_ = [one for one in answers if one["verdict"] != "inconclusive"] if len(answers) > MANY else answers
        folded = [one for one in answers if one not in open_]
        about = kind_of(str(kind), metric)
        told.append(
            {
                "heading": about.heading,
                "asks": about.asks,
                "manifest": manifest,
                # What a plan has in another place keeps that plan's correction; the others share this one.
                "together": int(rows["together"].iloc[int((rows["answer_of"] != "").argmin())]),
                "answers": open_,
                "folded": folded,
            }
        )
    return told


def opening(effects: pd.DataFrame) -> str:
    """The page in a sentence: how many contrasts are decided, and with how many seeds."""
    told = spoken(effects)
    planned = told[told["manifest"] != ""]
    asked, what = (planned, "planned contrast") if len(planned) else (told, "exploratory contrast")
    rows = asked[asked["verdict"] != ""]
    lost = int(sum(does_not_train(row) for row in asked.to_dict("records")))
    more = f"; {lost} {'does' if lost == 1 else 'do'} not train" if lost else ""
    if rows.empty:
        why = "has trained runs of two seeds on both its sides"
        why = "has reached its first look" if (asked["seeds"] > 1).any() else why
        return f"Nothing is decided: no contrast {why}{more}."
    decided = int(rows["verdict"].isin(["helps", "hurts", "equivalent"]).sum())
    few, many = int(rows["seeds"].min()), int(rows["seeds"].max())
    seeds = f"{few} seeds" if few == many else f"{few} to {many} seeds"
    verb = "is" if 1 in (decided, len(asked)) else "are"
    return f"{decided} of {counted(len(asked), what)} {verb} decided, with {seeds}{more}."


def spoken(effects: pd.DataFrame) -> pd.DataFrame:
    """The contrasts that get a sentence of their own."""
    other = effects[effects["kind"] != CONTAINED]
    known = {name for weights in other["variants"] for name in weights}
    repeated = (effects["kind"] == CONTAINED) & effects["treated"].isin(known)
    return effects[~repeated & (effects["kind"] != CONDITIONAL)]


def _conditions(conditional: pd.DataFrame, components: Collection[str]) -> list[str]:
    """ "dropout 2: +0.3 [..] without split conv, +4.1 [..] with it"."""
    rows = conditional[[set(parts) == set(components) for parts in conditional["components"]]]
    if len(rows) != 2:
        return []
    without, with_ = (
        gain_text(row["gain"], row["low"], row["high"], digits=row["digits"]) for row in rows.to_dict("records")
    )
    about, _, given = str(rows["label"].iloc[0]).partition(" without ")
    return [f"{about}: {without} without {given}, {with_} with it"]


def interactions_table(effects: pd.DataFrame, metric: Metric) -> list[dict[Any, Any]]:
    """A row a pair: its row of effects, `p_told` and `outcome` in words, and the conditional gains as `conditions`."""
    conditional = effects[effects["kind"] == CONDITIONAL]
    pairs = effects[effects["kind"] == "interaction"]
    return [
        row
        | {"conditions": _conditions(conditional, row["components"]), "p_told": p_tested(row, p_number)}
        | {"outcome": answer(row, metric)["outcome"]}
        for row in pairs.to_dict("records")
    ]


def gaps(study: Study, manifests: Sequence[Manifest], effects: pd.DataFrame) -> list[str]:
    """What is missing, a sentence each: failed runs, planned seeds without a result, contrasts that lost seeds."""
    notes, called = [], caller(study)
    damaged = study.runs["status"] == DAMAGED
    if damaged.any():
        who = [f"{called(str(run.variant))} seed {run.seed} ({run.error})" for run in study.runs[damaged].itertuples()]
        notes.append(f"{counted(len(who), 'run')} left out as damaged: {_listed(who)}.")
    if lost := study.untrained:
        who = [f"{called(name)} seed {seed} ({how})" for (name, seed), how in lost.items()]
        notes.append(
            f"{counted(len(who), 'run')} did not train: {_listed(who)}. That is an outcome: gains are those where all "
            "runs trained, and each tells how often they did not."
        )
    keys = list(zip(study.runs["variant"], study.runs["seed"], strict=True))
    told = damaged | pd.Series([key in lost for key in keys], study.runs.index, dtype=bool)
    failed = study.runs[(study.runs["status"] != "finished") & ~told]
    if len(failed):
        numberless = failed["error"].astype(str).str.startswith("finished with ")
        who = [f"{called(str(run.variant))} seed {run.seed} ({run.status})" for run in failed[~numberless].itertuples()]
        if who:
            notes.append(f"{counted(len(who), 'run')} did not finish: {_listed(who)}.")
        who = [f"{called(str(run.variant))} seed {run.seed}" for run in failed[numberless].itertuples()]
        if who:
            why = f"ended without a number for {study.metric.label}, and so failed"
            notes.append(f"{counted(len(who), 'run')} {why}: {_listed(who)}.")
    if missing := missing_seeds(study, manifests, effects):
        who = [f"{called(name)} ({_seeds(seeds)})" for name, seeds in missing.items()]
        total = sum(map(len, missing.values()))
        notes.append(f"{counted(total, 'planned run')} without a result: {_listed(who)}.")
    unmeasured = effects[effects["gain"].isna()]
    if len(unmeasured):
        who = [f"{label} ({kind_of(kind).name})" for label, kind in unmeasured[["label", "kind"]].to_numpy()]
        notes.append(f"{counted(len(who), 'contrast')} could not be measured: {_listed(who)}.")
    stopped = pd.Series([stopped_early(row) for row in effects.to_dict("records")], effects.index, dtype=bool)
    if len(thinned := effects[(effects["left_out"] > 0) & ~stopped]):
        notes.append(
            f"{counted(len(thinned), 'contrast')} {'leaves' if len(thinned) == 1 else 'leave'} out seeds that not all "
            "variants have; "
            "the table of contrasts says how many."
        )
    return notes


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _ranges(seeds: Sequence[int]) -> str:
    """[0, 1, 2, 5] as "0 to 2, 5"."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {_ranges(seeds)}"


def _are(seeds: Sequence[int]) -> str:
    return "is" if len(seeds) == 1 else "are"


def plans(study: Study, manifests: Sequence[Manifest], effects: pd.DataFrame) -> list[str]:
    """Each manifest in a sentence or two."""
    told = []
    present = set(study.compared["seed"])
    for one in manifests:
        if one.study == SAID:
            kinds = " and ".join(kind_of(kind).name for kind in dict.fromkeys(c.kind for c in one.contrasts))
            told.append(f"The contrasts of {kinds} were planned before the runs: so it was said, and no file shows it.")
            continue
        judged = Metric.from_config(one.metric)
        later = [seed for entry in one.extended for seed in entry["seeds"]]
        before = pilot_seeds(study, one)
        more = sorted(present - set(one.all_seeds) - set(before))
        parts = [
            f"{one.study}, frozen {one.frozen[:16].replace('T', ' ')} (UTC){_when(one, effects)}: "
            f"{counted(len(one.contrasts), 'contrast')} of {counted(len(one.variants), 'variant')}, "
            f"{_seeds(one.seeds)}",
            f"extended by {_seeds(later)}" if later else "",
            f"looks after {', '.join(map(str, one.looks))} seeds, corrected for looking more than once"
            if one.looks
            else "",
            f"{_seeds(before)}, finished before it, {_are(before)} a pilot and left out of its contrasts"
            if before
            else "",
            f"settings {one.settings}" if one.settings else "",
            chosen_text(one.tuned) if one.tuned else "",
            f"{_seeds(more)} {_are(more)} at hand beyond the plan, and used" if more and not one.looks else "",
        ]
        told.append(
            "; ".join(part for part in parts if part)
            + f". Judged by {judged.held_out} ({judged.better} is better), of {_epoch(one.epoch)}; "
            f"level {100 * one.level:g}%, {_margin(one, judged)}, power {100 * one.power:g}%."
        )
    return told


def _when(plan: Manifest, effects: pd.DataFrame) -> str:
    late = int(effects["seen"].str.startswith(f"{plan.study} planned it").sum())
    if not late:
        return " before the first of its runs was finished"
    return f" when runs of {late} of its contrasts were finished already, which are therefore exploratory"


def _margin(plan: Manifest, metric: Metric) -> str:
    return "no margin" if plan.smallest is None else f"margin ±{size_text(plan.smallest, metric)}"


def _epoch(said: str) -> str:
    """Which epoch counts: "the last one, whatever came before it" as it stands in a sentence."""
    return said.replace("the last one", "the last epoch", 1)
