# SPDX-License-Identifier: Apache-2.0
"""ASTRA's CPU projector of a parallel beam: the work of `unfold bench ct-project`, a projection and its adjoint.

512 x 512 pixels, 60 views over half a turn, 729 bins of one pixel, single precision. The projector is 'linear', Joseph's method, as Unfold's
is.

ASTRA is GPL: it is measured here, never linked. Needs the Python package astra-toolbox.
"""

import astra
import numpy as np

from timing import arguments, report

options = arguments(["ct-project"], ["linear"])
if options.choose:
    print("linear")
    raise SystemExit

volume = astra.create_vol_geom(512, 512)
beam = astra.create_proj_geom("parallel", 1.0, 729, np.arange(60) * np.pi / 60)
projector = astra.create_projector("linear", beam, volume)
image = np.random.default_rng(0).random((512, 512), dtype=np.float32)


def once():
    number, sinogram = astra.create_sino(image, projector)
    other, _ = astra.create_backprojection(sinogram, projector)
    astra.data2d.delete([number, other])


report("ct-project", once, options.runs)
