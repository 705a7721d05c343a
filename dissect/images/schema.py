"""What may stand in a config of the task `images`, besides what all tasks share."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from dissect.composing import schema


@dataclass
class Data:
    """Which images, and how many of them; never how they are trained on."""

    name: str = MISSING  # the study's name too, where none is given
    source: Any = MISSING  # an object that finds the images
    root: str | None = None  # where they lie; what null means is the source's to say
    image_size: int = MISSING  # pixels; images of another size are resized, short side first, then cut to the centre
    classes: int | None = None  # the first so many, in label order; null = all
    train_per_class: int | None = None  # so many images of each class, a fair draw, the same for every seed; null = all
    val_per_class: int | None = None
    mirror: bool = True  # do labels survive a mirror?
    judge: str = "validation"  # or tuning: a part of the training images, the same for every seed, to tune settings on
    tuning: float = 0.1  # that part's share of each class: 50 of Tiny ImageNet's 500, as many as its validation has
    folds: int | None = None  # cross-validation: so many parts of the training images, the same for every seed, and
    fold: int = 0  # the one of them that judges, 0 to folds - 1; `python -m dissect.crossval` reads them together
    corrupt: str = "error"  # or skip: leave out files that cannot be decoded, and say so
    cache: str = '${oc.env:DISSECT_CACHE,"~/.cache/dissect"}'  # decoded images and downloads


@dataclass
class Train(schema.Train):
    batch_size: int = MISSING


@dataclass
class Evaluate:
    batch_size: int = MISSING
    train_images: int = MISSING
    ten_crop: float | None = MISSING


@dataclass
class Images(schema.Config):
    model: Any = MISSING
    init: Any = MISSING
    data: Data = field(default_factory=Data)
    train: Train = field(default_factory=Train)
    optimizer: Any = MISSING
    loss: Any = MISSING
    schedule: Any = MISSING
    augmentation: dict[str, Any] = field(default_factory=dict)  # name -> transform; null = off
    average: Any = None  # of weights; null = the last step's
    evaluate: Evaluate = field(default_factory=Evaluate)
    compile: str | None = None  # a mode of torch.compile, in which training steps are taken


ConfigStore.instance().store(group="schema", name="images", node=Images, package="_global_")
