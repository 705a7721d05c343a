"""What a search leaves in its folder, of any keys and any metric, and how it is drawn."""

import os
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image

from dissect.errors import InputError
from dissect.measure.metric import Metric
from dissect.search.__main__ import main
from dissect.search.figure import axes_of, draw_search
from dissect.search.record import Trial, best_of, read_trials, write_trials, write_tuned
from tests.conftest import write_finished

OTHERS = {"top5": {"unit": "points", "better": "higher"}, "loss": {"unit": "nats", "better": "lower"}}
ACCURACY = Metric.from_config(
    {"name": "accuracy", "unit": "points", "better": "higher", "times": 100, "others": OTHERS}
)
RMSE = Metric("val/rmse", "error", "units", "lower", 1.0)


def trial(place: int, metrics: dict[str, float], setting: dict[str, float] | None = None) -> Trial:
    return Trial("baseline", 0, place, setting or {"module.lr": 0.1}, (0, 1), metrics, (f"run{place}",))


def test_the_best_is_the_lowest_where_lower_is_better():
    trials = [trial(0, {"val/rmse": 55.0}), trial(1, {}), trial(2, {"val/rmse": 53.0}), trial(3, {"val/rmse": 57.0})]
    assert best_of(trials, RMSE) is trials[2]
    assert best_of(trials[1:2], RMSE) is None


def test_of_equal_ones_the_finer_metric_decides_and_then_the_first():
    def one(place: int, accuracy: float, top5: float, loss: float) -> Trial:
        return trial(place, {"accuracy": accuracy, "top5": top5, "loss": loss})

    trials = [one(0, 0.9, 1.0, 0.5), one(1, 0.9, 0.8, 0.3), one(2, 0.8, 1.0, 0.1), one(3, 0.9, 0.8, 0.3)]
    assert best_of(trials, ACCURACY) is trials[1]


def test_trials_are_read_back_with_the_keys_that_were_searched_over(tmp_path: Path):
    setting = {"module.lr": 0.01, "datamodule.batch": 64.0, "module.decay": 1e-5}
    write_trials(tmp_path, "baseline", [trial(0, {"val/rmse": 55.0, "val/mae": 41.0}, setting), trial(1, {}, setting)])
    found, keys = read_trials(tmp_path)
    assert keys == list(setting)
    assert found[keys].iloc[1].to_dict() == setting
    assert found["val/rmse"].tolist()[0] == 55.0
    assert found["val/rmse"].isna().tolist() == [False, True]
    assert found[["round", "trial", "seeds", "runs"]].iloc[1].tolist() == [1, 2, "0 1", "run1"]


@pytest.mark.parametrize("text", ["", "variant,round\na,1\n", "seeds,variant,round,trial,runs\n0,a,1,1,r\n"])
def test_a_damaged_table_is_named(tmp_path: Path, text: str):
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "step1.csv").write_text(text)
    with pytest.raises(InputError, match=r"step1\.csv: cannot be read .*give the search's command again"):
        read_trials(tmp_path)


def test_a_pipe_in_a_tables_place_is_not_waited_for(tmp_path: Path):
    (tmp_path / "tuned").mkdir()
    os.mkfifo(tmp_path / "tuned" / "step1.csv")
    with pytest.raises(InputError, match=r"step1\.csv: is no regular file"):
        read_trials(tmp_path)


def test_the_best_setting_is_a_config_of_its_keys(tmp_path: Path):
    best = trial(0, {"val/rmse": 53.219}, {"module.lr": 0.01235, "module.decay": 5.5e-05, "datamodule.mix": 0.5})
    text = write_tuned(tmp_path, best, RMSE, trials=12, data="100 examples").read_text()
    assert text.startswith("# @package _global_\n# baseline: the best of 12 settings by random search, ")
    assert "# tuning error 53.22 units (seeds 0, 1) on 100 examples.\n" in text
    assert OmegaConf.create(text) == {"module": {"lr": 0.01235, "decay": 5.5e-05}, "datamodule": {"mix": 0.5}}


