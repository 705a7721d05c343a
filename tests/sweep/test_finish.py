"""How a run among others ends."""

import pytest

from dissect.composing.job import job_of
from dissect.errors import DiskFullError
from dissect.status.__main__ import status_of
from dissect.store import runs as store
from dissect.sweep import finish
from dissect.training.task import data_of


@pytest.mark.parametrize("left", ["resume-before.ckpt", "checkpoint.pt"])
def test_the_store_keeps_why_a_run_failed_though_its_disk_is_full(variant, monkeypatch, left):
    chosen = variant("data.train_per_class=10", "train.batch_size=20")
    job = job_of(chosen, data_of(chosen.config))
    job.folder.mkdir(parents=True)
    for name in ("config.yaml", "resume.ckpt", left):
        (job.folder / name).write_text("x")
    write = store.write_result

    def full(folder, result, arrays=None):
        if (folder / left).exists():
            raise DiskFullError("no room")
        write(folder, result, arrays)

    def trained(job, data):
        raise DiskFullError("the disk is full")

    monkeypatch.setattr(store, "write_result", full)
    monkeypatch.setattr(finish, "_finish", trained)
    outcome = finish.attempt(job)
    assert (outcome.full, outcome.stops(False), outcome.error) == (True, True, "the disk is full")
    assert [one["error"] for one in status_of(job.folder.parent).failed] == ["the disk is full"]
    assert (job.folder / "resume.ckpt").exists()  # from which the same command goes on
