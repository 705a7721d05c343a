"""What Lightning's Trainer is given besides what the config says."""

import pytest

from dissect.training.trainer import of_hardware


@pytest.mark.parametrize(
    ("said", "gpu", "bf16", "settings"),
    [
        ({"precision": "auto"}, True, True, {"precision": "bf16-mixed", "benchmark": True}),
        ({"precision": "auto"}, True, False, {"precision": "32-true", "benchmark": True}),
        ({"precision": "auto"}, False, False, {"precision": "32-true"}),
        ({"precision": "32-true", "deterministic": True}, True, True, {}),
        ({"precision": "16-mixed", "benchmark": False}, True, True, {}),
    ],
)
def test_what_the_config_leaves_open_follows_from_the_hardware(said, gpu, bf16, settings):
    assert of_hardware(said, gpu=gpu, bf16=bf16) == settings
