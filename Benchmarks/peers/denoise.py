# SPDX-License-Identifier: Apache-2.0
"""The authors' BM3D on the work of `unfold bench bm3d`: an image of 256 x 256 pixels with noise of sigma 25, both steps, profile "np".

The package is for non-commercial use: it is measured here, never linked. Needs the Python package bm3d (4.0.3, with bm4d 4.2.5).
"""

import bm3d
import numpy as np

from timing import arguments, report

options = arguments(["bm3d"], ["np"])
if options.choose:
    print("np")
    raise SystemExit

i, j = np.mgrid[:256, :256]
clean = 128 + 80 * np.sin(i / 9) * np.cos(j / 7)
noisy = clean + 25 * np.random.default_rng(1).standard_normal(clean.shape)


def once():
    assert bm3d.bm3d(noisy, 25.0).shape == (256, 256)


report("bm3d", once, options.runs)
