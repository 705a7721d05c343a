"""What killed processes leave half-written is removed, and never what a living one writes."""

import os
import re
import signal
import subprocess
import sys

import pytest

from dissect.files import mebibytes, size_of, sweep, whole
from dissect.store.runs import locked

WRITE = """
import os, signal, sys
from pathlib import Path
from dissect.files import whole
with whole(Path(sys.argv[1])) as file:
    file.write("half")
    print(1, flush=True)
    input()
"""


@pytest.fixture
def writer():
    begun = []

    def begin(path):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], text=True, **pipes)
        begun.append(process)
        assert process.stdout.readline() == "1\n"
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def halves(folder):
    return sorted(path.name for path in folder.iterdir() if re.fullmatch(r"\..+\.[a-z0-9_]{8}", path.name))


def test_a_killed_writers_half_is_removed_by_the_next_and_a_living_ones_stays(tmp_path, writer):
    dead, living = writer(tmp_path / "metrics.csv"), writer(tmp_path / "metrics.csv")
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    assert len(halves(tmp_path)) == 2
    with whole(tmp_path / "metrics.csv") as file:
        file.write("ours")
    assert len(halves(tmp_path)) == 1
    living.communicate("\n")
    assert halves(tmp_path) == []
    assert (tmp_path / "metrics.csv").read_text() == "half"


def test_whatever_was_half_written_of_a_run_goes_when_it_is_locked(tmp_path, writer):
    folder = tmp_path / "step1-seed0-01234567"
    folder.mkdir()
    (folder / ".notes.mine").write_text("somebody's")
    (folder / ".predictions.npz.next").write_text("predictions of no result")
    for name in ("config.yaml", "checkpoint.pt"):
        dead = writer(folder / name)
        dead.kill()
        dead.wait()
    other = writer(folder / "result.json")
    assert len(halves(folder)) == 3
    with locked(folder):
        pass
    assert [name.rpartition(".")[0] for name in halves(folder)] == [".result.json"]
    assert {path.name for path in folder.iterdir()} == {".notes.mine", *halves(folder)}
    other.communicate("\n")


def test_a_file_that_is_swept_before_its_writer_has_locked_it_is_begun_again(tmp_path, monkeypatch):
    import fcntl

    lock, swept = fcntl.flock, []

    def late(handle, how):
        if not swept and how == fcntl.LOCK_EX:
            swept.append(handle)
            sweep(tmp_path)
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with whole(tmp_path / "a") as file:
        file.write("whole")
    assert swept
    assert (tmp_path / "a").read_text() == "whole"
    assert os.listdir(tmp_path) == ["a"]


def test_bytes_are_said_in_mebibytes_with_three_figures_at_most():
    said = {3 << 30: "3,072 MiB", 10 << 20: "10 MiB", int(9.6 * 2**20): "9.6 MiB", 1 << 19: "0.50 MiB", 0: "0.00 MiB"}
    assert {size: mebibytes(size) for size in said} == said


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path):
    (tmp_path / "a").write_bytes(bytes(70))
    (tmp_path / ".b").write_bytes(bytes(7))
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "c").write_bytes(bytes(700))
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert size_of(tmp_path) == 77
    assert size_of(tmp_path / "nowhere") == 0
