"""What there is to choose, of dissect's own and the user's, as --help lists it."""

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
