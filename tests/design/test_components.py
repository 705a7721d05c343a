import re

import pytest

from dissect.design import Component, cumulative, factorial, fractional, leave_one_out, one_at_a_time, shapley
from dissect.errors import InputError

A, B = Component("a"), Component("b")
DESIGNS = [cumulative, leave_one_out, one_at_a_time, factorial, fractional, shapley]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(
    ("components", "said"),
    [
        ([A, B, A], "a occurs twice"),
        ([A, Component("b", requires=("z",))], "b: requires z, which is not among ['a', 'b']"),
        ([Component("a", requires=("a",))], "circle: a -> a"),
        ([Component("a", requires=("b",)), Component("b", requires=("a",))], "in a circle"),
        ([A, Component("b", excludes=("a",)), Component("c", requires=("a", "b"))], "c: needs a and b at once"),
        ([Component("t", derived=True), Component("a", requires=("t",))], "cannot require t, which is derived"),
    ],
)
def test_components_that_contradict_themselves_are_refused_by_every_design(design, components, said):
    with pytest.raises(InputError, match=re.escape(said)):
        design(components)


def test_a_circle_is_named_in_the_direction_of_its_requirements():
    circle = [Component("a", requires=("b",)), Component("b", requires=("c",)), Component("c", requires=("a",))]
    with pytest.raises(InputError, match=r"a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c"):
        factorial(circle)


@pytest.mark.parametrize("design", [cumulative, leave_one_out, shapley])
@pytest.mark.parametrize("pair", [[A, Component("b", excludes=("a",))], [Component("a", excludes=("b",)), B]])
def test_designs_with_a_full_model_refuse_components_that_exclude_each_other(design, pair):
    with pytest.raises(InputError, match=rf"{design.__name__}: needs a and b at once.*; take one"):
        design(pair)


@pytest.mark.parametrize("design", [leave_one_out, one_at_a_time, factorial, fractional, shapley])
def test_derived_components_take_part_in_the_ladder_only(design):
    plain = [Component(name) for name in "abcd"]
    assert design([Component("ten_crop", derived=True), *plain]) == design(plain)


@pytest.mark.parametrize("design", [factorial, shapley])
def test_more_subsets_than_fit_the_memory_are_refused(design):
    with pytest.raises(InputError, match="subsets of 40"):
        design([Component(f"c{number}") for number in range(40)])
