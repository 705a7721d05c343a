"""A sweep: which runs it needs, which of them are finished, and the rest trained, here or on a cluster.

Hydra takes this for its sweeper. Each variant is composed once, whatever its seeds; what the store holds is not handed
to any launcher; a study's manifest is frozen before its first run.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dissect.composing.compose import delta_of, identify, key_of, sources_of, without_hydra
from dissect.composing.members import member_variants
from dissect.composing.variant import Variant, declaration, run_folder
from dissect.design import Component, Design
from dissect.errors import InputError
from dissect.planning import manifest
from dissect.planning.manifest import Manifest
from dissect.store import runs as store
from dissect.sweep.finish import Outcome, fail, found, images_of
from dissect.sweep.pool import workers_for
from dissect.sweep.watch import Watch


@dataclass(frozen=True)
class Job:
    """One run of a sweep: its variant, its place in the store, and the overrides that compose it."""

    variant: Variant
    folder: Path
    pixels: str
    overrides: tuple[str, ...]


def averages(job: Job) -> bool:
    return bool(job.variant.config.ensemble.average)


def members_of(ensemble: Job) -> list[Job]:
    """The runs that an ensemble averages."""
    pixels = ensemble.pixels
    return [Job(one, run_folder(one, pixels), pixels, ()) for one in member_variants(ensemble.variant)]


class Sweep(Sweeper):
    """Hydra's basic sweeper, with a store's memory.

    Args:
        params: what is swept over besides what the command line says, as for Hydra's.
    """

    tell: ClassVar[Any] = None  # a static method that is called instead, with the sweep, its design and its arguments
    config: Any  # that of the command line, set by `setup`
    hydra_context: Any

    def __init__(self, params: dict[str, str] | None = None) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function

    def sweep(self, arguments: list[str]) -> list[tuple[Job, Outcome]]:
        parallel, on_failure = self.config.parallel, self.config.on_failure
        workers_for(parallel, 1)  # refused now, not after an hour
        if on_failure not in ("continue", "stop"):
            raise InputError(f"on_failure={on_failure}: must be continue or stop")
        if any(said.startswith("+study=") and ("," in said or "[" in said) for said in arguments):
            raise InputError("+study: one study at a time; those of one folder share their runs, so one after another")
        terms = self.config.plan
        looks = [int(look) for look in terms.looks] if self.config.seeds == "auto" else None
        manifest.check_terms(terms.level, terms.smallest, terms.power, looks)
        if self.config.seeds not in (None, "auto"):
            raise InputError(f"seeds={self.config.seeds}: must be auto; particular seeds: 'seed=range(5)'")
        design = self.design()
        if self.tell is not None:
            self.tell(self, design, arguments)
            return []
        if self.config.plan.search.trials is not None:
            from dissect.sweep.rounds import search

            return search(self, design, arguments)
        if self.config.seeds == "auto":
            if design is None:
                raise InputError("seeds=auto: decides planned contrasts, so it needs a study: +study=...")
            from dissect.sweep.looks import extend

            ended = extend(self, design, arguments)
            conclude(ended)
            return ended
        jobs = self.jobs(arguments, design)
        ended = self.train(jobs if design is None else self.frozen(jobs, design)[0])
        conclude(ended)
        return ended

    def train(self, jobs: Sequence[Job]) -> list[tuple[Job, Outcome]]:
        """Train what is not finished, and give what became of every job."""
        ended = {place: Outcome(found(job.variant, job.pixels)) for place, job in enumerate(jobs)}
        todo = [place for place, outcome in ended.items() if outcome.result is None]
        if len(todo) < len(jobs):
            print(f"{len(jobs) - len(todo)} of {len(jobs)} runs finished before", flush=True)
        # What averages runs comes when they are finished; they are trained side by side like all others. Another's
        # launcher knows runs by their overrides, which members have none of, so there an ensemble trains its own.
        averaging = [place for place in todo if averages(jobs[place]) and self._own_launcher]
        members = {place: members_of(jobs[place]) for place in averaging}
        wanted = {jobs[place].folder: jobs[place] for place in todo if place not in averaging}
        for job in (job for own in members.values() for job in own):
            if found(job.variant, job.pixels) is None:
                wanted.setdefault(job.folder, job)
        if further := len(wanted) - len(todo) + len(averaging):
            print(f"{further} more to train as members of ensembles", flush=True)
        # Seed by seed, so that what is cut short is still paired.
        trained = self._launch(sorted(wanted.values(), key=lambda job: (averages(job), job.variant.seed)))
        reasons = {folder: outcome.error for folder, outcome in trained.items() if outcome.error}
        stopped = bool(reasons) and self.config.on_failure == "stop"
        for place in averaging:
            lost = [job for job in members[place] if job.folder in reasons]
            if stopped:
                trained[jobs[place].folder] = Outcome(error="not started")
            elif lost:
                # The reason first, by which a search knows what diverged.
                which = ", ".join(f"{job.variant.name} seed {job.variant.seed}" for job in lost)
                reason = f"{reasons[lost[0].folder]} (its member {which})"
                trained[jobs[place].folder] = fail(jobs[place].variant, reason)
        trained |= self._launch([jobs[place] for place in averaging if jobs[place].folder not in trained])
        return [(job, trained.get(job.folder, ended[place])) for place, job in enumerate(jobs)]

    @property
    def _own_launcher(self) -> bool:
        return bool(self.config.hydra.launcher._target_.startswith("dissect."))

    def _launch(self, jobs: list[Job]) -> dict[Path, Outcome]:
        """What became of each job, by its folder."""
        if not jobs:
            return {}
        if not self._own_launcher:
            plugin = Plugins.instance().instantiate_launcher(
                hydra_context=self.hydra_context, task_function=self.task_function, config=self.config
            )
            plugin.launch([list(job.overrides) for job in jobs], initial_job_idx=0)
            return {job.folder: _read(job) for job in jobs}
        variants, folders = [job.variant for job in jobs], [job.folder for job in jobs]
        with Watch(variants, folders) as watch:
            instantiate(self.config.hydra.launcher, _convert_="all")(
                variants, folders, watch=watch, stop_on_failure=self.config.on_failure == "stop"
            )
        return {folder: watch.done.get(n, Outcome(error="not started")) for n, folder in enumerate(folders)}

    def design(self) -> Design | None:
        """The study's design over its components, None for a plain sweep."""
        if self.config.plan.design is None:
            return None
        names = self.config.plan.components
        names = list(self.config.ladder if names is None else names)
        sources = sources_of(self.config.hydra)
        components = [component_of(name, delta_of(name, sources)) for name in names]
        rule = instantiate(self.config.plan.design, _convert_="all")
        return rule if isinstance(rule, Design) else rule(components)

    def jobs(self, arguments: Iterable[str], design: Design | None) -> list[Job]:
        """Every run that is asked for, finished or not."""
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        said = [f"{key}={value}" for key, value in self.params.items()]
        overrides = parser.parse_overrides([*said, *arguments])
        if design is None:
            return self._composed(_product(overrides))
        for override in overrides:
            if override.get_key_element() in ("component", "+ablation"):
                raise InputError(f"{override.input_line}: the study chooses the components; leave it out")
            if override.is_sweep_override() and override.get_key_element() != "seed":
                raise InputError(f"{override.input_line}: a study has one setting for all; sweep over seeds only")
        lists = _product(overrides)
        if not design.contrasts:
            raise InputError(
                "this study has nothing to compare: name components with plan.components=[...] or ladder=[...]"
            )
        jobs = self._composed([[*one, f"component=[{','.join(parts)}]"] for parts in design.variants for one in lists])
        return jobs

    def planned(self, jobs: Sequence[Job], design: Design) -> Manifest:
        """What the manifest of a study with these jobs says."""
        per_variant = len(jobs) // len(design.variants)
        variants = {parts: jobs[place * per_variant].variant for place, parts in enumerate(design.variants)}
        seeds = {job.variant.seed for job in jobs}
        return manifest.plan(study_of(self.config.hydra), design, variants, jobs[0].pixels, sorted(seeds))

    def frozen(self, jobs: list[Job], design: Design) -> tuple[list[Job], Manifest]:
        """The jobs as the study's manifest has them, which is written now if there is none, and the manifest.

        Raises:
            InputError: where they are not what was frozen.
        """
        config, now = jobs[0].variant.config, self.planned(jobs, design)
        path = manifest.path_of(config, now.study)
        before = manifest.read(path)
        if before is None:
            manifest.write(path, now)
            print(f"{path}: {len(now.variants)} variants, {len(now.contrasts)} planned contrasts", flush=True)
            return jobs, now
        if not config.plan.frozen:
            try:
                manifest.refuse_changes(path, before, now)
            except InputError:
                if self._begun(before, config):
                    raise
                manifest.write(path, now)
                print(f"{path}: planned anew, as nothing was finished under the earlier plan", flush=True)
                return jobs, now
        if added := sorted(set(now.seeds) - set(before.all_seeds)):
            manifest.extend(path, added)
            if before.looks is None:
                print(f"note: seeds {added} were not planned; p and intervals do not count that one looked before "
                      "(seeds=auto does)", flush=True)  # fmt: skip
        if not config.plan.frozen:
            return jobs, before
        runs = [before.variant(name, config, seed) for name in before.variants for seed in now.seeds]
        return [Job(run, run_folder(run, before.pixels), before.pixels, ()) for run in runs], before

    def _begun(self, before: Manifest, config: DictConfig) -> bool:
        """Whether any run of an earlier plan is finished."""
        finished = [one for one in store.results(Path(config.runs) / config.name) if one["status"] == "finished"]
        return any(one["variant"] in before.variants and one["seed"] in before.all_seeds for one in finished)

    def _composed(self, lists: Iterable[Sequence[str]]) -> list[Job]:
        """Jobs from lists of overrides; those that differ in their seed alone are composed once."""
        jobs: list[Job] = []
        pixels: dict[str, tuple[str, int]] = {}
        groups: dict[tuple[str, ...], list[Sequence[str]]] = {}
        for said in lists:
            groups.setdefault(tuple(one for one in said if key_of(one) != "seed"), []).append(said)
        for rest, group in groups.items():
            variant = self._compose(rest)
            data = OmegaConf.to_yaml(variant.config.data, resolve=True)
            if data not in pixels:
                images = images_of(variant.config)
                pixels[data] = (images.digest, len(images.classes))
            digest, classes = pixels[data]
            variant = variant.with_classes(classes)
            for said in dict.fromkeys(map(tuple, group)):
                seeds = [int(one.partition("=")[2]) for one in said if key_of(one) == "seed"]
                run = variant.with_seed(seeds[-1]) if seeds else variant
                jobs.append(Job(run, run_folder(run, digest), digest, tuple(said)))
        if not jobs:
            raise InputError("seed: names no seed; say how many, such as 'seed=range(5)'")
        return list({job.folder: job for job in jobs}.values())  # a run that is asked for twice is one run

    def _compose(self, overrides: Iterable[str]) -> Variant:
        composed = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        HydraConfig.instance().set_config(composed)
        return identify(without_hydra(composed))


