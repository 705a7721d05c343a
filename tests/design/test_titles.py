"""How variants are called: the cases of the docstring, by hand."""

from dissect.design import titles

LABELS = {"a": "dropout", "b": "mixup", "c": "leaky ReLU", "d": "wide"}
FULL = ("a", "b", "c", "d")


def test_a_step_is_called_by_what_it_adds():
    ladder = {"step1": (), "step2": ("a",), "step3": ("a", "b"), "step5": FULL}
    assert titles(ladder, LABELS) == {
        "step1": "step1 · baseline", "step2": "step2 · dropout", "step3": "step3 · mixup", "step5": "step5 · wide",
    }  # fmt: skip


def test_a_study_that_leaves_each_out_is_told_by_what_is_missing():
    known = {"step5": FULL, "b+c+d": FULL[1:], "a+c+d": ("a", "c", "d"), "a+b+d": ("a", "b", "d"), "step4": FULL[:3]}
    called = titles(known, LABELS)
    assert list(called.values()) == ["full", "full − dropout", "full − mixup", "full − leaky ReLU", "full − wide"]
    # Read off other runs, it is no larger model.
    assert titles(known | {"step6": (*FULL, "e")}, LABELS, ["step6"]) == called | {"step6": "step6 · e"}


def test_few_components_are_listed_and_many_are_told_by_what_they_lack():
    known = {"baseline": (), "a": ("a",), "a+c": ("a", "c"), "a+b+c+d": FULL, "a+b+c+d+e": (*FULL, "e")}
    assert list(titles(known, LABELS).values()) == [
        "baseline", "dropout", "dropout + leaky ReLU", "full − e", "dropout + mixup + leaky ReLU + wide + e",
    ]  # fmt: skip


def test_a_name_that_somebody_else_gave_stays():
    assert titles({"plain": (), "mixup": ("mixup",)}, {}) == {"plain": "plain", "mixup": "mixup"}
    assert titles({"small": (), "big": ("small2", "big")}, {}) == {"small": "small", "big": "big"}
