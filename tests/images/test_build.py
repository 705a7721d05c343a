"""A recipe that could not be trained with is refused in one line that names it, before anything is trained."""

import pytest
from torch import nn

from dissect.errors import InputError
from dissect.images.build import build, recipe
from dissect.images.optimizers import check_optimizer
from dissect.images.task import Images

SMALL = ["data.train_per_class=10", "data.val_per_class=5", "train.batch_size=10", "evaluate.ten_crop=null",
         "model=resnet", "model.width=0.1"]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["component=[mixup]", "loss._target_=torch.nn.MultiMarginLoss"],
         "loss=MultiMarginLoss: fails on targets that are shares of each class"),
        (["+augmentation.mixup={_target_: dissect.images.mixing.Mixup, alpha: -0.2, classes: 10}"],
         "augmentation.mixup=dissect.images.mixing.Mixup: cannot be made .*alpha=-0.2 must be above 0"),
        (["average={_target_: dissect.images.averaging.SWA, start: 1.0}"],
         "average=dissect.images.averaging.SWA: cannot be made .*start=1.0 must be a share of the epochs"),
        (["component=[focal,label_smoothing]"], "loss.label_smoothing=0.1: .*focal takes no argument label_smoothing"),
        (["component=[adamw,nesterov]"], "optimizer.nesterov=True: torch.optim.AdamW takes no argument nesterov"),
        (["component=[residual,zero_init]"], "model=.*zero_init=True: does nothing without .* a norm with weights"),
        (["component=[no_norm_decay]"], "optimizer.vector_weight_decay=0.0: is the weight decay of all weights"),
    ],
)  # fmt: skip
def test_a_recipe_that_could_not_be_trained_with_is_refused(variant, said, message):
    def made(task, config):
        return task.module(config, task.data(config), seed=0)

    with pytest.raises(InputError, match=message) as told:
        made(Images(), variant(*SMALL, *said).config)
    assert "\n" not in str(told.value)


def test_muon_for_a_network_without_matrices_is_refused_before_training(variant):
    config, network = variant(*SMALL, "component=[muon]").config, nn.Sequential(nn.BatchNorm2d(3), nn.Flatten())
    with pytest.raises(InputError, match="has no weight of two dimensions or more, which is what Muon is for"):
        check_optimizer(network, recipe(config).optimizer)


@pytest.mark.parametrize("rivals", ["adamw,muon", "binary_cross_entropy,focal", "cosine,linear_to_zero",
                                    "rand_augment,trivial_augment", "ema,swa", "batch_norm,layer_norm", "gelu,silu",
                                    "gradient_clipping,no_clipping", "weight_decay,adamw"])  # fmt: skip
def test_two_levels_of_one_factor_are_refused_together(variant, rivals):
    with pytest.raises(InputError, match="so they are levels of one factor; choose one of them"):
        variant("model=resnet", "schedule=constant", f"component=[{rivals}]")


def test_a_network_with_lazy_layers_is_refused_by_the_name_of_one(variant):
    config = variant("init=own").config
    config.model = {"_target_": "torch.nn.LazyLinear", "out_features": 10}
    with pytest.raises(InputError, match=r"model=torch.nn.LazyLinear: it is lazy, and has no weights yet"):
        build(config, seed=0)
