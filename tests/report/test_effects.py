"""The table of effects against values worked out by hand, by scipy and by statsmodels."""

from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from dissect.measure.contrasts import variants
from dissect.planning.manifest import read_all
from dissect.report.effects import effects_table
from dissect.report.predictions import scores_of
from dissect.report.questions import components_of, planned_before, questions
from dissect.report.study import read_study
from dissect.report.tables import missing_seeds, scored_runs, variants_table
from dissect.store import runs as store
from tests.report.conftest import rewrite, write_ladder, write_manifest, write_run, write_subsets


def table_of(path: Path) -> pd.DataFrame:
    study = read_study(path)
    scored = scored_runs(study)
    manifests = read_all(path)
    asked = questions(variants(scored), components_of(study, scored), manifests)
    asked = planned_before(asked, study, manifests)
    return effects_table(study, scored, asked, manifests, scores=scores_of(study, scored))


@pytest.fixture(scope="module")
def effects(subsets: tuple[Path, Path]) -> pd.DataFrame:
    return table_of(subsets[0])


@pytest.fixture(scope="module")
def points(subsets: tuple[Path, Path]) -> pd.DataFrame:
    """Accuracies in points: a row a seed, a column a variant."""
    return 100 * read_study(subsets[0]).compared.pivot(index="seed", columns="variant", values="accuracy")


def named(parts: tuple[str, ...]) -> str:
    return "+".join(sorted(parts)) or "baseline"


def test_a_shapley_value_is_the_mean_gain_over_all_orders(effects: pd.DataFrame, points: pd.DataFrame):
    shapley = effects[effects["kind"] == "shapley"].set_index("component")["gain"]
    for name in "abcde":
        orders = [order[: order.index(name) + 1] for order in permutations("abcde")]
        gains = [points[named(with_)] - points[named(with_[:-1])] for with_ in orders]
        assert shapley[name] == pytest.approx(np.mean(gains), abs=1e-9)
    assert shapley.sum() == pytest.approx((points["a+b+c+d+e"] - points["baseline"]).mean(), abs=1e-9)


def test_an_interaction_is_the_difference_of_the_conditional_gains(effects: pd.DataFrame, points: pd.DataFrame):
    pair = effects[effects["component"] == "a+b"].set_index("kind")
    contexts = [parts for k in range(4) for parts in combinations("cde", k)]
    without = np.mean([points[named((*s, "b"))] - points[named(s)] for s in contexts])
    with_ = np.mean([points[named((*s, "a", "b"))] - points[named((*s, "a"))] for s in contexts])
    assert pair.loc["interaction", "gain"] == pytest.approx(with_ - without, abs=1e-9)
    conditional = effects[effects["kind"] == "conditional"].set_index("label")["gain"]
    assert conditional["b without a_1 & b"] == pytest.approx(without, abs=1e-9)
    assert conditional["b with a_1 & b"] == pytest.approx(with_, abs=1e-9)


def test_a_gain_and_its_interval_are_those_of_the_paired_t_test(effects: pd.DataFrame, points: pd.DataFrame):
    row = effects[(effects["kind"] == "leave_one_out") & (effects["component"] == "c")].iloc[0]
    test = stats.ttest_rel(points["a+b+c+d+e"], points["a+b+d+e"])
    low, high = test.confidence_interval(0.95)
    assert row[["low_alone", "high_alone", "p"]].astype(float).to_numpy() == pytest.approx([low, high, test.pvalue])
    assert (row["treated"], row["control"]) == ("a+b+c+d+e", "a+b+d+e")


def test_the_correction_runs_over_a_plan_and_once_over_all_that_was_not_planned(effects: pd.DataFrame):
    larger = effects[["p", "p_examples"]].max(axis=1)
    planned = effects[effects["manifest"] == "asked"]
    assert planned["p_holm"].tolist() == larger[planned.index].tolist()  # one contrast, nothing to correct
    assert planned["component"].tolist() == ["a"]
    differences = effects["weights"].map(lambda told: frozenset(told.split("; ")))
    own = effects[(effects["manifest"] == "") & ~differences.isin(list(differences[planned.index]))]
    once = own[~differences[own.index].duplicated()]
    assert once["together"].tolist() == [len(once)] * len(once)
    assert once["p_holm"].tolist() == pytest.approx(list(multipletests(larger[once.index], method="holm")[1]))
    assert 40 < len(once) < len(effects[effects["manifest"] == ""])


def test_what_two_plans_or_a_plan_and_a_look_ask_alike_has_one_answer(effects: pd.DataFrame):
    differences = effects["weights"].map(lambda told: frozenset(told.split("; ")))
    for name in ("low", "p_holm", "verdict", "together", "margin"):
        assert (effects.groupby(differences)[name].nunique(dropna=False) == 1).all()
    assert differences.duplicated().any()


