from itertools import product

import pytest

from dissect.design import Component, as_levels, factorial, fractional, leave_one_out, levels_of, one_at_a_time, shapley
from dissect.errors import InputError

PARTS = [Component("x"), *as_levels([Component("a"), Component("b"), Component("c")])]


def pairs(design):
    return {one.components: one.weights for one in design.contrasts if one.kind == "levels"}


def test_a_list_among_the_components_is_one_factor():
    assert levels_of(["x", ["a", "b"]]) == [["x"], ["a", "b"]]
    for said in ([3], [[]], [["a", ["b"]]]):
        with pytest.raises(InputError, match=r"^plan.components: "):
            levels_of(said)


def test_of_a_factor_one_level_at_most_is_on_and_every_two_are_compared():
    full = factorial(PARTS)
    assert set(full.variants) == {
        tuple(name for name in one if name) for one in product(["", "x"], ["", "a", "b", "c"])
    }
    assert set(pairs(full)) == {("a", "b"), ("a", "c"), ("b", "c")}
    assert pairs(full)["a", "b"] == {("b",): 0.5, ("a",): -0.5, ("x", "b"): 0.5, ("x", "a"): -0.5}


def test_alone_each_level_is_added_to_the_baseline_and_compared_with_the_others():
    alone = one_at_a_time(PARTS)
    assert alone.variants == ((), ("x",), ("a",), ("b",), ("c",))
    assert pairs(alone)["b", "c"] == {("c",): 1.0, ("b",): -1.0}


def test_the_full_model_has_the_first_level_in_whose_place_each_other_comes():
    left = leave_one_out(PARTS)
    assert left.variants == (("x", "a"), ("a",), ("x",), ("x", "b"), ("x", "c"))
    assert pairs(left)["a", "b"] == {("x", "b"): 1.0, ("x", "a"): -1.0}
    assert [one.components for one in left.contrasts if one.kind == "leave_one_out"] == [("x",), ("a",)]


def test_a_full_model_of_all_levels_at_once_and_a_fraction_are_refused():
    with pytest.raises(InputError, match="shapley: needs a and b at once, which exclude each other"):
        shapley(PARTS)
    with pytest.raises(InputError, match="fractional: a requires or excludes another"):
        fractional([*PARTS, Component("y")])
