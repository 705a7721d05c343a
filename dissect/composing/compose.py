"""From what the command line says to a checked variant, through Hydra."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException
from omegaconf import DictConfig, OmegaConf

from dissect.composing import deltas as known
from dissect.composing.arguments import NowhereError
from dissect.composing.checks import check_needs
from dissect.composing.complaints import refuse_unknown
from dissect.composing.deltas import delta_of, register, still_asking, told_within
from dissect.composing.nearby import nearby
from dissect.composing.overrides import chooses, key_of, searchpath
from dissect.composing.schema import CONF
from dissect.composing.variant import Variant, declaration, resolve
from dissect.errors import InputError

# Groups of one object each. Hydra merges one object's arguments into another's; here a new object starts afresh.
OBJECTS = ("optimizer", "loss", "schedule", "init")


def compose(overrides: Iterable[str], *, config_dirs: Iterable[Path] = ()) -> Variant:
    """The variant that `python -m dissect OVERRIDES` would run, for use from Python.

    Args:
        config_dirs: folders with configs of your own, as --config-dir takes them.

    Raises:
        InputError: for what `resolve` refuses; Hydra's own errors for what it cannot compose.
    """
    said = [*searchpath(config_dirs), *overrides]
    forget()
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        try:
            config = hydra.compose("config", said, return_hydra_config=True)
        except MissingConfigException as problem:
            if not told_within(problem, said):
                raise
            config = hydra.compose("config", said, return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        return identify(without_hydra(config))


def identify(config: DictConfig) -> Variant:
    """Check a composed config against its base, which is composed anew from the same overrides without components."""
    settings = HydraConfig.get()
    # As they were said: reading them one by one would resolve what they refer to.
    everything: Any = OmegaConf.to_container(settings.overrides)
    task, of_hydra = everything["task"], everything["hydra"]
    said = {key_of(text): text for text in task}
    if "," in (steps := said.get("ablation", "").partition("=")[2]) and steps.startswith("["):
        raise InputError(
            f"{said['ablation']}: several steps would be merged into one; a sweep: -m '+ablation={steps.strip('[]')}'"
        )
    if {"component", "ablation"} <= said.keys():
        raise InputError(
            f"{said['component']} and {said['ablation']}: both choose the components; leave one of them out"
        )
    sources = sources_of(settings)
    _refuse_hidden({**settings.runtime.choices, "component": list(config.components)}, sources)
    search = [text for text in of_hydra if text.startswith("hydra.searchpath=")]
    config = _afresh(config, settings.runtime.choices, (*search, *task), sources)
    refuse_unknown(config)
    register(config.deltas)  # also where each name has a file, so that it is said
    for group in ("model", "task"):
        if group not in config:
            continue
        node = config[group] or {}
        # Without that line, what a task's file says lies inside the node, beside the target of the one it is based on.
        if "_target_" not in node or (
            group == "task" and {"task", "metric", "module", "datamodule", "ladder"} & {*node}
        ):
            choice = settings.runtime.choices.get(group)
            raise InputError(f"{group}/{choice}.yaml: its first line must be `# @package _global_`")
    chosen = [text for text in task if key_of(text) not in ("component", "ablation", "seed")]
    deltas = {name: delta_of(name, sources) for name in config.components}
    base = _named(_base((*search, *chosen), sources), settings)
    base.seed = config.seed  # to which other keys may refer
    named: Any = OmegaConf.to_container(config.components, resolve=True)
    check_needs([still_asking(declaration(name, named[name])[1], base, sources) for name in named])
    named_config = _named(config, settings)
    try:
        found = resolve(named_config, base, deltas)
    except NowhereError as lost:
        study, own = Path(named_config.runs) / named_config.name, [Path(one) for one in sources if one != str(CONF)]
        raise InputError(f"{lost}{nearby((f'{lost.module}.py', lost.module), study, own)}") from lost
    if not any(key.split(".")[0] == "init" for key in said):
        _refuse_start(config, settings.runtime.choices, sources)
    return found


def _refuse_hidden(choices: Mapping[str, Any], sources: tuple[str, ...]) -> None:
    """Hydra takes the first file of a name that it finds, dissect's own before the user's, and says nothing of others.

    Raises:
        InputError: for a choice of which there are two files.
    """
    for group, chosen in choices.items():
        for name in chosen if isinstance(chosen, list) else [chosen]:
            places = dict.fromkeys(Path(folder).resolve() / group / f"{name}.yaml" for folder in sources)
            files = [path for path in places if path.is_file()]
            if len(files) > 1:
                raise InputError(f"{files[1]}: would never be read, as {files[0]} has the same name; call it otherwise")


def _refuse_start(config: DictConfig, choices: Mapping[str, Any], sources: tuple[str, ...]) -> None:
    """A network that a line or a component puts in the place of its choice's own is not begun as that file says.

    Raises:
        InputError: where the weights that it comes with would be lost, though nobody asked for that.
    """
    start, model = choices.get("init"), choices.get("model")
    if start in (None, "own") or OmegaConf.select(config, "init._target_") != _target("init", start, sources):
        return
    network, meant = OmegaConf.select(config, "model._target_"), _target("model", model, sources, "model._target_")
    if meant is not None and network != meant and not str(network).startswith("dissect."):
        raise InputError(
            f"model._target_={network}: is not the network of model={model}, by whose init={start} the weights that it "
            f"comes with would be lost; keep them: init=own, or say init={start} too"
        )


def sources_of(hydra: Any) -> tuple[str, ...]:
    """The folders in which configs are looked for, the nearest first."""
    return tuple(source.path for source in hydra.runtime.config_sources if source.schema == "file")


def without_hydra(config: DictConfig) -> DictConfig:
    kept = config.copy()
    OmegaConf.set_struct(kept, False)
    del kept["hydra"]
    OmegaConf.set_struct(kept, True)
    return kept


def _named(config: DictConfig, settings: Any) -> DictConfig:
    """The config with the study's name, the task's choice where nothing else names it."""
    config = config.copy()
    if OmegaConf.is_missing(config, "name"):
        config.name = str(settings.runtime.choices.task)
    if not str(config.runs).strip():
        raise InputError("runs='': must be the name of a folder, such as runs=mine")
    config.runs = str(Path(str(config.runs)).expanduser().absolute())  # so that messages say where it is
    return config


def study_folder(config: Any) -> Path:
    """Where the runs of the command line's own config lie; Hydra's settings are still in it."""
    named = _named(config, config.hydra)
    return Path(named.runs) / named.name


def forget() -> None:
    """Forget what an earlier composition in this process has registered and kept."""
    known.forget()
    _base.cache_clear()
    _target.cache_clear()


@cache
def _base(overrides: tuple[str, ...], sources: tuple[str, ...]) -> DictConfig:
    config = hydra.compose("config", list(overrides), return_hydra_config=True)
    return _afresh(without_hydra(config), config.hydra.runtime.choices, overrides, sources, base=True)


def _afresh(
    config: DictConfig,
    choices: Mapping[str, Any],
    overrides: tuple[str, ...],
    sources: tuple[str, ...],
    *,
    base: bool = False,
) -> DictConfig:
    """The config with those OBJECTS anew whose `_target_` is not that of their group's choice any more.

    Hydra has merged the new object's arguments into the choice's, whose other arguments are not the new one's: they go,
    by composing without the choice.
    """
    stale = [
        group
        for group in OBJECTS
        if group in config and (target := _target(group, choices.get(group), sources)) is not None
        if OmegaConf.select(config, f"{group}._target_") != target
    ]
    if not stale:
        return config
    for text in overrides:
        # A component may well change what was chosen for all; in a base it is a file that undoes the choice.
        if base and (group := key_of(text)) in stale and chooses(text):
            raise InputError(
                f"{text}: a file sets {group} itself ({OmegaConf.select(config, f'{group}._target_')}), so that the "
                "choice would do nothing; leave one of the two out"
            )
    kept = []
    for text in overrides:
        if key_of(text).split(".")[0] not in stale:
            kept.append(text)
        elif not text.startswith("~") and not (key_of(text) in stale and chooses(text)):
            # What the command line says of one of its arguments may now be the first that does.
            kept.append(f"++{text.lstrip('+')}")
    return hydra.compose("config", [*kept, *(f"~{group}" for group in stale)])


@cache
def _target(group: str, choice: Any, sources: tuple[str, ...], key: str = "_target_") -> str | None:
    path = next((path for folder in sources if (path := Path(folder) / group / f"{choice}.yaml").is_file()), None)
    return None if path is None else OmegaConf.select(OmegaConf.load(path), key)
