"""Identity of variants, on the configs that ship."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from dissect.composing.job import job_of, who
from dissect.composing.plain import declared
from dissect.composing.schema import CONF
from dissect.composing.variant import variant_name
from dissect.errors import InputError

PIXELS = "digest of some data"
LADDER = ["dropout1", "augmentation", "leaky_relu", "more_parameters", "split_conv2", "dropout2", "ensemble"]


def leaves(config):
    def walk(value, prefix):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(inner, f"{prefix}.{key}")
        else:
            yield prefix[1:], value

    return dict(walk(OmegaConf.to_container(config, resolve=True), ""))


@pytest.mark.parametrize("step", range(1, 9))
def test_a_step_has_the_ladders_first_components_and_composes_to_one_key(variant, step):
    first, again = variant(f"+ablation=step{step}"), variant(f"+ablation=step{step}")
    assert first.name == f"step{step}"
    assert list(first.components) == LADDER[: step - 1]
    assert first.key(PIXELS) == again.key(PIXELS)


def test_the_eight_steps_have_eight_keys_and_one_setting(variant):
    steps = [variant(f"+ablation=step{step}") for step in range(1, 9)]
    assert len({step.key(PIXELS) for step in steps}) == 8
    assert len({step.settings(PIXELS) for step in steps}) == 1


@pytest.mark.parametrize("name", LADDER)
def test_a_component_changes_what_its_file_declares_and_nothing_else(variant, name):
    off, on = leaves(variant("data=cifar10").config), leaves(variant("data=cifar10", f"component=[{name}]").config)
    changed = {key: value for key, value in on.items() if off.get(key) != value}
    delta = OmegaConf.load(CONF / "component" / f"{name}.yaml")
    itself = leaves(OmegaConf.create({"components": delta.components}))
    assert changed == declared(delta, variant("data=cifar10").config) | itself
    gone = off.keys() - on.keys()  # what was null, and now says what to make
    assert all(off[key] is None and f"{key}._target_" in on for key in gone)
    assert len(changed) >= 2  # its label, and at least one real change


def test_the_order_in_which_components_are_named_does_not_matter(variant):
    one, other = variant("component=[leaky_relu,dropout1]"), variant("component=[dropout1,leaky_relu]")
    assert one.key(PIXELS) == other.key(PIXELS)
    assert variant("component=[augmentation,dropout1]").name == "step3"


def test_a_subset_that_is_no_step_is_named_after_its_components():
    assert variant_name(["dropout2", "leaky_relu"], LADDER) == "dropout2+leaky_relu"
    assert variant_name([], LADDER) == "step1"
    assert variant_name([], []) == "baseline"


@pytest.mark.parametrize("override", ["seed=1", "train.epochs=7", "model.width=0.5", "init=gaussian",
                                      "trainer.gradient_clip_val=2", "trainer.precision=64-true"])  # fmt: skip
def test_what_determines_the_result_enters_the_key(variant, override):
    assert variant(override).key(PIXELS) != variant().key(PIXELS)


@pytest.mark.parametrize("override", ["name=other", "evaluate.ten_crop=null", "evaluate.batch_size=7", "threads=1",
                                      "logger=wandb", "trainer.accelerator=cpu", "data.cache=elsewhere",
                                      "data=cifar10 data.root=elsewhere"])  # fmt: skip
def test_paths_loggers_hardware_and_evaluation_do_not_enter_the_key(variant, override):
    changed = override.split()
    assert variant(*changed).key(PIXELS) == variant(*changed[:-1]).key(PIXELS)


def test_other_pixels_give_another_key(variant):
    assert variant().key("these") != variant().key("those")


def test_the_settings_ignore_components_and_seed_and_notice_the_recipe(variant):
    settings = variant().settings(PIXELS)
    assert variant("+ablation=step5", "seed=4").settings(PIXELS) == settings
    assert variant("train.epochs=3").settings(PIXELS) != settings


def test_seed_0_is_a_seed_like_any_other(variant):
    assert job_of(variant("seed=0"), SimpleNamespace(digest=PIXELS, settles={})).folder.name.startswith("step1-seed0-")


@pytest.mark.parametrize("seed", ["-1", "true", "9223372036854775808"])
def test_a_seed_that_is_no_whole_number_from_zero_is_refused(variant, seed):
    with pytest.raises((InputError, HydraException), match="seed"):
        variant(f"seed={seed}")


@pytest.mark.parametrize(("short", "long"), [("32", "32-true"), ("bf16", "bf16-mixed"), ("16", "16-mixed")])
def test_a_precision_by_its_short_name_is_the_same_run(variant, short, long):
    assert variant(f"trainer.precision={short}").key(PIXELS) == variant(f"trainer.precision={long}").key(PIXELS)


def test_a_component_without_effect_is_refused(variant):
    with pytest.raises(InputError, match=r"component dropout1: changes nothing here \(model.dropout1=0.5"):
        variant("component=[dropout1]", "model.dropout1=0.5")


def test_a_component_that_the_command_line_undoes_is_refused(variant):
    with pytest.raises(InputError, match=r"model.hidden=10: overrides component more_parameters, which sets 2048"):
        variant("component=[more_parameters]", "model.hidden=10")


def user_component(folder: Path, name: str, text: str) -> Path:
    (folder / "component").mkdir(exist_ok=True)
    (folder / "component" / f"{name}.yaml").write_text(f"# @package _global_\n{text}\n")
    return folder


def test_a_component_that_no_result_depends_on_is_refused(variant, tmp_path):
    own = user_component(tmp_path, "busy", "components: {busy: two threads}\nthreads: 2")
    with pytest.raises(InputError, match="component busy: changes nothing here"):
        variant("component=[busy]", config_dirs=[own])


def test_an_edited_network_of_ones_own_is_another_network(variant, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_network.py").write_text("class Net: ...\n")
    first = variant("model._target_=my_network.Net", "init=own").key(PIXELS)
    (tmp_path / "my_network.py").write_text("class Net:\n    depth = 2\n")
    assert variant("model._target_=my_network.Net", "init=own").key(PIXELS) != first


def test_two_levels_of_one_factor_are_refused(variant, tmp_path):
    own = user_component(tmp_path, "heavy_dropout1", "components: {heavy_dropout1: dropout}\nmodel: {dropout1: 0.8}")
    with pytest.raises(
        InputError, match=r"components dropout1 and heavy_dropout1: both set model.dropout1 \(0.5 and 0.8\)"
    ):
        variant("component=[dropout1,heavy_dropout1]", config_dirs=[own])


def test_a_users_own_component_is_composed(variant, tmp_path):
    own = user_component(tmp_path, "long", "components: {long: longer training}\ntrain: {epochs: 99}")
    found = variant("component=[long]", config_dirs=[own])
    assert (found.name, found.config.train.epochs) == ("long", 99)
    assert found.settings(PIXELS) == variant().settings(PIXELS)


def test_a_component_that_does_not_name_itself_is_refused(variant, tmp_path):
    own = user_component(tmp_path, "nameless", "components: {other: x}\ntrain: {epochs: 99}")
    with pytest.raises(InputError, match=r"no file component/other.yaml"):
        variant("component=[nameless]", config_dirs=[own])


def test_a_misspelt_key_in_a_component_is_refused(variant, tmp_path):
    own = user_component(tmp_path, "typo", "components: {typo: typo}\ntrain: {epohcs: 99}")
    with pytest.raises(HydraException, match="epohcs"):
        variant("component=[typo]", config_dirs=[own])


def test_a_step_that_changes_more_than_its_components_is_refused(variant, tmp_path):
    (tmp_path / "ablation").mkdir()
    (tmp_path / "ablation" / "sly.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /component: [dropout1]\ntrain: {epochs: 99}\n"
    )
    with pytest.raises(InputError, match=r"train.epochs=99: set by none of the components \['dropout1'\]"):
        variant("+ablation=sly", config_dirs=[tmp_path])


def test_an_unknown_component_is_named(variant):
    with pytest.raises(HydraException, match="component/dropuot1"):
        variant("component=[dropuot1]")


def test_a_config_that_refers_to_the_seed_has_a_key_of_its_own_for_each(variant):
    """What decides a result is worked out once for all seeds, but where the seed itself stands in it."""
    plain, refers = variant("seed=1"), variant("seed=1", "model.hidden=${seed}")
    assert plain.with_seed(2).key("x") == variant("seed=2").key("x")
    assert refers.with_seed(2).key("x") == variant("seed=2", "model.hidden=${seed}").key("x")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("name=.locks", r"name='\.locks': must be the name of a folder"),
        ("name=a/b", "name='a/b': must be the name of a folder"),
        ('name="a\nb"', r"name='a\\nb': must be the name of a folder"),
        ('runs="a\x1bb"', r"runs='.*a\\x1bb': must be the name of a folder"),
        ("optimizer.lr=nan", "optimizer.lr=nan: must be a finite number"),
        ("optimizer.weight_decay=inf", "optimizer.weight_decay=inf: must be a finite number"),
        ("+ablation=[step1,step2]", r"\+ablation=\[step1,step2\]: several steps would be merged into one"),
    ],
)
def test_a_setting_that_no_run_can_have_is_refused(variant, said, message):
    with pytest.raises(InputError, match=message):
        variant(said)


def test_a_store_may_be_named_from_the_home_folder(variant, monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert variant("runs='~/studies'").config.runs == "/somewhere/studies"


def test_transforms_of_ones_own_in_another_order_are_another_run(variant):
    one, other = "+augmentation.a={_target_: torch.nn.Identity}", "+augmentation.b={_target_: torch.nn.Identity}"
    assert variant(one, other).key(PIXELS) != variant(other, one).key(PIXELS)
    assert variant(one).key(PIXELS) == variant(one, "+augmentation.b=null").key(PIXELS)
    assert "_order_" not in variant(one, other, "component=[mixup,augmentation]").determined["augmentation"]


def test_transforms_that_come_with_dissect_have_one_order_however_they_are_named(variant):
    mixed, moved = (variant(f"component=[{names}]") for names in ("mixup,translation", "translation,mixup"))
    assert list(mixed.config.augmentation) == list(moved.config.augmentation)
    assert mixed.key(PIXELS) == moved.key(PIXELS)
    assert "_order_" not in mixed.determined["augmentation"]


def test_a_folder_that_claims_a_seed_beyond_all_tables_has_none():
    assert who(Path("a-seed7-12345678")) == ("a", 7)
    name = f"a-seed{'9' * 30}-12345678"
    assert who(Path(name)) == (name, 0)
