# SPDX-License-Identifier: Apache-2.0
"""Unfold's operators, solvers and unfolded networks.

    import unfoldnet as un
    A = un.Operator(forward, adjoint, shape_in=(256, 256), shape_out=(90, 256))
    x = un.solve("fista", A, y, prior=["tv:0.01", "nonnegative"])
    net = un.unfold("ista-net-plus", A, stages=9).fit(images, noise=0.01, progress=True)
"""

from typing import Any

from ._library import FailedError, InputError, ObjectError, StoppedError, UnfoldError, set_threads, threads, version
from ._networks import Network, load, methods, unfold
from ._operators import Operator, beams, blur, downsample, fourier, gradient, hadamard, mask, operator, wavelet
from ._solve import Solution, nmse, psnr, rmse, solve, ssim

__version__ = version

__all__ = [
    "FailedError", "InputError", "Network", "ObjectError", "Operator", "Solution", "StoppedError", "UnfoldError", "beams", "blur",
    "downsample", "fourier", "gradient", "hadamard", "load", "mask", "methods", "nmse", "operator", "psnr", "rmse", "set_threads",
    "solve", "ssim", "threads", "torch", "unfold", "wavelet",
]


def __getattr__(name: str) -> Any:
    if name == "torch":  # imported when it is asked for
        import importlib

        return importlib.import_module(".torch", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
