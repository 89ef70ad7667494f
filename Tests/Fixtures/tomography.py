#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FISTA-Net and FBPConvNet on a slice and on a disc."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from tiny import conv, filters, image16, passing, pixels, show, single, soft, t


def softplus(x):
    return math.log1p(math.exp(x))


def fista_weights():
    w = {"expansion": (filters([32, 1, 3, 3], 81, 0.2), filters([32], 82, 0.02))}
    for i in range(4):
        w[f"analysis.{i}"] = (filters([32, 32, 3, 3], 83 + i, 0.06), filters([32], 91 + i, 0.02))
        w[f"synthesis.{i}"] = (filters([32, 32, 3, 3], 87 + i, 0.06), filters([32], 95 + i, 0.02))
    w["reduction"] = (filters([1, 32, 3, 3], 99, 0.05), filters([1], 100, 0.02))
    return w


def fista_net(x0, step, depth=2):
    """Xiang, Dong & Yang (2021), eqs. 17 to 22; `step(v, μ)` is v − μ W̃ᵀ(A v − b). w₁ … c₃ as below."""
    w = fista_weights()
    line = lambda a, c, k: softplus(a * k + c)
    x = previous = v = x0
    for k in range(depth):
        mu, theta = line(-0.3, 0.2, k), line(-0.4, -2.5, k)
        rho = (line(0.6, 0.1, k) - softplus(0.1)) / line(0.6, 0.1, k)
        r = t(step(v, mu))[None, None]
        d = conv(r, *w["expansion"])
        f = d
        for i in range(4):
            f = conv(f, *w[f"analysis.{i}"])
            f = torch.relu(f) if i < 3 else f
        e = soft(f, theta)
        for i in range(4):
            e = conv(e, *w[f"synthesis.{i}"])
            e = torch.relu(e) if i < 3 else e
        previous, x = x, torch.relu(r + conv(e, *w["reduction"]))[0, 0].numpy()
        v = x + rho * (x - previous)
    return x


def fbpconvnet(x0):
    """Xiang, Dong & Yang (2021), sec. IV, the U-Net of 16 channels; batch normalisation by given statistics."""
    n = [200]

    def block(x, out, source=0):
        for _ in range(2):
            i = n[0]
            n[0] += 1
            w = passing(filters([out, x.shape[1], 3, 3], i, 0.3 / math.sqrt(9 * x.shape[1])), into=source)
            scale, bias = 1 + filters([out], i, 0.1), filters([out], i + 1, 0.05)
            mean, variance = filters([out], i + 2, 0.05), 1 + filters([out], i + 3, 0.3)
            x = F.batch_norm(conv(x, w), *(t(single(v)) for v in [mean, variance, scale, bias]), training=False, eps=1e-5)
            x, source = torch.relu(x), 0
        return x

    x, fine = t(x0[None, None]), []
    for out in [16, 32, 64]:
        x = block(x, out)
        fine.append(x)
        x = F.max_pool2d(x, 2)
    x = block(x, 128)
    for out in [64, 32, 16]:
        i = n[0]
        n[0] += 1
        up = F.conv_transpose2d(x, t(single(filters([2 * out, out, 2, 2], i, 0.05))), t(single(filters([out], i + 1, 0.02))), stride=2)
        x = block(torch.cat([up, fine.pop()], dim=1), out, source=out)
    w = filters([1, 16], 250, 0.02)
    w[0, 0] += 1
    return torch.relu(F.conv2d(x, t(single(w))[:, :, None, None], t(single(filters([1], 251, 0.02)))))[0, 0].numpy()


def joseph(n, angles, bins, p):
    """Every projection as a row; Joseph (1982). Lengths in the unit of p."""
    rows = []
    middle = (n - 1) / 2
    for a in angles:
        for b in range(bins):
            s = (b - (bins - 1) / 2) * p
            row = np.zeros([n, n])
            for line in range(n):
                if abs(math.cos(a)) >= abs(math.sin(a)):  # one crossing a row
                    y = (middle - line) * p
                    at = (s - y * math.sin(a)) / math.cos(a) / p + middle
                    length, place = p / abs(math.cos(a)), lambda q: (line, q)
                else:
                    x = (line - middle) * p
                    at = middle - (s - x * math.cos(a)) / math.sin(a) / p
                    length, place = p / abs(math.sin(a)), lambda q: (q, line)
                k = math.floor(at)
                for q, share in [(k, 1 - (at - k)), (k + 1, at - k)]:
                    if 0 <= q < n:
                        row[place(q)] += length * share
            rows.append(row.reshape(-1))
    return np.array(rows)


