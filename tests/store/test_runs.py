import json
import os
import shutil
import subprocess
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from dissect.errors import InputError
from dissect.files import whole
from dissect.store import runs as store
from dissect.store.reading import seal
from tests.conftest import write_finished

WHO = {"key": "k", "variant": "a", "components": {}, "seed": 0, "error": None, "metrics": {"loss": 1.0},
       "metric": {"name": "loss"}, "data": {"name": "d"}}  # fmt: skip


def die_half_way(path):
    with whole(path) as file:
        file.write("half of it")
        raise KeyError


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "run" / "result.json"
    with pytest.raises(KeyError):
        die_half_way(path)
    assert list(path.parent.iterdir()) == []
    with whole(path) as file:
        file.write("all of it")
    assert path.read_text() == "all of it"


def test_a_failed_write_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("before")
    with pytest.raises(KeyError):
        die_half_way(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_is_read_back_with_its_folder(tmp_path):
    folder = tmp_path / "a-seed0-k"
    write_finished(folder, WHO | {"status": "finished"})
    files = {
        name: {"bytes": 0, "digest": blake2b(digest_size=8).hexdigest()} for name in ("config.yaml", "metrics.csv")
    }
    assert store.finished(folder) == {**WHO, "status": "finished", "files": files, "folder": str(folder)}
    assert store.finished(tmp_path / "b") is None


EDITS = [{"seed": 1}, {"variant": "b"}, {"key": "l"}, {"member_of": "c"}, {"ten_crop": 0.5}, {"data": {"digest": "e"}},
         {"metrics": {"accuracy": 0.9}}, {"status": "failed"}, {"files": {}}]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=[next(iter(edit)) for edit in EDITS])
def test_a_result_that_was_edited_is_damaged_and_the_others_are_read(tmp_path, edit):
    for seed in (0, 1):
        folder = tmp_path / f"a-seed{seed}-k"
        folder.mkdir()
        (folder / "metrics.csv").write_text("epoch\n1\n")
        write_finished(folder, WHO | {"seed": seed, "status": "finished"})
    path = tmp_path / "a-seed0-k" / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | edit))
    lost, kept = store.results(tmp_path)
    assert (lost["status"], lost["variant"], lost["seed"], kept["status"]) == ("damaged", "a", 0, "finished")
    assert lost["error"].startswith(f"{path}: was changed since it was written; undo that, or delete this run's folder")
    with pytest.raises(InputError, match="was changed since it was written"):
        store.finished(path.parent)


def sealed(folder, **said):
    """Change what a result says as somebody would who seals it again."""
    path = folder / "result.json"
    told = {key: value for key, value in (json.loads(path.read_text()) | said).items() if key != "seal"}
    path.write_text(json.dumps({**told, "seal": seal(told)}))


@pytest.mark.parametrize("gone", [False, True], ids=["which is there", "which is gone too"])
@pytest.mark.parametrize(
    ("members", "name"), [(None, name) for name in store.KEPT] + [(["b-seed0-k"], "predictions.npz")]
)
def test_what_a_finished_run_needs_is_among_the_files_that_its_result_knows(tmp_path, members, name, gone):
    folder = tmp_path / "a-seed0-k"
    write_finished(folder, WHO | {"status": "finished", "members": members}, {"scores": np.ones(3)})
    files = store.finished(folder)["files"]
    sealed(folder, files={one: known for one, known in files.items() if one != name})
    if gone:
        (folder / name).unlink()
    with pytest.raises(InputError, match=rf"does not say by what its {name} is known; delete this run's folder"):
        store.finished(folder)
    (lost,) = store.results(tmp_path)
    assert lost["status"] == "damaged"


def test_any_row_of_a_long_table_of_epochs_is_held_to_what_was_written(tmp_path):
    folder = tmp_path / "a-seed0-k"
    folder.mkdir()
    whole = b"epoch,accuracy\n" + b"".join(b"%d,0.5\n" % epoch for epoch in range(60_000))
    (folder / "config.yaml").touch()
    (folder / "metrics.csv").write_bytes(whole)
    store.write_result(folder, WHO | {"status": "finished"})
    assert store.finished(folder)
    for at in (16, len(whole) // 2, len(whole) - 2):
        (folder / "metrics.csv").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError, match=r"metrics\.csv: is not as it was"):
            store.finished(folder)


