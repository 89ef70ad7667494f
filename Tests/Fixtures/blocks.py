#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks for y = Φ x of blocks of 33 × 33 pixels."""

import math

import numpy as np
import torch

from tiny import IMAGES, conv, filters, passing, show, single, soft, t

SIDE = 33


def cosine(k):
    i = np.arange(SIDE)
    return math.sqrt((1 if k == 0 else 2) / SIDE) * np.cos(math.pi * (2 * i + 1) * k / (2 * SIDE))


# Atoms of the 33 × 33 cosine transform, 13 frequencies down and 8 across.
PHI = np.stack([np.outer(cosine(u), cosine(v)).reshape(-1) for u in range(13) for v in range(8)])
Q_INIT = 0.9 * PHI.T + filters([1089, 104], 40, 0.002)


def cut(x):
    h, w = x.shape
    x = np.pad(x, [(0, -h % SIDE), (0, -w % SIDE)])
    rows, columns = x.shape[0] // SIDE, x.shape[1] // SIDE
    return x.reshape(rows, SIDE, columns, SIDE).transpose(0, 2, 1, 3).reshape(-1, SIDE * SIDE)


def assemble(blocks, shape, crop=True):
    rows, columns = -(-shape[0] // SIDE), -(-shape[1] // SIDE)
    x = blocks.reshape(rows, columns, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(rows * SIDE, columns * SIDE)
    return x[: shape[0], : shape[1]] if crop else x


def ista_prior(r, stage, plus):
    """Zhang & Ghanem (2018), eqs. 8 to 12 and 14 to 17."""
    d = conv(r, stage["conv_D"]) if plus else r
    f = conv(torch.relu(conv(d, stage["conv1_forward"])), stage["conv2_forward"])
    s = soft(f, stage["soft_thr"])
    b = conv(torch.relu(conv(s, stage["conv1_backward"])), stage["conv2_backward"])
    return r + conv(b, stage["conv_G"]) if plus else b


def ista_weights(plus):
    w = {"lambda_step": 0.6, "soft_thr": 0.02}
    if plus:
        w["conv_D"] = filters([32, 1, 3, 3], 1, 0.2)
        for n, name in enumerate(["conv1_forward", "conv2_forward", "conv1_backward", "conv2_backward"]):
            w[name] = filters([32, 32, 3, 3], 2 + n, 0.05)
        w["conv_G"] = filters([1, 32, 3, 3], 6, 0.02)
    else:
        w["conv1_forward"] = passing(filters([32, 1, 3, 3], 1, 0.1))
        w["conv2_forward"] = passing(filters([32, 32, 3, 3], 2, 0.02))
        w["conv1_backward"] = passing(filters([32, 32, 3, 3], 3, 0.02))
        w["conv2_backward"] = passing(filters([1, 32, 3, 3], 4, 0.02))
    return w


def ista_net(plus):
    stage = ista_weights(plus)
    rho = single(stage["lambda_step"])
    estimates = []
    for image in IMAGES:
        y = cut(image) @ PHI.T
        x = y @ Q_INIT.T
        r = x - rho * (x @ PHI.T - y) @ PHI
        out = ista_prior(t(r).reshape(-1, 1, SIDE, SIDE), {**stage, "soft_thr": single(stage["soft_thr"])}, plus)
        estimates.append(assemble(out.numpy().reshape(-1, SIDE * SIDE), image.shape))
    show("ista-net-plus" if plus else "ista-net", estimates, IMAGES, True)


def gradient(x, y, rho, phi=PHI):
    """x − ρ Aᵀ(A x − y) of an image of whole blocks."""
    blocks = cut(x)
    return assemble(blocks - rho * (blocks @ phi.T - y) @ phi, x.shape)


def scnet_image(y, phi, shape):
    """Chen, Zhang, Chen, Chen & Zhang (2023): two modules; the image of whole blocks."""
    first, first_bias = passing(filters([32, 2, 3, 3], 11, 0.05)), filters([32], 12, 0.02)
    last, last_bias = passing(filters([1, 32, 3, 3], 17, 0.02)), filters([1], 18, 0.02)
    back = assemble(y @ phi, shape)
    maps = conv(t(np.stack([back, np.full_like(back, phi.shape[0] / phi.shape[1])])[None]), first, first_bias)
    for k in range(2):
        c1, b1 = filters([32, 32, 3, 3], 13 + 10 * k, 0.05), filters([32], 14 + 10 * k, 0.02)
        c2, b2 = filters([32, 32, 3, 3], 15 + 10 * k, 0.02), filters([32], 16 + 10 * k, 0.02)
        maps[0, 0] = t(gradient(maps[0, 0].numpy(), y, 1, phi))
        maps = maps + conv(torch.relu(conv(maps, c1, b1)), c2, b2)
    return gradient(conv(maps, last, last_bias)[0, 0].numpy(), y, 1, phi)


def scnet():
    estimates, ensembles = [], []
    for image in IMAGES:
        whole = assemble(cut(image), image.shape, crop=False)
        found = []
        for turn in range(8):  # turns, then flips and turns, of the image and of what measures it
            turned = lambda x: np.rot90(x.T if turn >= 4 else x, turn % 4)
            back = lambda x: np.rot90(x, -(turn % 4)).T if turn >= 4 else np.rot90(x, -(turn % 4))
            phi = np.stack([turned(row.reshape(SIDE, SIDE)).reshape(-1) for row in PHI])
            x = turned(whole)
            found.append(back(scnet_image(cut(x) @ phi.T, phi, x.shape))[: image.shape[0], : image.shape[1]])
        estimates.append(found[0])
        ensembles.append(sum(found) / 8)
    show("scnet", estimates, IMAGES, True)
    show("scnet, mean over eight orientations", ensembles, IMAGES, True)


def sodas_net():
    """Song & Chen (2023): one stage."""
    rho, thr = single(0.7), single(0.3)
    fe, fe_bias = filters([31, 1, 3, 3], 21, 0.2), filters([31], 22, 0.05)
    f1, f2, b1, b2 = (filters([32, 32, 3, 3], n, s) for n, s in [(23, 0.05), (24, 0.05), (25, 0.05), (26, 0.03)])
    estimates = []
    for image in IMAGES:
        y = cut(image) @ PHI.T
        x = assemble(y @ PHI, image.shape, crop=False)
        z = conv(t(x[None, None]), fe, fe_bias)
        maps = torch.cat([t(gradient(x, y, rho))[None, None], z], dim=1)
        f = conv(torch.relu(conv(maps, f1)), f2)
        s = soft(f, thr * f.mean(dim=(2, 3), keepdim=True))
        x = (maps + conv(torch.relu(conv(s, b1)), b2))[0, 0].numpy()
        estimates.append(x[: image.shape[0], : image.shape[1]])
    show("sodas-net", estimates, IMAGES, True)


def reconnet():
    """Kulkarni et al. (2016): the whole of it, it has no stages. Blocks row by row."""
    dense, bias = PHI.T + filters([1089, 104], 31, 0.002), filters([1089], 32, 0.01)
    shapes = [(64, 1, 11), (32, 64, 1), (1, 32, 7), (64, 1, 11), (32, 64, 1), (1, 32, 7)]
    estimates = []
    for image in IMAGES:
        y = cut(image) @ PHI.T
        x = (t(y) @ t(single(dense)).T + t(single(bias))).reshape(-1, 1, SIDE, SIDE)
        for i, (out, into, size) in enumerate(shapes):
            w = passing(filters([out, into, size, size], 33 + i, [0.01, 0.05, 0.005][i % 3]))
            x = conv(x, w, filters([out], 43 + i, 0.01))
            if i < 5:
                x = torch.relu(x)
        estimates.append(assemble(x.numpy().reshape(-1, SIDE * SIDE), image.shape))
    show("reconnet", estimates, IMAGES, True)


def sda():
    """Mousavi, Patel & Baraniuk (2015), with tanh."""
    estimates = []
    for image in IMAGES:
        x = t(cut(image) @ PHI.T)
        for i, (out, into, scale) in enumerate([(1089, 104, 0.05), (104, 1089, 0.03), (1089, 104, 0.03)]):
            offset = 0.5 if i == 2 else 0
            w, b = t(single(filters([out, into], 51 + i, scale))), t(single(offset + filters([out], 54 + i, 0.1)))
            x = x @ w.T + b
            if i < 2:
                x = torch.tanh(x)
        estimates.append(assemble(x.numpy(), image.shape))
    show("sda", estimates, IMAGES, True)


if __name__ == "__main__":
    ista_net(plus=False)
    ista_net(plus=True)
    scnet()
    sodas_net()
    reconnet()
    sda()
