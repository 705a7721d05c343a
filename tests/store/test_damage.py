"""Every file of a finished run and of the cache, damaged in turn: it is noticed, or the numbers are the same."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dissect.composing.compose import compose
from dissect.composing.job import job_of
from dissect.errors import InputError
from dissect.report.study import read_study
from dissect.status.__main__ import status_of
from dissect.store import runs as store
from dissect.sweep.finish import attempt, finish, known
from dissect.sweep.train import train
from dissect.training.task import data_of
from tests.conftest import write_finished

SMALL = ["data.train_per_class=10", "train.epochs=2", "model.filters=[4,4,4]", "model.hidden=8", "threads=1"]
PLACES = (0.02, 0.3, 0.5, 0.75, 0.97)  # of a file, where a byte is flipped


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two runs, an ensemble and its members, and the cache of their images; only to be copied."""
    root = tmp_path_factory.mktemp("made")
    for said in ([], ["seed=1"], ["component=[ensemble]", "ensemble.members=2"]):
        finish(compose([f"runs={root / 'runs'}", f"data.cache={root / 'cache'}", *SMALL, *said]))
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "there"))


def asked(root: Path, *said: str) -> Any:
    return compose([f"runs={root / 'runs'}", f"data.cache={root / 'cache'}", *SMALL, *said])


def damages(path: Path, neighbour: bytes) -> Iterator[tuple[str, bytes]]:
    whole = path.read_bytes()
    yield "gone", b""
    yield "cut", whole[: len(whole) // 2]
    yield "cut by one", whole[:-1]
    yield "zeroed", bytes(len(whole))
    yield "a neighbour's", neighbour
    for place in PLACES:
        at = int(place * len(whole))
        yield f"byte {at}", whole[:at] + bytes([whole[at] ^ 0x11]) + whole[at + 1 :]


def put(path: Path, how: str, data: bytes) -> None:
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(data)


def numbers(result: Mapping[str, Any]) -> Any:
    return {key: result[key] for key in ("metrics", "seed", "variant", "key", "ten_crop", "member_of", "data")}


@pytest.mark.parametrize("name", ["result.json", "config.yaml", "metrics.csv", "predictions.npz"])
def test_a_damaged_file_of_a_finished_run_is_noticed_wherever_the_run_is_read(root: Path, name: str):
    variant = asked(root)
    job = job_of(variant, data_of(variant.config))
    (other,) = job.folder.parent.glob("step1-seed1-*")
    path, whole = job.folder / name, (job.folder / name).read_bytes()
    for how, damaged in damages(path, (other / name).read_bytes()):
        put(path, how, damaged)
        outcome = known(job)
        if (name, how) == ("result.json", "gone"):
            assert outcome.result is None  # it is no finished run any more, and nobody says so
        elif outcome.result is not None:  # the newline at its end
            assert (numbers(outcome.result), how) == (numbers(json.loads(whole)), "cut by one")
        else:
            assert str(job.folder) in outcome.error, how
            assert "delete this run's folder and train it again" in outcome.error
            assert "pickle" not in outcome.error
            # A sweep's run fails for it alone, and leaves it for a person to see.
            assert attempt(job).error == outcome.error
            assert path.exists() == (how != "gone")
            assert [one["error"] for one in status_of(job.folder.parent).failed] == [outcome.error]
            left = read_study(job.folder.parent).compared
            assert sorted(zip(left["variant"], left["seed"], strict=True)) == [("ensemble", 0), ("step1", 1)]
        path.write_bytes(whole)
    assert known(job).result is not None


def test_a_byte_of_predictions_is_noticed_by_who_reads_it_wherever_it_lies(tmp_path: Path):
    folder = tmp_path / "a-seed0-k"
    # So large that its mark is of its end alone.
    arrays = {"probabilities": np.random.default_rng(0).random((3000, 50), np.float32), "scores": np.ones(3000, bool)}
    said = {"key": "k", "variant": "a", "components": {}, "seed": 0, "status": "finished", "error": None}
    said |= {"metrics": {"loss": 1.0}, "metric": {"name": "loss"}, "data": {"name": "d"}}
    write_finished(folder, said, arrays)
    path = folder / "predictions.npz"
    whole = path.read_bytes()
    for at in range(0, len(whole), 4999):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        try:
            store.finished(folder)
            read = store.read_predictions(folder)
        except InputError:
            continue
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array)


