"""A metric's words and directions, and what bad descriptions of one get."""

import pytest
from omegaconf import OmegaConf

from dissect.errors import InputError
from dissect.measure.metric import Metric

ACCURACY = {
    "name": "accuracy", "label": "accuracy", "unit": "points", "better": "higher", "times": 100,
    "others": {"loss": {"label": "loss", "unit": "nats", "better": "lower", "times": 1}},
}  # fmt: skip
LOSS = {"name": "val/loss", "label": "loss", "unit": "nats", "better": "lower"}


def test_a_level_and_a_gain_are_written_in_the_metrics_unit():
    accuracy, loss = Metric.from_config(ACCURACY), Metric.from_config(LOSS)
    assert [accuracy.level(0.449), accuracy.level(0.449, 1), accuracy.gain(4.42)] == ["44.90%", "44.9%", "+4.4 points"]
    assert [loss.level(1.23449), loss.level(53.2149), loss.gain(-0.1234, 2)] == ["1.234 nats", "53.21 nats",
                                                                                "−0.12 nats"]  # fmt: skip
    assert [loss.level(float("nan")), loss.gain(float("nan"))] == ["–", "–"]
    assert [loss.gain(-0.001, 2), accuracy.level(0.0)] == ["+0.00 nats", "0.00%"]  # no minus before nothing


def test_a_metric_without_unit_is_written_as_a_number():
    r2 = Metric.from_config({"name": "r2", "better": "higher"})
    assert [r2.label, r2.level(0.5123), r2.gain(0.12, 2), r2.axis, r2.gain_axis] == ["r2", "0.5123", "+0.12", "r2",
                                                                                   "gain"]  # fmt: skip


def test_axes_say_the_unit_and_where_lower_is_better():
    accuracy, loss = Metric.from_config(ACCURACY), Metric.from_config(LOSS)
    assert [accuracy.axis, accuracy.gain_axis] == ["accuracy, %", "gain, percentage points"]
    assert loss.axis == "loss, nats (lower is better)"
    assert loss.gain_axis == "gain in loss, nats (lower is better)"


def test_the_sign_turns_a_gain_into_a_help():
    assert [Metric.from_config(ACCURACY).sign, Metric.from_config(LOSS).sign] == [1, -1]


def test_decimals_follow_the_size_of_gains_but_for_points():
    loss = Metric.from_config(LOSS)
    assert Metric.from_config(ACCURACY).digits([0.001]) == 1
    assert [loss.digits([12.0]), loss.digits([3.4]), loss.digits([-0.12, 0.3, float("nan"), 0.0]), loss.digits([])] == [
        0, 1, 2, 2]  # fmt: skip


def test_a_config_and_what_a_result_keeps_of_it_are_the_same_metric():
    metric = Metric.from_config(OmegaConf.create(ACCURACY))
    assert metric == Metric.from_config(metric._asdict()) == Metric.from_config(ACCURACY)


def test_another_metric_is_described_in_others_or_told_which_way_is_better():
    accuracy = Metric.from_config(ACCURACY)
    loss = accuracy.other("loss")
    assert loss[:5] == ("loss", "loss", "nats", "lower", 1.0)
    assert loss.other("accuracy")[:5] == accuracy[:5]
    assert accuracy.other("accuracy") == accuracy
    assert accuracy.other("rank", "lower")[:5] == ("rank", "rank", "", "lower", 1.0)
    assert accuracy.other("loss", "higher").better == "higher"
    with pytest.raises(InputError, match=r"metric=rank: .* give better=higher or better=lower"):
        accuracy.other("rank")
    with pytest.raises(InputError, match=r"^better=sideways: must be higher or lower"):
        accuracy.other("rank", "sideways")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"better": "sideways"}, r"metric\.better=sideways: must be higher or lower"),
        ({"better": None}, r"metric\.better=null: must be higher or lower"),
        ({"times": 0}, r"metric\.times=0: must be a number above 0"),
        ({"times": -1}, r"metric\.times=-1: must be a number above 0"),
        ({"times": "many"}, r"metric\.times=many: must be a number above 0"),
        ({"name": ""}, r"metric\.name='': must be a name"),
        ({"name": None}, r"metric\.name=null: must be a name"),
        ({"units": "nats"}, r"metric\.units=nats: no such key; a metric has label, unit, better, times"),
        ({"others": {"loss": {"better": "down"}}}, r"metric\.others\.loss\.better=down: must be higher or lower"),
        ({"others": ["loss"]}, r"metric\.others=\['loss'\]: must map names"),
    ],
)
def test_a_bad_description_is_refused_with_key_value_and_mend(said, message):
    with pytest.raises(InputError, match=message):
        Metric.from_config({**LOSS, **said})


def test_a_metric_says_that_it_was_held_out_unless_its_label_does():
    named = [Metric.from_config({**LOSS, "label": label}).held_out for label in ("loss", "val/loss", "training loss")]
    assert named == ["validation loss", "val/loss", "training loss"]


def test_the_primary_metric_is_not_among_the_others_though_a_task_may_list_it_there():
    said = {"name": "loss", "better": "lower", "others": {"loss": {"better": "lower"}, "top5": {"better": "higher"}}}
    assert [*Metric.from_config(said).others] == ["top5"]
