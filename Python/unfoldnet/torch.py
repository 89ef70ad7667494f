# SPDX-License-Identifier: Apache-2.0
"""Operators and trained networks inside PyTorch programs, with exact adjoints both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from ._networks import Network
from ._operators import as_operator


def _numpy(x: torch.Tensor) -> np.ndarray:
    return x.detach().resolve_conj().cpu().contiguous().numpy()


class _Apply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, A: Any, adjoint: bool) -> torch.Tensor:
        ctx.A, ctx.adjoint, ctx.is_complex = A, adjoint, x.is_complex()
        return torch.from_numpy(A._apply(_numpy(x), adjoint)).to(x.device)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        back = _Apply.apply(gradient, ctx.A, not ctx.adjoint)
        return (back if ctx.is_complex or not back.is_complex() else back.real), None, None


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: torch.Tensor, network: Network, stages: int | None) -> torch.Tensor:
        ctx.network, ctx.stages = network, stages
        ctx.save_for_backward(y)
        return torch.from_numpy(network(_numpy(y), stages)).to(y.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        (y,) = ctx.saved_tensors
        back = torch.from_numpy(ctx.network.pullback(_numpy(y), _numpy(gradient), ctx.stages)).to(y.device)
        return (back if y.is_complex() or not back.is_complex() else back.real), None, None


class Operator(torch.nn.Module):
    """A as a module: ``module(x)`` is A x, ``module.adjoint(y)`` is Aᴴ y; leading axes are samples."""

    def __init__(self, A: Any):
        super().__init__()
        self.A = as_operator(A)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _Apply.apply(x, self.A, False)

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return _Apply.apply(y, self.A, True)


class Module(torch.nn.Module):
    """A network as a module; gradients go to its input, its own weights stay as they are."""

    def __init__(self, network: Network, stages: int | None = None):
        super().__init__()
        self.network, self.stages = network, stages

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return _Run.apply(y, self.network, self.stages)
