"""python -m dissect.dashboard, without a server."""

import json

import numpy as np
import pytest
from PIL import Image

from dissect.dashboard.__main__ import main
from dissect.store import runs as store
from tests.conftest import write_finished

pytest.importorskip("wandb_workspaces")
# wandb-workspaces 0.4 says its validators in pydantic's first way, and pydantic's second complains of each.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic V1 style:DeprecationWarning")

METRIC = {"name": "accuracy", "label": "accuracy", "unit": "points", "better": "higher", "times": 100,
          "others": {"loss": {"better": "lower"}}}  # fmt: skip
RESULT = {"study": "mine", "variant": "step7", "seed": 0, "components": {"dropout1": "dropout 1"}, "status": "finished",
          "key": "aa", "error": None, "data": {"name": "d"}, "metric": METRIC, "members": None,
          "metrics": {"accuracy": 0.4, "accuracy_ten_crop": 0.41, "loss": 2.0, "loss_ten_crop": 1.9}}  # fmt: skip
ENSEMBLE = RESULT | {
    "key": "cc",
    "variant": "step8",
    "metrics": {"accuracy": 0.5},
    "members": ["step7-seed0-aa", "step7-seed1-bb"],
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_finished(tmp_path / "runs" / "mine" / "step7-seed0-aa", RESULT)
    store.write_result(tmp_path / "runs" / "mine" / "step8-seed0-cc", ENSEMBLE, {"scores": np.ones(3)})
    report = tmp_path / "reports" / "mine"
    report.mkdir(parents=True)
    (report / "gains.csv").write_text("component,gain,published\ndropout1,1.5,\n,0.25,4.88\n")
    Image.new("RGB", (4, 3)).save(report / "gains.png")
    return tmp_path


def printed(capsys):
    return json.loads(capsys.readouterr().out)


def panels(view):
    sections = view["spec"]["section"]["panelBankConfig"]["sections"]
    return {one["name"]: one["panels"] for one in sections}


def test_the_workspace_has_bars_with_deviations_curves_by_epoch_and_a_table_of_runs(study, capsys):
    assert main(["mine", "--print"]) == 0
    view = printed(capsys)
    assert view["project"] == "dissect-mine"
    bar = panels(view)["Accuracy"][0]["config"]
    by_variant = {"groupBy": "group", "groupAgg": "mean", "groupArea": "stddev"}
    assert bar["metrics"] == ["accuracy"]
    assert bar.items() >= by_variant.items()
    curves = [panel["config"] for panel in panels(view)["Curves"]]
    assert ["val/accuracy"] in [curve["metrics"] for curve in curves]
    assert all(curve["xAxis"] == "epoch" and curve.items() >= by_variant.items() for curve in curves)
    (runs,) = view["spec"]["section"]["runSets"]
    assert runs["runFeed"]["columnOrder"][:2] == ["run:displayName", "summary:accuracy"]
    assert [group["name"] for group in runs["grouping"]] == ["group"]
    (only,) = runs["filters"]["filters"]
    assert (only["key"]["name"], only["op"], only["value"]) == ("jobType", "!=", "member")


def test_printing_logs_nothing(study, capsys):
    main(["mine", "--print", "--project", "other/one", "--entity", "us"])
    view = printed(capsys)
    assert (view["entity"], view["project"]) == ("us", "other-one")
    assert not (study / "runs" / ".wandb").exists()


def test_offline_the_report_and_the_ensembles_are_kept_and_no_workspace_is_printed(study, capsys, recorded):
    assert main(["mine"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "offline, so nothing was sent; later: wandb sync runs/.wandb/mine/wandb/offline-run-*, and this command again "
        "for the workspace (--print shows it)\n"
    )
    found = {one.run["job_type"]: one for one in recorded(study / "runs" / ".wandb" / "mine")}
    assert found.keys() == {"report", "ensemble"}
    ensemble = found["ensemble"]
    assert (ensemble.run["run_id"], ensemble.run["run_group"]) == ("step8-seed0-cc", "step8")
    assert ensemble.summary["accuracy"] == 0.5
    assert ensemble.run["config"]["update"]["members"] == ENSEMBLE["members"]
    (table,) = (study / "runs").rglob("media/table/**/*.json")
    assert json.loads(table.read_text())["data"] == [["dropout1", 1.5, None], [None, 0.25, 4.88]]
    (image,) = (study / "runs").rglob("media/images/**/*.png")
    assert image.read_bytes() == (study / "reports" / "mine" / "gains.png").read_bytes()
    logged = json.dumps(found["report"].history)
    assert "tables/gains" in logged
    assert "figures/gains" in logged


def test_the_workspace_shows_what_the_report_has(study, capsys):
    main(["mine", "--print"])
    report = json.dumps(panels(printed(capsys))["Report"])
    assert '"tables/gains"' in report
    assert '"figures/gains"' in report


def test_a_second_time_takes_the_place_of_the_first(study, capsys, recorded):
    for _ in range(3):
        assert main(["mine"]) == 0
    assert sorted(one.run["job_type"] for one in recorded(study / "runs" / ".wandb")) == ["ensemble", "report"]


def test_a_study_without_report_is_told_how_to_get_one(study, capsys):
    for file in (study / "reports" / "mine").iterdir():
        file.unlink()
    assert main(["mine"]) == 0
    assert "reports/mine: no report to log yet; python -m dissect.report mine makes it" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "said"), [("other", "no such study"), ("empty", "has no results")])
def test_what_is_no_study_is_refused(study, capsys, given, said):
    (study / "runs" / "empty").mkdir()
    assert main([given]) == 2
    assert said in capsys.readouterr().err


def test_a_study_of_another_metric_has_its_panels_and_columns(study, capsys):
    rmse = {"name": "val/rmse", "label": "error", "unit": "units", "better": "lower", "times": 1, "others": {}}
    folder = study / "runs" / "table" / "baseline-seed0-aa"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("epoch,train/rmse,val/rmse,val/mae\n1,50,55,41\n")
    write_finished(
        folder,
        RESULT
        | {"study": "table", "variant": "baseline", "metric": rmse, "metrics": {"val/rmse": 55.0, "val/mae": 41.0}},
    )
    assert main(["table", "--print"]) == 0
    view = printed(capsys)
    (bar,) = panels(view)["Error"]
    assert bar["config"]["metrics"] == ["val/rmse"]
    assert "lower is better" in bar["config"]["chartTitle"]
    assert [panel["config"]["metrics"] for panel in panels(view)["Curves"]] == [["val/rmse"], ["train/rmse"]]
    (runs,) = view["spec"]["section"]["runSets"]
    columns = runs["runFeed"]["columnOrder"]
    assert columns[:3] == ["run:displayName", "summary:val/rmse", "summary:val/mae"]
    assert not [name for name in json.dumps(view).lower().split() if "accuracy" in name]


def test_results_of_an_earlier_version_are_refused(study, capsys):
    old = {key: value for key, value in RESULT.items() if key not in ("metric", "metrics")}
    store.write_result(study / "runs" / "old" / "step1-seed0-aa", old | {"accuracy": 0.4})
    assert main(["old", "--print"]) == 2
    assert "was made by an earlier version (RECIPE 1)" in capsys.readouterr().err
