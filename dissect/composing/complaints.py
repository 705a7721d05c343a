"""Hydra's complaints about a command line, said in one line: the key or choice, the value, and the mend."""

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dissect.composing.choices import files_of, read
from dissect.composing.deltas import registered
from dissect.composing.line import config_dirs, file_of
from dissect.composing.nearby import nearby
from dissect.composing.overrides import chooses, key_of, searchpath, sweeps
from dissect.composing.plain import leaves, unresolved
from dissect.composing.schema import CONF, Config
from dissect.errors import InputError

COMPLAINTS = (HydraException, OmegaConfBaseException, yaml.YAMLError)  # what composing raises
# Mappings of names to what the user likes, which take new names.
OPEN = ("augmentation", "callbacks", "components", "deltas", "metric.others", "plan.search.over")
CHOICES = "all choices: python -m dissect --help"
_WANTED = {"Integer": "a whole number, such as 3", "Float": "a number, such as 0.1", "bool": "true or false"}


def explain(problem: Exception, arguments: Iterable[str] = ()) -> str:
    """A one-line message for what Hydra or OmegaConf raised.

    Args:
        arguments: the command line, for folders named by --config-dir.
    """
    text = "\n".join(str(said) for said in (problem, problem.__cause__) if said is not None)
    if isinstance(problem, MissingConfigException) and problem.missing_cfg_file:
        group, _, wrong = problem.missing_cfg_file.rpartition("/")
        return f"{group}={wrong}: there is no such choice; {nearest(wrong, _choices(group, arguments), CHOICES)}"
    if (key := re.search(r"Could not (?:override|append to config. An item is already at) '([^']+)'", text)) and (
        owners := _owners(key[1], list(arguments))
    ):
        mend = "another value takes a component of your own: --config-dir FOLDER, with component/NAME.yaml in it"
        return f"{key[1]}: belongs to component {' and '.join(owners)}; {mend}"
    if key := re.search(r"Could not override '([^']+)'", text):
        if key[1] in ("ablation", "study", "tuned"):
            return f"{key[1]}: is not in the defaults, so it is added with a plus: +{key[1]}=..."
        if key[1].startswith("hydra."):
            return f"{key[1]}: there is no such key (all: python -m dissect --cfg hydra); a new one: +{key[1]}=..."
        known = _keys(arguments)
        part = key[1].split(".")[0]
        if (CONF / part).is_dir() and part not in {one.split(".")[0] for one in known}:
            return f"{key[1]}: is a part of another task; those of this one: python -m dissect ... --cfg job"
        if (part := next((one for one in OPEN if f"{key[1]}.".startswith(f"{one}.")), None)) is not None:
            mend = f"what is new in {part} is added with a plus: +{key[1]}=..."
            close = get_close_matches(key[1], known, n=1) if part != key[1] else []
            return f"{key[1]}: there is no such key; {mend}" + (f"; or did you mean {close[0]}?" if close else "")
        if f"{(part := key[1].rpartition('.')[0])}._target_" in known:
            mend = f"an argument that {part} is not given yet is added with a plus: +{key[1]}=..."
            return f"{key[1]}: there is no such key; {mend}; or {nearest(key[1], known)}"
        return f"{key[1]}: there is no such key; {nearest(key[1], known)}"
    if found := re.search(r"In '([^']+)'.*\n(?:.*\n)*?Key '(\w+)' not in '(\w+)'\n\s*full_key: (\S+)", text):
        where = f"{found[1]}.yaml"
        if found[1].removeprefix("component/") in registered():
            where = f"deltas.{found[1].removeprefix('component/')}"
        elif found[2] in ("component", "study", "ablation", "model", "task", "tuned"):
            return f"{where}: its first line must be `# @package _global_`"
        return f"{where}: {found[4]}: there is no such key; {nearest(found[4], _keys(arguments))}"
    if found := re.search(r"In '([^']+)': \w+ raised while composing config:\n(.*)\n\s*full_key: ?(.*)", text):
        return _in_file(file_of(found[1], arguments), found[1].rpartition("/")[2], found[2], found[3])
    if found := re.search(r"Additional config directory '(.+)' not found", text):
        said = {key_of(one): one.partition("=")[2] for one in arguments if "=" in one}
        study, name = Path(said.get("runs", "runs")) / said.get("name", ""), Path(found[1]).name
        mend = "name one that is there, or call it from the folder that holds it"
        return f"--config-dir {name}: there is no folder {found[1]}; {mend}{nearby((name,), study)}"
    if found := re.search(r"Sweep parameters '(.+)' requires --multirun", text):
        return f"{found[1]}: several values, so it is a sweep: add -m"
    if found := re.search(r"BasicSweeper does not support sweep type : (\w+)", text):
        return f"{found[1].lower()}: no such sweep here; list the values: optimizer.lr=0.1,0.01, or seed=range(5)"
    if found := re.search(r"Error merging override ~([^;\s]+)", text):
        return f"~{found[1]}: cannot be taken out; give it another value: {found[1]}=..."
    if found := re.search(r"Ambiguous value for argument '([^'=]+)=([^']+)'", text):
        if found[1].lstrip("+") == "study":
            return f"{found[1]}={found[2]}: one study at a time; those of one folder share their runs"
        return f"{found[1]}={found[2]}: several values; as a list: '{found[1]}=[{found[2]}]', as a sweep: add -m"
    if found := re.search(r"Error merging override (\S+)\n.*(could not be converted to|is not a valid) (\w+)", text):
        return f"{found[1]}: must be {_WANTED.get(found[3], found[3])}"
    if found := re.search(r"Incompatible key type 'NoneType'\s+full_key: (\S+)", text):
        return f"{found[1]}: YAML reads a name in it as null; in quotes it is a name"
    if found := re.search(r"field '(\S+)' is not Optional", text):
        return f"{found[1]}=null: must have a value"
    if isinstance(problem, OmegaConfBaseException):
        return unresolved(problem)
    # Whatever else there is: Hydra's own words, on one line, and those of what caused it.
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())