def test_a_damaged_network_gives_no_other_number_and_takes_none_away(root: Path, tmp_path: Path):
    variant = asked(root, "evaluate.ten_crop=0.75")
    job = job_of(variant, data_of(variant.config))
    folder = job.folder
    kept = Path(shutil.copytree(folder, tmp_path / "kept"))
    derived = attempt(job).result
    assert derived is not None
    before = json.loads((kept / "result.json").read_text())
    assert derived["metrics"]["accuracy"] == before["metrics"]["accuracy"]
    (other,) = folder.parent.glob("step1-seed1-*")
    noticed = 0
    for how, damaged in damages(kept / "checkpoint.pt", (other / "checkpoint.pt").read_bytes()):
        for name in ("result.json", "predictions.npz", "checkpoint.pt"):
            shutil.copy(kept / name, folder / name)
        put(folder / "checkpoint.pt", how, damaged)
        outcome = attempt(job)
        if outcome.result is not None:  # a byte between two tensors, which is nobody's
            assert (numbers(outcome.result), how[:4]) == (numbers(derived), "byte")
            continue
        noticed += 1
        assert f"{folder / 'checkpoint.pt'}: " in outcome.error
        assert (folder / "result.json").read_bytes() == (kept / "result.json").read_bytes()
        assert numbers(store.finished(folder) or {}) == numbers(before)
    assert noticed > 5


def test_every_byte_that_matters_in_the_cache_is_noticed(root: Path):
    config = asked(root).config
    whole = data_of(config, verify=True).images
    (about,) = (root / "cache").rglob("about.json")
    names = sorted(path.name for path in about.parent.iterdir())
    for name in names:
        path = about.parent / name
        original, state = path.read_bytes(), path.stat()
        neighbour = next((one for one in names if one != name and one.endswith(".npy")), name)
        for how, damaged in list(damages(path, (about.parent / neighbour).read_bytes()))[:-2]:
            put(path, how, damaged)
            try:
                found = data_of(config, verify=True).images
            except InputError as problem:
                if "delete" not in str(problem):
                    raise
            else:  # made again
                assert found.digest == whole.digest, how
                for part in ("train_images", "train_labels", "val_images", "val_labels"):
                    np.testing.assert_array_equal(getattr(found, part), getattr(whole, part))
            path.write_bytes(original)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_a_sweep_goes_on_with_the_others_and_an_ensemble_is_not_read_off_a_damaged_member(root: Path):
    study = root / "runs" / "digits"
    (ensemble,) = study.glob("ensemble-*")
    member = study / json.loads((ensemble / "result.json").read_text())["members"][1]
    (member / "predictions.npz").write_bytes(bytes(100))
    shutil.rmtree(ensemble)
    variant = asked(root, "component=[ensemble]", "ensemble.members=2")
    data = data_of(variant.config)
    jobs = [job_of(one, data) for one in (asked(root), variant)]
    config = type(variant.config)({**variant.config, "hydra": {"launcher": {"_target_": "none", "_partial_": True}}})
    (_, fine), (_, lost) = train(jobs, config, lambda lists: None)
    assert fine.result is not None
    assert f"{member / 'predictions.npz'}: is not as it was" in lost.error
    assert "its member step1 · baseline seed 1000" in lost.error
    with pytest.raises(InputError, match="is not as it was"):
        finish(variant)


DIES: list[Callable[[Path], bool]] = [
    lambda path: path.name == ".predictions.npz.next",
    lambda path: path.name == "result.json",
    lambda path: path.name == "predictions.npz",
]


@pytest.mark.parametrize("when", DIES, ids=["before predictions", "before the result", "before they meet"])
def test_a_derivation_that_is_killed_leaves_the_old_pair_or_the_new_one(root: Path, monkeypatch, when):
    variant = asked(root, "evaluate.ten_crop=0.75")
    job = job_of(variant, data_of(variant.config))
    replace = os.replace

    def dying(source: Any, target: Any) -> None:
        if when(Path(target)):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        attempt(job)
    monkeypatch.setattr(os, "replace", replace)
    for _ in range(2):  # as it was left, and as the same command mends it
        result = store.finished(job.folder)
        assert result is not None
        predictions = store.read_predictions(job.folder)
        assert predictions["scores_ten_crop"].mean() == result["metrics"]["accuracy_ten_crop"]
        assert attempt(job).result
    assert result["ten_crop"] == 0.75
