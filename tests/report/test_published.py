"""The published values, and when they are shown."""

from pathlib import Path

import pytest

from dissect.errors import InputError
from dissect.report.published import find_published, read_published


def test_the_sources_gains_are_those_between_its_accuracies():
    boin = find_published("tiny_imagenet", "accuracy")
    assert boin is not None
    assert boin.facts == {"classes": 200, "image_size": 64, "examples": {"training": 100000}}
    gains = {row["component"]: row["gain"] for row in boin.gains}
    assert 100 * (boin.levels["step7"] - boin.levels["step6"]) == pytest.approx(gains["dropout2"])
    # "about": the ten-crop accuracy is given to a tenth of a point only
    assert 100 * (boin.levels["step7 + ten-crop"] - boin.levels["step7"]) == pytest.approx(gains["ten_crop"], abs=0.1)
    assert 100 * (boin.levels["step8"] - boin.levels["step7 + ten-crop"]) == pytest.approx(gains["ensemble"], abs=0.1)


def test_other_data_have_no_published_values():
    assert find_published("digits", "accuracy") is None


def test_another_network_on_the_same_data_has_no_published_values():
    assert find_published("tiny_imagenet", "accuracy", "dissect.networks.convnet.ConvNet") is not None
    assert find_published("tiny_imagenet", "accuracy", "dissect.networks.inception.Inception") is None


def test_a_file_named_for_other_data_is_refused(tmp_path: Path):
    path = tmp_path / "p.yaml"
    path.write_text("source: x\ndata: cifar10\nmetric: accuracy\n")
    assert find_published("cifar10", "accuracy", named=path) is not None
    with pytest.raises(InputError, match=r"p.yaml: is about data 'cifar10', the study's are 'digits'"):
        find_published("digits", "accuracy", named=path)
    with pytest.raises(InputError, match=r"p.yaml: is about accuracy, and loss is shown; leave it out"):
        find_published("cifar10", "loss", named=path)


def test_values_in_the_working_directory_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "experiments" / "mine" / "published.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("source: x\ndata: my_birds\nmetric: accuracy\n")
    monkeypatch.chdir(tmp_path)
    found = find_published("my_birds", "accuracy")
    assert found is not None
    assert found.path == path


HEAD = "source: x\ndata: d\nmetric: accuracy\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not valid YAML"),
        (HEAD + "gain: []\n", "unexpected keyword argument 'gain'"),
        ("source: x\n", "missing 2 required positional arguments"),
        (HEAD + "levels: {step1: high}\n", r"`levels.step1` is 'high', not the accuracy as runs log it"),
        (HEAD + "levels: [1]\n", "has to be a mapping"),
        (HEAD + "gains: [{component: a, gain: 3}]\n", "a row of `gains` is"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_fault(tmp_path: Path, text: str, message: str):
    path = tmp_path / "published.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        read_published(path)
    assert str(path) in str(refused.value)


def test_a_file_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"none.yaml: cannot be read"):
        read_published(tmp_path / "none.yaml")


def test_other_data_are_known_by_what_the_source_says_of_its_own():
    boin = find_published("tiny_imagenet", "accuracy")
    assert boin is not None
    whole = {
        "name": "tiny_imagenet",
        "classes": 200,
        "image_size": 64,
        "examples": {"training": 100000},
        "mirror": True,
    }
    assert boin.same_data(whole)
    assert not boin.same_data(whole | {"classes": 10})
    assert not boin.same_data(whole | {"examples": {"training": 5000}})
