"""What predictions amount to, worked by hand."""

import numpy as np
import pytest

from dissect.images.scores import judged


@pytest.mark.parametrize(("classes", "there"), [(5, False), (6, True)])
def test_top_5_of_fewer_than_six_classes_is_left_out(classes, there):
    even = np.full((4, classes), 1 / classes, np.float32)
    found, _ = judged({"labels": np.zeros(4, int), "probabilities": even, "probabilities_ten_crop": even}, "accuracy")
    assert [name in found for name in ("top5", "top5_ten_crop", "accuracy")] == [there, there, True]
    single, _ = judged({"labels": np.zeros(4, int), "probabilities": even}, "accuracy")
    assert ("top5" in single, "top5_ten_crop" in single) == (there, there)
