"""Merging 64 experts into one beside NumPy and SciPy, on the same weights in the same run.

    python bench/compare_align.py BUILD/align_bench [EXPERTS] [ROUNDS]

Experts of Qwen3-30B-A3B's shape (width 768, model width 2048), each aligned to the first and then averaged: scores of
all pairs of neurons, the best assignment, the permutation, the sum. `plain` is that; `rescale` also balances up against
down and lets a neuron flip its sign. Two kinds: copies (shuffled, noisy: the assignment is easy) and distant (most is
the expert's own, as between trained experts: the assignment is hard). Stored in bf16, as checkpoints are, or in f32;
NumPy, which has no bf16, gets the same numbers in f32. Both sides have 2 threads: ours takes one expert per thread;
theirs is the faster of NumPy's BLAS sharing each product, and of two Python threads with an expert each and a BLAS of one
thread (SciPy's assignment releases the interpreter and uses one thread). Both are medians of three warm repetitions. The
merged experts must agree.
"""
import os

THREADS = "2"
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = THREADS  # before NumPy is imported

import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits

F, D = 768, 2048
TARGET, REPETITIONS = 1.5, 3
LIKENESS = {"copies": (1.0, 0.5), "distant": (0.1, 1.0)}
# By stored dtype, how far merged experts may be apart: a rounding to bf16 is 2^-9 at most, 0.4 of that on average.
TOLERANCE = {torch.bfloat16: 2e-3, torch.float32: 1e-4}


def make_experts(kind, count, seed):
    rng = np.random.default_rng(seed)
    likeness, noise = LIKENESS[kind]
    neurons = rng.standard_normal((F, 3 * D), dtype=np.float32)
    experts = np.empty((count, F, 3 * D), np.float32)
    for expert in experts:
        own = rng.standard_normal((F, 3 * D), dtype=np.float32)
        expert[:] = 0.02 * (likeness * neurons[rng.permutation(F)] + noise * own)
    gate, up, down_t = np.split(experts, 3, axis=2)
    return {"gate": np.ascontiguousarray(gate), "up": np.ascontiguousarray(up),
            "down": np.ascontiguousarray(down_t.transpose(0, 2, 1))}


def balanced(gate, up, down):
    scale = np.sqrt(np.linalg.norm(down, axis=0) / np.linalg.norm(up, axis=1))
    return gate, up * scale[:, None], down / scale


def aligned(anchor, member, rescale):
    gate, up, down = balanced(*member) if rescale else member
    linear = anchor[1] @ up.T + anchor[2].T @ down
    scores = anchor[0] @ gate.T + (np.abs(linear) if rescale else linear)
    order = linear_sum_assignment(scores, maximize=True)[1]
    gate, up, down = gate[order], up[order], down[:, order]
    if rescale:
        agreement = np.einsum("fd,fd->f", anchor[1], up) + np.einsum("df,df->f", anchor[2], down)
        signs = np.where(agreement < 0, -1, 1).astype(np.float32)
        up, down = up * signs[:, None], down * signs
    return gate, up, down


def merge_with_scipy(experts, rescale, each):
    """@param each  applies a function to the members, as map does"""
    members = list(zip(experts["gate"], experts["up"], experts["down"]))
    anchor = balanced(*members[0]) if rescale else members[0]
    sums = [part / len(members) for part in anchor]
    for parts in each(lambda member: aligned(anchor, member, rescale), members[1:]):
        for total, part in zip(sums, parts):
            total += part / len(members)
    return sums


def repeated(merge):
    """Median seconds of warm repetitions, and what was merged."""
    times, merged = [], merge()
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        merge()
        times.append(time.perf_counter() - begin)
    return statistics.median(times), merged


def time_scipy(experts, rescale):
    """(seconds of the faster way, merged, name of the way)"""
    ways = {"BLAS": repeated(lambda: merge_with_scipy(experts, rescale, map)) + ("shared products",)}
    with threadpool_limits(1), ThreadPoolExecutor(int(THREADS)) as pool:
        ways["pool"] = repeated(lambda: merge_with_scipy(experts, rescale, pool.map)) + ("an expert per thread",)
    return min(ways.values(), key=lambda way: way[0])


def time_ours(program, file, mode, out):
    done = subprocess.run([program, file, mode, out, "--benchmark_format=json"], check=True, capture_output=True,
                          text=True)
    median = next(run for run in json.loads(done.stdout)["benchmarks"] if run.get("aggregate_name") == "median")
    merged = load_file(out)
    return median["real_time"], [merged[name].float().numpy() for name in ("gate", "up", "down")]


def spread(values):
    return f"{statistics.median(values):5.2f} ({min(values):.2f} to {max(values):.2f})"


def compare(program, kind, mode, dtype, count, rounds, folder):
    ours, theirs, ways = [], [], set()
    for seed in range(rounds):
        stored = {name: torch.from_numpy(part).to(dtype) for name, part in make_experts(kind, count, seed).items()}
        save_file(stored, folder / "experts.safetensors", metadata={"uncurl": "{}"})
        experts = {name: part.float().numpy() for name, part in stored.items()}
        seconds, merged = time_ours(program, folder / "experts.safetensors", mode, folder / "merged.safetensors")
        peer, expected, way = time_scipy(experts, mode == "rescale")
        ways.add(way)
        for name, mine, other in zip(("gate", "up", "down"), merged, expected):
            error = np.linalg.norm(mine - other) / np.linalg.norm(other)
            if error > TOLERANCE[dtype]:
                sys.exit(f"{kind}, {mode}, seed {seed}: merged {name} differs by {error:.1e}")
        ours.append(seconds)
        theirs.append(peer)
    print(f"{str(dtype)[6:]:8} {kind:8} {mode:8} ours {spread(ours)} s   NumPy + SciPy {spread(theirs)} s   "
          f"ratio {spread([b / a for a, b in zip(ours, theirs)])}, target {TARGET}   ({' and '.join(sorted(ways))})",
          flush=True)


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    print(f"merging {count} experts of width {F}, model width {D}, {THREADS} threads, {rounds} rounds")
    with tempfile.TemporaryDirectory() as name:
        for dtype, kind, mode in itertools.product(TOLERANCE, LIKENESS, ("plain", "rescale")):
            compare(program, kind, mode, dtype, count, rounds, pathlib.Path(name))


if __name__ == "__main__":
    main()
