"""Filters and feature maps as pictures, and many pictures as one."""

from math import ceil, sqrt

import numpy as np


def each_scaled(pictures: np.ndarray) -> np.ndarray:
    """Each of (N, ...) from its own minimum to its own maximum, as 0 to 1; 0.5 where it is constant."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    low, high = flat.min(1, keepdims=True), flat.max(1, keepdims=True)
    span = np.where(high > low, high - low, 1)
    return np.where(high > low, (flat - low) / span, 0.5).reshape(pictures.shape)


def together_scaled(pictures: np.ndarray) -> np.ndarray:
    """All of (N, ...) by one scale: zero is 0.5, and the largest absolute value of all is 0 or 1."""
    largest = float(np.abs(pictures).max())
    return 0.5 + pictures.astype(np.float64) / (2 * largest or 1)


def enlarged(pictures: np.ndarray, least: int = 32) -> np.ndarray:
    """(N, h, w, ...) with each pixel repeated until both sides have `least` or more, so that lines between are thin."""
    times = ceil(least / min(pictures.shape[1:3]))
    return pictures.repeat(times, axis=1).repeat(times, axis=2)


def columns_for(count: int) -> int:
    """So many columns that `count` tiles fill a shape about twice as wide as high."""
    return min(count, max(8, ceil(sqrt(2 * count))))


def mosaic(pictures: np.ndarray, columns: int) -> np.ndarray:
    """(N, h, w, 3) pictures, row by row, with white lines of one pixel between them and around.

    Returns:
        (rows (h + 1) + 1, columns (w + 1) + 1, 3).
    """
    count, height, width, colours = pictures.shape
    rows = ceil(count / columns)
    sheet = np.ones((rows * (height + 1) + 1, columns * (width + 1) + 1, colours))
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + 1) + 1, number % columns * (width + 1) + 1
        sheet[top : top + height, left : left + width] = picture
    return sheet
