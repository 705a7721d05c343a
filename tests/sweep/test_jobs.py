"""What a sweep asks for."""

import pytest

from dissect.errors import InputError
from dissect.sweep.jobs import seed_of


@pytest.mark.parametrize("said", ["seed=3", "seed='3'", 'seed="3"', "+seed=3"])
def test_a_sweep_takes_the_seeds_that_a_single_run_takes(variant, said):
    assert seed_of(said) == 3
    assert said[0] == "+" or variant(said).seed == 3


@pytest.mark.parametrize(
    "said", ["seed=-1", "seed='-1'", "seed=--3", "seed=1e3", "seed=3.5", "seed=", "seed=x", "seed=9223372036854775808"]
)
def test_and_refuses_those_that_no_run_can_have(said):
    with pytest.raises(InputError, match="must be a whole number from 0 on"):
        seed_of(said)
