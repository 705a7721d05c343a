import pytest

from dissect.composing.compose import compose
from dissect.composing.job import Digest, job_of
from dissect.errors import InputError
from dissect.sweep.conditions import refuse_several_settings


def job(*overrides, data="some"):
    return job_of(compose(["data.classes=10", *overrides]), Digest(data))


def test_runs_of_several_settings_in_one_folder_are_refused_by_the_keys_in_which_they_differ():
    with pytest.raises(InputError, match=r"^optimizer.lr: runs that .* 'name=digits-\$\{optimizer.lr\}'$"):
        refuse_several_settings([job("optimizer.lr=0.1"), job("optimizer.lr=0.2", "component=[dropout1]")])
    with pytest.raises(InputError, match=r"^data.train_per_class: "):
        refuse_several_settings([job("data.train_per_class=5"), job("data.train_per_class=9", data="other")])


def test_runs_that_differ_in_components_seeds_and_hardware_or_lie_apart_are_not():
    refuse_several_settings(
        [
            job("seed=0"), job("seed=1", "component=[dropout1]"), job("component=[adamw]"), job("threads=2"),
            job("name=apart", "optimizer.lr=0.1"),
        ]
    )  # fmt: skip
