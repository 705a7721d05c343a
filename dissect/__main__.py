"""`python -m dissect`: compose a config, then train what it says, once or as a sweep."""

import os
import sys

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dissect.composing.complaints import explain
from dissect.composing.compose import forget, identify
from dissect.composing.deltas import told_within
from dissect.composing.job import job_of
from dissect.composing.schema import CONF
from dissect.composing.variant import Variant
from dissect.errors import InputError, TrainingError
from dissect.planning import manifest
from dissect.planning.conditions import name_in
from dissect.process import speak_plainly, stop_on_signals
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


def single(config: DictConfig) -> str:
    if config.seeds is not None:
        raise InputError("seeds=auto: decides planned contrasts, so it needs a study: +study=...")
    if (trials := config.plan.search.trials) is not None:
        raise InputError(f"plan.search.trials={trials}: counts in a search alone: +study=random_search")
    variant = identify(config)
    result, new = finish(variant)
    print(f"{variant.name} seed {variant.seed}: {line(result, new)}\n  {result['folder']}", flush=True)
    return ""


def cluster_job(variant: Variant) -> str:
    """A run whose launcher is Hydra's: as the study's manifest has it, whatever the YAML files say by now."""
    config = variant.config
    path = manifest.path_of(config, study_of(HydraConfig.get()))
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
    sys.argv = [sys.argv[0], *options_first(sys.argv[1:])]
    options = [said for said in sys.argv[1:] if said.startswith("-") and not said.startswith(("--config-dir", "-cd"))]
    if not options and any(said.startswith("+study=") for said in sys.argv[1:]):
        sys.argv.insert(1, "-m")  # as the study itself says, but Hydra should know it before it finds a mistake
    try:
        _composed()
    except InputError as problem:  # a sweep's
        sys.exit(f"error: {problem}")
    except (HydraException, OmegaConfBaseException, YAMLError) as problem:
        sys.exit(f"error: {explain(problem, sys.argv)}")
    except ValueError as problem:  # Hydra's, for a choice such as ablation=5
        if not str(problem).startswith("Config group override"):
            raise
        sys.exit(f"error: {explain(problem, sys.argv)}; a choice is a name, such as +ablation=step5")


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
    options = [place for place, said in enumerate(sys.argv) if said in ("--config-dir", "-cd")]
    dirs = [sys.argv[place + 1] for place in options if place + 1 < len(sys.argv)]
    dirs += [said.partition("=")[2] for said in sys.argv if said.startswith("--config-dir=")]
    search = [f"hydra.searchpath=[{','.join('file://' + os.path.abspath(folder) for folder in dirs)}]"] if dirs else []
    said = [text for text in sys.argv[1:] if not text.startswith("-") and text not in dirs]
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        return told_within(problem, [*search, *said])


def options_first(arguments: list[str]) -> list[str]:
    """The command line with its options before its overrides, since Hydra's parser takes no option between them."""
    named = "cfg c package p info i config-path cp config-name cn config-dir cd experimental-rerun"
    with_value = {("-" if len(name) < 3 else "--") + name for name in named.split()}
    options: list[str] = []
    overrides: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        (options if argument.startswith("-") else overrides).append(argument)
        if argument in with_value:
            options += [value for value in [next(rest, None)] if value is not None]
    return options + overrides


if __name__ == "__main__":
    main()
