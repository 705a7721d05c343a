"""The short form of the simulated studies: what must hold does."""

import numpy as np
import pytest

from dissect.measure import simulate as module
from dissect.measure.simulate import Row, scenarios, simulate, skewed

REPEATS = 2_000


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return simulate(REPEATS)


def test_what_the_statistics_promise_holds_in_simulated_studies(rows: list[Row]):
    # three standard errors of a rate; the full form, 20,000 studies a row, is experiments/audit's
    slack = {row.what: 3 * np.sqrt(max(row.rate * (1 - row.rate), 0) / REPEATS) for row in rows}
    missed = [row for row in rows if not row.least - slack[row.what] <= row.rate <= row.most + slack[row.what]]
    assert missed == []


def test_every_kind_of_promise_is_simulated(rows: list[Row]):
    held = " ".join(row.what for row in rows if (row.least, row.most) != (0, 1))
    told = ["coverage, normal, 3 seeds", "false verdict", "looks (5, 8, 12)", "false equivalence", "planned"]
    told += ["both trained", "failure rates", "half-finished", "new examples", "contradict", "at once", "published run"]
    told += ["either kind"]
    told += ["exploratory page", "pilot of 3 seeds", "of a fixed design", "pooled variances"]
    for words in told:
        assert words in held
    assert len({row.what for row in rows}) == len(rows)


def test_a_promise_that_is_missed_is_said_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(
        module,
        "scenarios",
        lambda: [lambda _, __: Row("kept", 0.05, 0, 0.055), lambda _, __: Row("broken", 0.06, 0, 0.055)],
    )
    monkeypatch.setattr("sys.argv", ["simulate", "--repeats", "10"])
    module.main()
    assert [line.endswith("MISSED") for line in capsys.readouterr().out.splitlines()] == [False, False, True]


def test_two_processes_give_the_same_numbers_as_one(monkeypatch: pytest.MonkeyPatch):
    few = scenarios()[:3]
    monkeypatch.setattr(module, "scenarios", lambda: few)
    assert simulate(100, workers=2) == simulate(100)


def test_every_scenario_has_its_own_random_numbers_and_gives_them_again():
    chosen = scenarios()[:2]
    first, again = ([scenario(np.random.default_rng(1), 500) for scenario in chosen] for _ in range(2))
    assert first == again
    assert chosen[0](np.random.default_rng(2), 500) != first[0]


def test_skewed_noise_is_centred_and_of_unit_spread():
    noise = skewed(np.random.default_rng(0), (200_000,))
    # standard errors 0.002 and 0.003
    assert (noise.mean(), noise.std()) == pytest.approx((0, 1), abs=0.012)
