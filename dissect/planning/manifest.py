"""What a study was going to do, written down before its first run: `runs/<name>/manifest-<study>.json`.

It holds the resolved configs, the seeds, the primary metric, which epoch counts, and the planned contrasts. Runs of the
study follow it, whatever becomes of the YAML files; a contrast that stands in no manifest is exploratory.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dissect.composing.identity import HARDWARE, without_paths
from dissect.composing.plain import plain, targets_in
from dissect.composing.trust import refuse_strangers
from dissect.composing.variant import Variant
from dissect.design import Contrast, Design
from dissect.errors import InputError
from dissect.files import exclusive, whole
from dissect.measure.metric import Metric
from dissect.planning.terms import check_terms
from dissect.store.reading import read_json, seal

JUDGED = ("name", "label", "unit", "better", "times")
_FREE = {"runs", "name", "logger", "threads", "compile", "plan", "parallel", "seeds", "on_failure", "keep"}
BETWEEN = "between"  # the kind of a contrast that says how far another one differs between two conditions


@dataclass(frozen=True)
class Planned:
    """A contrast with its variants by name: `weights` as in `design.Contrast`."""

    kind: str
    components: tuple[str, ...]
    weights: Mapping[str, float]
    orders: tuple[Mapping[str, float], ...] = ()

    @property
    def family(self) -> str:
        return family(self.kind)


def family(kind: str) -> str:
    """The contrasts of a plan that are corrected together: effects of components are one family, interactions another.

    They are other questions, and a factorial design has many more of the second (`dissect.design.factorial`). So are
    whether effects differ between conditions, and how the levels of a factor compare.
    """
    return {"interaction": "interactions", BETWEEN: "conditions", "levels": "levels"}.get(kind, "effects")


@dataclass(frozen=True)
class Manifest:
    """A study as it was planned.

    `variants` holds each variant's `components` (name -> label), its resolved `config` and that of its `base`, its
    `key` at seed 0, and the digest of its `settings`; `seeds` are those planned at first, `extended` what was added
    later, and when. `metric` is the primary one as the config describes it, JUDGED, and `smallest` is in its unit. The
    plan's own `settings` says how they were chosen, where that makes the answers look surer than they are.
    """

    study: str
    frozen: str
    pixels: str
    seeds: list[int]
    level: float
    smallest: float | None
    power: float
    looks: list[int] | None
    variants: dict[str, dict[str, Any]]
    contrasts: list[Planned]
    metric: dict[str, Any]
    epoch: str = "the last one, whatever came before it"
    settings: str = ""
    variances: str = "own"
    extended: list[dict[str, Any]] = field(default_factory=list)
    # Label -> what makes it on the command line; each variant then stands there once a condition, and says of itself
    # how it is called without (`variant`), its `condition`, and its data's digest (`pixels`).
    conditions: dict[str, list[str]] = field(default_factory=dict)
    # Of a study in which each variant is also at settings of its own: the search (`over`, `trials`, `rounds`, `seeds`),
    # and `chosen`, by variant, with what it came to on the tuning split.
    tuned: dict[str, Any] = field(default_factory=dict)

    @property
    def all_seeds(self) -> list[int]:
        return sorted({*self.seeds, *(seed for later in self.extended for seed in later["seeds"])})

    def variant(self, name: str, like: DictConfig, seed: int, named: Collection[str] = ()) -> Variant:
        """The frozen variant; how it is run (threads, logger, hardware, places) is as `like` says.

        Args:
            named: targets that the command line's own configs name besides `like`: only their code may run, and what
                comes with dissect and torch. A manifest lies in the store, where anyone may have put it.

        Raises:
            InputError: where the code of its network has changed, which no manifest keeps, or is a stranger's.
        """
        if name not in self.variants:
            raise InputError(f"{name}: is no variant of {self.study} as it was frozen on {self.frozen[:10]}")
        entry = self.variants[name]
        trusted = {*named, *targets_in(plain(like))}
        for part in ("config", "base"):
            refuse_strangers({key: value for key, value in entry[part].items() if key != "logger"}, trusted)
        config, base = (OmegaConf.create(entry[part]) for part in ("config", "base"))
        for where in (config, base):
            for key in _FREE & like.keys():
                where[key] = like[key]
            for key in {"source", "root", "cache"} & (like.get("data") or {}).keys():
                where.data[key] = like.data[key]
            for key in HARDWARE & like.trainer.keys():
                where.trainer[key] = like.trainer[key]
        found = Variant(entry.get("variant", name), entry["components"], seed, config, base)
        if found.with_seed(0).key(self.data_of(name)) != entry["key"]:
            raise InputError(
                f"{name}: its network's code has changed since {self.study} was frozen on {self.frozen[:10]}; "
                "undo that, or begin another study with name=..."
            )
        return found.with_seed(seed)

    def data_of(self, name: str) -> str:
        """The digest of a variant's data."""
        return str(self.variants[name].get("pixels", self.pixels))


def path_of(config: DictConfig, study: str) -> Path:
    return Path(config.runs) / config.name / f"manifest-{study}.json"


