# SPDX-License-Identifier: Apache-2.0
"""ISTA-Net+ in PyTorch eager: the work of `unfold bench ista-net-plus-train` and `ista-net-plus-reconstruct`.

9 stages, 32 channels, 64 blocks of 33 x 33 pixels, 272 measurements a block, single precision, random data. Training: one step with
the constraint (weight 0.01) and Adam, the measurements made in the step. Reconstruction: the blocks measured and reconstructed.

The peer gets its best: --choose tries the whole batch and parts of it (gradients added up), maps in either memory order, and the
gradient step by Phi twice or by the Gram matrix once; in mixed precision each of these under autocast too.
"""

import torch
import torch.nn.functional as F

from timing import arguments, autocast, candidates, fastest, plain, report, with_autocast

STAGES, CHANNELS, SIDE, ROWS, BATCH = 9, 32, 33, 272, 64
LAYERS = {"expand": (CHANNELS, 1), "a1": (CHANNELS, CHANNELS), "a2": (CHANNELS, CHANNELS), "s1": (CHANNELS, CHANNELS),
          "s2": (CHANNELS, CHANNELS), "reduce": (1, CHANNELS)}


class Network:
    def __init__(self, gram, last):
        torch.manual_seed(1)
        self.gram, self.format = gram, torch.channels_last if last else torch.contiguous_format
        self.phi = torch.linalg.qr(torch.randn(SIDE * SIDE, ROWS)).Q.T.contiguous()
        self.product = self.phi.T @ self.phi
        self.initial = self.phi.clone()
        self.stages = [self.stage() for _ in range(STAGES)]
        self.parameters = [p for stage in self.stages for p in stage.values()]
        self.blocks = torch.rand(BATCH, SIDE * SIDE)

    def stage(self):
        made = {"step": torch.tensor(0.5), "threshold": torch.tensor(0.01)}
        for name, (out, into) in LAYERS.items():
            weight = torch.nn.init.xavier_normal_(torch.empty(out, into, 3, 3))
            made[name] = weight.contiguous(memory_format=self.format)
        return {name: torch.nn.Parameter(value) for name, value in made.items()}

    def __call__(self, y, constrained):
        x, back, asymmetry = y @ self.initial, y @ self.phi, 0.0
        for p in self.stages:
            descent = x @ self.product if self.gram else (x @ self.phi.T) @ self.phi
            r = (x - p["step"] * (descent - back)).view(-1, 1, SIDE, SIDE)
            d = F.conv2d(r.contiguous(memory_format=self.format), p["expand"], padding=1)
            h = F.conv2d(F.relu(F.conv2d(d, p["a1"], padding=1)), p["a2"], padding=1)
            soft = torch.sign(h) * F.relu(h.abs() - p["threshold"])
            synthesis = lambda s: F.conv2d(F.relu(F.conv2d(s, p["s1"], padding=1)), p["s2"], padding=1)
            x = (r + F.conv2d(synthesis(soft), p["reduce"], padding=1)).reshape(-1, SIDE * SIDE)
            if constrained:
                asymmetry = asymmetry + F.mse_loss(synthesis(h), d)
        return x, asymmetry


def work(name, layout):
    products, order, part = plain(layout).split("-")
    network, part = Network(products == "gram", order == "last"), int(part)
    blocks = network.blocks

    def reconstruct():
        with torch.inference_mode(), autocast(layout):
            for first in range(0, BATCH, part):
                network(blocks[first : first + part] @ network.phi.T, False)

    optimiser = torch.optim.Adam(network.parameters, lr=1e-4, fused=True)

    def train():
        optimiser.zero_grad(set_to_none=True)
        for first in range(0, BATCH, part):
            truth = blocks[first : first + part]
            with autocast(layout):
                x, asymmetry = network(truth @ network.phi.T, True)
                loss = (F.mse_loss(x, truth) + 0.01 * asymmetry) * (part / BATCH)
            loss.backward()
        optimiser.step()

    return train if name.endswith("train") else reconstruct


WORKS = ["ista-net-plus-train", "ista-net-plus-reconstruct"]
LAYOUTS = with_autocast([f"{products}-{order}-{part}" for part in (64, 16, 4) for products in ("phi", "gram") for order in ("first", "last")])

if __name__ == "__main__":
    options = arguments(WORKS, LAYOUTS)
    if options.choose:
        print(fastest({layout: work(options.work, layout) for layout in candidates(LAYOUTS, options)}))
    else:
        report(options.work, work(options.work, options.layout or "phi-first-64"), options.runs)
