"""All that is read off a study, for its report and from Python: what is asked, what was measured, what is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from dissect.design import Component
from dissect.measure.contrasts import variants
from dissect.planning.manifest import Manifest
from dissect.report import conditions
from dissect.report.attribution import ATTRIBUTED, AVERAGED
from dissect.report.effects import effects_table, terms
from dissect.report.labels import named
from dissect.report.predictions import scores_of
from dissect.report.published import Published, find_published
from dissect.report.questions import (
    components_of,
    contained,
    drawn_variants,
    planned_before,
    questions,
    refuse_nonsense,
    said_planned,
)
from dissect.report.study import Study
from dissect.report.tables import bars_table, scored_runs

Labelled = tuple[pd.DataFrame, dict[str, str]]  # rows of effects, and component -> label


@dataclass(frozen=True)
class Analysis:
    """A study with its `effects` (see `effects_table`), the runs behind them (`scored_runs`), and one row a bar.

    One in several conditions is as `conditions.together` makes it.
    """

    study: Study
    scored: pd.DataFrame
    components: Sequence[Component]
    manifests: Sequence[Manifest]
    published: Published | None
    shown: Sequence[str]
    effects: pd.DataFrame
    level: float
    chance: float | None

    @cached_property
    def bars(self) -> pd.DataFrame:
        bars = bars_table(self.scored, self.effects, self.study, self.shown, self.published, self.level)
        return conditions.labelled(self.study, bars, variants(self.scored)) if self.study.conditions else bars

    @property
    def labels(self) -> dict[str, str]:
        """Component -> label, of those that are trained."""
        return {part.name: named(self.study, [part.name]) for part in self.components if not part.derived}

    @property
    def attributed(self) -> Labelled:
        """Each component's gain by several kinds of contrast, and by one alone where no bar shows it."""
        effects, labels = self.effects, self.labels
        if self.study.conditions:  # which stand side by side instead
            return effects[:0], {}
        ours = effects[effects["kind"].isin(list(ATTRIBUTED)) & effects["component"].isin(list(labels))]
        ours = ours.drop_duplicates(["kind", "component"])
        shown = ours["component"].duplicated(keep=False) | ours["kind"].isin(AVERAGED)
        told = {name: label for name, label in labels.items() if name in set(ours["component"][shown])}
        return ours[ours["component"].isin(list(told))], told

    @property
    def interactions(self) -> Labelled:
        """What two components gain together."""
        effects = self.effects
        pairs = effects[(effects["kind"] == "interaction") & effects["gain"].notna()].drop_duplicates("component")
        among = {name for components in pairs["components"] for name in components}
        return pairs, {name: label for name, label in self.labels.items() if name in among}


def analyse(study: Study, named_file: Path | None = None) -> Analysis:
    """Everything that the study's runs say.

    Args:
        named_file: published.yaml to compare with, else the one for these data.

    Raises:
        InputError: for manifests, scores or published values that cannot be used.
    """
    refuse_nonsense(study, study.manifests)
    if apart := bool(study.conditions):
        study = conditions.together(study)
    published = find_published(study.data["name"], study.metric.name, study.network, named_file)
    scored = conditions.scored(study) if apart else scored_runs(study)
    known = variants(scored)
    components = components_of(study, scored)
    manifests = study.manifests or said_planned(study, known, components)
    ordered = study.elsewhere is None or study.elsewhere.ordered
    asked = conditions.planned(study) if apart else questions(known, components, manifests, ordered=ordered)
    asked = planned_before(asked, study, manifests)
    if study.metric.name == study.primary.name:
        chance = study.data.get("chance")
    else:
        chance, asked = None, [one._replace(manifest="", seen="") for one in asked]
    shown = drawn_variants(known, asked)
    asked += contained(asked, known, shown)
    scores = scores_of(study, scored)
    effects = effects_table(study, scored, asked, manifests, published=published, scores=scores)
    if apart:
        effects = conditions.placed(study, effects)
    level = terms(None, manifests, study)["level"]
    return Analysis(study, scored, components, manifests, published, shown, effects, level, chance)
