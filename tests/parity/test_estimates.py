"""What `inspect` says memory will be, beside what is then measured. (Time is compared in bench/compare_observe.py.)"""

import json
import re
import shutil
import subprocess
import sys

import pytest
import torch
import transformers

from conftest import BUILD, ROOT, make_checkpoint, uncurl

UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
EXAMPLE = ROOT / "examples" / "tiny-qwen3-moe"
TASK = ("--task", ROOT / "examples" / "tasks" / "math.calibration.jsonl")
TOKENS = 8000


def peak_bytes(tmp_path, *arguments):
    command = [sys.executable, ROOT / "tools" / "measure", tmp_path / "took.json", BUILD / "uncurl", *arguments]
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
    return json.loads((tmp_path / "took.json").read_text())["peak_bytes"]


def in_bytes(text):
    number, unit = text.split()
    return float(number) * UNITS[unit]


def predicted(model, experts):
    """(peak of observing, peak of building by merging) in bytes."""
    text = uncurl("inspect", model, "--max-tokens", TOKENS, "--experts", experts)
    observing = re.search(r"observing .* about .*, ([\d.]+ \w+) of memory", text).group(1)
    building = re.search(rf"^{experts} .* ([\d.]+ [kMG]?B)$", text, re.MULTILINE).group(1)
    return in_bytes(observing), in_bytes(building)


@pytest.fixture(scope="module")
def wide_model(tmp_path_factory):
    """Layers of 200 MB, so that weights and not libraries decide."""
    folder = tmp_path_factory.mktemp("wide") / "model"
    config = transformers.Qwen3MoeConfig(
        vocab_size=8192, hidden_size=1024, num_hidden_layers=3, num_attention_heads=8, num_key_value_heads=4, head_dim=64,
        num_experts=64, num_experts_per_tok=4, moe_intermediate_size=512, intermediate_size=512, tie_word_embeddings=True)
    make_checkpoint(folder, "qwen3_moe", dtype=torch.bfloat16, config=config)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(EXAMPLE / name, folder)
    return folder


@pytest.mark.parametrize("which", ["example", "wide"])
def test_memory_is_within_a_factor_of_two(tmp_path, which, request):
    model, experts = (EXAMPLE, 16) if which == "example" else (request.getfixturevalue("wide_model"), 48)
    stats, plan = tmp_path / "s.safetensors", tmp_path / "p.json"
    observing, building = predicted(model, experts)
    measured = peak_bytes(tmp_path, "observe", model, *TASK, "--max-tokens", TOKENS, "-o", stats)
    assert 0.5 <= observing / measured <= 2, f"observing: predicted {observing:.3g} bytes, measured {measured:.3g}"
    uncurl("plan", model, stats, "--experts", experts, "-o", plan)
    measured = peak_bytes(tmp_path, "apply", model, plan, "-o", tmp_path / "out")
    assert 0.5 <= building / measured <= 2, f"building: predicted {building:.3g} bytes, measured {measured:.3g}"