def plan(
    study: str, design: Design, variants: Mapping[tuple[str, ...], Variant], pixels: str, seeds: Sequence[int],
    views: int | None = None,
) -> Manifest:  # fmt: skip
    """The manifest that these variants, composed now, amount to.

    Args:
        views: of an example that ten-crop averages; of one or none there is nothing to ask.
    """
    config = next(iter(variants.values())).config
    names = {parts: variant.name for parts, variant in variants.items()}
    contrasts = [_planned(contrast, names) for contrast in design.contrasts]
    if (views or 0) > 1:
        averaging = {names[parts] for parts, variant in variants.items() if variant.config.ensemble.average}
        contrasts = _through_ten_crop(contrasts, averaging)
    return Manifest(
        study=study,
        frozen=datetime.now(UTC).isoformat(timespec="seconds"),
        pixels=pixels,
        seeds=sorted(seeds),
        level=config.plan.level,
        smallest=config.plan.smallest,
        power=config.plan.power,
        looks=list(config.plan.looks) if config.seeds == "auto" else None,
        variants={
            names[parts]: {
                "components": dict(variant.components),
                "key": variant.with_seed(0).key(pixels),
                "settings": variant.settings(pixels),
                "config": _frozen(variant.config),
                "base": _frozen(variant.base),
            }
            for parts, variant in variants.items()
        },
        contrasts=contrasts,
        metric=_judged(config),
        settings=config.plan.settings,
        variances=config.plan.variances,
    )


def _judged(config: DictConfig) -> dict[str, Any]:
    metric = Metric.from_config(config.metric)
    return {key: getattr(metric, key) for key in JUDGED}


def _planned(contrast: Contrast, names: Mapping[tuple[str, ...], str]) -> Planned:
    def named(weights: Mapping[tuple[str, ...], float]) -> dict[str, float]:
        return {names[parts]: weight for parts, weight in weights.items()}

    return Planned(contrast.kind, contrast.components, named(contrast.weights), tuple(map(named, contrast.orders)))


def _through_ten_crop(contrasts: Sequence[Planned], averaging: Collection[str]) -> list[Planned]:
    """A ladder's contrasts with ten-crop behind the last trained step; what averages runs is compared with that."""
    steps = [one for one in contrasts if one.kind == "ladder"]
    trained = [one for one in steps if not averaging & one.weights.keys()]
    if not trained:
        return list(contrasts)
    top = next(iter(trained[-1].weights))
    cropped = Planned("ladder", ("ten_crop",), {f"{top} + ten-crop": 1.0, top: -1.0})
    averaged = [
        replace(one, weights={name if name != top else f"{top} + ten-crop": w for name, w in one.weights.items()})
        for one in steps
        if one not in trained
    ]
    return [*trained, cropped, *averaged, *(one for one in contrasts if one not in steps)]


def _frozen(config: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(without_paths(config), resolve=True)  # type: ignore[return-value]


def write(path: Path, manifest: Manifest) -> None:
    content = asdict(manifest)
    with whole(path) as file:
        json.dump(content | {"seal": seal(content)}, file, indent=1)
        file.write("\n")


def extend(path: Path, seeds: Sequence[int]) -> None:
    """Note in a manifest that seeds were added to those planned, and when."""
    with exclusive(path):
        if (before := read(path)) is not None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            write(path, replace(before, extended=[*before.extended, {"seeds": list(seeds), "on": now}]))


def disclose(path: Path, settings: str) -> None:
    """Note in a manifest how its settings were chosen, which may come to be said after it was frozen."""
    with exclusive(path):
        if (before := read(path)) is not None:
            write(path, replace(before, settings=settings))


def read(path: Path) -> Manifest | None:
    """The manifest, None where there is none.

    Raises:
        InputError: for a file that is no manifest.
    """
    try:
        said = read_json(path, mend="delete it to plan anew")
        if isinstance(said.get("metric"), str):  # a sentence, as long as there was one metric
            raise InputError(f"{path}: was made by an earlier version (RECIPE 1); begin anew with name=...")
        if said.pop("seal") != seal(said):
            raise InputError(f"{path}: was changed since it was frozen; undo that, or delete it to plan anew")
        contrasts = [
            Planned(one["kind"], tuple(one["components"]), one["weights"], tuple(one["orders"]))
            for one in said.pop("contrasts")
        ]
        found = Manifest(**said, contrasts=contrasts)
        _check(found)
        return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as problem:
        raise InputError(f"{path}: is no manifest that can be read ({problem}); delete it to plan anew") from problem


def _check(found: Manifest) -> None:
    """Raises what `read` tells of, for types that no reader could take: a seal is no proof of who made it."""
    datetime.fromisoformat(found.frozen)
    check_terms(found.level, found.smallest, found.power, found.looks)
    parts = [part for one in found.contrasts for part in one.components]
    for what, values, kind in (
        ("seeds", found.all_seeds, int), ("variants", found.variants.values(), dict), ("components", parts, str),
    ):  # fmt: skip
        if not all(isinstance(one, kind) for one in values):
            raise TypeError(f"its {what} are not all of {kind.__name__}")


def read_all(study: Path) -> list[Manifest]:
    """Every manifest in a study's folder, in the order in which they were frozen."""
    found = [read(path) for path in sorted(study.glob("manifest-*.json"))]
    return sorted((one for one in found if one is not None), key=lambda one: one.frozen)
