import hashlib

import numpy as np
import pytest
import torch

from dissect.images.batches import Pixels, TrainBatches, ViewBatches
from dissect.images.offline import doubled, turned
from dissect.images.views import ten_crop_views, window_side

MEAN, STD = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.25, 0.2, 0.1])


def pixels(count=20, size=16):
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return Pixels(torch.from_numpy(images), torch.arange(count), mean=MEAN, std=STD)


def normalised(window):
    """By hand: (value / 255 - mean) / std, channels first."""
    return ((window.numpy() / 255 - MEAN.numpy()) / STD.numpy()).transpose(2, 0, 1)


def test_a_cut_is_each_images_own_window_mirrored_where_asked_and_normalised():
    set_ = pixels()
    index, top, left = torch.tensor([7, 3]), torch.tensor([0, 4]), torch.tensor([2, 1])
    cut = set_.cut(index, top, left, torch.tensor([False, True]), 12)
    np.testing.assert_allclose(cut[0], normalised(set_.images[7, 0:12, 2:14]), atol=1e-5)
    np.testing.assert_allclose(cut[1], normalised(set_.images[3, 4:16, 1:13].flip(1)), atol=1e-5)
    assert cut.is_contiguous(memory_format=torch.channels_last)


def test_the_pixels_have_mean_zero_and_deviation_one_under_their_own_statistics():
    images = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8))
    scaled = images.double() / 255
    set_ = Pixels(images, torch.zeros(50), mean=scaled.mean((0, 1, 2)), std=scaled.std((0, 1, 2), correction=0))
    view = set_.view(0, 50, 8, (0, 0, False)).double()
    assert view.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert view.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_an_epoch_sees_each_image_once_and_drops_what_does_not_fill_a_batch():
    batches = TrainBatches(pixels(20), batch_size=6, crop=1.0, mirror=False, seed=0)
    labels = torch.cat([labels for _, labels in batches]).tolist()
    assert len(batches) == 3
    assert len(labels) == len(set(labels)) == 18


def test_images_keep_their_labels():
    set_ = pixels(12)
    for images, labels in TrainBatches(set_, batch_size=4, crop=1.0, mirror=False, seed=3):
        for image, label in zip(images, labels, strict=True):
            np.testing.assert_allclose(image, normalised(set_.images[label]), atol=1e-5)


def test_seed_and_epoch_decide_order_windows_and_mirrors():
    def epoch(seed, number):
        batches = TrainBatches(pixels(), batch_size=5, crop=0.75, mirror=True, seed=seed)
        batches.epoch = number
        return torch.cat([images for images, _ in batches])

    assert torch.equal(epoch(0, 1), epoch(0, 1))
    assert not torch.equal(epoch(0, 1), epoch(0, 2))
    assert not torch.equal(epoch(0, 1), epoch(1, 1))


def test_variants_of_one_seed_share_the_order_whether_or_not_they_augment():
    plain = TrainBatches(pixels(), batch_size=5, crop=1.0, mirror=False, seed=4)
    augmented = TrainBatches(pixels(), batch_size=5, crop=0.75, mirror=True, seed=4)
    assert [labels.tolist() for _, labels in plain] == [labels.tolist() for _, labels in augmented]


def test_every_window_and_both_mirrors_are_drawn_image_by_image():
    # One image whose pixel (r, c) says where it is: the first batch's corner values tell each window's place.
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    image = torch.stack([rows, columns, torch.zeros(8, 8, dtype=torch.int64)], 2).to(torch.uint8)
    set_ = Pixels(image.expand(400, 8, 8, 3), torch.zeros(400), mean=torch.zeros(3), std=torch.full((3,), 1 / 255))
    images, _ = next(iter(TrainBatches(set_, batch_size=400, crop=0.75, mirror=True, seed=0)))
    tops, lefts = images[:, 0, 0, 0].round().int(), images[:, 1].amin((1, 2)).round().int()
    mirrored = images[:, 1, 0, 0] > images[:, 1, 0, -1]
    assert {*zip(tops.tolist(), lefts.tolist(), strict=True)} == {(top, left) for top in range(3) for left in range(3)}
    assert 0.4 < mirrored.float().mean() < 0.6


def test_without_mirror_no_image_is_mirrored():
    image = torch.arange(8, dtype=torch.uint8)[None, :, None].expand(8, 8, 3)
    set_ = Pixels(image.expand(50, 8, 8, 3), torch.zeros(50), mean=torch.zeros(3), std=torch.ones(3))
    images, _ = next(iter(TrainBatches(set_, batch_size=50, crop=1.0, mirror=False, seed=0)))
    assert (images[:, 0, 0, 0] < images[:, 0, 0, -1]).all()


def test_evaluation_keeps_the_order_and_every_image_and_cuts_the_centre():
    set_ = pixels(7)
    batches = ViewBatches(set_, batch_size=3, crop=0.75)
    images = torch.cat([images for images, _ in batches])
    assert len(batches) == 3
    assert torch.cat([labels for _, labels in batches]).tolist() == list(range(7))
    np.testing.assert_allclose(images[6], normalised(set_.images[6, 2:14, 2:14]), atol=1e-5)


def test_the_first_images_keep_their_labels_and_statistics():
    set_ = pixels(20)
    part = set_.first(5)
    assert (len(part), len(set_)) == (5, 20)
    assert part.labels.tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(part.view(0, 5, 12, (0, 0, False)), set_.view(0, 5, 12, (0, 0, False)))
    assert len(set_.first(99)) == 20


