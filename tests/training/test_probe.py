"""What a run will take is foretold from a few of its steps."""

import pytest
import torch

from dissect.composing.job import job_of
from dissect.images.build import build
from dissect.images.task import Images
from dissect.training import probe
from dissect.training.probe import Clock, cost_of

TINY = ["data.train_per_class=10", "data.val_per_class=20", "model.width=0.1", "train.epochs=6", "train.batch_size=20",
        "threads=1", "trainer.accelerator=cpu", "trainer.check_val_every_n_epoch=3"]  # fmt: skip


@pytest.fixture
def job(variant):
    chosen = variant(*TINY)
    return job_of(chosen, Images().data(chosen.config))


def test_time_is_scaled_to_epochs_validations_and_passes_of_judging(job, monkeypatch):
    clock = Clock()
    clock.begin, clock.train, clock.validate, clock.epoch_end = 1.0, 0.1, 0.01, 0.5
    clock.of_training, clock.of_validation, clock.weights = 5, 2, 12
    monkeypatch.setattr(probe, "_timed", lambda *given, **named: clock)
    # 6 epochs of 5 batches and an end; 2 validations and 6 passes of judging (the centre, five crops) of 2 batches
    assert cost_of(job, None, Images(), threads=1) == pytest.approx((1 + 6 * (0.5 + 0.5) + (2 + 6) * 0.02, 12))


def test_a_few_real_steps_are_timed_and_nothing_stays(job, tmp_path, monkeypatch):
    taken = []

    def timed(*given, batches, timed=probe._timed):
        taken.append(timed(*given, batches=batches))
        return taken[-1]

    monkeypatch.setattr(probe, "_timed", timed)
    before, threads = sorted(tmp_path.rglob("*")), torch.get_num_threads()
    data = Images().data(job.variant.config)
    seconds, size = cost_of(job, data, Images(), threads=1)
    assert seconds > 0
    # as a checkpoint of one has it: four bytes a weight, and no buffers in this network
    assert size == 4 * sum(one.numel() for one in build(job.variant.config, seed=0).parameters())
    assert {(clock.of_training, clock.of_validation) for clock in taken} == {(5, 1)}
    assert all(min(clock.begin, clock.train, clock.validate, clock.epoch_end) > 0 for clock in taken)
    assert sorted(tmp_path.rglob("*")) == before
    assert torch.get_num_threads() == threads
