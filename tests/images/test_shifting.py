import pytest
import torch
from torch.nn import functional

from dissect.images.shifting import Translation

LABELS = torch.arange(64)


def done(images, pixels=4, number=0):
    return Translation(pixels=pixels)(images, LABELS[: len(images)], torch.Generator().manual_seed(number))[0]


def test_a_moved_image_is_a_window_of_the_reflected_one():
    images = torch.randn(64, 3, 9, 7)
    padded = functional.pad(images, (4, 4, 4, 4), mode="reflect")
    places = set()
    for one, around in zip(done(images), padded, strict=True):
        windows = {(t, l): around[:, t : t + 9, l : l + 7] for t in range(9) for l in range(9)}  # noqa: E741
        [place] = [place for place, window in windows.items() if torch.equal(window, one)]
        places.add(place)
    assert {top for top, _ in places} == {left for _, left in places} == set(range(9))


def test_moved_images_are_channels_last_and_drawn_from_the_generator():
    images = torch.randn(8, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    assert done(images).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(done(images), done(images))
    assert not torch.equal(done(images), done(images, number=1))


def test_moves_that_no_image_has_room_for_are_refused():
    with pytest.raises(ValueError, match="pixels=0 must be 1 or more"):
        Translation(pixels=0)
    with pytest.raises(ValueError, match="pixels=8: images of 8x8 cannot be moved so far"):
        done(torch.zeros(2, 3, 8, 8), pixels=8)
