"""Pictures: which files are some, and what their bytes become, as uint8 RGB."""

import io
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps

from dissect.images.trees import Tree, shown

# By content, whatever the name, and of moving pictures the first frame. Left out of what Pillow knows: formats that run
# programs (EPS, WMF), that are data more than pictures (FITS, HDF5, GRIB), or that have no mark to be known by (TGA).
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "JPEG2000", "TIFF", "BMP", "PPM", "ICO", "QOI", "PSD", "SGI")
# What has such a name and is no picture is a damaged one. Other names are looked into.
IMAGES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".avif", ".jp2", ".j2k", ".tif", ".tiff",
    ".bmp", ".ppm", ".pgm", ".pbm", ".pnm", ".qoi",
)  # fmt: skip
# Cameras' raw files are a kind of TIFF, of which Pillow reads the thumbnail.
RAW = (".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".nef", ".nrw", ".orf", ".pef", ".rw2", ".srw")
# What pages and paper show behind a transparent picture, and what is written where one is saved as JPEG.
GROUND = (255, 255, 255)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def pictures(tree: Tree, folder: str, *, below: bool = True) -> tuple[list[str], Counter[str]]:
    """The pictures in a folder and in all folders below it, sorted, and how many files of which kind are none.

    Args:
        below: False leaves those folders out.

    Raises:
        InputError: for a folder that cannot be read.
    """
    found: list[str] = []
    others: Counter[str] = Counter()
    waiting: list[tuple[str, tuple[str, ...]]] = [(folder, ())]
    while waiting:
        path, around = waiting.pop()
        here = tree.real(path)
        if here in around:
            others["link in a circle"] += 1
            continue
        listing = tree.listing(path)
        others += listing.others
        if below:
            waiting += [(f"{path}/{name}", (*around, here)) for name in listing.folders]
        for name in listing.files:
            if name.lower().endswith(IMAGES) or is_picture(tree, f"{path}/{name}"):
                found.append(f"{path}/{name}")
            else:
                others[kind_of(name)] += 1
    return sorted(found), others


def kind_of(name: str) -> str:
    """What a file is called that is left out: its suffix."""
    return shown(PurePosixPath(name).suffix.lower()) or "without suffix"


def is_picture(tree: Tree, path: str) -> bool:
    """Whether a file, whose name does not say so, is a picture that is read."""
    if path.lower().endswith(RAW):
        return False
    try:
        with tree.stream(path) as file, Image.open(file, formats=FORMATS):
            return True
    except Image.DecompressionBombError:
        return True  # which decoding refuses by name
    except Exception:  # a text that begins like a picture fails in a dozen ways
        return False


def any_image(data: bytes, raw: tuple[str, tuple[int, int]] | None, image_size: int) -> np.ndarray:
    """One image as (S, S, 3) uint8: upright, on the ground, short side to S, antialiased, then the centre."""
    image = Image.frombytes(*raw, data) if raw else Image.open(io.BytesIO(data), formats=FORMATS)
    depth = _depth(image)
    is_16_bit = image.mode == "I" and image.format == "PPM"  # of which PIL makes 0 to 65535, whatever the file's most
    image.load()
    if is_16_bit:
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    turn = None if raw else _turn(image)
    image = _on_ground(image, depth)
    if turn is not None:
        image = image.transpose(turn)
    size = (image_size, image_size)
    return np.asarray(image if image.size == size else ImageOps.fit(image, size, Image.Resampling.BILINEAR))


def _depth(image: Image.Image) -> str:
    """How a PNG that is not yet loaded stores its pixels ("L;4": 4 bits a pixel), else the mode."""
    tiles = getattr(image, "tile", None)
    return str(tiles[0][3]) if tiles and image.format == "PNG" else image.mode


def _eight_bits(wide: np.ndarray, tags: Mapping[int, Any]) -> np.ndarray:
    """Grey of more than 8 bits as uint8; of a TIFF, `tags` say how many bits, and whether its zero is white."""
    grey = (wide >> (tags.get(258, (16,))[0] - 8)).astype(np.uint8)
    return 255 - grey if tags.get(262) == 0 else grey


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What makes a picture upright that its camera stored turned; None too where what says so is damaged."""
    try:  # ImageOps.exif_transpose would also write the other tags anew, and fails for some that cameras write
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # tags are anybody's bytes; viewers show such a picture as it is stored
        return None


def _on_ground(image: Image.Image, depth: str) -> Image.Image:
    """The picture as RGB; where it is transparent, the ground shows, and what lies hidden there does not."""
    hidden = image.info.get("transparency")  # the one colour that is transparent, or of a palette each one's alpha
    if image.mode.startswith("I;16"):  # PIL's own conversion would clip all above 255 to white
        wide = np.asarray(image)
        grey = Image.fromarray(_eight_bits(wide, getattr(image, "tag_v2", {}))).convert("RGB")
        if isinstance(hidden, int):
            grey.paste(GROUND, mask=Image.fromarray(wide == hidden))
        return grey
    if image.mode in ("I", "F"):
        numbers = "floating-point numbers" if image.mode == "F" else "32-bit numbers, or have a sign"
        raise ValueError(f"its pixels are {numbers} (mode {image.mode!r}); save it with 8 bits a channel, or with 16")
    # PIL spreads a PNG's pixels over 0 to 255, but leaves the transparent colour as the file has it.
    if isinstance(hidden, int) and depth in ("L;2", "L;4"):
        image.info["transparency"] = hidden * {"L;2": 85, "L;4": 17}[depth]
    elif isinstance(hidden, tuple) and depth.startswith("RGB;16"):
        image.info["transparency"] = tuple(part >> 8 for part in hidden)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (*GROUND, 255)), image).convert("RGB")
