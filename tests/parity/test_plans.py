"""Which experts a plan keeps or merges, beside NumPy's and scikit-learn's answers, and what its options change."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import oracle
from conftest import EXPERTS_AFTER, groups_of, open_checkpoint, uncurl


@pytest.fixture(scope="module", params=["olmoe", "mixtral"])  # gates as they are, gates renormalised
def sums(request, models):
    """(family, logits and sums of both sources together by layer, from transformers)"""
    model = open_checkpoint(models.checkpoint(request.param))
    rows = models.rows(models.words) + models.rows(models.sums)
    routed = oracle.observe(model, rows)
    return request.param, {layer: {**oracle.statistics(r), "logits": r.logits} for layer, r in routed.items()}


def affinity_of(logits, experts=True, tokens=True, power=16):
    """[E,E] the default affinity, from the logits [N,E] themselves: docs/method.md section 3."""
    if experts:
        logits = logits - logits.mean(axis=0)
    if tokens:
        logits = logits - logits.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(logits, axis=0)
    return ((1 + logits.T @ logits / np.outer(norms, norms)) / 2) ** power


SCORES = {
    ("frequency",): lambda s: s["count"],
    ("soft-frequency",): lambda s: s["gate_sum"],
    ("ean",): lambda s: s["norm_sum"],
    ("reap",): lambda s: s["gate_norm_sum"] / s["count"],
    ("reap", "--renormalize-gates"): lambda s: s["renormalized_gate_norm_sum"] / s["count"],
    ("man",): lambda s: s["norm_sum"] / s["count"],
    ("msan",): lambda s: s["norm_square_sum"] / s["count"],
    ("easy-ep",): lambda s: s["change_gate_norm_sum"],
}


@pytest.mark.parametrize("method", SCORES, ids="".join)
def test_the_experts_kept_are_those_of_the_highest_scores(tmp_path, models, sums, method):
    family, expected = sums
    plan = models.plan(tmp_path / "plan.json", family, "--method", *method)
    for layer in plan["layers"]:
        ranking = np.argsort(-SCORES[method](expected[layer["layer"]]), kind="stable")
        assert [g[0] for g in groups_of(layer)] == sorted(ranking[: EXPERTS_AFTER[family]].tolist())


def groups_of_nearest_anchors(s, anchors, **affinity):
    nearest = affinity_of(s["logits"], **affinity)[:, anchors].argmax(axis=1)
    return [sorted({int(a)} | {e for e in range(len(nearest)) if e not in anchors and nearest[e] == i})
            for i, a in enumerate(anchors)]


def test_frequency_merge_joins_each_expert_to_the_nearest_anchor(tmp_path, models, sums):
    family, expected = sums
    plan = models.plan(tmp_path / "plan.json", family, "--method", "frequency-merge")
    for layer in plan["layers"]:
        s = expected[layer["layer"]]
        anchors = np.sort(np.argsort(-s["count"], kind="stable")[: EXPERTS_AFTER[family]])
        assert groups_of(layer) == groups_of_nearest_anchors(s, anchors)


# The paper's affinity: cosines of raw logits, (1 + S) / 2. No power of it changes which anchor is nearest.
MC_SMOE = ("--method", "mc-smoe", "--centering", "none")


def test_mc_smoe_takes_the_most_used_experts_of_all_layers(tmp_path, models, sums):
    """Its code: shares of choices, the top_k of each layer set to 1, and the (layers x G + 1)-th largest a threshold."""
    family, expected = sums
    top_k, layers = {"olmoe": 3, "mixtral": 2}[family], sorted(expected)
    shares = np.array([expected[layer]["count"] / expected[layer]["count"].sum() for layer in layers])
    raised = shares.copy()
    np.put_along_axis(raised, np.argsort(-shares, kind="stable")[:, :top_k], 1, axis=1)
    average = {"olmoe": 6, "mixtral": 4}[family]  # where the layers do differ
    threshold = np.sort(raised, axis=None)[::-1][average * len(layers)]
    plan = models.plan(tmp_path / "plan.json", family, *MC_SMOE, "--allow-mixed-counts", experts=average)
    sizes = [len(layer["groups"]) for layer in plan["layers"]]
    assert sum(sizes) == average * len(layers) and len(set(sizes)) > 1
    for row, layer in zip(raised, plan["layers"]):
        anchors = np.flatnonzero(row > threshold)
        found = groups_of_nearest_anchors(expected[layer["layer"]], anchors, experts=False, tokens=False, power=1)
        assert groups_of(layer) == found


def test_mc_smoe_with_one_number_for_all_layers_is_frequency_merge_and_says_so(tmp_path, models, sums):
    family, _ = sums
    uniform = models.plan(tmp_path / "plan.json", family, "--method", "mc-smoe")
    other = models.plan(tmp_path / "other.json", family, "--method", "frequency-merge")
    assert [layer["groups"] for layer in uniform["layers"]] == [layer["groups"] for layer in other["layers"]]
    printed = uncurl("plan", models.checkpoint(family), models.stats(family), "--experts", EXPERTS_AFTER[family],
                     "--method", "mc-smoe", "-o", tmp_path / "third.json")
    assert "--allow-mixed-counts lets layers differ" in printed


AFFINITIES = {
    ("--centering", "none", "--affinity-power", "1"): dict(experts=False, tokens=False, power=1),
    ("--centering", "token", "--affinity-power", "3"): dict(experts=False, power=3),
    ("--centering", "expert"): dict(tokens=False),
}


@pytest.mark.parametrize("options", AFFINITIES, ids=" ".join)
def test_the_affinity_is_as_the_options_say(tmp_path, models, sums, options):
    family, expected = sums
    plan = models.plan(tmp_path / "plan.json", family, *options)
    for layer in plan["layers"]:
        affinity = affinity_of(expected[layer["layer"]]["logits"], **AFFINITIES[options])
        assert sorted(groups_of(layer)) == groups_of_labels(by_ng_jordan_weiss(affinity, EXPERTS_AFTER[family]))


# ---- Mixtures of sources -------------------------------------------------------------------------------------------

def counts_of_sources(stats, layer):
    found = load_file(stats)
    return [(found[f"layers.{layer}.sources.{s}.count"], found[f"layers.{layer}.sources.{s}.num_tokens"].item())
            for s in (0, 1)]


def test_weights_scale_the_sums_of_each_source(tmp_path, models):
    """The weights of merged experts are shares of the mixed counts: f_s = w_s / sum(w) * sum(t) / t_s."""
    plan = models.plan(tmp_path / "plan.json", "olmoe", "--weights", "3,1")
    for layer in plan["layers"]:
        sources = counts_of_sources(models.stats("olmoe"), layer["layer"])
        mixed = sum(weight / 4 * count / tokens for weight, (count, tokens) in zip((3, 1), sources))
        merged = [group for group in layer["groups"] if isinstance(group, dict)]
        assert merged
        for group in merged:
            share = mixed[group["members"]]
            assert np.allclose(group["weights"], share / share.sum(), rtol=1e-12)
            assert group["anchor"] == group["members"][int(share.argmax())]


def test_weights_at_observe_equal_weights_at_plan(tmp_path, models):
    stats = tmp_path / "stats.safetensors"
    uncurl("observe", models.checkpoint("olmoe"), "--task", f"{models.words}:3", "--task", f"{models.sums}:1",
           "--held-out", models.held_out, "-o", stats)
    uncurl("plan", models.checkpoint("olmoe"), stats, "--experts", 4, "-o", tmp_path / "observed.json")
    later = models.plan(tmp_path / "later.json", "olmoe", "--weights", "3,1")
    assert json.loads((tmp_path / "observed.json").read_text())["layers"] == later["layers"]
    assert models.plan(tmp_path / "plain.json", "olmoe")["layers"] != later["layers"]


# ---- Clusters and planted groups -----------------------------------------------------------------------------------

EXPERTS, PROTOTYPES, COPIES = 12, 4, 3
PLANTED = [[0, 5, 9], [1, 4, 10], [2, 7, 8], [3, 6, 11]]  # members of each prototype
NOISE = 1e-3


def planted_groups(tied):
    """Router rows that are their prototype's direction plus `tied` noise."""
    def edit(model):
        generator = torch.Generator().manual_seed(11)
        for block in oracle.moe_layers(model).values():
            rows = block.gate.weight
            for members in PLANTED:
                rows[members] = rows[members[0]] + tied * torch.randn((COPIES, rows.shape[1]), generator=generator)
    return edit


