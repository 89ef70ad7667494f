# SPDX-License-Identifier: Apache-2.0
"""What the peers' scripts share: options, timing, one JSON line with the keys of `unfold bench`."""

import argparse
import contextlib
import json
import os
import resource
import statistics
import time

import torch


AUTOCAST = "-bfloat16"


def autocast(layout):
    """Where the layout says so, PyTorch's automatic mixed precision: products in bfloat16, what is sensitive in single precision."""
    return torch.autocast("cpu", dtype=torch.bfloat16) if layout.endswith(AUTOCAST) else contextlib.nullcontext()


def plain(layout):
    """The layout without its precision."""
    return layout.removesuffix(AUTOCAST)


def with_autocast(layouts):
    """The layouts, and each of them under automatic mixed precision."""
    return [*layouts, *(layout + AUTOCAST for layout in layouts)]


def candidates(layouts, options):
    """Those to choose from: under automatic mixed precision only where it is asked for, beside single precision, which may be faster."""
    return [layout for layout in layouts if options.precision == "mixed" or not layout.endswith(AUTOCAST)]


def arguments(works, layouts):
    """The command line: the work, the number of runs, the threads, the precision, the layout of the work (see --choose)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=works)
    parser.add_argument("--runs", type=int, default=5, help="timed runs, after one that is not counted")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--precision", choices=["single", "mixed"], default="single", help="what --choose may choose from")
    parser.add_argument("--choose", action="store_true", help="print the fastest layout of this work on this machine")
    parser.add_argument("--layout", choices=sorted(layouts), help="how the work is laid out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def seconds(once):
    begin = time.perf_counter()
    once()
    return time.perf_counter() - begin


def fastest(candidates):
    """The name of the fastest of {name: once}: the best of two runs each, in turn, after one that is not counted.

    Candidates half as slow again as the best in a turn are dropped.
    """
    best = {}
    for turn in range(3):
        times = {name: seconds(once) for name, once in candidates.items()}
        candidates = {name: once for name, once in candidates.items() if times[name] <= 1.5 * min(times.values())}
        if turn > 0:
            best = {name: min(times[name], best.get(name, times[name])) for name in candidates}
    return min(best, key=best.get)


def report(work, once, runs, limit=30):
    """Runs `once`, not counted, then `runs` times or until `limit` seconds have gone, and prints the answer."""
    once()
    times = [seconds(once)]
    while len(times) < runs and sum(times) < limit:
        times.append(seconds(once))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer = {
        "work": work,
        "median_s": statistics.median(times),
        "runs_s": times,
        "threads": torch.get_num_threads(),
        "peak_mib": peak,
    }
    print(json.dumps(answer))
