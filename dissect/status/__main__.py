"""python -m dissect.status [STUDY ...]: what a study's runs are doing, told from the store alone.

Answers from any terminal or machine that sees the store, while a sweep goes on or after it was killed.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dissect.composing.job import who
from dissect.composing.nearby import nearby
from dissect.composing.plain import leaves
from dissect.composing.variant import declaration
from dissect.errors import InputError
from dissect.files import mebibytes, size_of
from dissect.measure.metric import Metric
from dissect.planning import manifest
from dissect.planning.titles import caller
from dissect.process import speak_plainly
from dissect.store import runs as store
from dissect.store.configs import read_config
from dissect.sweep.watch import epoch_of


@dataclass
class Status:
    """A study's runs by what they do: results of those finished and failed, folders of those going on or cut off.

    `missing` are planned runs (variant as its manifest calls it, seed) of which the store has nothing yet.
    """

    finished: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    running: list[Path] = field(default_factory=list)
    cut_off: list[Path] = field(default_factory=list)
    missing: list[tuple[str, int]] = field(default_factory=list)
    epochs_left: float = 0.0  # of those going on, cut off and missing
    bytes: int = 0  # of all runs' files
    each: float = 0.0  # of a finished run's
    called: Callable[[str], str] = str  # how a variant is called, by its name


def status_of(study: Path) -> Status:
    """Look at every run's folder, its lock, and the study's manifests.

    Raises:
        InputError: for a folder that does not exist, or files in it that cannot be read.
    """
    found = Status()
    for result in store.results(study):
        (found.finished if result["status"] == "finished" else found.failed).append(result)
    known = {Path(result["folder"]) for result in found.finished}
    sizes = {folder: size_of(folder) for folder in study.iterdir() if folder.is_dir() and folder.name[0] != "."}
    found.bytes, found.each = sum(sizes.values()), sum(sizes[folder] for folder in known) / max(1, len(known))
    begun = {path.parent for path in study.glob("*/config.yaml")} - known
    found.running = sorted(folder for folder in begun if store.held(folder))
    told = {Path(result["folder"]) for result in found.failed}
    found.cut_off = sorted(begun - set(found.running) - told)
    found.failed = [result for result in found.failed if Path(result["folder"]) not in found.running]
    plans = manifest.read_all(study)
    missing = _missing(found, plans)
    found.missing = [(name, seed) for name, seed, _ in missing]
    done = [one["epochs"] for one in found.finished if one.get("epochs")]
    typical = sum(done) / max(1, len(done))
    found.epochs_left = sum(_epochs(entry.get("config"), typical) for _, _, entry in missing)
    for folder in [*found.running, *found.cut_off]:
        with suppress(InputError):
            found.epochs_left += max(0.0, _epochs(read_config(folder), typical) - epoch_of(folder)[0])
    found.called = caller(plans, _components(found))
    return found


def _missing(found: Status, plans: Sequence[manifest.Manifest]) -> list[tuple[str, int, Mapping[str, Any]]]:
    """Name, seed and manifest's entry of the planned runs that have no folder.

    A run is one of a variant under its settings with a seed, however many plans ask for it and under whatever name.
    """
    planned: dict[tuple[str, int], dict[str, tuple[str, Mapping[str, Any]]]] = {}
    for plan in plans:
        for name, entry in plan.variants.items():
            for seed in plan.all_seeds:
                run = (str(entry.get("variant", name)), seed)
                planned.setdefault(run, {}).setdefault(str(entry.get("settings") or ""), (name, entry))
    results = [*found.finished, *found.failed]
    for one in results:
        if one["status"] != store.DAMAGED:
            asked, settings = planned.get((one["variant"], one["seed"]), {}), one.get("settings") or ""
            asked.pop(settings if settings in asked else "", None)
    damaged = [Path(one["folder"]) for one in results if one["status"] == store.DAMAGED]
    for folder in [*found.running, *found.cut_off, *damaged]:  # their files do not tell the digest of their settings
        asked = planned.get(who(folder), {})
        if asked:
            del asked[min(asked, key=lambda settings: _unlike(folder, asked[settings][1]))]
    return [(name, seed, entry) for (_, seed), asked in planned.items() for name, entry in asked.values()]


def _unlike(folder: Path, entry: Mapping[str, Any]) -> int:
    """In how many keys a begun run's config is not what a manifest says; none where one of them does not say."""
    try:
        said = leaves(read_config(folder))
    except InputError:
        return 0
    return sum(said.get(key) != value for key, value in leaves(entry.get("config") or {}).items())


