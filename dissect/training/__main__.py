"""`python -m dissect.training`: another process of a run on several devices. The run's first one starts it."""

import pickle
import sys
from contextlib import suppress

import torch

from dissect.composing.variant import run_folder
from dissect.errors import TrainingError
from dissect.images.build import build, made
from dissect.sweep.finish import images_of
from dissect.training.memory import keep_freed_memory
from dissect.training.run import module_of
from dissect.training.together import Place, Request, leave_with_the_first
from dissect.training.trainer import Resume, trainer_of


def main() -> None:
    """Train with the others; what there is to be written and said is the first process's."""
    variant, begin, rank, port = Request(*pickle.load(sys.stdin.buffer))
    leave_with_the_first()
    keep_freed_memory()
    config, images = variant.config, images_of(variant.config)
    folder = run_folder(variant, images.digest)
    trainer = trainer_of(config, folder, [Resume(folder)], Place(rank, port))
    network = build(config, seed=variant.seed)
    module = module_of(variant, images, network, made(config, "train.schedule"), on_epoch=lambda rows: None)
    with suppress(TrainingError):  # it is the first one's as well
        trainer.fit(module, ckpt_path=str(begin) if begin else None, weights_only=True)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
