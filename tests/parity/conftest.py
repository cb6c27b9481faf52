"""Builders of tiny random checkpoints and the way to the built programs, shared by all parity tests."""

import json
import os
import pathlib
import subprocess

import pytest
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("UNCURL_BUILD", ROOT / "build" / "release"))
DATA = pathlib.Path(os.environ.get("UNCURL_DATA", ROOT.parent / "shared" / "data"))

COMMON = dict(
    vocab_size=160, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=128, rms_norm_eps=1e-6, tie_word_embeddings=False,
)

CONFIGS = {
    "qwen3_moe": lambda: transformers.Qwen3MoeConfig(
        **COMMON, head_dim=24, num_experts=8, num_experts_per_tok=3, moe_intermediate_size=32, intermediate_size=96,
        norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[1]),
    "qwen2_moe": lambda: transformers.Qwen2MoeConfig(
        **COMMON, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=48,
        intermediate_size=96, norm_topk_prob=False),
    "mixtral": lambda: transformers.MixtralConfig(
        **COMMON, num_local_experts=6, num_experts_per_tok=2, intermediate_size=48, sliding_window=9),
    "olmoe": lambda: transformers.OlmoeConfig(
        **COMMON, num_experts=8, num_experts_per_tok=3, intermediate_size=32, norm_topk_prob=False, clip_qkv=1.5),
}
FAMILIES = sorted(CONFIGS)

# Rows of unequal length, one longer than the sliding window above.
ROWS = [[(7 * i + 3 * j + i * j) % 160 for j in range(length)] for i, length in enumerate((23, 5, 1, 14))]


def randomize(model, seed):
    """Weights large enough that every part of the model matters; routers with std 0.5, so that routes are clear."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1 and "norm" in name:
                parameter.copy_(1 + 0.2 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(0.2 * noise)
            else:
                is_router = name.endswith("mlp.gate.weight")
                parameter.copy_((0.5 if is_router else 1.0 / parameter.shape[-1] ** 0.5) * noise)


def make_checkpoint(folder, family, dtype=torch.float32, seed=0, config=None, **save_options):
    """Saves a tiny random checkpoint as transformers writes it and returns its folder."""
    config = config or CONFIGS[family]()
    model = transformers.AutoModelForCausalLM.from_config(config)
    randomize(model, seed)
    model.to(dtype).save_pretrained(folder, **save_options)
    return folder


def open_checkpoint(folder, dtype=torch.float32):
    """from_pretrained keeps the rotary frequencies in fp32; model.to(dtype) would round them."""
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def run_program(*arguments, expect=0, **options):
    """Runs a built program and returns what it printed; fails with its output if the exit status is another."""
    command = [str(BUILD / arguments[0]), *map(str, arguments[1:])]
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == expect, f"{command} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def write_json(path, value):
    path.write_text(json.dumps(value))
    return path


@pytest.fixture(scope="session")
def data():
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent: set UNCURL_DATA")
    return DATA
