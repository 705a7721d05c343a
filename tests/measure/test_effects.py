"""Contrasts over runs, against scipy's paired tests, statsmodels' power and values worked by hand."""

from itertools import combinations, pairwise, permutations, product
from math import factorial
from time import perf_counter

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from dissect.measure.effects import COLUMNS, effects
from dissect.measure.examples import crossed
from dissect.measure.gains import gain
from dissect.measure.metric import Metric
from dissect.measure.paired import Contrast
from dissect.measure.sequential import nominal_level, sequential_p
from dissect.measure.student import estimate

ACCURACY = Metric("accuracy", "accuracy", "points", "higher", 100.0)
LADDER = [Contrast({"b": 1, "a": -1}), Contrast({"c": 1, "b": -1}), Contrast({"d": 1, "c": -1})]


def frame(seeds: int = 6, spread: float = 0.01) -> pd.DataFrame:
    """Four variants: b helps by 3 points, c does nothing, d hurts by 2; seeds differ by `spread`."""
    noise = np.random.default_rng(8).normal(0, spread, (4, seeds))
    means = dict(zip("abcd", (0.40, 0.43, 0.43, 0.41), strict=True))
    rows = [(v, s, mean + noise[k, s]) for k, (v, mean) in enumerate(means.items()) for s in range(seeds)]
    return pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])


RUNS = frame()
VALUES = RUNS.pivot(index="seed", columns="variant", values="accuracy")


def test_a_ladder_is_scipys_paired_t_tests_with_statsmodels_holm():
    found = effects(RUNS, LADDER, ACCURACY)
    tests = [stats.ttest_rel(100 * VALUES[y], 100 * VALUES[x]) for x, y in ("ab", "bc", "cd")]
    ends = [test.confidence_interval(0.95) for test in tests]
    assert found["gain"].tolist() == pytest.approx(
        [100 * (VALUES[y] - VALUES[x]).mean() for x, y in ("ab", "bc", "cd")]
    )
    assert found["low_alone"].tolist() == pytest.approx([end.low for end in ends], abs=1e-7)
    assert found["high_alone"].tolist() == pytest.approx([end.high for end in ends], abs=1e-7)
    p = [test.pvalue for test in tests]
    assert found["p"].tolist() == pytest.approx(p, abs=1e-9)
    assert found["p_holm"].tolist() == pytest.approx(multipletests(p, method="holm")[1].tolist(), abs=1e-9)
    assert found["sign_flip_floor"].tolist() == [2 / 64] * 3
    assert list(found) == COLUMNS


def test_a_contrast_of_two_variants_is_their_gain():
    measured = gain(RUNS, "d", "c", ACCURACY, level=0.8)
    row = effects(RUNS, [LADDER[2]], ACCURACY, level=0.8).iloc[0]
    assert tuple(row[["gain", "low", "high", "p", "seeds"]]) == pytest.approx(measured)


def test_any_weights_are_applied_seed_by_seed():
    weights = {"a": -0.5, "b": 0.25, "c": 0.75, "d": -0.5}
    by_seed = 100 * (0.75 * VALUES["c"] + 0.25 * VALUES["b"] - 0.5 * VALUES["a"] - 0.5 * VALUES["d"])
    row = effects(RUNS, [Contrast(weights)], ACCURACY).iloc[0]
    assert (row["gain"], row["sd"]) == pytest.approx((by_seed.mean(), by_seed.std()))
    plus, minus = 0.75 * VALUES["c"] + 0.25 * VALUES["b"], 0.5 * VALUES["a"] + 0.5 * VALUES["d"]
    assert row["correlation"] == pytest.approx(stats.pearsonr(plus, minus).statistic)


