"""Whose code a stranger's config may run: nothing is made, and nothing of a stranger's is imported, to see that."""

import functools
import sys
from pathlib import Path

import pytest
import yaml
from hydra.utils import instantiate
from omegaconf import OmegaConf

from dissect.composing.compose import CONF
from dissect.composing.trust import is_known, refuse_strangers
from dissect.errors import InputError


@pytest.fixture(autouse=True)
def ran(tmp_path, monkeypatch):
    """A folder with a stranger's module, `stranger`, and one that is trusted, `mine`; nothing may run by looking."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    touch = "from pathlib import Path\nPath('ran').touch()\n"
    (tmp_path / "stranger.py").write_text(touch + "def net(): pass\n")
    (tmp_path / "mine.py").write_text(
        "import os, functools, torch, json as other\nfrom pathlib import Path\n"
        "from torchvision.models import resnet18\nfrom torch.hub import load\n"
        "from os import system as run\nfrom json import loads\n"
        "class Net(torch.nn.Module):\n    @classmethod\n    def small(cls): Path('ran').touch()\n"
        "class Called:\n    def __call__(self): Path('ran').touch()\n"
        "def net(): Path('ran').touch()\n"
        "called, part, trick = Called(), functools.partial(net), functools.partial(os.system, 'touch ran')\n"
    )
    (tmp_path / "broken.py").write_text("raise RuntimeError\n")
    yield tmp_path / "ran"
    assert not (tmp_path / "ran").exists()
    assert "stranger" not in sys.modules
    sys.modules.pop("mine", None)  # the next test has its own


def refused(config, *trusted, **options) -> str:
    with pytest.raises(InputError) as told:
        refuse_strangers(config, trusted, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


def shipped():
    for path in sorted(CONF.rglob("*.yaml")):
        if "hydra" not in path.parts:
            yield from (match for match in targets(yaml.safe_load(path.read_text())))


def targets(node):
    if isinstance(node, dict):
        yield from [node["_target_"]] if "_target_" in node else []
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from targets(inner)


def test_what_ships_with_dissect_is_let_through():
    named = set(shipped()) - {"aim.pytorch_lightning.AimLogger"}  # another's package, which a user trusts by name
    assert len(named) > 10
    assert {target for target in named if not is_known(target)} == set()


@pytest.mark.parametrize(
    "target",
    ["torch.nn.ReLU", "torch.nn.functional.gelu", "torch.nn.functional.relu", "torch.nn.functional.max_pool2d",
     "torch.nn.modules.activation.GELU", "torch.nn.CrossEntropyLoss", "torch.nn.init.trunc_normal_",
     "torch.optim.AdamW", "torch.optim.lr_scheduler.OneCycleLR", "torch.optim.swa_utils.get_ema_multi_avg_fn",
     "torchvision.models.resnet18", "torchvision.models.resnet.ResNet", "torchvision.models.get_model",
     "torchvision.models.detection.fasterrcnn_resnet50_fpn", "torchvision.transforms.RandomCrop",
     "torchvision.transforms.v2.RandAugment", "torchvision.transforms.v2.functional.hflip",
     "pytorch_lightning.Trainer", "dissect.networks.convnet.ConvNet", "dissect.design.cumulative"],
)  # fmt: skip
def test_networks_optimisers_and_transforms_are_let_through(target):
    refuse_strangers({"model": {"_target_": target}})


@pytest.mark.parametrize(
    "target",
    ["os.system", "builtins.eval", "builtins.exec", "distutils.spawn.spawn", "subprocess.run", "functools.partial",
     "hydra.utils.instantiate", "hydra.utils.call", "hydra.utils.get_method", "hydra._internal.utils._locate",
     "pandas.read_pickle", "joblib.load", "numpy.load", "numpy.f2py.compile", "timm.create_model", "stranger.net",
     "omegaconf.OmegaConf.register_new_resolver", "importlib.import_module", "yaml.unsafe_load",
     # through modules of packages that are let in
     "dissect.files.os.system", "dissect.sweep.cluster.subprocess.run", "dissect.images.sources.Path",
     "dissect.networks.init.torch.load", "dissect.networks.convnet.nn.Module", "dissect.images.sources.download",
     "dissect.images.sources.hashlib.md5", "dissect.design.rules.import_module", "dissect.networks.os",
     "torch.nn.modules.module.torch.load", "torch.nn.functional.torch.hub.load", "torch.nn.functional.importlib",
     "torch.nn.modules.module.functools.partial", "torch.nn.functional.importlib.import_module",
     "torch.optim.optimizer.torch.load", "torch.optim.lr_scheduler.partial", "torch.optim.swa_utils.deepcopy",
     "torchvision.models.resnet.partial", "torchvision.transforms.transforms.torch.load",
     # what is dissect's, torch's and torchvision's, and does harm
     "dissect.files.whole", "dissect.images.task.images_of", "dissect.images.sources.Zip",
     "dissect.store.runs.remove_states", "dissect.images.trees.download",
     "dissect.sweep.cluster.on_slurm", "dissect.sweep.pool.run_all", "dissect.__main__.main",
     "torch.load", "torch.hub.load", "torch.jit.load", "torch.serialization.load", "torch.package.PackageImporter",
     "torch.utils.cpp_extension.load_inline", "torch.nn.utils.skip_init", "torch.ops.load_library",
     "torch.utils.data.DataLoader", "torch.save", "torch.nn.Module.apply", "torch.nn.Module.__init__", "torch.nn",
     "torch.optim.Adam.load_state_dict", "torch.nn.functional.boolean_dispatch", "torch._C._nn.gelu",
     "torchvision.models._api.Weights", "torchvision.models.resnet.Weights", "torchvision.models.resnet.WeightsEnum",
     "torchvision.models.ResNet18_Weights", "torchvision.models.ResNet18_Weights.DEFAULT.get_state_dict",
     "torchvision.models.feature_extraction.create_feature_extractor", "torchvision.datasets.ImageFolder",
     "pytorch_lightning.Trainer.fit", "pytorch_lightning.LightningModule.load_from_checkpoint",
     "pytorch_lightning.trainer.trainer.torch.load", "pytorch_lightning.callbacks.LambdaCallback"],
)  # fmt: skip
def test_everything_else_is_refused_by_key_and_target(target):
    said = refused({"model": {"activation": [{"x": {"_target_": target, "_partial_": True}}]}})
    assert said.startswith(f"model.activation[0].x._target_={target}: ")


def test_the_message_says_whose_code_it_is_and_what_allows_it():
    assert refused({"init": {"_target_": "stranger.net"}}) == (
        "init._target_=stranger.net: would run code of stranger, which this config names and not you; "
        "if you know what it does: --trust stranger"
    )
    assert "code of Python's own os" in refused({"init": {"_target_": "os.system"}})
    assert "--trust torch" in refused({"init": {"_target_": "torch.load"}})


@pytest.mark.parametrize("target", ["", ".", "eval", "torch..load", ".torch.nn.ReLU", "torch.nn.ReLU.", "a\nb.c", "???",
                                    None, 3, True, ["os.system"], {"_target_": "os.system"}])  # fmt: skip
def test_a_target_that_is_no_dotted_name_is_refused(target):
    assert "must be the dotted name" in refused({"model": {"_target_": target}})


@pytest.mark.parametrize("thing", [functools.partial, print, Path.touch])
def test_an_object_in_a_configs_place_is_refused(thing):
    refused({"model": {"_target_": thing}})
    refused({"model": {"_target_": "torch.nn.ReLU", "inplace": thing}})


EVIL = {"_target_": "os.system", "command": "touch ran"}


@pytest.mark.parametrize(
    "config",
    [
        {"model": {"_target_": "torch.nn.Sequential", "_args_": [[EVIL]]}},
        {"model": {"_target_": "torch.nn.Sequential", "_recursive_": False, "inner": EVIL}},
        {"a": [[[{"b": (EVIL,)}]]]},
        {"model": {"_target_": "${name}", "command": "touch ran"}, "name": "os.system"},
        {"model": {"_target_": "${a}.${b}", "command": "touch ran"}, "a": "os", "b": "system"},
        {"model": "${hidden}", "hidden": EVIL},
        {"model": "${oc.create:'{_target_: os.system, command: touch ran}'}"},
        {"model": {"_target_": "${oc.decode:'os.system'}"}},
        {"model": {"_target_": "${oc.env:TARGET}"}},
        {"model": {"_target_": "torch.nn.ReLU", "inplace": r"\${hidden}"}, "hidden": 1},
        {"model": {"_target_": "${nowhere}"}},
        {"model": {"_target_": "${model._target_}"}},
        {1: EVIL},
    ],
)
def test_what_hides_in_arguments_lists_and_interpolations_is_found(config, monkeypatch):
    monkeypatch.setenv("TARGET", "os.system")
    refused(config)
    refused(OmegaConf.create(config))


def test_hydra_would_have_run_what_is_refused(ran):
    # The oracle of this file: without the check, the mark that no test may leave is left.
    config = {"_target_": "distutils.spawn.spawn", "cmd": ["touch", str(ran)]}
    assert refused({"model": config})
    pytest.importorskip("distutils.spawn")
    instantiate(config)
    assert ran.exists()
    ran.unlink()


def test_only_the_parts_that_are_made_are_looked_at():
    config = {"model": {"_target_": "torch.nn.ReLU"}, "logger": EVIL, "data": {"root": "${nowhere}", "source": EVIL}}
    refuse_strangers(config, parts=["model", "init"])
    assert refused(config, parts=["model", "data.source"]).startswith("data.source._target_=os.system")
    refused(config)


@pytest.mark.parametrize("name", ["Net", "Net.small", "net", "called", "part", "resnet18", "torch.nn.ReLU", "missing"])
def test_a_trusted_package_may_run_what_is_its_own(name):
    refuse_strangers({"model": {"_target_": f"mine.{name}"}}, ["mine"])
    refuse_strangers({"model": {"_target_": f"mine.{name}"}}, "mine")
    refused({"model": {"_target_": f"mine.{name}"}}, "other")
    refused({"model": {"_target_": f"mine.{name}"}}, "mi")


@pytest.mark.parametrize("name", ["os.system", "run", "trick", "load", "torch.load", "torch.hub.load", "loads", "os",
                                  "Path", "functools.partial", "other.loads", "Net.__init__", "Net.load_state_dict",
                                  "net.__globals__.get", "__builtins__.get", "__loader__.load_module"])  # fmt: skip
def test_a_trusted_package_leads_to_no_other(name):
    assert f"model._target_=mine.{name}: is not mine's own but " in refused(
        {"model": {"_target_": f"mine.{name}"}}, "mine"
    )


def test_a_trusted_module_that_breaks_is_left_to_its_making():
    refuse_strangers({"model": {"_target_": "broken.Net"}}, ["broken"])


def test_what_hydra_looks_up_for_a_trusted_config_is_looked_at_too():
    for function in ("get_method", "get_class", "get_object", "get_static_method"):
        node = {"_target_": f"hydra.utils.{function}", "path": "os.system"}
        assert "os.system" in refused({"model": node}, "hydra")
        assert "os.system" in refused({"model": {**node, "path": None, "_args_": ["os.system"]}}, "hydra")
        refuse_strangers({"model": {**node, "path": "torch.nn.ReLU"}}, ["hydra"])


def test_ten_thousand_levels_are_refused():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    refused({"model": deep})
