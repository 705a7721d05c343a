"""`python -m MODULE ARGUMENTS`, each in a process of its own, forked from one that has imported what they need.

Importing torch and Lightning takes some seven seconds of processor: a command and the process that its workers are
forked from would spend them once each. Here both are begun once by each process that runs tests.
"""

import atexit
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

LIMIT = 300  # seconds of one command, which then ends by SIGALRM


def run(
    module: str, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, ...)`."""
    server = _server()
    assert server.stdin
    assert server.stdout
    with tempfile.TemporaryDirectory() as folder:
        printed = [os.path.join(folder, name) for name in ("out", "err")]
        asked = {"module": module, "arguments": list(arguments), "cwd": str(cwd), "env": dict(env), "printed": printed}
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        out, err = (Path(path).read_text() for path in printed)
    return subprocess.CompletedProcess([module, *arguments], status, out, err)


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)  # which closes its requests, upon which it ends
    return server


def _serve() -> None:
    """Answer each request with the exit status of a fork; the fork runs it, and ends as an interpreter does."""
    from dissect.sweep.pool import warm

    warm()
    for line in sys.stdin:
        if pid := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
            continue
        asked = json.loads(line)
        _become(asked["cwd"], asked["env"], asked["printed"])
        sys.argv[1:] = asked["arguments"]
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
        return


def _become(cwd: str, env: Mapping[str, str], printed: Sequence[str]) -> None:
    signal.alarm(LIMIT)
    os.chdir(cwd)
    sys.path[0] = cwd
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate([os.devnull, *printed]):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    # Its workers are forked by the server that there is, which is no child of this process, so that it cannot ask.
    server: Any = forkserver._forkserver
    server.ensure_running = forkserver.ensure_running = lambda: None


if __name__ == "__main__":
    _serve()
