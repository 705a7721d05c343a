"""Kill runs and sweeps at random moments, go on, and compare with what was never disturbed, bit for bit.

python tests/sweep/kill.py --kills 100 --parents 10
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
from pathlib import Path

import numpy as np

SMALL = ["data.train_per_class=30", "data.val_per_class=10", "model.width=0.15", "train.epochs=12",
         "train.batch_size=20", "evaluate.train_images=100", "threads=1", "trainer.accelerator=cpu",
         "component=[dropout1,augmentation]"]  # fmt: skip
TIMES = {"train_seconds", "examples_per_second", "finished", "folder", "seal", "files"}


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
            assert value == second[part], f"{name}: {part} differs"
        assert sorted(path.name for path in folders[0].glob("[!.]*")) == sorted(
            path.name for path in folders[1].iterdir()
        )


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


def kill_parents(place: Path, kills: int, generator: random.Random) -> str:
    """Kill the parent of a sweep so often, then let it finish, and compare with an undisturbed sweep."""
    command = [sys.executable, "-m", "dissect", "-m", "seed=range(8)", *SMALL]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*command, f"runs={place / 'sweep'}"], check=True, **quiet)
    for _ in range(kills):
        parent = subprocess.Popen([*command, f"runs={place / 'killed-sweep'}"], **quiet)
        time.sleep(generator.uniform(1, 14))
        parent.kill()
        parent.wait()
    subprocess.run([*command, f"runs={place / 'killed-sweep'}"], check=True, **quiet)
    compare(place / "killed-sweep", place / "sweep")
    return f"{kills} parents killed: all 8 runs equal to an undisturbed sweep's"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--parents", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    import dissect.training.ensemble  # noqa: F401  # once, for all children

    generator = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        print(kill_runs(Path(folder), asked.kills, generator), flush=True)
        if asked.parents:
            print(kill_parents(Path(folder), asked.parents, generator), flush=True)


if __name__ == "__main__":
    main()
