"""Whose code a stored config may run: what a stranger's folder names is not made unless its package is trusted.

Hydra makes whatever `_target_` names, and its own list of what it refuses has holes. Here it is the other way round:
only networks, optimisers, transforms and the like of dissect, torch and torchvision are let through, each looked up
where it says it is and held against where it was defined, so that no name leads through a module to what that imports.
A config that the command line composed is the user's own, and needs none of this.
"""

import functools
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dissect.errors import InputError

# Modules, with those inside, whose public classes and functions write no files, fetch nothing and read no pickles.
DISSECT = (
    "dissect.design",
    "dissect.images.augmentation",
    "dissect.images.averaging",
    "dissect.images.colours",
    "dissect.images.erasing",
    "dissect.images.image_folder",
    "dissect.images.losses",
    "dissect.images.mixing",
    "dissect.images.muon",
    "dissect.images.optimizers",
    "dissect.images.policies",
    "dissect.images.schedules",
    "dissect.images.shifting",
    "dissect.images.sources",
    "dissect.networks",
)
OTHERS = ("torch.nn", "torch.optim", "torchvision.models", "torchvision.transforms")
EXACTLY = {
    "dissect.images.task.Images",
    "dissect.lightning.task.Lightning",
    "dissect.loggers.tensorboard.TensorBoard",
    "dissect.loggers.wandb.wandb_run",
    "lightning.pytorch.Trainer",
    "pytorch_lightning.Trainer",
    "pytorch_lightning.loggers.CSVLogger",
    "pytorch_lightning.loggers.CometLogger",
    "pytorch_lightning.loggers.MLFlowLogger",
    "pytorch_lightning.loggers.TensorBoardLogger",
}
# Of torch.nn, functions come from these two only; the others are modules (torch.nn.Module).
_FUNCTIONS = ("torch.nn.functional", "torch.nn.init")

Where = DictConfig | Mapping[Any, Any]


def refuse_strangers(config: Where, trusted: Collection[str] = (), *, parts: Collection[str] | None = None) -> None:
    """Refuse a config by which code would run that neither comes with dissect nor is trusted. Makes nothing.

    Args:
        config: as it was stored; interpolations are resolved, in which a `_target_` may hide.
        trusted: packages of which everything may run, as of `--trust mine`; theirs are imported to see what they name.
        parts: the keys of what is going to be made, such as ("model", "init", "data.source"); None for the whole.

    Raises:
        InputError: naming the key, the target, whose code it is and what allows it; also for a config that cannot be
            resolved, so that nothing passes unseen.
    """
    trusted = (trusted,) if isinstance(trusted, str) else trusted
    for key, node in _nodes(config, parts):
        target = node["_target_"]
        if not isinstance(target, str) or not _DOTTED.fullmatch(target):
            raise InputError(f"{key}={target!r:.200}: must be the dotted name of what to make, such as torch.nn.ReLU")
        _check(key, target, trusted)
        if target.split(".")[0] == "hydra":  # hydra.utils.get_method and its kin give what a string names
            for name in _strings([value for inner, value in node.items() if inner != "_target_"]):
                if "." in name:
                    _check(key, name, trusted)


_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def _check(key: str, target: str, trusted: Collection[str]) -> None:
    if is_known(target):
        return
    top = target.split(".")[0]
    if not _within(target, trusted):
        said = f"would run code of {top}, which this config names and not you; if you know what it does: --trust {top}"
        if top in sys.stdlib_module_names:
            said = f"would run code of Python's own {top}, which no network needs; see who made this config"
        elif top in ("dissect", "torch", "torchvision", "pytorch_lightning", "lightning"):
            known = "networks, data, optimisers and transforms that are known to be harmless"
            said = f"is none of {top}'s {known}; if you know what it does: --trust {top}"
        raise InputError(f"{key}={target}: {said}")
    if whose := _whose_instead(target, trusted):
        raise InputError(f"{key}={target}: is not {top}'s own but {whose}; name it where it is defined")


