"""The published values, and when they are shown."""

from pathlib import Path

import pytest

from dissect.errors import InputError
from dissect.report.published import find_published, read_published


def test_the_sources_gains_are_those_between_its_accuracies():
    boin = find_published("tiny_imagenet")
    assert boin is not None
    assert (boin.classes, boin.image_size) == (200, 64)
    gains = {row["component"]: row["gain"] for row in boin.gains}
    assert 100 * (boin.accuracies["step7"] - boin.accuracies["step6"]) == pytest.approx(gains["dropout2"])
    # "about": the ten-crop accuracy is given to a tenth of a point only
    assert 100 * (boin.accuracies["step7 + ten-crop"] - boin.accuracies["step7"]) == pytest.approx(
        gains["ten_crop"], abs=0.1
    )
    assert 100 * (boin.accuracies["step8"] - boin.accuracies["step7 + ten-crop"]) == pytest.approx(
        gains["ensemble"], abs=0.1
    )


def test_other_data_have_no_published_values():
    assert find_published("digits") is None


def test_another_network_on_the_same_data_has_no_published_values():
    assert find_published("tiny_imagenet", "dissect.networks.convnet.ConvNet") is not None
    assert find_published("tiny_imagenet", "dissect.networks.inception.Inception") is None


def test_a_file_named_for_other_data_is_refused(tmp_path: Path):
    path = tmp_path / "p.yaml"
    path.write_text("source: x\ndata: cifar10\nclasses: 10\nimage_size: 32\n")
    assert find_published("cifar10", named=path) is not None
    with pytest.raises(InputError, match=r"p.yaml: is about data 'cifar10', the study's are 'digits'"):
        find_published("digits", named=path)


def test_values_in_the_working_directory_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "experiments" / "mine" / "published.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("source: x\ndata: my_birds\nclasses: 10\nimage_size: 32\n")
    monkeypatch.chdir(tmp_path)
    found = find_published("my_birds")
    assert found is not None
    assert found.path == path


HEAD = "source: x\ndata: d\nclasses: 10\nimage_size: 32\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not valid YAML"),
        (HEAD + "gain: []\n", "unexpected keyword argument 'gain'"),
        ("source: x\n", "missing 3 required positional arguments"),
        (HEAD + "accuracies: {step1: 44.9}\n", r"`accuracies.step1` is 44.9"),
        (HEAD + "accuracies: [1]\n", "has to be a mapping"),
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
