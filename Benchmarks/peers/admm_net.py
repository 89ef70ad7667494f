# SPDX-License-Identifier: Apache-2.0
"""Deep ADMM-Net in PyTorch eager: the work of `unfold bench admm-net-train` and `admm-net-reconstruct`.

17 stages and the first reconstruction layer, 8 filters of 3 x 3, 101 knots, one image of 256 x 256 at 20 %, double precision, random
data. Training: the normalised error and its gradient. Reconstruction: the image.

The peer gets its best: --choose tries the reconstruction layer with a transform of every map and with the filters in the image and one
real transform there and one back, curves by gather and by one flat table.
"""

import torch
import torch.nn.functional as F

from timing import arguments, fastest, report

STAGES, FILTERS, KNOTS, SIZE = 17, 8, 101, 256
torch.set_default_dtype(torch.float64)


def cosine_atoms():
    i = torch.arange(3.0)
    d = [torch.cos(torch.pi * (2 * i + 1) * k / 6) * ((2 if k else 1) / 3) ** 0.5 for k in range(3)]
    return torch.stack([torch.outer(d[m % 3], d[m // 3]) for m in range(1, 9)])


def mask_of_fifth():
    torch.manual_seed(3)
    mask = (torch.rand(SIZE, SIZE) < 0.11).double()
    mask[0, 0] = 1
    return torch.maximum(mask, mask.flip(0, 1).roll((1, 1), (0, 1)))


class Network:
    def __init__(self, in_image, flat):
        torch.manual_seed(1)
        self.in_image, self.flat = in_image, flat
        self.atoms, self.knots = cosine_atoms(), torch.linspace(-1, 1, KNOTS)
        curve = torch.sign(self.knots) * F.relu(self.knots.abs() - 0.05)
        values = {
            "h": torch.eye(FILTERS), "rho": torch.full((FILTERS, 1, 1), 0.2), "d": torch.eye(FILTERS),
            "q": curve.repeat(FILTERS, 1), "eta": torch.full((FILTERS, 1, 1), 1.6),
        }
        fresh = lambda names: {n: torch.nn.Parameter(values[n].clone()) for n in names}
        self.first = fresh(["h", "rho"])
        self.stages = [fresh(values) for _ in range(STAGES)]
        self.parameters = [p for part in [self.first, *self.stages] for p in part.values()]
        self.mask, self.truth = mask_of_fifth(), torch.rand(SIZE, SIZE)
        self.y = self.mask * torch.fft.fft2(self.truth)
        self.half = self.mask[:, : SIZE // 2 + 1]
        self.back = torch.fft.ifft2(self.y).real
        self.shift = KNOTS * torch.arange(FILTERS)[:, None]

    def filters(self, gamma):
        return torch.einsum("ml,mij->lij", gamma, self.atoms)

    def reconstruct(self, p, u):
        kernels = self.filters(p["h"])
        padded = F.pad(kernels, (0, SIZE - 3, 0, SIZE - 3)).roll((-1, -1), (1, 2))
        if self.in_image:
            gain = self.half + (p["rho"] * torch.fft.rfft2(padded).abs() ** 2).sum(0)
            right = self.back
            if u is not None:
                around = F.pad(u[None], (1, 1, 1, 1), mode="circular")
                right = right + F.conv2d(around, (p["rho"] * kernels)[None])[0, 0]
            return torch.fft.irfft2(torch.fft.rfft2(right) / gain, s=(SIZE, SIZE))
        spectrum = torch.fft.fft2(padded)
        right = self.y if u is None else self.y + (p["rho"] * spectrum.conj() * torch.fft.fft2(u)).sum(0)
        return torch.fft.ifft2(right / (self.mask + (p["rho"] * spectrum.abs() ** 2).sum(0))).real

    def curve(self, a, q):
        rows = a.reshape(FILTERS, -1)
        piece = ((rows + 1) / 0.02).floor().long().clamp(0, KNOTS - 2)
        if self.flat:
            table, at = q.reshape(-1), piece + self.shift
            left, right = table[at], table[at + 1]
        else:
            left, right = q.gather(1, piece), q.gather(1, piece + 1)
        inside = left + (rows - self.knots[piece]) * (right - left) / 0.02
        above = torch.where(rows > 1, rows + q[:, -1:] - 1, inside)
        return torch.where(rows < -1, rows + q[:, :1] + 1, above).reshape(a.shape)

    def __call__(self):
        x, beta = self.reconstruct(self.first, None), 0
        for p in self.stages:
            around = F.pad(x[None, None], (1, 1, 1, 1), mode="circular")
            c = F.conv2d(around, self.filters(p["d"]).flip(1, 2)[:, None])[0]
            z = self.curve(c + beta, p["q"])
            beta = beta + p["eta"] * (c - z)
            x = self.reconstruct(p, z - beta)
        return x


def work(name, in_image, flat):
    network = Network(in_image, flat)

    def reconstruct():
        with torch.inference_mode():
            network()

    def train():
        for p in network.parameters:
            p.grad = None
        (torch.linalg.norm(network() - network.truth) / torch.linalg.norm(network.truth)).backward()

    return train if name.endswith("train") else reconstruct


def layouts(name):
    return {
        f"{'image' if i else 'spectrum'}-{'flat' if f else 'gather'}": lambda i=i, f=f: work(name, i, f)
        for i in (False, True) for f in (False, True)
    }


WORKS = ["admm-net-train", "admm-net-reconstruct"]

if __name__ == "__main__":
    options = arguments(WORKS, layouts(WORKS[0]))
    choices = layouts(options.work)
    if options.choose:
        print(fastest({name: make() for name, make in choices.items()}))
    else:
        report(options.work, choices[options.layout or "spectrum-gather"](), options.runs)
