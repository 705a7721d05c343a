"""Colours against torchvision's own functions, image by image."""

import pytest
import torch
from torchvision.transforms.v2 import functional

from dissect.images import colours
from dissect.images.colours import ColourJitter

IMAGES = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(0))
FACTORS = torch.tensor([0.0, 0.3, 0.9, 1.0, 1.4, 2.0])


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "sharpness"])
def test_each_image_has_a_factor_of_its_own_and_is_as_torchvision_makes_it(name):
    theirs = getattr(functional, f"adjust_{name}")
    expected = torch.stack([theirs(one, by) for one, by in zip(IMAGES, FACTORS.tolist(), strict=True)])
    torch.testing.assert_close(getattr(colours, name)(IMAGES.clone(), FACTORS), expected)


def jittered(images, number=0, **options):
    return ColourJitter(**options)(images.clone(), torch.arange(len(images)), torch.Generator().manual_seed(number))[0]


def test_one_generator_jitters_the_same_and_another_otherwise():
    assert torch.equal(jittered(IMAGES), jittered(IMAGES))
    assert not torch.equal(jittered(IMAGES), jittered(IMAGES, number=1))
    assert torch.equal(jittered(IMAGES, brightness=0, contrast=0, saturation=0), IMAGES)


def test_brightness_is_drawn_evenly_between_its_ends():
    grey = torch.full((2000, 3, 2, 2), 0.5)
    factors = jittered(grey, brightness=0.4, contrast=0, saturation=0)[:, 0, 0, 0] / 0.5
    assert (factors.min().item(), factors.max().item()) == pytest.approx((0.6, 1.4), abs=0.01)
    assert factors.std().item() == pytest.approx(0.8 / 12**0.5, rel=0.05)


def test_the_three_come_in_every_order():
    # white noise in one channel: a contrast before a cut-off brightness is not one after it
    found = {tuple(jittered(IMAGES[:1], number=n, brightness=1, contrast=1, saturation=1).flatten().tolist())
             for n in range(5)}  # fmt: skip
    assert len(found) == 5
    orders = {tuple(torch.randperm(3, generator=torch.Generator().manual_seed(n)).tolist()) for n in range(60)}
    assert len(orders) == 6


@pytest.mark.parametrize("wrong", [-0.1, 1.5])
def test_a_range_that_would_turn_colours_round_is_refused(wrong):
    with pytest.raises(ValueError, match=f"contrast={wrong} must be from 0 to 1"):
        ColourJitter(contrast=wrong)
