#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of Tests/AlgorithmsTests/PatchReconstructionTests.swift: PBDW, PANO and FDLCP as their papers write them, in NumPy, float64, on tiny
images that are formulas. Nothing of the package is used. NumPy 2.4.6."""

import numpy as np

H, W, SIDE = 20, 24, 4
I, J = np.mgrid[:H, :W]
# Rings and an edge.
TRUTH = 0.4 + 0.2 * np.sin(0.07 * ((I - 8.0) ** 2 + (J - 10.0) ** 2)) + np.where(3 * I + 2 * J < 50, 0.3, 0.0)
PHASE = np.exp(1j * (0.2 + 0.4 * np.sin(0.3 * I + 0.2 * J)))
MASK = ((3 * I * I + 5 * J + I * J) % 11 < 4) | (np.minimum(I, H - I) + np.minimum(J, W - J) < 6)
MASK = MASK | np.roll(MASK[::-1, ::-1], 1, (0, 1))  # with every frequency its opposite
SAMPLED = int(MASK.sum())


def haar(n, levels):
    means, details = np.eye(n), np.zeros([0, n])
    for _ in range(levels):
        if len(means) == 1:
            break
        details = np.concatenate([(means[::2] - means[1::2]) / np.sqrt(2), details])
        means = (means[::2] + means[1::2]) / np.sqrt(2)
    return np.concatenate([means, details])


def directional(angle, levels):
    i, j = np.mgrid[:SIDE, :SIDE]
    across = np.rint(1e6 * (i * np.cos(angle) - j * np.sin(angle))).ravel()
    along = np.rint(1e6 * (j * np.cos(angle) + i * np.sin(angle))).ravel()
    order = np.lexsort([along, across])
    basis = np.zeros([SIDE * SIDE, SIDE * SIDE])
    basis[:, order] = haar(SIDE * SIDE, levels)
    return basis


def places(step):
    line = lambda n: [*range(0, n - SIDE, step), n - SIDE]
    return [(i, j) for i in line(H) for j in line(W)]


def patch(x, place):
    return x[place[0] : place[0] + SIDE, place[1] : place[1] + SIDE].ravel()


def soft(z, t):
    return z * np.maximum(1 - t / np.maximum(abs(z), 1e-300), 0)


def pano(guide, size=4, window=9, step=3):
    """Groups of places with the transform of the stack of their patches."""
    g, groups = abs(guide), []
    r = window // 2
    for p in places(step):
        near = [(a, b) for a in range(max(0, p[0] - r), min(H - SIDE, p[0] + r) + 1) for b in range(max(0, p[1] - r), min(W - SIDE, p[1] + r) + 1)]
        near.sort(key=lambda q: (np.sum((patch(g, p) - patch(g, q)) ** 2), q != p))
        groups.append((near[:size], np.kron(haar(size, 9), np.kron(haar(SIDE, 9), haar(SIDE, 9)))))
    return groups


def directions(guide, count=5, levels=2, kept=0.25):
    bases = [directional(k * np.pi / count, levels) for k in range(count)]
    left = SIDE * SIDE - round(kept * SIDE * SIDE)
    rest = lambda p: np.array([np.sort(abs(b @ patch(abs(guide), p)))[:left].sum() for b in bases])
    # The first of those that are alike but for rounding: a patch can suit two directions alike.
    choice = [int(np.argmax(r <= r.min() * (1 + 1e-10))) for r in map(rest, places(1))]
    return bases, choice


def pbdw(guide):
    bases, choice = directions(guide)
    return [([p], bases[k]) for p, k in zip(places(1), choice)]


def fdlcp(guide, smooth=0.09, tau=0.02, rounds=3):
    bases, choice = directions(guide)
    choice = [len(bases) if np.std(patch(abs(guide), p)) < smooth else k for p, k in zip(places(1), choice)]
    learned = []
    for k in range(len(bases) + 1):
        parts = [guide.real, guide.imag] if np.iscomplexobj(guide) else [guide]
        x = np.array([patch(part, p) for part in parts for p, c in zip(places(1), choice) if c == k])
        phi = (bases + [np.kron(haar(SIDE, 9), haar(SIDE, 9))])[k].T
        for _ in range(rounds if len(x) else 0):
            z = phi.T @ x.T
            z[abs(z) < tau] = 0
            u, s, v = np.linalg.svd(x.T @ z.T)
            assert s[-1] > 1e-6 * s[0]  # U V is one
            phi = u @ v
        learned.append(phi.T)
    print("classes", np.bincount(choice, minlength=len(bases) + 1))
    return [([p], learned[k]) for p, k in zip(places(1), choice)]


def reconstruct(truth, model, weight=1e-3, first=0.1, last=0.001, iterations=4, rounds=2):
    fft, ifft = lambda x: np.fft.fft2(x, norm="ortho"), lambda y: np.fft.ifft2(y, norm="ortho")
    part = (lambda x: x) if np.iscomplexobj(truth) else np.real
    y = MASK * fft(truth)
    x = part(ifft(y))
    for _ in range(rounds):
        groups = model(x)
        held = np.zeros([H, W])
        for group, _ in groups:
            for a, b in group:
                held[a : a + SIDE, b : b + SIDE] += 1
        for k in range(iterations):
            t = first * (last / first) ** (k / (iterations - 1))
            total = np.zeros([H, W], x.dtype)
            for group, basis in groups:
                alpha = soft(basis @ np.concatenate([patch(x, p) for p in group]), t)
                for (a, b), values in zip(group, (basis.T @ alpha).reshape(len(group), SIDE, SIDE)):
                    total[a : a + SIDE, b : b + SIDE] += values
            rho = weight * held.mean() / t
            x = part(ifft((y + rho * fft(total / held)) / (MASK + rho)))
    return x


if __name__ == "__main__":
    print("sampled", SAMPLED)
    for truth in (TRUTH, TRUTH * PHASE):
        for name, model in (("pano", pano), ("pbdw", pbdw), ("fdlcp", fdlcp)):
            x = reconstruct(truth, model)
            weights = np.sin(0.3 * np.arange(H * W) + 0.2).reshape(H, W)
            error = np.linalg.norm(x - truth) / np.linalg.norm(truth)
            probe = np.sum(weights * x)
            print(name, "complex" if np.iscomplexobj(x) else "real", f"error {error:.12f} probe {probe.real:.12f} {probe.imag:.12f}")
