"""Policies against torchvision's own, given the same draws."""

import pytest
import torch
from torchvision.transforms import v2

from dissect.images.policies import BINS, RandAugment, TrivialAugment, space

SIDE = 32
NAMES = ["Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast",
         "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"]  # fmt: skip


def images(count=4):
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(256, (count, 3, SIDE, SIDE), generator=generator).float() / 255
    return (0.2 + 0.5 * values).contiguous(memory_format=torch.channels_last)


def theirs(policy, name, place):
    """Torchvision's magnitude of that bin, and whether its sign is drawn."""
    magnitudes, signed = policy._AUGMENTATION_SPACE[name]
    found = magnitudes(BINS, SIDE, SIDE)
    return (0.0 if found is None else float(found[place])), signed


@pytest.mark.parametrize("number", range(14), ids=NAMES)
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("sign", [1, -1])
def test_each_change_is_torchvisions_at_every_magnitude(number, wide, sign):
    policy, change = (v2.TrivialAugmentWide() if wide else v2.RandAugment()), space(SIDE, wide=wide)[number]
    for place in (0, 7, 20, 30):
        magnitude, signed = theirs(policy, NAMES[number], place)
        assert signed == change.signed
        if not signed and sign < 0:
            continue
        expected = policy._apply_image_or_video_transform(
            images(), NAMES[number], sign * magnitude, v2.InterpolationMode.NEAREST, {torch.Tensor: None}
        )
        found = change.do(images(), torch.full((4,), sign * change.magnitudes[place].item()))
        same = (found - expected).abs().amax(1) < 1e-5
        assert same.float().mean() > 0.98  # a place between two pixels may go to either


def test_the_changes_are_drawn_evenly_and_so_is_their_sign():
    many = torch.full((2800, 3, 2, 2), 0.4)
    many[:, :, 0, 0] = 0.5
    made, _ = TrivialAugment()(many.clone(), torch.arange(2800), torch.Generator().manual_seed(1))
    # a translation of 2 pixels and more of the 32 leaves nothing: 29 of 31 of two of the fourteen
    gone = (made == 0).all(dim=(1, 2, 3)).float().mean().item()
    assert gone > 2 / 14 * 27 / 31
    brighter, darker = ((made / many).amax(dim=(1, 2, 3)) > 1.01, (made / many).amin(dim=(1, 2, 3)) < 0.99)
    assert 0.1 < brighter.float().mean() < 0.5
    assert 0.3 < darker.float().mean() < 0.8


@pytest.mark.parametrize("policy", [TrivialAugment(), RandAugment(), RandAugment(changes=3, magnitude=30)])
def test_one_generator_changes_the_same_and_another_otherwise(policy):
    labels = torch.arange(40)
    made = [policy(images(40), labels, torch.Generator().manual_seed(number))[0] for number in (1, 1, 2)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    changed = (made[0] != images(40)).any(dim=3).any(dim=2).any(dim=1)
    assert changed.float().mean() > 0.6
    assert made[0].is_contiguous(memory_format=torch.channels_last)


def test_rand_augment_changes_an_image_so_many_times():
    labels, draws = torch.arange(1), torch.Generator().manual_seed(4)
    twice, _ = RandAugment(changes=2)(images(1), labels, draws)
    draws = torch.Generator().manual_seed(4)
    once = RandAugment(changes=1)
    assert torch.equal(once(once(images(1), labels, draws)[0], labels, draws)[0], twice)


@pytest.mark.parametrize("wrong", [{"changes": 0}, {"magnitude": 31}, {"magnitude": -1}])
def test_policies_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="must be 1 or more, and from 0 to 30"):
        RandAugment(**wrong)
