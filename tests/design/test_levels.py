from functools import partial
from itertools import combinations, product

import pytest

from dissect.design import (
    Component,
    as_levels,
    cumulative,
    factorial,
    fractional,
    leave_one_out,
    levels_of,
    one_at_a_time,
    shapley,
)
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


def test_the_ladder_goes_on_with_the_first_level_and_each_other_one_branches_off_at_its_step():
    ladder = cumulative([*PARTS, Component("y")])
    assert ladder.variants == ((), ("x",), ("x", "a"), ("x", "a", "y"), ("x", "b"), ("x", "c"))
    assert pairs(ladder)["b", "c"] == {("x", "c"): 1.0, ("x", "b"): -1.0}
    assert [one.components for one in ladder.contrasts if one.kind == "ladder"] == [("x",), ("a",), ("y",)]


def levels(variants):
    """Additive levels: x is worth 1, y 5, a, b and c 10, 20 and 60."""
    worth = {"x": 1.0, "y": 5.0, "z": 7.0, "a": 10.0, "b": 20.0, "c": 60.0}
    return {names: sum(worth[name] for name in names) for names in variants}


@pytest.mark.parametrize("design", [shapley, partial(shapley, orders=4), fractional])
def test_designs_for_two_levels_are_done_with_each_level_and_find_what_each_component_adds(design):
    found = design([*PARTS, Component("y"), Component("z")])
    known = levels(found.variants)
    effects = {
        one.components: sum(weight * known[names] for names, weight in one.weights.items()) for one in found.contrasts
    }
    told = {(name,): levels([(name,)])[(name,)] for name in "xabcyz"}
    assert effects == pytest.approx({**told, ("a", "b"): 10, ("a", "c"): 50, ("b", "c"): 40})
    assert len(found.variants) == len(set(found.variants))
    assert not any(len({"a", "b", "c"} & set(names)) > 1 for names in found.variants)


def test_of_sampled_orders_those_of_all_choices_count():
    found = {one.components: one for one in shapley(PARTS, orders=4).contrasts if one.kind == "shapley"}
    assert (len(found["x",].orders), len(found["a",].orders)) == (12, 4)


def test_a_fraction_with_each_level_is_as_clear_of_interactions_as_one_of_two_levels():
    four = [*PARTS, Component("y"), Component("z")]
    found = fractional(four)
    assert len(found.variants) == 4 + 3 * 4  # half of the eight without the factor, the rest with each level
    for one in found.contrasts:
        if one.kind == "main_effect":
            for pair in combinations("xyz", 2):  # what two gain together
                together = sum(weight for names, weight in one.weights.items() if set(pair) <= set(names))
                assert together == pytest.approx(0.5 if one.components[0] in pair else 0)
