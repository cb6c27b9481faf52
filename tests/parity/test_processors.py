"""`prune` as other processors run it: oneDNN and our vector loops are told to use less than this one has."""

import json
import os

import pytest
import torch

import oracle
from conftest import expect_error, open_checkpoint, uncurl

# The processors that oneDNN tells apart: none with AVX-512, Skylake-SP, Cascade Lake and Ice Lake, Cooper Lake and Zen 4.
PROCESSORS = [{"ONEDNN_MAX_CPU_ISA": isa} for isa in
              ("AVX2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16", "DEFAULT")]
LEVELS = [{"UNCURL_CPU": level} for level in ("baseline", "v3", "v4")]


def prune(models, folder, out, settings):
    """Runs a merging `prune` and returns its result.json; skips where this processor is not what the settings ask for."""
    level = settings.get("UNCURL_CPU")
    flags = open("/proc/cpuinfo").read()
    if (level == "v3" and " avx2" not in flags) or (level == "v4" and " avx512vl" not in flags):
        pytest.skip(f"this processor has no {level}")
    uncurl("prune", folder, *models.tasks, "--method", "frequency-merge", "--experts", 4, "-o", out,
           env={**os.environ, **settings})
    return json.loads((out / "result.json").read_text())


@pytest.mark.parametrize("settings", PROCESSORS + LEVELS, ids=lambda s: "-".join(s.values()))
def test_f32_equals_transformers_on_every_processor(tmp_path, models, settings):
    folder = models.checkpoint("qwen3_moe")
    (found,) = prune(models, folder, tmp_path / "out", settings)["held_out"]
    expected = oracle.quality(open_checkpoint(folder), open_checkpoint(tmp_path / "out"), models.rows(models.held_out))
    assert found["original"]["perplexity"]["mean"] == pytest.approx(expected["original"], rel=1e-3)
    assert found["pruned"]["perplexity"]["mean"] == pytest.approx(expected["pruned"], rel=1e-3)
    assert found["kl"]["mean"] == pytest.approx(expected["kl"], rel=1e-3)


@pytest.mark.parametrize("settings", PROCESSORS, ids=lambda s: "-".join(s.values()))
def test_bf16_is_near_transformers_on_every_processor(tmp_path, models, settings):
    """Both round to bf16 in other places: they agree as far as transformers in bf16 agrees with itself in f32."""
    folder = models.build(tmp_path / "model", "olmoe", dtype=torch.bfloat16)
    (found,) = prune(models, folder, tmp_path / "out", settings)["held_out"]
    rows = models.rows(models.held_out)
    exact, rounded = (oracle.quality(open_checkpoint(folder, dtype), open_checkpoint(tmp_path / "out", dtype), rows)
                      for dtype in (torch.float32, torch.bfloat16))
    for side in ("original", "pruned"):
        tolerance = 2 * abs(rounded[side] - exact[side]) + 0.005 * exact[side]  # bf16 keeps 8 bits of a logit
        assert abs(found[side]["perplexity"]["mean"] - exact[side]) <= tolerance


def test_an_unknown_level_is_refused_before_anything_runs(models):
    folder = models.checkpoint("qwen3_moe")
    expect_error("inspect", folder, naming=["UNCURL_CPU is 'avx9'", "baseline, v3 or v4"],
                 env={**os.environ, "UNCURL_CPU": "avx9"})