def test_exact_shapley_values_sum_to_the_total_gain():
    # the textbook weights over all subsets, and the average over all orders, are the same numbers
    random, parts = np.random.default_rng(1), "xyz"
    subsets = ["".join(c) for k in range(4) for c in combinations(parts, k)]
    runs = pd.DataFrame(
        [(v, s, random.random()) for v in subsets for s in range(2)], columns=["variant", "seed", "accuracy"]
    )
    accuracy = runs.groupby("variant")["accuracy"].mean()
    contrasts = []
    for part in parts:
        weights = dict.fromkeys(subsets, 0.0)
        for subset in (s for s in subsets if part not in s):
            share = factorial(len(subset)) * factorial(2 - len(subset)) / factorial(3)
            weights["".join(sorted(subset + part))] += share
            weights[subset] -= share
        contrasts.append(Contrast(weights, family="shapley"))
    found = effects(runs, contrasts, ACCURACY)["gain"]
    assert found.sum() == pytest.approx(100 * (accuracy["xyz"] - accuracy[""]), abs=1e-7)
    by_orders = np.mean([accuracy["".join(sorted(o[: o.index("x") + 1]))] - accuracy["".join(sorted(o[: o.index("x")]))]
                         for o in permutations(parts)])  # fmt: skip
    assert found[0] == pytest.approx(100 * by_orders)


def test_families_are_corrected_each_by_itself():
    alone = effects(RUNS, LADDER, ACCURACY)["p"]
    found = effects(RUNS, [contrast._replace(family=f) for contrast, f in zip(LADDER, "xyx", strict=True)], ACCURACY)
    assert found["p_holm"][1] == alone[1]
    assert found["p_holm"][[0, 2]].tolist() == pytest.approx(multipletests(alone[[0, 2]], method="holm")[1].tolist())


def test_verdicts_are_read_off_the_corrected_p():
    assert effects(RUNS, LADDER, ACCURACY, margin=3)["verdict"].tolist() == ["helps", "equivalent", "hurts"]
    assert effects(RUNS, LADDER, ACCURACY, margin=0.1)["verdict"].tolist() == ["helps", "inconclusive", "hurts"]
    found = effects(RUNS, LADDER, ACCURACY, margin=3)
    assert found["p_equivalent_holm"].tolist() == pytest.approx(
        multipletests(found["p_equivalent"], method="holm")[1].tolist()
    )


def test_the_smallest_gain_is_what_statsmodels_would_have_shown_with_this_spread():
    row = effects(RUNS, LADDER[:1], ACCURACY, power=0.9).iloc[0]
    assert row["smallest"] == pytest.approx(
        row["sd"] * TTestPower().solve_power(nobs=6, alpha=0.05, power=0.9), rel=1e-5
    )


def test_seeds_count_where_every_needed_variant_has_them_and_the_others_are_told():
    gaps = RUNS[~((RUNS["variant"] == "b") & (RUNS["seed"] == 0)) & ~((RUNS["variant"] == "a") & (RUNS["seed"] == 5))]
    found = effects(gaps, LADDER, ACCURACY)
    assert found["seeds"].tolist() == [4, 5, 6]
    assert found["left_out"].tolist() == [2, 1, 0]
    assert found["gain"][0] == pytest.approx(100 * (VALUES["b"] - VALUES["a"])[1:5].mean())


def test_a_variant_of_weight_zero_is_not_needed():
    row = effects(RUNS, [Contrast({"b": 1, "a": -1, "never trained": 0})], ACCURACY).iloc[0]
    assert (row["seeds"], row["left_out"]) == (6, 0)


def test_a_contrast_without_a_test_counts_in_the_correction_as_one_that_shows_nothing():
    base = RUNS[RUNS["variant"] == "a"]
    constant = pd.concat([RUNS, base.assign(variant="z", accuracy=base["accuracy"] + 0.01)])
    one = pd.concat([RUNS, base[:1].assign(variant="z", accuracy=0.9)])
    planned = [LADDER[0], Contrast({"z": 1, "a": -1}), LADDER[2]]
    found = {name: effects(runs, planned, ACCURACY) for name, runs in (("gone", RUNS), ("one", one), ("c", constant))}
    gap = found["gone"].iloc[1]
    assert np.isnan([gap["gain"], gap["low"], gap["p"], gap["p_holm"], gap["p_sign_flip"], gap["smallest"]]).all()
    assert (gap["seeds"], gap["left_out"], gap["verdict"], gap["together"]) == (0, 6, "", 3)
    p = [found["gone"]["p"][0], 1, found["gone"]["p"][2]]
    for table in found.values():
        assert table["p_holm"][[0, 2]].tolist() == pytest.approx(multipletests(p, method="holm")[1][[0, 2]])
    assert found["c"]["p_holm"][1] == 1


