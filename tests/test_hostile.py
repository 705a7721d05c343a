"""A stranger's store, given to each command that reads one: it says in a line what is wrong, and runs nothing of it."""

import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from dissect.composing.compose import compose
from dissect.composing.job import job_of, who
from dissect.crossval.__main__ import main as crossval
from dissect.inspect.__main__ import main as inspect
from dissect.report.__main__ import main as report
from dissect.search.__main__ import main as search
from dissect.search.record import Trial, write_trials
from dissect.status.__main__ import main as status
from dissect.store import runs as store
from dissect.store.reading import seal
from dissect.sweep.finish import finish
from dissect.training.task import data_of
from tests import warm

SMALL = ["data.train_per_class=10", "data.val_per_class=10", "train.epochs=1", "train.batch_size=20", "threads=1",
         "model.filters=[4,4,4]", "model.hidden=8", "trainer.accelerator=cpu"]  # fmt: skip
RUN = {"_target_": "os.mkdir", "path": "ran"}


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


def resealed(folder: Path, **changes: Any) -> None:
    """As somebody writes a result who knows how."""
    result = json.loads((folder / "result.json").read_text())
    store.write_result(folder, {key: value for key, value in (result | changes).items() if value is not ...})


def of_bytes(data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "result.json").write_bytes(data) and None


def sealed_by_hand(folder: Path, **changes: Any) -> None:
    said = json.loads((folder / "result.json").read_text()) | changes
    (folder / "result.json").write_text(json.dumps({**said, "seal": seal(said)}))


def predictions(folder: Path, *members: tuple[str, bytes], packed: bool = False) -> None:
    with zipfile.ZipFile(
        folder / "predictions.npz", "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    ) as file:
        for name, data in members:
            file.writestr(f"{name}.npy", data)
    resealed(folder)


def npy(header: str, data: bytes = b"") -> bytes:
    line = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(line)) + line.encode() + data


def array(dtype: str, shape: str, data: bytes = b"") -> bytes:
    return npy(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape},), }}", data)


def config(folder: Path, **changes: Any) -> None:
    said = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(said | changes))
    resealed(folder)


def text_of_config(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text)
    resealed(folder)


def pipe(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)


# What is wrong with the run's own files, so that whoever looks at it says it is damaged.
DAMAGED: dict[str, Callable[[Path], None]] = {
    "a byte": of_bytes(b'{"variant": "\x80"}'),
    "a list": of_bytes(b"[]"),
    "brackets": of_bytes(b"[" * 10_000),
    "a pickle": of_bytes(pickle.dumps(Evil())),
    "no variant": lambda folder: resealed(folder, variant=...),
    "another's": lambda folder: resealed(folder, seed=77),
    "infinite": lambda folder: sealed_by_hand(folder, metrics={"accuracy": 10**400}),
    "members": lambda folder: sealed_by_hand(folder, members=["../../../etc"]),
    "pipe": lambda folder: pipe(folder, "result.json"),
    "metrics pipe": lambda folder: pipe(folder, "metrics.csv"),
}
# What lies in files that not every command reads, under a seal that fits.
SEALED: dict[str, Callable[[Path], None]] = {
    "a claim": lambda folder: predictions(folder, ("scores", array("|b1", "10000000000000", bytes(100)))),
    "packed": lambda folder: predictions(folder, ("scores", array("|b1", "30000000", bytes(30_000_000))), packed=True),
    "objects": lambda folder: predictions(folder, ("scores", array("|O", "1", pickle.dumps(np.array([Evil()]))))),
    "code in a header": lambda folder: predictions(folder, ("scores", npy("__import__('os').mkdir('ran')"))),
    "a task": lambda folder: config(folder, task=RUN),
    "a network": lambda folder: config(folder, model=RUN, init=RUN, optimizer=RUN, callbacks={"mine": RUN}),
    "a source": lambda folder: config(folder, data={"name": "digits", "source": RUN}, trainer=RUN, logger=RUN),
    "YAML's objects": lambda folder: text_of_config(folder, "a: !!python/object/apply:os.mkdir [ran]\n"),
    "a resolver": lambda folder: config(folder, seed="${oc.decode:${oc.env:HOME}}"),
    "a weight": lambda folder: (folder / "checkpoint.pt").write_bytes(pickle.dumps(Evil())) and None,
}
SPOILED = DAMAGED | SEALED
WHOLE = 2  # seeds whose runs nobody touched


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stores, `s` and the folds `cv`: of each two runs that are whole, and one for each way of being spoiled."""
    root = tmp_path_factory.mktemp("made")
    said = [f"runs={root / 'runs'}", f"data.cache={root / 'cache'}", *SMALL]
    for name, *more in (["s"], ["rs"], ["cv", "data.folds=2", "data.fold=0"], ["cv", "data.folds=2", "data.fold=1"]):
        variant = compose([*said, f"name={name}", *more])
        data = data_of(variant.config)
        for seed in range(WHOLE):
            finish(variant.with_seed(seed))
        for seed, spoil in enumerate(SPOILED.values(), WHOLE):
            job = job_of(variant.with_seed(seed), data)
            shutil.copytree(job_of(variant, data).folder, job.folder)
            weights = torch.load(job.folder / "checkpoint.pt", weights_only=True)
            torch.save(weights | {"run": job.key}, job.folder / "checkpoint.pt")
            resealed(job.folder, seed=seed, key=job.key)
            spoil(job.folder)
        (root / "runs" / name / "loose.pkl").write_bytes(pickle.dumps(Evil()))
    settings = [{"optimizer.lr": 0.1}, {"optimizer.lr": 0.2}]
    tried = [Trial("step1", 0, place, one, (0,), {"accuracy": 0.5}, ("r",)) for place, one in enumerate(settings)]
    write_trials(root / "runs" / "rs", "step1", tried)
    return root


@pytest.fixture
def root(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    monkeypatch.setenv("DISSECT_CACHE", str(made / "cache"))
    return made


def folders(study: Path) -> dict[str, Path]:
    """A spoiled run's folder by how it is spoiled; of folds the first."""
    found = {who(path)[1]: path for path in sorted(study.glob("*-seed*"))}
    return {name: found[seed] for seed, name in enumerate(SPOILED, WHOLE)}


