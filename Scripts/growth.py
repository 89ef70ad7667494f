#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How training grows with processes: growth.py SEVERAL [IMAGES] where SEVERAL is a program that is built with MPI. MPIRUN names its launcher.

Measures messages between two processes (latency L, bandwidth b), and a step of the three networks with the longest messages on 1, 2 and 4
processes of one thread. With P processes, a power of two, that share a batch of B samples, c seconds a sample on one of them, and messages of
G bytes,

    T(P) = c ceil(B / P) + s + log2(P) (L + G / b)

s: what every process does by itself, the optimiser's step; in each of log2(P) rounds a process exchanges its sum with one other, both ways at once.
Prints tables in Markdown: what was measured beside what the model says, and predictions for networks of computers whose L and b are given.
"""
import json
import math
import os
import subprocess
import sys
import tempfile

program = os.path.abspath(sys.argv[1])
images = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
here = os.path.dirname(os.path.abspath(__file__))
environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1",
                   OMPI_MCA_mpi_yield_when_idle="1")
networks = [  # name, arguments, samples of a batch
    ("LISTA, 16 stages of 250 × 500", "sparse-recovery lista --batch {batch} --depth 16 --quick", 64),
    ("SCNet, 20 modules", "image-cs scnet --images {images} --batch {batch}", 4),
    ("ISTA-Net⁺, 9 stages", "image-cs ista-net-plus --images {images} --ratio 0.25 --batch {batch}", 16),
]
# Named systems: latency in seconds, bytes a second, threads of a process.
systems = [("10 Gbit/s Ethernet", 30e-6, 1.1e9, 16), ("100 Gbit/s InfiniBand", 2e-6, 11e9, 16)]


def run(processes, words, folder):
    answer = os.path.join(folder, "answer.json")
    if os.path.exists(answer):
        os.remove(answer)
    command = [os.environ.get("MPIRUN", "mpirun"), "-n", str(processes), program] + words.split() + ["--quiet", "--json", answer]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    with open(answer) as file:
        return json.load(file)


def step(processes, arguments, batch, folder):
    """Seconds a step, the better of two medians, and the bytes of its message: a loss in double precision, a gradient in single."""
    words = f"train {arguments.format(batch=batch, images=images)} --threads 1 --dry-run -o w.safetensors"
    found = [run(processes, words, folder) for _ in range(2)]
    return min(one["seconds"] / one["steps"] for one in found), 8 + 4 * found[0]["parameters"]


with tempfile.TemporaryDirectory() as folder:
    if not images:
        images = os.path.join(folder, "images")
        subprocess.run([sys.executable, os.path.join(here, "cluster_images.py"), images], check=True)
    messages = run(2, "bench messages", folder)
    latency, bandwidth = messages["latency"], messages["bandwidth"]
    print(f"Messages here: L = {latency * 1e6:.1f} µs, b = {bandwidth / 1e9:.1f} GB/s.\n")
    print("| network | message | processes | a step | model |\n|---|---|---|---|---|")
    fitted = []
    for name, arguments, batch in networks:
        one, size = step(1, arguments, batch, folder)
        half, _ = step(1, arguments, batch // 2, folder)
        sample = max((one - half) / (batch - batch // 2), 1e-9)
        own = max(one - batch * sample, 0)
        for processes in (1, 2, 4):
            seconds = one if processes == 1 else step(processes, arguments, batch, folder)[0]
            at_once = min(processes, os.cpu_count())
            exchange = math.log2(processes) * (latency + size / bandwidth)
            model = (sample * math.ceil(batch / processes) + own) * processes / at_once + exchange
            print(f"| {name}, {batch} samples | {size / 1e6:.2f} MB | {processes} | {seconds * 1e3:.1f} ms | {model * 1e3:.1f} ms |", flush=True)
        fitted.append((name, batch, sample, own, size))
    for system, latency, bandwidth, threads in systems:
        print(f"\n{system}: L = {latency * 1e6:.0f} µs, b = {bandwidth / 1e9:.1f} GB/s, {threads} cores a process that share its samples; samples a "
              "process and step from which half of the time is work, and the speed-up over one process at 16 times as many:\n")
        print("| network | 16 processes | 64 | 256 |\n|---|---|---|---|")
        for name, batch, sample, own, size in fitted:
            cells = []
            for processes in (16, 64, 256):
                exchange = math.log2(processes) * (latency + size / bandwidth)
                fewest = max(1, math.ceil((exchange + own) / (sample / threads)))
                many = 16 * fewest
                alone = sample * many * processes / threads + own
                cells.append(f"{fewest}; {alone / (sample * many / threads + own + exchange):.0f} ×")
            print(f"| {name} | " + " | ".join(cells) + " |")