def test_one_seed_gives_a_gain_without_an_interval():
    row = effects(RUNS[RUNS["seed"] == 3], LADDER[:1], ACCURACY).iloc[0]
    assert row["gain"] == pytest.approx(100 * (VALUES["b"] - VALUES["a"])[3])
    assert np.isnan([row["low"], row["high"], row["p"], row["p_equivalent"], row["sd"], row["correlation"]]).all()
    assert (row["seeds"], row["verdict"]) == (1, "")


def test_equal_differences_have_no_spread_in_spite_of_rounding():
    runs = frame(seeds=4)
    base = runs[runs["variant"] == "a"]
    same = pd.concat([base, base.assign(variant="b", accuracy=base["accuracy"] + 0.01)])
    row = effects(same, LADDER[:1], ACCURACY).iloc[0]
    assert tuple(row[["gain", "p", "p_equivalent", "sd", "smallest", "verdict"]]) == (1, 1, 1, 0, 0, "inconclusive")
    assert np.isnan([row["low"], row["high"], row["low_alone"]]).all()  # a point would be no interval
    row = effects(pd.concat([base, base.assign(variant="b")]), LADDER[:1], ACCURACY).iloc[0]
    assert (row["p"], row["verdict"]) == (1, "inconclusive")  # steps of accuracy, not a spread of none


def test_of_two_seeds_or_of_constants_there_is_no_correlation():
    assert np.isnan(effects(frame(seeds=2), LADDER, ACCURACY)["correlation"]).all()
    constant = RUNS.assign(accuracy=RUNS["accuracy"].where(RUNS["variant"] != "a", 0.1))
    assert effects(constant, LADDER, ACCURACY)["correlation"].isna().tolist() == [True, False, False]


def test_the_order_of_the_runs_does_not_matter():
    shuffled = effects(RUNS.sample(frac=1, random_state=2), LADDER, ACCURACY)
    pd.testing.assert_frame_equal(effects(RUNS, LADDER, ACCURACY), shuffled)


def test_no_contrasts_are_an_empty_table():
    assert list(effects(RUNS, [], ACCURACY)) == COLUMNS


@pytest.mark.parametrize(
    ("runs", "contrast", "words"),
    [
        (pd.concat([RUNS, RUNS[:1]]), LADDER[0], "a has more than one run of seed 0"),
        (
            RUNS.assign(accuracy=RUNS["accuracy"].where(RUNS.index != 8)),
            LADDER[0],
            "accuracy of b, seed 2, is not a number",
        ),
        (RUNS, Contrast({"a": 1}), "sum to zero: {'a': 1}"),
        (RUNS, Contrast({"b": 1, "a": -1}, [{"b": 1, "a": -1}] * 3), "antithetic pairs: 3 orders"),
    ],
)
def test_what_cannot_be_paired_is_refused(runs: pd.DataFrame, contrast: Contrast, words: str):
    with pytest.raises(ValueError, match=words):
        effects(runs, [contrast], ACCURACY)


ORDERS = [
    {"b": 1, "a": -1},
    {"d": 1, "c": -1},
    {"c": 1, "a": -1},
    {"d": 1, "b": -1},
    {"b": 1, "a": -1},
    {"c": 1, "b": -1},
]


def averaged(orders: list[dict[str, float]]) -> Contrast:
    return Contrast({v: sum(order.get(v, 0) for order in orders) / len(orders) for v in "abcd"}, orders)