def trials_of(**columns: list[float]) -> pd.DataFrame:
    count = len(columns["rmse"])
    told = {"variant": ["baseline"] * count, "round": [1] * (count - 1) + [2], **columns}
    return pd.DataFrame(told).rename(columns={"rmse": "val/rmse", "lr": "module.lr", "wd": "module.wd"})


NAN = float("nan")


def test_axes_are_the_first_two_keys_that_vary_and_of_one_alone_the_metric():
    trials = trials_of(batch=[64, 64], lr=[0.1, 0.2], wd=[1e-3, 1e-4], rmse=[55, 56])
    assert axes_of(trials, ["batch", "module.lr", "module.wd"], RMSE) == ("module.lr", "module.wd")
    assert axes_of(trials, ["batch", "module.lr"], RMSE) == ("module.lr", "val/rmse")
    assert axes_of(trials[:1], ["batch", "module.lr"], RMSE) == ("batch", "val/rmse")


def test_the_lowest_error_has_the_ring_and_the_brightest_colour():
    trials = trials_of(lr=[0.1, 0.2, 0.3, 0.4], wd=[1e-3, 1e-4, 1e-5, 1e-6], rmse=[55, 53, NAN, 58])
    figure = draw_search(trials, ["module.lr", "module.wd"], RMSE)
    ax, bar = figure.axes
    ring = next(line for line in ax.lines if line.get_label() == "best")
    assert ring.get_xydata().tolist() == [[0.2, 1e-4]]
    cross = next(line for line in ax.lines if line.get_label() == "diverged")
    assert cross.get_xydata().tolist() == [[0.3, 1e-5]]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("module.lr", "module.wd", "log")
    assert ax.get_title() == "baseline: 53.00 units at 0.2, 0.0001"
    assert bar.get_ylabel() == "tuning error, units (lower is better)"
    marks: dict[tuple[float, float], list[float]] = {}
    for one in ax.collections:
        marks |= dict(zip(map(tuple, one.get_offsets().tolist()), one.get_facecolors().tolist(), strict=False))
    bright = {at: sum(colour[:3]) for at, colour in marks.items()}
    assert max(bright, key=lambda at: bright[at]) == (0.2, 1e-4)


def test_of_one_key_the_figure_shows_the_metric_over_it():
    ax = draw_search(trials_of(lr=[0.1, 0.2, 0.3], rmse=[55, NAN, 53]), ["module.lr"], RMSE).axes[0]
    assert ax.get_ylabel() == "error, units (lower is better)"
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    assert next(line for line in ax.lines if line.get_label() == "best").get_xydata().tolist() == [[0.3, 53]]
    (cross,) = [line for line in ax.lines if line.get_label() == "diverged"]
    assert cross.get_xydata().tolist() == [[0.2, 0.98]]  # of the axis's height: at the worse end


def test_the_command_draws_a_search_of_another_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    study = tmp_path / "runs" / "table-search"
    settings = [{"module.lr": 0.1 * (n + 1), "module.wd": 1e-4 * (n + 1)} for n in range(3)]
    metrics = [{"val/rmse": 55.0}, {}, {"val/rmse": 53.0}]
    write_trials(study, "baseline", [trial(n, metrics[n], settings[n]) for n in range(3)])
    assert main(["table-search"]) == 2
    assert "none of its runs says by which metric it was judged" in capsys.readouterr().err
    who = {"key": "k", "variant": "baseline", "components": {}, "seed": 0, "error": None, "data": {"name": "d"}}
    said = {"status": "finished", "metric": RMSE._asdict(), "metrics": metrics[0]}
    write_finished(study / "baseline-seed0-k", who | said)
    assert main(["table-search"]) == 0
    with Image.open("reports/table-search/search.png") as image:
        said = image.info["Description"]
    assert "log-uniform, over module.lr and module.wd: 3 settings, of which 1 diverged. Colour: error on" in said
    assert said.endswith("lower is better.")
