#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The numbers of Tests/AlgorithmsTests/VariationalTests.swift, by other programs: scikit-learn, SciPy, PyProximal, PyWavelets and NumPy.

    pip install numpy scipy scikit-learn pylops pyproximal PyWavelets
    Scripts/variational_references.py

All data are formulas. Every objective is ½‖A x − y‖² + the priors.
"""
import numpy as np
import pylops
import pyproximal
import pywt
import scipy
import sklearn
from pyproximal.optimization.primaldual import PrimalDual
from scipy.sparse.linalg import lsqr
from sklearn.linear_model import ElasticNet, Lasso

print("NumPy", np.__version__, "SciPy", scipy.__version__, "scikit-learn", sklearn.__version__, "PyLops", pylops.__version__,
      "PyProximal", pyproximal.__version__, "PyWavelets", pywt.__version__)

# --- A matrix of 30 × 50.
m, n = 30, 50
i, j = np.meshgrid(np.arange(m), np.arange(n), indexing="ij")
A = np.cos(1.7 * (i + 1) * (j + 0.5) + 0.3 * i**2)
y = np.sin(1 + 0.9 * np.arange(m))
E = lambda x, g: 0.5 * np.sum((A @ x - y) ** 2) + g(x)
l1 = lambda x: np.abs(x).sum()

x = Lasso(alpha=0.8 / m, fit_intercept=False, tol=1e-14, max_iter=10**6).fit(A, y).coef_
print("lasso 0.8", repr(float(E(x, lambda x: 0.8 * l1(x)))), np.count_nonzero(x))
x = ElasticNet(alpha=1.2 / m, l1_ratio=0.8 / 1.2, fit_intercept=False, tol=1e-14, max_iter=10**6).fit(A, y).coef_
print("elastic net 0.8, 0.4", repr(float(E(x, lambda x: 0.8 * l1(x) + 0.2 * x @ x))))
x = Lasso(alpha=0.8 / m, fit_intercept=False, positive=True, tol=1e-14, max_iter=10**6).fit(A, y).coef_
print("lasso 0.8, x >= 0", repr(float(E(x, lambda x: 0.8 * l1(x)))))
x = lsqr(A, y, damp=0.7**0.5, atol=1e-15, btol=1e-15, conlim=0, iter_lim=10**5)[0]
print("ridge 0.7", repr(float(E(x, lambda x: 0.35 * x @ x))))

# --- Images of 16 × 16: two rectangles with an error of 0.1 sin(3 (k + 1)²).
h = w = 16
N = h * w
u = np.full((h, w), 0.2)
u[3:11, 4:9] = 0.9
u[7:14, 7:15] = 0.5
noise = 0.1 * np.sin(3.0 * (np.arange(N) + 1.0) ** 2).reshape(h, w)

kernel = np.array([1.0, 2, 1]) / 4
row = np.zeros((w, w))
for a in range(w):
    for b in (-1, 0, 1):
        row[a, (a + b) % w] += kernel[b + 1]
blur = np.kron(row, row)  # 3 × 3 binomial, circular
gradient = pylops.Gradient(dims=(h, w), kind="forward", edge=False, dtype="float64")

for name, B in [("denoise", np.eye(N)), ("deblur", blur)]:
    b = B @ u.ravel() + noise.ravel()
    for kind, lam in [("tv", 0.06), ("tv-anisotropic", 0.05)]:
        g = pyproximal.L21(ndim=2, sigma=lam) if kind == "tv" else pyproximal.L1(sigma=lam)
        f = pyproximal.L2(Op=pylops.MatrixMult(B), b=b, densesolver="scipy") if name == "deblur" else pyproximal.L2(b=b)
        tau = 0.9 / 8**0.5
        x = PrimalDual(f, g, gradient, x0=np.zeros(N), tau=tau, mu=tau, niter=20000 if name == "denoise" else 6000)
        d = (gradient @ x).reshape(2, N)
        tv = np.hypot(d[0], d[1]).sum() if kind == "tv" else np.abs(d).sum()
        print(name, kind, lam, repr(float(0.5 * np.sum((B @ x - b) ** 2) + lam * tv)))

# --- Sums, by the primal-dual method of Condat and Vũ in NumPy.
def differences(x):
    dx, dy = np.zeros_like(x), np.zeros_like(x)
    dx[:, :-1], dy[:-1] = x[:, 1:] - x[:, :-1], x[1:] - x[:-1]
    return np.stack([dx, dy])

def divergence(p):
    x = np.zeros_like(p[0])
    x[:, 1:] += p[0][:, :-1]
    x[:, :-1] -= p[0][:, :-1]
    x[1:] += p[1][:-1]
    x[:-1] -= p[1][:-1]
    return x

def wavelet(x):
    return pywt.coeffs_to_array(pywt.wavedec2(x, "db2", mode="periodization", level=2))[0]

slices = pywt.coeffs_to_array(pywt.wavedec2(u, "db2", mode="periodization", level=2))[1]

def inverse(c):
    return pywt.waverec2(pywt.array_to_coeffs(c, slices, output_format="wavedec2"), "db2", mode="periodization")

def condat_vu(forward, adjoint, b, tv, sparse, lower, iterations=60000):
    x, p, q = np.zeros((h, w), b.dtype), np.zeros((2, h, w), b.dtype), np.zeros((h, w), b.dtype)
    tau, sigma = 0.4, 0.2  # 1/τ − σ (8 + 1) ≥ L/2 with L = 1
    for _ in range(iterations):
        new = x - tau * (adjoint(forward(x) - b) + divergence(p) + (inverse(q) if sparse else 0))
        if lower is not None:
            new = np.maximum(new, lower)
        over = 2 * new - x
        p = p + sigma * differences(over)
        p = p / np.maximum(1, np.sqrt((np.abs(p) ** 2).sum(0)) / tv)
        if sparse:
            q = np.clip(q + sigma * wavelet(over), -sparse, sparse)
        x = new
    value = 0.5 * np.sum(np.abs(forward(x) - b) ** 2) + tv * np.sqrt((np.abs(differences(x)) ** 2).sum(0)).sum()
    return x, float(value + (sparse * np.abs(wavelet(x)).sum() if sparse else 0))

B = lambda x: (blur @ x.ravel()).reshape(h, w)
dark = u - 0.25  # negative in places, so that the bound matters
b = B(dark) + noise
print("deblur tv:0.05 + nonnegative", repr(condat_vu(B, B, b, 0.05, 0, 0)[1]))
print("deblur tv:0.03 + wavelet:db2:0.02:2 + nonnegative", repr(condat_vu(B, B, b, 0.03, 0.02, 0)[1]))
print("deblur tv:0.05", repr(condat_vu(B, B, B(u) + noise, 0.05, 0, None)[1]))

# --- A complex image, its magnitudes: every second frequency and the lowest of a unitary transform.
z = u * np.exp(0.1j * np.arange(h))[:, None]
mask = ((np.arange(h)[:, None] + np.arange(w)[None, :]) % 2 == 0) | (np.minimum(np.arange(h), h - np.arange(h))[:, None] < 3)
F = lambda x: mask * np.fft.fft2(x, norm="ortho")
Fh = lambda k: np.fft.ifft2(mask * k, norm="ortho")
k = F(z + noise * (1 - 0.5j))
print("complex tv:0.04", repr(condat_vu(F, Fh, k, 0.04, 0, None)[1]))