def test_sampled_orders_add_the_variance_of_their_pairs():
    by_order = 100 * np.array([sum(w * VALUES[v] for v, w in order.items()) for order in ORDERS])  # (orders, seeds)
    pairs = (by_order[0::2] + by_order[1::2]).mean(axis=1) / 2
    seeds, orders = by_order.mean(axis=0).var(ddof=1) / 6, pairs.var(ddof=1) / 3
    df = (seeds + orders) ** 2 / (seeds**2 / 5 + orders**2 / 2)
    row = effects(RUNS, [averaged(ORDERS)], ACCURACY).iloc[0]
    half = stats.t.ppf(0.975, df) * np.sqrt(seeds + orders)
    assert (row["low"], row["high"]) == pytest.approx((by_order.mean() - half, by_order.mean() + half), abs=1e-7)
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(by_order.mean()) / np.sqrt(seeds + orders), df), abs=1e-9)


def test_intervals_from_sampled_orders_cover_the_exact_value():
    # x is worth 4, 2 and 1 points as the first, second and third of three parts: 7/3 on average over all orders
    random, worth = np.random.default_rng(6), {"": 4, "y": 2, "z": 2, "yz": 1}
    names = [before + after for before in worth for after in ("", "+x")]
    covered = []
    for _ in range(200):
        noise = random.normal(0, 0.5, (len(names), 4))
        rows = [
            (name, seed, (worth[name[:-2]] if name.endswith("+x") else 0) / 100 + noise[k, seed] / 100)
            for k, name in enumerate(names)
            for seed in range(4)
        ]
        before = [order[: order.index("x")] for order in ("".join(random.permutation(list("xyz"))) for _ in range(5))]
        pairs = [(one, "".join(sorted(set("yz") - set(one)))) for one in ("".join(sorted(b)) for b in before)]
        orders = [{f"{one}+x": 1.0, one: -1.0} for pair in pairs for one in pair]
        weights = {name: sum(order.get(name, 0) for order in orders) / len(orders) for name in names}
        runs = pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])
        row = effects(runs, [Contrast(weights, orders)], ACCURACY).iloc[0]
        covered.append(row["low"] <= 7 / 3 <= row["high"])
    assert np.mean(covered) >= 0.93


def test_orders_that_all_say_the_same_leave_the_interval_over_seeds():
    same = averaged([{"b": 1, "a": -1}] * 4)
    plain = effects(RUNS, LADDER[:1], ACCURACY)
    assert effects(RUNS, [same], ACCURACY)[["gain", "low", "high"]].to_numpy() == pytest.approx(
        plain[["gain", "low", "high"]].to_numpy(), abs=1e-6
    )


def test_one_pair_of_orders_has_no_interval():
    row = effects(RUNS, [averaged(ORDERS[:2])], ACCURACY).iloc[0]
    assert np.isfinite(row["gain"])
    assert np.isnan([row["low"], row["p"]]).all()
    assert row["verdict"] == ""


def test_a_study_that_looks_more_than_once_pays_for_all_its_looks():
    runs, looks = frame(seeds=7), (3, 5, 9)
    table = runs.pivot(index="seed", columns="variant", values="accuracy")
    differences = 100 * (table["b"] - table["a"]).to_numpy()[:5]  # the last look reached
    p = stats.ttest_1samp(differences, 0).pvalue
    row = effects(runs, LADDER[:1], ACCURACY, looks=looks).iloc[0]
    interval = stats.ttest_1samp(differences, 0).confidence_interval(1 - nominal_level(looks, 0.05))
    assert (row["gain"], row["low"], row["high"]) == pytest.approx((differences.mean(), *interval), abs=1e-7)
    assert row["p"] == pytest.approx(float(sequential_p([p], looks)), abs=1e-4)
    assert row["p"] > p
    tost = ttost_paired(differences, np.zeros(5), -4, 4)[0]
    found = effects(runs, LADDER[:1], ACCURACY, looks=looks, margin=4)["p_equivalent"][0]
    assert found == pytest.approx(float(sequential_p([tost], looks, one_sided=True)), abs=1e-4)
    assert row["seeds"] == 5


