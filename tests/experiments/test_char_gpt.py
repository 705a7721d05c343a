"""The character GPT: what each of its ideas changes, how it is judged, and what text it sees."""

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

FOLDER = Path(__file__).parents[2] / "experiments/char-gpt"
QUIET: dict[str, Any] = dict.fromkeys(
    ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
)
OFF = {"position": False, "residual": False, "norm": False, "tied": False, "dropout": 0.0, "warmup": 0.0}
FULL = {"position": True, "residual": True, "norm": True, "tied": True, "dropout": 0.5, "warmup": 0.5}
VOCABULARY, CONTEXT, WIDTH, LAYERS = 97, 16, 8, 2


@pytest.fixture
def gpt(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    import gpt  # type: ignore[import-not-found]

    return gpt


def make(gpt: ModuleType, **ideas: Any) -> Any:
    torch.manual_seed(0)
    sizes = {"vocabulary": VOCABULARY, "context": CONTEXT, "width": WIDTH, "layers": LAYERS, "heads": 2}
    return gpt.GPT(**sizes, **OFF | ideas, learning_rate=0.01, weight_decay=0.1)


def text(gpt: ModuleType, judge: str = "validation", **options: int) -> Any:
    sizes = {"vocabulary": VOCABULARY, "context": CONTEXT, "batch_size": 32, "batches": 5, "windows": 50}
    return gpt.StandardLibrary(judge=judge, **sizes | options)


def trainer(epochs: int, *callbacks: pl.Callback) -> pl.Trainer:
    return pl.Trainer(max_epochs=epochs, accelerator="cpu", callbacks=list(callbacks), **QUIET)


class Seen(pl.Callback):
    """Keeps the metric of every epoch, the scores of the last, and the learning rate of every step."""

    def __init__(self) -> None:
        self.metrics: list[float] = []
        self.scores: list[Tensor] = []
        self.rates: list[float] = []

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_validation_epoch_start(self, *_: Any) -> None:
        self.scores = []

    def on_validation_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, *_: Any) -> None:
        self.scores.append(outputs["scores"])

    def on_validation_epoch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.metrics.append(float(trainer.callback_metrics["val/bits"]))


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_it_learns_and_the_mean_of_its_windows_scores_is_the_metric(gpt: ModuleType) -> None:
    seen = Seen()
    torch.manual_seed(0)
    trainer(2, seen).fit(make(gpt, **FULL | {"dropout": 0.0}), text(gpt, batches=20))
    untrained, first, last = seen.metrics[-3:]  # Lightning looks at two batches before it trains
    assert untrained > first > last
    assert 2 < last < math.log2(VOCABULARY)
    scores = torch.cat(seen.scores)
    assert len(scores) == 50  # two batches, of 32 and 18
    assert last == pytest.approx(float(scores.double().mean()), abs=1e-6)


@pytest.mark.parametrize(
    ("idea", "parameters_more"),
    [
        ("position", CONTEXT * WIDTH),
        ("residual", 0),
        ("norm", 2 * WIDTH * (2 * LAYERS + 1)),
        ("tied", -VOCABULARY * WIDTH),
        ("dropout", 0),
        ("warmup", 0),
    ],
)
def test_each_idea_changes_the_number_of_parameters_by_what_it_adds(
    gpt: ModuleType, idea: str, parameters_more: int
) -> None:
    assert parameters(make(gpt, **{idea: FULL[idea]})) - parameters(make(gpt)) == parameters_more


@pytest.mark.parametrize(("idea", "changes"), [("residual", True), ("norm", True), ("tied", True), ("warmup", False)])
def test_what_an_untrained_network_says_depends_on_its_ideas(gpt: ModuleType, idea: str, changes: bool) -> None:
    characters = torch.arange(CONTEXT)[None]
    same = torch.equal(make(gpt, **{idea: FULL[idea]})(characters), make(gpt)(characters))
    assert same is not changes


