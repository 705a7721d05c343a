from dataclasses import replace

import pytest

from dissect.composing.compose import compose
from dissect.design import Component, leave_one_out
from dissect.planning.conditions import at, crossed, name_in
from dissect.planning.manifest import BETWEEN, plan

RATES = {"optimizer.lr=0.01": ["optimizer.lr=0.01"], "optimizer.lr=0.1": ["optimizer.lr=0.1"]}
DESIGN = leave_one_out([Component("dropout1"), Component("dropout2")])


def variant(parts, *said):
    return compose(["data.classes=10", f"component=[{','.join(parts)}]", *said])


@pytest.fixture(scope="module")
def rates():
    plans = {
        label: plan("s", DESIGN, {parts: variant(parts, *said) for parts in DESIGN.variants}, "d", [0, 1])
        for label, said in RATES.items()
    }
    return crossed(plans, RATES)


def test_a_variant_is_called_by_its_condition_and_what_is_read_off_it_behind_that():
    assert at("step2", "") == "step2"
    assert at("step2", "lr=1") == "step2 @ lr=1"
    assert at("step2 + ten-crop", "lr=1") == "step2 @ lr=1 + ten-crop"


def test_a_crossed_plan_asks_for_each_gain_in_each_condition_and_for_the_difference_of_the_gains(rates):
    one = [planned.weights for planned in rates.contrasts if planned.components == ("dropout1",)]
    low, high = "optimizer.lr=0.01", "optimizer.lr=0.1"
    full, less = "dropout1+dropout2", "dropout2"
    assert one == [
        {f"{full} @ {low}": 1, f"{less} @ {low}": -1},
        {f"{full} @ {high}": 1, f"{less} @ {high}": -1},
        {f"{full} @ {high}": 1, f"{less} @ {high}": -1, f"{full} @ {low}": -1, f"{less} @ {low}": 1},
    ]
    assert [planned.kind for planned in rates.contrasts].count(BETWEEN) == 2
    assert len(rates.variants) == 3 * 2


def test_differences_between_conditions_are_a_family_of_their_own(rates):
    families = {planned.kind: planned.family for planned in rates.contrasts}
    assert families == {"leave_one_out": "effects", BETWEEN: "conditions"}


def test_a_frozen_variant_has_its_conditions_settings_and_its_own_name(rates):
    found = rates.variant("dropout2 @ optimizer.lr=0.1", compose([]).config, 3)
    assert (found.name, found.seed, found.config.optimizer.lr) == ("dropout2", 3, 0.1)


def test_a_variant_is_found_by_its_settings_and_when_these_were_edited_by_what_was_said(rates):
    now = variant(("dropout2",), "optimizer.lr=0.1")
    assert name_in(rates, now, "d", []) == "dropout2 @ optimizer.lr=0.1"
    assert name_in(rates, now, "other", ["seed=1", "optimizer.lr=0.01"]) == "dropout2 @ optimizer.lr=0.01"
    assert name_in(replace(rates, conditions={}), now, "d", []) == "dropout2"
