import pytest

from dissect.design import (
    Component,
    Contrast,
    attributions,
    conditional,
    cumulative,
    factorial,
    leave_one_out,
    one_at_a_time,
    shapley,
)
from dissect.errors import InputError

ABC = [Component(name) for name in "abc"]
TEN_CROP = Component("ten_crop", derived=True)


def of_kind(contrasts, kind):
    return [contrast for contrast in contrasts if contrast.kind == kind]


def test_all_subsets_allow_every_attribution():
    full = factorial(ABC)
    expected = [
        *cumulative(ABC).contrasts,
        *leave_one_out(ABC).contrasts,
        *one_at_a_time(ABC).contrasts,
        *shapley(ABC).contrasts,
        *of_kind(full.contrasts, "interaction"),
    ]
    assert attributions(full.variants, ABC) == expected
    assert len(expected) == 15


def test_the_ladder_alone_allows_its_steps_and_what_coincides_with_them():
    found = attributions(cumulative([*ABC, TEN_CROP]).variants, [*ABC, TEN_CROP])
    assert [contrast.components for contrast in of_kind(found, "ladder")] == [("a",), ("b",), ("c",), ("ten_crop",)]
    assert of_kind(found, "leave_one_out") == [Contrast("leave_one_out", ("c",), {("a", "b", "c"): 1, ("a", "b"): -1})]
    assert of_kind(found, "one_at_a_time") == [Contrast("one_at_a_time", ("a",), {("a",): 1, (): -1})]
    assert len(found) == 6


def test_a_step_over_a_missing_one_is_about_both_components():
    found = attributions([(), ("a", "b", "c")], ABC)
    assert found == [Contrast("ladder", ("a", "b", "c"), {("a", "b", "c"): 1, (): -1})]


def test_shapley_values_need_every_subset():
    variants = factorial(ABC).variants
    for missing in variants:
        assert not of_kind(attributions([names for names in variants if names != missing], ABC), "shapley")


def test_components_that_do_not_occur_take_nothing_from_the_others():
    found = attributions(factorial(ABC[:2]).variants, ABC)
    assert of_kind(found, "shapley") == list(shapley(ABC[:2]).contrasts)
    assert of_kind(found, "leave_one_out") == list(leave_one_out(ABC[:2]).contrasts)


def test_an_alternative_listed_later_leaves_the_ladder_and_the_full_model_alone():
    other = Component("same_count", excludes=("c",))
    variants = [*factorial(ABC).variants, ("same_count",), ("a", "b", "same_count", "ten_crop")]
    found = attributions(variants, [*ABC, other, TEN_CROP])
    alone = Contrast("one_at_a_time", ("same_count",), {("same_count",): 1, (): -1})
    assert [contrast for contrast in found if contrast != alone] == attributions(factorial(ABC).variants, ABC)
    assert alone in found


def test_what_requires_another_has_the_attributions_of_its_designs():
    tied = [ABC[0], Component("b", requires=("a",)), ABC[2]]
    found = attributions(factorial(tied).variants, tied)
    for design, kind in ((cumulative, "ladder"), (leave_one_out, "leave_one_out"), (shapley, "shapley")):
        assert of_kind(found, kind) == list(design(tied).contrasts)


def test_interactions_average_over_the_contexts_at_hand():
    square = [(), ("a",), ("b",), ("a", "b")]
    wider = [(*names, "c") for names in square]
    [one] = of_kind(attributions([*square, ("c",)], ABC), "interaction")
    assert one == Contrast("interaction", ("a", "b"), {(): 1, ("a",): -1, ("b",): -1, ("a", "b"): 1})
    both = of_kind(attributions([*square, *wider], ABC), "interaction")[0]
    assert both.weights == {
        names: sign / 2 for more in (square, wider) for names, sign in zip(more, (1, -1, -1, 1), strict=True)
    }


def test_variants_are_known_by_their_components_whatever_the_order_and_repetition():
    shuffled = [names[::-1] for names in factorial(ABC).variants]
    assert attributions([*shuffled, *shuffled], ABC) == attributions(factorial(ABC).variants, ABC)


def test_variants_with_other_or_impossible_components_are_left_aside():
    tied = [*ABC[:2], Component("c", requires=("b",))]
    assert attributions([(), ("a",), ("z",), ("a", "z"), ("c",), ("a", "c")], tied) == attributions([(), ("a",)], tied)


def test_nothing_at_hand_says_nothing():
    assert attributions([], ABC) == attributions([()], ABC) == []


def test_a_conditional_gain_is_that_of_one_component_without_and_with_the_other():
    # b gains 1 alone and 1 + 2 on top of a, in either context
    without, together = conditional(factorial(ABC).variants, ABC, "a", "b")
    assert without.components == together.components == ("b",)

    def gain(contrast):
        return sum(w * (("b" in n) + 2 * ({"a", "b"} <= set(n)) + 5 * ("c" in n)) for n, w in contrast.weights.items())

    assert (gain(without), gain(together)) == (1, 3)
    assert without.weights == {("b",): 0.5, (): -0.5, ("b", "c"): 0.5, ("c",): -0.5}


def test_the_ten_crop_of_the_same_runs_is_a_context_only_where_it_is_asked_about():
    square = [(), ("a",), ("b",), ("a", "b")]
    both = [*square, *((*names, "ten_crop") for names in square)]
    known = [*ABC, TEN_CROP]
    assert of_kind(attributions(both, known), "interaction") == of_kind(attributions(square, ABC), "interaction")
    assert conditional(both, known, "a", "b") == conditional(square, ABC, "a", "b")
    assert conditional(both, known, "a", "ten_crop")[0].weights == {
        ("ten_crop",): 0.5, (): -0.5, ("b", "ten_crop"): 0.5, ("b",): -0.5,
    }  # fmt: skip


def test_a_conditional_gain_needs_all_four_variants():
    assert conditional([(), ("a",), ("b",)], ABC, "a", "b") == []


@pytest.mark.parametrize(("a", "b"), [("a", "z"), ("a", "a")])
def test_a_conditional_gain_is_about_two_known_components(a, b):
    with pytest.raises(InputError, match="two different ones"):
        conditional([()], ABC, a, b)
