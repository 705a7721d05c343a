"""What a run is trained on: its name, and the precision that its units have."""

import platform
import sys
from functools import cache
from pathlib import Path

import torch

UNITS = ("avx512_bf16", "amx_bf16", "bf16")  # x86's two and ARM's, as torch names them


def has_bf16(*, gpu: bool) -> bool:
    """Whether the GPU, or else the processor, has units for bf16, so that nothing emulates it."""
    if gpu:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return any(torch.cpu.get_capabilities().get(unit) for unit in UNITS)


@cache
def warn_of_emulation() -> None:
    """Say once that a processor without such units will emulate them; measured with oneDNN told to leave them be."""
    times = "twice" if torch.cpu.get_capabilities().get("avx512_f") else "eight times"
    print(
        f"trainer.precision: this processor has no bf16 units, so a run takes about {times} as long as with "
        "trainer.precision=32-true, which is another run",
        file=sys.stderr, flush=True,
    )  # fmt: skip


def device_name(device: torch.device) -> str:
    """The processor's own name, with the threads used on a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return f"{device.type} ({platform.processor() or platform.machine()})"
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    threads = torch.get_num_threads()
    return f"CPU {name}, {threads} thread{'' if threads == 1 else 's'}"
