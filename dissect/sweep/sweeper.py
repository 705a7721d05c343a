"""Hydra's face of a sweep: a plain one, a study with its frozen manifest, one with seeds=auto, or a search."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from filelock import FileLock, Timeout
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from dissect.composing.compose import study_folder
from dissect.composing.deltas import register
from dissect.composing.job import Digest, Job, job_of
from dissect.composing.line import MOST
from dissect.composing.plain import plain, targets_in
from dissect.design import Design
from dissect.errors import InputError
from dissect.planning import manifest
from dissect.planning.changes import keep_sources, refuse_changes, refuse_other_code, refuse_other_settings
from dissect.planning.conditions import crossed
from dissect.planning.manifest import Manifest
from dissect.planning.terms import check_terms
from dissect.store import runs as store
from dissect.store.runs import check_writable
from dissect.sweep.conditions import refuse_other_conditions, refuse_other_steps, refuse_several_settings, stray
from dissect.sweep.jobs import Asker, study_of
from dissect.sweep.pool import warm, workers_for
from dissect.sweep.train import Ended, conclude, train
from dissect.training.task import data_of


class Sweep(Sweeper):
    """Hydra's basic sweeper, with a store's memory.

    Args:
        params: what is swept over besides what the command line says, as for Hydra's.
    """

    tell: ClassVar[Any] = None  # a static method that is called instead, with the sweep, its design and its arguments
    config: Any  # that of the command line, set by `setup`
    hydra_context: Any
    tuned: dict[str, Any]  # of a study at two settings, what its manifest says of their choice

    def __init__(self, params: dict[str, str] | None = None) -> None:
        self.params = params or {}
        self.tuned = {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function

    def sweep(self, arguments: list[str]) -> Ended:
        refuse(self.config, arguments)
        if self.tell is None and not self.config.plan.only and self._new():
            warm()
        register(self.config.deltas)
        self.asker = Asker(self.config, self.hydra_context, self.params)
        design = self.asker.design()
        if self.tell is not None:
            self.tell(self, design, arguments)
            return []
        if self.config.plan.only:
            return self._plan_only(arguments, design)
        if self.config.plan.search.trials is not None and design is not None:
            from dissect.sweep.tuned import tuned

            jobs, self.tuned = tuned(self.asker, arguments, design, self.train)
            ended = self.train(self.frozen(jobs, design)[0])
            conclude(ended)
            return ended
        if self.config.plan.search.trials is not None:
            from dissect.sweep.rounds import asked, search

            variants = asked(lambda: self.asker.jobs(arguments, None), self.config, arguments)
            return search(variants, self.config.plan.search, self.train)
        folds = (self.config.get("data") or {}).get("folds") is not None
        if self.config.seeds == "auto":
            if design is None:
                raise InputError("seeds=auto: decides planned contrasts, so it needs a study: +study=...")
            from dissect.sweep.looks import extend

            looks = [int(look) for look in self.config.plan.looks]
            jobs = self._all_looks(arguments, design)
            ended = extend(*self.frozen(jobs, design), looks, self.train)
        else:
            jobs = self.asker.jobs(arguments, design)
            if design is None and not folds:
                refuse_several_settings(jobs)
                refuse_other_steps(jobs)
                if note := stray(jobs[0]):
                    print(note, file=sys.stderr, flush=True)
            ended = self.train(jobs if design is None else self.frozen(jobs, design)[0])
        conclude(ended, "crossval" if folds else "report")
        return ended

    def _all_looks(self, arguments: Sequence[str], design: Design) -> list[Job]:
        """The runs of a study with seeds=auto, if it comes to its last look."""
        if any(said.startswith("seed=") for said in arguments):
            raise InputError("seeds=auto: chooses the seeds itself, 0 and on; leave seed= out")
        jobs = self.asker.jobs([*arguments, f"seed=range({self.config.plan.looks[-1]})"], design)
        if len(self.asker.conditions) > 1:
            raise InputError(f"seeds=auto: decides for one condition; of {', '.join(self.asker.conditions)} name one")
        return jobs

    def _plan_only(self, arguments: list[str], design: Design | None) -> Ended:
        """Freeze the plan and train nothing, so that several plans stand before the first run of their folder."""
        if design is None:
            raise InputError("plan.only=true: freezes planned contrasts, so it needs a study: +study=...")
        if self.config.plan.search.trials is not None:
            raise InputError(
                f"plan.only=true: settings of each variant's own (plan.search.trials={self.config.plan.search.trials}) "
                "stand in the plan, and are known when their search has been trained; leave plan.only out"
            )
        auto = self.config.seeds == "auto"
        self.frozen(self._all_looks(arguments, design) if auto else self.asker.jobs(arguments, design), design)
        print("nothing was trained; the same command without plan.only=true trains it", flush=True)
        return []

    def _new(self) -> bool:
        """Whether workers of this machine will surely be wanted, as nothing in the study is finished."""
        own = self.config.hydra.launcher.get("_target_") == "dissect.sweep.pool.run_all"
        return own and not any(study_folder(self.config).glob("*/result.json"))

    def train(self, jobs: Sequence[Job]) -> Ended:
        """Train what is not finished, and give what became of every job."""
        return train(jobs, self.config, self._foreign)

    def _foreign(self, overrides: list[list[str]]) -> None:
        plugin = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=self.task_function, config=self.config
        )
        plugin.launch(overrides, initial_job_idx=0)

    def planned(self, jobs: Sequence[Job], design: Design) -> Manifest:
        """What the manifest of a study with these jobs says."""
        seeds = sorted({job.variant.seed for job in jobs})
        plans: dict[str, Manifest] = {}
        for condition in dict.fromkeys(job.condition for job in jobs):
            ours = [job for job in jobs if job.condition == condition]
            per_variant = len(ours) // len(design.variants)
            variants = {parts: ours[place * per_variant].variant for place, parts in enumerate(design.variants)}
            views = getattr(data_of(ours[0].variant.config), "facts", {}).get("views")
            name, data = study_of(self.config, self.config.hydra), ours[0].data
            plans[condition] = manifest.plan(name, design, variants, data, seeds, views)
        if len(plans) == 1:
            return next(iter(plans.values()))
        said = {label: said for label, (said, _) in self.asker.conditions.items()}
        return replace(crossed(plans, {label: said.get(label, []) for label in plans}), tuned=self.tuned)

    def frozen(self, jobs: list[Job], design: Design) -> tuple[list[Job], Manifest]:
        """The jobs as the study's manifest has them, which is written now if there is none, and the manifest.

        Raises:
            InputError: where they are not what was frozen.
        """
        config, now = jobs[0].variant.config, self.planned(jobs, design)
        path = manifest.path_of(config, now.study)
        alone = self._claim(path)
        before = self.before(jobs, now, alone=alone)
        if before is None:
            anew = path.exists()
            check_writable(path.parent, max((job.folder.name for job in jobs), key=len))
            keep_sources(path, now)
            manifest.write(path, now)
            said = "planned anew, as nothing was finished under the earlier plan"
            counts = f"{len(now.variants)} variants, {len(now.contrasts)} planned contrasts"
            print(f"{path}: {said if anew else counts}", flush=True)
            return jobs, now
        if config.plan.frozen:
            named = {target for job in jobs for target in targets_in(plain(job.variant.config))}
            like = {job.condition: job.variant.config for job in jobs}
            jobs = []
            for name, entry in before.variants.items():
                where, data = entry.get("condition", ""), Digest(before.data_of(name))
                runs = [before.variant(name, like.get(where, config), seed, named) for seed in now.seeds]
                jobs += [replace(job_of(run, data), condition=where) for run in runs]
        if now.settings != before.settings and not config.plan.frozen:
            manifest.disclose(path, now.settings)
        if added := sorted(set(now.seeds) - set(before.all_seeds)):
            manifest.extend(path, added)
            if before.looks is None:
                print(f"note: seeds {added} were not planned; p and intervals do not count that one looked before "
                      "(seeds=auto does)", flush=True)  # fmt: skip
        return jobs, before

    def before(self, jobs: Sequence[Job], now: Manifest, *, alone: bool = True) -> Manifest | None:
        """The manifest that these jobs follow; None where theirs is the first, or takes the place of one without runs.

        Args:
            alone: no other sweep holds it.

        Raises:
            InputError: where they are not what was frozen, or no report could show them beside what is in their folder.
        """
        config = jobs[0].variant.config
        path = manifest.path_of(config, now.study)
        found = manifest.read(path)
        refuse_other_conditions(path, now)
        if found is None:
            refuse_other_settings(path, now)
            refuse_other_steps(jobs, path)
        elif config.plan.frozen:
            refuse_other_code(path, found)
        else:
            try:
                refuse_changes(path, found, now)
            except InputError:
                if not alone or self._begun(found, config):
                    raise
                return None
        return found

    def _claim(self, path: Path) -> bool:
        """Hold a plan as long as this sweep lasts, so that nobody replaces it; whether no other sweep holds it."""
        self._held = FileLock(path.parent / ".locks" / f"{path.name}.sweep.lock")
        try:
            self._held.acquire(timeout=0)
        except Timeout:
            return False
        except OSError:  # a store that cannot be written, which whoever has to write it says
            pass
        return True

    def _begun(self, before: Manifest, config: DictConfig) -> bool:
        """Whether any run of an earlier plan is finished, or was before it was damaged, or is trained right now."""
        study = Path(config.runs) / config.name
        if any(store.held(path) for path in study.iterdir() if path.is_dir() and path.name[0] != "."):
            return True
        ended = [one for one in store.results(study) if one["status"] in ("finished", store.DAMAGED)]
        names = {entry.get("variant", name) for name, entry in before.variants.items()}
        return any(one["variant"] in names and one["seed"] in before.all_seeds for one in ended)


def refuse(config: Any, arguments: Sequence[str]) -> None:
    """Refuse now, and not after an hour, what no sweep could do."""
    workers_for(config.parallel, 1)
    if config.on_failure not in ("continue", "stop"):
        raise InputError(f"on_failure={config.on_failure}: must be continue or stop")
    if any(said.startswith("+study=") and ("," in said or "[" in said) for said in arguments):
        raise InputError("+study: one study at a time; those of one folder share their runs, so one after another")
    looks = [int(look) for look in config.plan.looks] if config.seeds == "auto" else None
    if looks and looks[-1] > MOST:
        raise InputError(f"plan.looks={looks}: a study has {MOST:,} seeds at most; look after fewer")
    check_terms(config.plan.level, config.plan.smallest, config.plan.power, looks)
    if config.plan.variances not in ("own", "pooled") or (config.plan.variances == "pooled" and looks):
        known = "own with seeds=auto" if looks else "own or pooled"
        raise InputError(f"plan.variances={config.plan.variances}: must be {known}")
    if config.seeds not in (None, "auto"):
        raise InputError(f"seeds={config.seeds}: must be auto; particular seeds: 'seed=range(5)'")
