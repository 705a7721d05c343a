"""Offline augmentation from its config to a run's batches."""

import numpy as np
import pytest
import torch

from dissect.images.arrays import ImageSet
from dissect.images.task import batches


def image_set(count, size=16):
    images = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    labels, statistic = np.arange(count) % 10, np.full(3, 0.5, np.float32)
    return ImageSet(images, labels, images, labels, tuple("0123456789"), statistic, statistic, "digest")


@pytest.mark.parametrize("survive", [True, False])
def test_an_epoch_is_twice_as_long_and_mirrored_only_where_labels_survive_it(variant, survive):
    images, cpu = image_set(200), torch.device("cpu")
    overrides = [f"data.mirror={survive}", "train.batch_size=20", "evaluate.ten_crop=null"]
    plain, _ = batches(images, variant(*overrides).config, 0, cpu)
    training, validation = batches(images, variant("component=[offline_augmentation]", *overrides).config, 0, cpu)
    assert (len(plain), len(training), len(validation)) == (10, 20, 1)
    assert plain.doubled is None
    assert training.doubled.flip.any().item() == survive
