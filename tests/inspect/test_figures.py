"""What the figures show, read back from their artists."""

import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest

from dissect.inspect import drawing
from dissect.inspect.page import turnable
from dissect.inspect.strongest import Excited
from dissect.style import drawn


def test_bars_are_grouped_by_part_and_their_heights_are_the_accuracies():
    rows = [("training", "ensemble", 0.9, 50), ("training", "single", 0.8, 50)]
    rows += [("validation", "ensemble", 0.5, 20), ("validation", "single", 0.45, 20)]
    ax = drawing.draw_parts(pd.DataFrame(rows, columns=["part", "model", "accuracy", "images"]), chance=0.1).axes[0]
    assert [bar.get_height() for bar in ax.patches] == [0.9, 0.5, 0.8, 0.45]  # one model after the other
    assert [round(bar.get_x() + bar.get_width() / 2) for bar in ax.patches] == [0, 1, 0, 1]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["training\n50 images", "validation\n20 images"]
    assert ax.get_ylim()[0] == 0
    assert len({bar.get_hatch() for bar in ax.patches}) == 2  # not in colour alone


def test_history_has_a_mean_line_a_variant_and_part_and_a_thin_one_a_seed():
    rows = [("step1", seed, epoch, part, 0.1 * epoch + 0.2 * seed) for seed in (0, 1) for epoch in (1, 2)
            for part in ("training", "validation")]  # fmt: skip
    rows += [("step7", 0, epoch, "validation", 0.3) for epoch in (1, 2)]
    ax = drawing.draw_history(pd.DataFrame(rows, columns=["variant", "seed", "epoch", "part", "accuracy"])).axes[0]
    named = {str(line.get_label()): line for line in ax.lines if not str(line.get_label()).startswith("_")}
    assert set(named) == {"step1, training", "step1, validation", "step7, validation"}
    assert named["step1, training"].get_ydata() == pytest.approx([0.2, 0.3])
    assert len(ax.lines) == 3 + 4
    assert named["step1, training"].get_linestyle() != named["step1, validation"].get_linestyle()


def test_the_strongest_images_stand_with_their_labels_in_order():
    views = {"gradient": np.zeros((2, 2, 3)), "guided": np.ones((2, 2, 3)), "deconvolution": np.full((2, 2, 3), 0.5)}
    windows = np.arange(4 * 6 * 6 * 3, dtype=np.uint8).reshape(4, 6, 6, 3)
    units = {5: [Excited(2, 9.0, (1, 2, 3, 4), views), Excited(0, 8.0, (0, 5, 0, 5), views)]}
    figure = drawing.draw_top("conv1", units, windows, ["a", "b", "c", "d"], ["a", "b", "a", "d"])
    axes = figure.subfigs[0].axes
    assert [ax.get_title() for ax in axes[:2]] == ["c\n✗ a", "a ✓"]
    assert (axes[0].images[0].get_array() == windows[2]).all()
    assert [len(ax.patches) for ax in axes[:2]] == [2, 0]  # no box where the unit sees everything
    assert axes[0].patches[0].get_bbox().bounds == (2.5, 0.5, 2, 2)
    assert [(ax.get_ylabel(), float(ax.images[0].get_array().mean())) for ax in axes[2::2]] == [
        ("gradient", 0), ("guided", 1), ("deconv", 0.5)]  # fmt: skip


def test_chosen_maps_carry_their_own_numbers():
    maps, window = np.random.default_rng(0).normal(size=(9, 4, 4)), np.zeros((8, 8, 3), np.uint8)
    everything = drawing.draw_maps(window, maps, range(9), title="x").axes[1]
    assert [label.get_text() for label in everything.get_yticklabels()] == ["0", "8"]
    chosen = drawing.draw_maps(window, maps[:3], [4, 2, 11], title="x").axes[1]
    assert [label.get_text() for label in chosen.get_xticklabels()] == ["4", "2", "11"]


def test_the_projection_colours_the_chosen_classes_and_no_others():
    points = pd.DataFrame({"label": list("aabbc"), "one": range(5), "two": range(5), "three": range(5)})
    axes = drawing.draw_projection(points, ["b", "a"], title="three components").axes
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in axes] == [("one", "two"), ("one", "three"), ("two", "three")]
    drawn_points = {str(line.get_label()): list(line.get_xdata()) for line in axes[0].lines}
    assert drawn_points == {"others": [4], "b": [2, 3], "a": [0, 1]}
    assert len({line.get_marker() for line in axes[0].lines}) == 3


def test_the_turnable_page_holds_the_points_in_one_scale_and_loads_nothing():
    points = np.array([[0.0, 0.0, 0.0], [4.0, 2.0, 1.0]])
    page = turnable(points, np.array([1, 0]), ["a</script>", "b"], ["b"], title="<55.5%>")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert data["points"] == [[-1, -0.5, -0.25], [1, 0.5, 0.25]]
    assert (data["labels"], data["classes"], data["chosen"]) == ([1, 0], ["a</script>", "b"], [1])
    assert "<h1>" in page
    assert unescape(re.search("<h1>(.*)</h1>", page)[1]) == "<55.5%>"  # type: ignore[index]
    assert not re.search(r"\b(src|href)=|https?://(?!www\.w3\.org/2000/svg)", page)


def test_the_same_figure_gives_the_same_bytes_and_says_what_it_shows():
    weights = np.random.default_rng(0).normal(size=(6, 3, 3, 3))
    pictures = [drawn(drawing.draw_filters(weights), "png", "what it shows") for _ in range(2)]
    assert pictures[0] == pictures[1]
    assert b"what it shows" in pictures[0]
