"""python -m dissect.dashboard STUDY: a study's report and ensembles as W&B runs, and a W&B workspace to look at them.

Without a W&B key the runs are kept for `wandb sync`, and no workspace is made; `--print` shows it as JSON.
"""

import argparse
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dissect.errors import InputError, install
from dissect.loggers.wandb import is_offline, sectioned, wandb_run
from dissect.measure.metric import Metric
from dissect.planning.manifest import read_all
from dissect.process import speak_plainly
from dissect.report.curves import curve_columns
from dissect.report.study import primary_of
from dissect.store import runs as store
from dissect.store.reading import table
from dissect.store.runs import DAMAGED

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Workspace

COLUMNS = ("parameters", "train_seconds", "status")  # of the table of runs, behind the metrics


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dissect.dashboard", description=__doc__)
    parser.add_argument("study", metavar="STUDY", help="the study's name below --runs, or the path of its folder")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of studies (default: runs)")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="where reports are (default: reports)")
    parser.add_argument("--project", help="the W&B project (default: that of logger=wandb, dissect-STUDY)")
    parser.add_argument("--entity", help="the W&B user or team (default: that of the key)")
    parser.add_argument("--print", action="store_true", help="print the workspace as JSON, and do nothing else")
    asked = parser.parse_args(arguments)
    path = asked.runs / asked.study
    if not path.is_dir() and Path(asked.study).is_dir():
        path = Path(asked.study)
    try:
        return show(path, asked.reports / path.resolve().name, asked.project, asked.entity, only_print=asked.print)
    except InputError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2


def show(path: Path, report: Path, project: str | None, entity: str | None, *, only_print: bool) -> int:
    results = store.results(path)
    if not results:
        raise InputError(f"{path}: has no results; train some with `python -m dissect name={path.name} logger=wandb`")
    name = next((str(one["study"]) for one in results if one.get("study")), path.name)  # a damaged run says none
    project = (project or f"dissect-{name}").replace("/", "-")
    tables, figures = sorted(report.glob("*.csv")), sorted(report.glob("*.png"))
    metric, logged = judged_by(path, results)
    curves = curves_of(path, metric)
    view: Any = workspace(
        name, project, entity or "", metric, logged, curves=curves, tables=map(_key, tables), figures=map(_key, figures)
    )
    if not only_print:
        kept = path.parent / ".wandb" / path.name
        begin = partial(wandb_run, save_dir=str(kept), project=project, entity=entity)
        log_ensembles(results, begin)
        if tables or figures:
            log_report(name, tables, figures, begin)
        else:
            print(f"{report}: no report to log yet; python -m dissect.report {path.name} makes it", file=sys.stderr)
        if not is_offline():
            import wandb

            view.entity = entity or str(wandb.Api().default_entity)
            view.save()
            print(view.url)
            return 0
        print(
            f"offline, so nothing was sent; later: wandb sync {kept}/wandb/offline-run-*, and this command again for "
            "the workspace (--print shows it)",
            file=sys.stderr,
        )
        return 0
    print(view._to_model().model_dump_json(by_alias=True, exclude_none=True, indent=2))
    return 0


def judged_by(path: Path, results: Iterable[Mapping[str, Any]]) -> tuple[Metric, list[str]]:
    """The study's own metric, as it was planned or else as its latest run says, and the names of all that were logged.

    Raises:
        InputError: where no result says it.
    """
    results = list(results)
    told = [result for result in results if result.get("metric")]
    if not told and (lost := [one["error"] for one in results if one["status"] == DAMAGED]):
        raise InputError(lost[0])
    if not told:
        raise InputError(f"{path}: was made by an earlier version (RECIPE 1); begin anew with name=...")
    logged = dict.fromkeys(name for result in told for name in result.get("metrics") or {})
    return primary_of(path, told, read_all(path)), list(logged)


def curves_of(path: Path, metric: Metric) -> list[str]:
    """What the curves of the study's metric and of those that it describes are called in W&B."""
    header = next(filter(None, map(_header, sorted(path.glob("*/metrics.csv")))), "")
    named: dict[str, None] = {}
    for name in (metric.name, *metric.others):
        bare = re.sub("^(train|val)/", "", name)
        guessed = [name, name.replace("val/", "train/")] if bare != name else [f"val_{name}", f"train_{name}"]
        named |= dict.fromkeys(curve_columns(header.split(",") if header else guessed, name))
    return [sectioned(name) for name in named]


