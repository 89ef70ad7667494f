# SPDX-License-Identifier: Apache-2.0
"""FISTA-Net in PyTorch eager: the work of `unfold bench fista-net-train` and `fista-net-reconstruct`.

7 stages with one proximal network of 32 channels, 64 images of 64 x 64, 28 measurements of the pixels of a disc, single precision, random
data. Training: the squared error, the symmetry and the sparsity term, backward pass, Adam. Reconstruction: the images.

The peer gets its best: --choose tries channels-first and channels-last maps; in mixed precision both under autocast too.
"""

import torch
import torch.nn.functional as F

from timing import arguments, autocast, candidates, fastest, plain, report, with_autocast

STAGES, BATCH, SIZE, ROWS, CHANNELS = 7, 64, 64, 28, 32
FORMATS = {"channels-first": torch.contiguous_format, "channels-last": torch.channels_last}
LAYOUTS = with_autocast(FORMATS)


def chain(layers, x):
    for layer in layers[:-1]:
        x = F.relu(layer(x))
    return layers[-1](x)


class FISTANet(torch.nn.Module):
    def __init__(self, disc, A):
        super().__init__()

        def layer(inputs, outputs):
            made = torch.nn.Conv2d(inputs, outputs, 3, padding=1)
            torch.nn.init.xavier_normal_(made.weight)
            torch.nn.init.zeros_(made.bias)
            return made

        self.expansion, self.reduction = layer(1, CHANNELS), layer(CHANNELS, 1)
        self.analysis = torch.nn.ModuleList(layer(CHANNELS, CHANNELS) for _ in range(4))
        self.synthesis = torch.nn.ModuleList(layer(CHANNELS, CHANNELS) for _ in range(4))
        self.slopes = torch.nn.Parameter(torch.tensor([-0.2, -0.5, 0.5]))
        self.offsets = torch.nn.Parameter(torch.tensor([0.1, -2.0, 0.0]))
        self.disc, self.A = disc, A

    def forward(self, b, start, recording):
        v, x, symmetry, sparsity = start, start, 0.0, 0.0
        for k in range(STAGES):
            mu, theta, rise = F.softplus(self.slopes * k + self.offsets)
            rho = (rise - F.softplus(self.offsets[2])) / rise
            flat = v.reshape(len(b), -1)
            step = torch.zeros_like(flat).index_add(1, self.disc, (flat[:, self.disc] @ self.A.T - b) @ self.A / 7)
            r = (flat - mu * step).view(-1, 1, SIZE, SIZE)
            d = self.expansion(r)
            f = chain(self.analysis, d)
            s = torch.sign(f) * F.relu(f.abs() - theta)
            following = F.relu(r + self.reduction(chain(self.synthesis, s)))
            if recording:
                symmetry = symmetry + ((chain(self.synthesis, f) - d) ** 2).mean()
                sparsity = sparsity + s.abs().mean()
            v, x = following + rho * (following - x), following
        return x, symmetry, sparsity


def work(name, layout):
    torch.manual_seed(0)
    axis = torch.linspace(-1 + 1 / SIZE, 1 - 1 / SIZE, SIZE)
    disc = (axis[:, None] ** 2 + axis[None] ** 2 <= 1).flatten().nonzero()[:, 0]
    A = F.normalize(torch.randn(ROWS, len(disc)), dim=1)
    order = FORMATS[plain(layout)]
    network = FISTANet(disc, A).to(memory_format=order)
    assert sum(q.numel() for q in network.parameters()) == 74_599
    truth = torch.rand(BATCH, 1, SIZE, SIZE).to(memory_format=order)
    b = truth.reshape(BATCH, -1)[:, disc] @ A.T
    start = torch.zeros_like(truth)
    optimiser = torch.optim.Adam(network.parameters(), 1e-4)

    def train():
        with autocast(layout):
            x, symmetry, sparsity = network(b, start, True)
            loss = ((x - truth) ** 2).mean() + 0.01 * symmetry + 0.001 * sparsity
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def reconstruct():
        with torch.inference_mode(), autocast(layout):
            network(b, start, False)

    return train if name.endswith("train") else reconstruct


options = arguments(["fista-net-train", "fista-net-reconstruct"], LAYOUTS)
if options.choose:
    print(fastest({layout: work(options.work, layout) for layout in candidates(LAYOUTS, options)}))
    raise SystemExit
report(options.work, work(options.work, options.layout or "channels-first"), options.runs)
