# SPDX-License-Identifier: Apache-2.0
"""LISTA in PyTorch: the work of `unfold bench lista-forward` and `lista-train`.

100 pixels, 400 units, T = 7 iterations (8 applications of the threshold, 7 of S), 10 000 patches, single precision, random data.
lista-forward: all codes. lista-train: 20 steps of Adam, batches of 500 drawn without replacement, loss ½‖Z* − Z‖² per patch.

The peer gets its best. Forward: no autograd, b = X W_eᵀ once, each stage one addmm into a buffer that is kept, the threshold in
place, and samples in chunks that stay in cache; --choose tries the chunk sizes. Training: the fused Adam, and --choose tries three
ways to write the threshold, one of them with a backward pass of its own, and whole or divided batches.
"""

import torch

from timing import arguments, fastest, report

PIXELS, UNITS, ITERATIONS, PATCHES, BATCH, STEPS = 100, 400, 7, 10_000, 500, 20


def start():
    """W_e, S and θ at ISTA, patches and codes."""
    torch.manual_seed(1)
    dictionary = torch.randn(PIXELS, UNITS)
    dictionary /= dictionary.norm(dim=0)
    lipschitz = torch.linalg.matrix_norm(dictionary, 2) ** 2
    encoder = (dictionary.T / lipschitz).contiguous()
    recurrence = torch.eye(UNITS) - dictionary.T @ dictionary / lipschitz
    threshold = torch.full((UNITS,), float(0.5 / lipschitz))
    return encoder, recurrence, threshold, torch.randn(PATCHES, PIXELS), torch.randn(PATCHES, UNITS)


def forward(chunk):
    encoder, recurrence, threshold, patches, _ = start()
    encoder, recurrence, lower = encoder.T.contiguous(), recurrence.T.contiguous(), -threshold
    codes = torch.empty(PATCHES, UNITS)
    b, v, kept = (torch.empty(chunk, UNITS) for _ in range(3))

    def shrink(source, out):
        torch.clamp(source, lower, threshold, out=kept)
        torch.sub(source, kept, out=out)

    def once():
        with torch.inference_mode():
            for first in range(0, PATCHES, chunk):
                z = codes[first : first + chunk]
                torch.mm(patches[first : first + chunk], encoder, out=b)
                shrink(b, z)
                for _ in range(ITERATIONS):
                    torch.addmm(b, z, recurrence, out=v)
                    shrink(v, z)
        assert codes.shape == (PATCHES, UNITS)

    return once


class Shrink(torch.autograd.Function):
    """h_θ with a backward pass that reads the result alone: v where it is not 0, −Σ sign · v for θ."""

    @staticmethod
    def forward(ctx, v, threshold):
        z = v - torch.clamp(v, -threshold, threshold)
        ctx.save_for_backward(z)
        return z

    @staticmethod
    def backward(ctx, gradient):
        (z,) = ctx.saved_tensors
        sign = torch.sign(z)
        return gradient * sign.abs(), -(gradient * sign).sum(0)


SHRINKS = {
    "clamp": lambda v, threshold: v - torch.clamp(v, -threshold, threshold),
    "relu": lambda v, threshold: torch.relu(v - threshold) - torch.relu(-v - threshold),
    "function": Shrink.apply,
}


def train(shrink, chunk):
    encoder, recurrence, threshold, patches, codes = start()
    parameters = [torch.nn.Parameter(p) for p in (encoder, recurrence, threshold)]
    W, S, theta = parameters
    optimiser = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def loss(x, target):
        clamped = torch.relu(theta)
        b = torch.mm(x, W.t())
        z = shrink(b, clamped)
        for _ in range(ITERATIONS):
            z = shrink(torch.addmm(b, z, S.t()), clamped)
        return 0.5 * torch.sum((z - target) ** 2) / BATCH

    def once():
        order = torch.randperm(PATCHES)
        for step in range(STEPS):
            optimiser.zero_grad(set_to_none=True)
            for first in range(step * BATCH, (step + 1) * BATCH, chunk):
                indices = order[first : first + chunk]
                loss(patches[indices], codes[indices]).backward()
            optimiser.step()

    return once


LAYOUTS = {
    "lista-forward": {f"chunks-{size}": lambda size=size: forward(size) for size in (10_000, 2_500, 1_000, 500, 250, 125)},
    "lista-train": {
        f"{name}-{chunk}": lambda shrink=shrink, chunk=chunk: train(shrink, chunk)
        for name, shrink in SHRINKS.items()
        for chunk in (500, 250, 125)
    },
}

if __name__ == "__main__":
    options = arguments(sorted(LAYOUTS), set().union(*LAYOUTS.values()))
    layouts = LAYOUTS[options.work]
    if options.choose:
        print(fastest({name: make() for name, make in layouts.items()}))
    else:
        layout = options.layout or {"lista-forward": "chunks-500", "lista-train": "function-500"}[options.work]
        report(options.work, layouts[layout](), options.runs)
