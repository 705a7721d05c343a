"""What may stand in a config: Hydra merges every YAML into these, so a misspelt key or a wrong type is refused."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

_HERE = Path(__file__).resolve().parent
# In a wheel conf/ lies inside the package, in a checkout beside it.
CONF = _HERE / "conf" if (_HERE / "conf").is_dir() else _HERE.parent / "conf"


@dataclass
class Data:
    """Which images, and how many of them. `source` makes the object that finds them."""

    name: str = MISSING
    source: Any = MISSING
    root: str | None = None
    cache: str = MISSING
    image_size: int = MISSING  # pixels; images of another size are resized
    classes: int | None = None  # the first so many; None = all
    train_per_class: int | None = None  # the first so many of each; None = all
    val_per_class: int | None = None
    mirror: bool = MISSING  # do labels survive a mirror?
    judge: str = "validation"  # or "tuning": a part of the training images, held out to choose hyperparameters on
    tuning: float = 0.1  # that part's share
    corrupt: str = "error"  # or "skip"


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


@dataclass
class Ensemble:
    members: int = MISSING
    jitter: float = MISSING


@dataclass
class Evaluate:
    batch_size: int = MISSING
    ten_crop: float | None = MISSING


@dataclass
class Config:
    name: str = MISSING
    runs: str = MISSING
    seed: int = MISSING
    ladder: list[str] = field(default_factory=list)
    components: dict[str, str] = field(default_factory=dict)
    model: Any = MISSING
    init: Any = MISSING
    data: Data = field(default_factory=Data)
    train: Train = field(default_factory=Train)
    augmentation: Augmentation = field(default_factory=Augmentation)
    ensemble: Ensemble = field(default_factory=Ensemble)
    evaluate: Evaluate = field(default_factory=Evaluate)
    trainer: Any = MISSING
    logger: Any = MISSING
    threads: int | None = None


ConfigStore.instance().store(name="schema", node=Config)
