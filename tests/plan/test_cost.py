"""How long a study's runs take together."""

import pytest

from dissect.plan.cost import makespan


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
