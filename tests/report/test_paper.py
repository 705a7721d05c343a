"""The paper's table, figures of a column's width, costs, and the folder that a document takes in."""

import re
import shutil
import subprocess

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dissect.measure.metric import Metric
from dissect.report.__main__ import main
from dissect.report.analysis import analyse
from dissect.report.costs import pareto, plot_costs
from dissect.report.drawing import draw_costs
from dissect.report.paper import as_text, method, paper_table
from dissect.report.study import read_study
from tests.report.conftest import write_ladder, write_manifest, write_run

METRIC = Metric.from_config({"name": "acc", "better": "higher"})


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return analyse(read_study(write_ladder(tmp_path_factory.mktemp("paper") / "trial")))


def test_the_table_has_mean_sd_and_gain_of_each_variant_with_its_components(found):
    table = paper_table(found).set_index("variant")
    row = table.loc["step2 · dropout 1"]
    runs = found.study.compared.query("variant == 'step2'")["accuracy"]
    assert (row["mean"], row["sd"], row["n"]) == pytest.approx((runs.mean(), runs.std(ddof=1), 3))
    assert (row["dropout1"], row["augmentation"], row["control"]) == (True, False, "step1 · baseline")
    assert row["mean_low"] < row["mean"] < row["mean_high"]
    assert table["parameters"].eq(5509700).sum() == len(table)


def test_a_text_calls_the_sd_an_sd_and_the_interval_an_interval(found):
    markdown = as_text(found, "markdown")
    head = markdown.splitlines()[0]
    assert "accuracy, % (sd)" in head
    assert "gain, points \\[95% interval\\]" in head
    assert "±" not in markdown
    line = next(line for line in markdown.splitlines() if line.startswith("| step2"))
    assert re.search(r"\| ✓ \|", line)
    assert re.search(r"\d\d\.\d\d \(\d\.\d\d\) \| 3 \| [+−]\d", line)
    latex = as_text(found, "latex")
    assert latex.count("\\\\\n") == len(found.bars) + 1
    assert "\\checkmark" in latex
    assert "\\rotatebox{90}{dropout 1} & " in latex
    assert "\\shortstack[r]{gain, points\\\\{}[95\\% interval]}" in latex
    assert as_text(found, "html").count("<tr>") == len(found.bars) + 1
    assert (
        as_text(found, "csv")
        .splitlines()[0]
        .startswith("variant,dropout1,augmentation,leaky_relu,ten_crop,ensemble,mean,sd,n,")
    )
    with pytest.raises(ValueError, match="must be one of"):
        as_text(found, "word")


def test_the_method_says_n_test_correction_plan_and_software(found, tmp_path):
    told = method(found)
    assert told.startswith("Each variant was trained with 2 to 3 seeds.")
    for part in (
        "two-sided paired t tests",
        "Holm, 1979",
        "new seeds on these examples",
        "No contrast is known",
        "SciPy",
    ):
        assert part in told
    study = write_ladder(tmp_path / "planned")
    write_manifest(study, [("ladder", ["dropout1"], {"step2": 1.0, "step1": -1.0})], frozen="2025-01-01T00:00:00+00:00")
    assert "1 contrast was planned before the runs" in method(analyse(read_study(study)))


def test_the_method_says_what_else_the_numbers_rest_on(tmp_path):
    study = write_ladder(tmp_path / "looked")
    write_run(study, "step2", ("dropout1",), 3, 0.1)  # at chance
    write_run(study, "step1", (), 3, 0.4)
    asked = [("ladder", ["dropout1"], {"step2": 1.0, "step1": -1.0})]
    write_manifest(study, asked, frozen="2025-01-01T00:00:00+00:00", looks=[2, 3], seeds=[0, 1, 2, 3])
    told = method(analyse(read_study(study)))
    assert "One looked after 2, 3 seeds, and p values and intervals count all looks." in told
    assert (
        "1 run diverged or ended no better than guessing; gains are over the seeds for which all runs trained." in told
    )


