import hashlib

import numpy as np
import pytest
import torch

from dissect.errors import InputError
from dissect.images.augmentation import Augmentation, Crop, Mirror, Offline
from dissect.images.batches import Pixels, TrainBatches


class Blend:
    """An example: each image is blended with another of its batch, and so are their labels."""

    def __init__(self, *, classes):
        self.classes = classes

    def __call__(self, images, targets, generator):
        partner = torch.randperm(len(images), generator=generator).to(images.device)
        share = torch.rand(len(images), generator=generator).to(images.device)
        if targets.ndim == 1:
            targets = torch.nn.functional.one_hot(targets, self.classes).float()
        mixed = images * share[:, None, None, None] + images[partner] * (1 - share)[:, None, None, None]
        return mixed, targets * share[:, None] + targets[partner] * (1 - share)[:, None]


class Brighter:
    def __call__(self, images, targets, generator):
        return images + torch.rand(len(images), generator=generator)[:, None, None, None], targets


def pixels():
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.25, 0.2, 0.1])
    return Pixels(torch.from_numpy(images), torch.arange(20), mean=mean, std=std)


def batches(named, **options):
    made = Augmentation.of(named)
    return TrainBatches(
        pixels(), crop=made.crop, mirror=made.mirror, alternating=made.alternating, doubled=made.doubled(20),
        transforms=made.transforms,
        **{"batch_size": 6, "seed": 3} | options,
    )  # fmt: skip


def epoch(number, named, **options):
    found = batches(named, **options)
    found.epoch = number
    return list(found)


def equal(ours, theirs):
    return all(torch.equal(a, b) for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other))  # noqa: B905


# Digests of two epochs, made by the code before transforms had names.
@pytest.mark.parametrize(
    ("share", "mirror", "digest"),
    [(1.0, False, "4a9cd3b696502c5f"), (1.0, True, "807c0560911d52f4"), (0.75, False, "8f13321a4d07606d"),
     (0.75, True, "2aee5a88c8e16545")],
)  # fmt: skip
def test_crop_and_mirror_cut_the_windows_that_they_always_cut(share, mirror, digest):
    found = batches({"crop": Crop(share), "mirror": Mirror(mirror), "offline": None})
    seen = hashlib.blake2b(digest_size=8)
    for found.epoch in range(2):
        for images, labels in found:
            seen.update(images.contiguous().numpy().tobytes() + labels.numpy().tobytes())
    assert seen.hexdigest() == digest


def test_nothing_and_all_off_are_the_whole_images_once():
    assert equal(epoch(0, {}), epoch(0, {"crop": None, "mirror": Mirror(active=False), "offline": None}))
    assert len(epoch(0, {})) == 3
    assert len(epoch(0, {"offline": Offline()})) == 6
    assert not Augmentation.of({"offline": Offline(mirror=False)}).doubled(200).flip.any()
    assert Augmentation.of({"offline": Offline(mirror=True)}).doubled(200).flip.any()


def shown(number, named):
    """Each image of an epoch by its label, in one batch of all."""
    [(images, labels)] = epoch(number, named, batch_size=20)
    return images[labels.argsort()]


def test_an_alternating_mirror_shows_all_images_both_ways_in_two_epochs():
    plain, both = shown(0, {}), {"mirror": Mirror(alternating=True)}
    first, second, third = (shown(number, both) for number in range(3))
    assert torch.equal(first, shown(0, {"mirror": Mirror()}))
    assert torch.equal(second, first.flip(3))
    assert torch.equal(third, first)
    assert 0 < (first != plain).any(3).any(2).any(1).sum() < 20
    assert torch.equal(shown(1, {"mirror": Mirror(active=False, alternating=True)}), plain)


class Lighter:
    on_pixels = True

    def __call__(self, images, targets, generator):
        assert images.min() >= -1e-6
        assert images.max() <= 1 + 1e-6
        return images + 0.25, targets


def test_a_transform_on_pixels_is_given_values_from_0_to_1_and_what_leaves_them_is_cut_off():
    made = batches({})
    [(plain, _), *_], [(lighter, _), *_] = epoch(0, {}), epoch(0, {"lighter": Lighter()})
    values = made.pixels.values(plain)
    torch.testing.assert_close(values * 255, (values * 255).round(), atol=1e-3, rtol=0)  # the bytes
    torch.testing.assert_close(made.pixels.again(values), plain, atol=1e-5, rtol=0)
    torch.testing.assert_close(made.pixels.values(lighter), (values + 0.25).clamp(max=1), atol=1e-5, rtol=0)
    assert lighter.is_contiguous(memory_format=torch.channels_last)
    Augmentation.of({"lighter": Lighter()}).check(side=8, classes=7, mirror=True)


