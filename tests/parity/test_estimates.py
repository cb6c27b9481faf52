"""What `inspect` says memory will be, beside what is then measured."""

import os
import re
import subprocess

import pytest

from conftest import BUILD, ROOT, make_checkpoint, run_program

UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
EXAMPLE = ROOT / "examples" / "tiny-qwen3-moe"
TOKENS = 8000


def peak_bytes(*arguments):
    """Largest resident memory of one run of the program."""
    process = subprocess.Popen([str(BUILD / "uncurl"), *map(str, arguments)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.stderr.read().decode()
    process.stderr.close()
    return usage.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


def predicted_observe_bytes(text):
    number, unit = re.search(r"observing .* about .*, ([\d.]+) (\w+) of memory", text).groups()
    return float(number) * UNITS[unit]


@pytest.fixture(scope="module")
def wide_model(tmp_path_factory):
    """Layers of 200 MB, so that weights and not libraries decide."""
    import shutil
    import transformers
    folder = tmp_path_factory.mktemp("wide") / "model"
    config = transformers.Qwen3MoeConfig(
        vocab_size=8192, hidden_size=1024, num_hidden_layers=3, num_attention_heads=8, num_key_value_heads=4, head_dim=64,
        num_experts=64, num_experts_per_tok=4, moe_intermediate_size=512, intermediate_size=512, tie_word_embeddings=True)
    import torch
    make_checkpoint(folder, "qwen3_moe", dtype=torch.bfloat16, config=config)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(EXAMPLE / name, folder)
    return folder


@pytest.mark.parametrize("which", ["example", "wide"])
def test_memory_of_observing_is_within_a_factor_of_two(tmp_path, which, request):
    model = EXAMPLE if which == "example" else request.getfixturevalue("wide_model")
    task = ROOT / "examples" / "tasks" / "math.calibration.jsonl"
    predicted = predicted_observe_bytes(run_program("uncurl", "inspect", model, "--max-tokens", TOKENS))
    measured = peak_bytes("observe", model, "--task", task, "--max-tokens", TOKENS, "-o", tmp_path / "s.safetensors")
    assert 0.5 <= predicted / measured <= 2, f"predicted {predicted:.3g} bytes, measured {measured:.3g}"
