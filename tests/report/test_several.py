"""One page about several studies, and one study without a variant."""

from pathlib import Path

import pandas as pd
import pytest

from dissect.report.__main__ import main
from tests.report.conftest import write_errors, write_ladder, write_manifest, write_run
from tests.report.test_report import Page

LADDER = [("ladder", ["dropout1"], {"step2": 1.0, "step1": -1.0}),
          ("ladder", ["augmentation"], {"step3": 1.0, "step2": -1.0})]  # fmt: skip


def small(study: Path, gain: float, **others) -> Path:
    others = {"accuracy_ten_crop": None, **others}
    for seed, off in enumerate((-0.01, 0.0, 0.012)):
        write_run(study, "step1", (), seed, 0.4 + off, **others)
        write_run(study, "step2", ("dropout1",), seed, 0.4 + gain + off / 2, **others)
    return study


def command(tmp_path: Path, *said: str) -> int:
    return main([*said, "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "reports")])


def text_of(page: Path) -> str:
    return " ".join(Page(page.read_text()).text.split())


def test_studies_stand_side_by_side_with_their_mean_and_how_much_they_differ(tmp_path, capsys):
    for name, gain in (("one", 0.05), ("two", 0.06), ("three", 0.30)):
        small(tmp_path / "runs" / name, gain)
    assert command(tmp_path, "one", "two", "three") == 0
    folder = tmp_path / "reports" / "one+two+three"
    table = pd.read_csv(folder / "forest.csv")
    assert table["gain"].tolist() == pytest.approx([4.97, 5.97, 29.97], abs=0.02)
    page = text_of(folder / "index.html")
    assert "over 3 studies" in page
    assert "The gains differ by more than their seeds explain (p < 0.001)" in page
    assert "dropout 1" in capsys.readouterr().out


def test_of_two_studies_what_differs_between_them_is_told(tmp_path):
    small(tmp_path / "runs" / "before", 0.05)
    small(tmp_path / "runs" / "after", 0.10, commit="def5678", settings="t")
    assert command(tmp_path, "before", "after") == 0
    page = text_of(tmp_path / "reports" / "before+after" / "index.html")
    assert "commit of dissectabc1234def5678" in page
    assert "optimizer.lr0.10.2" in page
    assert "after against before" in page
    assert "Two studies say little" in page


def test_studies_of_different_metrics_and_without_a_common_component_are_refused(tmp_path, capsys):
    small(tmp_path / "runs" / "one", 0.05)
    for seed in range(3):
        write_errors(tmp_path / "runs" / "table", "baseline", (), seed, 50.0 + seed)
        write_errors(tmp_path / "runs" / "table", "a", ("a",), seed, 48.0 + seed)
    assert command(tmp_path, "one", "table") == 2
    assert "their gains are of different metrics (metric.name is 'accuracy' and 'val/rmse')" in capsys.readouterr().err
    for seed in range(2):
        write_run(tmp_path / "runs" / "other", "baseline", (), seed, 0.5, accuracy_ten_crop=None)
    assert command(tmp_path, "one", "other") == 2
    assert "no component has a gain in two of these studies" in capsys.readouterr().err


def test_a_study_without_a_variant_keeps_its_plan(tmp_path, capsys):
    study = write_ladder(tmp_path / "runs" / "trial")
    write_manifest(study, LADDER, frozen="2025-01-01T00:00:00+00:00")
    assert command(tmp_path, "trial", "--without", "step3") == 0
    page = text_of(tmp_path / "reports" / "trial" / "index.html")
    assert "Left out as was asked: step3 · augmentation (3 runs)." in page
    assert "2 contrasts of 3 variants" in page
    effects = pd.read_csv(tmp_path / "reports" / "trial" / "effects.csv")
    assert effects.loc[effects["component"] == "augmentation", "gain"].isna().all()
    capsys.readouterr()
    assert command(tmp_path, "trial", "--without", "step9") == 2
    assert "--without step9: is no variant of trial; there are" in capsys.readouterr().err
    for said in ("step3 · augmentation", "Step3 augmentation"):
        assert command(tmp_path, "trial", "--without", said) == 0
        assert "Left out as was asked: step3 · augmentation (3 runs)." in text_of(
            tmp_path / "reports" / "trial" / "index.html"
        )


def test_a_variant_that_leaves_one_out_is_left_out_by_its_title(tmp_path):
    parts = ("dropout1", "augmentation", "leaky_relu")
    for seed in range(2):
        write_run(tmp_path / "runs" / "loo", "+".join(parts), parts, seed, 0.5 + seed / 50, accuracy_ten_crop=None)
        for gone in parts:
            rest = tuple(part for part in parts if part != gone)
            write_run(tmp_path / "runs" / "loo", "+".join(rest), rest, seed, 0.4 + seed / 40, accuracy_ten_crop=None)
    assert command(tmp_path, "loo", "--without", "full - dropout 1") == 0
    assert "Left out as was asked: full − dropout 1 (2 runs)." in text_of(tmp_path / "reports/loo/index.html")