def test_a_file_that_a_finished_run_did_not_have_is_not_believed(tmp_path):
    folder = tmp_path / "a-seed0-k"
    write_finished(folder, WHO | {"status": "finished"}, {})  # of a task without scores
    assert store.finished(folder)["predictions"] == []
    store.write_predictions(folder, scores=np.ones(3))
    with pytest.raises(InputError, match=r"predictions.npz: is no file that its run was finished with"):
        store.finished(folder)


def test_a_result_of_another_run_is_no_result(tmp_path):
    write_finished(tmp_path / "a-seed0-k", WHO | {"status": "finished"})
    shutil.copytree(tmp_path / "a-seed0-k", tmp_path / "a-seed1-k")
    with pytest.raises(
        InputError, match=r"a-seed1-k/result.json: is the result of a-seed0-k; delete this run's folder"
    ):
        store.finished(tmp_path / "a-seed1-k")


PARTS = ("metric", "metrics", "data")
STRANGE = [{"variant": 3}, {"seed": True}, {"seed": "0"}, {"components": []}, {"components": {"a": {}}},
           {"metrics": {"accuracy": "0.9"}}, {"metrics": {"accuracy": False}}, {"members": ["../../elsewhere"]},
           {"members": "abc"}, {"train_seconds": [1]}, {"metric": None}, {"error": 1}, {"data": "d"},
           {"metrics": {"accuracy": 10**400}}, {"parameters": 10**400}, {"ten_crop": "x"}, {"finished": "x"},
           {"finished": 5}, {"versions": "x"}, {"versions": {"torch": [1]}}, {"precision": []}, {"device": {}},
           {"settings": [1]}, {"commit": 1}, {"data": {"judge": [1]}}, {"data": {"name": {}}}, {"data": {"digest": 7}},
           {"data": {"chance": "x"}}, {"data": {"examples": 5}}, {"data": {"examples": {"training": "a"}}},
           {"data": {"folds": "a"}}, {"data": {"fold": True}}, {"data": {"left_out": {"a": 3}}}]  # fmt: skip


@pytest.mark.parametrize("said", STRANGE, ids=map(str, STRANGE))
def test_a_result_that_a_stranger_sealed_is_held_to_what_readers_take(tmp_path, said):
    folder = tmp_path / "a-seed0-k"
    both = {key: WHO[key] | value for key, value in said.items() if key in PARTS and isinstance(value, dict)}
    write_finished(folder, WHO | {"status": "finished"} | said | both)
    with pytest.raises(InputError, match=r"result.json: .*; delete this run's folder and train it again$"):
        store.finished(folder)


@pytest.mark.parametrize(("part", "lacking"), [("metric", "name"), ("data", "name"), ("metrics", "loss")])
def test_a_finished_run_without_what_it_is_compared_by_is_one_runs_damage(tmp_path, part, lacking):
    write_finished(tmp_path / "a-seed0-k", WHO | {"status": "finished", part: {}})
    write_finished(tmp_path / "a-seed1-k", WHO | {"status": "finished", "seed": 1})
    lost, kept = store.results(tmp_path)
    assert (lost["status"], kept["status"]) == ("damaged", "finished")
    assert f"lacks `{part}.{lacking}`" in lost["error"]


@pytest.mark.parametrize("name", store.KEPT)
def test_a_pipe_in_place_of_a_finished_runs_file_is_not_waited_for(tmp_path, name):
    folder = tmp_path / "a-seed0-k"
    folder.mkdir()
    (folder / name).write_text("1")
    write_finished(folder, WHO | {"status": "finished"})
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match=f"{name}: is no regular file, .*; delete this run's folder"):
        store.finished(folder)


