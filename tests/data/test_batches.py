import numpy as np
import pytest
import torch

from dissect.data.batches import Pixels, TrainBatches, ViewBatches, ten_crop_views, window_side

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
