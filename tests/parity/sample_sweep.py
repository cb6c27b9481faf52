"""A made-up sweep.json that has every part the report can show: the shape of docs/formats.md, numbers of no model.

The best merging and dropping methods, the threshold and the hardest layer are planted, so that a test knows which sentence
the page must find in them.
"""

import math
import random

METHODS = {"reap": 0.5, "frequency": 0.8, "uncurl": 2.2, "frequency-merge": 1.2, "mc-smoe": 1.6, "hc-smoe": 0.9, "ream": 0.7,
           "naee": 0.6, "mergemoe": 1.0, "easy-ep": 0.55, "man": 0.75, "random": 6.0}
MERGING = ["uncurl", "frequency-merge", "mc-smoe", "hc-smoe"]
TASKS = ["math", "code", "shakespeare"]
ORIGINAL_LOSS = {"math": 3.2, "code": 2.6, "shakespeare": 3.9}


def estimate(value, half):
    return {"value": value, "low": value - half, "high": value + half}


def measured(task, loss, kl, agreement, metric=None):
    half = 0.03 + 0.02 * kl
    score = {"metric": "acc", "n": 400, **estimate(metric, 0.04)} if metric else None
    return {"task": task, "tokens": 4096, "loss": estimate(loss, half),
            "perplexity": {"value": math.exp(loss), "low": math.exp(loss - half), "high": math.exp(loss + half)},
            "kl": estimate(kl, 0.1 * kl), "agreement": estimate(agreement, 0.02), "score": score}


def results(extra, rng):
    rows = []
    for task in TASKS:
        kl = extra * rng.uniform(0.9, 1.1)
        metric = 0.62 * math.exp(-kl / 2) if task == "math" else None
        rows.append(measured(task, ORIGINAL_LOSS[task] + kl, kl, math.exp(-kl), metric))
    mean = sum(row["kl"]["value"] for row in rows) / len(rows)
    rows.append(measured("all", sum(ORIGINAL_LOSS.values()) / 3 + mean, mean, math.exp(-mean)))
    return rows


def shares(experts, rng):
    raw = [rng.expovariate(1) ** 2 for _ in range(experts)]
    return [value / sum(raw) for value in raw]


def groups_of(cluster, count):
    """The planted clusters joined until `count` are left, then experts alone."""
    groups = [[] for _ in range(count)]
    for expert, label in enumerate(cluster):
        groups[label % count].append(expert)
    return [group for group in groups if group]


def layer_of(layer, experts, counts, rng):
    cluster = [rng.randrange(max(2, experts // 4)) for _ in range(experts)]
    affinity = [[1.0 if a == b else 0.0 for b in range(experts)] for a in range(experts)]
    for a in range(experts):
        for b in range(a):
            value = rng.uniform(0.5, 0.9) if cluster[a] == cluster[b] else rng.uniform(0, 0.3)
            affinity[a][b] = affinity[b][a] = value
    hardness = 3 if layer == 2 else 1 + 0.1 * layer
    return {"layer": layer, "usage": [shares(experts, rng) for _ in TASKS], "affinity": affinity,
            "error": {name: {str(g): min(0.95, 0.03 * weight * hardness * (experts / g - 1)) for g in counts}
                      for name, weight in METHODS.items()},
            "groups": {name: {str(g): groups_of(cluster, g) for g in counts} for name in MERGING}}


def sample_sweep(layers=4, experts=32, name="tiny-qwen3-moe"):
    rng = random.Random(7)
    counts = [experts * part // 8 for part in (6, 4, 2, 1)]
    points = []
    for method, weight in METHODS.items():
        for count in counts:
            extra = 0.04 * weight * (experts / count - 1) ** 1.5
            points.append({"method": method, "router": "wmean", "experts": count, "mixed": False,
                           "parameters": 2_886_144 + 394_240 * count, "bytes": 2 * (2_886_144 + 394_240 * count),
                           "predicted_speed": 1 + 0.1 * (experts / count - 1), "predicted_error": extra * rng.uniform(0.6, 1.4),
                           "seconds": rng.uniform(4, 9), "results": results(extra, rng)})
    fewest = {"reap": (counts[1], counts[1], counts[0]), "easy-ep": (counts[0], counts[0], counts[0])}
    best = [i for i, point in enumerate(points) if point["method"] == "reap"]
    return {
        "kind": "sweep", "version": 1, "uncurl": "0.1.0",
        "command": "uncurl sweep examples/tiny-qwen3-moe --task math --task code --task shakespeare "
                   "--methods all --experts " + ",".join(map(str, counts)),
        "model": {"name": name, "family": "qwen3_moe", "layers": layers, "moe_layers": list(range(layers)), "experts": experts,
                  "top_k": 4, "parameters": 15_501_824, "active_parameters": 4_463_104, "bytes": 31_003_648},
        "tasks": [{"name": task, "observed_tokens": 30000, "held_out_tokens": 4096, "weight": 1} for task in TASKS],
        "original": {"results": [measured(task, loss, 0, 1, 0.63 if task == "math" else None)
                                 for task, loss in {**ORIGINAL_LOSS, "all": sum(ORIGINAL_LOSS.values()) / 3}.items()]},
        "points": points,
        "threshold": {"tolerance": 0.05, "measure": "loss", "methods": [
            {"method": method, **dict(zip(("experts", "low", "high"), fewest.get(method, (None, None, None))))}
            for method in METHODS]},
        "pareto": best,
        "prediction": {"spearman": estimate(0.87, 0.08), "pairs": len(points)},
        "layers": [layer_of(layer, experts, counts, rng) for layer in range(layers)],
        "cross_task": {"method": "reap", "experts": counts[1], "tasks": TASKS,
                       "kl": [[estimate(0.08 if a == b else 0.2 + 0.3 * (a == "shakespeare") + 0.11 * (b == "code"), 0.02)
                               for b in TASKS] for a in TASKS],
                       "overlap": [[1.0 if a == b else 0.55 if "shakespeare" in (a, b) else 0.78 for b in TASKS]
                                   for a in TASKS]},
        "timings": {"observe": 31.2, "plan": 44.0, "points": 402.5, "cross_task": 61.0},
    }


if __name__ == "__main__":
    import json
    import sys
    json.dump(sample_sweep(*map(int, sys.argv[1:3])), sys.stdout)
