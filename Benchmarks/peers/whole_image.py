# SPDX-License-Identifier: Apache-2.0
"""SCNet and SODAS-Net in PyTorch eager: the work of `unfold bench scnet-train`, `scnet-reconstruct` and `sodas-net-reconstruct`.

32 channels, blocks of 33 x 33 pixels, 272 measurements a block, single precision, random data. Training: one step of SCNet, 20 modules, on four
crops of 99 x 99 with the mean square error and Adam. Reconstruction: an image of 264 x 264, 8 x 8 blocks, measured and reconstructed by 20
modules or 25 stages.

The peer gets its best: --choose tries crops together and one by one, maps in either memory order, and the data step by Phi twice or by the
Gram matrix once; in mixed precision each of these under autocast too.
"""

import torch
import torch.nn.functional as F

from timing import arguments, autocast, candidates, fastest, plain, report, with_autocast

MODULES, STAGES, CHANNELS, SIDE, ROWS = 20, 25, 32, 33, 272


def cut(x):
    """[b, 1, h, w] to [b, blocks, pixels]."""
    b, _, h, w = x.shape
    return x.reshape(b, h // SIDE, SIDE, w // SIDE, SIDE).transpose(2, 3).reshape(b, -1, SIDE * SIDE)


def assembled(blocks, h, w):
    return blocks.reshape(len(blocks), h // SIDE, w // SIDE, SIDE, SIDE).transpose(2, 3).reshape(len(blocks), 1, h, w)


class Network:
    def __init__(self, name, gram, last):
        torch.manual_seed(1)
        self.name, self.gram, self.format = name, gram, torch.channels_last if last else torch.contiguous_format
        self.phi = torch.linalg.qr(torch.randn(SIDE * SIDE, ROWS)).Q.T.contiguous()
        self.product = self.phi.T @ self.phi
        self.parameters = []
        if name == "scnet":
            self.first, self.last = self.layer(CHANNELS, 2), self.layer(1, CHANNELS)
            self.stages = [[self.layer(CHANNELS, CHANNELS) for _ in range(2)] for _ in range(MODULES)]
        else:
            self.first = self.layer(CHANNELS - 1, 1)
            self.stages = [[self.layer(CHANNELS, CHANNELS)[0] for _ in range(4)] + [self.number(0.5), self.number(0.01)] for _ in range(STAGES)]

    def layer(self, out, into):
        weight = torch.nn.init.xavier_normal_(torch.empty(out, into, 3, 3)).contiguous(memory_format=self.format)
        made = [torch.nn.Parameter(weight), torch.nn.Parameter(torch.zeros(out))]
        self.parameters += made
        return made

    def number(self, value):
        self.parameters.append(torch.nn.Parameter(torch.tensor(value)))
        return self.parameters[-1]

    def descent(self, x, back):
        """A' A x - A' y, with `back` A' y as blocks."""
        h, w = x.shape[2:]
        blocks = cut(x)
        product = blocks @ self.product if self.gram else (blocks @ self.phi.T) @ self.phi
        return assembled(product - back, h, w)

    def __call__(self, y, h, w):
        back = y @ self.phi
        x = assembled(back, h, w)
        if self.name == "scnet":
            X = F.conv2d(torch.cat([x, torch.full_like(x, ROWS / SIDE**2)], 1).contiguous(memory_format=self.format), *self.first, padding=1)
            for (w1, b1), (w2, b2) in self.stages:
                X = torch.cat([X[:, :1] - self.descent(X[:, :1], back), X[:, 1:]], 1).contiguous(memory_format=self.format)
                X = X + F.conv2d(F.relu(F.conv2d(X, w1, b1, padding=1)), w2, b2, padding=1)
            x = F.conv2d(X, *self.last, padding=1)
            return x - self.descent(x, back)
        X = torch.cat([x, F.conv2d(x.contiguous(memory_format=self.format), *self.first, padding=1)], 1)
        for w1, w2, w3, w4, step, scale in self.stages:
            X = torch.cat([X[:, :1] - step * self.descent(X[:, :1], back), X[:, 1:]], 1).contiguous(memory_format=self.format)
            f = F.conv2d(F.relu(F.conv2d(X, w1, padding=1)), w2, padding=1)
            threshold = scale * f.mean((2, 3), keepdim=True)
            s = torch.sign(f) * F.relu(f.abs() - threshold)
            X = X + F.conv2d(F.relu(F.conv2d(s, w3, padding=1)), w4, padding=1)
        return X[:, :1]


def work(name, layout):
    products, order, part = plain(layout).split("-")
    network, part = Network(name.rsplit("-", 1)[0], products == "gram", order == "last"), int(part)
    image = torch.rand(1, 1, 8 * SIDE, 8 * SIDE)
    crops = torch.rand(4, 1, 3 * SIDE, 3 * SIDE)

    def reconstruct():
        with torch.inference_mode(), autocast(layout):
            network(cut(image) @ network.phi.T, 8 * SIDE, 8 * SIDE)

    optimiser = torch.optim.Adam(network.parameters, lr=1e-4, fused=True)
    measured = cut(crops) @ network.phi.T

    def train():
        optimiser.zero_grad(set_to_none=True)
        for first in range(0, len(crops), part):
            with autocast(layout):
                x = network(measured[first : first + part], 3 * SIDE, 3 * SIDE)
                loss = F.mse_loss(x, crops[first : first + part]) * (part / len(crops))
            loss.backward()
        optimiser.step()

    return train if name.endswith("train") else reconstruct


WORKS = ["scnet-train", "scnet-reconstruct", "sodas-net-reconstruct"]
LAYOUTS = with_autocast([f"{products}-{order}-{part}" for part in (4, 1) for products in ("phi", "gram") for order in ("first", "last")])

if __name__ == "__main__":
    options = arguments(WORKS, LAYOUTS)
    if options.choose:
        print(fastest({layout: work(options.work, layout) for layout in candidates(LAYOUTS, options)}))
    else:
        report(options.work, work(options.work, options.layout or "phi-first-4"), options.runs)
