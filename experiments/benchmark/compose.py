"""The yardstick of a sweep: a Hydra application with the same configs, Hydra's own sweeper, and jobs of nothing."""

import hydra
from omegaconf import DictConfig

from dissect.composing.schema import CONF


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def job(config: DictConfig) -> None:
    pass


if __name__ == "__main__":
    job()