def test_before_the_first_look_there_is_a_gain_and_no_verdict():
    row = effects(RUNS, LADDER[:1], ACCURACY, looks=(8, 12)).iloc[0]
    assert row["gain"] == pytest.approx(100 * (VALUES["b"] - VALUES["a"]).mean())
    assert np.isnan([row["low"], row["p"]]).all()
    assert (row["seeds"], row["verdict"]) == (6, "")


def predicted(examples: int = 200) -> tuple[pd.DataFrame, dict[tuple[str, int], np.ndarray]]:
    random = np.random.default_rng(3)
    hard = random.random(examples)
    scores = {(v, s): random.random(examples) < hard * rate for v, rate in (("a", 0.8), ("b", 1.0)) for s in range(4)}
    rows = [(v, s, right.mean()) for (v, s), right in scores.items()]
    return pd.DataFrame(rows, columns=["variant", "seed", "accuracy"]), scores


def test_with_predictions_there_is_an_interval_for_new_examples_too():
    runs, scores = predicted()
    cells = np.array([100.0 * scores["b", s] - 100.0 * scores["a", s] for s in range(4)])
    mean, error, df = crossed(cells)
    half = stats.t.ppf(0.975, df) * error
    row = effects(runs, LADDER[:1], ACCURACY, scores=scores).iloc[0]
    # over four seeds alone t has 3 degrees of freedom, so its interval is the wider one here
    assert (row["low_alone"], row["high_alone"]) < (mean - half, mean + half)
    assert (row["low_examples"], row["high_examples"]) == (row["low_alone"], row["high_alone"])
    assert error > estimate(cells.mean(axis=1)).error


def test_pairs_of_orders_widen_the_interval_for_new_examples_too():
    runs, scores = predicted()
    orders = [{"b": 1, "a": -1}, {"b": 1, "a": -1}, {"b": 3, "a": -3}, {"b": 1, "a": -1}]  # pairs say 1 and 2 times
    cells = 1.5 * np.array([100.0 * scores["b", s] - 100.0 * scores["a", s] for s in range(4)])
    mean, error, df = crossed(cells)
    of_orders = (mean / 1.5) ** 2 / 2 / 2  # the variance of 1 and 2 times the gain, of two pairs
    both = error**2 + of_orders
    half = stats.t.ppf(0.975, both**2 / (error**4 / df + of_orders**2)) * np.sqrt(both)
    row = effects(runs, [Contrast({"b": 1.5, "a": -1.5}, orders)], ACCURACY, scores=scores).iloc[0]
    widest = min(mean - half, row["low_alone"]), max(mean + half, row["high_alone"])
    assert (row["low_examples"], row["high_examples"]) == pytest.approx(widest)


def test_where_examples_vary_most_the_interval_for_new_ones_is_the_one_of_two_way_random_effects():
    # every seed answers the same examples rightly but for one, so that nearly all variance is between examples
    hard = np.arange(60) % 3 == 0
    scores = {("a", s): hard.copy() for s in range(4)} | {("b", s): ~hard for s in range(4)}
    for seed in range(4):
        scores["b", seed][seed] ^= True
    rows = [(v, s, right.mean()) for (v, s), right in scores.items()]
    runs = pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])
    mean, error, df = crossed(np.array([100.0 * scores["b", s] - 100.0 * scores["a", s] for s in range(4)]))
    half = stats.t.ppf(0.975, df) * error
    row = effects(runs, LADDER[:1], ACCURACY, scores=scores).iloc[0]
    assert (row["low_examples"], row["high_examples"]) == pytest.approx((mean - half, mean + half))
    assert row["low_examples"] < row["low_alone"] < row["high_alone"] < row["high_examples"]
    assert (row["low"], row["high"]) == (row["low_examples"], row["high_examples"])  # one contrast, so what is drawn
    t = 2 * stats.t.sf(mean / error, df)
    assert (row["p_examples"], row["p_holm"]) == pytest.approx((t, t))
    assert row["p"] < t / 100


