"""The example notebook, cell by cell, as it stands."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

HERE = Path(__file__).parents[2] / "experiments" / "notebook"


def test_every_cell_of_the_notebook_runs(monkeypatch, capsys):
    monkeypatch.chdir(HERE)
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.switch_backend("agg")
    cells = re.split(r"^# %%.*\n", (HERE / "example.py").read_text(), flags=re.M)
    names: dict = {}
    for cell in cells:
        exec(compile(cell, "example.py", "exec"), names)
    assert "<table" in names["study"]._repr_html_()
    # differences -0.11, -0.14, -0.08, -0.13
    assert names["gains"]["gain"].iloc[0] == pytest.approx(-0.115)
    assert names["gains"]["verdict"].iloc[0] == "helps"
    assert len(names["axes"][0].get_yticklabels()) == 6
    assert capsys.readouterr().out.startswith("|  | dropout |")
    plt.close("all")
