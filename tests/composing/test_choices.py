"""What there is to choose, of dissect's own and the user's, as --help lists it."""

import re

import pytest
from omegaconf import OmegaConf

from dissect.composing.choices import listed
from dissect.composing.schema import CONF


def test_every_component_and_every_other_choice_is_listed_once():
    lines = dict(line.rsplit(":", 1) for line in listed([]).replace("\n    ", " ").splitlines())
    by_part = {part.strip(): names.split(",") for part, names in lines.items() if part.startswith("  ")}
    named = [name.strip() for names in by_part.values() for name in names]
    assert sorted(named) == sorted(path.stem for path in (CONF / "component").glob("*.yaml"))
    for group in ("data", "model", "schedule", "study"):
        assert lines[group].split(", ") == [f" {p}" if not i else p for i, p in enumerate(sorted(
            path.stem for path in (CONF / group).glob("*.yaml")))]  # fmt: skip


def test_a_component_stands_under_what_it_changes_and_the_networks_that_have_it():
    text = listed([])
    assert "\n  model=convnet,resnet: gelu, leaky_relu, mish, more_parameters, silu" in text
    assert "\n  average: ema, swa\n" in text
    for path in (CONF / "component").glob("*.yaml"):
        [part] = {key for key in OmegaConf.load(path) if key not in ("components", "hydra")}
        line = next(one for one in text.replace("\n    ", " ").splitlines()
                    if one.startswith("  ") and path.stem in one.partition(": ")[2].split(", "))  # fmt: skip
        assert line.strip().partition(":")[0].partition("=")[0] == part


MODELS = {path.stem: {*OmegaConf.load(path).model} for path in sorted((CONF / "model").glob("*.yaml"), reverse=True)}
MODELS["convnet"].add("match")  # which stands in no base
UNCLIPPED = "# @package _global_\ndefaults: [images, _self_]\ntrainer: {gradient_clip_val: null}\n"


@pytest.mark.parametrize("path", sorted((CONF / "component").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_component_is_a_short_delta_with_its_source_that_changes_what_it_declares(variant, path, tmp_path):
    text, delta = path.read_text(encoding="utf-8"), OmegaConf.load(path)
    assert len(text.splitlines()) <= 8
    assert re.search(r"#.*(\b(19|20)\d\d\b|\bours\b)", text), "no source"
    model = next(name for name, takes in MODELS.items() if takes >= {*(delta.get("model") or {})})
    said = delta.components[path.stem]
    needed = said.get("requires", []) if OmegaConf.is_config(said) else []
    chosen = ",".join([*needed, path.stem])
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "unclipped.yaml").write_text(UNCLIPPED)
    base = "task=unclipped" if path.stem == "gradient_clipping" else "task=images"  # which clips
    # refuses one that changes nothing, or not all that it declares
    found = variant(f"model={model}", "schedule=steps", base, f"component=[{chosen}]", config_dirs=[tmp_path])
    assert path.stem in found.components


def test_those_of_the_users_own_folders_are_there(tmp_path):
    for place, text in (("component/blue", "components: {blue: blue}\nloss: {x: 1}"), ("fruit/apple", "a: 1"),
                        ("component/broken", ": : [")):  # fmt: skip
        path = tmp_path / f"{place}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    text = listed(["--config-dir", str(tmp_path), "seed=1"])
    assert "\n  loss: binary_cross_entropy, blue, focal" in text
    assert "\nfruit: apple\n" in text
    assert "\n  nothing: broken\n" in text
