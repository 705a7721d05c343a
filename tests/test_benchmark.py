"""The benchmark's table: figures, medians, and what counts as reached; and its yardsticks, where they are not plain."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from dissect.images.build import build

FOLDER = Path(__file__).parents[1] / "experiments/benchmark"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    import table  # type: ignore[import-not-found]

    return table


def test_repeats_take_turns_in_who_comes_first(table: ModuleType) -> None:
    order: list[str] = []
    ours, theirs = (lambda number, name=name: float(order.append(name) or number) for name in ("ours", "theirs"))
    pairs = table.interleaved(3, ours, theirs)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert pairs == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("pairs", "figure", "reach", "at_least", "absolute", "met"),
    [
        ([(96, 100), (97, 100), (200, 100)], "ratio", 0.97, True, None, True),  # the median is 0.97
        ([(96, 100), (96, 100), (200, 100)], "ratio", 0.97, True, None, False),
        ([(2, 20)], "speedup", 10, True, 3, True),
        ([(4, 40)], "speedup", 10, True, 3, False),  # fast enough, but not in 3 seconds
        ([(5, 3)], "difference", 1.5, False, None, False),
        ([(4, 3)], "difference", 1.5, False, None, True),
        ([(4, 3)], "ratio", None, True, None, None),
    ],
)
def test_a_row_is_met_by_the_median_of_its_figures(
    table: ModuleType,
    pairs: list[tuple[float, float]],
    figure: str,
    reach: float | None,
    at_least: bool,
    absolute: float | None,
    met: bool | None,
) -> None:
    rows = [table.Pair(*pair) for pair in pairs]
    row = table.Row("what", "yardstick", "s", rows, getattr(table, figure), "x", reach, at_least, absolute)
    assert row.met is met
    assert row.cells()[-1] == {True: "met", False: "missed", None: "-"}[met]


def test_every_repeat_is_written(table: ModuleType, tmp_path: Path) -> None:
    row = table.Row("what", "bare", "images/s", [table.Pair(3, 4), table.Pair(1, 2)], table.ratio, "x", 0.7)
    path = tmp_path / "rows.csv"
    table.write(path, table.records("training", [row], "on this machine"))
    assert [line.split(",")[:9] for line in path.read_text().splitlines()[1:]] == [
        ["training", "what", "bare", "0", "images/s", "3", "4", "0.75", "x"],
        ["training", "what", "bare", "1", "images/s", "1", "2", "0.5", "x"],
    ]
    told = list(table.markdown(table.read(path)))
    assert told[-1] == "- `training`: on this machine."
    assert told[2].split(" | ")[2:5] == [
        "2 [1, 3] images/s",
        "3 [2, 4] images/s",
        "0.625 [0.5, 0.75] x",
    ]


def test_stacked_seeds_train_as_each_alone_does(variant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    import bare  # type: ignore[import-not-found]

    config = variant("+ablation=step1", "model.width=0.1").config
    recipe = {"momentum": 0.9, "weight_decay": 5e-4}
    draws = torch.Generator().manual_seed(0)
    batches = [
        (torch.randn(8, 3, 16, 16, generator=draws).to(memory_format=torch.channels_last),
         torch.randint(10, (8,), generator=draws))
        for _ in range(4)
    ]  # fmt: skip
    together = bare.Stacked([build(config, seed=seed) for seed in range(3)], **recipe)
    for images, labels in batches:
        together.step(torch.stack([images] * 3), torch.stack([labels] * 3))
    for seed in range(3):
        alone = build(config, seed=seed)
        bare.images_per_second(alone, batches, epochs=1, **recipe)
        began = dict(build(config, seed=seed).named_parameters())
        for name, weights in alone.named_parameters():
            torch.testing.assert_close(together.weights[name][seed], weights, rtol=1e-4, atol=1e-5)
            assert not torch.equal(weights, began[name])
