"""Which runs a sweep asks for: each variant composed once, whatever its seeds."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from hydra.types import HydraContext
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from dissect.composing.checks import check_seed
from dissect.composing.compose import identify, sources_of, without_hydra
from dissect.composing.deltas import delta_of, register, still_asking, told_within
from dissect.composing.job import Job, job_of
from dissect.composing.members import member_variants
from dissect.composing.overrides import key_of
from dissect.composing.variant import Variant, declaration
from dissect.design import Component, Design, as_levels, levels_of
from dissect.errors import InputError
from dissect.sweep.conditions import Conditions, check_conditions, conditions_of
from dissect.training.task import data_of


class Asker:
    """Composes the runs that are asked for.

    Args:
        config: that of the command line.
        params: what is swept over besides what the command line says, as for Hydra's basic sweeper.
    """

    def __init__(self, config: Any, context: HydraContext, params: dict[str, str]) -> None:
        self.config, self.context, self.params = config, context, params
        self.conditions: Conditions = {}  # those of the jobs that were asked for last

    def design(self) -> Design | None:
        """The study's design over its components, None for a plain sweep."""
        if self.config.plan.design is None:
            return None
        said = self.config.plan.design
        if not (isinstance(said, DictConfig) and "_target_" in said):
            raise InputError(f"plan.design={said}: must say what to make, as plan.design._target_=package.name does")
        names = self.config.plan.components
        names = OmegaConf.to_object(self.config.ladder if names is None else names)
        sources, base = sources_of(self.config.hydra), without_hydra(self.config)

        def component(name: str) -> Component:
            return still_asking(component_of(name, delta_of(name, sources)), base, sources)

        components = [one for levels in levels_of(names) for one in as_levels(list(map(component, levels)))]  # type: ignore[arg-type]
        try:
            rule = instantiate(said, _convert_="all")
            return rule if isinstance(rule, Design) else rule(components)
        except (HydraException, TypeError) as problem:
            if isinstance(problem.__cause__, InputError):
                raise problem.__cause__ from problem
            reason = "; ".join(str(problem.__cause__ or problem).splitlines())
            raise InputError(f"plan.design={said._target_}: cannot be made: {reason}") from problem

    def jobs(self, arguments: Iterable[str], design: Design | None) -> list[Job]:
        """Every run that is asked for, finished or not."""
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        said = [f"{key}={value}" for key, value in self.params.items()]
        overrides = parser.parse_overrides([*said, *arguments])
        if design is None:
            return self._composed(_product(overrides), {})
        for override in overrides:
            if override.get_key_element() in ("component", "+ablation"):
                raise InputError(f"{override.input_line}: the study chooses the components; leave it out")
        if not design.contrasts:
            raise InputError(
                "this study has nothing to compare: name components with plan.components=[...] or ladder=[...]"
            )
        jobs: list[Job] = []
        data: dict[str, Any] = {}
        if not (product := _product(overrides)):
            raise InputError("seed: names no seed; say how many, such as 'seed=range(5)'")
        self.conditions = conditions_of(overrides, product)
        for label, (_, lists) in self.conditions.items():
            components = [f"component=[{','.join(map(_as_name, parts))}]" for parts in design.variants]
            asked = [[*one, those] for those in components for one in lists]
            jobs += [replace(job, condition=label) for job in self._composed(asked, data)]
        check_conditions(jobs)
        return jobs

    def _composed(self, lists: Iterable[Sequence[str]], data: dict[str, Any]) -> list[Job]:
        """Jobs from lists of overrides; those that differ in their seed alone are composed once.

        Args:
            data: what was found before, by the part of a config that decides it; filled.
        """
        jobs: list[Job] = []
        groups: dict[tuple[str, ...], list[Sequence[str]]] = {}
        for said in lists:
            groups.setdefault(tuple(one for one in said if key_of(one) != "seed"), []).append(said)
        variants = {rest: self._compose(rest) for rest in groups}  # before any data, which may take their time
        for rest, group in groups.items():
            variant = variants[rest]
            if variant.config.ensemble.average:
                member_variants(variant)  # refuses what none of its seeds could have
            where = _data_part(variant.config)
            runs = {tuple(said): [seed_of(one) for one in said if key_of(one) == "seed"] for said in group}
            if where not in data:
                data[where] = data_of(variant.config, verify=True)
            for said, seeds in runs.items():
                run = variant.with_seed(seeds[-1]) if seeds else variant
                jobs.append(job_of(run, data[where], said))
        if not jobs:
            raise InputError("seed: names no seed; say how many, such as 'seed=range(5)'")
        return list({job.folder: job for job in jobs}.values())  # a run that is asked for twice is one run

    def _compose(self, overrides: Iterable[str]) -> Variant:
        said, load = list(overrides), self.context.config_loader.load_sweep_config
        try:
            composed = load(self.config, said)
            anew = register(composed.deltas)  # of another model or task than the command line's own
        except MissingConfigException as problem:
            if not told_within(problem, [*_search(self.config), *said]):
                raise
            anew = True
        if anew:
            composed = load(self.config, said)
        HydraConfig.instance().set_config(composed)
        return identify(without_hydra(composed))


_NO_TEXT = ("null", "true", "false", "nan", "inf")


def _as_name(component: str) -> str:
    """A component as an override says it: in quotes where Hydra would read a number, or nothing."""
    plain = re.fullmatch(r"[^\W\d]\w*", component, re.ASCII) and component.lower() not in _NO_TEXT
    return component if plain else f'"{component}"'


def _search(config: Any) -> list[str]:
    return [text for text in config.hydra.overrides.hydra if text.startswith("hydra.searchpath=")]


def seed_of(override: str) -> int:
    """The seed that an override says.

    Raises:
        InputError: unless it is a whole number from 0 on.
    """
    text = override.partition("=")[2].strip("'\"")  # which a single run may be asked for in, too
    check_seed(int(text) if re.fullmatch(r"-?\d+", text) else text)
    return int(text)


def members_of(ensemble: Job, data: Any) -> list[Job]:
    """The runs that an ensemble averages."""
    return [job_of(one, data) for one in member_variants(ensemble.variant)]


def component_of(name: str, delta: DictConfig) -> Component:
    said: Any = OmegaConf.to_container(delta)
    return declaration(name, said.get("components", {}).get(name))[1]


def study_of(config: Any, hydra: Any) -> str:
    """The plan's own name, or that of the study file that was chosen, by which its manifest is known."""
    return str(config.plan.name or hydra.runtime.choices.get("study") or "study").replace("/", "-")


def _data_part(config: DictConfig) -> str:
    """What decides a config's data, so that they are looked for once for all variants that share them."""
    parts = [OmegaConf.to_yaml(config[key], resolve=True) for key in ("task", "data", "datamodule") if key in config]
    return "\n".join(parts)


def _product(overrides: list[Override]) -> list[list[str]]:
    # Imported late: Hydra's scan for plugins runs this module anew, and would part the class from its instances.
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    return BasicSweeper.split_arguments(overrides, None)[0]
