"""Classification against a bare loop of torch's, to the bit, and what is measured of it."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dissect.errors import TrainingError
from dissect.images.averaging import EMA, SWA
from dissect.images.batches import Pixels, TrainBatches, ViewBatches
from dissect.images.module import Classification
from dissect.images.schedules import at, constant, cosine
from dissect.streams import stream
from dissect.training.epochs import Epochs
from dissect.training.resume import Resume

SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=1e-3)
CLASSES, EPOCHS = 4, 3


def network():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2),
                         nn.Linear(8 * 10 * 10, CLASSES))  # fmt: skip
    return made.to(memory_format=torch.channels_last)


def pixels(seed, count):
    generator = np.random.default_rng(seed)
    images = torch.from_numpy(generator.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8))
    labels = torch.from_numpy(generator.integers(0, CLASSES, count))
    return Pixels(images, labels, mean=torch.full((3,), 0.5), std=torch.full((3,), 0.25))


def halves(images, targets, generator):
    """Soft targets: each image counts half for the class after its own."""
    after = functional.one_hot((targets + 1) % CLASSES, CLASSES)
    return images, (functional.one_hot(targets, CLASSES) + after) / 2


def batches(transforms):
    training = TrainBatches(pixels(0, 50), batch_size=16, crop=0.75, mirror=True, seed=7, transforms=transforms)
    return training, ViewBatches(pixels(1, 30), batch_size=20, crop=0.75)


def trainer_of(callbacks, **options):
    return pl.Trainer(
        accelerator="cpu", logger=False, callbacks=callbacks, num_sanity_val_steps=0, enable_progress_bar=False,
        enable_model_summary=False, max_epochs=EPOCHS, **options,
    )  # fmt: skip


def trained(*, callbacks=(), begin=None, transforms=None, options=None, **named):
    module = Classification(
        network(), batches=lambda device, part: batches(transforms or {}), seed=7,
        **{"optimizer": SGD, "loss": nn.CrossEntropyLoss(), "schedule": partial(cosine, warmup=0.3)} | named,
    )  # fmt: skip
    epochs = Epochs(Path("metrics.csv"), lambda rows: None)
    trainer_of([epochs, *callbacks], **(options or {})).fit(module, ckpt_path=begin, weights_only=True)
    module.rows = epochs.rows
    return module


def bare(optimizer, loss=functional.cross_entropy, schedule=partial(cosine, warmup=0.3), transforms=None, after=None):  # noqa: B008
    """The same training as the plainest loop has it."""
    model, (training, _) = network(), batches(transforms or {})
    optimizer, step, peak = optimizer(model.parameters()), 0, None
    for training.epoch in range(EPOCHS):
        torch.manual_seed(stream(7, "dropout", training.epoch))
        for images, targets in training:
            for group in optimizer.param_groups:
                peak = peak or group["lr"]
                group["lr"] = peak * schedule(at(step, EPOCHS * len(training)))
            optimizer.zero_grad()
            loss(model(images), targets).backward()
            optimizer.step()
            step += 1
            if after:
                after(model)
    return model


def equal(ours, theirs):
    ours, theirs = ours.state_dict(), theirs.state_dict()
    assert list(ours) == list(theirs)
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(autouse=True)
def _one_thread_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# Fused where the loop says so, as is the default here.
@pytest.mark.parametrize(
    ("optimizer", "loops"),
    [
        (SGD, partial(SGD, fused=True)),
        (partial(SGD, nesterov=True, fused=False), partial(SGD, nesterov=True)),
        (partial(torch.optim.AdamW, lr=1e-2), partial(torch.optim.AdamW, lr=1e-2, fused=True)),
        (partial(torch.optim.RMSprop, lr=1e-3), partial(torch.optim.RMSprop, lr=1e-3)),
    ],
)
def test_an_optimiser_takes_the_steps_that_it_takes_in_a_bare_loop_to_the_bit(optimizer, loops):
    ours, theirs = trained(optimizer=optimizer), bare(loops)
    assert equal(ours.network, theirs)
    assert not equal(ours.network, network())


def test_loss_schedule_and_transforms_are_those_that_were_given():
    smooth = nn.CrossEntropyLoss(label_smoothing=0.2)
    named = {"loss": smooth, "schedule": constant, "transforms": {"halves": halves}}
    ours = trained(**named)
    assert equal(ours.network, bare(partial(SGD, fused=True), **named))
    assert not equal(ours.network, trained(schedule=constant, transforms={"halves": halves}).network)
    assert not equal(ours.network, trained(loss=smooth, schedule=constant).network)
    assert {row["learning_rate"] for row in ours.rows} == {0.1}


def test_the_training_loss_is_what_is_minimised_and_the_judged_one_plain_cross_entropy():
    def tenth(logits, targets):
        return functional.cross_entropy(logits, targets) / 10

    # ten times the rate: the same steps, but for rounding
    ours, plain = (
        trained(loss=tenth, optimizer=partial(SGD, lr=1.0, weight_decay=0)),
        trained(optimizer=partial(SGD, weight_decay=0)),
    )
    first, other = ours.rows[0], plain.rows[0]
    assert first["train_loss"] == pytest.approx(other["train_loss"] / 10, rel=1e-3)
    assert first["val_loss"] == pytest.approx(other["val_loss"], rel=1e-3)


def test_a_mixed_image_counts_for_the_class_that_it_has_most_of():
    def mostly(images, targets, generator):
        return images, 0.6 * functional.one_hot(targets, CLASSES) + 0.1

    hard, soft = (
        trained(optimizer=partial(SGD, lr=0.0)),
        trained(optimizer=partial(SGD, lr=0.0), transforms={"mostly": mostly}),
    )
    assert [row["train_accuracy"] for row in hard.rows] == [row["train_accuracy"] for row in soft.rows]


def test_the_exponential_average_is_torchs_own_over_the_same_steps_and_is_judged():
    decay, found = 0.8, []

    def after(model):
        if not found:
            found.append(AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True))
        found[0].update_parameters(model)

    ours, theirs = trained(average=EMA(decay)), bare(partial(SGD, fused=True), after=after)
    assert equal(ours.network, theirs)  # averaging changes nothing of training
    assert equal(ours.judged, found[0].module)
    check_judged(ours)


def test_the_plain_average_is_of_the_last_epochs_weights_and_is_judged():
    keep = Keep()
    ours = trained(average=SWA(1 / 3), callbacks=[keep])
    kept = keep.weights
    assert len(kept) == EPOCHS
    torch.testing.assert_close(ours.judged.state_dict()["0.weight"], (kept[1] + kept[2]) / 2, atol=1e-6, rtol=1e-6)
    check_judged(ours)
    # until it begins, both are the plain weights
    first, *later = ours.rows
    assert first["val_loss"] == first["val_plain_loss"]
    assert all(row["val_loss"] != row["val_plain_loss"] for row in later)


class Keep(pl.Callback):
    def __init__(self):
        self.weights = []

    def on_train_epoch_end(self, trainer, module):
        self.weights.append(module.network[0].weight.detach().clone())


def check_judged(module):
    """The last row's metrics, worked out anew from the two networks."""
    _, validation = batches({})
    for prefix, one in (("val", module.judged), ("val_plain", module.network)):
        one.eval()
        with torch.inference_mode():
            logits = torch.cat([one(images) for images, _ in validation])
        labels = torch.cat([labels for _, labels in validation])
        assert module.rows[-1][f"{prefix}_loss"] == pytest.approx(functional.cross_entropy(logits, labels).item())
        assert module.rows[-1][f"{prefix}_accuracy"] == pytest.approx((logits.argmax(1) == labels).float().mean())


