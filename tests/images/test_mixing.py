"""Mixed images against torchvision's own transforms, given the same draws."""

import pytest
import torch
from torchvision.transforms import v2

from dissect.images.mixing import CutMix, Mixup, drawn


def batch(count=6, side=8):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 3, side, side, generator=generator).contiguous(memory_format=torch.channels_last)
    return images, torch.arange(count) % 5


def seeded(number=3):
    return torch.Generator().manual_seed(number)


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_is_torchvisions_of_the_same_weight(alpha, monkeypatch):
    images, labels = batch()
    own = Mixup(alpha=alpha, classes=5)
    theirs = v2.MixUp(alpha=alpha, num_classes=5)
    monkeypatch.setattr(theirs, "make_params", lambda inputs: {"lam": drawn(alpha, seeded()), "labels": labels})
    expected_images, expected_targets = theirs(images, labels)
    found, targets = own(images.clone(), labels, seeded())
    torch.testing.assert_close(found, expected_images)
    torch.testing.assert_close(targets, expected_targets)


def test_cutmix_is_torchvisions_of_the_same_box():
    images, labels = batch(side=16)
    for number in range(20):
        found, targets = CutMix(alpha=1.0, classes=5)(images.clone(), labels, seeded(number))
        differing = (found != images).any(1).any(0)
        rows, columns = (differing.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if rows else (0, 0, 0, 0)
        theirs = v2.CutMix(alpha=1.0, num_classes=5)
        lam = 1 - (box[2] - box[0]) * (box[3] - box[1]) / 256
        made = {"box": box, "lam_adjusted": lam, "labels": labels}
        theirs.make_params = lambda inputs, made=made: made
        expected_images, expected_targets = theirs(images, labels)
        torch.testing.assert_close(found, expected_images)
        torch.testing.assert_close(targets, expected_targets)


def test_the_boxes_of_cutmix_have_the_area_that_is_drawn_and_centres_everywhere():
    class Half(CutMix):
        pass

    images, labels = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 1, 32, 32).contiguous(), torch.arange(2)
    pasted = torch.zeros(32, 32)
    areas = []
    for number in range(400):
        found, targets = Half(alpha=1.0, classes=2)(images.clone(), labels, seeded(number))
        pasted += found[0, 0]
        areas.append(targets[0, 1].item())
        assert found[0].mean().item() == pytest.approx(areas[-1])
    assert pasted.min() > 20  # every place is pasted somewhere
    # uncut, the mean area of Beta(1, 1) is 1/2; cut at the border, half a side is lost of each that reaches over it
    assert 0.2 < sum(areas) / len(areas) < 0.5


def test_weights_are_of_the_symmetric_beta_distribution():
    generator = seeded()
    for alpha in (0.2, 1.0):
        many = torch.tensor([drawn(alpha, generator) for _ in range(4000)])
        # mean 1/2, variance 1 / (4 (2 alpha + 1))
        assert many.mean().item() == pytest.approx(0.5, abs=0.02)
        assert many.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.06)


@pytest.mark.parametrize("kind", [Mixup, CutMix])
def test_shares_are_mixed_again_and_sum_to_one(kind):
    images, labels = batch()
    one, two = Mixup(alpha=1.0, classes=5), kind(alpha=1.0, classes=5)
    _, targets = two(*one(images, labels, seeded(1)), seeded(2))
    torch.testing.assert_close(targets.sum(1), torch.ones(6))
    assert (targets > 0).sum(1).max() > 2


@pytest.mark.parametrize("kind", [Mixup, CutMix])
def test_one_generator_gives_one_mix_and_another_another(kind):
    images, labels = batch()
    same = [kind(alpha=1.0, classes=5)(images.clone(), labels, seeded(number))[0] for number in (1, 1, 2)]
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[0], same[2])


@pytest.mark.parametrize("kind", [Mixup, CutMix])
@pytest.mark.parametrize("alpha", [0, -0.5])
def test_an_alpha_of_no_distribution_is_refused(kind, alpha):
    with pytest.raises(ValueError, match=f"alpha={alpha} must be above 0"):
        kind(alpha=alpha, classes=5)
