"""Runs made elsewhere, from their files to a study: readers and what becomes of their runs."""

import json
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from dissect.errors import InputError
from dissect.report.__main__ import main
from dissect.report.build import write_report
from dissect.report.read import read
from dissect.store.readers import find, wandb
from dissect.store.readers.found import by_epoch
from tests.report.conftest import write_ladder
from tests.report.test_report import Page

SCORES = {"metric": "acc", "better": "higher"}


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text)
    return path


def levels(study):
    return study.compared.pivot(index="seed", columns="variant", values=study.metric.name).to_dict()


def notes(study) -> str:
    return " ".join(study.elsewhere.notes)


def test_true_and_false_columns_are_components(tmp_path):
    path = table(tmp_path, "dropout,aug,seed,acc\nFalse,false,0,.5\nTrue,false,0,.6\nTrue,true,0,.7\n")
    study = read(path, **SCORES)
    assert levels(study) == {"baseline": {0: 0.5}, "dropout": {0: 0.6}, "dropout+aug": {0: 0.7}}
    assert [list(one) for one in study.compared["components"]] == [[], ["dropout"], ["dropout", "aug"]]


def test_lists_are_components_in_whatever_order_they_were_written(tmp_path):
    path = table(tmp_path, "components,seed,acc\n,0,.5\na,0,.6\nb+a,0,.7\na+b,1,.8\n")
    assert levels(read(path, **SCORES))["a+b"] == {0: 0.7, 1: 0.8}
    frame = pd.DataFrame({"components": [[], ["a"]], "seed": [0, 0], "acc": [0.5, 0.6]})
    assert set(levels(read(frame, **SCORES))) == {"baseline", "a"}


def test_a_column_of_names_is_compared_with_the_control_that_is_said(tmp_path):
    path = table(tmp_path, "method,seed,acc\nours,0,.6\nplain,0,.5\n")
    study = read(path, **SCORES, variant="method", control="plain")
    assert dict(zip(study.compared["variant"], map(list, study.compared["components"]), strict=True)) == {
        "ours": ["ours"], "plain": [],
    }  # fmt: skip
    with pytest.raises(InputError, match="control is not said; give control=NAME, one of ours, plain"):
        read(path, **SCORES, variant="method")
    with pytest.raises(InputError, match="control=theirs: is no variant; there are ours, plain"):
        read(path, **SCORES, variant="method", control="theirs")


def test_a_ladder_orders_names_and_each_step_contains_those_before_it(tmp_path):
    path = table(tmp_path, "variant,seed,acc\ns3,0,.7\ns1,0,.5\ns2,0,.6\n")
    study = read(path, **SCORES, ladder="s1,s2,s3")
    found = dict(zip(study.compared["variant"], map(list, study.compared["components"]), strict=True))
    assert found == {"s1": [], "s2": ["s2"], "s3": ["s2", "s3"]}
    with pytest.raises(InputError, match="ladder=s9: is no variant"):
        read(path, **SCORES, ladder="s1,s9")


