"""The ladders of the years since 2015: every step can be trained, and published gains stand beside the right one."""

from pathlib import Path

import pytest

from dissect.composing.compose import compose
from dissect.images.task import Images
from dissect.report.published import read_published

MODERN = Path(__file__).parents[2] / "experiments" / "modern"
SMALL = ["data=digits", "data.classes=10", "data.image_size=16", "data.train_per_class=20", "train.batch_size=20",
         "data.mirror=true", "model.width=0.25"]  # fmt: skip


def step(study, number=None):
    said = [f"+study={study}", *SMALL]
    ladder = list(compose(said, config_dirs=[MODERN]).config.ladder)
    return compose([*said, f"component=[{','.join(ladder[:number])}]"], config_dirs=[MODERN])


@pytest.mark.parametrize("study", ["modern", "bag_of_tricks", "resnet_rs"])
def test_each_component_of_a_ladder_has_its_effect_and_all_together_can_be_trained(study):
    full = step(study)
    assert full.name == f"step{len(full.config.ladder) + 1}"
    task = Images()
    task.module(full.config, task.data(full.config), seed=0)


@pytest.mark.parametrize(("study", "file"), [("modern", "published.yaml"), ("resnet_rs", "resnet_rs.yaml")])
def test_a_published_gain_is_that_of_the_step_which_adds_its_component(study, file):
    ladder = list(step(study, 0).config.ladder)
    for row in read_published(MODERN / file).gains:
        place = ladder.index(row["component"]) + 1
        assert (row["step"], row["control"]) == (f"step{place + 1}", f"step{place}")


def test_bellos_steps_sum_to_what_the_abstract_says():
    gains = {row["component"]: row["gain"] for row in read_published(MODERN / "resnet_rs.yaml").gains}
    longer, resnet_d = -0.5, 0.5  # table 1; no components here
    network = gains.pop("squeeze_excitation")
    assert 79.0 + sum(gains.values()) + longer == pytest.approx(82.2)
    assert 82.2 + network + resnet_d == pytest.approx(83.4)