def _product(overrides: list[Override]) -> list[list[str]]:
    # Imported late: Hydra's scan for plugins runs this module anew, and would part the class from its instances.
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    return BasicSweeper.split_arguments(overrides, None)[0]


def conclude(ended: Sequence[tuple[Job, Outcome]]) -> None:
    """Say how a sweep ended: every failure with its reason, how to retry, and where to read on.

    Raises:
        SystemExit: with 1, where a run failed.
    """
    failed = [(job, outcome.error) for job, outcome in ended if outcome.error]
    config = ended[0][0].variant.config
    study = config.name if config.runs == "runs" else f"{config.runs}/{config.name}"
    reader = "report" if config.data.folds is None else "crossval"
    report = f"; their report: python -m dissect.{reader} {study}" if len(failed) < len(ended) else ""
    print(f"{len(ended) - len(failed)} of {len(ended)} runs finished{report}")
    if failed:
        table = Table("failed", "seed", "reason", box=None, pad_edge=False)
        for job, reason in failed:
            table.add_row(job.variant.name, str(job.variant.seed), escape(reason))
        Console(stderr=True).print(table)
        sys.exit(f"{len(failed)} failed; the same command tries them again, and no other")


def study_of(hydra: Any) -> str:
    """The name of the study file that was chosen, by which its manifest is known."""
    return str(hydra.runtime.choices.get("study") or "study").replace("/", "-")


def component_of(name: str, delta: DictConfig) -> Component:
    said: Any = OmegaConf.to_container(delta)
    return declaration(name, said.get("components", {}).get(name))[1]


def _read(job: Job) -> Outcome:
    """What the store says of a job that ran elsewhere."""
    if (result := found(job.variant, job.pixels)) is not None:
        return Outcome(result, True)
    failed = store.read_result(job.folder)
    error = failed["error"] if failed else None
    return Outcome(error=str(error or "no result: its job ended without one"))
