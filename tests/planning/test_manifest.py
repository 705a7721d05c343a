"""What a study was going to do stays what it does."""

import json
import os
from dataclasses import replace
from functools import cache

import pytest

from dissect import design
from dissect.composing.compose import compose
from dissect.design import Component
from dissect.errors import InputError
from dissect.planning import manifest
from dissect.planning.changes import refuse_changes
from dissect.store.reading import seal

LADDER = [Component("dropout1"), Component("leaky_relu"), Component("ensemble", derived=True)]


@pytest.fixture(scope="module")
def planned():
    """A manifest of the ladder above, as it would be planned with some settings; those asked for again are kept."""

    @cache
    def plan(*overrides: str, seeds: tuple[int, ...] = (0, 1), views: int | None = 10):
        rule = design.cumulative(LADDER)
        variants = {parts: compose([f"component=[{','.join(parts)}]", *overrides]) for parts in rule.variants}
        return manifest.plan("cumulative", rule, variants, "pixels", seeds, views)

    return plan


def test_a_manifest_is_read_back_as_it_was_written(planned, tmp_path):
    path = tmp_path / "manifest-cumulative.json"
    manifest.write(path, planned())
    assert manifest.read(path) == replace(planned(), frozen=manifest.read(path).frozen)
    assert manifest.read_all(tmp_path) == [manifest.read(path)]
    assert manifest.read(tmp_path / "manifest-other.json") is None


def test_a_planted_manifest_makes_nothing_that_the_command_line_does_not_name(planned, variant):
    ours, evil = planned(), "distutils.spawn.spawn"
    variants = {name: dict(entry) for name, entry in ours.variants.items()}
    model = {"_target_": evil, "cmd": ["touch", "ran"]}
    variants["step1"]["config"] = variants["step1"]["config"] | {"model": model}
    planted = replace(ours, variants=variants)
    like = variant().config
    with pytest.raises(InputError, match=r"^model._target_=distutils.spawn.spawn: would run code of .*distutils"):
        planted.variant("step1", like, 0)
    with pytest.raises(InputError, match="its network's code has changed"):  # asked for, but not what was frozen
        planted.variant("step1", like, 0, [evil])
    assert ours.variant("step1", like, 0).config.model._target_ == like.model._target_
    with pytest.raises(InputError, match="step9: is no variant of cumulative as it was frozen on"):
        ours.variant("step9", like, 0)


def test_ten_crop_stands_behind_the_last_trained_step_and_an_ensemble_is_compared_with_it(planned):
    # "leaky_relu" alone is no step of the convnet's ladder, so the variants carry their components' names
    top = "dropout1+leaky_relu"
    assert [(one.components, one.weights) for one in planned().contrasts] == [
        (("dropout1",), {"step2": 1.0, "step1": -1.0}),
        (("leaky_relu",), {top: 1.0, "step2": -1.0}),
        (("ten_crop",), {f"{top} + ten-crop": 1.0, top: -1.0}),
        (("ensemble",), {f"{top}+ensemble": 1.0, f"{top} + ten-crop": -1.0}),
    ]


@pytest.mark.parametrize("order", [["leaky_relu", "augmentation"], ["mixup", "cutout"]])
def test_a_plan_calls_its_variants_as_their_runs_are_called_however_its_components_are_ordered(variant, order):
    # by the ladder augmentation comes first, and what is in no ladder is ordered by name
    rule = design.factorial([Component(name) for name in order])
    variants = {parts: variant(f"component=[{','.join(parts)}]") for parts in rule.variants}
    plan = manifest.plan("factorial", rule, variants, "pixels", [0, 1])
    assert "+".join(reversed(order)) in plan.variants
    assert set(plan.variants) == {one.name for one in variants.values()}
    assert {name for one in plan.contrasts for name in one.weights} == set(plan.variants)


@pytest.mark.parametrize("views", [None, 1])
def test_without_several_views_an_ensemble_is_compared_with_the_last_trained_step(planned, views):
    contrasts = planned(views=views).contrasts
    assert [one.components for one in contrasts] == [("dropout1",), ("leaky_relu",), ("ensemble",)]
    assert set(contrasts[-1].weights) == {"dropout1+leaky_relu+ensemble", "dropout1+leaky_relu"}


def test_a_frozen_variant_is_the_one_that_was_planned_whatever_is_composed_now(planned, variant):
    before, now = planned("train.epochs=3"), variant("train.epochs=7", "threads=1")
    again = before.variant("step2", now.config, 1)
    assert again.config.train.epochs == 3
    assert again.config.threads == 1
    assert again.key("pixels") == variant("component=[dropout1]", "train.epochs=3", "seed=1").key("pixels")
    assert again.settings("pixels") == variant("train.epochs=3").settings("pixels")


def test_what_changed_since_is_refused_with_the_key_once(planned, tmp_path):
    with pytest.raises(InputError) as refused:
        refuse_changes(tmp_path / "m.json", planned(), planned("train.epochs=7"))
    assert str(refused.value).count("train.epochs (20, now 7)") == 1
    assert "plan.frozen=true" in str(refused.value)


@pytest.mark.parametrize("change", ["plan.level=0.9", "plan.smallest=2", "plan.power=0.9"])
def test_a_changed_question_is_refused_too(planned, change, tmp_path):
    with pytest.raises(InputError, match=change.split("=")[0]):
        refuse_changes(tmp_path / "m.json", planned(), planned(change))


