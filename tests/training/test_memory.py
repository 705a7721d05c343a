"""What is freed is used again: the system's own count of page faults tells."""

import subprocess
import sys

import pytest

PAGE_FAULTS = """
import resource, sys
import torch
from dissect.training.memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def step():
    maps = [torch.ones(40 << 20, dtype=torch.uint8) for _ in range(3)]  # held together, as activations are

for _ in range(10):  # until the heap has room for blocks at whatever places
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_a_step_uses_the_memory_of_the_one_before():
    def faults(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", PAGE_FAULTS, how], check=True, capture_output=True).stdout)

    pages = 10 * 3 * (40 << 20) // 4096
    assert faults("as it comes") > 0.9 * pages
    assert faults("kept") < 0.01 * pages
