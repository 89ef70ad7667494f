# SPDX-License-Identifier: Apache-2.0
"""Inside PyTorch: derivatives in double precision, and a program that trains around a network."""

import numpy as np
import pytest
import unfoldnet as un

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("complex", [False, True])
def test_derivative_of_operators(rng, complex):
    M = rng.standard_normal((5, 6)) + (1j * rng.standard_normal((5, 6)) if complex else 0)
    module = un.torch.Operator(un.Operator(M, shape_in=(2, 3)))
    x = torch.randn(2, 2, 3, dtype=torch.complex128 if complex else torch.float64, requires_grad=True)
    y = torch.randn(2, 5, dtype=x.dtype, requires_grad=True)
    for function, at in ((module, x), (module.adjoint, y)):
        assert torch.autograd.gradcheck(function, (at,))
        assert torch.autograd.gradgradcheck(function, (at,))
    real = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (real,))


@pytest.mark.parametrize("name", ["ista-net-plus", "fista-net", "admm-net", "modl"])
def test_derivative_of_networks(name):
    own = {} if name == "admm-net" else {"channels": 3}
    for A in (un.blur((6, 6), kernel=np.ones((3, 3)) / 9), un.fourier({"ratio": 0.6}, shape=(6, 6), complex=True)):
        net = un.unfold(name, A, stages=2, precision="double", **own)
        y = torch.randn(2, *A.shape_out, dtype=torch.complex128 if A.dtype_out == complex else torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(un.torch.Module(net), (y,), eps=1e-6, atol=1e-5)


def test_trains_around_a_network():
    A = un.blur((8, 8), kernel=np.ones((3, 3)) / 9)
    net = un.torch.Module(un.unfold("ista-net-plus", A, stages=2, channels=4))
    torch.manual_seed(1)
    layer = torch.nn.Conv2d(1, 1, 3, padding=1)
    y, truth = torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)
    optimiser = torch.optim.Adam(layer.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = torch.mean((net(layer(y)) - truth) ** 2)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