@pytest.mark.parametrize("average", [None, EMA(0.8), SWA(0.0)])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_killed_run_goes_on_to_the_same_bits(average, cut, tmp_path):
    options = {"average": average, "transforms": {"halves": halves}}

    class Cut(Resume):
        def on_train_epoch_end(self, trainer, module):
            super().on_train_epoch_end(trainer, module)
            if trainer.current_epoch + 1 == cut:
                raise KeyError("power cut")

    whole = trained(**options)
    with pytest.raises(KeyError, match="power cut"):
        trained(**options, callbacks=[Cut(tmp_path, "key")])
    resumed = trained(**options, begin=str(Resume(tmp_path, "key").newest("32-true")))
    assert resumed.rows == whole.rows
    assert equal(resumed.network, whole.network)
    assert equal(resumed.judged, whole.judged)
    assert equal(whole.judged, whole.network) == (average is None)


def test_the_average_is_ready_though_it_was_never_validated():
    seldom, often = (trained(average=SWA(0.0), options={"check_val_every_n_epoch": every}) for every in (100, 1))
    assert equal(seldom.judged, often.judged)
    assert not [name for name in seldom.rows[0] if name.startswith("val")]


def test_without_an_average_there_is_one_network_and_no_second_row_of_metrics():
    module = trained()
    assert module.judged is module.network
    assert not [name for name in module.rows[0] if "plain" in name]


def test_a_loss_that_is_not_finite_names_the_rate_whatever_the_optimiser_calls_itself():
    with pytest.raises(TrainingError, match=r"^optimizer.lr=1e\+30: the training loss became \w+ in epoch \d"):
        trained(optimizer=partial(torch.optim.SGD, lr=1e30))
