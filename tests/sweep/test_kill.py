"""A run that is killed ends as if nothing had happened. The longer form is a command: `python tests/sweep/kill.py`."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits():
    command = [sys.executable, str(Path(__file__).parent / "kill.py"), "--kills", "8", "--parents", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("8 kills over ")