def _header(path: Path) -> str:
    try:
        return table(path).readline().decode().strip()
    except (InputError, ValueError):
        return ""


def log_report(name: str, tables: Iterable[Path], figures: Iterable[Path], begin: Any) -> None:
    """One W&B run that holds a report's CSV files as tables and its PNG files as images, each by its name.

    Args:
        begin: `wandb_run` for the study's project.
    """
    import pandas as pd
    import wandb

    with begin(f"report-{name}", job_type="report") as log:
        things: dict[str, Any] = {}
        for path in tables:
            # As objects, so that what is missing is None in a column of numbers too.
            frame = pd.read_csv(path).astype(object)
            rows: Any = frame.where(frame.notna(), None).to_numpy().tolist()
            things[_key(path)] = wandb.Table(columns=list(frame.columns), data=rows, allow_mixed_types=True)
        log.log(things | {_key(path): wandb.Image(str(path)) for path in figures})


def _key(path: Path) -> str:
    """What a report's file is called in W&B, which makes a section of a prefix."""
    return f"{'tables' if path.suffix == '.csv' else 'figures'}/{path.stem}"


def log_ensembles(results: Iterable[Mapping[str, Any]], begin: Any) -> None:
    """A W&B run for each finished ensemble, which no training has logged; group and tags are as for a trained run."""
    for result in results:
        if result["status"] != "finished" or not result.get("members"):
            continue
        told = {key: result[key] for key in ("variant", "seed", "components", "members")}
        with begin(
            Path(result["folder"]).name, job_type="ensemble", group=result["variant"],
            tags=list(result["components"]), config=told,
        ) as log:  # fmt: skip
            log.result(result)


def workspace(
    name: str, project: str, entity: str, metric: Metric, logged: Collection[str], *, curves: Iterable[str],
    tables: Iterable[str], figures: Iterable[str],
) -> "Workspace":  # fmt: skip
    """The metric by variant with its deviation, curves by epoch, and a table of runs; W&B is not asked.

    Args:
        logged: the names of all metrics that runs have, the first of them behind the study's own in the table.
        curves: what they are called in W&B.
        tables: what the report's tables are called in W&B; each has a panel.
        figures: what its figures are called.

    Raises:
        InputError: where wandb-workspaces is not installed.
    """
    try:
        from wandb_workspaces import workspaces as ws
        from wandb_workspaces.expr import And
        from wandb_workspaces.reports.v2 import interface as wr
    except ImportError as problem:
        raise InputError(f"the dashboard needs wandb-workspaces: {install('dashboard')}") from problem

    by_variant: Any = {"groupby": "Group", "groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
    title, cropped = metric.label[0].upper() + metric.label[1:], f"{metric.name}_ten_crop"
    shown = {metric.name: title, **({cropped: f"Ten-crop {metric.label}"} if cropped in logged else {})}
    better = "" if metric.better == "higher" else "; lower is better"
    bars = [
        wr.BarPlot(
            title=f"{what} by variant (mean, standard deviation over seeds{better})", metrics=[key], **by_variant
        )
        for key, what in shown.items()
    ]
    lines = [
        wr.LinePlot(title=key.replace("/", " "), x="epoch", y=[key], title_x="epoch", **by_variant) for key in curves
    ]
    crops = {f"{key}_ten_crop" for key in logged} - {cropped}
    columns = dict.fromkeys([*shown, *(key for key in logged if key not in crops), *COLUMNS])
    report = [wr.WeavePanelSummaryTable(table_name=table) for table in tables]
    drawn = [wr.MediaBrowser(title="Figures", media_keys=list(figures), num_columns=1)]
    sections: dict[str, list[Any]] = {title: bars, "Curves": lines, "Report": [*report, *drawn]}
    return ws.Workspace(
        entity=entity, project=project, name=f"dissect: {name}",
        sections=[ws.Section(name=title, panels=panels, is_open=True) for title, panels in sections.items()],
        settings=ws.WorkspaceSettings(x_axis="epoch", max_runs=100),
        runset_settings=ws.RunsetSettings(
            # An ensemble's members have settings of their own, so they would blur their variant's mean.
            filters=And(ws.Metric("JobType") != "member"), groupby=[ws.Metric("Group")],
            pinned_columns=["run:displayName", *(f"summary:{column}" for column in columns)],
        ),
    )  # fmt: skip


if __name__ == "__main__":
    speak_plainly()
    sys.exit(main())
