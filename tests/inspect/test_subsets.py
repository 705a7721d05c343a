"""Figure 5 on members whose predictions are made up: against brute force, and what is refused."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dissect.errors import InputError
from dissect.inspect.__main__ import main
from dissect.inspect.drawing import draw_subsets
from dissect.inspect.runs import Run, read_run
from dissect.inspect.subsets import SHOWN, caption, dots, subsets_of
from dissect.store import runs as store
from tests.conftest import write_finished

SEEDS = [3, 1003, 2003, 3003]
LABELS = np.arange(40) % 3


def predicted(number: int) -> np.ndarray:
    noise = (
        np.random.default_rng(number).random((40, 3)).astype(np.float32) + 0.35 * np.eye(3, dtype=np.float32)[LABELS]
    )
    return noise / noise.sum(1, keepdims=True)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Run]:
    """An ensemble of so many members in a store."""

    def make(members: int = 4) -> Run:
        data = {"name": "digits", "classes": 3, "image_size": 16, "judge": "validation", "digest": "d"}
        common = {"variant": "step8", "components": {}, "status": "finished", "data": data, "key": "k", "error": None}
        common |= {"metric": {"name": "accuracy"}}
        common |= {"metrics": {"accuracy": 0.5, "accuracy_ten_crop": None}}
        names = [f"step7-seed{1000 * number + 3}-k" for number in range(members)]
        for number, name in enumerate(names):
            both = {"probabilities": predicted(number), "probabilities_ten_crop": predicted(100 + number)}
            one = {"variant": "step7", "seed": 1000 * number + 3, "members": None}
            write_finished(tmp_path / "trial" / name, common | one, {"labels": LABELS, **both})
        folder = tmp_path / "trial" / "step8-seed3-k"
        store.write_result(folder, common | {"seed": 3, "members": names}, {"scores": LABELS == 0})
        return read_run(folder)

    return make


def test_every_subset_is_there_and_the_best_is_the_best_by_brute_force(made: Callable[..., Run]):
    found = subsets_of(made())
    assert list(found) == ["single view", "ten-crop"]
    for view, first in (("single view", 0), ("ten-crop", 100)):
        expected = {
            members: float(
                (np.mean([predicted(first + m).astype(float) for m in members], 0).argmax(1) == LABELS).mean()
            )
            for size in range(1, 5)
            for members in itertools.combinations(range(4), size)
        }
        ours = found[view]
        masks = {sum(2**m for m in members): accuracy for members, accuracy in expected.items()}
        assert len(masks) == 15
        assert {mask: ours.accuracies[mask] for mask in masks} == pytest.approx(masks)
        assert ours.best.accuracy == pytest.approx(max(expected.values()))
        assert ours.best.accuracy == pytest.approx(expected[ours.best.members])
        assert ours.full == ((0, 1, 2, 3), pytest.approx(expected[0, 1, 2, 3]))
        assert list(ours.single) == pytest.approx([expected[(m,)] for m in range(4)])
        drawn = dots(ours.accuracies)
        for size, group in drawn.groupby("members"):
            assert sorted(group["accuracy"]) == pytest.approx(
                sorted(a for ms, a in expected.items() if len(ms) == size)
            )


def test_the_picture_marks_the_best_and_the_whole(made: Callable[..., Run]):
    found = subsets_of(made())
    axes = draw_subsets(found).axes
    assert [ax.get_title() for ax in axes] == ["single view", "ten-crop"]
    for ax, ours in zip(axes, found.values(), strict=True):
        lines = {str(line.get_label()).split(":")[0]: line for line in ax.lines}
        assert lines["all"].get_xydata().tolist() == [[4, ours.full.accuracy]]
        assert lines["best"].get_xydata().tolist() == [[len(ours.best.members), ours.best.accuracy]]
        assert len(lines["one subset"].get_xydata()) == 15
        np.testing.assert_allclose(lines["mean"].get_ydata()[[0, -1]], [ours.single.mean(), ours.full.accuracy])


def test_the_caption_tells_the_members_spread(made: Callable[..., Run]):
    found = subsets_of(made())
    text, single = caption(found, SEEDS), 100 * found["single view"].single
    assert "every subset of 4 members (15 subsets)" in text
    assert (
        f"single members from {single.min():.2f} to {single.max():.2f}%, mean {np.mean(single):.2f}, "
        f"sd {np.std(single, ddof=1):.2f} points" in text
    )
    best = found["single view"].best
    assert f"the best subset has {len(best.members)}" in text
    if len(best.members) < 4:
        assert f"(seeds {', '.join(str(SEEDS[m]) for m in best.members)})" in text


def test_of_very_many_subsets_ranks_are_drawn_evenly_and_the_extremes_always():
    accuracies = np.concatenate([[np.nan], np.random.default_rng(0).random(2**12 - 1)])
    drawn = dots(accuracies)
    sizes = np.array([bin(mask).count("1") for mask in range(2**12)])
    assert drawn.groupby("members").size().tolist() == [min(SHOWN, int((sizes == n).sum())) for n in range(1, 13)]
    six = drawn[drawn["members"] == 6]["accuracy"]
    ours = np.sort(accuracies[sizes == 6])
    assert (six.min(), six.max()) == (ours[0], ours[-1])
    ranks = np.searchsorted(ours, six)
    assert set(np.diff(ranks)) <= {2, 3}  # 924 subsets, every 2.31th


def test_what_has_no_subsets_is_refused_in_one_line(made: Callable[..., Run], tmp_path: Path, capsys):
    run = made(25)
    with pytest.raises(InputError, match=r"has 25 members, of which there are 2\^25 - 1 subsets; 24 is the most"):
        subsets_of(run)
    with pytest.raises(InputError, match="is one network, which has no subsets; name an ensemble's run"):
        subsets_of(read_run(run.folder.parent / "step7-seed3-k"))
    run = made()
    other = run.folder.parent / "step7-seed1003-k"
    result = store.read_result(other)
    store.write_result(other, result, {"labels": np.roll(LABELS, 1), "probabilities": predicted(1)})
    with pytest.raises(
        InputError, match=r"step7-seed1003-k: was judged on other images than step7-seed3-k \(their labels"
    ):
        subsets_of(run)
    store.write_result(other, result, {"labels": LABELS, "probabilities": 2 * predicted(1)})
    with pytest.raises(InputError, match="its members' probabilities cannot be averaged"):
        subsets_of(run)
    (other / "predictions.npz").unlink()
    assert main([str(run.folder), "subsets", "--out", str(tmp_path / "out")]) == 2
    assert "predictions.npz: is gone" in capsys.readouterr().err


def test_the_command_needs_no_images_and_writes_a_page(made: Callable[..., Run], tmp_path: Path):
    run = made()
    assert main([str(run.folder), "subsets", "--out", str(tmp_path / "out")]) == 0
    folder = tmp_path / "out" / "trial" / "inspect" / run.folder.name
    assert {path.name for path in folder.iterdir()} == {"subsets.png", "subsets.svg", "index.html"}
    assert "Subsets of the ensemble" in (folder / "index.html").read_text()