def plant_copies(model):
    """Experts that are copies of four: neurons permuted, up and down scaled and negated, every weight slightly off."""
    planted_groups(1e-4)(model)
    generator = torch.Generator().manual_seed(12)
    for block in oracle.moe_layers(model).values():
        experts = block.experts
        width = experts.down_proj.shape[-1]
        for members in PLANTED:
            gate, up = experts.gate_up_proj[members[0]].clone().chunk(2)
            down = experts.down_proj[members[0]].clone()
            for member in members:
                order = torch.randperm(width, generator=generator)
                scale = torch.exp(torch.randn(width, generator=generator))
                scale *= torch.randint(0, 2, (width,), generator=generator) * 2 - 1
                parts = [gate[order], up[order] * scale[:, None], down[:, order] / scale]
                parts = [p * (1 + NOISE * torch.randn(p.shape, generator=generator)) for p in parts]
                experts.gate_up_proj[member] = torch.cat(parts[:2])
                experts.down_proj[member] = parts[2]


PLANTED_SIZES = dict(num_experts=EXPERTS, mlp_only_layers=[])


@pytest.fixture(scope="module")
def clustered(models, tmp_path_factory):
    """(checkpoint whose experts fall into groups by their logits, its statistics, Routed of its layers)"""
    folder = tmp_path_factory.mktemp("clustered")
    models.build(folder / "model", "qwen3_moe", planted_groups(0.1), **PLANTED_SIZES)
    uncurl("observe", folder / "model", *models.tasks, "-o", folder / "stats.safetensors")
    routed = oracle.observe(open_checkpoint(folder / "model"), models.rows(models.words) + models.rows(models.sums))
    return folder / "model", folder / "stats.safetensors", routed


