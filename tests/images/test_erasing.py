import pytest
import torch
from torchvision.transforms import functional

from dissect.images.erasing import Cutout, RandomErasing

LABELS = torch.arange(400)


def images(side=16):
    return torch.ones(400, 3, side, side)


def boxes(erased):
    """First row and column and sizes of what is 0, (count, 4), and whether that is a rectangle."""
    gone = (erased == 0).all(1)
    found = []
    for one in gone:
        rows, columns = one.any(1).nonzero().flatten(), one.any(0).nonzero().flatten()
        if len(rows) == 0:
            found.append((0, 0, 0, 0))
            continue
        top, left = int(rows[0]), int(columns[0])
        tall, wide = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
        assert one.sum() == tall * wide
        found.append((top, left, tall, wide))
    return torch.tensor(found)


def done(transform, side=16, number=0):
    return transform(images(side), LABELS, torch.Generator().manual_seed(number))[0]


def test_cutout_erases_a_square_whose_centre_lies_anywhere():
    found = boxes(done(Cutout(share=0.5)))
    assert found[:, 2:].max() == 8
    assert found[:, 2:].min() == 4  # a centre on the border leaves half
    inside = (found[:, 2:] == 8).all(1)
    # 9 of 16 centres keep the whole side, in each direction
    assert inside.float().mean().item() == pytest.approx((9 / 16) ** 2, abs=0.07)


def test_random_erasing_takes_its_share_of_images_and_a_rectangle_within():
    found = boxes(done(RandomErasing(chance=0.25), side=32))
    assert (found[:, 2] > 0).float().mean().item() == pytest.approx(0.25, abs=0.06)
    erased = found[found[:, 2] > 0]
    area, ratio = erased[:, 2] * erased[:, 3] / 32**2, erased[:, 2] / erased[:, 3]
    assert 0.01 < area.min() < 0.06
    assert 0.2 < area.max() < 0.36
    assert 0.25 < ratio.min() < 0.5
    assert 2 < ratio.max() < 4
    assert (erased[:, :2] + erased[:, 2:]).max() <= 32


def test_what_is_erased_is_what_torchvision_erases():
    before = torch.randn(400, 3, 16, 16)
    after = RandomErasing(chance=1.0)(before.clone(), LABELS, torch.Generator().manual_seed(1))[0]
    for one, found, (top, left, tall, wide) in zip(before, after, boxes(after).tolist(), strict=True):
        assert torch.equal(found, functional.erase(one, top, left, tall, wide, torch.zeros(1)) if tall else one)


@pytest.mark.parametrize("transform", [Cutout(share=0.25), RandomErasing(chance=0.5)])
def test_one_generator_erases_the_same_and_another_something_else(transform):
    assert torch.equal(done(transform), done(transform))
    assert not torch.equal(done(transform), done(transform, number=1))


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_square_of_no_size_or_too_large_is_refused(share):
    with pytest.raises(ValueError, match=f"share={share} must be a share of the image's side"):
        Cutout(share=share)


@pytest.mark.parametrize("wrong", [{"chance": 0}, {"area": (0.5, 0.2)}, {"ratio": 2}])
def test_shares_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="must be shares"):
        RandomErasing(**{"chance": 0.5} | wrong)