def check(out: str, err: str, root: Path) -> None:
    """A line for each thing that is wrong, no advice to unpickle, and nothing of it was run."""
    assert all(line.startswith(("error: ", "warning: ", "left out: ")) for line in err.splitlines()), err
    assert "Traceback" not in out
    assert "pickle" not in out + err
    assert not list(root.rglob("ran"))


def dashboard(arguments: list[str]) -> int:
    pytest.importorskip("wandb_workspaces")
    from dissect.dashboard.__main__ import main

    return main(arguments)


READERS: dict[str, tuple[Callable[[list[str]], int], list[str], int]] = {
    "status": (status, [], 0),
    "report": (report, ["s"], 0),
    "paper": (report, ["s", "--paper"], 0),
    "several": (report, ["s", "cv"], 2),
    "search": (search, ["rs"], 0),
    "crossval": (crossval, ["cv"], 2),
    "dashboard": (dashboard, ["s", "--print"], 0),
}


@pytest.mark.filterwarnings("ignore:Pydantic V1 style:DeprecationWarning")  # as in wandb_runs/test_dashboard.py
@pytest.mark.parametrize("name", READERS)
def test_a_command_that_reads_a_strangers_store_runs_nothing_of_it(root: Path, name: str, capsys):
    main, arguments, code = READERS[name]
    assert main(arguments) == code
    check(*capsys.readouterr(), root)


def test_inspecting_a_strangers_run_runs_nothing_of_it(root: Path, capsys):
    for name, folder in folders(root / "runs" / "s").items():
        codes = [inspect([str(folder), figure]) for figure in ("filters", "parts")]
        out, err = capsys.readouterr()
        check(out, err, root)
        assert len(err.splitlines()) == sum(map(bool, codes)), err
        assert codes == [2, 2] if name in DAMAGED else 2 in codes or name in ("a task", "a resolver"), name


COMMANDS = {
    "plan": ["dissect.plan", "+study=one_at_a_time", "plan.components=[leaky_relu]", "plan.probe=false"],
    "sweep": ["dissect", "-m"],
    "another ten-crop": ["dissect", "-m", "evaluate.ten_crop=0.75"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_training_in_a_strangers_store_runs_nothing_of_it(root: Path, name: str):
    module, *said = [*COMMANDS[name], *SMALL, "name=s", f"seed=range({WHOLE + len(SPOILED)})", "parallel=1"]
    done = warm.run(module, said, cwd=root, env=os.environ)
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(root.rglob("ran"))
    assert done.returncode == (name != "plan"), done.stderr
    if name == "sweep":
        again = "the same command tries them again, and no other, once the folder of what is damaged is deleted"
        assert f"{len(DAMAGED)} failed; {again}" in done.stderr
