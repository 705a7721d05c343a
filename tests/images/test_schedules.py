import pytest
import torch
from torch.optim.lr_scheduler import MultiStepLR, OneCycleLR

from dissect.images.schedules import at, constant, cosine, linear, one_cycle, steps

ALL = [cosine, constant, linear, one_cycle]


def test_cosine_rises_over_the_warmup_and_falls_to_zero():
    assert cosine(0.05, warmup=0.1) == pytest.approx(0.5)
    assert cosine(0.1, warmup=0.1) == pytest.approx(1.0)
    assert cosine(0.55, warmup=0.1) == pytest.approx(0.5)  # half of what is left: cos(pi / 2) = 0
    assert cosine(1.0, warmup=0.1) == pytest.approx(0.0, abs=1e-12)
    assert cosine(0.0) == constant(0.7) == 1.0


def test_linear_falls_in_a_line_and_constant_stays_after_the_same_warmup():
    # by hand: 0.3 is 3/4 of the warm-up, 0.7 the middle of what is left
    assert [linear(done, warmup=0.4) for done in (0.3, 0.4, 0.7, 1.0)] == pytest.approx([0.75, 1, 0.5, 0])
    assert [constant(done, warmup=0.4) for done in (0.3, 0.4, 0.7, 1.0)] == pytest.approx([0.75, 1, 1, 1])


def test_a_step_takes_the_factor_of_its_own_middle():
    assert [at(step, 5) for step in range(5)] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    # by hand, ten steps of which four warm up: 1/8, 3/8, 5/8, 7/8, then a line through the middles of six
    factors = [linear(at(step, 10), warmup=0.4) for step in range(10)]
    assert factors == pytest.approx([1 / 8, 3 / 8, 5 / 8, 7 / 8, 11 / 12, 9 / 12, 7 / 12, 5 / 12, 3 / 12, 1 / 12])


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.37])
@pytest.mark.parametrize("schedule", ALL)
@pytest.mark.parametrize("steps", [1, 2, 7, 300])
def test_every_step_trains_the_first_and_the_last_too_and_none_above_the_peak(schedule, warmup, steps):
    assert all(0 < schedule(at(step, steps), warmup=warmup) <= 1 for step in range(steps))


@pytest.mark.parametrize("schedule", ALL)
def test_the_peak_is_reached_where_the_warmup_ends(schedule):
    factors = [schedule(at(step, 300), warmup=0.1) for step in range(300)]
    # half a step before the end of the 30, or after it: 1 - 1/60
    assert factors.index(max(factors)) in (29, 30)
    assert max(factors) >= 1 - 1 / 60


def test_steps_are_torchs_multi_step_rates():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    theirs = MultiStepLR(optimizer, [30, 60, 80], gamma=0.1)
    for epoch in range(90):
        ours = steps((epoch + 0.5) / 90, at=[30 / 90, 60 / 90, 80 / 90])
        assert ours == pytest.approx(theirs.get_last_lr()[0], rel=1e-6)
        optimizer.step()
        theirs.step()
    assert steps(0.05, at=[0.5], warmup=0.1) == pytest.approx(0.5)
    for wrong in ({"at": [1.5]}, {"at": [0.5], "factor": 2.0}):
        with pytest.raises(ValueError, match="must be from 0 to 1"):
            steps(0.5, **wrong)


def test_one_cycle_is_torchs_own():
    steps, up, peak = 50, 0.3, 0.7
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    theirs = OneCycleLR(optimizer, peak, total_steps=steps, pct_start=up, cycle_momentum=False)
    for step in range(steps):
        # torch's first phase ends a step before `up`, its second with the last step
        ours = peak * one_cycle(step / (steps - 1), warmup=(up * steps - 1) / (steps - 1))
        assert ours == pytest.approx(theirs.get_last_lr()[0], rel=1e-6)
        optimizer.step()
        if step < steps - 1:
            theirs.step()


@pytest.mark.parametrize("schedule", ALL)
@pytest.mark.parametrize("warmup", [1, -0.1])
def test_a_warmup_that_leaves_nothing_is_refused(schedule, warmup):
    with pytest.raises(ValueError, match=f"warmup={warmup} must be a share of all steps"):
        schedule(0.5, warmup=warmup)


def test_a_factor_above_the_peak_is_refused():
    with pytest.raises(ValueError, match="final=2 must be a factor of the peak"):
        one_cycle(0.5, final=2)
