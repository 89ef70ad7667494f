# SPDX-License-Identifier: Apache-2.0
"""A blurred image, solved and by a network that is trained for a moment; the picture goes to the file that is named."""

import sys

import numpy as np
import unfoldnet as un
from unfoldnet import _pictures

n = 48
y, x = np.mgrid[0:n, 0:n]
image = ((x - 20) ** 2 + (y - 26) ** 2 < 150) * 0.7 + (abs(x - 30) < 8) * (abs(y - 14) < 5) * 0.3
spectrum = np.exp(-((np.fft.fftfreq(n)[:, None] ** 2 + np.fft.rfftfreq(n) ** 2) * 2 * (np.pi * 1.5) ** 2))


def blur(image):
    return np.fft.irfft2(spectrum * np.fft.rfft2(image), s=(n, n))


A = un.Operator(blur, blur, shape_in=(n, n), shape_out=(n, n), lipschitz=1.0)
measured = A(image) + 0.01 * np.random.default_rng(1).standard_normal((n, n))
solved = un.solve("admm", A, measured, prior=["tv:0.002", "nonnegative"])
net = un.unfold("ista-net-plus", A, stages=3, channels=8).fit([image, image.T.copy()], noise=0.01, steps=20)
network = net(measured)
net.save(sys.argv[1] + ".safetensors")
print(*(f"{un.psnr(v, image):.2f} dB" for v in (measured, np.asarray(solved), network)))
assert un.psnr(np.asarray(solved), image) > un.psnr(measured, image) + 2
with open(sys.argv[1], "wb") as file:
    file.write(_pictures.png(np.hstack([measured, solved, network, image])))
