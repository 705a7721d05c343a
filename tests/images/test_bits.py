"""The images task trains to the bits that it trained to before there were tasks.

Frozen are digests of what commit BEFORE predicts: the last one whose engine knew of images alone. Its first warm-up
step had a rate of 0, and small subsets were drawn otherwise (both changed on purpose, RECIPE 2), so the schedule is
constant and the data are whole. There `schedule=constant` was

    train.schedule._target_=dissect.training.schedules.constant '~train.schedule.warmup'
"""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dissect.store import runs as store

BEFORE = "3759841"
TORCH = "2.15.0+cu132"
# Without oneDNN, and with MKL's and torch's kernels of one kind, x86 processors of all makers add in one order.
RUN = "import torch; torch.backends.mkldnn.enabled = False; from dissect.__main__ import main; main()"
ONE_ORDER = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"}


@pytest.mark.skipif(torch.__version__ != TORCH, reason=f"bits depend on torch's version; these are of {TORCH}")
@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64"
    or torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"),
    reason="bits depend on the processor's instructions; these are of Linux on x86 with AVX2",
)  # fmt: skip
@pytest.mark.parametrize(
    ("step", "single", "ten_crop"),
    [(1, "c16cc9bf5b84b058", "ec57d5a4335a5337"), (7, "790f8e2abb6b355f", "d84594f175850084")],
)
def test_a_run_predicts_to_the_bit_what_it_did_before_there_were_tasks(
    tmp_path: Path, step: int, single: str, ten_crop: str
):
    small = ["data=digits", "train.epochs=2", "model.width=0.1", "seed=2", "threads=1", "trainer.accelerator=cpu"]
    said = [f"+ablation=step{step}", *small, "schedule=constant", f"runs={tmp_path / 'runs'}"]
    package = str(Path(store.__file__).parents[2])
    environment = os.environ | ONE_ORDER | {"PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *said], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (result,) = store.results(tmp_path / "runs" / "digits")
    predictions = store.read_predictions(Path(result["folder"]))
    found = [hashlib.blake2b(predictions[f"probabilities{view}"].tobytes(), digest_size=8).hexdigest()
             for view in ("", "_ten_crop")]  # fmt: skip
    assert found == [single, ten_crop], f"other predictions than those of commit {BEFORE}"
