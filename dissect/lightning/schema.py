"""What may stand in a config of the task `lightning`, besides what all tasks share."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from dissect.composing import schema


@dataclass
class Lightning(schema.Config):
    module: Any = MISSING  # a LightningModule
    datamodule: Any = MISSING  # a LightningDataModule
    callbacks: dict[str, Any] = field(default_factory=dict)  # name -> callback; null = off


ConfigStore.instance().store(group="schema", name="lightning", node=Lightning, package="_global_")
