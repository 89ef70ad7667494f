# SPDX-License-Identifier: Apache-2.0
"""Classical methods and metrics."""

from __future__ import annotations

from ctypes import byref, c_double
from typing import Any, Sequence

import numpy as np

from . import _library as lib
from ._operators import _result, as_operator


class Solution(np.ndarray):
    """What was found: an array, and in ``info`` how (iterations, objective, ending, residual, weights chosen, trace)."""

    info: dict[str, Any]

    def __array_finalize__(self, other: Any) -> None:
        self.info = getattr(other, "info", {})

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else np.asarray(array)

    def _repr_html_(self) -> str:
        from . import _pictures

        return _pictures.html(np.asarray(self), _lines(self.info), [[p[0], p[1]] for p in self.info.get("trace", [[]])[0]])


def _lines(info: dict[str, Any]) -> list[str]:
    prior, iterations = " + ".join(info.get("chosen") or info.get("prior", [])), info.get("iterations")
    return [line for line in (prior, f"{max(iterations)} iterations" if iterations else "", (info.get("ending") or [""])[0]) if line]


def solve(
    method: str, A: Any, y: Any, prior: str | Sequence[str] | None = None, *, iterations: int | None = None,
    tolerance: float | None = None, choose_by: str | None = None, noise: Any = None, precision: str | None = None,
    trace: bool | None = None, denoiser_weights: Any = None,
) -> Solution:
    """x from y = A x + noise by min ½‖A x − y‖² + the priors.

    Args:
        method: ``least-squares``, ``ista``, ``fista``, ``admm`` or ``plug-and-play``.
        A: an :class:`Operator`, or what makes one: a matrix, dense or sparse, an operator of SciPy or PyLops.
        y: one measurement, or several along a leading axis.
        prior: terms such as ``tv:0.01``, ``l1:auto`` or ``nonnegative``; of plug-and-play a denoiser of images in
            [0, 1]: ``denoiser:bm3d``, ``denoiser:tv``, and with weights ``denoiser:dilated-cnn`` or ``denoiser:ffdnet``.
        choose_by: how a weight ``auto`` is chosen: predicted-risk, discrepancy, residual-freedom, cross-validation or l-curve.
        noise: the standard deviation of the noise, where it is known, or ``{"snr": dB}``.
        trace: the objective after every iteration in ``info["trace"]``.
        denoiser_weights: a file of the denoising network's weights (safetensors).

    Returns:
        An array in double precision with ``info`` beside it.
    """
    A = as_operator(A)
    y = lib.array(y, "the measurement")
    x = _result(y, A.shape_out, A.shape_in, A.dtype_in, single=False)
    options = lib.options(
        prior=[prior] if isinstance(prior, str) else list(prior) if prior is not None else None, iterations=iterations,
        tolerance=tolerance, choose_by=choose_by, noise=noise, precision=precision, trace=trace,
        denoiser_weights=lib.path(denoiser_weights))
    info = A._run("solve", str(method).encode(), options, byref(lib.describe(y)), byref(lib.describe(x)), long=True)
    solution = x.view(Solution)
    solution.info = info
    return solution


def _metric(name: str, estimate: Any, truth: Any, peak: float = 1.0) -> float:
    estimate, truth = lib.array(estimate, "the estimate"), lib.array(truth, "the truth")
    value = c_double()
    lib.call("metric", name.encode(), byref(lib.describe(estimate)), byref(lib.describe(truth)), peak, byref(value))
    return value.value


def psnr(estimate: Any, truth: Any, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio in dB."""
    return _metric("psnr", estimate, truth, peak)


def ssim(estimate: Any, truth: Any, peak: float = 1.0) -> float:
    """Structural similarity with windows of 7 × 7, scikit-image's default."""
    return _metric("ssim", estimate, truth, peak)


def rmse(estimate: Any, truth: Any) -> float:
    """Root mean squared error."""
    return _metric("rmse", estimate, truth)


def nmse(estimate: Any, truth: Any) -> float:
    """‖x̂ − x‖ / ‖x‖."""
    return _metric("nmse", estimate, truth)
