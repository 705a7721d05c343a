"""The kinds of contrasts in words: what each is called, and what it asks."""

from typing import NamedTuple

from dissect.measure.metric import Metric
from dissect.planning.manifest import BETWEEN
from dissect.report.questions import CONDITIONAL, CONTAINED


class Kind(NamedTuple):
    """A short name for tables and legends, a heading, and what it asks."""

    name: str
    heading: str
    asks: str


KINDS = {
    "ladder": Kind(
        "ladder", "The ladder", "Each component added to all those before it; the gain depends on that order."
    ),
    "leave_one_out": Kind(
        "leave one out", "Left out of the full model", "What the full model has over itself without the component."
    ),
    "one_at_a_time": Kind("one at a time", "Alone", "Each component added to the baseline, without the others."),
    "shapley": Kind(
        "Shapley value",
        "Shapley value",
        "Each component's gain averaged over the orders in which components may be added; these sum to the total gain.",
    ),
    "main_effect": Kind(
        "main effect", "Main effect", "Each component's gain averaged over the subsets of the others that were trained."
    ),
    "interaction": Kind(
        "interaction",
        "Interactions",
        "What two components gain together beyond the sum of what each gains without the other: above zero more than "
        "that sum, below zero less.",
    ),
    "pair": Kind("pair", "Pairs", "One variant directly against another."),
    "levels": Kind(
        "levels",
        "Levels",
        "Two levels of one factor against each other, all else being equal; corrected together (Shaffer 1986).",
    ),
    BETWEEN: Kind(
        "between conditions",
        "Between conditions",
        "Whether a gain differs between two conditions: that in the one minus that in the other, paired by seed.",
    ),
    CONTAINED: Kind("over what it contains", "Other variants", "Each over the largest variant that it contains."),
    CONDITIONAL: Kind(
        "conditional", "Conditional gains", "A component's gain without and with another, averaged over the rest."
    ),
}


def kind_of(name: str, metric: Metric | None = None) -> Kind:
    """What is known of a kind of contrast; a user's own design may name others. What it asks may be the metric's."""
    if name == "interaction" and metric and metric.better == "lower":
        turned = "below zero better than that sum, above zero worse"
        return KINDS[name]._replace(asks=KINDS[name].asks.partition(": ")[0] + f": {turned}.")
    return KINDS.get(name, Kind(name, name, ""))
