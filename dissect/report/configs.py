"""What runs' configs say, and in which keys those of two runs differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dissect.composing.identity import felt
from dissect.composing.plain import leaves
from dissect.errors import InputError
from dissect.planning.manifest import Manifest
from dissect.store.configs import read_config


def what_differs(path: Path, runs: pd.DataFrame, key: str) -> str:
    """The config keys in which two runs of different kinds differ; two of one variant, if there are such."""
    mixed = [group for _, group in runs.groupby("variant", sort=False) if group[key].nunique() > 1]
    first, second = (mixed[0] if mixed else runs).drop_duplicates(key)["folder"].iloc[:2]
    ours, theirs = (leaves(felt(config(path / folder / "config.yaml"))) for folder in (first, second))
    differing = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    listed = "; ".join(f"{name}: {ours.get(name)!r} or {theirs.get(name)!r}" for name in differing[:8])
    more = f"; and {len(differing) - 8} more" if len(differing) > 8 else ""
    what = listed + more if differing else "their code or data alone"
    return f"{first} and {second} differ in {what}."


def config(path: Path) -> dict[str, Any]:
    """A run's config; empty where it cannot be read, for it only adds to what a result says."""
    try:
        return read_config(path.parent)
    except InputError:
        return {}


def strays_of(results: Sequence[Mapping[str, Any]], plans: Sequence[Manifest]) -> list[str]:
    """The folders of finished runs that no plan of the folder could have asked for, where some are a plan's."""
    planned = {one.get("settings") for plan in plans for one in plan.variants.values()} - {None}
    ended = [result for result in results if result["status"] == "finished" and not result.get("member_of")]
    if not any(result["settings"] in planned for result in ended):
        return []
    return [Path(result["folder"]).name for result in ended if result["settings"] not in planned]
