#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""LISTA and its relatives on sparse codes, LISTA and encoders on patches."""

import math

import numpy as np

from tiny import IMAGES, filters, probe, psnr, wave


def shrink(x, theta):
    return np.sign(x) * np.maximum(np.abs(x) - theta, 0)


def select(x, theta, count):
    """The `count` largest of a row pass where they are above θ. Chen, Liu, Wang & Yin (2018)."""
    out = shrink(x, theta)
    for r, row in enumerate(x):
        chosen = np.argsort(-np.abs(row))[:count]
        chosen = chosen[np.abs(row[chosen]) > theta]
        out[r, chosen] = row[chosen]
    return out


def recovery():
    M, Nc = 40, 130
    A = filters([M, Nc], 301, 1.0)
    A = A / np.linalg.norm(A, axis=0)
    codes = np.zeros([8, Nc])
    for r in range(8):
        for k in range(6):
            codes[r, (17 * r + 23 * k + 5) % Nc] = math.sin(1.3 * r + 2.1 * k + 0.4) + (1 if k % 2 else -1)
    b = codes @ A.T
    K = 2
    counts = [math.ceil(0.012 * (k + 1) * Nc) for k in range(K)]
    theta = [0.12, 0.07]
    W = [0.2 * A + filters([M, Nc], 302 + k, 0.01) for k in range(K)]
    B = 0.2 * A.T + filters([Nc, M], 304, 0.005)
    S = [np.eye(Nc) - 0.2 * A.T @ A + filters([Nc, Nc], 305 + k, 0.002) for k in range(K)]
    gamma = [0.9, 1.1]
    G = np.linalg.inv(A @ A.T)
    analytic = G @ A / np.sum(A * (G @ A), axis=0)

    def run(step):
        x = np.zeros_like(codes)
        for k in range(K):
            x = step(k, x)
        return x

    hyper = (0.02, 0.03, 0.25)

    def hyperlista():
        x = previous = np.zeros_like(codes)
        P = np.linalg.pinv(A)
        for _ in range(K):
            g = x @ A.T - b
            error = np.sum(abs(g @ P.T), axis=1)
            scale = np.sum(abs(b @ P.T), axis=1)
            z = x - g @ analytic + (hyper[0] * np.count_nonzero(x, axis=1))[:, None] * (x - previous)
            p = np.clip(hyper[2] * np.log(scale / error), 0, 1)
            previous, x = x, np.concatenate(
                [select(z[r : r + 1], hyper[1] * error[r], math.ceil(p[r] * Nc)) for r in range(len(codes))])
        return x

    residual = lambda x: b - x @ A.T
    networks = {
        "lista": lambda k, x: shrink(b @ B.T + x @ S[k].T, theta[k]),
        "lista-cp": lambda k, x: shrink(x + residual(x) @ W[k], theta[k]),
        "lista-ss": lambda k, x: select(b @ B.T + x @ S[k].T, theta[k], counts[k]),
        "lista-cpss": lambda k, x: select(x + residual(x) @ W[k], theta[k], counts[k]),
        "tilista": lambda k, x: select(x + gamma[k] * residual(x) @ W[0], theta[k], counts[k]),
        "alista": lambda k, x: select(x + gamma[k] * residual(x) @ analytic, theta[k], counts[k]),
        "step-lista": lambda k, x: shrink(x + 0.25 * gamma[k] * residual(x) @ A, 0.1 * 0.25 * gamma[k]),
    }
    for name, step in list(networks.items()) + [("hyperlista", None)]:
        x = run(step) if step else hyperlista()
        decibel = 10 * math.log10(np.sum((x - codes) ** 2) / np.sum(codes**2))
        print(f"{name}: {decibel:.12f} dB, probe {probe(x):.12f}, non-zeros {np.count_nonzero(x)}")


def patches():
    """Gregor & LeCun (2010): LISTA with T = 1 and its encoders on patches of 10 × 10."""
    D = np.eye(100) + filters([100, 100], 311, 0.1)
    D = D / np.linalg.norm(D, axis=0)
    encoder = 0.5 * D.T + filters([100, 100], 312, 0.01)
    S = np.eye(100) - 0.5 * D.T @ D + filters([100, 100], 313, 0.01)
    theta = wave([100], 0.7, 0.1, 0.1, 0.2)
    scale = wave([100], 0.5, 0.3, 0.3, 1.5)
    starts = lambda extent: sorted(set(list(range(0, extent - 9, 10)) + [extent - 10]))

    def coded(name, x):
        a = x @ encoder.T
        if name == "tanh-encoder":
            return scale * np.tanh(a)
        if name == "double-tanh-encoder":
            return scale * (np.tanh(a + theta) + np.tanh(a - theta))
        z = shrink(a, theta)
        return z if name == "shrinkage-encoder" else shrink(a + z @ S.T, theta)

    for name in ["tanh-encoder", "double-tanh-encoder", "shrinkage-encoder", "lista"]:
        estimates = []
        for image in IMAGES:
            total, count = np.zeros(image.shape), np.zeros(image.shape)
            for i in starts(image.shape[0]):
                for j in starts(image.shape[1]):
                    patch = image[i : i + 10, j : j + 10].reshape(-1)
                    mean, deviation = patch.mean(), patch.std()
                    flat = deviation < 1e-2
                    z = coded(name, np.zeros(100) if flat else (patch - mean) / deviation)
                    total[i : i + 10, j : j + 10] += (mean + (0 if flat else deviation) * (D @ z)).reshape(10, 10)
                    count[i : i + 10, j : j + 10] += 1
            estimates.append(total / count)
        print(f"sparse-coding {name}: psnr {[round(psnr(x, i), 11) for x, i in zip(estimates, IMAGES)]}"
              f" probe {[round(probe(x), 10) for x in estimates]}")


if __name__ == "__main__":
    recovery()
    patches()
