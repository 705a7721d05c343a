"""What `result.json` says of a run besides its scores: who it is, its data and its provenance."""

import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from dissect.composing.identity import code_in, digest_of
from dissect.composing.imported import as_imported
from dissect.composing.job import Job
from dissect.composing.plain import plain
from dissect.errors import VERSION
from dissect.store.expected import COSTS
from dissect.store.reading import seal

HERE = Path(__file__).resolve().parents[2]  # of a checkout; site-packages, where dissect is installed


def describe(job: Job, data: Any) -> dict[str, Any]:
    """The body of `result.json`: who the run is, its data and its provenance, every metric and cost null as yet.

    Args:
        data: has `facts`, which stand in the result, and a `digest`.
    """
    variant, code = job.variant, code_in(plain(job.variant.config))
    return {
        "key": job.key,
        "study": variant.config.name,
        "variant": variant.name,
        "components": dict(variant.components),
        "seed": variant.seed,
        "status": "finished",
        "error": None,
        "diverged": False,
        "settings": (variant.member_of or variant).settings(data.digest),
        "member_of": variant.member_of and variant.member_of.name,
        "members": None,
        "metric": plain(variant.config.metric),
        "metrics": {},
        "ten_crop": None,
        "data": dict(data.facts),
        **dict.fromkeys(COSTS),
        "device": None,
        "precision": None,
        "versions": versions() | dict(code.versions),
        "commit": commit(HERE),
        "project": project(code.sources.values()),
        "code": digest_of(as_imported(code)) if code.digests else None,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def curve_of(row: Mapping[str, Any], metric: str) -> str | None:
    """The column of a row of metrics.csv in which a metric is followed over the epochs; None where there is none."""
    return next((name for name in (metric, f"val_{metric}", f"val/{metric}") if name in row), None)


@cache
def versions() -> dict[str, str]:
    named = ("torch", "torchvision", "pytorch-lightning", "numpy")
    return {"python": platform.python_version(), "dissect": VERSION, **{name: version(name) for name in named}}


def under_other_versions(results: Iterable[Mapping[str, Any]], config: DictConfig) -> str:
    """That finished runs were trained under other versions than a run of this config would be now; "" for none."""
    now = versions() | dict(code_in(plain(config)).versions)
    others = Counter(
        f"{name} {one} (here: {now[name]})"
        for result in results
        for name, one in (result.get("versions") or {}).items()
        if one != now.get(name, one)
    )
    told = ", ".join(f"{count} under {what}" for what, count in sorted(others.items()))
    return f"note: of the runs that were finished before, {told}" if told else ""


@cache
def commit(folder: Path) -> str | None:
    """A checkout's commit, "-dirty" with changes that are not in it; None where the folder is not the top of one."""
    if not (folder / ".git").exists():
        return None
    # Without the program that a checkout's own config may name to watch its files.
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def project(sources: Iterable[Path]) -> str | None:
    """The commit of the checkout that the user's own code lies in, else of the one that the command was given in.

    None where there is none, or it is dissect's own.
    """
    for place in [*sorted(sources), Path.cwd() / "_"]:
        if (top := next((one for one in place.absolute().parents if (one / ".git").exists()), None)) is not None:
            return None if top == HERE else commit(top)
    return None


def kept_as(result: Mapping[str, Any]) -> str:
    """By what two finished runs are known to have come to the same: metrics, and predictions or rows of epochs."""
    files = result.get("files") or {}
    known = files.get("predictions.npz") or files.get("metrics.csv")
    return seal({"file": known, "metrics": result["metrics"]}) if known else ""
