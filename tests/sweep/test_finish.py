"""How a run among others ends."""

import sys

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


NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d({pool}), nn.Flatten(), nn.LazyLinear(classes))
        self.head(__import__("torch").zeros(1, 3, 16, 16))

    def forward(self, images):
        if self.training and len(images) == 20:  # a batch
            {batch}
        return self.head(images)
"""
SMALL = ["data.train_per_class=10", "data.val_per_class=10", "train.batch_size=20", "data.image_size=16",
         "train.epochs=2", "evaluate.ten_crop=null", "threads=1", "trainer.accelerator=cpu"]  # fmt: skip


@pytest.fixture
def edited(tmp_path, monkeypatch, variant):
    """Writes a network of one's own, and gives the run that is asked for with it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    place = tmp_path / "own" / "model" / "edited.yaml"
    place.parent.mkdir(parents=True)
    place.write_text("# @package _global_\nmodel: {_target_: edited.Net, classes: '${data.classes}'}\n")

    def write(pool=2, batch="pass"):
        (tmp_path / "edited.py").write_text(NET.format(pool=pool, batch=batch))

    def job(seed):
        chosen = variant("model=edited", *SMALL, f"seed={seed}", config_dirs=[tmp_path / "own"])
        return job_of(chosen, data_of(chosen.config))

    yield write, job
    for name in ("edited", "edited_later"):
        sys.modules.pop(name, None)


def test_a_run_whose_code_was_edited_before_it_began_is_not_trained_by_another(edited):
    write, job = edited
    write()
    asked = job(0)
    write(pool=3)
    outcome = finish.attempt(asked)
    assert "edited.py: has changed since this run was asked for" in outcome.error
    assert store.read_result(asked.folder)["status"] == "failed"
    assert finish.attempt(job(0)).result["status"] == "finished"


def test_a_sweep_goes_on_by_the_code_that_it_began_with(edited):
    write, job = edited
    write()
    first, second = job(0), job(1)
    begun = finish.attempt(first).result
    write(pool=3)
    ended = finish.attempt(second).result
    assert (ended["code"], ended["settings"]) == (begun["code"], begun["settings"])
    assert "edited.py: has changed" in finish.attempt(job(1)).error  # asked for now, as it is now


def test_a_run_that_imports_edited_code_while_it_trains_is_not_kept(edited, tmp_path):
    write, job = edited
    later = tmp_path / "edited_later.py"
    later.write_text("SCALE = 1.0\n")
    write(batch="import edited_later; images = images * edited_later.SCALE")
    asked = job(0)
    with pytest.MonkeyPatch.context() as patch:
        from dissect.training import run as running

        looked = []

        def look(one, real=running.check_code):
            looked.append(real(one))
            if len(looked) == 2:  # the module is made, and has not been called
                later.write_text("SCALE = 3.0\n")

        patch.setattr(running, "check_code", look)
        outcome = finish.attempt(asked)
    assert len(looked) == 2
    assert "edited_later.py: has changed" in outcome.error
    assert not (asked.folder / "resume.ckpt").exists()
