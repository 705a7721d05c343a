"""How long a study's runs take together."""

from types import SimpleNamespace

import pytest

from dissect.plan.__main__ import searched, teller
from dissect.plan.cost import costs, makespan
from dissect.planning.manifest import Planned
from tests.report.conftest import write_run


@pytest.mark.parametrize(
    ("seconds", "workers", "last"),
    [
        ([3, 3, 3], 1, 9),
        ([3, 3, 3], 2, 6),  # two at once, then the third alone
        ([1, 1, 1, 9], 2, 10),  # a long one at the end waits for nobody
        ([5], 4, 5),
        ([], 2, 0),
    ],
)
def test_runs_take_turns_on_the_workers(seconds, workers, last):
    assert makespan(seconds, workers) == last


def test_a_search_before_the_study_and_its_second_half_are_counted():
    manifest = SimpleNamespace(variants=dict.fromkeys("abcd"), seeds=[0, 1, 2, 3, 4])
    said = searched(8, manifest)
    assert "4 variants x 8 settings x 3 seeds = 96 runs on the tuning split" in said
    assert "up to 20 runs more" in said


def test_planned_contrasts_are_called_by_their_variants_titles():
    parts = {"step1": {}, "step2": {"a": "dropout"}, "a+b": {"a": "dropout", "b": "mixup"}}
    about = teller(SimpleNamespace(variants={name: {"components": told} for name, told in parts.items()}))
    assert about(Planned("ladder", ("a",), {"step2": 1, "step1": -1})) == "step2 · dropout over step1 · baseline"
    assert about(Planned("pair", ("b",), {"step1": -1, "a+b": 1})) == "dropout + mixup over step1 · baseline"
    crossed = Planned("interaction", ("a", "b"), {"a+b": 1, "step2": -1, "b": -1, "step1": 1})
    assert about(crossed) == "interaction: dropout x mixup"


def test_a_runs_disk_is_its_files_with_weights_or_without(tmp_path):
    weights, rest = 4000, {}
    for variant, kept in (("a", True), ("b", False)):
        folder = write_run(tmp_path, variant, (), 0, 0.5, parameters=weights // 4, train_seconds=2.0)
        rest[variant] = sum(path.stat().st_size for path in folder.iterdir())
        if kept:
            (folder / "checkpoint.pt").write_bytes(bytes(weights + 99))
    assert {name: one.bytes for (name, _), one in costs(tmp_path, weights=False).items()} == rest
    assert {name: one.bytes - rest[name] for (name, _), one in costs(tmp_path).items()} == {"a": weights, "b": weights}
