"""Principal components, against numpy's singular values."""

import numpy as np
import pytest
import torch
from torch import nn

from dissect.errors import InputError
from dissect.inspect.projection import entering, project


def test_shares_and_points_are_those_of_the_singular_value_decomposition():
    random = np.random.default_rng(0)
    features = (random.normal(size=(80, 12)) * np.arange(1, 13) + 100).astype(np.float32)
    found = project(features)
    centred = features.astype(np.float64) - features.astype(np.float64).mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    assert found.shares == pytest.approx((sizes**2 / (sizes**2).sum())[:3], rel=1e-9)
    assert np.abs(found.points) == pytest.approx(np.abs(left[:, :3] * sizes[:3]), rel=1e-6, abs=1e-8)


def test_what_enters_a_layer_is_what_the_layers_before_it_give():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 2))
    images = torch.randn(9, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = entering(network.eval(), network[4], images.split(4))
    assert found == pytest.approx(network[0](images).relu().flatten(1).detach().numpy(), abs=1e-6)
    assert not network[4]._forward_pre_hooks


def test_too_few_features_or_all_the_same_are_refused():
    with pytest.raises(InputError, match="9 images with 2 features"):
        project(np.zeros((9, 2)))
    with pytest.raises(InputError, match="the same features for every image"):
        project(np.ones((9, 4)))
