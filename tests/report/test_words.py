"""Effects in words."""

import pytest

from dissect.measure.members import Members
from dissect.measure.metric import Metric
from dissect.report.kinds import kind_of
from dissect.report.words import answer, duration, gains_of, number, outcome, p_text

NAN = float("nan")
ACCURACY = Metric("accuracy", "accuracy", "points", "higher", 100.0)
LOSS = Metric("val/loss", "loss", "nats", "lower", 1.0)
ROW = {
    "kind": "ladder", "label": "dropout 2", "components": ("dropout2",), "treated": "step7", "control": "step6",
    "sides": "step7 · dropout 2 against step6 · wide",
    "manifest": "asked", "gain": 4.4, "low": 3.9, "high": 4.95, "p": 0.0001, "p_holm": 0.0004, "seeds": 12,
    "left_out": 0, "smallest": 0.8, "verdict": "helps", "published": NAN, "level": 0.95, "margin": 1.0, "power": 0.8,
    "digits": 1, "p_equivalent_holm": 1.0, "correlation": 0.4, "published_runs": 1, "p_examples": 0.0002,
    "p_pooled": NAN, "together": 7,
    "sd": 0.9, "foreseen": NAN, "shrunken": NAN,
    "untrained": 0, "tried": 12, "untrained_control": 0, "tried_control": 12, "rate_low": -0.2, "rate_high": 0.2,
}  # fmt: skip


SHOWN = "12 seeds show, corrected for 7 contrasts, with 80% power a true gain of"
ROUGHLY = "a range, as they tell their own spread only roughly"


def test_a_gain_is_said_with_its_interval_seeds_and_verdict():
    assert answer(ROW, ACCURACY) == {
        "component": "dropout 2",
        "words": "+4.4 points [3.9, 5.0], 12 seeds, p < 0.001",
        "verdict": "helps",
        "outcome": "helps",
        "notes": ["step7 · dropout 2 against step6 · wide"],
    }


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        # t(11) = 2.201, times sd 0.9, times sqrt(1/12 + 1), is 2.06; of the mean of 4 it is sqrt(1/12 + 1/4): 1.14
        (
            {"published": 6.4},
            "published: +6.40, inside what one pair of runs would show here (+2.3 to +6.5, 95% prediction interval)",
        ),
        (
            {"published": 6.6},
            "published: +6.60, above what one pair of runs would show here (+2.3 to +6.5, 95% prediction interval)",
        ),
        (
            {"published": -1.0},
            "published: −1.00, below what one pair of runs would show here (+2.3 to +6.5, 95% prediction interval)",
        ),
        (
            {"published": 5.6, "published_runs": 4},
            "published: +5.60, above what the mean of 4 pairs would show here (+3.3 to +5.5, 95% prediction interval)",
        ),
        (
            {"shrunken": 3.12},
            "decided before the last look, so the gain is likely too large: +3.1 points when shrunken for that",
        ),
        ({"foreseen": 0.04}, "given up: the chance that the last look would have decided it was 4%"),
        ({"aliased": 3}, "aliased with interactions of three"),
        ({"correlation": -0.3}, "pairing by seed did not narrow the interval: its two sides correlate by −0.30"),
        ({"published": 4.52, "low": NAN, "high": NAN, "verdict": "", "seeds": 1}, "published: +4.52"),
        (
            {"verdict": "inconclusive", "p": 0.3},
            # 0.8 times sqrt(11 / 17.28) and sqrt(11 / 5.578)
            f"{SHOWN} 0.64 to 1.12 points: {ROUGHLY}",
        ),
        (
            {"verdict": "inconclusive", "p": 0.3, "smallest": 112.4},
            f"{SHOWN} 90 points or more: {ROUGHLY}",  # shares differ by 100 points at most
        ),
        (
            {"manifest": "", "answer_of": "ladder"},
            "exploratory as such, but ladder planned the same difference, and this is its answer",
        ),
        (
            {"verdict": "inconclusive", "p": 0.02, "p_examples": NAN},
            "p = 0.020 before the correction, which is not enough for one of 7 contrasts",
        ),
        (
            {"verdict": "inconclusive", "p": 0.02, "p_examples": 0.2},
            "p = 0.020 over seeds alone, but other examples might undo it (p = 0.20)",
        ),
        (
            {"verdict": "inconclusive", "p": 0.02, "p_pooled": 0.06},
            "p = 0.020 by its own variance, p = 0.060 by the pooled ones, before the correction for 7 contrasts",
        ),
        ({"manifest": ""}, "exploratory"),
        ({"left_out": 2}, "2 seeds left out, for which some of its variants have no run"),
        ({"components": ("a", "b")}, "2 components at once"),
        (
            {"low": NAN, "high": NAN, "sd": 0.0},
            "the same difference for every seed, of which no test and no interval can be made",
        ),
        ({"manifest": "", "seen": "x planned it late"}, "exploratory: x planned it late"),
    ],
)
def test_what_else_there_is_to_know_is_said(changes: dict, note: str):
    assert note in answer(ROW | changes, ACCURACY)["notes"]


