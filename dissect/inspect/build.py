"""What each figure needs, computed and drawn: from a run to the files' names and contents."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hydra
import numpy as np
import pandas as pd

from dissect.composing.complaints import nearest
from dissect.errors import InputError
from dissect.images.scores import mean
from dissect.inspect.accuracies import by_epoch, part_accuracies, variant_runs
from dissect.inspect.drawing import (
    draw_filters,
    draw_history,
    draw_maps,
    draw_parts,
    draw_projection,
    draw_subsets,
    draw_top,
)
from dissect.inspect.inspected import Inspected
from dissect.inspect.layers import first_convolution, last_dense, outputs, shown_layers, stage_ends
from dissect.inspect.page import turnable
from dissect.inspect.projection import entering, project
from dissect.inspect.runs import Run, config_of, network_of, predictions_of, read_run
from dissect.inspect.strongest import activations, excited, spread_units, strongest
from dissect.inspect.subsets import caption as subsets_caption
from dissect.inspect.subsets import subsets_of
from dissect.inspect.unlabelled import class_ids, lines, names_of_tests, opened, read_images
from dissect.inspect.windows import image_at, probabilities, ten_crop, windows_of
from dissect.style import drawn

Files = dict[str, bytes]
IMAGES = 6  # that excite a unit most, as on the poster


def filters(seen: Inspected) -> Files:
    weights = first_convolution(seen.order).weight.permute(0, 2, 3, 1).float().cpu().numpy()
    count, size = weights.shape[:2]
    caption = (
        f"The {count} filters of the first convolution, {size}×{size} pixels in three colours. Left: each from its "
        "smallest to its largest weight. Right: all by one range, zero being mid-grey. A filter's number is its row's "
        "plus its column's."
    )
    return {"filters.png": drawn(draw_filters(weights), "png", caption)}


def maps(seen: Inspected) -> Files:
    layer = seen.asked.layer or next(iter(stage_ends(seen.order)), "")
    if not layer:
        raise InputError("maps: the network has no convolution that gives maps; name a layer with --layer")
    image, name = image_at(seen.images, seen.asked.image)
    found = outputs(seen.network, layer, seen.windows.tensor(image[None]))
    if found.ndim != 4:
        raise InputError(f"--layer {layer}: puts out {tuple(found.shape)}, no maps; name a convolutional layer")
    units = seen.units(found.shape[1]) or list(range(found.shape[1]))
    chosen = found[0, units].float().cpu().numpy()
    caption = (
        f"{name}: the maps of {layer}, {chosen.shape[1]}×{chosen.shape[2]}, each from its minimum (black) to its "
        "maximum (white); mid-grey all over where it is constant. Left: the image as the network sees it."
    )
    figure = draw_maps(seen.windows.seen(image[None])[0], chosen, units, title=name)
    return {f"{_file('maps', layer, seen.asked.image, *seen.asked.units)}.png": drawn(figure, "png", caption)}


def top(seen: Inspected) -> Files:
    images, network = seen.images, seen.network
    names = np.array(images.classes)
    predicted = names[predictions_of(seen.run, images).argmax(1)]
    windows = seen.windows.seen(images.val_images)
    layers = [seen.asked.layer] if seen.asked.layer else shown_layers(network, seen.order)
    files: Files = {}
    for layer, activation in activations(network, layers, seen.windows.batches(images.val_images)).items():
        units = seen.units(activation.shape[1]) or spread_units(activation.shape[1])
        found = {}
        for unit in units:
            numbers = strongest(activation[:, unit], IMAGES)
            tensor = seen.windows.tensor(images.val_images[numbers])
            found[unit] = excited(network, layer, unit, tensor, numbers, activation[numbers, unit])
        caption = (
            f"The images that excite units of {layer} most, of those the run was judged on: a unit's activation is the "
            "maximum over its map. Above each: its true label, and where that differs (✗) the predicted one. The box "
            "holds what the unit sees; the rows below show that part: the gradient's size (black is zero), guided "
            "backpropagation and the deconvolutional view (mid-grey is zero). Units are evenly spaced unless chosen."
        )
        figure = draw_top(layer, found, windows, names[images.val_labels], predicted)
        files[f"{_file('top', layer, *seen.asked.units)}.png"] = drawn(figure, "png", caption)
    return files


def projection(seen: Inspected) -> Files:
    images, last = seen.images, last_dense(seen.order)
    chosen = _classes(seen.asked.classes, images.classes)
    found = project(entering(seen.network, last.layer, seen.windows.batches(images.val_images)))
    share = " + ".join(f"{100 * one:.1f}" for one in found.shares)
    title = f"what enters {last.name}: {share} = {100 * found.shares.sum():.1f}% of the variance in three components"
    columns = [f"component {place + 1} ({100 * one:.1f}%)" for place, one in enumerate(found.shares)]
    points = pd.DataFrame(found.points, columns=columns)
    points.insert(0, "label", np.array(images.classes)[images.val_labels])
    caption = (
        f"The first three principal components of what enters the last dense layer ({last.name}), a point an image "
        "that the run was judged on, coloured by its true label."
    )
    figure = draw_projection(points, chosen, title=title)
    files = {f"projection.{kind}": drawn(figure, kind, caption) for kind in ("png", "svg")}
    page = turnable(found.points, images.val_labels, images.classes, chosen, title=f"{seen.run.folder.name}: {title}")
    return files | {"projection.html": page.encode()}


def history(seen: Inspected) -> Files:
    others = [run for name in seen.asked.against for run in _named(seen.run, name)]
    runs = {run.folder.resolve(): run for run in [seen.run, *others]}  # a run that was named twice counts once
    epochs = by_epoch(list(runs.values()))
    caption = (
        "Accuracy by epoch: validation, and training (dashed), which is measured while training, with dropout and "
        "augmentation on. Thin lines are seeds, thick ones their mean."
    )
    return {f"history.{kind}": drawn(draw_history(epochs), kind, caption) for kind in ("png", "svg")}


def parts(seen: Inspected) -> Files:
    others = [_named(seen.run, name) for name in seen.asked.against]
    seed = seen.run.result["seed"]
    runs = [seen.run, *(min(found, key=lambda run: run.result["seed"] != seed) for found in others)]
    if len(runs) == 1 and seen.run.result.get("members"):
        runs += seen.run.members[:1]  # the ensemble's first member is the model itself, unchanged
    frame = part_accuracies(runs, seen.config, seen.images, seen.asked.root, seen.asked.trust)
    counts, judge = dict(zip(frame["part"], frame["images"], strict=True)), seen.run.result["data"]["judge"]
    caption = (
        f"Accuracy on {counts['training']:,} training images (as many of each class; without dropout and augmentation) "
        f"and on images that were not trained on; single view. The runs were judged on {judge}."
    )
    figure = draw_parts(frame, chance=1 / len(seen.images.classes))
    return {f"parts.{kind}": drawn(figure, kind, caption) for kind in ("png", "svg")}


def subsets(seen: Inspected) -> Files:
    found = subsets_of(seen.run)
    told = subsets_caption(found, [member.result["seed"] for member in seen.run.members])
    return {f"subsets.{kind}": drawn(draw_subsets(found), kind, told) for kind in ("png", "svg")}


def test(seen: Inspected) -> Files:
    """The challenge's file: predictions for the test images, of one run or of an ensemble's average."""
    config, images = seen.config, seen.images
    source = hydra.utils.instantiate(config.data.source)
    with opened(source, Path(config.data.cache).expanduser()) as tree:
        folder, names = names_of_tests(tree)
        ids = class_ids(tree, images.classes)
        pixels = read_images(tree, folder, names, config.data.image_size)

    def predicted() -> Iterator[np.ndarray]:
        for member in seen.run.members:
            own = config_of(member, seen.asked.root, seen.asked.trust)
            network = network_of(member, own)
            windows = windows_of(own, images, network)
            views = ten_crop(own) if seen.asked.ten_crop else [None]
            crop = own.evaluate.ten_crop if seen.asked.ten_crop else None
            yield mean(probabilities(network, windows.batches(pixels, crop=crop, view=view)) for view in views)

    name = "test-ten-crop.txt" if seen.asked.ten_crop else "test.txt"
    return {name: lines(names, mean(predicted()), ids).encode()}


def _named(run: Run, name: str) -> list[Run]:
    """The run in the folder of this name, or all seeds of a variant of the run's own study."""
    folders = [Path(name)] if Path(name).is_dir() else variant_runs(run.folder.parent, name)
    return [read_run(folder) for folder in folders]


def _classes(asked: Sequence[str], classes: Sequence[str]) -> list[str]:
    """The classes asked for, by name or number; the first six, where none are."""
    chosen = []
    for one in asked or classes[:6]:
        name = classes[int(one)] if one.isdigit() and one not in classes and int(one) < len(classes) else one
        if name not in classes:
            raise InputError(f"--classes {one}: there is no such class; {nearest(one, list(classes))}")
        chosen.append(name)
    return chosen


def _file(*parts: object) -> str:
    """A file's name from its parts, without what a name may not hold."""
    return "-".join(re.sub(r"[^\w.]+", "_", Path(str(part)).name) for part in parts)


MAKERS: dict[str, Callable[[Inspected], Files]] = {
    "filters": filters,
    "maps": maps,
    "top": top,
    "projection": projection,
    "history": history,
    "parts": parts,
    "subsets": subsets,
    "test": test,
}
