"""How many runs go on at once, and on what."""

import pytest

from dissect.errors import InputError
from dissect.sweep import pool


@pytest.fixture
def machine(monkeypatch):
    def have(*, cores: int, gib: float, gpus: list[str]) -> None:
        monkeypatch.setattr(pool, "cores", lambda: cores)
        monkeypatch.setattr(pool, "_free_gib", lambda: gib)
        monkeypatch.setattr(pool, "gpus", lambda: gpus)

    return have


@pytest.mark.parametrize(
    ("cores", "gib", "gpus", "devices", "runs", "at_once"),
    [
        (8, 100, [], 1, 50, 8),  # one a core
        (8, 100, [], 1, 3, 3),  # no more than there are runs
        (64, 10, [], 1, 50, 4),  # 2.5 GiB each
        (2, 1, [], 1, 50, 1),  # one at least
        (64, 500, ["0", "1"], 1, 50, 2),  # one a GPU
        (64, 500, ["0", "1", "2", "3"], 2, 50, 2),  # two GPUs each
        (8, 100, [], 2, 50, 4),  # two processes each
    ],
)
def test_auto_takes_what_the_machine_has(machine, cores, gib, gpus, devices, runs, at_once):
    machine(cores=cores, gib=gib, gpus=gpus)
    assert pool.workers_for("auto", runs, devices) == at_once


def test_a_number_is_taken_as_it_is(machine):
    machine(cores=2, gib=100, gpus=[])
    assert pool.workers_for(5, 50) == 5


@pytest.mark.parametrize("wrong", [0, -1, True, "many", 1.5, None])
def test_anything_else_is_refused(wrong):
    with pytest.raises(InputError, match="parallel="):
        pool.workers_for(wrong, 3)


@pytest.mark.parametrize(("visible", "found"), [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-a1", ["GPU-a1"])])
def test_only_visible_gpus_are_used(monkeypatch, visible, found):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    pool.gpus.cache_clear()
    try:
        assert pool.gpus() == found
    finally:
        pool.gpus.cache_clear()
