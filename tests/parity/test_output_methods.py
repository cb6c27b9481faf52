"""Methods that look at the outputs of all experts on kept inputs, and what is compared, beside NumPy and SciPy."""

import itertools
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import oracle
from conftest import EXPERTS_AFTER, FAMILIES, groups_of, open_checkpoint, uncurl


@pytest.fixture(scope="module")
def with_inputs(models, tmp_path_factory):
    """family -> (checkpoint, statistics with the inputs of all tokens, their file)"""
    folder, kept = tmp_path_factory.mktemp("inputs"), {}

    def of(family):
        if family not in kept:
            path = folder / f"{family}.safetensors"
            uncurl("observe", models.checkpoint(family), *models.tasks, "--keep-inputs", 4096, "-o", path)
            kept[family] = models.checkpoint(family), load_file(path), path
        return kept[family]

    return of


def plan_of(tmp_path, family, kept, *options, experts=None):
    model, _, stats = kept
    uncurl("plan", model, stats, "--experts", experts or EXPERTS_AFTER[family], *options, "-o", tmp_path / "plan.json")
    return json.loads((tmp_path / "plan.json").read_text())


def outputs_of(block, x):
    """[E,m,D] of all experts on all kept inputs, fp64."""
    with torch.no_grad():
        experts = block.experts.double()
        return np.stack([oracle.expert_output(experts, e, torch.from_numpy(x).double()).numpy()
                         for e in range(len(experts.down_proj))])


def layers_of(kept):
    model, stats, _ = kept
    for layer, block in oracle.moe_layers(open_checkpoint(model)).items():
        yield layer, block, stats[f"layers.{layer}.sample_inputs"], stats[f"layers.{layer}.sample_logits"]


