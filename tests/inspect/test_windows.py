"""A picture named on the command line is prepared as the data are."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from dissect.errors import InputError
from dissect.images.arrays import load
from dissect.images.sources import Digits
from dissect.inspect.windows import image_at


def test_a_picture_is_shown_as_it_is_trained_on_and_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    images = load(Digits(), image_size=16, classes=2, train_per_class=2, val_per_class=2, judge="validation",
                  tuning=0.2, corrupt="error", cache=tmp_path / "cache")  # fmt: skip
    pixels = np.zeros((16, 16, 4), np.uint8)  # the upper half red, the lower transparent over hidden blue
    pixels[:8], pixels[8:] = (255, 0, 0, 255), (0, 0, 255, 0)
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 3
    Image.fromarray(pixels[::-1, ::-1].copy()).save(tmp_path / "turned.png", exif=tags)
    found, _ = image_at(images, str(tmp_path / "turned.png"))
    assert np.unique(found[:8].reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]
    assert np.unique(found[8:].reshape(-1, 3), axis=0).tolist() == [[255, 255, 255]]
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match=r"is neither a validation image's number nor a readable image .is no plain"):
        image_at(images, str(tmp_path / "pipe.png"))
