"""Parts of the training images that judge: folds are disjoint, complete and fair, and bad settings are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dissect.errors import InputError
from dissect.images.arrays import ImageSet, load
from dissect.images.sources import Digits, ImageFolder

Read = Callable[..., ImageSet]
COUNTS = {"a": 11, "b": 10, "c": 5}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """11, 10 and 5 training and 2 validation images of three classes, all different."""
    noise = np.random.default_rng(0)
    for name, count in COUNTS.items():
        for part, images in (("train", count), ("val", 2)):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for number in range(images):
                pixels = noise.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number:02}.png")

    def read(**settings: Any) -> ImageSet:
        defaults: dict[str, Any] = {"image_size": 16, "classes": None, "train_per_class": None, "val_per_class": None}
        defaults |= {"judge": "validation", "tuning": 0.2, "corrupt": "error", "cache": tmp_path / "cache"}
        return load(ImageFolder(str(tmp_path / "images")), **{**defaults, **settings})

    return read


def pixels(images: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() for image in images)


@pytest.mark.parametrize("folds", [2, 3, 4, 5])
def test_folds_are_disjoint_complete_and_stratified(folds: int, read: Read) -> None:
    whole, parts = read(), [read(folds=folds, fold=fold) for fold in range(folds)]
    judged = [one for part in parts for one in pixels(part.val_images)]
    assert sorted(judged) == pixels(whole.train_images)  # each image judges once
    for part in parts:
        assert sorted(pixels(part.train_images) + pixels(part.val_images)) == pixels(whole.train_images)
        for label, count in enumerate(COUNTS.values()):
            held = int((part.val_labels == label).sum())
            assert count // folds <= held <= -(-count // folds)
            assert held + int((part.train_labels == label).sum()) == count
        scaled = part.train_images.astype(np.float64) / 255
        np.testing.assert_allclose(part.mean, scaled.mean((0, 1, 2)), rtol=1e-6)
        np.testing.assert_allclose(part.std, scaled.std((0, 1, 2)), rtol=1e-6)


def test_labels_stay_with_their_images(read: Read) -> None:
    whole = read()
    known = {image.tobytes(): label for image, label in zip(whole.train_images, whole.train_labels, strict=True)}
    part = read(folds=3, fold=1)
    for images, labels in ((part.train_images, part.train_labels), (part.val_images, part.val_labels)):
        assert [known[image.tobytes()] for image in images] == labels.tolist()


def test_every_fold_has_a_digest_of_its_own_and_the_same_each_time(read: Read) -> None:
    settings: list[dict[str, Any]] = [{}, {"judge": "tuning"}, *({"folds": 5, "fold": fold} for fold in range(5))]
    settings.append({"folds": 4, "fold": 0})
    digests = [read(**one).digest for one in settings]
    assert len(set(digests)) == len(settings)
    assert digests == [read(**one).digest for one in settings]


@pytest.mark.parametrize(
    ("settings", "digest"),
    [
        ({"judge": "validation", "tuning": 0.1}, "4ddc4ddda9538907bc000db677281524"),
        ({"judge": "tuning", "tuning": 0.1}, "8174146c7319438ed6586c7b1eea744b"),
        ({"judge": "tuning", "tuning": 0.25}, "3b95d8cf399b59c51b7fec13bbce1ece"),
    ],
)
def test_the_digests_of_the_digits_change_only_where_decoding_has_other_rules(
    settings: dict[str, Any], digest: str, cache_folder: Path
) -> None:
    rest: dict[str, Any] = {"image_size": 16, "train_per_class": None, "val_per_class": None, "corrupt": "error"}
    assert load(Digits(), classes=10, cache=cache_folder, **rest, **settings).digest == digest


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"folds": 1}, r"data.folds is 1; it is null or a whole number, 2 or more"),
        ({"folds": 5, "fold": 5}, r"data.fold is 5; of 5 folds it is a whole number from 0 to 4"),
        ({"folds": 5, "fold": -1}, r"data.fold is -1; of 5 folds"),
        ({"fold": 2}, r"data.fold is 2, but data.folds is null"),
        ({"folds": 5, "judge": "tuning"}, r"'tuning' and data.folds is 5: both hold out training images"),
        # ranks 0.1, 0.3, ... 0.9 of class c: none above 3/6 and not above 4/6
        ({"folds": 6, "fold": 3}, r"data.folds is 6, which splits the 5 training images of class 'c' into 5 and 0"),
    ],
)
def test_folds_that_cannot_be_are_refused(settings: dict[str, Any], said: str, read: Read) -> None:
    with pytest.raises(InputError, match=said):
        read(**settings)
