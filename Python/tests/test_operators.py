# SPDX-License-Identifier: Apache-2.0
"""Operators against NumPy, SciPy and PyLops."""

import numpy as np
import pytest
import unfoldnet as un
from scipy import ndimage, sparse
from scipy.sparse.linalg import aslinearoperator, lsqr

from conftest import smooth


def close(a, b, tolerance=1e-12):
    assert a.shape == b.shape
    assert np.linalg.norm(a - b) <= tolerance * np.linalg.norm(b)


@pytest.mark.parametrize("kind", ["real", "complex", "sparse", "complex sparse", "functions", "complex functions", "scipy"])
def test_matrices_and_functions(rng, kind):
    M = rng.standard_normal((7, 12))
    if "complex" in kind:
        M = M + 1j * rng.standard_normal((7, 12))
    if "sparse" in kind:
        M = M * (rng.uniform(size=M.shape) < 0.4)
        A = un.Operator(sparse.csr_array(M), shape_in=(3, 4))
    elif "functions" in kind:
        A = un.Operator(
            lambda x: M @ x.reshape(-1), lambda y: (M.conj().T @ y).reshape(3, 4), shape_in=(3, 4), shape_out=7, dtype=M.dtype)
    elif kind == "scipy":
        A = un.Operator(aslinearoperator(M), shape_in=(3, 4))
    else:
        A = un.Operator(M, shape_in=(3, 4))
    x, y = rng.standard_normal((2, 3, 4)).astype(A.dtype_in), rng.standard_normal(7).astype(A.dtype_out)
    if "complex" in kind:
        x, y = x * (1 + 2j), y * (2 - 1j)
    close(A(x), x.reshape(2, 12) @ M.T)
    close(A.H @ y, (M.conj().T @ y).reshape(3, 4))
    assert A.adjoint_error() < 1e-14
    assert abs(A.norm - np.linalg.norm(M, 2)) < 2e-3 * A.norm
    single = x.astype(np.complex64 if "complex" in kind else np.float32)
    assert A(single).dtype == single.dtype
    close(A(single), x.reshape(2, 12) @ M.T, 1e-6)


def test_built_in_operators(rng):
    x = smooth(32, 32)
    kernel = rng.uniform(size=(3, 5))
    close(un.blur((32, 32), kernel=kernel)(x), ndimage.convolve(x, kernel, mode="wrap"))
    mask = (rng.uniform(size=(32, 32)) < 0.4).astype(float)
    mask[0, 0] = 1
    A = un.fourier(mask, complex=True)
    z = x + 1j * x.T
    close(A(z), mask * np.fft.fft2(z, norm="ortho"))
    maps = rng.standard_normal((3, 32, 32)) + 1j * rng.standard_normal((3, 32, 32))
    coils = un.fourier(mask, coils=maps, complex=True)
    close(coils(z), mask * np.fft.fft2(maps * z, norm="ortho"))
    close(un.downsample((32, 32), 2)(x), x[::2, ::2])
    views = np.linspace(0, np.pi, 20, endpoint=False)
    sinogram = un.beams((32, 32), angles=views, pixel_size=1.0)(x)
    assert sinogram.shape[0] == 20
    close(sinogram.sum(axis=1), np.full(20, x.sum()), 1e-2)  # every view of an image holds its mass
    for A in [A, coils, un.beams((32, 32), views=9, geometry="fan"), un.hadamard((32, 32), ratio=0.3), un.gradient((32, 32))]:
        assert A.adjoint_error() < 1e-13


def test_as_scipy_has_it(rng):
    M = rng.standard_normal((9, 6))
    A = un.Operator(M)
    y = rng.standard_normal(9)
    for operator in (A.linear_operator(), aslinearoperator(A)):
        close(lsqr(operator, y, atol=1e-14, btol=1e-14)[0], np.linalg.lstsq(M, y, rcond=None)[0], 1e-9)


def test_pylops(rng):
    pylops = pytest.importorskip("pylops")
    h = np.outer([1, 2, 1], [1, 2, 1]) / 16
    P = pylops.signalprocessing.Convolve2D(dims=(24, 20), h=h, offset=(1, 1), dtype="float64")
    A = un.Operator(P)
    assert A.shape_in == (24, 20)
    x = smooth(24, 20)
    close(A(x), ndimage.convolve(x, h, mode="constant"))
    close(A(x), un.blur((24, 20), kernel=h, boundary="zero")(x), 1e-10)
    assert A.adjoint_error() < 1e-13


def test_other_arrays():
    """DLPack and the array interface, over the same memory."""
    A = un.Operator(np.eye(4))

    class Interface:
        x = np.arange(4.0)
        __array_interface__ = x.__array_interface__

    class Pack:
        x = np.arange(4.0)

        def __dlpack__(self, **options):
            return self.x.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.x.__dlpack_device__()

    for other in (Interface(), Pack()):
        assert np.array_equal(A(other), np.arange(4.0))


def test_out_is_filled(rng):
    w = rng.uniform(0.5, 2, (8, 8))
    taken = []

    def forward(x, out):
        taken.append(1)
        np.multiply(w, x, out=out)

    A = un.Operator(forward, forward, shape_in=(8, 8), shape_out=(8, 8))
    x = rng.standard_normal((8, 8))
    assert np.array_equal(A(x), w * x) and taken


def test_noise_is_measured(rng):
    A = un.Operator(np.eye(4000), noise=0.1, lipschitz=1.0)
    x = np.zeros(4000)
    assert abs(A.measure(x, seed=3).std() - 0.1) < 0.01
    assert np.array_equal(A.measure(x, seed=3), A.measure(x, seed=3)) and not np.array_equal(A.measure(x, 3), A.measure(x, 4))


@pytest.mark.parametrize("factor", [1.0 + 0j, 2j, 1 + 2j])
def test_complex_matrices_with_a_part_of_zeros(rng, factor):
    R = rng.standard_normal((4, 3))
    z, w = rng.standard_normal(3) + 1j * rng.standard_normal(3), rng.standard_normal(4) + 1j * rng.standard_normal(4)
    for M in (factor * R, sparse.csr_array(factor * R)):
        A = un.Operator(M)
        assert np.allclose(A(z), factor * R @ z) and np.allclose(A.H(w), np.conj(factor) * R.T @ w)
    with pytest.raises(un.InputError):
        un.Operator(0 * factor * R)
