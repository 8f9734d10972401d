"""bfloat16 against float32 on all photographs of the tests; test_backbones_vgg16.py compares three of them."""

from __future__ import annotations

import numpy as np
import pytest

from precision import cosines, example_photographs, features


@pytest.mark.cluster  # 66 photographs through VGG16 in both precisions: a minute or more on two cores
def test_bfloat16_features_of_every_photograph_point_the_same_way() -> None:
    photographs = example_photographs()
    assert len(photographs) == 66  # 33 photographs, and 33 of the 41 difficult images
    images = np.stack(list(photographs.values()))
    similar = cosines(features(images, "float32", "random:1"), features(images, "bfloat16", "random:1"))
    assert dict(zip(photographs, similar, strict=True)) == {name: pytest.approx(1, abs=1e-3) for name in photographs}


def test_cosines_are_those_of_the_vectors_angles() -> None:
    a = np.array([[3.0, 4.0], [1.0, 0.0], [2.0, 0.0]])
    b = np.array([[6.0, 8.0], [0.0, 5.0], [-1.0, 0.0]])
    assert cosines(a, b) == pytest.approx([1.0, 0.0, -1.0])
