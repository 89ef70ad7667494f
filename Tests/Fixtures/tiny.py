# SPDX-License-Identifier: Apache-2.0
"""Formulas and figures that blocks.py, k_space.py, tomography.py and sparse.py share.

These print the expected figures of Tests/ExperimentsTests/Published: the papers' equations in NumPy and PyTorch, float64, on tiny data.
Nothing of the package is used. Images, matrices and weights are formulas that TinyData.swift has too; weights are rounded to float32 where
files hold float32. Figures in the tests are of NumPy 2.4.6 and PyTorch 2.13.0."""

import math

import numpy as np
import torch
import torch.nn.functional as F

torch.set_grad_enabled(False)


def wave(shape, a, b, scale=1.0, offset=0.0):
    i = np.arange(math.prod(shape), dtype=float)
    return (offset + scale * np.sin(a * i + b)).reshape(shape)


def filters(shape, n, scale):
    """scale · sin((0.7 + n / 100) (i + 1)² + n)."""
    k = np.arange(1, math.prod(shape) + 1)
    return (scale * np.sin((0.7 + 0.01 * n) * (k * k).astype(float) + n)).reshape(shape)


def passing(w, out=0, into=0):
    """1 more for the middle of a filter: channel `into` passes to channel `out`."""
    w = w.copy()
    w[out, into, w.shape[2] // 2, w.shape[3] // 2] += 1
    return w


def single(x):
    x = np.asarray(x, dtype=np.float32).astype(float)
    return x if x.ndim else float(x)


def pixels(height, width, kind):
    i, j = np.mgrid[:height, :width].astype(float)
    if kind == "disc":  # smooth shapes
        x = 0.3 + 0.2 * np.sin(0.11 * i + 0.07 * j)
        x[(i - 17) ** 2 + (j - 20) ** 2 < 90] = 0.8
        return x
    if kind == "edge":
        return np.where(3 * i + 2 * j < 100, 0.2 + 0.004 * j, 0.75 - 0.003 * i)
    return wave([height, width], 0.4, 0.0, 0.4, 0.5)


def image16(x):
    """As a file of 16 bits has it."""
    return np.floor(65535 * x + 0.5) / 65535


# A smooth image with a disc, an edge, a texture.
IMAGES = [image16(pixels(40, 48, "disc")), image16(pixels(48, 40, "edge")), image16(pixels(35, 45, "texture"))]


def psnr(x, truth, clip=True):
    x = np.clip(x, 0, 1) if clip else x
    return -10 * math.log10(np.mean((x - truth) ** 2))


def nmse(x, truth):
    return np.linalg.norm(x - truth) / np.linalg.norm(truth)


def probe(x):
    """⟨x, sin(0.37 i + 0.2)⟩: what an image turned, shifted or scaled does not keep."""
    return float(np.sum(x.reshape(-1) * wave([x.size], 0.37, 0.2)))


def show(name, estimates, truths, clip):
    print(f"{name}: psnr {[round(psnr(x, t, clip), 7) for x, t in zip(estimates, truths)]}"
          f" probe {[round(probe(x), 6) for x in estimates]}")


def t(x):
    return torch.from_numpy(np.ascontiguousarray(x, dtype=float))


def conv(x, w, b=None):
    """Cross-correlation with zeros outside, as torch.nn.Conv2d."""
    return F.conv2d(x, t(single(w)), None if b is None else t(single(b)), padding=w.shape[2] // 2)


def soft(x, theta):
    return torch.sign(x) * torch.clamp(torch.abs(x) - theta, min=0)
