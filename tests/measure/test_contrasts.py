"""Which variant is compared with which."""

import numpy as np
import pandas as pd
import pytest

from dissect.measure.contrasts import contrasts, control, variants, with_ten_crop

LADDER = {"step1": (), "step2": ("a",), "step3": ("a", "b"), "step4": ("a", "b", "c")}


def frame(components: dict[str, tuple[str, ...]], seeds: int = 3, ten_crop: float | None = 0.02) -> pd.DataFrame:
    """Accuracies that grow by 0.1 a component, and by 0.001 times (seed x components)."""
    rows = [
        {"variant": name, "components": parts, "seed": seed, "accuracy": 0.1 + len(parts) * (0.1 + 0.001 * seed)}
        for name, parts in components.items()
        for seed in range(seeds)
    ]
    runs = pd.DataFrame(rows)
    return runs.assign(accuracy_ten_crop=np.nan if ten_crop is None else runs["accuracy"] + ten_crop)


def test_in_a_ladder_the_control_is_the_step_before():
    table = contrasts(frame(LADDER))
    assert list(zip(table["step"], table["control"], table["components"], strict=True)) == [
        ("step2", "step1", ("a",)),
        ("step3", "step2", ("b",)),
        ("step4", "step3", ("c",)),
    ]


def test_with_a_step_missing_the_contrast_says_that_it_adds_two_components():
    table = contrasts(frame({name: parts for name, parts in LADDER.items() if name != "step3"}))
    assert table.iloc[1][["step", "control", "components"]].tolist() == ["step4", "step2", ("b", "c")]


def test_of_two_equally_large_controls_the_one_with_the_longest_common_beginning_is_taken():
    known = {"b": ("b",), "a": ("a",), "a+b": ("a", "b")}
    assert control("a+b", known) == "a"


def test_a_variant_that_contains_no_other_has_no_control():
    assert control("b", {"a": ("a",), "b": ("b",)}) is None
    assert contrasts(frame({"a": ("a",), "b": ("b",)})).empty


def test_variants_are_ordered_by_size_and_then_by_the_order_of_the_largest():
    shuffled = {"z": ("z",), "full": ("b", "z", "a"), "a": ("a",), "base": (), "b": ("b",)}
    assert list(variants(frame(shuffled))) == ["base", "b", "z", "a", "full"]


def test_only_seeds_that_both_have_count_and_the_others_are_told():
    runs = frame(LADDER, seeds=4)
    runs = runs[~((runs["variant"] == "step2") & (runs["seed"] == 0))]
    first = contrasts(runs).iloc[0]
    # differences 10.1, 10.2, 10.3 at seeds 1, 2, 3
    assert (first["gain"], first["seeds"], first["left_out"]) == pytest.approx((10.2, 3, 1))


def test_one_common_seed_gives_a_gain_without_an_interval():
    first = contrasts(frame(LADDER, seeds=1)).iloc[0]
    assert (first["gain"], first["seeds"]) == pytest.approx((10, 1))
    assert np.isnan([first["low"], first["high"], first["p"]]).all()
    assert first["verdict"] == "undecided"


def test_without_a_common_seed_there_is_no_gain():
    runs = frame({"step1": (), "step2": ("a",)}, seeds=2)
    first = contrasts(runs[(runs["variant"] == "step1") == (runs["seed"] == 0)]).iloc[0]
    assert np.isnan(first["gain"])
    assert (first["seeds"], first["left_out"]) == (0, 2)


@pytest.mark.parametrize(("shift", "verdict"), [(0.1, "helps"), (-0.1, "hurts"), (0.0, "undecided")])
def test_the_verdict_is_whether_the_interval_excludes_zero(shift: float, verdict: str):
    base, noise = np.array([0.5, 0.52, 0.48]), np.array([0.001, -0.002, 0.001])
    rows = [("b", (), s, v) for s, v in enumerate(base)] + [
        ("t", ("x",), s, v) for s, v in enumerate(base + shift + noise)
    ]
    runs = pd.DataFrame(rows, columns=["variant", "components", "seed", "accuracy"])
    assert contrasts(runs)["verdict"].tolist() == [verdict]


def test_the_correlation_over_seeds_is_measured():
    runs = frame(LADDER, seeds=5)
    assert contrasts(runs)["correlation"].iloc[1] == pytest.approx(1)  # both grow with the seed
    assert np.isnan(contrasts(runs)["correlation"].iloc[0])  # step1 is the same for every seed


ENSEMBLE = {**LADDER, "step5": ("a", "b", "c", "ensemble")}


def test_ten_crop_is_a_variant_derived_from_the_last_trained_step():
    table = contrasts(with_ten_crop(frame(LADDER)))
    last = table.iloc[-1]
    assert last[["step", "control", "components"]].tolist() == ["step4 + ten-crop", "step4", ("ten_crop",)]
    assert last["gain"] == pytest.approx(2)


def test_an_ensemble_is_compared_with_the_ten_crop_of_its_control():
    last = contrasts(with_ten_crop(frame(ENSEMBLE))).iloc[-1]
    assert last[["step", "control", "components"]].tolist() == ["step5", "step4 + ten-crop", ("ensemble",)]
    # both on ten-crop: 0.1 + 0.001 * seed more, at seeds 0, 1, 2
    assert last["gain"] == pytest.approx(10.1)


def test_without_ten_crop_an_ensemble_is_compared_single_view():
    table = contrasts(with_ten_crop(frame(ENSEMBLE, ten_crop=None)))
    assert table[["step", "control"]].iloc[-1].tolist() == ["step5", "step4"]
    assert len(table) == 4


def test_an_ensemble_whose_own_ten_crop_is_missing_is_compared_single_view():
    runs = frame(ENSEMBLE)
    runs.loc[runs["variant"] == "step5", "accuracy_ten_crop"] = np.nan
    table = contrasts(with_ten_crop(runs)).set_index("step")
    assert table.loc["step5", "control"] == "step4"
    assert table.loc["step4 + ten-crop", "control"] == "step4"


def test_the_order_of_the_rows_does_not_matter():
    runs = frame(ENSEMBLE)
    pd.testing.assert_frame_equal(
        contrasts(with_ten_crop(runs)), contrasts(with_ten_crop(runs.sample(frac=1, random_state=1)))
    )
