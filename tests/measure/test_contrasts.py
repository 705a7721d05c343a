"""Which variant is compared with which."""

import numpy as np
import pandas as pd
import pytest

from dissect.measure.contrasts import control, variants, with_ten_crop
from dissect.measure.metric import Metric

ACCURACY = Metric("accuracy", "accuracy", "points", "higher", 100.0)

LADDER = {"step1": (), "step2": ("a",), "step3": ("a", "b"), "step4": ("a", "b", "c")}


def frame(components: dict[str, tuple[str, ...]], seeds: int = 3, ten_crop: float | None = 0.02) -> pd.DataFrame:
    """Accuracies that grow by 0.1 a component, and by 0.001 times (seed x components)."""
    rows = [
        {"variant": name, "components": parts, "seed": seed, "accuracy": 0.1 + len(parts) * (0.1 + 0.001 * seed)}
        for name, parts in components.items()
        for seed in range(seeds)
    ]
    runs = pd.DataFrame(rows)
    runs["averaged"] = ["ensemble" in parts for parts in runs["components"]]
    return runs.assign(accuracy_ten_crop=np.nan if ten_crop is None else runs["accuracy"] + ten_crop)


def test_in_a_ladder_the_control_is_the_step_before():
    assert [control(step, LADDER) for step in LADDER] == [None, "step1", "step2", "step3"]


def test_with_a_step_missing_the_control_is_the_one_before_that():
    assert control("step4", {name: parts for name, parts in LADDER.items() if name != "step3"}) == "step2"


def test_of_two_equally_large_controls_the_one_with_the_longest_common_beginning_is_taken():
    known = {"b": ("b",), "a": ("a",), "a+b": ("a", "b")}
    assert control("a+b", known) == "a"


def test_a_variant_that_contains_no_other_has_no_control():
    assert control("b", {"a": ("a",), "b": ("b",)}) is None


def test_variants_are_ordered_by_size_and_then_by_the_order_of_the_largest():
    shuffled = {"z": ("z",), "full": ("b", "z", "a"), "a": ("a",), "base": (), "b": ("b",)}
    assert list(variants(frame(shuffled))) == ["base", "b", "z", "a", "full"]


def scores(runs: pd.DataFrame) -> dict[str, list[float]]:
    """Each variant's accuracies by seed, in the frame's order."""
    return {str(name): list(ours["accuracy"]) for name, ours in runs.groupby("variant", sort=False)}


ENSEMBLE = {**LADDER, "step5": ("a", "b", "c", "ensemble")}  # averages runs of step4


def test_ten_crop_is_a_variant_derived_from_the_last_trained_step():
    runs = with_ten_crop(frame(LADDER), ACCURACY)
    assert list(scores(runs))[-2:] == ["step4", "step4 + ten-crop"]
    assert runs["components"].iloc[-1] == ("a", "b", "c", "ten_crop")
    assert scores(runs)["step4 + ten-crop"] == pytest.approx([one + 0.02 for one in scores(runs)["step4"]])


def test_an_ensemble_is_read_off_its_ten_crop_and_compared_with_that_of_its_control():
    runs = with_ten_crop(frame(ENSEMBLE), ACCURACY)
    assert list(scores(runs))[-2:] == ["step4 + ten-crop", "step5"]
    assert control("step5", variants(runs)) == "step4 + ten-crop"
    assert scores(runs)["step5"] == pytest.approx([one + 0.02 for one in scores(frame(ENSEMBLE))["step5"]])


def test_without_ten_crop_everything_stays_single_view():
    runs = with_ten_crop(frame(ENSEMBLE, ten_crop=None), ACCURACY)
    assert scores(runs) == scores(frame(ENSEMBLE))
    assert control("step5", variants(runs)) == "step4"


def test_an_ensemble_whose_own_ten_crop_is_missing_is_compared_single_view():
    runs = frame(ENSEMBLE)
    runs.loc[runs["variant"] == "step5", "accuracy_ten_crop"] = np.nan
    found = with_ten_crop(runs, ACCURACY)
    assert scores(found)["step5"] == scores(runs)["step5"]
    assert control("step5", variants(found)) == "step4"


def test_ensembles_are_known_by_the_column_that_says_so_whatever_their_component_is_called():
    found = with_ten_crop(frame(ENSEMBLE).assign(averaged=False), ACCURACY)
    assert list(scores(found))[-1] == "step5 + ten-crop"


def test_the_order_of_the_rows_does_not_matter():
    runs = frame(ENSEMBLE)
    shuffled = with_ten_crop(runs.sample(frac=1, random_state=1), ACCURACY).reset_index(drop=True)
    pd.testing.assert_frame_equal(with_ten_crop(runs, ACCURACY).reset_index(drop=True), shuffled)


def test_a_task_without_several_crops_keeps_its_runs_as_they_are():
    runs = frame(LADDER).drop(columns="accuracy_ten_crop").rename(columns={"accuracy": "val/loss"})
    found = with_ten_crop(runs, Metric("val/loss", "loss", "nats", "lower"))
    assert list(variants(found)) == list(LADDER)
    assert sorted(found["val/loss"]) == sorted(runs["val/loss"])
