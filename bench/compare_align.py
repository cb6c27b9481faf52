"""Merging 64 experts into one beside NumPy and SciPy, on the same weights in the same run.

    python bench/compare_align.py BUILD/align_bench [EXPERTS] [ROUNDS]

Experts of Qwen3-30B-A3B's shape (width 768, model width 2048), each aligned to the first and then averaged: scores of
all pairs of neurons, the best assignment, the permutation, the sum. `plain` is that; `rescale` also balances up against
down and lets a neuron flip its sign. Two kinds: copies (shuffled, noisy: the assignment is easy) and distant (most is
the expert's own, as between trained experts: the assignment is hard). Stored in bf16, as checkpoints are, or in f32;
NumPy, which has no bf16, gets the same numbers in f32. Both sides have 2 threads; NumPy's BLAS uses them inside a
product, ours has one expert a thread. The merged experts must agree.
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

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from scipy.optimize import linear_sum_assignment

F, D = 768, 2048
TARGET = 1.5
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


def merge_with_scipy(experts, rescale):
    members = list(zip(experts["gate"], experts["up"], experts["down"]))
    if rescale:
        members[0] = balanced(*members[0])
    anchor = members[0]
    sums = [part / len(members) for part in anchor]
    for gate, up, down in members[1:]:
        if rescale:
            gate, up, down = balanced(gate, up, down)
        linear = anchor[1] @ up.T + anchor[2].T @ down
        scores = anchor[0] @ gate.T + (np.abs(linear) if rescale else linear)
        order = linear_sum_assignment(scores, maximize=True)[1]
        gate, up, down = gate[order], up[order], down[:, order]
        if rescale:
            agreement = np.einsum("fd,fd->f", anchor[1], up) + np.einsum("df,df->f", anchor[2], down)
            signs = np.where(agreement < 0, -1, 1).astype(np.float32)
            up, down = up * signs[:, None], down * signs
        for total, part in zip(sums, (gate, up, down)):
            total += part / len(members)
    return sums


def time_scipy(experts, rescale):
    begin = time.perf_counter()
    merged = merge_with_scipy(experts, rescale)
    return time.perf_counter() - begin, merged


def time_ours(program, file, mode, out):
    done = subprocess.run([program, file, mode, out, "--benchmark_format=json"], check=True, capture_output=True,
                          text=True)
    median = next(run for run in json.loads(done.stdout)["benchmarks"] if run.get("aggregate_name") == "median")
    merged = load_file(out)
    return median["real_time"], [merged[name].float().numpy() for name in ("gate", "up", "down")]


def spread(values):
    return f"{statistics.median(values):5.2f} ({min(values):.2f} to {max(values):.2f})"


def compare(program, kind, mode, dtype, count, rounds, folder):
    ours, theirs = [], []
    for seed in range(rounds):
        stored = {name: torch.from_numpy(part).to(dtype) for name, part in make_experts(kind, count, seed).items()}
        save_file(stored, folder / "experts.safetensors", metadata={"uncurl": "{}"})
        experts = {name: part.float().numpy() for name, part in stored.items()}
        seconds, merged = time_ours(program, folder / "experts.safetensors", mode, folder / "merged.safetensors")
        peer, expected = time_scipy(experts, mode == "rescale")
        for name, mine, other in zip(("gate", "up", "down"), merged, expected):
            error = np.linalg.norm(mine - other) / np.linalg.norm(other)
            if error > TOLERANCE[dtype]:
                sys.exit(f"{kind}, {mode}, seed {seed}: merged {name} differs by {error:.1e}")
        ours.append(seconds)
        theirs.append(peer)
    print(f"{str(dtype)[6:]:8} {kind:8} {mode:8} ours {spread(ours)} s   NumPy + SciPy {spread(theirs)} s   "
          f"ratio {spread([b / a for a, b in zip(ours, theirs)])}, target {TARGET}", flush=True)


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
