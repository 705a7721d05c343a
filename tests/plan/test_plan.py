"""What `python -m dissect.plan` says of data that are not on this machine: it fetches nothing."""

import os
import subprocess
import sys

import pytest

URL = "http://127.0.0.1:9/tiny-imagenet-200.zip"  # where nobody answers, so that an attempt is seen


@pytest.fixture
def called(tmp_path):
    def run(module, *arguments):
        return subprocess.run(
            [sys.executable, "-m", module, "data=tiny_imagenet", f"+data.source.url={URL}", *arguments],
            cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"DISSECT_CACHE": str(tmp_path / "cache")},
        )  # fmt: skip

    return run


def test_a_plan_on_images_that_would_have_to_be_fetched_counts_and_fetches_nothing(called, tmp_path):
    plan = called("dissect.plan", "+study=one_at_a_time", "plan.components=[dropout1,leaky_relu]", "seed=range(4)")
    assert plan.returncode == 0, plan.stderr
    first, second, third, *_ = plan.stdout.splitlines()
    assert first == "one_at_a_time: 3 variants x 4 seeds = 12 runs; 2 planned contrasts"
    assert second == (
        f"which of them are finished, and what the others take, is known when the data are here: {URL}: is not on this "
        "machine yet; a run fetches it, or download it by hand and name the zip: data.root=PATH/tiny-imagenet-200.zip"
    )
    assert third.startswith("The sign-flip test over 4 seeds has p of 0.12 or more")  # 2 / 2^4
    assert not list(tmp_path.rglob("*.zip*"))
    run = called("dissect", "+study=one_at_a_time", "plan.components=[dropout1]", "seed=range(4)")
    assert f"error: {URL}: cannot be downloaded" in run.stderr


def test_in_several_conditions_a_plan_without_data_counts_each(called):
    plan = called("dissect.plan", "+study=one_at_a_time", "plan.components=[dropout1]", "seed=3", "optimizer.lr=0.1,1")
    said = "one_at_a_time: 2 variants x 1 seed x 2 conditions = 4 runs; 1 planned contrast in each\n"
    assert plan.stdout.startswith(said), plan.stderr


def test_a_mistake_in_any_variant_is_told_before_data_are_fetched(called, tmp_path):
    delta = tmp_path / "own/component/idle.yaml"
    delta.parent.mkdir(parents=True)
    delta.write_text("# @package _global_\ncomponents: {idle: idle}\nmodel: {dropout1: 0.0}\n")
    said = ["--config-dir", "own", "+study=one_at_a_time", "plan.components=[leaky_relu,idle]", "seed=0"]
    for module in ("dissect", "dissect.plan"):
        done = called(module, *said)
        assert done.returncode == 1
        assert "error: component idle: " in done.stderr
        assert "cannot be downloaded" not in done.stderr
