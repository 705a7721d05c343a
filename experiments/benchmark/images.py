"""Stand-ins for Tiny ImageNet in files and in memory, so that only what depends on real images needs them."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = 200  # as in Tiny ImageNet


def write_folder(root: Path, *, side: int, train: int, val: int) -> None:
    """Blurred noise as JPEGs of about 2 kB at 64x64, as Tiny ImageNet's: root/{train,val}/<class>/<number>.jpg.

    Args:
        train, val: images of each class.
    """
    random = np.random.default_rng(0)
    for part, count in (("train", train), ("val", val)):
        for label in range(CLASSES):
            folder = root / part / f"{label:03}"
            folder.mkdir(parents=True)
            for number in range(count):
                coarse = random.integers(0, 256, (side // 4, side // 4, 3), dtype=np.uint8)
                Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")


def probabilities(members: int, images: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Softmax outputs (members, images, 200), float32, and labels, of members that are right 45% of the time.

    Logits are what the members share about an image, what each adds, and a bonus for the label.
    """
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, images)
    shared = 2 * random.standard_normal((images, CLASSES), dtype=np.float32)
    shared[np.arange(images), labels] += 5
    outputs = np.empty((members, images, CLASSES), np.float32)
    for member in outputs:
        logits = shared + random.standard_normal((images, CLASSES), dtype=np.float32)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        member[:] = powers / powers.sum(1, keepdims=True)
    return outputs, labels