@pytest.mark.parametrize(
    ("text", "said", "wanted"),
    [
        ("variant,seed,f1\na,0,.5\n", {}, "metric=acc: no run has a number for it; there are variant, seed, f1"),
        ("variant,seed,acc\na,0,.5\n", {"metric": None}, "metric=: say by which column .* there are variant, "),
        ("variant,seed,acc\na,0,.5\n", {"better": None}, "metric=acc: which way is better is not known"),
        ("variant,seed,acc,acc\na,0,.5,.6\n", {}, "has two columns named 'acc'; rename one"),
        ("variant,seed,acc\na,first,.5\n", {}, "seed='first' in run 1: a seed must be a whole number"),
        ("variant,seed,acc\na,0.5,.5\n", {}, "seed=0.5 in run 1: a seed must be a whole number"),
        ("variant,acc\na,.5\n", {}, "say in which column the seed stands, or seed=none; there are variant, acc"),
        ("name,seed,acc\na,0,.5\n", {}, "give variant=COLUMN, or components=COLUMNS"),
        ("variant,seed,acc\n", {}, "has no rows"),
        ("variant,seed,acc\na,0,.5\n", {"epoch": "best"}, "epoch=best: must be last, or best:METRIC"),
        ("variant,seed,acc\na,0,.5\n", {"epoch": "best:acc"}, "no run has acc by epoch"),
        ("variant,seed,acc\na,0,.5\n", {"times": "x"}, "times=x: must be a number"),
        ("variant,seed,acc\na,0,.5\n", {"metrc": "x"}, "metrc=x: no such setting"),
        ("variant,seed,acc\na,0,.5\n", {"components": "b"}, "components=b: no such column"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_said_in_a_line(tmp_path, text, said, wanted):
    with pytest.raises(InputError, match=wanted) as problem:
        read(table(tmp_path, text), **{**SCORES, **said})
    assert "\n" not in str(problem.value)


def test_what_is_done_with_doubles_gaps_and_missing_numbers_stands_on_the_page(tmp_path):
    path = table(tmp_path, "variant,seed,acc\nbase,0,.5\nbase,1,.52\nbase,2,.51\na,0,.6\na,0,.61\na,1,\na,3,nan\n")
    study = read(path, **SCORES)
    assert "a seed 0 (0.6, 0.61)" in notes(study)
    assert "a lacks 2" in notes(study)
    assert study.compared.set_index(["variant", "seed"])["acc"]["a", 0] == 0.61
    page = " ".join(Page(write_report(study, tmp_path).page.read_text()).text.split())
    assert "1 run ended without a number for acc, and so failed: a seed 1." in page
    assert "1 run did not train: a seed 3 (diverged)." in page
    assert "whether any of it was planned before the runs is not known from here" in page
    assert "last epoch's" not in page


def test_runs_without_seeds_are_numbered_and_that_is_said(tmp_path):
    study = read(table(tmp_path, "variant,acc\nbase,.5\na,.6\nbase,.52\na,.61\n"), **SCORES, seed="none")
    assert levels(study) == {"base": {0: 0.5, 1: 0.52}, "a": {0: 0.6, 1: 0.61}}
    assert "pairing them buys nothing" in notes(study)


def test_fractions_become_points_and_the_metric_is_called_what_it_was_called(tmp_path):
    study = read(table(tmp_path, "variant,seed,acc\nbase,0,.5\na,0,.6\n"), **SCORES, unit="points")
    assert (study.metric.times, study.metric.held_out) == (100, "acc")
    percent = read(table(tmp_path, "variant,seed,acc\nbase,0,50\na,0,60\n"), **SCORES, unit="points")
    assert percent.metric.times == 1


def test_of_rows_by_epoch_the_last_epoch_counts(tmp_path):
    text = "variant,seed,epoch,acc\nbase,0,2,.52\nbase,0,1,.51\na,0,1,.6\na,0,2,.58\n"
    assert levels(read(table(tmp_path, text), **SCORES)) == {"base": {0: 0.52}, "a": {0: 0.58}}


def test_kinds_said_to_be_planned_are_so_on_the_page_and_others_are_refused(tmp_path):
    rows = [f"{v},{seed},{level + seed / 100}" for seed in range(3) for v, level in (("base", 0.5), ("a", 0.6))]
    path = table(tmp_path, "\n".join(["variant,seed,acc", *rows]))
    page = Page(write_report(read(path, **SCORES, planned="one_at_a_time"), tmp_path).page.read_text()).text
    assert "planned: as was said" in page
    assert "so it was said, and no file shows it" in page
    with pytest.raises(InputError, match="planned=interaction: these variants allow no such contrast"):
        write_report(read(path, **SCORES, planned="interaction"), tmp_path)


def text_of(page: str) -> str:
    """The page's text without what a runs.csv cannot hold: the notes on that, curves, and the plan's own lines."""
    text = " ".join(Page(page).text.split())
    start, end = text.index("Learning curves") if "Learning curves" in text else None, text.index("Variants: what")
    return text[:start] + text[end:] if start else text


def test_a_reports_own_runs_csv_gives_the_same_page_but_for_what_it_cannot_hold(tmp_path):
    study = write_ladder(tmp_path / "runs" / "trial")
    first = write_report(read(study), tmp_path / "first").page.parent
    second = write_report(read(first / "runs.csv"), tmp_path / "second").page.parent
    for name in ("effects.csv", "effects.md", "effects.tex", "gains.png", "gains.svg", "runs.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    ours, theirs = (text_of((folder / "index.html").read_text()) for folder in (first, second))
    note = theirs[theirs.index("Made elsewhere") : theirs.index("Missing")]
    assert "holds no examples' scores, no curves, no plan and no configs" in note
    theirs = theirs.replace(note, "")
    planned = (
        "Everything here is exploratory: no contrast was written down before the runs. python -m dissect +study=... "
    )
    planned += "plans a study and freezes its contrasts before the first run."
    ours = ours.replace(planned, "Everything here is exploratory: whether any of it was planned before the runs is not "
                                 "known from here.")  # fmt: skip
    assert ours.replace(" A run's result is that of its last epoch.", "") == theirs
    # ten-crop stands in a plan that was said too, and is no run that could be missing
    said = write_report(read(first / "runs.csv", planned="ladder"), tmp_path / "said").page.read_text()
    assert "planned: as was said" in said
    assert "1 planned run without a result: step8 · ensemble (seed 2)." in said


def test_of_a_study_in_several_conditions_a_table_is_refused_with_what_does_hold_its_plan(tmp_path):
    first = write_report(read(write_ladder(tmp_path / "runs" / "trial")), tmp_path / "first").page.parent
    table = pd.read_csv(first / "runs.csv")
    table.loc[0, "settings"] = "other"
    table.to_csv(tmp_path / "runs.csv")
    with pytest.raises(InputError, match="several conditions: read the study's folder, or a table with the rows of"):
        read(tmp_path / "runs.csv")


def test_another_metric_of_a_runs_csv_is_shown_as_of_the_study(tmp_path):
    study = write_ladder(tmp_path / "runs" / "trial")
    first = write_report(read(study), tmp_path / "first").page.parent
    again = read(first / "runs.csv", metric="loss")
    assert (again.metric.name, again.primary.name) == ("loss", "accuracy")


def job(root: Path, number: int, overrides: list[str], rows: str | None = None) -> Path:
    folder = root / str(number)
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(overrides))
    if rows is not None:
        (folder / "csv" / "version_0").mkdir(parents=True)
        (folder / "csv" / "version_0" / "metrics.csv").write_text(rows)
    return folder


CURVE = "epoch,step,train/loss,val/loss\n0,4,2.0,\n0,4,,1.{a}\n1,9,1.0,\n1,9,,1.{b}\n"


def test_a_hydra_multirun_has_factors_from_its_overrides_and_results_from_a_csv_logger(tmp_path):
    for number, (optimizer, seed) in enumerate([("sgd", 0), ("sgd", 1), ("adam", 0), ("adam", 1)]):
        job(tmp_path, number, [f"optimizer={optimizer}", "epochs=3", f"seed={seed}"], CURVE.format(a=1, b=number + 2))
    study = read(tmp_path, metric="val/loss", better="lower")
    assert levels(study) == {"baseline": {0: 1.2, 1: 1.3}, "optimizer=adam": {0: 1.4, 1: 1.5}}
    assert "The base of optimizer is sgd, as in the first run" in notes(study)
    assert "the last val/loss that was logged counts" in notes(study)
    other = read(tmp_path, metric="val/loss", better="lower", control="optimizer=adam")
    assert set(levels(other)) == {"baseline", "optimizer=sgd"}
    best = read(tmp_path, metric="val/loss", better="lower", epoch="best:val/loss")
    assert set(levels(best)["baseline"].values()) == {1.1}
    assert "Warning: of each run the epoch with the lowest val/loss counts" in notes(best)
    folder = write_report(study, tmp_path / "out").page.parent
    assert (folder / "learning_curves.svg").exists()


def test_switches_lists_and_a_results_file_work_in_a_multirun_too(tmp_path):
    said = [["model.drop=false"], ["model.drop=true"], ["model.drop=true", "component=[a,b]"]]
    for number, overrides in enumerate(said):
        folder = job(tmp_path, number, [*overrides, "seed=0"])
        (folder / "results.json").write_text(json.dumps({"test": {"acc": 0.5 + number / 10}}))
    found = levels(read(tmp_path, metric="test.acc", better="higher"))
    assert found == {"baseline": {0: 0.5}, "drop": {0: 0.6}, "drop+a+b": {0: 0.7}}


def test_a_run_that_diverged_does_not_count_by_its_last_number(tmp_path):
    for number, last in enumerate(("1.5", "nan")):
        job(tmp_path, number, [f"seed={number}"], f"epoch,step,val/loss\n0,4,2.0\n1,9,{last}\n")
    study = read(tmp_path, metric="val/loss", better="lower")
    assert levels(study) == {"baseline": {0: 1.5}}
    assert study.untrained == {("baseline", 1): "diverged"}


def test_what_a_configs_files_differ_in_besides_is_said(tmp_path):
    for number, width in enumerate((8, 16)):
        folder = job(tmp_path, number, [f"drop={number == 1}", "seed=0"], CURVE.format(a=1, b=2))
        (folder / ".hydra" / "config.yaml").write_text(f"drop: {number == 1}\nwidth: {width}\n")
    assert "also differ in what no override names: width" in notes(read(tmp_path, metric="val/loss", better="lower"))


@pytest.mark.parametrize("text", ["- a=[1", "a: b", "- [1]", "!!python/object/apply:os.system ['touch hit']", "{"])
def test_overrides_that_do_not_parse_are_said_with_their_file_and_nothing_is_run(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    job(tmp_path / "multirun", 0, ["seed=0"])
    (tmp_path / "multirun" / "0" / ".hydra" / "overrides.yaml").write_text(text)
    with pytest.raises(InputError, match=r"0/.hydra/overrides.yaml: cannot be read") as problem:
        read(tmp_path / "multirun", metric="acc", better="higher")
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "hit").exists()


def events(folder: Path, values: list[float]) -> Path:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for epoch, value in enumerate(values):
            writer.add_scalar("val/acc", value, 10 * epoch + 9)
            writer.add_scalar("epoch", epoch, 10 * epoch + 9)
    return next(folder.glob("events.*"))


def test_event_files_are_read_by_epoch_and_one_cut_short_fails_that_run_alone(tmp_path):
    for number in range(3):
        written = events(job(tmp_path, number, [f"seed={number}"]), [0.25, 0.5 + number])
    written.write_bytes(written.read_bytes()[:-7])
    study = read(tmp_path, metric="val/acc", better="higher")
    assert levels(study) == {"baseline": {0: 0.5, 1: 1.5}}
    [error] = study.runs["error"].dropna()
    assert "is cut short" in error
    np.testing.assert_array_equal(study.elsewhere.curves["0"]["val/acc"], [0.25, 0.5])
    np.testing.assert_array_equal(study.elsewhere.curves["0"]["epoch"], [0, 1])


def test_lightnings_own_folders_are_read_by_their_hyperparameters(tmp_path):
    for number, drop in enumerate((False, True)):
        folder = tmp_path / f"version_{number}"
        folder.mkdir()
        (folder / "hparams.yaml").write_text(f"drop: {str(drop).lower()}\nseed: 0\nlr: 0.1\n")
        (folder / "metrics.csv").write_text(CURVE.format(a=1, b=number))
    assert levels(read(tmp_path, metric="val/loss", better="lower")) == {"baseline": {0: 1.0}, "drop": {0: 1.1}}


def test_rows_of_an_epoch_are_one_with_the_last_value_of_each():
    rows = pd.DataFrame({"epoch": [0, 0, None, 1], "step": [1, 2, 3, 4], "a": [1, 2, None, None], "b": [None, 5, 6, 7]})
    assert by_epoch(rows).to_dict("list") == {"epoch": [0, 1], "a": [2, pytest.approx(float("nan"), nan_ok=True)],
                                             "b": [6, 7]}  # fmt: skip


def run(key: str, config: dict, summary: dict, state: str = "finished", history: tuple = ()) -> SimpleNamespace:
    """What W&B's public API gives of a run."""
    return SimpleNamespace(id=key, name=f"name {key}", state=state, config=config, summary=summary,
                           created_at=key, scan_history=lambda: iter(history))  # fmt: skip


def project() -> list[SimpleNamespace]:
    history = ({"_step": 0, "epoch": 0, "val/acc": 0.9}, {"_step": 1, "epoch": 1, "val/acc": 0.5})
    said = [(drop, seed) for drop in (False, True) for seed in (0, 1)]
    return [
        run(f"r{n}", {"model": {"drop": drop}, "lr": 0.1, "seed": seed, "_wandb": {}},
            {"val/acc": 0.5 + n / 10, "_step": 1}, history=history)
        for n, (drop, seed) in enumerate(said)
    ] + [run("r9", {"model": {"drop": True}, "lr": 0.1, "seed": 2}, {}, state="crashed")]  # fmt: skip


def test_a_wandb_project_is_read_by_what_varies_in_its_configs(monkeypatch):
    import wandb as service

    asked = []
    monkeypatch.setattr(service, "login", lambda **said: True)
    monkeypatch.setattr(service, "Api", lambda: SimpleNamespace(runs=lambda name: asked.append(name) or project()))
    study = read("wandb:team/things", metric="val/acc", better="higher")
    assert asked == ["team/things"]
    assert levels(study) == {"baseline": {0: 0.5, 1: 0.6}, "drop": {0: 0.7, 1: 0.8}}
    assert list(study.runs["error"].dropna()) == ["is crashed in W&B"]
    best = read("wandb:team/things", metric="val/acc", better="higher", epoch="best:val/acc")
    assert set(levels(best)["drop"].values()) == {0.9}


def test_runs_that_dissect_logged_say_themselves_which_variant_they_are():
    parts = {"a": "label a", "b": "label b"}
    logged = [run("k", {"variant": "step3", "components": parts, "seed": 4, "model": {"a": 1}}, {"acc": 0.5})]
    row = wandb.of_runs("team/mine", logged).runs.iloc[0]
    assert (row["variant"], row["components"], row["seed"], row["acc"]) == ("step3", ["a", "b"], 4, 0.5)


def test_a_project_without_a_key_and_one_that_is_none_are_said(monkeypatch):
    import wandb as service

    monkeypatch.setattr(service, "login", lambda **said: False)
    with pytest.raises(InputError, match="wandb:team/things: needs a key of W&B; set WANDB_API_KEY"):
        find("wandb:team/things")
    with pytest.raises(InputError, match="must be wandb:entity/project"):
        find("wandb:things")


def test_pickles_and_strange_files_are_not_opened(tmp_path, capsys):
    class Trap:
        def __reduce__(self):
            return (Path(tmp_path / "hit").touch, ())

    (tmp_path / "runs.pkl").write_bytes(pickle.dumps(Trap()))
    assert main([str(tmp_path / "runs.pkl"), "metric=acc", "better=higher"]) == 2
    assert "is a pickle" in capsys.readouterr().err
    assert not (tmp_path / "hit").exists()
    (tmp_path / "runs.txt").write_text("x")
    with pytest.raises(InputError, match="is none of what can be read: a study's folder, a CSV"):
        read(tmp_path / "runs.txt", **SCORES)
    (tmp_path / "runs.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match=r"runs.parquet: "):
        read(tmp_path / "runs.parquet", **SCORES)


def test_a_reader_of_ones_own_is_a_function_that_is_named(tmp_path, monkeypatch):
    (tmp_path / "mine_reader.py").write_text(
        "import pandas as pd\n\n\ndef read(source, split='val'):\n"
        "    return pd.DataFrame({'variant': ['base', 'a'], 'seed': [0, 0], split: [1.0, 2.0]})\n\n\n"
        "def wrong(source):\n    return 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    said = {"better": "higher", "reader": "mine_reader.read"}
    assert levels(read("anywhere", metric="val", **said)) == {"base": {0: 1.0}, "a": {0: 2.0}}
    assert read("anywhere", metric="test", **said, **{"reader.split": "test"}).metric.name == "test"
    with pytest.raises(InputError, match=r"reader=mine_reader.wrong: returned a int"):
        read("anywhere", metric="val", better="higher", reader="mine_reader.wrong")
    with pytest.raises(InputError, match=r"reader=nowhere.read"):
        read("anywhere", metric="val", better="higher", reader="nowhere.read")
    sys.modules.pop("mine_reader")


def test_the_command_reads_a_table_and_prints_its_verdicts(tmp_path, capsys):
    rows = [f"{v},{seed},{level + seed / 100}" for seed in range(3) for v, level in (("base", 0.5), ("a", 0.6))]
    path = table(tmp_path, "\n".join(["variant,seed,acc", *rows]))
    assert main([str(path), "metric=acc", "better=higher", "--out", str(tmp_path / "out")]) == 0
    assert "Alone (exploratory)" in capsys.readouterr().out
    assert (tmp_path / "out" / "table" / "index.html").exists()
    # What it wrote is read back, as a report's own runs.csv is.
    again = str(tmp_path / "out" / "table" / "runs.csv")
    assert main([again, "control=base", "--out", str(tmp_path / "again")]) == 0
    effects = [pd.read_csv(tmp_path / place / "table" / "effects.csv") for place in ("out", "again")]
    assert effects[0]["gain"].tolist() == effects[1]["gain"].tolist()
    assert effects[0]["verdict"].tolist() == effects[1]["verdict"].tolist()
    # It does not take the place of the report that it lies in, but where that is said.
    page, before = tmp_path / "out" / "table" / "index.html", (tmp_path / "out" / "table" / "index.html").read_bytes()
    capsys.readouterr()
    assert main([again, "control=base", "--out", str(tmp_path / "out")]) == 2
    assert f"error: {again}: lies in the report that this one would take the place of" in capsys.readouterr().err
    assert page.read_bytes() == before
    assert main([again, "control=base", "name=table", "--out", str(tmp_path / "out")]) == 0
    assert page.read_bytes() != before
