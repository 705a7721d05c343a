"""reports/README.md: every committed study stands there, with the count of what its effects.csv decides."""

import csv
import re
from pathlib import Path

import pytest

REPORTS = Path(__file__).parents[2] / "reports"
PAGE = (REPORTS / "README.md").read_text()
STUDIES = sorted(path.parent.name for path in REPORTS.glob("*/gains.png"))


def test_every_study_with_a_figure_is_in_the_gallery():
    assert re.findall(r"^## \[([\w-]+)\]", PAGE, re.M) == STUDIES


@pytest.mark.parametrize("name", STUDIES)
def test_what_is_said_to_be_decided_is_what_the_study_decided(name):
    with open(REPORTS / name / "effects.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    planned = [row for row in rows if row["plan"] != "exploratory"] or rows
    decided = [row for row in planned if row["verdict"] not in ("", "inconclusive")]
    [(count, total)] = re.findall(rf"## \[{name}\][^#]*?\*\*(\d+) of (\d+) \w+ contrasts are decided", PAGE)
    assert (int(count), int(total)) == (len(decided), len(planned))
