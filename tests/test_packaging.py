"""The wheel and the sdist: named as the texts say, whole, and working where nothing else of the checkout is."""

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from dissect.errors import DISTRIBUTION, VERSION, install

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_name_and_version_are_those_of_the_project_and_the_citation():
    assert (PROJECT["name"], PROJECT["version"]) == (DISTRIBUTION, VERSION)
    assert f"version: {VERSION}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_text_installs_another_projects_package():
    """By a name that is not ours; by ours only with extras that there are."""
    places = ("*.md", "experiments/**/*.md", "dissect/**/*.py", "conf/**/*.yaml")
    texts = [path for place in places for path in ROOT.glob(place)]
    for path in texts:
        for name, extra in re.findall(r"pip install ['\"]?(dissect[\w-]*)(?:\[(\w+)\])?", path.read_text()):
            assert name == DISTRIBUTION, path
            assert not extra or extra in PROJECT["optional-dependencies"], path
    assert install("slurm") == "pip install 'dissect-ablation[slurm]'"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed here")
def test_the_wheel_and_the_sdist_are_whole_and_the_wheel_trains(tmp_path):
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)], cwd=ROOT, check=True)
    [wheel], [sdist] = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as file:
        assert {"dissect/py.typed", "dissect/conf/config.yaml", "dissect/report/page.css"} <= set(file.namelist())
    place = ["--target", str(tmp_path / "installed")]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *place, str(wheel)], check=True)
    with tarfile.open(sdist) as archive:
        assert any(name.endswith("/EXTENDING.md") for name in archive.getnames())
    small = [
        "data.train_per_class=5",
        "model.width=0.1",
        "train.epochs=1",
        "train.batch_size=20",
        "threads=1",
        "trainer.accelerator=cpu",
    ]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run([sys.executable, "-m", "dissect", *small], cwd=tmp_path, env=environment, check=True,
                          capture_output=True, text=True)  # fmt: skip
    assert "step1 · baseline seed 0: accuracy" in done.stdout