def test_effects_and_interactions_of_a_plan_are_families_of_their_own(study: Path):
    write_subsets(study, "ab", seeds=3, examples=400)
    effect = {"a": 0.5, "a+b": 0.5, "baseline": -0.5, "b": -0.5}
    joint = {"a+b": 1.0, "baseline": 1.0, "a": -1.0, "b": -1.0}
    asked = [("main_effect", ["a"], effect), ("one_at_a_time", ["b"], {"b": 1.0, "baseline": -1.0})]
    write_manifest(study, [*asked, ("interaction", ["a", "b"], joint)])
    planned = table_of(study).query("manifest == 'asked'")
    assert planned["together"].tolist() == [2, 2, 1]


def test_a_contrast_of_which_runs_were_finished_when_it_was_planned_is_exploratory(study: Path):
    write_ladder(study)
    ladder = [("ladder", ["augmentation"], {"step3": 1.0, "step2": -1.0})]
    write_manifest(study, ladder, frozen="2025-01-02T03:04:05+00:00")
    assert table_of(study)["manifest"].tolist() == ["asked", "", "", "", ""]  # all finished in that very second
    rewrite(next(study.glob("step2-seed1-*")), finished="2025-01-01T23:00:00+01:00")
    found = table_of(study).set_index("component")
    assert found["manifest"].tolist() == [""] * 5
    told = (
        "asked planned it on 2025-01-02 03:04 (UTC), when 1 of its 6 runs were finished, the first on 2025-01-01 22:00"
    )
    assert found["seen"].to_dict() == {name: told if name == "augmentation" else "" for name in found.index}


def test_the_interval_for_other_examples_is_that_of_the_two_way_table_of_its_runs(
    effects: pd.DataFrame, subsets: tuple[Path, Path]
):
    row = effects[(effects["kind"] == "one_at_a_time") & (effects["component"] == "d")].iloc[0]
    right = {
        (v, s): store.read_scores(subsets[0] / f"{v}-seed{s}-k")["scores"] for v in ("d", "baseline") for s in (0, 1)
    }
    cells = 100.0 * np.array([right["d", s].astype(int) - right["baseline", s] for s in (0, 1)])
    n, examples = cells.shape
    of_seeds, of_examples = cells.mean(1) - cells.mean(), cells.mean(0) - cells.mean()
    residual = cells - cells.mean() - of_seeds[:, None] - of_examples
    df = np.array([n - 1, examples - 1, (n - 1) * (examples - 1)])
    squares = np.array([examples * (of_seeds**2).sum(), n * (of_examples**2).sum(), (residual**2).sum()]) / df
    parts = squares * [1, 1, -1] / (n * examples)
    freedom = parts.sum() ** 2 / (parts**2 / df).sum()
    half = stats.t.ppf(0.975, freedom) * np.sqrt(parts.sum())
    widest = min(cells.mean() - half, row["low_alone"]), max(cells.mean() + half, row["high_alone"])
    assert tuple(row[["low_examples", "high_examples"]].astype(float)) == pytest.approx(widest)


def test_every_contrast_tells_the_runs_behind_it(effects: pd.DataFrame):
    assert set(effects["seeds_used"]) == {"0 1"}
    row = effects[effects["kind"] == "ladder"].iloc[0]
    assert row["weights"] in ("a: +1; baseline: -1", "a+b: +1; a: -1")


def test_each_plan_is_judged_on_its_own_terms_and_a_contrast_of_two_stands_once(study: Path):
    write_ladder(study)
    ladder = [("ladder", ["augmentation"], {"step3": 1.0, "step2": -1.0})]
    more = [*ladder, ("ladder", ["dropout1"], {"step2": 1.0, "step1": -1.0})]
    write_manifest(study, ladder, level=0.9, smallest=5.0)
    write_manifest(study, more, study="later", frozen="2025-01-01T11:00:00+00:00", level=0.99)
    effects = table_of(study).set_index("component")
    assert effects["manifest"].tolist() == ["asked", "later", "", "", ""]
    assert effects["level"].tolist() == [0.9, 0.99, 0.9, 0.9, 0.9]  # what was not planned follows the first plan
    test = stats.ttest_rel(*(read_study(study).compared.query("variant == @v")["accuracy"] for v in ("step2", "step1")))
    low, high = test.confidence_interval(0.99)
    assert effects.loc["dropout1", ["low_alone", "high_alone"]].astype(float).tolist() == pytest.approx(
        [100 * low, 100 * high]
    )
    # corrected over both contrasts of its plan, though the other one is shown elsewhere
    assert effects.loc["dropout1", "p_holm"] == pytest.approx(2 * test.pvalue)
    assert effects.loc["augmentation", "p_holm"] == effects.loc["augmentation", "p"]


def test_an_enlarged_network_is_compared_with_another_in_its_place(study: Path):
    for variant, parts in (("step1", ()), ("a", ("a",)), ("b", ("b",))):
        for seed in range(2):
            write_run(study, variant, parts, seed, 0.4 + 0.01 * seed * len(variant), accuracy_ten_crop=None)
    write_manifest(study, [("pair", ["a", "b"], {"a": 1.0, "b": -1.0})])
    assert table_of(study)["label"].iloc[0] == "a_1 & b instead of b"


