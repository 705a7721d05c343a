"""Disturb runs and sweeps, go on, and compare with what was never disturbed, bit for bit.

Runs, sweeps' parents and sweeps' workers are killed at random moments; two sweeps share a store; a disk is full.
`make stress` does all of it; python tests/sweep/kill.py --kills 100 --parents 10 as much of it as is said.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

SMALL = ["data.train_per_class=30", "data.val_per_class=10", "model.width=0.15", "train.epochs=12",
         "train.batch_size=20", "evaluate.train_images=100", "threads=1", "trainer.accelerator=cpu",
         "component=[dropout1,augmentation]"]  # fmt: skip
TIMES = {"train_seconds", "judge_seconds", "examples_per_second", "finished", "folder", "seal", "files"}


def attempt_in_child(runs: Path, seed: int, seconds: float | None) -> bool:
    """Train in a child process that is killed after so many seconds; whether it was."""
    child = os.fork()  # torch is imported but idle, so that a child starts at once
    if not child:
        from dissect.composing.compose import compose
        from dissect.sweep.finish import finish

        with open(runs.parent / "log", "a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        try:
            finish(compose([f"runs={runs}", f"seed={seed}", *SMALL]))
        finally:
            os._exit(0)
    began = time.monotonic()
    while seconds is None or time.monotonic() - began < seconds:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def contents(folder: Path) -> dict[str, object]:
    """All that a run leaves but for times."""
    result = {key: value for key, value in json.loads((folder / "result.json").read_text()).items() if key not in TIMES}
    with np.load(folder / "predictions.npz") as arrays:
        predictions = {name: arrays[name].tobytes() for name in arrays.files}
    rows = list(csv.reader((folder / "metrics.csv").read_text().splitlines()))
    import torch

    weights = {
        name: w.numpy().tobytes()
        for name, w in torch.load(folder / "checkpoint.pt", weights_only=True)["weights"].items()
    }
    return {"result": result, "predictions": predictions, "metrics": rows, "weights": weights}


def compare(ours: Path, theirs: Path) -> None:
    """Raise unless two stores hold the same finished runs, and nothing half-written."""
    names = sorted(path.parent.name for path in theirs.glob("*/*/result.json"))
    assert names == sorted(path.parent.name for path in ours.glob("*/*/result.json"))
    for name in names:
        folders = [next(store.glob(f"*/{name}")) for store in (ours, theirs)]
        first, second = map(contents, folders)
        for part, value in first.items():
            keys = [key for key in value if value[key] != second[part].get(key)] if isinstance(value, dict) else ""
            assert value == second[part], f"{name}: {part} differs {keys}"
        assert sorted(path.name for path in folders[0].iterdir()) == sorted(path.name for path in folders[1].iterdir())


def kill_runs(place: Path, kills: int, generator: random.Random) -> str:
    """Kill runs so often at random moments, let each be finished, and compare."""
    began = time.monotonic()
    attempt_in_child(place / "whole", 0, None)
    whole = time.monotonic() - began
    done, seed = 0, 0
    while done < kills:
        # A few kills a run: before the first epoch, between epochs, while files are written, at the very end.
        killed = attempt_in_child(place / "killed", seed, generator.uniform(0, 0.6 * whole))
        done += killed
        seed += not killed
    attempt_in_child(place / "killed", seed, None)
    for one in range(1, seed + 1):
        attempt_in_child(place / "whole", one, None)
    compare(place / "killed", place / "whole")
    return f"{done} kills over {seed + 1} runs of {whole:.1f} s: all equal to undisturbed ones"


COMMAND = [sys.executable, "-m", "dissect", "-m", "seed=range(8)", *SMALL]
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def sweep(runs: Path, **how: Any) -> int:
    """The exit code of a sweep that nobody disturbs."""
    return subprocess.run([*COMMAND, f"runs={runs}"], check=False, **QUIET, **how).returncode


def begun(runs: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([*COMMAND, f"runs={runs}"], start_new_session=True, **QUIET)


def of_session(leader: int) -> list[int]:
    """The processes that a sweep has started, itself left out, as /proc has them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):  # it has ended meanwhile
            continue
        if int(session) == leader and state != "Z" and int(path.parent.name) != leader:
            found.append(int(path.parent.name))
    return found