def by_ng_jordan_weiss(affinity, num_groups):
    """Their section 2: no loops, D^-1/2 A D^-1/2, its largest eigenvectors, rows of length 1, k-means."""
    kmeans = pytest.importorskip("sklearn.cluster").KMeans(num_groups, n_init=50, random_state=0)
    weights = affinity - np.diag(np.diag(affinity))
    scale = weights.sum(axis=1) ** -0.5
    rows = np.linalg.eigh(weights * np.outer(scale, scale))[1][:, -num_groups:]
    return kmeans.fit_predict(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def by_scikit_learn(affinity, num_groups):
    cluster = pytest.importorskip("sklearn.cluster")
    return cluster.SpectralClustering(num_groups, affinity="precomputed", assign_labels="kmeans", n_init=50,
                                      random_state=0).fit_predict(affinity)


def groups_of_labels(labels):
    return sorted(np.flatnonzero(labels == label).tolist() for label in set(labels))


REFERENCES = pytest.mark.parametrize("options, reference", [((), by_ng_jordan_weiss),
                                                            (("--laplacian", "sklearn"), by_scikit_learn)],
                                     ids=["njw", "sklearn"])


@REFERENCES
def test_planted_groups_are_found_as_by_the_reference(tmp_path, clustered, options, reference):
    folder, stats, routed = clustered
    uncurl("plan", folder, stats, "--experts", PROTOTYPES, *options, "-o", tmp_path / "plan.json")
    for layer in json.loads((tmp_path / "plan.json").read_text())["layers"]:
        affinity = affinity_of(routed[layer["layer"]].logits)
        assert sorted(groups_of(layer)) == groups_of_labels(reference(affinity, PROTOTYPES)) == PLANTED


@REFERENCES
def test_groups_of_random_experts_are_those_of_the_reference(tmp_path, models, sums, options, reference):
    family, expected = sums
    plan = models.plan(tmp_path / "plan.json", family, *options)
    for layer in plan["layers"]:
        affinity = affinity_of(expected[layer["layer"]]["logits"])
        assert sorted(groups_of(layer)) == groups_of_labels(reference(affinity, EXPERTS_AFTER[family]))


@pytest.fixture(scope="module", params=[1, 3], ids=lambda k: f"top-{k}")
def planted(request, models, tmp_path_factory):
    """(top_k, original, pruned, plan) of a checkpoint with planted copies."""
    folder = tmp_path_factory.mktemp("planted")
    models.build(folder / "model", "qwen3_moe", plant_copies, num_experts_per_tok=request.param, **PLANTED_SIZES)
    prune_planted(models, folder, folder / "out")
    return request.param, folder / "model", folder / "out", json.loads((folder / "out" / "plan.json").read_text())


def prune_planted(models, folder, out, *options):
    uncurl("prune", folder / "model", *models.tasks, "--experts", PROTOTYPES, "--router", "anchor", *options, "-o", out)


def merge_error(original, pruned, plan):
    """Largest relative distance, over all merged experts, of f(x) from the anchor's on random inputs."""
    x = torch.randn((50, 64), generator=torch.Generator().manual_seed(13))
    before, after = (oracle.moe_layers(open_checkpoint(folder)) for folder in (original, pruned))
    errors = []
    for layer in plan["layers"]:
        for new, group in enumerate(layer["groups"]):
            expected = oracle.expert_output(before[layer["layer"]].experts, group["anchor"], x)
            found = oracle.expert_output(after[layer["layer"]].experts, new, x)
            errors.append(((found - expected).norm() / expected.norm()).item())
    return max(errors)


def test_merged_copies_are_their_prototype_to_the_noise(planted):
    _, original, pruned, plan = planted
    assert all(sorted(groups_of(layer)) == PLANTED for layer in plan["layers"])
    # Three factors off by NOISE each, and the anchor is off by as much itself.
    assert merge_error(original, pruned, plan) <= 4 * NOISE


@pytest.mark.parametrize("option", ["--no-permute", "--no-rescale"])
def test_without_alignment_copies_do_not_merge(tmp_path, models, planted, option):
    _, original, _, _ = planted
    prune_planted(models, original.parent, tmp_path / "out", option)
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert merge_error(original, tmp_path / "out", plan) > 0.1


def test_planted_copies_change_no_logit_beyond_the_noise(models, planted):
    """Written, where the best prototype takes the whole token; with all old rows mapped onto the groups in any case."""
    top_k, original, pruned, plan = planted
    rows = models.rows(models.held_out)
    reference, merged = open_checkpoint(original), open_checkpoint(pruned)
    expected = oracle.packed_logits(reference, rows)
    if top_k == 1:
        found = oracle.packed_logits(merged, rows)
        assert (found - expected).norm() <= 20 * NOISE * expected.norm()
    with torch.no_grad():
        for layer in plan["layers"]:
            old, new = (oracle.moe_layers(model)[layer["layer"]].experts for model in (reference, merged))
            for group, members in enumerate(groups_of(layer)):
                old.gate_up_proj[members] = new.gate_up_proj[group]
                old.down_proj[members] = new.down_proj[group]
    mapped = oracle.packed_logits(reference, rows)
    assert (mapped - expected).norm() <= 20 * NOISE * expected.norm()


# ---- Options -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["uncurl", "frequency-merge", "reap", "random"])
def test_protected_experts_stay_alone(tmp_path, models, method):
    plan = models.plan(tmp_path / "plan.json", "olmoe", "--method", method, "--protect", "0:2,6", "--protect", "2:1")
    groups = {layer["layer"]: layer["groups"] for layer in plan["layers"]}
    assert 2 in groups[0] and 6 in groups[0] and 1 in groups[2]
    assert all(len(part) == EXPERTS_AFTER["olmoe"] for part in groups.values())


@pytest.mark.parametrize("method", ["uncurl", "frequency-merge"])
def test_no_group_is_larger_than_allowed(tmp_path, models, method):
    plan = models.plan(tmp_path / "plan.json", "olmoe", "--method", method, "--max-cluster-size", 2)
    for layer in plan["layers"]:
        assert [len(members) for members in groups_of(layer)] == [2, 2, 2, 2]


def test_a_layer_may_take_another_method(tmp_path, models):
    plan = models.plan(tmp_path / "plan.json", "olmoe", "--layer-method", "0:frequency", "--router", "wmean")
    alone = models.plan(tmp_path / "alone.json", "olmoe", "--method", "frequency")
    plain = models.plan(tmp_path / "plain.json", "olmoe", "--router", "wmean")
    assert plan["layers"] == [alone["layers"][0], *plain["layers"][1:]]
    assert [layer["router"] for layer in plan["layers"]] == ["slice", "wmean", "wmean"]


def test_mixed_counts_are_written_and_reopened(tmp_path, models):
    models.plan(tmp_path / "plan.json", "olmoe", "--method", "reap", "--allow-mixed-counts", "--layer-experts", "1:6")
    uncurl("apply", models.checkpoint("olmoe"), tmp_path / "plan.json", "-o", tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["uncurl_num_experts_per_layer"] == [4, 6, 4]
    uncurl("prune", tmp_path / "out", *models.tasks, "--experts", 3, "--method", "reap", "-o", tmp_path / "again")
    config = json.loads((tmp_path / "again" / "config.json").read_text())
    assert "uncurl_num_experts_per_layer" not in config
    assert 3 in (config.get("num_experts"), config.get("num_local_experts"))


@pytest.mark.parametrize("family", ["olmoe", "qwen2_moe"])
def test_compensation_is_the_least_squares_fit_of_the_old_gates(tmp_path, models, family):
    """Of the tokens that choose an expert after dropping: scale = sum(old new) / sum(new new); docs/method.md 5."""
    model = open_checkpoint(models.checkpoint(family))
    routed = oracle.observe(model, models.rows(models.words) + models.rows(models.sums))
    plan = models.plan(tmp_path / "plan.json", family, "--method", "reap", "--compensate")
    for layer in plan["layers"]:
        kept = [members[0] for members in groups_of(layer)]
        old = routed[layer["layer"]].scores[:, kept]
        new = old / old.sum(axis=1, keepdims=True)
        top_k = routed[layer["layer"]].ids.shape[1]
        chosen = old >= np.sort(old, axis=1)[:, [-top_k]]
        expected = (chosen * old * new).sum(axis=0) / (chosen * new * new).sum(axis=0)
        assert np.allclose([group["scale"] for group in layer["groups"]], expected, rtol=1e-4)


def test_compensation_scales_the_kept_experts_and_loses_less(tmp_path, models):
    models.plan(tmp_path / "plan.json", "olmoe", "--method", "reap", "--compensate")
    uncurl("apply", models.checkpoint("olmoe"), tmp_path / "plan.json", "-o", tmp_path / "out")
    plain = models.output("olmoe", "--method", "reap")
    scales = [g["scale"] for g in json.loads((tmp_path / "plan.json").read_text())["layers"][1]["groups"]]
    scaled, sliced = (oracle.moe_layers(open_checkpoint(f))[1].experts for f in (tmp_path / "out", plain))
    assert torch.equal(scaled.gate_up_proj, sliced.gate_up_proj)
    assert torch.allclose(scaled.down_proj, sliced.down_proj * torch.tensor(scales)[:, None, None], rtol=1e-6, atol=0)
    kl = [json.loads((f / "result.json").read_text())["held_out"][0]["kl"]["mean"] for f in (tmp_path / "out", plain)]
    assert kl[0] < kl[1]


@pytest.mark.parametrize("share, count", [(0.5, 4), (0.55, 4), (0.6, 5), (0.1, 3), (1.0, 8)])
def test_a_share_is_rounded_to_what_the_family_allows(tmp_path, models, share, count):
    """8 experts, 3 a token: 0.55 is 4.4 and 0.1 less than a token needs."""
    out = tmp_path / "plan.json"
    printed = uncurl("plan", models.checkpoint("olmoe"), models.stats("olmoe"), "--keep", share, "--method", "reap",
                     "-o", out)
    assert all(len(layer["groups"]) == count for layer in json.loads(out.read_text())["layers"])
    assert f"keeping {count}" in printed and ("(rounded)" in printed) == (share * 8 != count)


def test_the_papers_recipe_says_that_training_must_follow(tmp_path, models):
    printed = uncurl("plan", models.checkpoint("olmoe"), models.stats("olmoe"), "--experts", 4, "--paper",
                     "-o", tmp_path / "plan.json")
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert "must be trained" in printed
    assert {layer["router"] for layer in plan["layers"]} == {"reinit"}
    assert plan["align"] == {"permute": True, "rescale": False}
