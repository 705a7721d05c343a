"""`python -m dissect.training`: another process of a run on several devices. The run's first one starts it."""

import pickle
import sys
from contextlib import suppress

import torch

from dissect.composing.job import check_code
from dissect.errors import TrainingError
from dissect.training.epochs import Epochs
from dissect.training.memory import keep_freed_memory
from dissect.training.resume import Resume
from dissect.training.task import task_of
from dissect.training.together import Place, Request, leave_with_the_first
from dissect.training.trainer import trainer_of


def main() -> None:
    """Train with the others; what there is to be written and said is the first process's."""
    job, begin, rank, port = Request(*pickle.load(sys.stdin.buffer))
    leave_with_the_first()
    keep_freed_memory()
    config, seed = job.variant.config, job.variant.seed
    task = task_of(config)
    data = task.data(config)
    # The same callbacks as the first process has: what they ask of logged metrics, all have to ask.
    epochs, resume = Epochs(job.folder / "metrics.csv", lambda rows: None), Resume(job.folder, job.key)
    callbacks = [*task.callbacks(config, seed), epochs, resume]
    trainer = trainer_of(config, job.folder, callbacks, Place(rank, port), bf16_pays=task.bf16_pays(config))
    module = task.module(config, data, seed)
    check_code(job)
    with suppress(TrainingError):  # it is the first one's as well
        trainer.fit(module, ckpt_path=str(begin) if begin else None, weights_only=True)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