@pytest.mark.parametrize(("sign", "wanted"), [(1, [True, True, False, True]), (-1, [True, False, False, False])])
def test_what_no_other_variant_beats_is_on_the_front(sign, wanted):
    # costs rise; the third is beaten by the second where higher is better
    assert list(pareto([1, 2, 3, 4], [0.5, 0.7, 0.6, 0.9], sign)) == wanted


def test_equals_are_both_on_the_front_and_what_has_no_cost_is_not():
    assert list(pareto([1, 1, np.nan], [0.5, 0.5, 0.9], 1)) == [True, True, False]


def test_costs_are_drawn_with_the_front_joined():
    ax = plt.figure().subplots()
    table = pd.DataFrame({"number": [1, 2, 3], "mean": [0.5, 0.7, 0.6], "mean_low": [0.4, 0.6, 0.5],
                          "mean_high": [0.6, 0.8, 0.7], "parameters": [1e3, 1e5, 1e6]})  # fmt: skip
    plot_costs(table, "parameters", METRIC, ax=ax)
    joined = next(line for line in ax.lines if line.get_linestyle() == "-" and line.get_marker() == "None")
    assert list(joined.get_xdata()) == [1e3, 1e5]
    assert ax.get_xscale() == "log"
    ax.figure.draw_without_rendering()
    assert {"1k", "1M"} <= {tick.get_text() for tick in ax.get_xticklabels()}  # no source of a formula
    plt.close()


@pytest.mark.parametrize("width", [3.4, 7.0, 11.0])
def test_long_names_are_cut_in_the_legend_of_costs_so_that_it_fits(width):
    names = ["mixup + label smoothing + " * 4 + str(number) for number in range(7)]
    costs = pd.DataFrame({"variant": names, "mean": 0.5, "mean_low": 0.4, "mean_high": 0.6,
                          "parameters": range(1, 8), "multiply_adds": 1.0, "train_seconds": 1.0})  # fmt: skip
    figure = draw_costs(costs, METRIC, width)
    (legend,) = figure.legends
    assert legend.get_texts()[-1].get_text() == "7: mixup + label smoothing + mixup + label smoothing …"
    figure.draw_without_rendering()
    assert figure.bbox.x0 <= legend.get_window_extent().x0
    assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_the_paper_folder_holds_all_that_its_document_takes_in(tmp_path):
    write_ladder(tmp_path / "runs" / "trial")
    write_run(tmp_path / "runs" / "trial", "step1", (), 5, 0.41, parameters=7)
    said = ["trial", "figure.width=one", "--paper", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path)]
    assert main(said) == 0
    folder = tmp_path / "trial" / "paper"
    document = (folder / "example.tex").read_text()
    taken = re.findall(r"\\includegraphics\{([^}]+)\}", document)
    taken += [f"{name}.tex" for name in re.findall(r"\\input\{([^}]+)\}", document)]
    assert {"gains.pdf", "costs.pdf", "variants.tex", "effects.tex", "method.tex"} <= set(taken)
    assert [name for name in taken if not (folder / name).exists()] == []
    # inches of 72 points
    [box] = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+)", (folder / "gains.pdf").read_bytes())
    assert float(box) == pytest.approx(3.4 * 72)


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("pdflatex") or shutil.which("tectonic")), reason="no LaTeX here")
def test_the_document_compiles(tmp_path):
    write_ladder(tmp_path / "runs" / "trial")
    assert main(["trial", "--paper", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path)]) == 0
    command = ["tectonic"] if shutil.which("tectonic") else ["pdflatex", "-halt-on-error", "-interaction=nonstopmode"]
    subprocess.run([*command, "example.tex"], cwd=tmp_path / "trial" / "paper", check=True, capture_output=True)


def test_a_width_that_is_none_is_said(capsys):
    assert main(["trial", "figure.width=wide"]) == 2
    assert "figure.width=wide: must be inches, or one or two" in capsys.readouterr().err
