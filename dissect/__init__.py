"""dissect: which of the things you added actually helped, by how much, and how sure can you be?

What Python users may use, each made only when it is asked for, as most of it imports slowly:

- `read(source)` a study, whoever made its runs, as a `Study`; `gains(frame, ...)` from any DataFrame of runs
- `plot_gains`, `plot_attribution`, `plot_interactions`, `plot_curves`, `plot_forest` on axes of your own
- `table(study)` the paper's table; `report(study, out)` the page and its files; `plan(pilot, gain)` the seeds it takes
- `compose([...])` a variant from what a command line says, and `train(variant)` its result
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dissect import errors

if TYPE_CHECKING:
    from dissect.api.plots import plot_attribution, plot_curves, plot_forest, plot_gains, plot_interactions
    from dissect.api.runs import compose, train
    from dissect.api.study import Study, gains, plan, read, report, table


__version__ = errors.VERSION
_WHERE = {
    "plots": ("plot_attribution", "plot_curves", "plot_forest", "plot_gains", "plot_interactions"),
    "runs": ("compose", "train"),
    "study": ("Study", "gains", "plan", "read", "report", "table"),
}
__all__ = [
    "Study",
    "__version__",
    "compose",
    "gains",
    "plan",
    "plot_attribution",
    "plot_curves",
    "plot_forest",
    "plot_gains",
    "plot_interactions",
    "read",
    "report",
    "table",
    "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(f"dissect.api.{module}"), name)
    raise AttributeError(f"module 'dissect' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