def is_known(target: str) -> bool:
    """Whether a dotted name is a class or function that comes with dissect, torch or torchvision and is harmless.

    It must be defined in the package that the name says, as a public one; nothing else is imported to see that.
    """
    home, _, name = target.rpartition(".")
    if not home or any(part.startswith("_") for part in target.split(".")):
        return False
    if target not in EXACTLY and not _within(home, (*DISSECT, *OTHERS)):
        return False
    try:
        module = import_module(home)
        thing = getattr(module, name)
        # As Hydra finds it: an attribute goes before a module of the same name.
        walked = functools.reduce(getattr, target.split(".")[1:], sys.modules[target.split(".")[0]])
    except (ImportError, AttributeError):
        return False
    if walked is not thing or not isinstance(thing, type | FunctionType | BuiltinFunctionType):
        return False
    defined = getattr(thing, "__module__", None) or ""
    if target in EXACTLY:
        return _within(defined, (target.split(".")[0],))
    if home.startswith("dissect."):
        return _within(defined, DISSECT)
    if _within(home, ("torch.nn",)):
        if isinstance(thing, type):
            return _within(defined, ("torch.nn",)) and issubclass(thing, import_module("torch").nn.Module)
        # Functions in C say that they are torch's; torch.load and its like are in Python.
        compiled = isinstance(thing, BuiltinFunctionType) and _within(defined, ("torch",))
        return home in _FUNCTIONS and (defined == home or compiled)
    if _within(home, ("torchvision.models",)):
        models = import_module("torchvision.models")
        if isinstance(thing, type):
            return _within(defined, ("torchvision",)) and issubclass(thing, import_module("torch").nn.Module)
        return thing is models.get_model or thing in {models.get_model_builder(one) for one in models.list_models()}
    return _within(defined, ("torch.optim", "torchvision.transforms"))


def _within(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _whose_instead(target: str, trusted: Collection[str]) -> str | None:
    """Whose a trusted package's name really is, as "posix.system" of mine.os.system; None for its own."""
    if any(part.startswith("__") for part in target.split(".")):
        return "a name of Python's insides"
    thing = _located(target)
    if thing is None:
        return None  # making it says that it is not there
    while isinstance(thing, functools.partial | MethodType):
        thing = thing.func if isinstance(thing, functools.partial) else thing.__func__
    if isinstance(thing, ModuleType):
        return f"the module {thing.__name__}"
    named = thing if isinstance(thing, type | FunctionType | BuiltinFunctionType) else type(thing)
    home, name = getattr(named, "__module__", None) or "", getattr(named, "__qualname__", "")
    if home.split(".")[0] in {one.split(".")[0] for one in trusted} or is_known(f"{home}.{name}"):
        return None
    return f"{home}.{name}".lstrip(".")


def _located(target: str) -> Any:
    """What Hydra would find: attributes first, then modules; None where there is nothing, or it cannot be imported."""
    parts = target.split(".")
    try:
        thing: Any = import_module(parts[0])
        for count, part in enumerate(parts[1:], 2):
            if not hasattr(thing, part) and isinstance(thing, ModuleType):
                import_module(".".join(parts[:count]))
            thing = getattr(thing, part)
    except Exception:  # a module of the user's raises what it likes
        return None
    return thing


def _nodes(config: Where, parts: Collection[str] | None) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Every mapping with a `_target_`, at any depth, by its key, "model.activation._target_"."""
    stack = [(part, _plain(config, part)) for part in ([""] if parts is None else parts)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, Mapping):
            if "_target_" in value:
                yield f"{key}._target_".lstrip("."), value
            for inner, one in value.items():
                if inner != "_target_":
                    stack.append((f"{key}.{_shown(inner)}".lstrip("."), one))
        elif isinstance(value, list | tuple):
            stack += [(f"{key}[{place}]", one) for place, one in enumerate(value)]
        elif isinstance(value, str):
            if "${" in value:  # whoever resolved it again would make another config of it
                raise InputError(
                    f"{key}={value!r:.200}: holds an interpolation inside an interpolation; write what is meant"
                )
        elif value is not None and not isinstance(value, bool | int | float | bytes | Path | Enum):
            raise InputError(f"{key}={value!r:.200}: must be text, a number, a list or a mapping; write what is meant")


def _shown(key: object) -> str:
    return text if (text := str(key)).isprintable() else repr(text)


def _plain(config: Where, part: str) -> Any:
    try:
        is_tree = isinstance(config, DictConfig)
        tree: Any = config if is_tree else OmegaConf.create(dict(config), flags={"allow_objects": True})
        node = OmegaConf.select(tree, part) if part else tree
        return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    except (OmegaConfBaseException, RecursionError, ValueError, TypeError) as problem:
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise InputError(
            f"config: {part or 'its keys'}: cannot be resolved ({reason}); write what is meant"
        ) from problem


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