def _in_file(path: str, name: str, reason: str, key: str) -> str:
    """What is wrong in a config file that Hydra could not merge."""
    if found := re.match(r"Key (\S+) \((\w+)\) is incompatible", reason):
        own = f" {name}" if str(yaml.safe_load(name)) == found[1] else ""  # so it is not another name in that file
        mend = f'in quotes it is a name: {{"{name}": its label}}' if own else "in quotes it is a name"
        return f"{path}: {key}: YAML reads the name{own} as {found[1].lower()}; {mend}"
    if found := re.match(r"Value '(.*)' of type '\w+' (?:could not be converted to|is not a valid) (\w+)", reason):
        return f"{path}: {key}={found[1]}: must be {_WANTED.get(found[2], found[2])}"
    if Path(path).is_file():
        said: Any = OmegaConf.load(path)
        parts = {one.name for one in fields(Config)} - {"name", "runs", "seed", "seeds", "ladder", "logger", "parallel",
                                                        "on_failure", "threads"}  # fmt: skip
        for part in parts & set(map(str, said)):
            if not isinstance(value := said[part], DictConfig):
                return f"{path}: {part}={value}: must be a mapping, such as {part}: {{key: value}}"
    return f"{path}: {key}: {reason}".replace(": : ", ": ")


def nearest(wrong: str, known: list[str], others: str = "all keys: python -m dissect --cfg job") -> str:
    """What may have been meant, and what there is; `others`: where that is told, when it is much."""
    last = wrong.rpartition(".")[2]
    same = sorted((one for one in known if one.rpartition(".")[2] == last and one != wrong), key=len)
    close = same[:1] or get_close_matches(wrong, known, n=1, cutoff=0.7)
    listed = f"there are {', '.join(known)}" if len(known) <= 20 else others
    return f"did you mean {close[0]}? ({listed})" if close else listed


def refuse_unknown(config: DictConfig, part: str = "") -> None:
    """Refuse what `+key=value` has added beside the schema: nothing would ever read it.

    Raises:
        InputError: naming the key and the one that may have been meant.
    """
    kind = OmegaConf.get_type(config)
    if not is_dataclass(kind):
        return
    known = [field.name for field in fields(kind)]
    for key in set(map(str, config)) - set(known):
        full = ".".join(filter(None, (part, key)))
        also = [] if part else ["ablation", "study", "component", "tuned"]
        raise InputError(f"{full}: there is no such key; {nearest(key, known + also)}")
    for key in known:
        inner = config._get_node(key)  # as it was said: what it refers to, whoever resolves it says
        if isinstance(inner, DictConfig) and not inner._is_interpolation() and not inner._is_missing():
            refuse_unknown(inner, ".".join(filter(None, (part, key))))


def _choices(group: str, arguments: Iterable[str]) -> list[str]:
    files = {path.stem for path in files_of(group, arguments)}
    return sorted(files | set(registered() if group == "component" else ()))


def _owners(key: str, arguments: list[str]) -> list[str]:
    """The components that set the key, of those that the command line chooses, where it names any."""
    said = next((one.partition("=")[2] for one in arguments if key_of(one) == "component"), "")
    found = [path.stem for path in files_of("component", arguments) if key in leaves(read(path))]
    return [name for name in found if name in re.findall(r"\w+", said)] or found


def _keys(arguments: Iterable[str]) -> list[str]:
    """Every key of the task that the command line chooses."""
    task = [said for said in arguments if key_of(said) == "task" and chooses(said) and not sweeps(said)]
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        try:
            config = hydra.compose("config", [*searchpath(config_dirs(arguments)), *task])
        except HydraException:  # a task of the user's own
            config = hydra.compose("config")
        return list(leaves(OmegaConf.to_container(config)))
