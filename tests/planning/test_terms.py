"""What a plan may ask of its tests."""

import pytest

from dissect.errors import InputError
from dissect.planning.terms import check_terms


@pytest.mark.parametrize(
    ("level", "smallest", "power", "looks", "named"),
    [
        (95, 1, 0.8, None, "plan.level=95"),
        (0.4, 1, 0.8, None, "plan.level=0.4"),
        (0.95, 0, 0.8, None, "plan.smallest=0"),
        (0.95, -1, 0.8, None, "plan.smallest=-1"),
        (0.95, 1, 80, None, "plan.power=80"),
        (0.95, 1, 0.05, None, "plan.power=0.05"),
        (0.95, 1, 0.8, [3, 2], "plan.looks"),
        (0.95, 1, 0.8, [1, 2], "plan.looks"),
        (0.95, 1, 0.8, [], "plan.looks"),
    ],
)
def test_terms_of_which_no_test_can_be_made_are_refused(level, smallest, power, looks, named):
    with pytest.raises(InputError, match=named):
        check_terms(level, smallest, power, looks)
    check_terms(0.95, 1, 0.8, [2, 3])
