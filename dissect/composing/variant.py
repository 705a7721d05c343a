"""From a composed config to a checked variant: what it is called, what it may be compared with, and its key."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dissect.composing.arguments import check_targets
from dissect.composing.checks import check_deltas, check_pairs, check_seed, check_settings
from dissect.composing.identity import RECIPE, determining, digest_of
from dissect.composing.plain import plain
from dissect.design import Component
from dissect.errors import InputError


@dataclass(frozen=True)
class Variant:
    """A config with its components checked.

    `name` is "step5" for the first four components of the ladder, in whatever order they were given, else their
    names joined by "+". `base` is the config without any component; `member_of` the ensemble that the run is trained
    for, if any.
    """

    name: str
    components: Mapping[str, str]
    seed: int
    config: DictConfig
    base: DictConfig
    member_of: "Variant | None" = None

    def with_seed(self, seed: int) -> "Variant":
        config: DictConfig = pickle.loads(self._pickled)  # a copy, in a third of the time that OmegaConf's own takes
        config.seed = seed
        found = replace(self, seed=seed, config=config)
        vars(found)["shared"] = self.shared
        if not self._refers_to_seed:
            vars(found)["determined"] = self.determined  # worked out once for all seeds
        return found

    @cached_property
    def determined(self) -> dict[str, Any]:
        """The config's part in the result, without the seed."""
        return determining(self.config)

    @cached_property
    def shared(self) -> dict[str, Any]:
        """The part in the result that all variants have which may be compared with each other."""
        return determining(self.base)

    @cached_property
    def _pickled(self) -> bytes:
        return pickle.dumps(self.config)

    @cached_property
    def _refers_to_seed(self) -> bool:
        return "seed}" in str(OmegaConf.to_container(self.config))

    def settled(self, settles: Mapping[str, Any]) -> "Variant":
        """The same with those keys filled in that the config leaves to the data that were found."""
        settles = {key: value for key, value in settles.items() if OmegaConf.select(self.config, key) is None}
        if not settles:
            return self
        config, base = self.config.copy(), self.base.copy()
        for key, value in settles.items():
            OmegaConf.update(config, key, value)
            OmegaConf.update(base, key, value)
        return replace(self, config=config, base=base)

    def key(self, data: str) -> str:
        """Digest of what determines the result: the config's part in it, the seed, and its data's digest."""
        return digest_of({**self.determined, "seed": self.seed, "data": data, "recipe": RECIPE})

    def settings(self, data: str) -> str:
        """Digest of what all variants that may be compared with each other share."""
        return digest_of({**self.shared, "data": data, "recipe": RECIPE})


def resolve(config: DictConfig, base: DictConfig, deltas: Mapping[str, DictConfig]) -> Variant:
    """Check a composed config against the base it was composed on, and name it.

    Args:
        config: base plus components.
        base: the same without any component.
        deltas: each component's own file, by name.

    Raises:
        InputError: a component without effect, one that is undone by an override, two that are levels of one factor,
            something changed that no component declares, a seed that is no whole number from 0.
    """
    ladder = list(config.ladder)
    # In the ladder's order, whichever way they were named, so that one variant has one description.
    place = {name: number for number, name in enumerate(ladder)}
    check_seed(config.seed)
    check_settings(config)
    said = plain(config)
    check_targets(said)
    given = said["components"]
    ordered = sorted(given, key=lambda name: (place.get(name, len(place)), name))
    components = {name: declaration(name, given[name])[0] for name in ordered}
    check_pairs(deltas)
    check_deltas(config, base, deltas)
    return Variant(
        name=variant_name(list(components), ladder),
        components=components,
        seed=int(config.seed),
        config=config,
        base=base,
    )


def declaration(name: str, said: Any) -> tuple[str, Component]:
    """What a component's file says of itself: its label, or a mapping with `label` and what it needs.

    Raises:
        InputError: for anything else than `label`, `requires`, `excludes` (lists of components) and `derived` (true for
            one that is read off other runs).
    """
    if isinstance(said, str):
        return said, Component(name)
    known = {"label": str, "requires": list, "excludes": list, "derived": bool}
    for key, value in said.items() if isinstance(said, dict) else [(None, said)]:
        if key not in known or not isinstance(value, known[key]):
            forms = "its label, or {label: ..., requires: [...], excludes: [...], derived: true}"
            raise InputError(f"component {name}: says of itself {key}: {value!r}; what it may say is {forms}")
    needs = {key: tuple(said.get(key, ())) for key in ("requires", "excludes")}
    return said.get("label", name), Component(name, **needs, derived=said.get("derived", False))


def variant_name(components: Sequence[str], ladder: Sequence[str]) -> str:
    """ "step3" where the components are the first two of the ladder, else "a+b"; without a ladder, "baseline"."""
    if ladder and set(components) == set(ladder[: len(components)]):
        return f"step{len(components) + 1}"
    return "+".join(components) or "baseline"
