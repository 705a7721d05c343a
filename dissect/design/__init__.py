"""Designs: rules that turn components into the variants to train, and into the contrasts to read off them."""

from dissect.design.attribution import attributions, conditional
from dissect.design.components import Component, Variant
from dissect.design.contrast import Contrast, Design, Weights
from dissect.design.levels import as_levels, levels_of
from dissect.design.orders import shapley
from dissect.design.rules import cumulative, factorial, fractional, leave_one_out, one_at_a_time, pairs, resolution
from dissect.design.titles import titles

__all__ = [
    "Component",
    "Contrast",
    "Design",
    "Variant",
    "Weights",
    "as_levels",
    "attributions",
    "conditional",
    "cumulative",
    "factorial",
    "fractional",
    "leave_one_out",
    "levels_of",
    "one_at_a_time",
    "pairs",
    "resolution",
    "shapley",
    "titles",
]
