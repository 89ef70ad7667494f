#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks for y = P F x, and zero filling."""

import math

import numpy as np

from blocks import ista_prior, ista_weights
from tiny import conv, filters, image16, nmse, pixels, probe, psnr, show, single, t, wave

N = 48
BRAIN = image16(pixels(N, N, "disc"))


def fft(x):
    return np.fft.fft2(x, norm="ortho")


def ifft(x):
    return np.fft.ifft2(x, norm="ortho")


def radial(n, lines):
    """The generator of the public masks, for even n."""
    mask = np.zeros([n, n])
    half = lambda v: int(math.copysign(math.floor(abs(v) + 0.5), v))
    for i in range(lines):
        angle = i * math.pi / lines
        for d in range(-n // 2 + 1, n // 2):
            flat = angle <= math.pi / 4 or angle > 3 * math.pi / 4
            k, l = (half(d * math.tan(angle)), d) if flat else (d, half(d / math.tan(angle)))
            mask[k + n // 2, l + n // 2] = 1
    return np.fft.ifftshift(mask)


MASK = radial(N, 13)


def admm_net():
    """Yang, Sun, Li & Xu (2016): X C Z M X C Z M X."""
    d = lambda k, i: math.sqrt(1 / 3) if k == 0 else math.sqrt(2 / 3) * math.cos(math.pi * (2 * i + 1) * k / 6)
    atoms = np.array([[[d(m % 3, i) * d(m // 3, j) for j in range(3)] for i in range(3)] for m in range(1, 9)])
    gamma = [np.eye(8) + filters([8, 8], 61 + k, 0.1) for k in range(5)]  # atoms × filters: H D H D H
    rho = [wave([8], 1.3 + 0.4 * k, 0.2, 0.05, 0.2 - 0.05 * k) for k in range(3)]
    knots = -1 + 0.02 * np.arange(101)
    curve = np.sign(knots) * np.maximum(np.abs(knots) - 0.05, 0)
    q = [curve[:, None] + filters([101, 8], 66 + k, 0.01) for k in range(2)]
    eta = [wave([8], 0.9 + k, 0.1, 0.05, 1.6) for k in range(2)]

    def spectra(gamma):
        """Unnormalised transforms of the filters, centre at the origin: circular true convolution."""
        h = np.einsum("ml,mij->lij", gamma, atoms)
        big = np.zeros([8, N, N])
        for i in range(3):
            for j in range(3):
                big[:, (i - 1) % N, (j - 1) % N] = h[:, i, j]
        return np.fft.fft2(big)

    def reconstruct(y, gamma, rho, u):
        H = spectra(gamma)
        top = y + np.sum(rho[:, None, None] * np.conj(H) * np.fft.fft2(u, norm="ortho"), axis=0)
        below = MASK + np.sum(rho[:, None, None] * np.abs(H) ** 2, axis=0)
        return np.real(ifft(top / below))

    def shrink(maps, q):
        out = np.empty_like(maps)
        for l, a in enumerate(maps):
            inside = np.interp(a, knots, q[:, l])
            out[l] = np.where(a < -1, a + q[0, l] + 1, np.where(a > 1, a + q[-1, l] - 1, inside))
        return out

    y = MASK * fft(BRAIN)
    x, beta = reconstruct(y, gamma[0], rho[0], np.zeros([8, N, N])), 0
    for k in range(2):
        c = np.real(np.fft.ifft2(spectra(gamma[2 * k + 1]) * np.fft.fft2(x)))
        z = shrink(c + beta, q[k])
        beta = beta + eta[k][:, None, None] * (c - z)
        x = reconstruct(y, gamma[2 * k + 2], rho[k + 1], z - beta)
    zero = np.real(ifft(y))
    print(f"admm-net: mask {int(MASK.sum())} psnr {psnr(x, BRAIN, False):.12f} probe {probe(x):.11f}"
          f" zero-filling {psnr(zero, BRAIN, False):.9f}")


def ista_net_plus(name, image, mask):
    stage = ista_weights(True)
    y = mask * fft(image)
    x = np.real(ifft(y))
    r = x - single(stage["lambda_step"]) * (np.real(ifft(mask * fft(x))) - x)
    x = ista_prior(t(r[None, None]), {**stage, "soft_thr": single(stage["soft_thr"])}, True)[0, 0].numpy()
    show(name, [x], [image], True)


def complex_image(n):
    return pixels(n, n, "disc") * np.exp(1j * wave([n, n], 0.05, 0.3, 0.8))


def columns(n):
    """A mask of whole columns, frequency 0 in the middle of the file."""
    j = np.arange(n)
    return np.ones([n, 1]) * ((np.abs(j - n // 2) <= 3) | (j % 3 == 1))[None, :]


def admm_csnet():
    """Yang, Sun, Li & Xu (2020), the second program: ten stages of one set of weights; 4 maps in the place of 128."""
    n, maps = 32, 4
    image, mask = complex_image(n), np.fft.ifftshift(columns(n))
    y = mask * fft(image)
    rho, eta = single(0.12), single(0.9)
    w1, b1 = filters([maps, 1, 5, 5], 71, 0.2), filters([maps], 72, 0.05)
    w2, b2 = filters([1, maps, 5, 5], 73, 0.015), filters([1], 74, 0.01)
    slopes = single(wave([maps, 102], 0.31, 0.2, 0.5, 0.5))
    bias = single(wave([maps], 1.1, 0.3, 0.1))

    def curve(a):
        out = np.empty_like(a)
        for l in range(maps):
            knots = -1 + 0.02 * np.arange(101)
            heights = bias[l] + np.concatenate([[0], np.cumsum(0.02 * slopes[l, 1:101])])
            inside = np.interp(a[l], knots, heights)
            left, right = heights[0] + slopes[l, 0] * (a[l] + 1), heights[-1] + slopes[l, 101] * (a[l] - 1)
            out[l] = np.where(a[l] < -1, left, np.where(a[l] > 1, right, inside))
        return out

    def correction(z):
        def part(x):
            c = conv(t(x[None, None]), w1, b1)[0].numpy()
            return conv(t(curve(c)[None]), w2, b2)[0, 0].numpy()
        return part(z.real) + 1j * part(z.imag)

    solve = lambda u: ifft((y + rho * fft(u)) / (mask + rho))
    x, beta = solve(np.zeros([n, n])), np.zeros([n, n], dtype=complex)
    for _ in range(10):
        z = x + beta - correction(x + beta)
        beta = beta + eta * (x - z)
        x = solve(z - beta)
    x = ifft(y + (1 - mask) * fft(x))
    zero = ifft(y)
    print(f"admm-csnet: psnr {psnr(abs(x), abs(image), False):.7f} nmse {nmse(x, image):.9f} probe {probe(x.real):.6f} {probe(x.imag):.6f}"
          f" zero-filling {psnr(abs(zero), abs(image), False):.7f}")


def coil_maps(n):
    return np.stack([wave([n, n], 0.01 * (c + 1), 0.5 * c, 0.4, 0.6) * np.exp(1j * wave([n, n], 0.02, 0.9 * c)) for c in range(4)])


def coil_network():
    """ISTA-Net+ of A = P F S / ||P F S||, four coils, the norm of maps that are not normalised: one stage, two channels."""
    n = 32
    image, mask, maps = complex_image(n), np.fft.ifftshift(columns(n)), coil_maps(n)
    maps = maps / np.sqrt(np.max(np.sum(abs(maps) ** 2, axis=0)))
    back = lambda y: np.sum(np.conj(maps) * ifft(mask * y), axis=0)
    y = mask * fft(maps * image)  # of the image itself: the norm cancels
    x = back(y)
    stage = ista_weights(True)
    stage["conv_D"], stage["conv_G"] = filters([32, 2, 3, 3], 1, 0.2), filters([2, 32, 3, 3], 6, 0.02)
    r = x - single(stage["lambda_step"]) * (back(fft(maps * x)) - x)
    parts = ista_prior(t(np.stack([r.real, r.imag])[None]), {**stage, "soft_thr": single(stage["soft_thr"])}, True)[0].numpy()
    x = parts[0] + 1j * parts[1]
    print(f"ista-net-plus, four coils: psnr {psnr(abs(x), abs(image), False):.7f} probe {probe(x.real):.6f} {probe(x.imag):.6f}")


def coils():
    """Zero filling of four coils: the root of the sum of squares."""
    n = 32
    image, mask = complex_image(n), np.fft.ifftshift(columns(n))
    y = mask * fft(coil_maps(n) * image)
    x = np.sqrt(np.sum(abs(ifft(y)) ** 2, axis=0))
    print(f"four coils: zero-filling probe {probe(x):.9f} norm {np.linalg.norm(x):.9f}; one coil probe {probe(abs(ifft(y[0]))):.9f}")


if __name__ == "__main__":
    admm_net()
    ista_net_plus("ista-net-plus", BRAIN, MASK)
    # As the table has it: the image over its maximum, the lines that come nearest to 20 %.
    lines = min(range(1, 40), key=lambda lines: abs(radial(N, lines).sum() - round(0.2 * N * N)))
    ista_net_plus("ista-net-plus, table", BRAIN / BRAIN.max(), radial(N, lines))
    admm_csnet()
    coils()
    coil_network()
