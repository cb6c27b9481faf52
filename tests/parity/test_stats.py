"""Statistics of `uncurl observe` beside NumPy's, from transformers' hooks, for every family and source."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import oracle
from conftest import FAMILIES, open_checkpoint, uncurl

SUMS = ["gram", "logit_sum", "score_sum", "count", "gate_sum", "norm_sum", "norm_square_sum", "gate_norm_sum",
        "renormalized_gate_norm_sum", "change_gate_norm_sum", "norm_max", "num_tokens"]


@pytest.fixture(scope="module", params=FAMILIES)
def observed(request, models):
    """(what the file holds, what transformers says by source and layer) of one family."""
    model = open_checkpoint(models.checkpoint(request.param))
    sources = [oracle.observe(model, models.rows(path)) for path in (models.words, models.sums)]
    return load_file(models.stats(request.param)), sources


@pytest.mark.parametrize("name", SUMS)
def test_sums_equal_numpy(observed, name):
    found, sources = observed
    for number, source in enumerate(sources):
        for layer, routed in source.items():
            expected = oracle.statistics(routed)[name]
            actual = found[f"layers.{layer}.sources.{number}.{name}"]
            assert actual.shape == expected.shape and actual.dtype == np.float64
            # Experts of few tokens are held to their own size; a logit that nearly cancels to the largest one's.
            allowed = 1e-4 * (np.abs(expected).max() if name in ("gram", "logit_sum") else np.abs(expected))
            assert (np.abs(actual - expected) <= allowed).all()


def test_the_sample_of_few_tokens_is_all_of_them(observed):
    found, sources = observed
    lengths = [len(next(iter(source.values())).logits) for source in sources]
    tokens = found["sample_tokens"]
    assert sorted(tokens) == list(range(sum(lengths)))
    assert (found["sample_source"] == (tokens >= lengths[0])).all()
    for layer in sources[0]:
        expected = np.concatenate([source[layer].logits for source in sources])[tokens]
        assert np.abs(found[f"layers.{layer}.sample_logits"] - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("family", FAMILIES)
def test_inputs_that_are_kept_are_transformers(tmp_path, models, family):
    path = tmp_path / "stats.safetensors"
    printed = uncurl("observe", models.checkpoint(family), *models.tasks, "--keep-inputs", 50, "-o", path)
    assert "keeping   the inputs of 50 tokens" in printed
    found = load_file(path)
    assert np.array_equal(found["sample_tokens"], load_file(models.stats(family))["sample_tokens"])
    rows = models.rows(models.words) + models.rows(models.sums)
    for layer, routed in oracle.observe(open_checkpoint(models.checkpoint(family)), rows).items():
        inputs = found[f"layers.{layer}.sample_inputs"]
        assert inputs.shape == (50, 64)
        expected = routed.inputs[found["sample_tokens"][:50]]
        assert np.abs(inputs - expected).max() <= 1e-4 * np.abs(expected).max()


def test_dense_layers_have_no_statistics(models):
    found = load_file(models.stats("qwen3_moe"))
    assert not any(name.startswith("layers.1.") for name in found)


def test_rows_that_are_held_out_reach_no_statistic(models):
    """The held-out rows were named, so all others must be counted: 60 and 40, and the file says so."""
    with safe_open(models.stats("olmoe"), "np") as file:
        sources = json.loads(file.metadata()["uncurl"])["sources"]
        begins = file.get_tensor("held_out.begins")
    assert [source["rows"] for source in sources] == [60, 40]
    assert [source["tokens"] for source in sources] == [sum(map(len, models.rows(p))) for p in (models.words, models.sums)]
    assert np.diff(begins).tolist() == [len(row) for row in models.rows(models.held_out)]


def test_long_rows_are_cut_and_counted(tmp_path, models):
    path = tmp_path / "stats.safetensors"
    uncurl("observe", models.checkpoint("olmoe"), *models.tasks, "--sequence-length", 12, "-o", path)
    with safe_open(path, "np") as file:
        sources = json.loads(file.metadata()["uncurl"])["sources"]
    lengths = [[len(row) for row in models.rows(p)] for p in (models.words, models.sums)]
    assert [source["cut_rows"] for source in sources] == [sum(n > 12 for n in part) for part in lengths]
    assert [source["tokens"] for source in sources] == [sum(min(n, 12) for n in part) for part in lengths]
    assert [source["longest_row"] for source in sources] == [max(part) for part in lengths]


def test_a_tenth_of_the_records_is_held_out_by_default(tmp_path, models):
    path = tmp_path / "stats.safetensors"
    printed = uncurl("observe", models.checkpoint("olmoe"), "--task", models.words, "-o", path)
    with safe_open(path, "np") as file:
        source = json.loads(file.metadata()["uncurl"])["sources"][0]
    assert source["rows"] + source["held_out_rows"] == source["records"] == 60
    assert 1 <= source["held_out_rows"] <= 15  # 60 draws of a tenth: beyond either end in 1 of 500 hashes
    assert "held-out rows" in printed and "never used" in printed
