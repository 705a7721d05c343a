"""One piece of the study: goes on where the last one ended, for so many minutes. Call it until all is done.

python experiments/boin2015/piece.py --minutes 9 data.root=FOLDER_OR_ZIP

What follows the options goes to `python -m dissect` as it is. Leaves with 0 when every run is finished, with 75 when
there is more to do, and else with what the command that failed left with.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STUDIES = ("boin2015", "boin2015_ensemble")
MORE = 75  # EX_TEMPFAIL: "the user is invited to retry"
GRACE = 20.0  # seconds in which a stopped command ends its workers


def main() -> int:
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("--minutes", type=float, default=9.0, help="after which it stops; what is trained is kept")
    options, overrides = said.parse_known_args()
    end = time.monotonic() + 60 * options.minutes
    for study in STUDIES:
        if (status := run(study, overrides, end)) != 0:
            return status
    print("all is finished")  # where the report is, the last command has said
    return 0


def run(study: str, overrides: Sequence[str], end: float) -> int:
    """The command's exit status, or MORE where it was stopped at `end`, a time of the monotonic clock."""
    here = str(Path(__file__).parent)
    command = [sys.executable, "-m", "dissect", "--config-dir", here, f"+study={study}", *overrides]
    process = subprocess.Popen(command)
    try:
        return process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.terminate()
        print("this piece is over; the same command goes on from here", flush=True)
        return MORE
    finally:
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
