from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import accuracy_score, log_loss, top_k_accuracy_score
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from dissect.images.build import build, recipe
from dissect.images.module import Classification, sums
from dissect.images.scores import scores
from dissect.images.task import batches as cut
from dissect.images.task import images_of
from dissect.streams import stream
from dissect.training.epochs import Epochs
from dissect.training.resume import Resume
from dissect.training.trainer import trainer_of


@pytest.fixture
def outputs():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(300, 12)).astype(np.float32)
    labels = generator.integers(0, 12, 300)
    labels[:12] = range(12)
    exp = np.exp(logits)
    return logits, exp / exp.sum(1, keepdims=True), labels


def test_scores_agree_with_scikit_learn(outputs):
    logits, probabilities, labels = outputs
    found = scores(probabilities, labels)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, probabilities.argmax(1)), abs=1e-12)
    assert found["top5"] == pytest.approx(top_k_accuracy_score(labels, probabilities, k=5), abs=1e-12)
    assert found["loss"] == pytest.approx(log_loss(labels, softmax(logits.astype(np.float64), axis=1)), rel=1e-5)


def test_a_tie_goes_to_the_lower_label_as_in_argmax():
    probabilities = np.full((3, 10), 0.1, np.float32)
    assert scores(probabilities, np.array([0, 4, 9])) == {
        "accuracy": pytest.approx(1 / 3),
        "top5": pytest.approx(2 / 3),
        "loss": pytest.approx(np.log(10)),
    }


def test_a_probability_of_zero_gives_a_large_but_finite_loss():
    assert np.isfinite(scores(np.array([[1.0, 0.0]], np.float32), np.array([1]))["loss"])


def test_the_sums_of_batches_are_the_scores_of_the_whole(outputs):
    logits, probabilities, labels = outputs
    total = torch.zeros(4)
    for start in range(0, 300, 77):
        batch, truth = torch.from_numpy(logits[start : start + 77]), torch.from_numpy(labels[start : start + 77])
        total += sums(batch, truth, torch.nn.functional.cross_entropy(batch, truth))
    whole = scores(probabilities, labels)
    assert (total[:3] / total[3]).tolist() == pytest.approx([whole["loss"], whole["accuracy"], whole["top5"]], rel=1e-5)


def test_streams_are_told_apart_by_seed_name_and_number():
    seeds = {stream(seed, name, epoch) for seed in range(3) for name in ("order", "crop") for epoch in range(3)}
    assert len(seeds) == 18
    assert stream(0, "order", 1) == stream(0, "order", 1)
    assert all(0 <= seed < 2**63 for seed in seeds)


READS = {"item", "tolist", "__bool__", "__float__", "__int__", "__index__", "cpu", "numpy", "nonzero"}


@pytest.mark.parametrize(("how", "expected"), [("norm", [0.6, -0.8]), (None, [0.6, -0.8]), ("value", [1.0, -1.0])])
def test_gradients_are_clipped_by_norm_unless_by_value_is_said(variant, how, expected):
    network = nn.Linear(2, 1, bias=False)
    network.weight.grad = torch.tensor([[3.0, -4.0]])
    parts = recipe(variant().config)
    module = Classification(
        network, batches=None, optimizer=parts.optimizer, loss=parts.loss, schedule=parts.schedule, seed=0
    )
    module.configure_gradient_clipping(None, 1.0, how)
    torch.testing.assert_close(network.weight.grad[0], torch.tensor(expected), atol=1e-5, rtol=0)


class Calls(TorchFunctionMode):
    """Counts the values that a program reads back, for which it would have to wait for a device."""

    def __init__(self):
        super().__init__()
        self.counted = 0

    def __torch_function__(self, function, types, arguments=(), named=None):
        self.counted += getattr(function, "__name__", "") in READS
        return function(*arguments, **(named or {}))


class Scalars(TorchDispatchMode):
    """Counts the values that operations inside torch read back themselves."""

    def __init__(self):
        super().__init__()
        self.counted = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        self.counted += function is torch.ops.aten._local_scalar_dense.default
        return function(*arguments, **(named or {}))


@pytest.fixture
def reads(variant, tmp_path):
    """How many values were read back over two epochs of so many batches."""

    def reads(batches: int, network: nn.Module | None = None) -> int:
        chosen = variant(
            "+ablation=step7", "model.width=0.1", f"data.train_per_class={2 * batches}", "train.batch_size=20",
            "train.epochs=2", "trainer.accelerator=cpu", "trainer.precision=bf16-mixed",
        )  # fmt: skip
        parts = recipe(chosen.config)
        module = Classification(
            network or build(chosen.config, seed=0), batches=partial(cut, images_of(chosen.config), chosen.config, 0),
            optimizer=parts.optimizer, loss=parts.loss, schedule=parts.schedule, seed=0,
        )  # fmt: skip
        epochs = Epochs(tmp_path / "metrics.csv", lambda rows: None)
        with Calls() as calls, Scalars() as scalars:
            trainer_of(chosen.config, tmp_path, [epochs, Resume(tmp_path, "key")]).fit(module)
        assert len(epochs.rows) == 2
        return calls.counted + scalars.counted

    return reads


class Curious(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(3 * 15 * 15, 10)

    def forward(self, images):
        logits = self.dense(images.flatten(1))
        return logits / max(1.0, logits.abs().max().item())  # read back, in each batch


def test_within_an_epoch_nothing_is_read_back_from_the_device(reads):
    assert reads(batches=4) == reads(batches=8) > 0
    assert reads(batches=8, network=Curious()) - reads(batches=4, network=Curious()) >= 2 * 4
