"""The factorial of modern components: its network, and the regularisation that is four of them at once."""

from pathlib import Path

from dissect.composing.compose import compose
from dissect.composing.plain import leaves, plain
from dissect.images.build import build

STUDY = Path(__file__).parents[2] / "experiments" / "modern-factorial"


def config(*components, study="modern_factorial"):
    said = [f"+study={study}", f"component=[{','.join(components)}]", "data.classes=20"]
    return leaves(plain(compose(said, config_dirs=[STUDY]).config))


def test_its_network_has_the_parameters_that_its_readme_says():
    made = compose(["+study=modern_factorial"], config_dirs=[STUDY])
    assert made.name == "baseline"
    assert f"({round(sum(w.numel() for w in build(made.config, seed=0).parameters()), -3):,} parameters)" in (
        STUDY / "README.md"
    ).read_text(encoding="utf-8")


def test_regularisation_is_what_its_four_components_are():
    four = config("label_smoothing", "stochastic_depth", "dropout", "mixup")
    at_once = config("regularisation", study="weight_decay_regularisation")
    differing = {key for key in {**four, **at_once} if four.get(key) != at_once.get(key)}
    assert {key.split(".")[0] for key in differing} == {"components", "plan"}
