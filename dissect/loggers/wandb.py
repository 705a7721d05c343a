"""A W&B run that stands for one run of the store, or for a report: who it is, what it logs, and how it ended."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dissect.errors import InputError
from dissect.files import unwritable
from dissect.store.expected import COSTS

SUMMARY = ("ten_crop", *COSTS, "device", "precision", "commit")  # of `result.json`, besides its metrics
UPLOAD_SECONDS = 120  # at a run's end; what is not uploaded by then is left to `wandb sync`


@contextmanager
def wandb_run(
    name: str,
    *,
    save_dir: str,
    project: str,
    entity: str | None = None,
    job_type: str,
    group: str | None = None,
    tags: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    resumed: bool = False,
) -> Iterator["WandbRun"]:
    """A W&B run for the block, failed with its reason where the block ends with an exception.

    One name is one W&B run. A later try replaces an earlier one's record: what is offline is written anew, for its
    process may have died with a part of it unwritten, and so is what is online, unless it is `resumed`.

    Args:
        name: the run's folder in the store, whose end is the run's key; unique in the project.
        save_dir: where W&B keeps what is to be uploaded.
        resumed: the run goes on from a checkpoint, so that what W&B has of it stays.

    Raises:
        InputError: when `save_dir` cannot be written, or W&B refuses the run.
    """
    # W&B reports its own errors home, and from a run that is offline too.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    folder = Path(save_dir)
    # A table's file waits here to be uploaded, not in the user's home.
    os.environ["WANDB_DATA_DIR"] = str(folder.absolute())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise unwritable(folder, problem) from problem
    if not os.access(folder, os.W_OK):  # W&B would write to /tmp instead
        raise InputError(f"{folder}: cannot be written, and logger=wandb keeps its runs there; check runs=")
    offline = is_offline()
    # Said to W&B, which reads its environment once a process, and a notebook may change it after that.
    mode: Any = os.environ.get("WANDB_MODE", "offline" if offline else "online")
    identity = re.sub(r"[^\w-]", "-", name)[-128:]  # it stands in a URL, and in a folder's name behind a date
    try:
        run = wandb.init(
            project=project.replace("/", "-"), entity=entity, dir=folder.absolute(), id=identity, name=name,
            job_type=job_type, group=group, tags=list(tags), config=dict(config or {}), reinit="finish_previous",
            mode=mode,
            # `wandb sync` appends a resumed run's file to what the server has, and any other's takes its place.
            resume="allow" if resumed and not offline else None, settings=_quiet(),
        )  # fmt: skip
    except Exception as problem:  # W&B raises its own, pydantic's, and its server process's
        mend = "WANDB_MODE=offline needs no server, logger=csv no W&B"
        raise InputError(f"logger=wandb: {_reason(problem)}; {mend}") from problem
    _forget(identity, keep=Path(run.settings.sync_dir).resolve())
    log = WandbRun(run)
    try:
        yield log
    except BaseException as problem:
        log.end(1, status="failed", error=_reason(problem))
        raise
    log.end(0, status="finished", error=None)
    if not log.broken:
        with suppress(OSError):
            _mark(folder, name).parent.mkdir(exist_ok=True)
            _mark(folder, name).touch()


def was_told(save_dir: str, name: str) -> bool:
    """Whether a W&B run of that name was ended, finished, and what is kept there has not been deleted since."""
    return _mark(Path(save_dir), name).exists()


def _mark(folder: Path, name: str) -> Path:
    return folder / ".told" / name


class WandbRun:
    """What can be told of a run. W&B that fails on the way is said once, and stops no training."""

    def __init__(self, run: Any) -> None:
        self._run, self._next, self.broken = run, run.step, False
        self._defined: set[str] = set()

    def epochs(self, rows: Iterable[Mapping[str, float | None]]) -> None:
        """Log the epochs that W&B does not have yet, out of all so far (`metrics.csv`'s rows), at their own step."""
        for row in rows:
            epoch = int(row["epoch"] or 0)
            if epoch < self._next:
                continue
            self._next = epoch + 1
            named = {sectioned(name): value for name, value in row.items() if value is not None}
            self._tell(lambda named=named, epoch=epoch: self._curves(named, epoch))  # type: ignore[misc]

    def result(self, result: Mapping[str, Any]) -> None:
        """Give the run's summary the final metrics of `result.json`, by their names."""
        summary = {name: result.get(name) for name in SUMMARY} | (result.get("metrics") or {})
        self._tell(lambda: self._run.summary.update(summary))

    def log(self, things: Mapping[str, Any]) -> None:
        """Log tables and images, by name."""
        self._tell(lambda: self._run.log(dict(things)))

    def end(self, code: int, **said: Any) -> None:
        self._tell(lambda: self._run.summary.update(said))
        self._tell(lambda: self._run.finish(exit_code=code))

    def _curves(self, named: Mapping[str, float], epoch: int) -> None:
        for name in sorted(named.keys() - {"epoch"} - self._defined):
            # By its exact name, for W&B lets a name win over a later pattern. Without a summary asked for, the summary
            # is the last value: a run's result is its last epoch's, not its best.
            self._run.define_metric(name, step_metric="epoch")
            self._defined.add(name)
        self._run.log(dict(named), step=epoch)

    def _tell(self, what: Callable[[], Any]) -> None:
        if self.broken:
            return
        try:
            what()
        except Exception as problem:  # its server process may have died in many ways
            import wandb

            self.broken = True
            with suppress(Exception):
                wandb.teardown()  # or the next run of this process would find the same dead server
            print(
                f"logger=wandb: stopped ({_reason(problem)}); the run goes on without it", file=sys.stderr, flush=True
            )


def sectioned(name: str) -> str:
    """train_loss as train/loss: W&B makes a section of each prefix."""
    return re.sub("^(train|val)_", r"\1/", name)


def is_offline() -> bool:
    """Whether runs are kept for `wandb sync`: so WANDB_MODE says, or there is no key."""
    import wandb

    wandb.setup(wandb.Settings(silent=True))
    return os.environ.get("WANDB_MODE", "online") != "online" or not wandb.login(prompt=False, verify=False)


def _forget(identity: str, keep: Path) -> None:
    """Remove what earlier offline tries of a run left beside `keep`; of two in one second, W&B ends one with "-1"."""
    for folder in keep.parent.glob("offline-run-*"):
        if folder != keep and re.fullmatch(rf"offline-run-\d+_\d+-{identity}(-\d+)?", folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _quiet() -> Any:
    """Nothing on the terminal, and of this machine neither name, command line, repository nor what it prints."""
    import wandb

    return wandb.Settings(
        silent=True, console="off", host="", program="dissect", disable_git=True, disable_code=True,
        x_disable_meta=True, x_save_requirements=False, finish_timeout=UPLOAD_SECONDS,
        symlink=False,  # runs side by side would fight for "latest-run"
    )  # fmt: skip


def _reason(problem: BaseException) -> str:
    said = " ".join(str(problem).split()) or type(problem).__name__
    return said.replace(str(Path.home()), "~")
