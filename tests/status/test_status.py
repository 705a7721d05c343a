"""What a study's runs are doing, by the names that its page gives them."""

from dissect.status.__main__ import main
from tests.report.conftest import LABELS, write_manifest, write_run

PARTS = ("augmentation", "dropout1", "leaky_relu")


def test_runs_are_called_as_on_the_page_planned_ones_without_a_run_counted_too(tmp_path, capsys):
    study = tmp_path / "runs" / "loo"
    rest = {without: tuple(part for part in PARTS if part != without) for without in PARTS}
    full, lost, going = "+".join(PARTS), "+".join(rest["dropout1"]), "+".join(rest["augmentation"])
    plan = [("leave_one_out", [without], {full: 1.0, "+".join(parts): -1.0}) for without, parts in rest.items()]
    named = {name: {"components": {part: LABELS[part] for part in name.split("+")}}
             for _, _, weights in plan for name in weights}  # fmt: skip
    write_manifest(study, plan, variants=named)
    blank = {"metrics": {}, **dict.fromkeys(["epochs", "train_seconds"])}
    write_run(study, full, PARTS, 0, 0.5)
    write_run(study, lost, rest["dropout1"], 0, None, status="failed", error="the loss became NaN", **blank)
    folder = write_run(study, going, rest["augmentation"], 0, 0.4)
    (folder / "result.json").unlink()  # as a run that was cut off
    assert main(["loo", "--runs", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr().out
    assert f"cut off  full − {LABELS['augmentation']} seed 0 ({folder.name}): " in said
    assert f"full − {LABELS['dropout1']}  0     the loss became NaN" in said


def test_of_runs_without_a_plan_the_results_tell_the_components(tmp_path, capsys):
    study, blank = tmp_path / "trial", {"metrics": {}, **dict.fromkeys(["epochs", "train_seconds"])}
    write_run(study, "step1", (), 0, 0.5)
    write_run(study, "step2", ("dropout1",), 0, None, status="failed", error="x", **blank)
    assert main([str(study)]) == 0
    assert "step2 · dropout 1" in capsys.readouterr().out


def test_a_damaged_run_is_called_as_the_others_are(tmp_path, capsys):
    folder = write_run(tmp_path / "trial", "step2", ("dropout1",), 0, 0.5)
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text() + "components: {dropout1: dropout 1}\n")
    assert main([str(tmp_path / "trial")]) == 0
    said = capsys.readouterr().out
    assert "step2 · dropout 1" in said
    assert "is not as it was when its run was finished" in said


def test_a_folder_of_studies_may_be_named_as_a_study_is(tmp_path, capsys):
    for name in ("one", "two"):
        write_run(tmp_path / "runs" / name, "step1", (), 0, 0.5)
    assert main([str(tmp_path / "runs")]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        str(tmp_path / "runs" / "one"), str(tmp_path / "runs" / "two"),
    ]  # fmt: skip


def test_the_disk_that_a_study_takes_is_said_in_all_and_for_a_run(tmp_path, capsys):
    study = tmp_path / "trial"
    for seed, megabytes in ((0, 1), (1, 3)):
        (write_run(study, "step1", (), seed, 0.5) / "checkpoint.pt").write_bytes(bytes(megabytes << 20))
    assert main([str(study)]) == 0
    assert f"{study}: 2 finished, 0 running, 4.0 MiB on disk (2.0 MiB a run)\n" in capsys.readouterr().out


def test_a_component_that_says_more_of_itself_than_its_label_is_called_by_that(tmp_path, capsys):
    folder = write_run(tmp_path / "trial", "step2", ("dropout1",), 0, 0.5)
    (folder / "result.json").unlink()
    said = "{dropout1: {label: dropout 1, requires: []}}"
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text() + f"components: {said}\n")
    assert main([str(tmp_path / "trial")]) == 0
    assert f"cut off  step2 · dropout 1 seed 0 ({folder.name}): " in capsys.readouterr().out


def test_a_run_counts_for_the_condition_in_which_it_is_and_the_time_left_by_epochs(tmp_path, capsys, monkeypatch):
    study = tmp_path / "trial"
    # Two plans ask for the shorter runs: with others' seeds, and in two conditions.
    named = {
        f"step1 @ train.epochs={epochs}": {
            "components": {}, "variant": "step1", "condition": f"train.epochs={epochs}", "settings": f"s{epochs}",
            "config": {"train": {"epochs": epochs}},
        }
        for epochs in (4, 40)
    }  # fmt: skip
    write_manifest(study, [], variants=named, seeds=[0, 1, 2], study="both")
    short = {"step1": {"components": {}, "settings": "s4", "config": {"train": {"epochs": 4}}}}
    write_manifest(study, [], variants=short, seeds=[0, 1], study="short")
    for seed in (0, 1):
        write_run(study, "step1", (), seed, 0.5, settings="s4", train_seconds=60.0, epochs=4, key=f"short{seed}")
    going = write_run(study, "step1", (), 0, 0.5, settings="s40", key="long")
    (going / "result.json").unlink()
    (going / "config.yaml").write_text((going / "config.yaml").read_text().replace("epochs: 4", "epochs: 40"))
    monkeypatch.setattr("dissect.store.runs.held", lambda folder: folder == going)
    assert main([str(study)]) == 0
    # One short run and two long ones, and 36 of 40 epochs of the third: 120 of 15 seconds each.
    said = "2 finished, 1 running, 3 planned and not begun, about 30 min left"
    assert said in capsys.readouterr().out