def test_ten_crop_is_the_centre_the_corners_and_their_mirrors():
    views = ten_crop_views(4, mirror=True)
    assert len(views) == len(set(views)) == 10
    assert {(top, left) for top, left, _ in views} == {(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)}
    assert len(ten_crop_views(4, mirror=False)) == 5

    set_ = pixels(1)
    corner = set_.view(0, 1, 12, (4, 0, True))
    np.testing.assert_allclose(corner[0], normalised(set_.images[0, 4:16, 0:12].flip(1)), atol=1e-5)


def test_windows_that_are_the_same_count_once():
    # 15 of 16 pixels: the centre, rounded down, is the first corner
    assert ten_crop_views(1, mirror=False) == [(0, 0, False), (0, 1, False), (1, 0, False), (1, 1, False)]
    assert ten_crop_views(0, mirror=True) == [(0, 0, False), (0, 0, True)]


def test_the_window_is_60_of_64():
    assert [window_side(size, 0.9375) for size in (64, 32, 16)] == [60, 30, 15]


def second(set_, number):
    """The second image of `number` as a batch of the whole, made alone."""
    both = doubled(len(set_), mirror=True)
    angle, flip = both.angle[len(set_) + number, None], both.flip[len(set_) + number, None]
    place = torch.tensor([0])
    return turned(set_.whole(torch.tensor([number])), angle, place, place, flip, set_.size)[0]


def test_with_offline_augmentation_an_epoch_has_each_image_and_its_second_one():
    set_ = pixels(10)
    batches = TrainBatches(set_, batch_size=5, crop=1.0, mirror=False, seed=0, doubled=doubled(10, mirror=True))
    seen = [(image, int(label)) for images, labels in batches for image, label in zip(images, labels, strict=True)]
    assert len(batches) == 4
    assert sorted(label for _, label in seen) == sorted([*range(10)] * 2)
    for number in range(10):
        first = torch.from_numpy(normalised(set_.images[number])).float()
        one, other = (image for image, label in seen if label == number)
        if (one - first).abs().max() > 1e-3:
            one, other = other, one
        torch.testing.assert_close(one, first, atol=1e-3, rtol=0)
        torch.testing.assert_close(other, second(set_, number), atol=1e-3, rtol=0)


def test_second_images_are_the_same_in_every_epoch_and_for_every_seed():
    def epoch(seed, number):
        batches = TrainBatches(pixels(10), batch_size=20, crop=1.0, mirror=False, seed=seed,
                               doubled=doubled(10, mirror=True))  # fmt: skip
        batches.epoch = number
        images, labels = next(iter(batches))
        return {
            (int(label), round(image.double().sum().item(), 2)) for image, label in zip(images, labels, strict=True)
        }

    assert len(epoch(0, 0)) > 10
    assert epoch(0, 0) == epoch(0, 1) == epoch(1, 0)


def test_windows_and_mirrors_of_second_images_are_drawn_as_those_of_the_first():
    # Not turned, so that each window can be found in its image.
    set_, both = pixels(30), doubled(30, mirror=True)._replace(angle=torch.zeros(60))
    images, labels = next(iter(TrainBatches(set_, batch_size=60, crop=0.75, mirror=True, seed=0, doubled=both)))
    places = set()
    for image, label in zip(images, labels, strict=True):
        ways = {
            (top, left, flip): set_.view(label, label + 1, 12, (top, left, flip))[0]
            for top in range(5) for left in range(5) for flip in (False, True)
        }  # fmt: skip
        places.add(min(ways, key=lambda way: (ways[way] - image).abs().max().item()))
        assert min((window - image).abs().max() for window in ways.values()) < 1e-3
    assert len(places) > 25


@pytest.mark.parametrize("both", [None, doubled(20, mirror=True)])
@pytest.mark.parametrize("parts", [2, 3])
def test_the_parts_of_each_batch_are_together_the_batch_that_one_process_has(parts, both):
    def epoch(part):
        batches = TrainBatches(
            pixels(), batch_size=6, crop=0.75, mirror=True, seed=0, doubled=both, part=part
        )  # fmt: skip
        batches.epoch = 1
        return list(batches)

    whole = epoch((0, 1))
    shared = [epoch((which, parts)) for which in range(parts)]
    assert {len(own) for own in shared} == {len(whole)}
    for number, (images, labels) in enumerate(whole):
        assert {len(own[number][1]) for own in shared} == {6 // parts}
        assert torch.equal(torch.cat([own[number][0] for own in shared]), images)
        assert torch.equal(torch.cat([own[number][1] for own in shared]), labels)


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_parts_for_evaluation_are_all_images_once_in_order(parts):
    shared = [ViewBatches(pixels(20), batch_size=4, crop=0.75, part=(which, parts)) for which in range(parts)]
    seen = [[labels for _, labels in own] for own in shared]
    assert [len(own) for own in shared] == [len(labels) for labels in seen]
    assert torch.cat([labels for own in seen for labels in own]).tolist() == list(range(20))
    sizes = [sum(map(len, own)) for own in seen]
    assert max(sizes) - min(sizes) <= 1


def test_what_is_not_doubled_has_the_bits_that_it_had():
    # The digest of two epochs made before there was any offline augmentation.
    batches = TrainBatches(pixels(), batch_size=5, crop=0.75, mirror=True, seed=0)
    digest = hashlib.blake2b(digest_size=8)
    for batches.epoch in range(2):
        for images, labels in batches:
            digest.update(images.contiguous().numpy().tobytes() + labels.numpy().tobytes())
    assert digest.hexdigest() == "2a49fd8e306d188e"
