"""Intervals for new seeds and new validation images, from predictions that were right or wrong image by image.

An interval over seeds speaks of the one validation set that all runs share. Here both are drawn at random, seeds
crossed with images: d[s, i] = gain + seed_s + image_i + residual_si, a two-way table with one value a cell.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dissect.measure.student import Array, Estimate, satterthwaite

Correct = Mapping[tuple[str, int], npt.NDArray[np.bool_]]  # (variant, seed) -> right or wrong (images,)
Asked = tuple[Mapping[str, float], list[int]]  # variant -> weight, and seeds


def crossed(differences: npt.ArrayLike) -> Estimate:
    """The mean of a table (..., seeds, images), both drawn at random, two or more of each, with its standard error.

    The mean varies by v_seeds/n + v_images/N + v_residual/(n N), which the mean squares of the two-way analysis of
    variance estimate without bias: (MS_seeds + MS_images - MS_residual) / (n N) (Cornfield & Tukey 1956, Average values
    of mean squares in factorials), never below MS_seeds / (n N), the variance of the interval over seeds alone. Degrees
    of freedom: Satterthwaite's.

    The obvious alternative, resampling seeds and images at once (Owen 2007, The pigeonhole bootstrap), counts the
    residual three times, and its percentiles cover too little at few seeds.
    """
    table = np.asarray(differences, dtype=float)
    n, images = table.shape[-2:]
    cells = n * images
    mean = table.mean(axis=(-2, -1))
    centred = table - mean[..., None, None]
    seeds, columns = centred.mean(axis=-1), centred.mean(axis=-2)
    of_seeds, of_images = images * (seeds**2).sum(axis=-1), n * (columns**2).sum(axis=-1)
    residual = np.maximum(np.einsum("...si,...si->...", centred, centred) - of_seeds - of_images, 0.0)
    df = np.array([n - 1, images - 1, (n - 1) * (images - 1)], dtype=float)
    squares = np.stack([of_seeds, of_images, residual], axis=-1) / df
    # Where images add nothing beyond the residual, both terms go, and with them their degrees of freedom.
    images_add = squares[..., 1] > squares[..., 2]
    signed = squares * np.stack([np.ones_like(images_add), images_add, -1.0 * images_add], axis=-1)
    error, freedom = satterthwaite(signed / cells, df)
    return Estimate(mean, error, freedom)


def per_image(asked: Sequence[Asked], correct: Correct) -> list[Array | None]:
    """For each pair of weights and seeds the weighted sum of right and wrong, in points: (seeds, images).

    None where the predictions of a run are missing, or no seed was asked for.
    """
    images = next((right.size for right in correct.values()), 0)
    tables = [
        np.empty((len(seeds), images)) if seeds and all((v, s) in correct for v in weights for s in seeds) else None
        for weights, seeds in asked
    ]
    # One seed at a time: (variants, images) floats, shared by all contrasts, never all runs at once.
    for seed in sorted({seed for _, seeds in asked for seed in seeds}):
        users = [(w, table[seeds.index(seed)]) for (w, seeds), table in _with(asked, tables) if seed in seeds]
        variants = list(dict.fromkeys(variant for weights, _ in users for variant in weights))
        if users:
            right = np.stack([correct[variant, seed] for variant in variants]).astype(float)
            matrix = 100 * np.array([[weights.get(variant, 0.0) for variant in variants] for weights, _ in users])
            for (_, row), values in zip(users, matrix @ right, strict=True):
                row[:] = values
    return tables


def _with(asked: Sequence[Asked], tables: Sequence[Array | None]) -> list[tuple[Asked, Array]]:
    return [(one, table) for one, table in zip(asked, tables, strict=True) if table is not None]


def check(accuracies: Mapping[tuple[str, int], float], correct: Correct) -> None:
    """Raise ValueError unless accuracies were counted from these predictions, of as many images each."""
    first = next(iter(correct), None)
    for (variant, seed), right in correct.items():
        if first is not None and right.size != correct[first].size:
            raise ValueError(
                f"runs are compared on the same images: {first[0]}, seed {first[1]}, has {correct[first].size} "
                f"predictions, {variant}, seed {seed}, has {right.size}"
            )
        accuracy = accuracies.get((variant, seed), np.nan)
        if abs(right.mean() - accuracy) * right.size > 0.5:  # half an image: rounding is allowed, another epoch is not
            raise ValueError(
                f"the predictions of {variant}, seed {seed}, are right for {right.mean():.6f} of the images, "
                f"but its accuracy is {accuracy:.6f}"
            )
