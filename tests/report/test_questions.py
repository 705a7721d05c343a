"""What is asked of a study, and what figures then show of it."""

from itertools import combinations
from pathlib import Path

import pytest

from dissect.design import Component
from dissect.planning.manifest import Manifest, Planned
from dissect.report.questions import components_of, contained, drawn_variants, questions
from dissect.report.study import read_study
from dissect.report.tables import scored_runs
from tests.report.conftest import METRIC, rewrite, write_run

LADDER = {"step1": (), "step2": ("a",), "step3": ("a", "b"), "step4": ("a", "b", "c")}
COMPONENTS = [Component("a"), Component("b"), Component("c")]


def planned(*contrasts: Planned) -> Manifest:
    return Manifest("asked", "2025-01-01", "p", [0, 1], 0.95, 1.0, 0.8, None, {}, list(contrasts), METRIC)


def test_a_kind_that_says_only_again_what_stands_before_it_is_left_out():
    # leaving out c and adding a alone are the ladder's last and first step
    assert [(one.kind, one.pair) for one in questions(LADDER, COMPONENTS, [])] == [
        ("ladder", ("step2", "step1")),
        ("ladder", ("step3", "step2")),
        ("ladder", ("step4", "step3")),
    ]


def test_all_subsets_are_asked_in_every_way():
    known = {"+".join(parts) or "baseline": parts for k in range(4) for parts in combinations("abc", k)}
    kinds = [one.kind for one in questions(known, COMPONENTS, [])]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "ladder": 3, "leave_one_out": 3, "one_at_a_time": 3, "shapley": 3, "interaction": 3, "conditional": 6,
    }  # fmt: skip


def test_what_was_planned_comes_first_and_is_not_asked_again():
    plan = planned(Planned("ladder", ("b",), {"step3": 1, "step2": -1}))
    found = questions(LADDER, COMPONENTS, [plan])
    assert [(one.manifest, one.pair) for one in found] == [
        ("asked", ("step3", "step2")),
        ("", ("step2", "step1")),
        ("", ("step4", "step3")),
    ]


def test_a_component_outside_the_largest_variant_does_not_hide_what_that_allows():
    known = {"+".join(parts) or "baseline": parts for k in range(4) for parts in combinations("abc", k)}
    found = questions({**known, "d": ("d",)}, [*COMPONENTS, Component("d")], [])
    assert [one.components for one in found if one.kind == "shapley"] == [("a",), ("b",), ("c",)]
    assert ("d",) in [one.components for one in found if one.kind == "one_at_a_time"]


def test_a_ladder_with_a_missing_step_asks_about_several_components_at_once():
    known = {name: parts for name, parts in LADDER.items() if name != "step3"}
    assert [one.components for one in questions(known, COMPONENTS, [])] == [("a",), ("b", "c")]


def test_a_variant_that_no_contrast_is_about_is_compared_with_the_largest_that_it_contains():
    known = {"baseline": (), "a": ("a",), "b+c": ("b", "c")}
    found = questions(known, COMPONENTS, [])
    assert all("b+c" not in one.weights for one in found)
    assert [(one.components, one.pair) for one in contained(found, known, list(known))] == [
        (("b", "c"), ("b+c", "baseline"))
    ]


@pytest.mark.parametrize("ladder", [True, False])
def test_of_more_variants_than_a_figure_holds_the_ladder_is_drawn_or_else_ends_and_singles(ladder: bool):
    names = {parts: "+".join(parts) for k in range(6) for parts in combinations("abcde", k)}
    known = {name: parts for parts, name in names.items() if ladder or len(parts) in (0, 1, 3, 5)}
    found = questions(known, [Component(name) for name in "abcde"], [])
    drawn = drawn_variants(known, [one for one in found if ladder or one.kind != "ladder"])
    assert drawn == (
        ["", "a", "a+b", "a+b+c", "a+b+c+d", "a+b+c+d+e"] if ladder else ["", "a", "b", "c", "d", "e", "a+b+c+d+e"]
    )


def test_components_are_as_the_configs_declare_them_in_the_ladders_order(study: Path):
    said = "ladder: [b, a]\ncomponents: {a: {label: a, requires: [b], excludes: [z]}, b: b}\n"
    write_run(study, "b", ("b",), 0, 0.4)
    path = write_run(study, "a+b", ("a", "b"), 0, 0.4)
    (path / "config.yaml").write_text(said)
    rewrite(path)
    write_run(study, "averaged", ("a", "b", "e"), 0, 0.5, members=[path.name])
    read = read_study(study)
    assert components_of(read, scored_runs(read)) == [
        Component("b"),
        Component("a", requires=("b",), excludes=("z",)),
        Component("ten_crop", derived=True),
        Component("e", derived=True),
    ]
