# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def smooth(h, w, seed=0):
    """An image in [0, 1] with edges."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    image = np.full((h, w), 0.2)
    for _ in range(5):
        cy, cx, r = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(2, h / 3)
        image[(y - cy) ** 2 + (x - cx) ** 2 < r * r] += rng.uniform(-0.2, 0.4)
    return np.ascontiguousarray(np.clip(image, 0, 1))
