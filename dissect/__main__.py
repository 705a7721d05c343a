"""`python -m dissect`: compose a config, then train what it says, once or as a sweep."""

import os
import sys
from importlib import import_module
from typing import NoReturn

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig

from dissect import __version__
from dissect.composing.choices import help_text
from dissect.composing.complaints import COMPLAINTS, explain
from dissect.composing.compose import forget, identify
from dissect.composing.deltas import told_within
from dissect.composing.job import job_of, titles_of
from dissect.composing.line import COMMANDS, check_line, config_dirs, parted
from dissect.composing.overrides import key_of, searchpath
from dissect.composing.schema import CONF
from dissect.composing.variant import Variant
from dissect.errors import InputError, TrainingError
from dissect.planning import manifest
from dissect.planning.conditions import name_in
from dissect.process import speak_plainly, stop_on_signals
from dissect.store.record import under_other_versions
from dissect.sweep.finish import attempt, finish, line
from dissect.sweep.jobs import study_of
from dissect.training.task import data_of


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def job(config: DictConfig) -> str:
    """One run, that of the command line or one of a sweep's on a cluster; returns its error, or ""."""
    try:
        return single(config) if HydraConfig.get().mode == RunMode.RUN else cluster_job(identify(config))
    except InputError as problem:
        sys.exit(f"error: {problem}")
    except TrainingError as problem:
        sys.exit(f"failed: {problem}")
    except COMPLAINTS as problem:  # here, or Hydra would say it in its own words first
        sys.exit(f"error: {explain(problem, sys.argv[1:])}")


def single(config: DictConfig) -> str:
    if config.seeds is not None:
        raise InputError(f"seeds={config.seeds}: decides planned contrasts, so it needs a study: +study=...")
    if config.plan.only:
        raise InputError("plan.only=true: freezes planned contrasts, so it needs a study: +study=...")
    if (trials := config.plan.search.trials) is not None:
        raise InputError(f"plan.search.trials={trials}: counts in a search alone: +study=random_search")
    variant = identify(config)
    result, new = finish(variant)
    if not new and (note := under_other_versions([result], variant.config)):
        print(note, file=sys.stderr, flush=True)
    print(
        f"{titles_of([variant])[variant.name]} seed {variant.seed}: {line(result, new)}\n  {result['folder']}",
        flush=True,
    )
    return ""


def cluster_job(variant: Variant) -> str:
    """A run whose launcher is Hydra's: as the study's manifest has it, whatever the YAML files say by now."""
    config = variant.config
    path = manifest.path_of(config, study_of(config, HydraConfig.get()))
    job = job_of(variant, data_of(config))
    if config.plan.design is not None and (before := manifest.read(path)):
        name = name_in(before, job.variant, job.data, HydraConfig.get().overrides.task)
        variant = before.variant(name, config, variant.seed)
        job = job_of(variant, data_of(variant.config))
    outcome = attempt(job)
    print(outcome.said(job), flush=True)
    return outcome.error


def main() -> None:
    """Run Hydra's application; a sweep leaves with 1 when a run of it failed."""
    # A user's own networks are found from the folder that they work in, as with any `python -m`.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # lets errors through to here, to be said in our words
    speak_plainly()
    stop_on_signals()
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        _command(sys.argv[1], sys.argv[2:])
    if "--version" in sys.argv:
        print(f"dissect {__version__}")
        sys.exit()
    if {"-h", "--help"} & set(sys.argv):
        print(help_text())
        sys.exit()
    options, overrides = parted(sys.argv[1:])
    sys.argv = [sys.argv[0], *options, *overrides]
    if all(said in config_dirs(options) or said.startswith(("--config-dir", "-cd")) for said in options) and any(
        said.startswith("+study=") for said in overrides
    ):
        sys.argv.insert(1, "-m")  # as the study itself says, but Hydra should know it before it finds a mistake
    try:
        check_line(overrides)
        _composed()
    except InputError as problem:  # a sweep's
        sys.exit(f"error: {problem}")
    except COMPLAINTS as problem:
        sys.exit(f"error: {explain(problem, sys.argv[1:])}")
    except RuntimeError as problem:  # Hydra's own sweepers, and those of its plugins
        if not str(problem).startswith("Invalid plugin"):
            raise
        mend = "leave it out, or name one of Hydra's launchers too: hydra/launcher=basic"
        sys.exit(f"error: {_sweeper(overrides)}: works with none of dissect's launchers; {mend}")


def _command(name: str, arguments: list[str]) -> NoReturn:
    """`dissect report STUDY` is `python -m dissect.report STUDY`."""
    sys.argv = [f"dissect {name}", *arguments]
    sys.exit(import_module(f"dissect.{name}.__main__").main())


def _sweeper(overrides: list[str]) -> str:
    return next((said for said in overrides if key_of(said) == "hydra/sweeper"), "hydra/sweeper")


def _composed() -> None:
    """Run Hydra's application; again, where a component was missing that stands in the config's own `deltas`."""
    forget()
    try:
        job()
    except MissingConfigException as problem:
        GlobalHydra.instance().clear()
        if not _told(problem):
            raise
        job()


def _told(problem: MissingConfigException) -> bool:
    if not str(problem.missing_cfg_file).startswith("component/"):
        return False
    dirs, overrides = config_dirs(sys.argv[1:]), parted(sys.argv[1:])[1]
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        return told_within(problem, [*searchpath(dirs), *overrides])


if __name__ == "__main__":
    main()
