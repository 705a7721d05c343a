"""What can never be made is told of by its source alone."""

import sys

import pytest

from dissect.composing.arguments import check_targets, look_up
from dissect.errors import InputError

MINE = """
from helpers import Base, other as named
from torch import nn

class Net(nn.Module):
    def __init__(self, *, classes: int, rate: float, sizes: list[int], mode: int | str = "a"): ...

class Late(Base):
    pass

@decorated
def wrapped(a): ...

def plain(done, *, warmup: "float" = 0.1): ...

def taking(**rest): ...
"""


def test_a_name_that_yaml_reads_as_no_text_is_told_of():
    with pytest.raises(InputError, match=r"model.False: is no name for torch.nn.ReLU; YAML reads a bare on, off"):
        check_targets({"model": {"_target_": "torch.nn.ReLU", False: True}})


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine_args.py").write_text(MINE)
    (tmp_path / "helpers.py").write_text("class Base:\n    def __init__(self, x): ...\ndef other(y): ...\n")
    look_up.cache_clear()


GOOD = {"_target_": "mine_args.Net", "classes": 3, "rate": 0.1, "sizes": [1, 2]}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (GOOD | {"rate": "fast"}, "model.rate=fast: must be a number, which mine_args.Net takes as its rate"),
        (GOOD | {"sizes": 3}, "model.sizes=3: must be a list, which mine_args.Net takes as its sizes"),
        (GOOD | {"rte": 3}, "model.rte=3: mine_args.Net takes no argument rte; did you mean rate"),
        (
            {"_target_": "mine_args.Nets"},
            r"model._target_=mine_args.Nets: .*mine_args.py has no Nets; did you mean Net",
        ),
        ({"_target_": "mine_arg.Net"}, r"there is no module mine_arg: neither in .*, from where this was called, nor"),
        ({"_target_": "mine_args.plain", "warm": 1}, "takes no argument warm; did you mean warmup"),
        ({"_target_": "mine_args.named", "z": 1}, "takes no argument z; it takes y"),
        ({"_target_": "torch.optim.SGD", "momntum": 1}, "takes no argument momntum; did you mean momentum"),
        ({"_target_": "torch.optim.SGD", "lr": "fast"}, "model.lr=fast: must be a number"),
        ({"_target_": "torch.optim.SDG"}, "has no SDG; did you mean SGD"),
        ({"_target_": "pytorch_lightning.Trainer", "colour": 3}, "model.colour=3: pytorch_lightning.Trainer takes no"),
        (
            {"a": [{"_target_": "torch.optim.AdamW", "wight_decay": 3}]},
            r"model.a\[0\].wight_decay=3: .*did you mean weight_decay",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_by_its_key_and_value(own, node, message):
    with pytest.raises(InputError, match=message):
        check_targets({"model": node})
    assert "mine_args" not in sys.modules


@pytest.mark.parametrize(
    "node",
    [
        GOOD,
        GOOD | {"mode": "same", "_partial_": True},
        GOOD | {"rate": 1, "sizes": "12"},  # whether that is a list of figures, the network says
        {"_target_": "mine_args.Late", "whatever": 1},
        {"_target_": "mine_args.wrapped", "whatever": 1},
        {"_target_": "mine_args.taking", "whatever": 1},
        {"_target_": "mine_args.Base", "x": 1},
        {"_target_": "mine_args.Net.from_file", "whatever": 1},
        {"_target_": "torch.optim.AdamW", "lr": 0.1, "betas": [0.9, 0.99], "foreach": None},
        {"_target_": "torchvision.models.resnet18", "num_classes": 3},
        {"_target_": "torch.nn.ReLU", "inplace": True},
        {"_target_": "collections.OrderedDict", "whatever": 1},
        {"_target_": "nodots"},
    ],
)
def test_what_may_be_made_passes(own, node):
    check_targets({"model": node})


def test_all_configs_that_come_with_dissect_pass(variant):
    for model in ("convnet", "inception"):
        for optimizer in ("sgd", "adamw"):
            for schedule in ("cosine", "constant", "linear", "one_cycle"):
                variant(f"model={model}", f"optimizer={optimizer}", f"schedule={schedule}", "init=gaussian")
