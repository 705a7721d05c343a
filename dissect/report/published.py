"""The numbers that a study is compared with: `experiments/<source>/published.yaml`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from dissect.composing.plain import leaves
from dissect.errors import InputError
from dissect.report.facts import examples_text, facts_text

GAIN = ["component", "step", "control", "gain"]  # the keys of a published gain


@dataclass(frozen=True)
class Published:
    """What a source reports, for one data set and one network (`model`, its `_target_`; any, where it is not said).

    `levels` are those of `metric` by step, as it is logged; `gains` are rows of `component`, `step`, `control` and
    `gain`, in the metric's unit, each from so many `runs` a side. `facts` are those of the source's data, under the
    names that runs give them.
    """

    path: Path
    source: str
    data: str
    metric: str
    model: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)
    gains: list[dict[str, Any]] = field(default_factory=list)
    runs: int = 1

    @property
    def examples(self) -> str:
        return examples_text(self.facts)

    @property
    def scope(self) -> str:
        return facts_text(self.facts)

    def same_data(self, data: dict[str, Any]) -> bool:
        """Whether a study's data are the set that the source used, not a part of it or other sizes."""
        found = leaves(data)
        return all(found.get(key) == value for key, value in leaves(self.facts).items())


def find_published(data: str, metric: str, model: str | None = None, named: Path | None = None) -> Published | None:
    """The published values for this data, metric and network: from the file named, or the first of the experiments.

    Args:
        model: the network's `_target_`, None where it is not known; a file that is named is about any network.

    Raises:
        InputError: for a file that cannot be used, or one named that is about other data.
    """
    if named is not None:
        published = read_published(named)
        if published.data != data:
            raise InputError(f"{named}: is about data {published.data!r}, the study's are {data!r}; leave it out")
        if published.metric != metric:
            raise InputError(f"{named}: is about {published.metric}, and {metric} is shown; leave it out")
        return published
    here = Path(__file__).resolve().parents[1]  # in a wheel they lie inside the package, in a checkout beside it
    roots = dict.fromkeys([here, here.parent, Path.cwd().resolve()])
    files = [path for root in roots for path in sorted(root.glob("experiments/*/published.yaml"))]
    known = (
        published for published in map(read_published, files) if (published.data, published.metric) == (data, metric)
    )
    return next((one for one in known if model is None or one.model in (None, model)), None)


def read_published(path: Path) -> Published:
    """One file of published values.

    Raises:
        InputError: when it is missing, is not YAML, or has other keys or values than `Published`.
    """
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror or problem})") from problem
    except (ValueError, yaml.YAMLError) as problem:
        raise InputError(f"{path}: is not valid YAML ({problem})") from problem
    try:
        published = Published(path=path, **content)  # type: ignore[arg-type]  # checked here, by what it raises
    except TypeError as problem:
        wrong = str(problem).removeprefix("Published.__init__() ")
        raise InputError(f"{path}: {wrong}; experiments/boin2015/published.yaml shows the keys") from problem
    if not all(isinstance(one, dict) for one in (published.levels, published.facts)):
        raise InputError(f"{path}: `levels` has to be a mapping of steps, and `facts` one of what the data are")
    if not isinstance(published.gains, list):
        raise InputError(f"{path}: `gains` has to be a list of rows")
    if isinstance(published.runs, bool) or not isinstance(published.runs, int) or published.runs < 1:
        raise InputError(
            f"{path}: `runs` is {published.runs!r}; it is how many runs a side are behind a gain, 1 or more"
        )
    for step, level in published.levels.items():
        if isinstance(level, bool) or not isinstance(level, float | int):
            raise InputError(f"{path}: `levels.{step}` is {level!r}, not the {published.metric} as runs log it")
    for row in published.gains:
        if not isinstance(row, dict) or set(row) != set(GAIN) or not isinstance(row["gain"], float | int):
            raise InputError(f"{path}: a row of `gains` is {row!r}; it needs {', '.join(GAIN)}, no more")
    return published
