"""What a process prints ends no run, and none outlives its parent."""

import os
import signal
import subprocess
import sys
import time

import pytest

SPEAK = "from dissect.process import speak_plainly; speak_plainly(); "


def ran(program: str, **how):
    return subprocess.run([sys.executable, "-c", program], check=False, stdout=subprocess.PIPE, **how)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_letters_that_a_terminal_does_not_have_are_spelt(encoding):
    program = SPEAK + "print('a · b × c … 日'); from rich.console import Console; Console().print('│ · │')"
    done = ran(program, env=os.environ | {"PYTHONIOENCODING": encoding})
    assert done.returncode == 0
    first = done.stdout.decode(encoding).splitlines()[0]
    assert first == {"ascii": "a - b x c ... ?", "latin-1": "a · b × c ... ?"}[encoding]


def test_a_reader_who_is_gone_and_a_full_disk_end_nothing():
    read, write = os.pipe()
    os.close(read)
    for place in (write, os.open("/dev/full", os.O_WRONLY)):
        program = SPEAK + "print('x' * 100_000, flush=True); print(1); import os; os._exit(7)"
        done = subprocess.run([sys.executable, "-c", program], check=False, stdout=place, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (7, b"")


STOP = "import signal, time; from dissect.process import stop_on_signals; stop_on_signals(); "


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"])
def test_what_asks_a_process_to_end_lets_it_clean_up_unless_it_was_ignored_at_the_start(name):
    number = getattr(signal, name)
    for ignored, status, said in ((False, 128 + number, "cleaned\n"), (True, 0, "slept\ncleaned\n")):
        action = "signal.SIG_IGN" if ignored else "signal.SIG_DFL"
        body = f"import signal; signal.signal({number}, {action}); " + STOP
        asleep = 0.5 if ignored else 20
        body += f"\ntry:\n    print(1, flush=True)\n    time.sleep({asleep})\n    print('slept')\n"
        body += "finally:\n    print('cleaned')"
        process = subprocess.Popen(
            [sys.executable, "-c", body], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout.readline() == "1\n"
        process.send_signal(number)
        assert (process.communicate(timeout=20)[0], process.returncode) == (said, status)


CHILD = """
import multiprocessing, sys, time
from dissect.process import end_with_parent
def live(line):
    if sys.argv[1] == "elsewhere":
        sys.platform = "other"
    end_with_parent()
    line.send(1)
    time.sleep(60)
if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver" if sys.argv[1] == "forked" else "spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=live, args=[theirs])
    child.start()
    ours.recv()
    print(child.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("system", ["here", "elsewhere", "forked"])
def test_a_worker_ends_with_its_parent_however_that_ended(tmp_path, system):
    (tmp_path / "sweep.py").write_text(CHILD)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "sweep.py"), system], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    for _ in range(100):
        if not running(worker):
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    raise AssertionError("it goes on")


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