def test_a_transform_sees_the_batches_that_are_cut_without_it():
    seen = []

    def look(images, targets, generator):
        seen.append((images, targets))
        return images, targets

    cut = {"crop": Crop(0.75), "mirror": Mirror(), "offline": Offline()}
    after = epoch(1, {**cut, "look": look})
    assert equal(seen, epoch(1, cut))
    assert equal(after, seen)
    assert seen[0][0].is_contiguous(memory_format=torch.channels_last)


def test_transforms_are_done_in_their_order():
    def double(images, targets, generator):
        return images * 2, targets

    def more(images, targets, generator):
        return images + 1, targets

    plain = epoch(0, {})
    assert torch.equal(epoch(0, {"a": double, "b": more})[0][0], plain[0][0] * 2 + 1)
    assert torch.equal(epoch(0, {"b": more, "a": double})[0][0], (plain[0][0] + 1) * 2)


def test_a_transforms_draws_are_its_own_in_each_epoch_and_no_other_transform_changes_them():
    bright, both = {"bright": Brighter()}, {"crop": Crop(1.0), "blend": Blend(classes=20), "bright": Brighter()}
    assert equal(epoch(1, bright), epoch(1, bright))
    assert not equal(epoch(0, bright, batch_size=20), epoch(1, bright, batch_size=20))

    def shift(named, before):
        return (epoch(1, named)[0][0] - epoch(1, before)[0][0])[:, 0, 0, 0]

    without = {name: both[name] for name in ("crop", "blend")}
    torch.testing.assert_close(shift(bright, {}), shift(both, without), atol=1e-5, rtol=0)
    assert not torch.allclose(shift(bright, {}), shift({"other": Brighter()}, {}))


@pytest.mark.parametrize("parts", [2, 3])
def test_processes_that_share_a_batch_mix_it_as_one_alone_does(parts):
    named = {"crop": Crop(0.75), "blend": Blend(classes=20)}
    alone = epoch(1, named)
    shared = [epoch(1, named, part=(which, parts)) for which in range(parts)]
    together = [tuple(map(torch.cat, zip(*own, strict=True))) for own in zip(*shared, strict=True)]
    assert equal(together, alone)
    assert {len(images) for images, _ in shared[0]} == {6 // parts}


def test_the_targets_that_a_loss_will_be_given_are_those_that_the_transforms_make():
    hard = Augmentation.of({"crop": Crop(0.5), "bright": Brighter()}).check(side=8, classes=7, mirror=True)
    assert hard.tolist() == [0, 1, 2, 3]
    soft = Augmentation.of({"blend": Blend(classes=7)}).check(side=8, classes=7, mirror=True)
    assert soft.shape == (4, 7)
    torch.testing.assert_close(soft.sum(1), torch.ones(4))


def smaller(images, targets, generator):
    return images[..., 1:], targets


def coarser(images, targets, generator):
    return images.half(), targets


def unseeded(images, targets, generator):
    return images + torch.rand(1), targets


def wrong_targets(images, targets, generator):
    return images, targets[:, None]


def two_arguments(images, targets):
    return images, targets


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (smaller, r"augmentation.mine=function: makes .* images of shape \(4, 3, 8, 7\) of .* shape \(4, 3, 8, 8\)"),
        (coarser, r"augmentation.mine=function: makes torch.float16 images .* of torch.float32 ones"),
        (unseeded, r"augmentation.mine=function: draws numbers without the generator"),
        (wrong_targets, r"augmentation.mine=function: makes torch.int64 targets of shape \(4, 1\); they must be"),
        (two_arguments, r"augmentation.mine=function: fails on images of shape \(4, 3, 8, 8\).*TypeError"),
        (Blend(classes=5), r"augmentation.mine=Blend: makes torch.float32 targets of shape \(4, 5\)"),
    ],
)
def test_a_transform_that_could_not_be_trained_with_is_refused(transform, message):
    with pytest.raises(InputError, match=message):
        Augmentation.of({"mine": transform}).check(side=8, classes=7, mirror=True)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"crop": Crop(0.5), "mine": Crop(0.9)}, "augmentation.mine: is a second Crop, beside augmentation.crop"),
        ({"mine": 3}, "augmentation.mine: is 3, which cannot be called on images"),
    ],
)
def test_what_is_no_transform_or_one_too_many_is_refused(named, message):
    with pytest.raises(InputError, match=message):
        Augmentation.of(named)


@pytest.mark.parametrize(
    ("named", "key"),
    [({"mirror": Mirror()}, "mirror.active"), ({"offline": Offline()}, "offline.mirror")],
)
def test_a_mirror_that_labels_do_not_survive_is_refused(named, key):
    Augmentation.of(named).check(side=8, classes=7, mirror=True)
    with pytest.raises(InputError, match=f"augmentation.{key}=true: these labels do not survive a mirror"):
        Augmentation.of(named).check(side=8, classes=7, mirror=False)


@pytest.mark.parametrize("share", [0, 1.5, -1])
def test_a_window_larger_than_the_image_is_refused(share):
    with pytest.raises(ValueError, match=f"share={share} must be a share of the image's side"):
        Crop(share)
