"""The principal components of what enters the last dense layer."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from dissect.errors import InputError


class Projection(NamedTuple):
    """Points (N, 3), and each component's share of the variance (3,)."""

    points: np.ndarray
    shares: np.ndarray


@torch.inference_mode()
def entering(network: nn.Module, layer: nn.Module, batches: Iterable[Tensor]) -> np.ndarray:
    """What enters a layer, (N, D) float32, of all images."""
    kept: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, given: kept.append(given[0].flatten(1).float().cpu()))
    try:
        for images in batches:
            network(images)
    finally:
        handle.remove()
    return torch.cat(kept).numpy()


def project(features: np.ndarray) -> Projection:
    """The first three principal components of features (N, D), centred and not scaled.

    Raises:
        InputError: for fewer than three images or features, or features that are all the same.
    """
    if min(features.shape) < 3:
        raise InputError(
            f"projection: {features.shape[0]} images with {features.shape[1]} features have no 3 components"
        )
    features = features.astype(np.float64)
    if not features.std(0).any():
        raise InputError("projection: the network gives the same features for every image; it has learned nothing")
    # By the covariance's eigenvectors: quick for 10,000 images of 2,048 features, and free of chance.
    found = PCA(n_components=3, svd_solver="covariance_eigh").fit(features)
    return Projection(found.transform(features), found.explained_variance_ratio_)