def gates_of(block, logits, kept):
    """[m,E] of a softmax router whose other experts have logits of minus infinity."""
    masked = np.full(logits.shape, -np.inf)
    masked[:, kept] = logits[:, kept]
    scores = np.exp(masked - masked.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    chosen = np.argsort(-scores, axis=1, kind="stable")[:, : block.gate.top_k]
    gates = np.zeros_like(scores)
    np.put_along_axis(gates, chosen, np.take_along_axis(scores, chosen, axis=1), axis=1)
    renormalised = type(block).__name__.startswith("Mixtral") or getattr(block.gate, "norm_topk_prob", False)
    return gates / gates.sum(axis=1, keepdims=True) if renormalised else gates


@pytest.mark.parametrize("family", FAMILIES)
def test_naee_keeps_the_subset_whose_layer_answers_most_like_the_whole(tmp_path, with_inputs, family):
    kept = with_inputs(family)
    plan = plan_of(tmp_path, family, kept, "--method", "naee")
    for found, (layer, block, x, logits) in zip(plan["layers"], layers_of(kept)):
        outputs, logits = outputs_of(block, x), logits.astype(np.float64)
        whole = gates_of(block, logits, list(range(len(outputs))))
        errors = {subset: (np.einsum("me,emd->md", whole - gates_of(block, logits, list(subset)), outputs) ** 2).sum()
                  for subset in itertools.combinations(range(len(outputs)), EXPERTS_AFTER[family])}
        assert found["layer"] == layer and found["router"] == "slice"
        subset = tuple(members[0] for members in groups_of(found))
        assert errors[subset] <= min(errors.values()) * (1 + 1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_hc_smoe_joins_experts_by_the_average_distance_of_mean_outputs(tmp_path, with_inputs, family):
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    kept = with_inputs(family)
    plan = plan_of(tmp_path, family, kept, "--method", "hc-smoe")
    for found, (_, block, x, _) in zip(plan["layers"], layers_of(kept)):
        tree = hierarchy.linkage(outputs_of(block, x).mean(axis=1), "average")
        labels = hierarchy.fcluster(tree, EXPERTS_AFTER[family], "maxclust")
        assert sorted(groups_of(found)) == sorted(np.flatnonzero(labels == label).tolist() for label in set(labels))


def ream_similarity(block, x, logits, raw_gram):
    """docs/method.md section 3; the logits of all tokens are in the statistics as their Gram matrix."""
    cosine = lambda gram: np.clip(gram / np.sqrt(np.outer(np.diag(gram), np.diag(gram))), -1, 1)
    distance = np.sqrt(np.maximum(0, 2 - 2 * cosine(raw_gram)))
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    outputs = np.einsum("me,emd->ed", scores, outputs_of(block, x))
    return (1 - distance / distance.max() + (1 + cosine(outputs @ outputs.T)) / 2) / 2


def ream_groups(saliency, similarity, count, limit):
    centroids = np.argsort(-saliency, kind="stable")[:count].tolist()
    left, groups = set(range(len(saliency))) - set(centroids), {}
    for centroid in centroids:
        taken = sorted(left, key=lambda e: -similarity[centroid, e])[: limit - 1]
        left -= set(taken)
        groups[centroid] = sorted([centroid, *taken])
    return groups


@pytest.mark.parametrize("limit", [3, None])
@pytest.mark.parametrize("family", ["olmoe", "mixtral"])
def test_ream_lets_the_strongest_experts_take_the_most_similar(tmp_path, with_inputs, family, limit):
    kept = with_inputs(family)
    options = ["--max-cluster-size", limit] if limit else []
    plan = plan_of(tmp_path, family, kept, "--method", "ream", *options)
    for found, (layer, block, x, logits) in zip(plan["layers"], layers_of(kept)):
        total = lambda name: sum(kept[1][f"layers.{layer}.sources.{source}.{name}"] for source in (0, 1))
        saliency = total("gate_norm_sum") / total("count")
        similarity = ream_similarity(block, x, logits.astype(np.float64), total("gram"))
        groups = ream_groups(saliency, similarity, EXPERTS_AFTER[family], limit or 16)
        assert found["router"] == "anchor" and found["match"] == "weights-and-activations"
        assert groups_of(found) == [groups[centroid] for centroid in sorted(groups)]
        for group in found["groups"]:
            if isinstance(group, dict):
                share = saliency[group["members"]]
                assert np.allclose(group["weights"], share / share.sum(), rtol=1e-9)


@pytest.mark.parametrize("linkage", ["single", "average", "complete"])
def test_ream_clusters_at_the_distances_of_its_similarity(tmp_path, with_inputs, linkage):
    hierarchy, distance = pytest.importorskip("scipy.cluster.hierarchy"), pytest.importorskip("scipy.spatial.distance")
    kept = with_inputs("olmoe")
    plan = plan_of(tmp_path, "olmoe", kept, "--method", "ream", "--clustering", f"agglomerative-{linkage}")
    for found, (layer, block, x, logits) in zip(plan["layers"], layers_of(kept)):
        gram = sum(kept[1][f"layers.{layer}.sources.{source}.gram"] for source in (0, 1))
        similarity = ream_similarity(block, x, logits.astype(np.float64), gram)
        distances = distance.squareform(np.sqrt(np.maximum(0, 2 - 2 * similarity)), checks=False)
        labels = hierarchy.fcluster(hierarchy.linkage(distances, linkage), EXPERTS_AFTER["olmoe"], "maxclust")
        assert sorted(groups_of(found)) == sorted(np.flatnonzero(labels == label).tolist() for label in set(labels))


def neurons_of(block, expert, x):
    """Unit vectors of weights and of activations [F, ...], and the parts they come from, fp64."""
    gate, up = np.split(block.experts.gate_up_proj[expert].detach().double().numpy(), 2)
    down = block.experts.down_proj[expert].detach().double().numpy()
    a = x.astype(np.float64) @ gate.T
    activations = (a / (1 + np.exp(-a)) * (x.astype(np.float64) @ up.T)).T
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit(np.hstack([gate, up, down.T])), unit(activations), (gate, up, down)


def test_ream_aligns_by_weights_and_activations_before_it_averages(tmp_path, models, with_inputs):
    optimize, distance = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.spatial.distance")
    kept = with_inputs("olmoe")
    plan = plan_of(tmp_path, "olmoe", kept, "--method", "ream", "--no-rescale")
    uncurl("apply", kept[0], tmp_path / "plan.json", "-o", tmp_path / "out")
    after, moved = oracle.moe_layers(open_checkpoint(tmp_path / "out")), 0
    for found, (layer, block, x, _) in zip(plan["layers"], layers_of(kept)):
        for new, group in enumerate(found["groups"]):
            if not isinstance(group, dict):
                continue
            weights, answers, _ = neurons_of(block, group["anchor"], x)
            expected = 0
            for member, share in zip(group["members"], group["weights"]):
                own_weights, own_answers, (gate, up, down) = neurons_of(block, member, x)
                cost = distance.cdist(weights, own_weights) + distance.cdist(answers, own_answers)
                order = optimize.linear_sum_assignment(cost)[1]
                moved += (order != np.arange(len(order))).any()
                expected = expected + share * np.hstack([gate[order], up[order], down[:, order].T])
            gate, up = np.split(after[layer].experts.gate_up_proj[new].detach().double().numpy(), 2)
            result = np.hstack([gate, up, after[layer].experts.down_proj[new].detach().double().numpy().T])
            assert np.abs(result - expected).max() <= 1e-6
    assert moved > 0


def weights_of(block, with_down):
    gate_up = block.experts.gate_up_proj.detach().double().flatten(1)
    down = block.experts.down_proj.detach().double().flatten(1)
    return (torch.cat([gate_up, down], dim=1) if with_down else gate_up).numpy()


def unit_logits(logits):
    logits = logits - logits.mean(axis=0)
    logits = logits - logits.mean(axis=1, keepdims=True)
    return (logits / np.linalg.norm(logits, axis=0)).T


COMPARED = {
    "router-rows": lambda block, x, logits: block.gate.weight.detach().double().numpy(),
    "weights": lambda block, x, logits: weights_of(block, with_down=True),
    "gate-up": lambda block, x, logits: weights_of(block, with_down=False),
    "expert-outputs": lambda block, x, logits: outputs_of(block, x).mean(axis=1),
    "router-logits": lambda block, x, logits: unit_logits(logits.astype(np.float64)),
}


@pytest.mark.parametrize("linkage", ["single", "average", "complete", "ward"])
@pytest.mark.parametrize("compare", COMPARED)
def test_any_linkage_of_anything_compared_is_scipys(tmp_path, with_inputs, compare, linkage):
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    kept = with_inputs("olmoe")
    plan = plan_of(tmp_path, "olmoe", kept, "--compare", compare, "--clustering", f"agglomerative-{linkage}")
    for found, (_, block, x, logits) in zip(plan["layers"], layers_of(kept)):
        labels = hierarchy.fcluster(hierarchy.linkage(COMPARED[compare](block, x, logits), linkage), 4, "maxclust")
        assert sorted(groups_of(found)) == sorted(np.flatnonzero(labels == label).tolist() for label in set(labels))


@pytest.mark.parametrize("compare", ["router-rows", "expert-outputs", "weights"])
def test_spectral_clustering_takes_cosines_of_what_is_compared(tmp_path, with_inputs, compare):
    cluster = pytest.importorskip("sklearn.cluster")
    kept = with_inputs("olmoe")
    plan = plan_of(tmp_path, "olmoe", kept, "--compare", compare, "--laplacian", "sklearn", "--affinity-power", 2,
                   "--centering", "none")
    for found, (_, block, x, logits) in zip(plan["layers"], layers_of(kept)):
        vectors = COMPARED[compare](block, x, logits)
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        labels = cluster.SpectralClustering(4, affinity="precomputed", assign_labels="kmeans", n_init=50,
                                            random_state=0).fit_predict(((1 + units @ units.T) / 2) ** 2)
        assert sorted(groups_of(found)) == sorted(np.flatnonzero(labels == label).tolist() for label in set(labels))


@pytest.mark.parametrize("compare", ["router-rows", "expert-outputs", "weights"])
def test_frequency_merge_joins_the_nearest_by_what_is_compared(tmp_path, with_inputs, compare):
    kept = with_inputs("olmoe")
    plan = plan_of(tmp_path, "olmoe", kept, "--method", "frequency-merge", "--compare", compare)
    for found, (layer, block, x, logits) in zip(plan["layers"], layers_of(kept)):
        counts = sum(kept[1][f"layers.{layer}.sources.{source}.count"] for source in (0, 1))
        anchors = sorted(np.argsort(-counts, kind="stable")[:4].tolist())
        vectors = COMPARED[compare](block, x, logits)
        groups = {anchor: [anchor] for anchor in anchors}
        for e in set(range(8)) - set(anchors):
            groups[min(anchors, key=lambda anchor: ((vectors[e] - vectors[anchor]) ** 2).sum())].append(e)
        assert groups_of(found) == [sorted(groups[anchor]) for anchor in anchors]


@pytest.mark.parametrize("options, complaint", [
    (("--method", "reap", "--clustering", "kmeans"), "--clustering has no effect"),
    (("--method", "frequency-merge", "--clustering", "kmeans"), "it is for uncurl, hc-smoe, ream, mergemoe"),
    (("--method", "reap", "--compare", "weights"), "--compare has no effect"),
    (("--method", "naee", "--compare", "weights"), "--compare has no effect"),
    (("--method", "ream", "--centering", "none"), "--centering has no effect"),
    (("--clustering", "kmeans", "--affinity-power", 2), "--affinity-power has no effect"),
    (("--clustering", "kmeans", "--laplacian", "njw"), "--laplacian has no effect"),
    (("--clustering", "kmeans", "--compare", "weights", "--centering", "none"), "--centering has no effect"),
    (("--clustering", "agglomerative-ward", "--num-restarts", 3), "--num-restarts has no effect"),
    (("--clustering", "agglomerative-ward", "--seed", 3), "--seed has no effect"),
    (("--clustering", "agglomerative-ward", "--max-cluster-size", 3), "cannot hold groups to a --max-cluster-size"),
    (("--clustering", "balanced", "--max-cluster-size", 3), "cannot hold groups to a --max-cluster-size"),
    (("--method", "frequency-merge", "--affinity-power", 2), "--affinity-power has no effect"),
    (("--paper", "--compare", "weights"), "does not go with options that change it"),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "_".join(map(str, value)))
def test_options_without_effect_are_refused(tmp_path, models, options, complaint):
    printed = uncurl("plan", models.checkpoint("olmoe"), models.stats("olmoe"), "--experts", 4, *options,
                     "-o", tmp_path / "plan.json", expect=2)
    assert complaint in printed


def test_outputs_are_compared_only_where_inputs_were_kept(tmp_path, models):
    for options in (("--method", "naee"), ("--method", "ream"), ("--method", "hc-smoe"),
                    ("--compare", "expert-outputs")):
        printed = uncurl("plan", models.checkpoint("olmoe"), models.stats("olmoe"), "--experts", 4, *options,
                         "-o", tmp_path / "plan.json", expect=1)
        assert "looks at the inputs of layer 0" in printed and "--keep-inputs 4096" in printed


@pytest.mark.parametrize("method", ["naee", "hc-smoe", "ream"])
def test_prune_keeps_the_inputs_and_no_thread_changes_a_byte(tmp_path, models, method):
    files = []
    for threads in (1, 2):
        out = tmp_path / str(threads) / "out"
        out.parent.mkdir()
        uncurl("prune", models.checkpoint("qwen3_moe"), *models.tasks, "--experts", 4, "--method", method,
               "--threads", threads, "-o", out)
        files.append([path.read_bytes() for path in sorted(out.glob("*.safetensors"))])
    assert files[0] and files[0] == files[1]
