"""Kept weights: every byte is what was written, or the file is refused in one line."""

from pathlib import Path

import pytest
import torch
from torch import nn

from dissect.errors import InputError
from dissect.training.kept import keep, read, restore


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Linear(7, 5), nn.BatchNorm1d(5))
    for name, value in made.state_dict().items():  # none of them zeros, which are found anywhere in a file
        value.fill_(1234567) if name.endswith("tracked") else value.normal_()
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keep(network(0), tmp_path, "key")
    return tmp_path


def refused(folder: Path, key: str = "key", into: nn.Module | None = None) -> str:
    with pytest.raises(InputError) as raised:
        restore(into or network(1), folder, key)
    said = str(raised.value)
    assert said.startswith(f"{folder}/checkpoint.pt: ")
    assert said.endswith("; delete this run's folder and train it again")
    assert len(said.splitlines()) == 1
    return said


def test_a_network_gets_the_weights_that_were_kept(folder: Path):
    other = network(1)
    assert not torch.equal(other[0].weight, network(0)[0].weight)
    restore(other, folder, "key")
    for name, value in network(0).state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


def test_a_flipped_bit_of_any_weight_is_seen(folder: Path):
    # torch itself loads such a file and says nothing, which is why it is read with a check
    path = folder / "checkpoint.pt"
    whole = path.read_bytes()
    for name, value in network(0).state_dict().items():
        place = whole.find(value.numpy().tobytes())
        assert place > 0, name
        flipped = bytearray(whole)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        torch.load(path, weights_only=True)
        assert "cannot be read (is damaged in " in refused(folder)


def test_whichever_byte_is_flipped_the_weights_are_right_or_the_file_is_refused(tmp_path: Path):
    small = nn.Linear(1, 1)
    keep(small, tmp_path, "key")
    path = tmp_path / "checkpoint.pt"
    whole = path.read_bytes()
    seen = 0
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 16  # this one makes a folder of a file in the archive's directory
        path.write_bytes(flipped)
        try:
            weights = read(path, "key")["weights"]
        except ValueError:
            seen += 1
        else:  # padding, dates
            assert all(torch.equal(weights[name], value) for name, value in small.state_dict().items()), place
    assert seen > len(whole) / 3


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_was_cut_short_is_refused(folder: Path, share: float):
    path = folder / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "cannot be read (is cut short or damaged: " in refused(folder)


def test_another_runs_file_is_refused(folder: Path):
    assert "cannot be read (is another run's)" in refused(folder, key="other")


def test_a_file_that_would_run_code_is_refused_and_runs_none(folder: Path):
    class Acts:
        def __reduce__(self):
            return Path.touch, (folder / "acted",)

    torch.save({"run": "key", "weights": Acts()}, folder / "checkpoint.pt")
    refused(folder)
    assert not (folder / "acted").exists()


def test_weights_of_another_network_are_refused(folder: Path):
    assert "does not fit the network" in refused(folder, into=nn.Linear(7, 5))


@pytest.mark.parametrize("content", [torch.ones(3), {"run": "key"}, {"run": "key", "weights": 3}])
def test_a_file_without_weights_is_refused(folder: Path, content: object):
    torch.save(content, folder / "checkpoint.pt")
    refused(folder)


def test_a_missing_file_is_told_of(tmp_path: Path):
    assert "this run has no checkpoint" in refused(tmp_path)


def test_a_file_that_is_mapped_is_held_against_its_sums_too(folder: Path):
    path = folder / "checkpoint.pt"
    weight = network(0)[0].weight.detach().numpy().tobytes()
    assert read(path, "key", mmap=True)["weights"]["0.weight"].numpy().tobytes() == weight
    flipped = bytearray(path.read_bytes())
    flipped[flipped.find(weight)] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(ValueError, match="is damaged in"):
        read(path, "key", mmap=True)
