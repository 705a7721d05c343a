"""A folder of runs: a Hydra multirun, or what Lightning's loggers leave, `hparams.yaml` with curves beside it.

What was set is in `.hydra/overrides.yaml`, else in `hparams.yaml`; what was measured in `metrics.csv` (Lightning's
CSVLogger), in TensorBoard's event files, or in a JSON file of results. Nothing is made of what a config names.
"""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from dissect.composing.plain import leaves
from dissect.errors import InputError
from dissect.store.configs import read_config
from dissect.store.readers import events
from dissect.store.readers.found import Found, by_epoch
from dissect.store.readers.table import typed
from dissect.store.reading import read_bytes, read_json

OVERRIDES = ".hydra/overrides.yaml"
MOST = 256 << 20  # bytes of a metrics.csv
LEFT = "leave this run out, or run it again"


def reads(source: str) -> bool:
    return Path(source).is_dir() and bool(_jobs(Path(source)))


def _jobs(path: Path) -> list[Path]:
    """The runs' folders, in the order of their numbers."""
    found = [one.parents[1] for one in path.rglob(OVERRIDES)] or [one.parent for one in path.rglob("hparams.yaml")]
    return sorted(set(found), key=lambda job: [int(part) if part.isdigit() else -1 for part in
                                               re.split(r"(\d+)", str(job.relative_to(path)))] + [0])  # fmt: skip


def read(source: str) -> Found:
    """Raises InputError for overrides that cannot be read; a run whose results cannot be read has an `error`."""
    path = Path(source)
    rows, curves, notes, settings = [], {}, [], dict[str, None]()
    configs: dict[str, dict[str, Any]] = {}
    for job in _jobs(path):
        name = str(job.relative_to(path))
        said = overrides(job / OVERRIDES) if (job / OVERRIDES).exists() else _hparams(job / "hparams.yaml")
        settings |= dict.fromkeys(said)
        if (job / ".hydra" / "config.yaml").exists():
            configs[name] = leaves(_config(job / ".hydra"))
        row: dict[str, Any] = {"run": name, **said}
        try:
            measured, several = _measured(job)
            if several:
                notes.append(f"{name} has {several}; the last one counts.")
            if isinstance(measured, pd.DataFrame):
                curves[name] = measured
            else:
                row |= {key: value for key, value in measured.items() if key not in row}
        except InputError as problem:
            row["error"] = str(problem)
        rows.append(row)
    if differing := _besides(configs, settings):
        notes.append(f"The runs' configs also differ in what no override names: {', '.join(differing)}.")
    elif configs:
        notes.append("But for those, the runs' configs are equal.")
    return Found(path.resolve().name, pd.DataFrame(rows, dtype=object), list(settings), curves, notes=notes)


def overrides(path: Path) -> dict[str, Any]:
    """What a job's command line said: key -> value, without Hydra's own keys.

    Raises:
        InputError: for a file that is no list of overrides.
    """
    try:
        said = yaml.safe_load(io.BytesIO(read_bytes(path, 1 << 20, mend=LEFT)))
        if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
            raise ValueError(f"it holds {said!r:.60}, no list of overrides")
        parsed = OverridesParser.create().parse_overrides(said)
    except (yaml.YAMLError, HydraException, ValueError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"{path}: cannot be read ({reason}); {LEFT}") from problem
    own = [one for one in parsed if not one.key_or_group.startswith("hydra")]
    return {one.key_or_group: None if one.is_delete() else _plain(one.value()) for one in own}


def _plain(value: Any) -> Any:
    """A quoted text as text, and lists and mappings of such likewise."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if value is None or isinstance(value, bool | int | float) else str(getattr(value, "text", value))


def _config(folder: Path) -> dict[str, Any]:
    try:
        return read_config(folder)
    except InputError:
        return {}  # it only adds to what the overrides say


def _hparams(path: Path) -> dict[str, Any]:
    try:
        said = yaml.safe_load(io.BytesIO(read_bytes(path, 1 << 20, mend=LEFT))) or {}
    except (yaml.YAMLError, ValueError) as problem:  # a safe loader makes no Python objects, and says so
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"{path}: cannot be read ({reason}); {LEFT}") from problem
    return leaves(said) if isinstance(said, dict) else {}


def _besides(configs: Mapping[str, Mapping[str, Any]], settings: Mapping[str, None]) -> list[str]:
    """Keys in which resolved configs differ though no override set them, or what is below them, anywhere."""
    keys = dict.fromkeys(key for config in configs.values() for key in config)
    told = [key for key in keys if not any(key == one or key.startswith(f"{one}.") for one in settings)]
    # A choice of a group sets keys of any name, so what goes with a setting is that setting's.
    free = [key for key in told if len({str(config.get(key)) for config in configs.values()}) > 1]
    groups = {one.rpartition("/")[2] for one in settings}
    return [key for key in free if key.partition(".")[0] not in groups][:8]


def _measured(job: Path) -> tuple[pd.DataFrame | dict[str, Any], str]:
    """Curves by epoch, or final values; and, where there were several of a kind, how many."""
    tables = sorted(job.rglob("metrics.csv"), key=_version)
    written = sorted(job.rglob(events.PATTERN), key=_version)
    if tables:
        return _csv(tables[-1]), f"{len(tables)} files metrics.csv" if len(tables) > 1 else ""
    if written:
        last = [one for one in written if one.parent == written[-1].parent]
        folders = len({one.parent for one in written})
        return events.scalars(last), f"{folders} folders of event files" if folders > 1 else ""
    found: dict[str, Any] = {}
    for path in sorted(job.glob("*.json")):
        try:
            said = leaves(read_json(path, mend=LEFT))
        except InputError:
            if path.stem.startswith(("result", "metric")):
                raise
            continue
        for key, value in said.items():
            if found.setdefault(key, value) != value:
                raise InputError(f"{path}: {key}={value!r:.40}: another file says {found[key]!r:.40}; {LEFT}")
    return found, ""


def _version(path: Path) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"version_(\d+)", str(path))], str(path)


def _csv(path: Path) -> pd.DataFrame:
    try:
        rows = pd.read_csv(io.BytesIO(read_bytes(path, MOST, mend=LEFT)), dtype=str, keep_default_na=False)
        return by_epoch(rows.apply(typed))
    except (ValueError, KeyError, TypeError) as problem:
        reason = " ".join(str(problem).split())[:200]
        raise InputError(f"{path}: cannot be read ({reason}); {LEFT}") from problem