def test_a_trained_position_embedding_tells_places_apart(gpt: ModuleType) -> None:
    module = make(gpt, position=True)
    module.position.data.normal_()
    same = torch.zeros(1, CONTEXT, dtype=torch.long)  # without it, one character all along says the same everywhere
    assert not module(same)[0, 1].allclose(module(same)[0, 2])
    assert make(gpt)(same)[0, 1].allclose(make(gpt)(same)[0, 2])


def test_dropout_counts_in_training_only(gpt: ModuleType) -> None:
    characters = torch.arange(CONTEXT)[None]
    module = make(gpt, dropout=0.5)
    assert not torch.equal(module(characters), module(characters))
    assert torch.equal(module.eval()(characters), make(gpt).eval()(characters))


@pytest.mark.parametrize("off", FULL)
def test_with_one_seed_all_other_weights_begin_alike_whichever_idea_is_off(gpt: ModuleType, off: str) -> None:
    full, less = (dict(make(gpt, **ideas).named_parameters()) for ideas in (FULL, FULL | {off: OFF[off]}))
    for name in full.keys() & less.keys():
        assert torch.equal(full[name], less[name]), name
    torch.manual_seed(1)
    assert not torch.equal(torch.nn.Embedding(VOCABULARY, WIDTH).weight, full["embedding.weight"])


def test_no_character_sees_those_after_it(gpt: ModuleType) -> None:
    module = make(gpt, **FULL).eval()
    before = torch.arange(CONTEXT)[None]
    after = before.clone()
    after[0, 10:] = 50
    assert torch.equal(module(before)[:, :10], module(after)[:, :10])
    assert not torch.equal(module(before)[:, 10:], module(after)[:, 10:])


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.parametrize(
    ("warmup", "shares"),
    [
        (0.0, [(1 + math.cos(math.pi * step / 10)) / 2 for step in range(10)]),
        (0.5, [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, *((1 + math.cos(math.pi * step / 5)) / 2 for step in range(5))]),
    ],
)
def test_the_learning_rate_rises_in_the_warm_up_and_falls_as_a_cosine(
    gpt: ModuleType, warmup: float, shares: list[float]
) -> None:
    seen = Seen()
    trainer(2, seen).fit(make(gpt, warmup=warmup), text(gpt, windows=1))
    assert seen.rates == pytest.approx([0.01 * share for share in shares])


def test_training_tuning_and_validation_share_no_file(gpt: ModuleType) -> None:
    validation, tuning = (text(gpt, judge).texts() for judge in ("validation", "tuning"))
    assert validation["training"] == tuning["training"]
    sizes = [len(validation["training"]), len(validation["validation"]), len(tuning["tuning"])]
    assert sizes[0] > 5 * max(sizes[1:])
    assert min(sizes[1:]) > 50 * CONTEXT
    for judged in (validation["validation"], tuning["tuning"]):
        assert judged[:1000] not in validation["training"]
    assert validation["validation"][:1000] not in tuning["tuning"]


def test_the_fingerprint_is_that_of_the_text(gpt: ModuleType) -> None:
    assert text(gpt).fingerprint() == text(gpt, batches=6).fingerprint()
    assert text(gpt).fingerprint() != text(gpt, "tuning").fingerprint()


def test_windows_hold_the_text_and_rare_characters_are_the_last_one(gpt: ModuleType) -> None:
    data = text(gpt, vocabulary=10)
    data.setup("fit")
    assert len(data.train_dataloader()) == 5
    window, after = data.training[0], data.training[1]
    assert len(window) == CONTEXT + 1
    assert torch.equal(window[1:], after[:-1])
    counts = torch.bincount(data.training.text.int(), minlength=10)
    assert len(counts) == 10
    assert torch.equal(counts[:9], counts[:9].sort(descending=True).values)


def test_a_judge_that_is_none_is_refused(gpt: ModuleType) -> None:
    with pytest.raises(ValueError, match="judge=test: say validation or tuning"):
        text(gpt, "test")
