"""What may stand in a config: Hydra merges every YAML into these, so a misspelt key or a wrong type is refused."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

_HERE = Path(__file__).resolve().parents[1]
# In a wheel conf/ lies inside the package, in a checkout beside it.
CONF = _HERE / "conf" if (_HERE / "conf").is_dir() else _HERE.parent / "conf"


@dataclass
class Data:
    """Which images, and how many of them; never how they are trained on."""

    name: str = MISSING  # the study's name too, where none is given
    source: Any = MISSING  # an object that finds the images
    root: str | None = None  # where they lie; what null means is the source's to say
    image_size: int = MISSING  # pixels; images of another size are resized, short side first, then cut to the centre
    classes: int | None = None  # the first so many, in label order; null = all
    train_per_class: int | None = None  # the first so many images of each class, by name; null = all
    val_per_class: int | None = None
    mirror: bool = True  # do labels survive a mirror?
    judge: str = "validation"  # or tuning: a part of the training images, the same for every seed, to tune settings on
    tuning: float = 0.1  # that part's share of each class: 50 of Tiny ImageNet's 500, as many as its validation has
    folds: int | None = None  # cross-validation: so many parts of the training images, the same for every seed, and
    fold: int = 0  # the one of them that judges, 0 to folds - 1; `python -m dissect.crossval` reads them together
    corrupt: str = "error"  # or skip: leave out files that cannot be decoded, and say so
    cache: str = '${oc.env:DISSECT_CACHE,"~/.cache/dissect"}'  # decoded images and downloads


@dataclass
class Train:
    """The recipe that every variant of a study shares."""

    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    momentum: float = MISSING
    weight_decay: float = MISSING
    schedule: Any = MISSING


@dataclass
class Augmentation:
    crop: float = MISSING
    mirror: bool = MISSING
    offline: bool = False  # a second image for each, mirrored or turned once for all: an epoch is twice as long


@dataclass
class Ensemble:
    average: bool = MISSING
    members: int = MISSING
    jitter: float = MISSING


@dataclass
class Evaluate:
    batch_size: int = MISSING
    train_images: int = MISSING
    ten_crop: float | None = MISSING


@dataclass
class Search:
    """A random search over learning rate and weight decay, `+study=random_search`: what it costs and where it looks."""

    trials: int | None = None  # settings, all rounds together; null = no search
    rounds: int = MISSING  # 1 = coarse only; each further one looks closer around the best so far
    learning_rate: list[float] = MISSING  # lowest and highest
    weight_decay: list[float] = MISSING
    seed: int = MISSING  # of the draws, not of the runs


@dataclass
class Plan:
    """What is asked before anything is trained; frozen in the study's manifest. Never part of a run's key."""

    design: Any = None  # a function of `dissect.design`, which turns components into variants; null = a plain sweep
    components: list[str] | None = None  # those to which it applies; null = the ladder's
    search: Search = field(default_factory=Search)
    level: float = 0.95  # of intervals; 1 - level: chance of one false verdict or more among all planned contrasts
    smallest: float = 1.0  # the smallest gain of interest, points; what is surely below counts as equal
    power: float = 0.8
    looks: list[int] = field(default_factory=lambda: [3, 5, 8, 12])  # seeds=auto: numbers of seeds at which to decide
    frozen: bool = False  # go on with the manifest's configs, whatever the YAML files say by now


@dataclass
class Config:
    name: str = MISSING
    runs: str = MISSING
    seed: int = MISSING
    ladder: list[str] = field(default_factory=list)
    components: dict[str, Any] = field(default_factory=dict)
    model: Any = MISSING
    init: Any = MISSING
    data: Data = field(default_factory=Data)
    train: Train = field(default_factory=Train)
    augmentation: Augmentation = field(default_factory=Augmentation)
    ensemble: Ensemble = field(default_factory=Ensemble)
    evaluate: Evaluate = field(default_factory=Evaluate)
    trainer: Any = MISSING
    logger: Any = MISSING
    plan: Plan = field(default_factory=Plan)
    seeds: Any = None  # auto: as many as `plan.looks` allows, until every planned contrast is decided
    parallel: Any = "auto"  # runs of a sweep at once
    on_failure: str = "continue"  # or stop: a sweep starts no further run after a failure
    threads: int | None = None
    compile: str | None = None  # a mode of torch.compile, in which training steps are taken


ConfigStore.instance().store(name="schema", node=Config)
