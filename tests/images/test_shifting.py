import pytest
import torch
from torch.nn import functional
from torchvision.transforms.v2.functional import resized_crop

from dissect.images.shifting import ResizedCrop, Translation, boxes

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


def resized(images, number=0, **options):
    return ResizedCrop(**options)(images, LABELS[: len(images)], torch.Generator().manual_seed(number))[0]


def test_a_resized_crop_is_torchvisions_of_the_same_box():
    images = torch.randn(16, 3, 12, 12).contiguous(memory_format=torch.channels_last)
    first, sizes = boxes(16, [12, 12], (0.08, 1.0), 0.75, torch.Generator().manual_seed(0))
    drawn = [*first, *sizes]
    expected = [
        resized_crop(one, *box, [12, 12]) for one, *box in zip(images, *(d.tolist() for d in drawn), strict=True)
    ]
    torch.testing.assert_close(resized(images), torch.stack(expected))
    assert resized(images).is_contiguous(memory_format=torch.channels_last)
    assert not torch.equal(resized(images), resized(images, number=1))
    torch.testing.assert_close(resized(images, area=(1.0, 1.0), ratio=1.0), images)


def test_boxes_have_the_areas_and_shapes_asked_for_and_lie_anywhere_within():
    first, sizes = boxes(4000, [64, 64], (0.08, 1.0), 0.75, torch.Generator().manual_seed(0))
    area, ratio = sizes[0] * sizes[1] / 64**2, sizes[0] / sizes[1]
    assert 0.07 < area.min() < 0.09
    assert area.max() > 0.97
    assert ((ratio > 0.7) & (ratio < 1.43)).all()
    assert (first.amin(), (first + sizes).amax()) == (0, 64)
    # evenly drawn, less those that do not fit: below the mean of 0.54
    assert 0.45 < area.mean() < 0.54
    assert abs((first + sizes / 2).mean() - 32) < 0.5


@pytest.mark.parametrize("wrong", [{"area": (0, 1)}, {"area": (0.5, 0.2)}, {"ratio": 1.5}])
def test_boxes_of_no_area_are_refused(wrong):
    with pytest.raises(ValueError, match="must be shares above 0"):
        ResizedCrop(**wrong)
