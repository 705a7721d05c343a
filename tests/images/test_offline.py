"""Second images, turned as scipy turns them."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from dissect.images.offline import ANGLES, doubled, turned

NONE = torch.tensor([0])


def by_scipy(image, angle):
    """(S, S) turned counter-clockwise about its centre, bilinear, the edge repeated outside."""
    return ndimage.rotate(image, angle, reshape=False, order=1, mode="nearest")


def whole(images, angle, flip=False):
    """`turned` without a window: (S, S, 3) to (S, S, 3)."""
    batch = torch.from_numpy(images).permute(2, 0, 1)[None].float()
    found = turned(batch, torch.tensor([angle]), NONE, NONE, torch.tensor([flip]), images.shape[0])
    return found[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("size", [14, 15])
@pytest.mark.parametrize("angle", ANGLES)
def test_an_image_is_turned_counter_clockwise_about_its_centre_as_scipy_turns_it(angle, size):
    image = np.random.default_rng(0).normal(size=(size, size, 3))
    expected = np.stack([by_scipy(channel, angle) for channel in image.transpose(2, 0, 1)], 2)
    np.testing.assert_allclose(whole(image, angle), expected, atol=1e-4)


def test_a_quarter_turn_moves_every_pixel_to_its_place():
    image = np.random.default_rng(0).normal(size=(9, 9, 3))
    np.testing.assert_allclose(whole(image, 90.0), np.rot90(image), atol=1e-4)


@pytest.mark.parametrize("size", [14, 64])
def test_an_image_that_is_not_turned_is_the_image(size):
    image = np.random.default_rng(0).normal(size=(size, size, 3))
    np.testing.assert_allclose(whole(image, 0.0), image, atol=1e-4)
    np.testing.assert_allclose(whole(image, 0.0, flip=True), image[:, ::-1], atol=1e-4)


def test_each_window_is_cut_from_its_own_turned_image_and_then_mirrored():
    images = np.random.default_rng(0).normal(size=(2, 3, 16, 16))
    found = turned(torch.from_numpy(images).float(), torch.tensor([8.0, -6.0]), torch.tensor([0, 3]),
                   torch.tensor([4, 1]), torch.tensor([False, True]), 12)  # fmt: skip
    for channel in range(3):
        first, second = by_scipy(images[0, channel], 8), by_scipy(images[1, channel], -6)
        np.testing.assert_allclose(found[0, channel], first[0:12, 4:16], atol=1e-4)
        np.testing.assert_allclose(found[1, channel], second[3:15, 1:13][:, ::-1], atol=1e-4)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_the_first_images_are_left_alone_and_each_has_one_second_image():
    both = doubled(50, mirror=True)
    assert both.image.tolist() == [*range(50), *range(50)]
    assert not both.angle[:50].any()
    assert not both.flip[:50].any()
    # Either mirrored or turned, never both and never neither.
    assert ((both.angle[50:] != 0) ^ both.flip[50:]).all()


@pytest.mark.parametrize(("mirror", "kinds"), [(True, 7), (False, 6)])
def test_all_kinds_of_second_images_are_as_frequent(mirror, kinds):
    both = doubled(70_000, mirror=mirror)
    seen, counts = torch.unique(torch.stack([both.angle, both.flip])[:, 70_000:], dim=1, return_counts=True)
    assert {*map(tuple, seen.T.tolist())} == {(angle, 0.0) for angle in ANGLES} | ({(0.0, 1.0)} if mirror else set())
    # Binomial with n = 70,000 and p = 1/7 or 1/6: five standard deviations are 463 or 493.
    assert (counts - 70_000 / kinds).abs().max() < 500


def test_second_images_are_the_same_each_time_and_for_a_part_of_the_images():
    all_, again, part = doubled(100, mirror=True), doubled(100, mirror=True), doubled(30, mirror=True)
    assert all(torch.equal(one, other) for one, other in zip(all_, again, strict=True))
    assert torch.equal(part.angle[30:], all_.angle[100:130])