def kill_parents(place: Path, kills: int, generator: random.Random) -> str:
    """Kill the parent of a sweep so often, see that its workers end too, let it finish, and compare."""
    slowest = 0.0
    for number in range(kills):
        parent = begun(place / "killed-sweep")
        time.sleep(generator.uniform(1, 14))
        how = (signal.SIGKILL, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM)[number % 4]
        parent.send_signal(how)
        parent.wait()
        since = time.monotonic()
        while left := of_session(parent.pid):
            assert time.monotonic() - since < 10, f"{how.name}: {left} go on"
            time.sleep(0.05)
        slowest = max(slowest, time.monotonic() - since)
    assert sweep(place / "killed-sweep") == 0
    compare(place / "killed-sweep", place / "sweep")
    return f"{kills} parents ended by four signals, workers gone within {slowest:.1f} s: all 8 runs equal"


def kill_workers(place: Path, kills: int, generator: random.Random) -> str:
    """Kill processes that a sweep has started, so often; what failed is tried again by the same command."""
    done = stores = 0
    while done < kills:
        runs, stores = place / f"killed-workers-{stores}", stores + 1
        parent = begun(runs)
        while done < kills and parent.poll() is None:
            time.sleep(generator.uniform(0.5, 3))
            if others := of_session(parent.pid):
                with suppress(ProcessLookupError):
                    os.kill(generator.choice(others), signal.SIGKILL)
                    done += 1
        parent.wait(timeout=300)
        assert sweep(runs) == 0, "what failed is not tried again"
        compare(runs, place / "sweep")
    return f"{kills} processes of sweeps killed, in {stores} stores: all 8 runs of each equal"


def two_sweeps(place: Path, times: int) -> str:
    """Two sweeps for the same runs at once: each is trained once, and both end well."""
    for number in range(times):
        both = [begun(place / f"two-{number}") for _ in range(2)]
        assert [one.wait(timeout=600) for one in both] == [0, 0]
        compare(place / f"two-{number}", place / "sweep")
    return f"{times} times two sweeps on one store: both ended well, all 8 runs equal"


def full_disk(place: Path) -> str:
    """The store's, the cache's or the temporary folder's disk is full: said in one line; with room the call goes on."""
    said = []
    for what in ("store", "cache", "temporary folder"):
        disk, runs = place / f"full-{what[:5]}", place / f"runs-{what[:5]}"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
        if os.geteuid() or subprocess.run(mount, check=False, **QUIET).returncode:
            return "a full disk was not tried: no file system can be mounted here"
        environment = dict(os.environ)
        if what == "store":
            runs = disk / "runs"
        else:
            environment["DISSECT_CACHE" if what == "cache" else "TMPDIR"] = str(disk)
            (disk / "filled").write_bytes(bytes(250_000))
        try:
            done = subprocess.run(
                [*COMMAND, f"runs={runs}"], env=environment, capture_output=True, text=True, check=False
            )
            assert "Traceback" not in done.stderr, done.stderr
            if done.returncode:
                assert "full" in done.stderr or "free" in done.stderr, done.stderr
            subprocess.run(["mount", "-o", "remount,size=300m", str(disk)], check=True)
            assert sweep(runs, env=environment) == 0
            compare(runs, place / "sweep")
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)
        said.append(f"{what} {'said' if done.returncode else 'not needed'}")
    return f"full disks: {', '.join(said)}; with room all 8 runs equal"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for what, count in (("kills", 100), ("parents", 10), ("workers", 0), ("together", 0), ("full", 0), ("seed", 0)):
        parser.add_argument(f"--{what}", type=int, default=count)
    asked = parser.parse_args()
    import dissect.training.ensemble  # noqa: F401  # once, for all children

    generator = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if asked.kills:
            print(kill_runs(place, asked.kills, generator), flush=True)
        if asked.parents or asked.workers or asked.together or asked.full:
            assert sweep(place / "sweep") == 0
        if asked.parents:
            print(kill_parents(place, asked.parents, generator), flush=True)
        if asked.workers:
            print(kill_workers(place, asked.workers, generator), flush=True)
        if asked.together:
            print(two_sweeps(place, asked.together), flush=True)
        if asked.full:
            print(full_disk(place), flush=True)


if __name__ == "__main__":
    main()
