# SPDX-License-Identifier: Apache-2.0
"""Times `unfold bench` and its peers in turn, A B A B …, and prints medians, peak memory and the ratio peer / ours.

Only a ratio taken in one run means anything: the machine is the same, and so is what else it does. Standard library only.
Usage: compare.py [--unfold PROGRAM] [--python PYTHON] [--precision single|mixed] [--rounds N] [--runs N] [--threads N] [--json FILE] [WORK …]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {
    "lista-forward": "lista.py", "lista-train": "lista.py", "ista-net-plus-train": "ista_net_plus.py",
    "ista-net-plus-reconstruct": "ista_net_plus.py", "admm-net-train": "admm_net.py", "admm-net-reconstruct": "admm_net.py",
    "ct-project": "ct_project.py", "fista-net-train": "fista_net.py", "fista-net-reconstruct": "fista_net.py",
    "scnet-train": "whole_image.py", "scnet-reconstruct": "whole_image.py", "sodas-net-reconstruct": "whole_image.py",
    "bm3d": "denoise.py",
}
# Convolutional networks, which multiply bfloat16 where that is asked for; PyTorch then may choose its automatic mixed precision.
MIXED = [work for work, script in PEERS.items() if script in ("ista_net_plus.py", "fista_net.py", "whole_image.py")]
ENVIRONMENT = "python3 -m venv .venv && .venv/bin/pip install torch==2.13.0+cpu numpy"


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def processor():
    """Its name and what of its instructions decides speed."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            fields = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in file if ":" in line]))
    except OSError:
        return "an unnamed processor"
    flags = fields.get("flags", "").split()
    extensions = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{fields.get('model name', 'an unnamed processor')}, family {fields.get('cpu family', '?')} model {fields.get('model', '?')}, {' '.join(extensions)}"


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{' '.join(command)}: exit status {done.returncode}: {last}", file=sys.stderr)
        sys.exit(1)
    return done.stdout


def measured(command, work):
    answer = json.loads(run(command))
    if answer["work"] != work or not answer["runs_s"] or min(answer["runs_s"]) <= 0:
        print(f"{' '.join(command)}: found {answer}; expected times of {work}", file=sys.stderr)
        sys.exit(1)
    return answer


def compare(work, options):
    threads = ["--threads", str(options.threads)]
    ours = [options.unfold, "bench", work, "--runs", str(options.runs), "--json", "-", "--quiet", *threads]
    if options.precision == "mixed":
        ours += ["--precision", "mixed"]
    peer = [options.python, os.path.join(HERE, "peers", PEERS[work]), work, "--runs", str(options.runs), *threads]
    choice = ["--precision", "mixed"] if options.precision == "mixed" else []
    layout = run([*peer, *choice, "--choose"]).strip()
    peer += ["--layout", layout]
    rounds = []
    for number in range(options.rounds):
        a, b = measured(ours, work), measured(peer, work)
        rounds.append((a, b))
        ratio = b["median_s"] / a["median_s"]
        print(f"{work}: round {number + 1} of {options.rounds}: {a['median_s']:.4f} s, peer {b['median_s']:.4f} s, {ratio:.2f}", file=sys.stderr)

    def side(i):
        return {
            "median_s": statistics.median(r[i]["median_s"] for r in rounds),
            "peak_mib": max(r[i]["peak_mib"] for r in rounds),
            "rounds_s": [r[i]["median_s"] for r in rounds],
        }

    ratios = [b["median_s"] / a["median_s"] for a, b in rounds]
    return {
        "work": work, "precision": options.precision, "threads": options.threads, "unfold": side(0), "peer": side(1), "peer_layout": layout,
        "ratio": statistics.median(ratios), "ratios": ratios,
    }


def main():
    parser = argparse.ArgumentParser(description="Compare unfold bench with its peers.")
    parser.add_argument("works", nargs="*", metavar="WORK", help="all by default")
    parser.add_argument("--unfold", default=os.path.join(HERE, "..", ".build", "release", "unfold"))
    parser.add_argument("--python", default=sys.executable, help="the Python that has torch")
    parser.add_argument("--precision", choices=["single", "mixed"], default="single", help="mixed: convolutional networks alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5, help="timed runs a round and side, fewer where they are long")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    options = parser.parse_args()
    known = MIXED if options.precision == "mixed" else list(PEERS)
    works = options.works or known
    unknown = [work for work in works if work not in known]
    if unknown:
        fail(f"found the work {unknown[0]}; expected one of {', '.join(known)}")
    if min(options.rounds, options.runs, options.threads) < 1:
        fail("found --rounds, --runs or --threads below 1; expected at least 1")
    if not os.access(options.unfold, os.X_OK):
        fail(f"found no program at {options.unfold}; expected the release build, make it with: swift build -c release --product unfold")
    try:
        has_torch = subprocess.run([options.python, "-c", "import torch"], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        has_torch = False
    if not has_torch:
        fail(f"found no torch in {options.python}; expected a virtual environment, make it with: {ENVIRONMENT}")

    results = [compare(work, options) for work in works]
    print(f"{'work':<26} {'unfold':>10} {'peer':>10} {'peer/unfold':>12} {'unfold MiB':>11} {'peer MiB':>9}   peer's layout")
    for r in results:
        a, b = r["unfold"], r["peer"]
        print(
            f"{r['work']:<26} {a['median_s']:>8.4f} s {b['median_s']:>8.4f} s {r['ratio']:>12.2f} {a['peak_mib']:>11.0f} "
            f"{b['peak_mib']:>9.0f}   {r['peer_layout']}"
        )
    print(f"medians of {options.rounds} rounds in turn, at most {options.runs} runs each, {options.threads} threads, {options.precision} precision, Deep ADMM-Net in double, on {processor()}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"results": results}, file, indent=2)


if __name__ == "__main__":
    main()
