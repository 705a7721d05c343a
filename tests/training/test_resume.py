"""States from which runs go on: whole, their own run's, and without what cannot be read back."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from dissect.errors import InputError
from dissect.training.resume import Plain, Resume


class Line(pl.LightningModule):
    """A line through points, made as public templates make theirs: arguments saved, objects among them."""

    def __init__(self, rate: float, loss: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.dense = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        return self.hparams.loss(self.dense(batch[0]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.rate)


class Foreign(Line):
    def on_save_checkpoint(self, checkpoint):
        checkpoint["mine"] = Path("x")


def square(outputs: torch.Tensor) -> torch.Tensor:
    return (outputs**2).mean()


def fit(folder: Path, *, key: str = "key", epochs: int = 3, kind: type[Line] = Line) -> Resume:
    resume = Resume(folder, key)
    pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, callbacks=[resume], plugins=[Plain()],
        enable_progress_bar=False, enable_model_summary=False,
    ).fit(kind(0.1, square), DataLoader(TensorDataset(torch.ones(8, 1)), batch_size=4))  # fmt: skip
    return resume


def epoch_of(path: Path | None) -> int:
    assert path is not None
    return int(torch.load(path, weights_only=True)["epoch"])


def flip(path: Path) -> None:
    """Flip one bit of a weight."""
    weight = torch.load(path, weights_only=True)["state_dict"]["dense.weight"].numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.find(weight)] ^= 1
    path.write_bytes(content)


def test_a_run_goes_on_from_the_last_of_two_epochs_that_are_kept(tmp_path):
    assert Resume(tmp_path, "key").newest("32-true") is None
    resume = fit(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"resume.ckpt", "resume-before.ckpt"}
    assert resume.newest("32-true") == tmp_path / "resume.ckpt"
    assert epoch_of(resume.newest("32-true")) == epoch_of(tmp_path / "resume-before.ckpt") + 1
    resume.remove()
    assert not list(tmp_path.iterdir())


def test_a_flipped_bit_falls_back_to_the_state_before_and_then_to_the_beginning(tmp_path, capsys):
    resume = fit(tmp_path)
    flip(tmp_path / "resume.ckpt")
    assert resume.newest("32-true") == tmp_path / "resume-before.ckpt"
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"{tmp_path}/resume.ckpt: is damaged in ")
    assert said[0].endswith("; the one before it is used")
    flip(tmp_path / "resume-before.ckpt")
    assert resume.newest("32-true") is None
    assert capsys.readouterr().err.splitlines()[-1].endswith("; the run begins anew")


def test_of_a_damaged_first_state_it_is_said_that_the_run_begins_anew(tmp_path, capsys):
    resume = fit(tmp_path, epochs=1)
    flip(tmp_path / "resume.ckpt")
    assert resume.newest("32-true") is None
    assert capsys.readouterr().err.rstrip().endswith("; the run begins anew")


def test_a_state_that_was_cut_short_falls_back_too(tmp_path):
    resume = fit(tmp_path)
    path = tmp_path / "resume.ckpt"
    path.write_bytes(path.read_bytes()[:-100])
    assert resume.newest("32-true") == tmp_path / "resume-before.ckpt"


def test_a_pipe_in_a_states_place_is_not_waited_for(tmp_path):
    resume = fit(tmp_path)
    (tmp_path / "resume.ckpt").unlink()
    os.mkfifo(tmp_path / "resume.ckpt")
    assert resume.newest("32-true") == tmp_path / "resume-before.ckpt"


def test_another_runs_state_is_never_gone_on_from(tmp_path, capsys):
    fit(tmp_path, key="that of seed 0")
    assert Resume(tmp_path, "that of seed 1").newest("32-true") is None
    assert "is another run's" in capsys.readouterr().err


def test_a_state_of_another_precision_is_never_gone_on_from(tmp_path, capsys):
    resume = fit(tmp_path)
    assert resume.newest("bf16-mixed") is None
    assert (
        "was begun in 32-true, which this machine or config does not give; it has bf16-mixed" in capsys.readouterr().err
    )
    assert resume.newest("32-true") is not None
    for path in tmp_path.glob("*.ckpt"):  # one that says none may be of any
        state = torch.load(path, weights_only=True)
        del state["precision"]
        torch.save(state, path)
    assert resume.newest("32-true") is None


def test_a_state_holds_no_arguments_though_the_module_saves_them(tmp_path):
    fit(tmp_path)
    kept = torch.load(tmp_path / "resume.ckpt", weights_only=True)
    assert {"state_dict", "optimizer_states", "epoch", "run"} <= kept.keys()
    assert not [name for name in kept if "hparams" in name or "hyper_parameters" in name]
    # Lightning's own would hold the function that was given, which no reader without pickles takes
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
                         enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    trainer.fit(Line(0.1, square), DataLoader(TensorDataset(torch.ones(8, 1)), batch_size=4))
    trainer.save_checkpoint(tmp_path / "usual.ckpt")
    assert "hyper_parameters" in torch.load(tmp_path / "usual.ckpt", weights_only=False)


def test_what_could_not_be_gone_on_from_is_said_after_the_first_epoch(tmp_path):
    with pytest.raises(InputError, match=r"keep numbers, texts, tensors, lists and dictionaries") as raised:
        fit(tmp_path, kind=Foreign)
    said = str(raised.value)
    assert said.startswith(f"{tmp_path}/resume.ckpt: the module's checkpoint could not be gone on from (")
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())
