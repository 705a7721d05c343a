"""One function a figure: arrays or a tidy frame in, drawn on the given axes; nothing is computed, nothing saved.

Pictures are floats from 0 to 1 or uint8, (H, W, 3). Accuracies are fractions and shown in percent.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from dissect.inspect.every_subset import Subset
from dissect.style import GREY, INK, PERCENT, VERMILION

# seaborn's "colorblind", without the grey and the pale pink that a light ground swallows
COLOURS = [colour for place, colour in enumerate(sns.color_palette("colorblind").as_hex()) if place not in (6, 7)]
MARKERS = "os^Dv<>P"  # a class differs in shape and not only in colour
TRAINING: Any = {"ls": (0, (3, 1)), "lw": 1.4}
JUDGED: Any = {"ls": "-", "lw": 2}


def plot_sheet(sheet: np.ndarray, *, tile: tuple[int, int], columns: int, units: Sequence[int], ax: Axes) -> None:
    """A mosaic of tiles. All units: each row's first at its left, and what a column adds on top; else their numbers.

    Args:
        sheet: as `tiles.mosaic` makes it; tile: height and width of one; units: whose tiles they are.
    """
    ax.imshow(np.clip(sheet, 0, 1), interpolation="nearest")
    high, wide = tile[0] + 1, tile[1] + 1
    across = [place * wide + wide / 2 for place in range(columns)]
    firsts = range(0, len(units), columns)
    if list(units) == list(range(len(units))):
        ax.set_yticks([row * high + high / 2 for row in range(len(firsts))], list(map(str, firsts)))
        ax.set_xticks(across, [f"+{place}" for place in range(columns)])
    else:
        ax.set_yticks([])
        ax.set_xticks(across, [", ".join(str(unit) for unit in units[place::columns]) for place in range(columns)])
    ax.tick_params(length=0, labelsize=7, labelcolor=GREY, labeltop=True, labelbottom=False, pad=2)
    ax.spines[:].set_visible(False)


def plot_picture(picture: np.ndarray, *, ax: Axes, box: tuple[int, int, int, int] | None = None) -> None:
    """A picture without axes, with a box (first and last row, first and last column) around a part of it."""
    ax.imshow(np.clip(picture, 0, 1) if picture.dtype != np.uint8 else picture, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(visible=True, color=GREY, linewidth=0.5)
    if box:
        top, bottom, left, right = box
        ax.add_patch(
            Rectangle((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, fill=False, ec="white", lw=2.4)
        )
        ax.add_patch(
            Rectangle((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, fill=False, ec=VERMILION, lw=1.2)
        )


def plot_projection(points: pd.DataFrame, chosen: Sequence[str], *, x: str, y: str, ax: Axes) -> None:
    """Two components of every image: the chosen classes coloured, the others grey.

    Args:
        points: a row an image: `label` and a column a component.
    """
    others = points[~points["label"].isin(chosen)]
    if len(others):
        ax.plot(others[x], others[y], ".", ms=2.5, mew=0, color=GREY, alpha=0.35, label="others", zorder=1)
    for place, name in enumerate(chosen):
        own = points[points["label"] == name]
        look: Any = {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}
        ax.plot(own[x], own[y], ls="", ms=4, mew=0.4, mec="white", alpha=0.85, label=name, zorder=2, **look)
    ax.set(xlabel=x, ylabel=y)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.set_major_locator(MaxNLocator(5))


def plot_history(epochs: pd.DataFrame, *, ax: Axes) -> None:
    """Accuracy by epoch: a colour a variant, thin lines its seeds, thick ones their mean, training dashed.

    Args:
        epochs: `variant`, `seed`, `epoch`, `part` (training, or what was judged on), `accuracy`.
    """
    for place, (variant, ours) in enumerate(epochs.groupby("variant", sort=False)):
        colour = COLOURS[place % len(COLOURS)]
        for part in ours["part"].unique():
            look = TRAINING if part == "training" else JUDGED
            seeds = ours[ours["part"] == part].pivot_table("accuracy", "epoch", "seed")
            if seeds.shape[1] > 1:
                ax.plot(seeds.index, seeds, color=colour, lw=0.6, alpha=0.4, ls=look["ls"])
            mark = "o" if len(seeds) == 1 else None  # a line of one epoch would not show
            ax.plot(seeds.index, seeds.mean(axis=1), color=colour, marker=mark, label=f"{variant}, {part}", **look)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.yaxis.set_major_formatter(PERCENT)
    ax.set_ylim(bottom=0)
    ax.grid(axis="y", color=GREY, alpha=0.25, lw=0.6)
    ax.set(xlabel="epoch", ylabel="accuracy, %")


def plot_subsets(dots: pd.DataFrame, means: pd.DataFrame, *, best: Subset, full: Subset, ax: Axes) -> None:
    """A dot a subset against its number of members, spread sideways, with the mean line; the best and the whole marked.

    Args:
        dots: `members` (how many), `accuracy`; means: `members`, `mean`.
    """
    aside = np.random.default_rng(0).uniform(-0.28, 0.28, len(dots))  # the same picture each time
    # Rasterised, or thousands of dots would make the SVG a heavy file.
    look: Any = {"ms": 3.2, "mew": 0, "alpha": 0.35, "rasterized": True}
    ax.plot(dots["members"] + aside, dots["accuracy"], "o", color=COLOURS[0], label="one subset", **look)
    ax.plot(means["members"], means["mean"], "-", color=INK, lw=1.6, label="mean")
    for subset, marker, colour, name in ((full, "s", COLOURS[2], "all"), (best, "o", VERMILION, "best")):
        count = len(subset.members)
        label = f"{name}: {count} member{'s' if count > 1 else ''}, {100 * subset.accuracy:.2f}%"
        ax.plot(count, subset.accuracy, marker, ms=11, mfc="none", mec=colour, mew=1.8, ls="", label=label)
    ax.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    ax.yaxis.set_major_formatter(PERCENT)
    ax.grid(axis="y", color=GREY, alpha=0.25, lw=0.6)
    ax.set(xlabel="members averaged", ylabel="accuracy, %")
    ax.legend(loc="lower right", fontsize=9, frameon=False)


def plot_parts(accuracies: pd.DataFrame, *, chance: float, ax: Axes) -> None:
    """Bars grouped by the part of the data, one a model, each with its accuracy.

    Args:
        accuracies: `part`, `model`, `accuracy`, `images`; chance: the accuracy of guessing.
    """
    parts, models = accuracies["part"].unique(), accuracies["model"].unique()
    width = 0.8 / len(models)
    for place, model in enumerate(models):
        own = accuracies[accuracies["model"] == model].set_index("part")["accuracy"].reindex(parts)
        where = np.arange(len(parts)) + (place - (len(models) - 1) / 2) * width
        look: Any = {"color": COLOURS[place % len(COLOURS)], "hatch": ("", "//", "..")[place % 3], "ec": "white"}
        bars = ax.bar(where, own, 0.94 * width, label=model, lw=0, **look)
        ax.bar_label(bars, [f"{100 * value:.2f}" for value in own], padding=2, fontsize=9, color=INK)
    ax.axhline(chance, color=GREY, lw=1, ls="--", label=f"chance ({100 * chance:.3g}%)", zorder=1)
    images = accuracies.drop_duplicates("part")["images"]
    ax.set_xticks(range(len(parts)), [f"{part}\n{count:,} images" for part, count in zip(parts, images, strict=True)])
    ax.tick_params(axis="x", length=0)
    ax.yaxis.set_major_formatter(PERCENT)
    ax.set_ylim(0, min(1.08, 1.15 * max(float(accuracies["accuracy"].max()), chance)))
    ax.set_ylabel("accuracy, %")