def _epochs(config: Any, typical: float) -> float:
    try:
        return float(config["train"]["epochs"])
    except (KeyError, TypeError, ValueError):
        return typical


def _components(found: Status) -> dict[str, dict[str, str]]:
    """Of each variant that has a run, its components with their labels; none where its files do not tell."""
    results = [*found.finished, *found.failed]
    told = {one["variant"]: one.get("components") for one in results if one["status"] != store.DAMAGED}
    damaged = [Path(one["folder"]) for one in results if one["status"] == store.DAMAGED]
    for folder in [*found.running, *found.cut_off, *damaged]:
        with suppress(InputError):  # a config has them as they were declared
            said = read_config(folder).get("components")
            labels = {name: declaration(name, one)[0] for name, one in said.items()} if isinstance(said, dict) else None
            told.setdefault(who(folder)[0], labels)
    return {name: parts for name, parts in told.items() if isinstance(parts, dict)}


def lines(study: Path, found: Status) -> list[str]:
    counts = [
        f"{len(found.finished)} finished",
        f"{len(found.running)} running",
        f"{len(found.cut_off)} cut off" if found.cut_off else "",
        f"{len(found.failed)} failed" if found.failed else "",
        f"{len(found.missing)} planned and not begun" if found.missing else "",
        _left(found),
        f"{mebibytes(found.bytes)} on disk" + (f" ({mebibytes(found.each)} a run)" if found.finished else ""),
    ]
    said = [f"{study}: {', '.join(filter(None, counts))}"]
    said += [f"  running  {_run(folder, found)}: {_epoch(folder)}" for folder in found.running]
    said += [
        f"  cut off  {_run(folder, found)}: {_epoch(folder)}; its command goes on from there"
        for folder in found.cut_off
    ]
    return said


def _run(folder: Path, found: Status) -> str:
    variant, seed = who(folder)
    return f"{found.called(variant)} seed {seed} ({folder.name})"


def _epoch(folder: Path) -> str:
    try:
        config = read_config(folder)
        metric, epochs = Metric.from_config(config["metric"]), config["train"]["epochs"]
    except (InputError, KeyError, TypeError, AttributeError) as problem:
        return f"its config cannot be read ({problem})"
    epoch, seen = epoch_of(folder, metric)
    return f"epoch {epoch} of {epochs}" + (f", {metric.label} {seen}" if seen else "")


def _left(found: Status) -> str:
    """The time left at the pace of the finished runs' epochs, with as many runs at once as are going on now."""
    timed = [one for one in found.finished if one.get("train_seconds") and one.get("epochs")]
    if not (timed and found.epochs_left and found.running):
        return ""
    pace = sum(one["train_seconds"] for one in timed) / sum(one["epochs"] for one in timed)
    left = found.epochs_left * pace / len(found.running)
    return "about " + (f"{left / 60:.0f} min left" if left > 90 else f"{left:.0f} s left")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dissect.status", description=__doc__)
    parser.add_argument("study", nargs="*", metavar="STUDY", help="names below --runs, or folders (default: all)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of studies (default: runs)")
    asked = parser.parse_args(arguments)
    below = [(asked.runs / name, Path(name)) for name in asked.study]
    paths = [path if path.is_dir() or not other.is_dir() else other for path, other in below]
    if not asked.study:
        paths = _studies(asked.runs)
    if not paths:
        near = nearby((asked.runs.name,), asked.runs)
        print(f"error: {asked.runs}: holds no study; `python -m dissect` makes one{near}", file=sys.stderr)
        return 2
    # A folder of studies may be named as one of them is.
    paths = [one for path in paths for one in ([path] if _is_study(path) else _studies(path) or [path])]
    console = Console(highlight=False, soft_wrap=True)
    wrong = False
    for path in paths:
        try:
            show(path, status_of(path), console)
        except InputError as problem:
            wrong = True
            print(f"error: {problem}", file=sys.stderr)
    return 2 if wrong else 0


def _is_study(path: Path) -> bool:
    return any(next(path.glob(name), None) for name in ("*/config.yaml", "*/result.json", "manifest-*.json"))


def _studies(runs: Path) -> list[Path]:
    return sorted(path for path in runs.glob("[!.]*") if path.is_dir())


def show(path: Path, found: Status, console: Console) -> None:
    console.print(*map(escape, lines(path, found)), sep="\n")
    if found.failed:
        table = Table("  failed", "seed", "reason", box=None, pad_edge=False)
        for result in found.failed:
            table.add_row(
                f"  {escape(found.called(result['variant']))}", str(result["seed"]), escape(str(result["error"]))
            )
        console.print(table)


if __name__ == "__main__":
    speak_plainly()
    sys.exit(main())