def test_planned_seeds_that_are_not_finished_are_known(study: Path):
    write_ladder(study)
    contrasts = [
        ("ladder", ["dropout1"], {"step2": 1.0, "step1": -1.0}),
        ("ladder", ["b"], {"never": 1.0, "step1": -1}),
    ]
    write_manifest(study, contrasts, seeds=[0, 1, 7], extended=[{"seeds": [8], "on": "2025-01-03"}])
    read, manifests = read_study(study), read_all(study)
    table = table_of(study)
    assert missing_seeds(read, manifests, table) == {"step2": [7, 8], "step1": [7, 8], "never": [0, 1, 7, 8]}
    assert variants_table(read, manifests, table).set_index("variant")["planned"].to_dict() == {
        "step1": 4, "step2": 4, "step3": 0, "step4": 0, "step8": 0,
    }  # fmt: skip
    unmeasured = table.query("treated == 'never'").iloc[0]
    assert np.isnan(unmeasured["gain"])
    assert (unmeasured["seeds"], unmeasured["verdict"]) == (0, "")


def test_a_study_that_stopped_where_all_was_decided_misses_no_seed(study: Path):
    helped, undecided = [0.45, 0.4503, 0.4501], [0.41, 0.39, 0.43]
    for variant, parts, levels in (
        ("step1", (), [0.40, 0.4001, 0.4002]),
        ("a", ("a",), helped),
        ("b", ("b",), undecided),
    ):
        for seed, level in enumerate(levels):
            write_run(study, variant, parts, seed, level, accuracy_ten_crop=None)
    contrasts = [("one_at_a_time", [name], {name: 1.0, "step1": -1.0}) for name in "ab"]
    write_manifest(study, contrasts[:1], seeds=list(range(12)), looks=[3, 5, 12])
    assert missing_seeds(read_study(study), read_all(study), table_of(study)) == {}
    write_manifest(study, contrasts, seeds=list(range(12)), looks=[3, 5, 12])
    asked = missing_seeds(read_study(study), read_all(study), table_of(study))
    assert asked == {"step1": [3, 4], "b": [3, 4]}  # what the next look needs, and nothing of what is decided


def test_a_planned_study_of_which_only_the_baseline_is_finished_has_unmeasured_contrasts(study: Path):
    write_run(study, "step1", (), 0, 0.4, accuracy_ten_crop=None)
    weights = {"step1": 1.0, "a": -1.0, "b": -1.0, "a+b": 1.0}
    write_manifest(study, [("interaction", ["a", "b"], weights), ("main_effect", ["a"], {"a": 1.0, "step1": -1.0})])
    effects = table_of(study)
    assert effects["kind"].tolist() == ["interaction", "main_effect"]
    assert effects["gain"].isna().all()


def test_a_variant_stands_beside_its_difference_to_the_baseline_over_common_seeds(study: Path):
    for seed, accuracy in enumerate([0.3, 0.4, 0.9]):
        write_run(study, "step1", (), seed, accuracy)
    for seed, accuracy in enumerate([0.35, 0.49]):
        write_run(study, "step2", ("a",), seed, accuracy)
    found = variants_table(read_study(study), [], table_of(study)).set_index("variant")["over_baseline"]
    assert np.isnan(found["step1"])
    assert found["step2"] == pytest.approx(7)  # (5 + 9) / 2


def test_a_pilots_seeds_stay_out_of_the_study_that_it_planned(study: Path):
    write_ladder(study)
    for path in study.glob("step[23]-seed0-*"):
        rewrite(path, finished="2024-12-31T23:00:00+00:00")
    ladder = [("ladder", ["augmentation"], {"step3": 1.0, "step2": -1.0})]
    write_manifest(study, ladder, seeds=[1, 2])
    row = table_of(study).iloc[0]
    runs = 100 * read_study(study).compared.pivot(index="seed", columns="variant", values="accuracy")
    assert (row["manifest"], row["seeds_used"]) == ("asked", "1 2")
    assert row["gain"] == pytest.approx((runs["step3"] - runs["step2"])[[1, 2]].mean())


def test_runs_that_diverged_or_collapsed_are_an_outcome_and_no_gap(study: Path):
    for seed in range(4):
        write_run(study, "step1", (), seed, 0.4 + 0.01 * seed, accuracy_ten_crop=None)
    for seed, level in enumerate([0.45, 0.1, 0.47]):  # guessing comes to 0.1 there
        write_run(study, "a", ("a",), seed, level, accuracy_ten_crop=None)
    blank = {"metrics": {}, **dict.fromkeys(["epochs", "train_seconds"])}
    write_run(study, "a", ("a",), 3, None, status="failed", error="the loss became NaN", diverged=True, **blank)
    write_manifest(study, [("one_at_a_time", ["a"], {"a": 1.0, "step1": -1.0})], seeds=[0, 1, 2, 3])
    table, read = table_of(study), read_study(study)
    row = table.iloc[0]
    assert (row["gain"], row["seeds"], row["left_out"]) == (pytest.approx(5), 2, 0)
    assert tuple(row[["untrained", "tried", "untrained_control", "tried_control"]]) == (2, 4, 0, 4)
    assert read.untrained == {("a", 1): "no better than guessing", ("a", 3): "diverged"}
    assert missing_seeds(read, read_all(study), table) == {}
