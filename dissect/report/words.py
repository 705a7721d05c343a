"""Effects in words: what one row answers, and numbers as they are written."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from dissect.measure.members import Members
from dissect.measure.metric import Metric
from dissect.measure.planning import sd_range
from dissect.measure.stopping import HOPELESS
from dissect.planning.manifest import BETWEEN
from dissect.report.figures import gain_text
from dissect.report.questions import CONTAINED

NUMBERS = {2: "two", 3: "three", 4: "four"}
SURE = 0.8  # of the interval for a spread that so few seeds tell


OUTCOMES = {
    "helps": "helps", "hurts": "hurts", "equivalent": "differs", "inconclusive": "inconclusive",
}  # fmt: skip
SAME = {"equivalent": "add up", "inconclusive": "inconclusive"}
DIFFERS = OUTCOMES | {"helps": "gains more there", "hurts": "gains less there"}
TOGETHER = {
    "higher": {"helps": "more than the sum", "hurts": "less than the sum", **SAME},
    "lower": {"helps": "better than the sum", "hurts": "worse than the sum", **SAME},
}


def answer(row: Mapping[Any, Any], metric: Metric, members: Members | None = None) -> dict[str, Any]:
    """One contrast in words: `component`, `words` (gain, interval, seeds, p), `verdict`, `outcome` and `notes`.

    Args:
        row: of the table of effects.
        members: the treated ensemble's metric with its interval, where one seed gives the gain none.
    """
    notes = _notes(row, metric, members)
    if row.get("identical"):
        notes.insert(0, f"identical to its control {row['identical']} in every seed: is it switched on?")
    found = {"component": row["label"], "verdict": row["verdict"] or "inconclusive", "notes": notes}
    seeds, level = int(row["seeds"]), row["level"]
    if not seeds or pd.isna(row["gain"]):
        trained = "trained runs on both sides" if row["untrained"] or row["untrained_control"] else "all that it needs"
        return found | {"words": f"no seed has {trained}", "outcome": outcome(row, metric)}
    value, _, interval = gain_text(row["gain"], row["low"], row["high"], digits=row["digits"]).partition(" ")
    value = metric.with_unit(value)
    if not row["verdict"]:
        return found | {"words": f"{value}, {counted(seeds, 'seed')}", "outcome": outcome(row, metric)}
    over = f"{seeds} seeds"
    if row["untrained"] or row["untrained_control"]:
        pairs = f" of {max(row['tried'], row['tried_control'])} pairs" if row["treated"] else " seeds"
        over = f"where all trained ({seeds}{pairs})"
    words = " ".join(filter(None, [value, interval])) + f", {over}, {p_tested(row)}"
    if row["verdict"] == "inconclusive" and row["p"] < 1 - level:
        notes.insert(1, _not_enough(row))
    return found | {"words": words, "outcome": outcome(row, metric)}


def outcome(row: Mapping[Any, Any], metric: Metric) -> str:
    """What a row comes to, in words: "helps", "helps, by less than 1 point", "less than the sum", "one seed only"."""
    if row.get("identical"):
        return "identical"
    if not row["verdict"]:
        missing = "not measured" if pd.isna(row["gain"]) else ""
        return _untrainable(row) or missing or ("one seed only" if row["seeds"] == 1 else "before the first look")
    told = {"interaction": TOGETHER[metric.better], BETWEEN: DIFFERS}.get(row["kind"], OUTCOMES)[row["verdict"]]
    if row["verdict"] != "inconclusive" and row["p_equivalent_holm"] < 1 - row["level"]:
        size = size_text(row["margin"], metric)
        joint = {"differs": f"differs by less than {size}", "add up": f"add up to within {size}"}
        told = joint.get(told, f"{told}, by less than {size}")
    # How often it trains is another answer, and no verdict may hide it.
    if row["verdict"] != "inconclusive" and _rate(row, "") != _rate(row, "_control"):
        told += " where it trains"
    return told


def tested(row: Mapping[Any, Any]) -> float:
    """The corrected p of what is said: that a gain is small is so by the test of that, not by that of a difference."""
    return float(row["p_equivalent_holm" if row["verdict"] == "equivalent" else "p_holm"])


def p_tested(row: Mapping[Any, Any], text: Callable[[float], str] | None = None) -> str:
    """`tested` in words, or as `text` writes it; "(TOST)" behind it tells the test of a small gain from the other."""
    told = (text or p_text)(tested(row))
    return f"{told} (TOST)" if row["verdict"] == "equivalent" else told


def size_text(size: float, metric: Metric) -> str:
    """ "1 point", "0.5 points", "0.02 nats"."""
    told = metric.with_unit(f"{size:g}")
    return told[:-1] if size == 1 and metric.unit in ("points", "units", "nats", "bits") else told


def _rate(row: Mapping[Any, Any], side: str) -> float:
    return row[f"untrained{side}"] / row[f"tried{side}"] if row[f"tried{side}"] else 0.0


def _untrainable(row: Mapping[Any, Any]) -> str:
    """That no run of a side trained, in words; else nothing."""
    told = {"": "does not train", "_control": "its control does not train"}
    return next((said for side, said in told.items() if _rate(row, side) == 1), "")


def does_not_train(row: Mapping[Any, Any]) -> bool:
    return _rate(row, "") == 1


def _failures(row: Mapping[Any, Any]) -> str:
    if not row["untrained"] and not row["untrained_control"]:
        return ""
    more = 100 * (_rate(row, "") - _rate(row, "_control"))
    told = f"did not train: {row['untrained']} of {row['tried']} runs with it, {row['untrained_control']} of "
    told += f"{row['tried_control']} without"
    if pd.isna(row["rate_low"]):
        return told
    ends = f"{100 * row['rate_low']:z.0f}, {100 * row['rate_high']:z.0f}"
    return f"{told}: {more:+z.0f} percentage points [{ends}] (Newcombe)".replace("-", "−")


def _notes(row: Mapping[Any, Any], metric: Metric, members: Members | None) -> list[str]:
    several = row["kind"] in ("ladder", CONTAINED) and len(row["components"]) > 1
    notes = [
        row["sides"],
        f"{len(row['components'])} components at once" if several else "",
        _failures(row),
        _early(row, metric),
        _power(row, metric),
        _compared(row, int(row["digits"]) + 1),
        f"aliased with interactions of {NUMBERS.get(row['aliased'], row['aliased'])}" if row.get("aliased") else "",
        f"pairing by seed did not narrow the interval: its two sides correlate by {number(row['correlation'], 2)}"
        if row["correlation"] <= 0
        else "",
        f"{counted(row['left_out'], 'seed')} left out, for which some of its variants have no run"
        if row["left_out"] and not stopped_early(row)
        else "",
        "the same difference for every seed, of which no test and no interval can be made" if row["sd"] == 0 else "",
        _jackknife(members, metric) if members else "",
        "seeds were added after the plan; p does not count that one looked before" if row.get("extended") else "",
        _unplanned(row),
    ]
    return [note for note in notes if note]


def _not_enough(row: Mapping[Any, Any]) -> str:
    """Why a p that is small by itself gives no verdict."""
    if pd.notna(row["p_pooled"]):
        told = f"{p_text(row['p'])} by its own variance, {p_text(row['p_pooled'])} by the pooled ones"
        return f"{told}, before the correction for {counted(row['together'], 'contrast')}"
    if row["p_examples"] >= 1 - row["level"]:
        over_seeds = f"{p_text(row['p'])} over seeds alone"
        return f"{over_seeds}, but other examples might undo it ({p_text(row['p_examples'])})"
    before = p_text(np.fmax(row["p"], row["p_examples"]))
    return f"{before} before the correction, which is not enough for one of {row['together']} contrasts"


def _unplanned(row: Mapping[Any, Any]) -> str:
    """Why a row is exploratory; one that a plan has in another place keeps that plan's answer."""
    if row["manifest"]:
        return ""
    if row.get("answer_of"):
        return f"exploratory as such, but {row['answer_of']} planned the same difference, and this is its answer"
    return f"exploratory: {row['seen']}" if row.get("seen") else "exploratory"


