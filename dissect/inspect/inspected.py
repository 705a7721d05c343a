"""A run that is looked at, what was asked of it, and what several figures need of it."""

from dataclasses import dataclass
from functools import cached_property

from omegaconf import DictConfig
from torch import nn

from dissect.errors import InputError
from dissect.images.arrays import ImageSet
from dissect.inspect.layers import Call, calls
from dissect.inspect.runs import Run, config_of, judged_images, network_of
from dissect.inspect.windows import Windows, windows_of


@dataclass(frozen=True)
class Asked:
    """What the command line says beside the run and the figures; None where it leaves the choice to the figure."""

    layer: str | None = None
    image: str = "0"
    units: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    ten_crop: bool = False
    root: str | None = None
    trust: tuple[str, ...] = ()


@dataclass
class Inspected:
    """A run, and what is made of it when a figure first asks for it."""

    run: Run
    asked: Asked

    @cached_property
    def config(self) -> DictConfig:
        return config_of(self.run.members[0], self.asked.root, self.asked.trust)

    @cached_property
    def images(self) -> ImageSet:
        return judged_images(self.run, self.config)

    @cached_property
    def network(self) -> nn.Module:
        """The network of a single run.

        Raises:
            InputError: for an ensemble.
        """
        if names := self.run.result.get("members"):
            where = self.run.folder.parent
            raise InputError(f"{self.run.folder}: is an ensemble without a network of its own; name {where / names[0]}")
        return network_of(self.run, self.config)

    @cached_property
    def windows(self) -> Windows:
        return windows_of(self.config, self.images, self.network)

    @cached_property
    def order(self) -> list[Call]:
        return calls(self.network, self.windows.tensor(self.images.val_images[:1]))

    def units(self, count: int) -> list[int]:
        """The units asked for, of so many.

        Raises:
            InputError: for one that there is not.
        """
        wrong = [unit for unit in self.asked.units if not 0 <= unit < count]
        if wrong:
            raise InputError(f"--units {wrong[0]}: the layer has {count} units, 0 to {count - 1}")
        return list(self.asked.units)