def test_a_gain_that_other_examples_could_undo_is_no_help():
    # two points more by every seed, but all on the same 2 of 100 examples: p of the examples is that of 2 against 0
    scores = {("a", s): np.arange(100) < 50 + s for s in range(5)}
    scores |= {("b", s): one | (np.arange(100) >= 98 - (s == 0)) for (_, s), one in scores.items()}
    runs = pd.DataFrame([(v, s, one.mean()) for (v, s), one in scores.items()], columns=["variant", "seed", "accuracy"])
    assert effects(runs, LADDER[:1], ACCURACY, margin=0.1)["verdict"].tolist() == ["helps"]
    row = effects(runs, LADDER[:1], ACCURACY, margin=0.1, scores=scores).iloc[0]
    assert (row["p"] < 0.001, row["p_examples"] > 0.1, row["verdict"]) == (True, True, "inconclusive")
    assert row["low"] < 0 < row["low_alone"]


def test_equivalence_is_of_new_examples_too():
    random = np.random.default_rng(0)
    base = random.random(100) < 0.5
    flipped = base ^ (random.random(100) < 0.1)  # some are won and some lost, the same ones by every seed
    scores = {("a", s): base.copy() for s in range(6)} | {("b", s): flipped.copy() for s in range(6)}
    for seed in range(6):
        scores["b", seed][seed] ^= True
    runs = pd.DataFrame([(v, s, one.mean()) for (v, s), one in scores.items()], columns=["variant", "seed", "accuracy"])
    gain = 100 * (flipped.mean() - base.mean())
    margin = abs(gain) + 3
    alone, both = (effects(runs, LADDER[:1], ACCURACY, margin=margin, scores=one).iloc[0] for one in (None, scores))
    cells = np.array([100.0 * scores["b", s] - 100.0 * scores["a", s] for s in range(6)])
    mean, error, df = crossed(cells)
    assert alone["p_equivalent"] < 0.05 < both["p_equivalent"]
    assert both["p_equivalent"] == pytest.approx(stats.t.sf((margin - abs(mean)) / error, df))


@pytest.mark.parametrize("seed", range(40))
def test_no_interval_that_goes_with_a_verdict_contradicts_it(seed: int):
    """Random studies: variants, seeds, truths, families, looks, missing runs, constant differences, scores."""
    random = np.random.default_rng(seed)
    variants, seeds = random.integers(2, 9), random.integers(2, 9)
    truth, noise = random.choice([0, 0, 3, 8], variants) / 100, random.choice([0.005, 0.02])
    rows, scores = [], {}
    examples = random.random(400)
    for v in range(variants):
        hard = examples + random.normal(0, random.choice([0.0, 0.1]), 400)
        for s in range(seeds):
            right = hard < 0.5 + truth[v] + random.normal(0, noise)
            scores[str(v), s] = right
            rows.append((str(v), s, right.mean()))
    runs = pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])
    runs = runs[(random.random(len(runs)) > 0.05) | (runs["seed"] < 2)]
    if random.random() < 0.3:
        runs.loc[runs["variant"] == "1", "accuracy"] = runs.loc[runs["variant"] == "0", "accuracy"].mean()
        scores = {}
    contrasts = [Contrast({str(v): 1, str(v - 1): -1}, family=random.choice(["x", "y"])) for v in range(1, variants)]
    keys = set(zip(runs["variant"], runs["seed"], strict=True))
    chosen = {key: one for key, one in scores.items() if key in keys} or None
    looks = [(3, 5, 8), None][random.integers(2)]
    table = effects(runs, contrasts, ACCURACY, level=random.choice([0.8, 0.95]), looks=looks, scores=chosen)
    excludes = (table["low"] > 0) | (table["high"] < 0)
    assert excludes.tolist() == table["verdict"].isin(["helps", "hurts"]).tolist()
    drawn = table[table["low"].notna()]
    assert (drawn["low"] <= drawn["low_alone"]).all()
    assert (drawn["high"] >= drawn["high_alone"]).all()
    assert drawn[["low", "high"]].abs().to_numpy().max(initial=0) <= 100


