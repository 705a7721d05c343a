from itertools import combinations

import numpy as np
import pytest

from dissect.design import Component, Contrast, cumulative, factorial, fractional, leave_one_out, one_at_a_time, pairs
from dissect.design.rules import resolution
from dissect.errors import InputError

A, B, C = Component("a"), Component("b"), Component("c")
C_ON_A = Component("c", requires=("a",))
B_NOT_A = Component("b", excludes=("a",))


def effects(contrasts, accuracy):
    """The value of each contrast on accuracies given as a function of the variant's components."""
    return {c.components: sum(w * accuracy(set(names)) for names, w in c.weights.items()) for c in contrasts}


def test_the_ladder_adds_one_component_a_step_and_derived_ones_last():
    design = cumulative([Component("ten_crop", derived=True), A, B])
    assert design.variants == ((), ("a",), ("a", "b"), ("a", "b", "ten_crop"))
    assert design.contrasts == (
        Contrast("ladder", ("a",), {("a",): 1, (): -1}),
        Contrast("ladder", ("b",), {("a", "b"): 1, ("a",): -1}),
        Contrast("ladder", ("ten_crop",), {("a", "b", "ten_crop"): 1, ("a", "b"): -1}),
    )


def test_the_ladder_refuses_a_component_before_what_it_requires():
    with pytest.raises(InputError, match="c requires a, which comes later; list a first"):
        cumulative([C_ON_A, A])


def test_left_out_is_one_component_of_the_full_model_each():
    design = leave_one_out([A, B, C])
    assert design.variants == (("a", "b", "c"), ("b", "c"), ("a", "c"), ("a", "b"))
    # Positive where the full model is better.
    assert effects(design.contrasts, len) == {("a",): 1, ("b",): 1, ("c",): 1}


def test_what_requires_a_component_leaves_with_it():
    d_on_c = Component("d", requires=("c",))
    contrast = leave_one_out([A, B, C_ON_A, d_on_c]).contrasts[0]
    assert contrast == Contrast("leave_one_out", ("a", "c", "d"), {("a", "b", "c", "d"): 1, ("b",): -1})


def test_one_at_a_time_adds_to_the_baseline_or_to_what_is_required():
    design = one_at_a_time([A, B_NOT_A, C_ON_A])
    assert design.variants == ((), ("a",), ("b",), ("a", "c"))
    assert design.contrasts[0] == Contrast("one_at_a_time", ("a",), {("a",): 1, (): -1})
    assert design.contrasts[2] == Contrast("one_at_a_time", ("c",), {("a", "c"): 1, ("a",): -1})


def test_the_factorial_has_all_subsets_and_recovers_main_effects_and_interactions():
    components = [Component(name) for name in "abcde"]
    design = factorial(components)
    assert len(set(design.variants)) == 32

    # 3 for a, 1 for b, and 4 where both are on: a gains 3 + 4/2 on average, b 1 + 4/2.
    def accuracy(on):
        return 3 * ("a" in on) + ("b" in on) + 4 * ({"a", "b"} <= on)

    found = effects(design.contrasts, accuracy)
    assert [found[(name,)] for name in "abcde"] == pytest.approx([5, 3, 0, 0, 0], abs=1e-12)
    assert found["a", "b"] == pytest.approx(4, abs=1e-12)
    assert [found[pair] for pair in combinations("abcde", 2) if pair != ("a", "b")] == pytest.approx([0] * 9, abs=1e-12)


def test_the_factorial_leaves_out_what_is_not_feasible():
    design = factorial([A, B_NOT_A, C_ON_A])
    assert design.variants == ((), ("a",), ("b",), ("a", "c"))
    # b only without a, c only on a; and no two of them can be on and off independently.
    assert design.contrasts == (
        Contrast("main_effect", ("a",), {("a",): 1, (): -1}),
        Contrast("main_effect", ("b",), {("b",): 1, (): -1}),
        Contrast("main_effect", ("c",), {("a", "c"): 1, ("a",): -1}),
    )


@pytest.mark.parametrize(("count", "runs"), [(4, 8), (5, 16), (6, 16), (8, 16), (9, 32), (16, 32), (17, 64)])
def test_a_fraction_keeps_main_effects_clear_of_each_other_and_of_interactions(count, runs):
    names = [f"c{number}" for number in range(count)]
    design = fractional([Component(name) for name in names])
    assert len(set(design.variants)) == len(design.variants) == runs
    assert {(), tuple(names)} <= set(design.variants)
    columns = np.array([[1 if name in variant else -1 for name in names] for variant in design.variants])
    for number, contrast in enumerate(design.contrasts):
        weights = np.array([contrast.weights[variant] for variant in design.variants])
        assert contrast.components == (names[number],)
        # One point gained where a component is on: 1 for its own contrast, 0 for any other's.
        assert weights @ (columns > 0) == pytest.approx(np.eye(count)[number], abs=1e-12)
        assert not any(weights @ (one * other) for one, other in combinations(columns.T, 2))


def test_the_resolution_is_the_shortest_word_of_the_defining_relation():
    full = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    x, y, z = full.T
    assert resolution(full) == 4  # no word among three columns
    assert resolution(np.column_stack([full, x * y])) == 3  # I = abd
    assert resolution(np.column_stack([full, -x * y * z])) == 4  # I = -abcd
    assert resolution(np.column_stack([full, x * y * z, y])) == 2  # b twice


@pytest.mark.parametrize("wrong", [[A, B, C], [A, B, C_ON_A, Component("d")], [A, B_NOT_A, C, Component("d")]])
def test_what_no_fraction_can_hold_is_sent_to_the_factorial(wrong):
    with pytest.raises(InputError, match="use factorial"):
        fractional(wrong)


def test_explicit_pairs_are_about_what_the_control_lacks_and_then_about_what_it_alone_has():
    design = pairs([(("a", "b"), ("a",)), (("a", "c"), ("b", "a")), (("a",), ("a", "c")), (("b", "a"), ("a",))])
    assert design.variants == (("a", "b"), ("a",), ("a", "c"))
    assert design.contrasts == (
        Contrast("pair", ("b",), {("a", "b"): 1, ("a",): -1}),
        Contrast("pair", ("c", "b"), {("a", "c"): 1, ("a", "b"): -1}),
        Contrast("pair", ("c",), {("a",): 1, ("a", "c"): -1}),
    )


def test_pairs_name_components_in_the_order_of_the_largest_variant():
    assert pairs([(("b", "a"), ()), (("a", "b", "c"), ("c", "a"))]).variants == (
        ("a", "b"),
        (),
        ("a", "b", "c"),
        ("a", "c"),
    )


@pytest.mark.parametrize(
    ("pair", "said"), [((("a", "b"), ("b", "a")), "compared with itself"), ((("a", "a"), ()), "twice")]
)
def test_a_pair_that_compares_nothing_is_refused(pair, said):
    with pytest.raises(InputError, match=said):
        pairs([pair])