def filtered_back_projection(sinogram, n, angles, p):
    """Ram-Lak in space, linear interpolation between bins; Kak & Slaney (1988), ch. 3."""
    bins = sinogram.shape[1]
    distance = np.arange(bins)[:, None] - np.arange(bins)[None, :]
    h = np.where(distance == 0, 1 / 4, np.where(distance % 2 == 0, 0, -1 / (np.pi * np.where(distance == 0, 1, distance)) ** 2)) / p**2
    filtered = p * sinogram @ h
    i, j = np.mgrid[:n, :n]
    x = np.zeros([n, n])
    for a, q in zip(angles, filtered):
        s = (j - (n - 1) / 2) * math.cos(a) + ((n - 1) / 2 - i) * math.sin(a)
        at = s + (bins - 1) / 2
        k = np.floor(at).astype(int)
        inside = lambda k: np.where((k >= 0) & (k < bins), q[np.clip(k, 0, bins - 1)], 0)
        x += (1 - (at - k)) * inside(k) + (at - k) * inside(k + 1)
    return math.pi / len(angles) * x


def ct():
    n, views, p = 32, 24, 0.8
    truth = image16(pixels(n, n, "disc"))
    angles = [j * math.pi / views for j in range(views)]
    bins = math.ceil(p * math.sqrt(2) * n / p) + 1
    bins += (bins + 1) % 2
    A = joseph(n, angles, bins, p)
    b = (A @ truth.reshape(-1)).reshape(views, bins)
    fbp = lambda y: filtered_back_projection(y, n, angles, p)
    x0 = fbp(b)
    step = lambda v, mu: v - mu * (fbp((A @ v.reshape(-1)).reshape(views, bins)) - x0)
    for name, x in [("fbp", x0), ("fista-net", fista_net(x0, step)), ("fbpconvnet", fbpconvnet(x0))]:
        show(f"ct {name}", [x], [truth], False)


def disc(n):
    c = 2 * np.arange(n) + 1 - n
    inside = c[:, None] ** 2 + c[None, :] ** 2 <= n * n
    i, j = np.nonzero(inside)
    return inside, (2 * j + 1 - n) / n + 1j * (n - 1 - 2 * i) / n


def laplacian(inside):
    place = -np.ones(inside.shape, dtype=int)
    place[inside] = np.arange(inside.sum())
    R = np.zeros([inside.sum()] * 2)
    for di, dj in [(0, 1), (1, 0)]:
        a, b = place[: place.shape[0] - di, : place.shape[1] - dj], place[di:, dj:]
        for p, q in zip(a[(a >= 0) & (b >= 0)], b[(a >= 0) & (b >= 0)]):
            R[p, p] += 1
            R[q, q] += 1
            R[p, q] -= 1
            R[q, p] -= 1
    return R


def coil_rows(z):
    a = 2 * math.pi * np.arange(8) / 8
    c, tangent = 1.2 * np.exp(1j * a), 1j * np.exp(1j * a)
    fields = [np.log(abs(z - c[i] + 0.15 * tangent[i])) - np.log(abs(z - c[i] - 0.15 * tangent[i])) for i in range(8)]
    return np.array([fields[i] * fields[j] for i in range(8) for j in range(i + 1, 8)])


def electrode_rows(z, n):
    e = np.exp(2j * math.pi * np.arange(17) / 16)
    g = [np.conj((1 / (z - e[k + 1]) - 1 / (z - e[k])) / math.pi) for k in range(16)]
    pairs = [(d, k) for d in range(16) for k in range(d + 2, 16) if (d, k) != (0, 15)]
    return np.array([-np.real(g[d] * np.conj(g[k])) * (2 / n) ** 2 for d, k in pairs])


def on_disc(name, newton):
    n = 24
    inside, z = disc(n)
    S = coil_rows(z) if name == "emt" else electrode_rows(z, n)
    A = S / np.linalg.norm(S, axis=1, keepdims=True)
    i, j = np.mgrid[:n, :n]
    truth = image16(np.where((i - 9) ** 2 + (j - 14) ** 2 < 20, 0.8, 0.0) + np.where((i - 16) ** 2 + (j - 8) ** 2 < 9, 0.6, 0.0))
    b = A @ truth[inside]
    X = np.linalg.solve(A.T @ A + 1e-3 * laplacian(inside), A.T)

    def scattered(v):
        x = np.zeros([n, n])
        x[inside] = v
        return x

    x0 = scattered(X @ b)
    if newton:
        step = lambda v, mu: v - mu * (v - x0)
    else:
        G = np.linalg.inv(A @ A.T + 1e-3 * np.linalg.norm(A, 2) ** 2 * np.eye(len(A)))
        W = G @ A
        W = W / np.sum(A * W, axis=0)
        W = W / np.max(np.abs(np.linalg.eigvals(A @ W.T)))
        step = lambda v, mu: v - mu * scattered(W.T @ (A @ v[inside] - b))
    show(f"{name} laplacian", [x0], [truth], False)
    show(f"{name} fista-net {'newton' if newton else 'weight'}", [fista_net(x0, step)], [truth], False)
    if not newton:
        show(f"{name} fbpconvnet", [fbpconvnet(x0)], [truth], False)


if __name__ == "__main__":
    ct()
    for name in ["emt", "eit"]:
        for newton in [False, True]:
            on_disc(name, newton)
