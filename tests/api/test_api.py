"""What `dissect` offers to Python: fast to import, documented by examples that run, on axes of one's own."""

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

import dissect
from dissect.errors import InputError
from tests.report.conftest import write_ladder, write_subsets


def test_importing_takes_less_than_a_tenth_of_a_second_and_nothing_heavy():
    program = (
        "import sys, time; t = time.perf_counter(); import dissect; took = time.perf_counter() - t; "
        "assert not {'torch', 'pandas', 'numpy', 'matplotlib', 'hydra'} & set(sys.modules); print(took)"
    )
    times = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        times.append(float(done.stdout))
    assert min(times) < 0.1


@pytest.mark.parametrize("name", ["study", "plots", "runs"])
def test_the_examples_of_the_docstrings_run(name):
    module = importlib.import_module(f"dissect.api.{name}")
    found = doctest.testmod(module, extraglobs={"pd": pd, "dissect": dissect})
    assert found.attempted
    assert not found.failed


def test_what_cannot_be_composed_is_one_line_and_says_where_configs_of_ones_own_go(tmp_path):
    with pytest.raises(InputError, match=r"component=mine: there is no such choice; .*; configs of your own: config_d"):
        dissect.compose(["component=[mine]"])
    (tmp_path / "component").mkdir()
    (tmp_path / "component/mien.yaml").write_text("# @package _global_\ncomponents: {mien: it}\ntrain: {epochs: 3}\n")
    with pytest.raises(InputError, match=r"component=mine: .*did you mean mien") as problem:
        dissect.compose(["component=[mine]"], config_dirs=[tmp_path])
    assert "config_dirs" not in str(problem.value)
    with pytest.raises(InputError, match=r"optimzer.lr: there is no such key; did you mean optimizer.lr\?"):
        dissect.compose(["optimzer.lr=1"])


def test_every_name_is_there_and_says_what_it_does():
    for name in dissect.__all__:
        if name != "__version__":
            assert (getattr(dissect, name).__doc__ or "").strip(), name
    with pytest.raises(AttributeError, match="no attribute 'plot_nothing'"):
        _ = dissect.plot_nothing
    assert (Path(dissect.__file__).parent / "py.typed").exists()


@pytest.fixture(scope="module")
def subsets(tmp_path_factory):
    return dissect.read(write_subsets(tmp_path_factory.mktemp("api") / "trial", "abc", seeds=3, examples=200))


def test_report_and_plan_are_called_though_packages_have_their_names(subsets, tmp_path):
    page = dissect.report(subsets, tmp_path, width=7, paper=True)
    assert page == tmp_path / "trial" / "index.html"
    assert (page.parent / "paper" / "example.tex").exists()
    assert list(dissect.plan(subsets, 1.0).columns)[:3] == ["label", "kind", "pilot"]


def test_a_study_is_its_runs_its_effects_and_shows_itself(subsets):
    assert len(subsets.runs) == 8 * 3
    assert set(subsets.effects()["kind"]) >= {"leave_one_out", "one_at_a_time", "interaction"}
    html = subsets._repr_html_()
    assert "<table" in html
    assert "gains of validation accuracy in points, paired by seed (3 seeds); higher is better" in html
    assert repr(subsets) == "<Study trial: 24 runs of 8 variants>"


def test_figures_are_drawn_on_the_axes_that_are_given(subsets, tmp_path):
    axes = Figure().subplots(1, 4)
    assert dissect.plot_gains(subsets, ax=axes[0]) is axes[0]
    assert len(axes[0].get_yticklabels()) == 8
    dissect.plot_attribution(subsets, ax=axes[1])
    assert [tick.get_text() for tick in axes[1].get_yticklabels()] == ["a_1 & b", "b", "c"]
    dissect.plot_interactions(subsets, ax=axes[2])
    assert axes[2].images
    dissect.plot_curves(subsets, "a+b", ax=axes[3])
    assert axes[3].lines
    with pytest.raises(InputError, match="trial: nothing has no curves of accuracy; variants are"):
        dissect.plot_curves(subsets, "nothing", ax=axes[3])
    ladder = dissect.read(write_ladder(tmp_path / "ladder"))
    with pytest.raises(InputError, match="no component is seen in more than one way"):
        dissect.plot_attribution(ladder, ax=axes[1])
    with pytest.raises(InputError, match="no interaction can be measured"):
        dissect.plot_interactions(ladder, ax=axes[2])


def test_tables_are_a_frame_or_a_text(subsets):
    frame = dissect.table(subsets)
    assert list(frame["a"]) == [False, True, False, False, True, True, False, True]
    assert dissect.table(subsets, "markdown").startswith("|  | a\\_1 &amp; b |")
    with pytest.raises(ValueError, match="kind='word': must be one of latex, markdown, csv, html"):
        dissect.table(subsets, "word")


def test_a_forest_is_drawn_of_a_component_that_two_studies_have(subsets, tmp_path):
    other = dissect.read(write_subsets(tmp_path / "other", "ab", seeds=3, examples=100))
    ax = dissect.plot_forest([subsets, other], "a", ax=Figure().subplots())
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["trial (3 seeds)", "other (3 seeds)", "mean"]
    with pytest.raises(InputError, match="c: is in no two of these studies; there are a, b"):
        dissect.plot_forest([subsets, other], "c", ax=Figure().subplots())