def stopped_early(row: Mapping[Any, Any]) -> bool:
    """Whether a contrast was decided, or given up, before the last look: later seeds are not its own."""
    return bool(row["foreseen"] < HOPELESS or pd.notna(row["shrunken"]))


def _early(row: Mapping[Any, Any], metric: Metric) -> str:
    """What it means that a contrast was decided, or given up, before the last look."""
    if row["foreseen"] < HOPELESS:
        return f"given up: the chance that the last look would have decided it was {100 * row['foreseen']:.0f}%"
    if pd.isna(row["shrunken"]):
        return ""
    likelier = metric.gain(row["shrunken"], int(row["digits"]))
    return f"decided before the last look, so the gain is likely too large: {likelier} when shrunken for that"


def _power(row: Mapping[Any, Any], metric: Metric) -> str:
    if row["verdict"] != "inconclusive" or not row["smallest"] > 0:
        return ""
    exponent = int(f"{row['smallest']:.1e}".partition("e")[2])  # of two figures
    digits = min(max(1 - exponent, 0), 2 if metric.unit == "points" else 9)
    # So few seeds tell their own spread to within a factor only.
    low, high = (row["smallest"] * factor for factor in sd_range(int(row["seeds"]) - 1, SURE))
    able = f"{low:.{digits}f} to " + metric.with_unit(f"{high:.{digits}f}")
    if metric.unit == "points" and metric.times == 100 and high > 100:  # more than shares can differ by
        able = metric.with_unit(f"{low:.{digits}f}") + " or more" if low < 100 else "more than is possible"
    told = f"{int(row['seeds'])} seeds show, corrected for {counted(row['together'], 'contrast')}"
    roughly = "a range, as they tell their own spread only roughly"
    return f"{told}, with {100 * row['power']:g}% power a true gain of {able}: {roughly}"