def test_a_failed_run_is_a_result_but_not_finished(tmp_path):
    store.write_result(tmp_path / "a-seed0-k", WHO | {"status": "failed", "error": "why"})
    assert store.finished(tmp_path / "a") is None
    assert [result["error"] for result in store.results(tmp_path)] == ["why"]


def test_folders_without_a_result_and_hidden_ones_are_no_runs(tmp_path):
    (tmp_path / "unfinished").mkdir()
    store.write_result(tmp_path / ".locks", {"status": "finished"})
    assert store.results(tmp_path) == []


def test_nan_is_never_written_as_a_result(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write_result(tmp_path, {"accuracy": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_result_is_named(tmp_path):
    (tmp_path / "result.json").write_text("{")
    with pytest.raises(InputError, match=r"result.json: is not valid JSON .*; delete this run's folder"):
        store.read_result(tmp_path)


def test_predictions_are_read_back_without_unpickling(tmp_path):
    arrays = {"labels": np.arange(3), "probabilities": np.eye(3, dtype=np.float32)}
    store.write_predictions(tmp_path, **arrays)
    read = store.read_predictions(tmp_path)
    assert read.keys() == arrays.keys()
    np.testing.assert_array_equal(read["probabilities"], arrays["probabilities"])

    np.savez(tmp_path / "predictions.npz", labels=np.array([object()], dtype=object))
    with pytest.raises(InputError, match=r"predictions.npz: cannot be read"):
        store.read_predictions(tmp_path)


def test_scores_are_read_alone_and_only_those_that_are_there(tmp_path):
    arrays = {
        "scores": np.array([True, False, True]),
        "scores_ten_crop": np.array([0.5, 1.5, 2.5], dtype=np.float32),
        "labels": np.arange(3),
        "probabilities": np.eye(3, dtype=np.float32),
    }
    store.write_predictions(tmp_path / "all", **arrays)
    read = store.read_scores(tmp_path / "all")
    assert read.keys() == {"scores", "scores_ten_crop", "labels"}
    for name, values in read.items():
        np.testing.assert_array_equal(values, arrays[name], strict=True)
    store.write_predictions(tmp_path / "one", scores=arrays["scores"], targets=np.arange(3.0))
    assert store.read_scores(tmp_path / "one").keys() == {"scores"}


def test_a_run_without_predictions_has_no_file_and_is_named_when_they_are_asked_for(tmp_path):
    store.write_predictions(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=r"predictions.npz: this run has no predictions"):
        store.read_scores(tmp_path)


@pytest.mark.parametrize("size", [0, 40, 300])
def test_predictions_that_were_cut_short_are_named(tmp_path, size):
    store.write_predictions(tmp_path, labels=np.arange(300))
    whole = (tmp_path / "predictions.npz").read_bytes()
    (tmp_path / "predictions.npz").write_bytes(whole[:size])
    for read in (store.read_predictions, store.read_scores):
        with pytest.raises(InputError, match=r"predictions.npz: cannot be read"):
            read(tmp_path)


def test_a_study_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing: no such study"):
        store.results(tmp_path / "nothing")


def test_a_full_disk_is_said_as_such_and_leaves_nothing(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with pytest.raises(InputError, match=r"predictions.npz: the disk is full; no file was left half-written"):
            store.write_predictions(small, labels=np.zeros(100), probabilities=np.ones((100, 1000)))
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"result.json: cannot be written"):
        store.write_result(tmp_path / "runs" / "a", {})


def test_whole_files_are_readable_by_others_as_the_umask_says(tmp_path):
    before = os.umask(0o022)
    try:
        with whole(tmp_path / "a") as file:
            file.write("")
        assert Path(tmp_path / "a").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def test_states_of_an_unfinished_run_are_removed_and_nothing_else(tmp_path):
    for name in (*store.STATES, "checkpoint.pt", "result.json"):
        (tmp_path / name).touch()
    store.remove_states(tmp_path)
    store.remove_states(tmp_path)  # nothing left to remove is no error
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.pt", "result.json"}
