"""Our linear assignment beside SciPy's, on the same matrices in the same run.

    python bench/compare_assignment.py BUILD/assignment_bench [N] [ROUNDS]

Prints, for each kind of matrix, the medians over rounds and SciPy's time divided by ours (median, least, most).
Each round makes a new matrix and times both, one right after the other; the objectives must agree.
"""
import json
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy.optimize import linear_sum_assignment

REPEATS = 5


def time_ours(program, kind, n, file, seed):
    done = subprocess.run([program, kind, str(n), file, str(seed), "--benchmark_format=json"], check=True,
                          capture_output=True, text=True)
    median = next(run for run in json.loads(done.stdout)["benchmarks"] if run.get("aggregate_name") == "median")
    return median["real_time"], median["objective"]


def time_scipy(scores):
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        rows, columns = linear_sum_assignment(scores, maximize=True)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times), scores[rows, columns].sum(dtype=np.float64)


def main():
    program = sys.argv[1]
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 768
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    print(f"linear assignment, n = {n}, {rounds} rounds, one thread")
    for kind in ("gaussian", "copy", "distant"):
        ours, theirs, ratios = [], [], []
        with tempfile.NamedTemporaryFile() as file:
            for seed in range(rounds):
                milliseconds, objective = time_ours(program, kind, n, file.name, seed)
                scores = np.fromfile(file.name, np.float32).reshape(n, n)
                peer, peer_objective = time_scipy(scores)
                if abs(objective - peer_objective) > 1e-9 * abs(peer_objective):
                    sys.exit(f"{kind}, seed {seed}: our objective is {objective}, SciPy's {peer_objective}")
                ours.append(milliseconds)
                theirs.append(peer)
                ratios.append(peer / milliseconds)
        print(f"{kind:9} ours {statistics.median(ours):8.2f} ms   SciPy {statistics.median(theirs):8.2f} ms   "
              f"ratio {statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
