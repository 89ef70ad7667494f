#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deblurring by half-quadratic splitting with FFDNet (DPIR), by PyTorch and NumPy. Usage: plug_and_play.py ffdnet_gray.npz"""

import sys

import numpy as np
import torch

H, W, COUNT, LAST, BLUR = 40, 44, 8, 2 / 255, 1.6


def network(path):
    """The authors' layers, filters rows × columns × in × out."""
    arrays = np.load(path)
    layers = []
    for name in sorted(k for k in arrays if k.endswith("conv.0")):
        filters = torch.tensor(arrays[name].transpose(3, 2, 0, 1).copy())
        layers.append((filters, torch.tensor(arrays[name[:-1] + "1"].reshape(-1))))
    return layers


def denoised(layers, x, sigma):
    """Even extents; the sub-images of every second pixel, column by column."""
    parts = [x[i::2, j::2] for j in range(2) for i in range(2)]
    maps = np.stack(parts + [np.full_like(parts[0], sigma)]).astype(np.float32)
    y = torch.tensor(maps)[None]
    for k, (filters, bias) in enumerate(layers):
        y = torch.nn.functional.conv2d(y, filters, bias, padding=1)
        if k < len(layers) - 1:
            y = torch.relu(y)
    out, y = np.empty_like(x), y[0].numpy().astype(np.float64)
    for n, (j, i) in enumerate((j, i) for j in range(2) for i in range(2)):
        out[i::2, j::2] = y[n]
    return out


i, j = np.mgrid[:H, :W]
truth = 0.5 + 0.2 * np.sin(0.31 * i + 0.17 * j) + 0.2 * np.sign(np.cos(0.25 * i - 0.2 * j))
p = np.arange(H * W).reshape(H, W)
noise = LAST * np.sqrt(2) * np.sin(1000 * np.sin(p + 1.0))

half = int(np.ceil(4 * BLUR))
taps = np.exp(-0.5 * np.arange(-half, half + 1) ** 2 / BLUR**2)
taps /= taps.sum()
kernel = np.zeros((H, W))
for a, u in enumerate(taps):
    for b, v in enumerate(taps):
        kernel[(a - half) % H, (b - half) % W] += u * v
K = np.fft.fft2(kernel)
y = np.fft.ifft2(K * np.fft.fft2(truth)).real + noise
back = np.fft.ifft2(K.conj() * np.fft.fft2(y)).real

layers, x = network(sys.argv[1]), back.copy()
for sigma in np.geomspace(49 / 255, LAST, COUNT):
    rho = 0.23 * LAST**2 / sigma**2
    x = np.fft.ifft2(np.fft.fft2(back + rho * x) / (abs(K) ** 2 + rho)).real
    x = denoised(layers, x, sigma)
print("PSNR of y", -10 * np.log10(np.mean((y - truth) ** 2)))
print("PSNR of x", -10 * np.log10(np.mean((x - truth) ** 2)))
print("norm", np.linalg.norm(x), "at", x[0, 0], x[20, 21], x[39, 43])
