"""This process as others see it: what it prints ends no run, what stops it, and that it ends when its parent does."""

import codecs
import ctypes
import io
import os
import signal
import sys
import threading
from multiprocessing import parent_process
from typing import Any

SPELT = {"·": "-", "×": "x", "…": "...", "–": "-", "—": "-", "±": "+-", "→": "->", "≤": "<=", "≥": ">=", "−": "-"}
STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")  # the last two are how Slurm may announce that it ends


def speak_plainly() -> None:
    """Let printing never fail: neither for letters that a terminal does not have, nor for a reader who is gone."""
    codecs.register_error("spelt", _spelt)
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is not None and stream is getattr(sys, f"__{name}__"):  # and nobody's who catches what is printed
            stream.flush()
            calm = io.TextIOWrapper(
                io.BufferedWriter(_Calm(stream.fileno(), "w", closefd=False)), stream.encoding, "spelt",
                line_buffering=stream.isatty() or name == "stderr",
            )  # fmt: skip
            setattr(sys, name, calm)
            setattr(sys, f"__{name}__", calm)


def _spelt(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    return "".join(SPELT.get(letter, "?") for letter in problem.object[problem.start : problem.end]), problem.end


class _Calm(io.FileIO):
    """A terminal, pipe or log that may be closed, or be full, at any time: what cannot be written is dropped."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def stop_on_signals() -> None:
    """Leave, with 128 and the signal's number, on whatever asks a process to: cleaning up, which SIGKILL alone forbids.

    A signal that is ignored from the start stays so: `nohup` does that with SIGHUP.
    """
    for name in STOPPING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: Any) -> None:
    name = signal.Signals(number).name
    print(f"stopped by {name}; the same command goes on from the last whole epoch", file=sys.stderr, flush=True)
    sys.exit(128 + number)


def end_with_parent() -> None:
    """End this process, which multiprocessing has started, as soon as its parent has ended, however that was."""
    parent = parent_process()
    if parent is None:
        return
    if sys.platform == "linux" and os.getppid() == parent.pid:
        end_with_starter()
        if os.getppid() != parent.pid:  # it has ended before that
            os._exit(1)
    else:  # or it was forked by a server, which lives as long as any of its processes
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def end_with_starter() -> None:
    """End this process at once when the one that started it does, whoever holds Python's lock then; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_after(parent: Any) -> None:
    parent.join()
    os._exit(1)


PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>; the kernel looks at the thread that started this process