def test_missing_predictions_leave_the_interval_over_seeds_alone():
    runs, scores = predicted()
    del scores["a", 2]
    row = effects(runs, LADDER[:1], ACCURACY, scores=scores).iloc[0]
    assert np.isfinite(row["low"])
    assert np.isnan([row["low_examples"], row["high_examples"]]).all()


def test_a_thousand_runs_are_measured_in_well_under_a_second():
    variants = ["".join(bits) for bits in product("01", repeat=6)]
    values = np.random.default_rng(0).random((64, 16))
    rows = [(v, s, values[k, s]) for k, v in enumerate(variants) for s in range(16)]
    runs = pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])
    signs = {v: np.array([1 if bit == "1" else -1 for bit in v]) for v in variants}
    contrasts = [Contrast({v: signs[v][i] * signs[v][j] / 16 for v in variants}) for i, j in combinations(range(6), 2)]
    start = perf_counter()
    found = effects(runs, contrasts, ACCURACY)
    assert perf_counter() - start < 1  # measured: 0.03
    # an interaction is the scalar product with its signs
    cells = np.array([[signs[v][0] * signs[v][1] for v in variants]]) @ values / 16
    assert found["gain"][0] == pytest.approx(100 * cells.mean())


RMSE = Metric("rmse", "error", "units", "lower", 1.0)


def test_where_lower_is_better_what_falls_helps():
    # differences -2, -3, -4: mean -3, sd 1, sem 0.577; t(2) = 4.303; and p of t = -5.196
    rows = [("a", s, v) for s, v in enumerate((55.0, 57.0, 56.0))] + [
        ("b", s, v) for s, v in enumerate((53.0, 54.0, 52.0))
    ]
    runs = pd.DataFrame(rows, columns=["variant", "seed", "rmse"])
    down, up = effects(runs, [LADDER[0], Contrast({"a": 1, "b": -1}, family="back")], RMSE).to_dict("records")
    assert (down["gain"], down["sd"]) == (-3, 1)
    assert (down["low"], down["high"]) == pytest.approx((-3 - 2.4841, -3 + 2.4841), abs=1e-4)
    assert down["p"] == pytest.approx(0.0351, abs=1e-4)
    assert [down["verdict"], up["verdict"]] == ["helps", "hurts"]


def test_a_metric_counts_in_its_own_unit():
    scaled = RMSE._replace(times=1000.0, unit="thousandths")
    runs = frame().rename(columns={"accuracy": "rmse"})
    plain, scaled_ones = (
        effects(runs, LADDER, metric, margin=margin) for metric, margin in ((RMSE, 0.001), (scaled, 1))
    )
    numbers = ["gain", "low", "high", "sd", "smallest"]
    assert scaled_ones[numbers].to_numpy() == pytest.approx(1000 * plain[numbers].to_numpy())
    assert scaled_ones["p"].tolist() == pytest.approx(plain["p"].tolist())
    assert scaled_ones["verdict"].tolist() == plain["verdict"].tolist() == ["hurts", "inconclusive", "helps"]


def test_levels_of_any_size_keep_the_digits_that_they_have():
    for scale in (1e-9, 1.0, 1e9):
        runs = frame().rename(columns={"accuracy": "rmse"})
        runs["rmse"] *= scale
        table = runs.pivot(index="seed", columns="variant", values="rmse")
        row = effects(runs, LADDER[:1], RMSE).iloc[0]
        test = stats.ttest_rel(table["b"], table["a"])
        assert (row["gain"], row["p"]) == pytest.approx(((table["b"] - table["a"]).mean(), test.pvalue), rel=1e-8)