def _compared(row: Mapping[Any, Any], digits: int) -> str:
    """The published gain, and where it lies."""
    if pd.isna(row["published"]):
        return ""
    told = f"published: {signed(row['published'], digits)}"
    if pd.isna(row["low"]):
        return told
    # One run, or the mean of a few, scatters more than the mean that our interval is about.
    count = int(row["published_runs"])
    t = float(stats.t.ppf((1 + row["level"]) / 2, row["seeds"] - 1))
    half = t * row["sd"] * math.sqrt(1 / row["seeds"] + 1 / count)
    off = row["published"] - row["gain"]
    place = "above" if off > half else "below" if off < -half else "inside"
    ends = f"{signed(row['gain'] - half, digits - 1)} to {signed(row['gain'] + half, digits - 1)}"
    ends += f", {100 * row['level']:g}% prediction interval"
    whose = "one pair of runs" if count == 1 else f"the mean of {count} pairs"
    return f"{told}, {place} what {whose} would show here ({ends})"


def _jackknife(members: Members, metric: Metric) -> str:
    digits = 1 if metric.unit == "points" else None
    low, high = metric.number(members.low, digits), metric.number(members.high, digits)
    return (
        f"other members in its place: {metric.level(members.value, digits)} [{low}, {high}], "
        f"by a jackknife over its {members.size} members"
    )


def counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def plan_text(manifest: str, together: int | None = None) -> str:
    """ "planned: cumulative", and with the number of contrasts that are corrected together also that."""
    told = f"planned: {manifest}" if manifest else "exploratory"
    return told if together is None else f"{told}, corrected over {counted(together, 'contrast')}"


def p_text(p: float) -> str:
    number = p_number(p)
    return "" if pd.isna(p) else f"p {number}" if number.startswith("<") else f"p = {number}"


def p_number(p: float) -> str:
    return "–" if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def signed(gain: float, digits: int = 2) -> str:
    return "–" if pd.isna(gain) else f"{gain:+z.{digits}f}".replace("-", "−")


def gains_of(metric: Metric) -> str:
    """What gains are: "percentage points of validation accuracy", "differences of validation loss, in nats"."""
    if metric.unit == "points":
        return f"percentage points of {metric.held_out}"
    return f"differences of {metric.held_out}" + (f", in {metric.unit}" if metric.unit else "")


def gain_head(metric: Metric, what: str = "gain") -> str:
    """The head of a column: "gain, points"."""
    return f"{what}, {metric.unit}" if metric.unit else what


def number(value: float, digits: int = 0) -> str:
    return "–" if pd.isna(value) else f"{value:z,.{digits}f}".replace("-", "−")


def duration(seconds: float) -> str:
    if pd.isna(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.1f} min" if hours < 1 else f"{hours:.1f} h"