def test_seeds_that_came_after_a_contrast_was_decided_are_none_that_it_leaves_out():
    early = ROW | {"left_out": 1, "shrunken": 3.1}
    assert not [note for note in answer(early, ACCURACY)["notes"] if "left out" in note]


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"verdict": "hurts"}, "hurts"),
        ({"verdict": "equivalent", "p_equivalent_holm": 0.01}, "differs by less than 1 point"),
        ({"p_equivalent_holm": 0.01, "margin": 5.0}, "helps, by less than 5 points"),
        ({"kind": "interaction", "verdict": "equivalent", "p_equivalent_holm": 0.01}, "add up to within 1 point"),
        ({"verdict": "inconclusive"}, "inconclusive"),
        ({"verdict": "", "seeds": 1, "low": NAN, "high": NAN}, "one seed only"),
        ({"verdict": "", "seeds": 2, "low": NAN, "high": NAN}, "before the first look"),
        ({"verdict": "", "seeds": 0, "gain": NAN, "low": NAN, "high": NAN}, "not measured"),
        ({"kind": "interaction"}, "more than the sum"),
        ({"kind": "interaction", "verdict": "hurts"}, "less than the sum"),
    ],
)
def test_every_outcome_has_its_words(changes: dict, outcome: str):
    assert answer(ROW | changes, ACCURACY)["outcome"] == outcome


@pytest.mark.parametrize("lost", [{}, {"untrained": 12}, {"untrained_control": 12}])
def test_what_was_not_measured_is_called_so_in_sentences_and_in_exports(lost: dict):
    row = ROW | {"verdict": "", "seeds": 0, "gain": NAN, "low": NAN, "high": NAN} | lost
    assert outcome(row, ACCURACY) == answer(row, ACCURACY)["outcome"] != "not decided"


LOST = {"seeds": 4, "untrained": 2, "tried": 6, "tried_control": 6, "rate_low": -0.04, "rate_high": 0.7}


def test_no_verdict_hides_that_some_runs_did_not_train():
    said = answer(ROW | LOST, ACCURACY)
    assert said["words"] == "+4.4 points [3.9, 5.0], where all trained (4 of 6 pairs), p < 0.001"
    assert said["outcome"] == "helps where it trains"
    assert (
        "did not train: 2 of 6 runs with it, 0 of 6 without: +33 percentage points [−4, 70] (Newcombe)" in said["notes"]
    )
    both = answer(ROW | LOST | {"untrained_control": 2}, ACCURACY)
    assert both["outcome"] == "helps"
    gone = ROW | LOST | {"untrained": 6, "seeds": 0, "gain": NAN, "low": NAN, "high": NAN, "verdict": ""}
    assert answer(gone, ACCURACY)["outcome"] == "does not train"
    other = gone | {"untrained": 0, "untrained_control": 6}
    assert answer(other, ACCURACY)["outcome"] == "its control does not train"


def test_a_single_ensemble_has_the_interval_of_its_members():
    notes = answer(ROW | {"verdict": "", "seeds": 1}, ACCURACY, Members(0.49, 0.485, 0.495, 11))["notes"]
    assert "other members in its place: 49.0% [48.5, 49.5], by a jackknife over its 11 members" in notes


def test_numbers_are_written_with_their_units():
    assert [p_text(p) for p in (0.0004, 0.0123, 0.123, NAN)] == ["p < 0.001", "p = 0.012", "p = 0.12", ""]
    assert [number(r, 2) for r in (-0.001, -0.014, NAN)] == ["0.00", "−0.01", "–"]
    assert [duration(seconds) for seconds in (12.34, 600, 7200, NAN)] == ["12.3 s", "10.0 min", "2.0 h", "–"]


FALLEN = ROW | {
    "gain": -0.1234,
    "low": -0.147,
    "high": -0.0998,
    "digits": 3,
    "smallest": 0.0312,
    "margin": 0.02,
    "sd": 0.037,
}


def test_a_loss_that_falls_is_said_in_its_unit_and_as_help():
    said = answer(FALLEN | {"published": -0.22}, LOSS)
    assert said["words"] == "−0.123 nats [−0.147, −0.100], 12 seeds, p < 0.001"
    assert said["outcome"] == "helps"
    (note,) = [one for one in said["notes"] if "published" in one]
    assert note.startswith("published: −0.2200, below what one pair of runs would show here (")
    small = answer(FALLEN | {"verdict": "equivalent", "p_equivalent_holm": 0.03}, LOSS)
    assert (small["outcome"], small["words"].partition("seeds, ")[2]) == (
        "differs by less than 0.02 nats",
        "p = 0.030 (TOST)",
    )
    (note,) = [one for one in answer(FALLEN | {"verdict": "inconclusive", "p": 0.3}, LOSS)["notes"] if "power" in one]
    assert "a true gain of 0.025 to 0.044 nats: a range" in note
    members = answer(FALLEN | {"verdict": "", "seeds": 1}, LOSS, Members(1.2344, 1.2, 1.25, 5))["notes"]
    assert "other members in its place: 1.234 nats [1.200, 1.250], by a jackknife over its 5 members" in members


def test_the_side_of_zero_on_which_an_interaction_is_better_is_said():
    assert answer(FALLEN | {"kind": "interaction"}, LOSS)["outcome"] == "better than the sum"
    assert "below zero better than that sum" in kind_of("interaction", LOSS).asks
    assert "above zero more than that sum" in kind_of("interaction", ACCURACY).asks


def test_gains_are_counted_in_something():
    unitless = LOSS._replace(unit="", label="R²")
    assert [gains_of(one) for one in (ACCURACY, LOSS, unitless)] == [
        "percentage points of validation accuracy", "differences of validation loss, in nats",
        "differences of validation R²",
    ]  # fmt: skip