def test_counts_that_were_logged_in_32_bits_are_as_equal_as_they_were():
    # one example of 797 more for every seed: as 64-bit numbers the differences of 32-bit ones differ by 1e-8
    base = np.array([700, 711, 735, 742])
    rows = [
        (v, s, float(np.float32((one + more) / 797))) for v, more in (("a", 0), ("b", 1)) for s, one in enumerate(base)
    ]
    runs = pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])
    assert np.ptp([runs["accuracy"][4 + s] - runs["accuracy"][s] for s in range(4)]) > 0
    row = effects(runs, LADDER[:1], ACCURACY).iloc[0]
    assert (row["sd"], row["verdict"]) == (0, "inconclusive")
    assert row["gain"] == pytest.approx(100 / 797, rel=1e-4)


def test_without_a_margin_nothing_is_equivalent():
    found = effects(RUNS, LADDER, ACCURACY, margin=float("nan"))
    assert found["p_equivalent"].isna().all()
    assert found["verdict"].tolist() == ["helps", "inconclusive", "hurts"]


def test_scores_may_be_real_numbers():
    random = np.random.default_rng(4)
    shared = random.gamma(2, 1, 50)
    scores = {
        (v, s): shared + random.normal(level, 0.3, 50) for v, level in (("a", 0.0), ("b", -0.5)) for s in range(4)
    }
    runs = pd.DataFrame([(v, s, one.mean()) for (v, s), one in scores.items()], columns=["variant", "seed", "rmse"])
    mean, error, df = crossed(np.array([scores["b", s] - scores["a", s] for s in range(4)]))
    half = stats.t.ppf(0.975, df) * error
    row = effects(runs, LADDER[:1], RMSE, scores=scores).iloc[0]
    assert row["low_examples"] == pytest.approx(min(row["low"], mean - half))
    assert row["high_examples"] == pytest.approx(max(row["high"], mean + half))
    with pytest.raises(ValueError, match=r"scores of b, seed 3, have the mean .*, not 9"):
        effects(runs.assign(rmse=runs["rmse"].where(runs.index != 7, 9.0)), LADDER[:1], RMSE, scores=scores)


def test_pooled_variances_decide_with_fewer_seeds_and_their_intervals_agree():
    random = np.random.default_rng(12)
    names = "abcdefgh"
    gains = dict(zip(names, np.cumsum([0, 0.05, 0, 0.05, 0, 0, 0.05, 0]), strict=True))
    rows = [(v, s, 0.3 + gains[v] + random.normal(0, 0.01)) for v in names for s in range(3)]
    runs = pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])
    contrasts = [Contrast({b: 1, a: -1}) for a, b in pairwise(names)]
    own, pooled = (effects(runs, contrasts, ACCURACY, variances=how) for how in ("own", "pooled"))
    assert own[["gain", "p", "low_alone", "sd"]].equals(pooled[["gain", "p", "low_alone", "sd"]])
    assert own["p_pooled"].isna().all()
    assert pooled["p_holm"].tolist() == pytest.approx(multipletests(pooled["p_pooled"], method="holm")[1].tolist())
    assert pooled["smallest"].isna().all()  # that of Student's t is not theirs
    assert (pooled["verdict"] == "helps").sum() > (own["verdict"] == "helps").sum()
    excludes = (pooled["low"] > 0) | (pooled["high"] < 0)
    assert excludes.tolist() == pooled["verdict"].isin(["helps", "hurts"]).tolist()
    flat = runs.assign(accuracy=runs["accuracy"].where(~runs["variant"].isin(["a", "b"]), 0.5))
    row = effects(flat, contrasts, ACCURACY, variances="pooled").iloc[0]
    assert (row["verdict"], row["p_holm"], np.isnan(row["low"])) == ("inconclusive", 1, True)
    with pytest.raises(ValueError, match="more than one look"):
        effects(runs, contrasts, ACCURACY, variances="pooled", looks=(3, 5))