@pytest.mark.parametrize("change", ["metric.name=loss", "metric.better=lower", "metric.unit=share", "metric.times=1"])
def test_a_changed_metric_is_refused_and_another_word_for_it_is_not(planned, change, tmp_path):
    key, _, value = change.partition("=")
    with pytest.raises(InputError, match=rf"{key} \(.*, now {value}"):
        refuse_changes(tmp_path / "m.json", planned(), planned(change))
    refuse_changes(tmp_path / "m.json", planned(), planned("metric.label=share of right ones"))


def test_a_metric_is_kept_as_the_config_describes_it(planned):
    assert planned().metric == {"name": "accuracy", "label": "accuracy", "unit": "points", "better": "higher",
                                "times": 100.0}  # fmt: skip
    assert planned().epoch == "the last one, whatever came before it"
    with pytest.raises(InputError, match=r"metric\.better=sideways: must be higher or lower"):
        planned("metric.better=sideways")


def test_a_manifest_of_the_first_recipe_is_refused_in_one_line(planned, tmp_path):
    path = tmp_path / "manifest-cumulative.json"
    manifest.write(path, replace(planned(), metric="accuracy on the validation examples"))
    with pytest.raises(InputError) as refused:
        manifest.read_all(tmp_path)
    assert str(refused.value) == f"{path}: was made by an earlier version (RECIPE 1); begin anew with name=..."


def test_more_seeds_and_other_places_or_hardware_are_no_change(planned, tmp_path):
    elsewhere = planned("trainer.accelerator=cpu", "threads=1", "logger=tensorboard", seeds=(0, 1, 2))
    refuse_changes(tmp_path / "m.json", planned(), elsewhere)


def test_seeds_that_are_added_later_are_told_apart_from_those_planned(planned, tmp_path):
    path = tmp_path / "manifest-cumulative.json"
    manifest.write(path, planned())
    manifest.extend(path, [2, 3])
    after = manifest.read(path)
    assert (after.seeds, after.all_seeds) == ([0, 1], [0, 1, 2, 3])
    assert after.extended[0]["seeds"] == [2, 3]


def test_seeds_cannot_be_added_in_a_store_that_cannot_be_written_and_that_is_said(planned, tmp_path):
    path = tmp_path / "manifest-cumulative.json"
    manifest.write(path, planned())
    before = path.read_bytes()
    (tmp_path / ".locks").touch()  # where a folder belongs
    for change in (lambda: manifest.extend(path, [2]), lambda: manifest.disclose(path, "as the source has them")):
        with pytest.raises(InputError, match=r"manifest-cumulative\.json: cannot be written \("):
            change()
    assert path.read_bytes() == before


def test_no_folder_of_this_machine_stands_in_a_manifest(planned, tmp_path):
    there = planned(f"runs={tmp_path / 'runs'}", f"data.cache={tmp_path / 'cache'}")
    assert str(tmp_path) not in json.dumps([entry["config"] for entry in there.variants.values()])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"contrasts": [1]}', pytest.param("[" * 100_000, id="deep")])
def test_a_damaged_manifest_is_named(tmp_path, text):
    path = tmp_path / "manifest-x.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"manifest-x\.json"):
        manifest.read(path)


def test_a_pipe_in_a_manifests_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "manifest-x.json")
    with pytest.raises(InputError, match=r"manifest-x\.json: is no regular file; remove it, and delete it"):
        manifest.read(tmp_path / "manifest-x.json")


STRANGE = [{"frozen": "x"}, {"seeds": ["a"]}, {"variants": {"a": 1}}, {"variants": [1]}, {"extended": [5]},
           {"level": "x"}, {"smallest": "x"}, {"looks": ["x"]}, {"contrasts": 3}]  # fmt: skip


@pytest.mark.parametrize("said", STRANGE, ids=map(str, STRANGE))
def test_a_manifest_that_a_stranger_sealed_is_held_to_what_readers_take(said, tmp_path):
    path = tmp_path / "manifest-x.json"
    plain = {"study": "x", "frozen": "2026-01-31", "pixels": "p", "seeds": [0], "level": 0.95, "smallest": 1.0,
             "power": 0.8, "looks": None, "variants": {}, "contrasts": [], "metric": {}}  # fmt: skip
    path.write_text(json.dumps(plain | {"seal": seal(plain)}))
    assert manifest.read(path) is not None
    path.write_text(json.dumps(plain | said | {"seal": seal(plain | said)}))
    with pytest.raises(InputError, match=r"manifest-x\.json: is no manifest that can be read"):
        manifest.read(path)


def test_a_manifest_that_was_edited_is_refused(planned, tmp_path):
    path = tmp_path / "manifest-cumulative.json"
    manifest.write(path, planned())
    path.write_text(path.read_text().replace('"level": 0.95', '"level": 0.5'))
    with pytest.raises(InputError, match="was changed since it was frozen"):
        manifest.read(path)


def test_changed_code_cannot_go_on_as_frozen(planned, variant, tmp_path):
    before = planned()
    entries = {name: entry | {"key": "other code"} for name, entry in before.variants.items()}
    changed = replace(before, variants=entries)
    with pytest.raises(InputError, match="its network's code has changed since cumulative was frozen"):
        changed.variant("step2", variant().config, 0)
    with pytest.raises(InputError, match="the code of its network") as refused:
        refuse_changes(tmp_path / "m.json", changed, before)
    assert "plan.frozen" not in str(refused.value)


def test_the_smallest_gain_of_interest_is_the_tasks_to_say(variant):
    """One point for images; a metric in other units has none until somebody says it."""
    assert variant().config.plan.smallest == 1.0
    assert variant("plan.smallest=0.5").config.plan.smallest == 0.5
