"""TensorBoard for one run: tags in groups, and its components beside its final metrics among the hyperparameters."""

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger

from dissect.loggers.wandb import sectioned


class TensorBoard(TensorBoardLogger):
    """Lightning's own, whose HPARAMS are written once, when the run is finished: TensorBoard keeps what comes first."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        super().log_metrics({sectioned(name): value for name, value in metrics.items()}, step)

    def log_hyperparams(self, params: Any, metrics: Any = None, step: int | None = None) -> None:
        """Keep what the run is, to be written with its result."""
        self.hparams.update(params)

    def result(self, result: Mapping[str, Any]) -> None:
        """Write the run's variant, seed and components, each on or off, with its final metrics."""
        known = dict.fromkeys([*self.hparams.get("ladder", ()), *result["components"]])
        said = {f"component/{name}": name in result["components"] for name in known}
        final = {f"final/{name}": value for name, value in result["metrics"].items() if value is not None}
        super().log_hyperparams({"variant": result["variant"], "seed": result["seed"], **said}, final)
        self.finalize("success")
