"""Builders of tiny random checkpoints and the way to the built programs, shared by all parity tests.

The tests of single parts give token ids to the probes; those of the commands need text, so `models` builds the same
families with a small tokenizer and two sources of seeded text. What is built is kept for the session.
"""

import json
import os
import pathlib
import random
import subprocess

import pytest
import tokenizers
import torch
import transformers
from safetensors.torch import load_file

pytest.register_assert_rewrite("oracle")

# Threads only wait for each other on tensors this small: on a busy machine these tests took five times as long. The
# programs inherit it, except where a test asks for threads.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)

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


def uncurl(*arguments, **options):
    return run_program("uncurl", *arguments, **options)


INTERNALS = ("c10::", "Exception raised from", "terminate called", "basic_string", "std::", "what()", "json.exception",
             "bug of uncurl")


def expect_error(*arguments, status=1, naming=(), **options):
    """Runs uncurl, which must fail with one `error:` line that names all of `naming`."""
    done = subprocess.run([str(BUILD / "uncurl"), *map(str, arguments)], capture_output=True, text=True, **options)
    assert done.returncode == status, f"exited {done.returncode}\n{done.stdout}\n{done.stderr}"
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and done.stderr.splitlines()[-1] == lines[0], done.stderr
    for text in naming:
        assert str(text) in lines[0], f"'{text}' is missing in: {lines[0]}"
    assert not [text for text in INTERNALS if text in done.stderr], done.stderr
    return done.stdout


def forward(tmp_path, folder, dtype="f32", implementation="fastest"):
    """What forward_probe computes on ROWS: logits, and by layer l logits.l, ids.l, gates.l and norms.l."""
    out = tmp_path / f"forward-{dtype}-{implementation}.safetensors"
    run_program("forward_probe", folder, write_json(tmp_path / "rows.json", ROWS), out, dtype, implementation)
    return load_file(out)


# ---- Checkpoints with a tokenizer, and text ----------------------------------------------------------------------

TEXT_VOCABULARY = 320
EXPERTS_BEFORE = {"qwen3_moe": 8, "qwen2_moe": 8, "mixtral": 6, "olmoe": 8}
EXPERTS_AFTER = {"qwen3_moe": 4, "qwen2_moe": 4, "mixtral": 3, "olmoe": 4}

# How transformers is asked to write a checkpoint: a tensor per expert, one tensor for all of a layer, several files.
LAYOUTS = {"apart": {}, "fused": {"save_original_format": False}, "sharded": {"max_shard_size": "120KB"}}


def random_sentences(seed, count):
    chooser = random.Random(seed)
    nouns, verbs = "cat expert router token layer river house model".split(), "sees merges keeps drops counts".split()
    pick = lambda: f"the {chooser.choice(nouns)} {chooser.choice(verbs)} the {chooser.choice(nouns)}"
    return [f"{chooser.choice('abcdefghij')}{i}: {', and '.join(pick() for _ in range(chooser.randint(1, 4)))}."
            for i in range(count)]


def random_sums(seed, count):
    chooser = random.Random(seed)
    def line():
        a, b = chooser.randint(0, 999), chooser.randint(0, 999)
        return f"{a} + {b} = {a + b}; {a} * {b} = {a * b}"
    return ["; ".join(line() for _ in range(chooser.randint(1, 3))) for _ in range(count)]


def write_rows(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


def train_tokenizer(path):
    """Byte-level BPE with a few merges over the whole byte alphabet, as every larger one begins."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=TEXT_VOCABULARY, show_progress=False,
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(random_sentences(0, 200) + random_sums(0, 200), trainer)
    tokenizer.save(str(path))
    return tokenizer


class Models:
    """Tiny checkpoints of all families that the commands can run on, with the text to run them on."""

    def __init__(self, folder):
        self.folder = folder
        self.tokenizer = train_tokenizer(folder / "tokenizer.json")
        self.words = write_rows(folder / "words.jsonl", random_sentences(1, 60))
        self.sums = write_rows(folder / "sums.jsonl", random_sums(2, 40))
        self.held_out = write_rows(folder / "held-out.jsonl", random_sentences(3, 8) + random_sums(4, 8))
        self.tasks = ("--task", self.words, "--task", self.sums, "--held-out", self.held_out)

    def rows(self, path):
        """Token ids of a .jsonl file, by Hugging Face's tokenizer."""
        return [self.tokenizer.encode(json.loads(line)["text"]).ids for line in path.read_text().splitlines()]

    def build(self, folder, family, edit=None, dtype=torch.float32, layout="apart", seed=0, **changes):
        """@param edit  called with the randomised model in fp32 before it is saved"""
        config = CONFIGS[family]()
        for key, value in {"vocab_size": TEXT_VOCABULARY, **changes}.items():
            setattr(config, key, value)
        model = transformers.AutoModelForCausalLM.from_config(config)
        randomize(model, seed)
        if edit:
            with torch.no_grad():
                edit(model)
        model.to(dtype).save_pretrained(folder, **LAYOUTS[layout])
        self.tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
        return folder

    def checkpoint(self, family, layout="apart"):
        folder = self.folder / f"{family}-{layout}"
        return folder if folder.exists() else self.build(folder, family, layout=layout)

    def stats(self, family, layout="apart"):
        path = self.folder / f"{family}-{layout}.stats.safetensors"
        if not path.exists():
            uncurl("observe", self.checkpoint(family, layout), *self.tasks, "-o", path)
        return path

    def plan(self, path, family, *options, experts=None, layout="apart"):
        """Writes a plan and returns it as read from its file."""
        uncurl("plan", self.checkpoint(family, layout), self.stats(family, layout), "--experts",
               experts or EXPERTS_AFTER[family], *options, "-o", path)
        return json.loads(path.read_text())

    def output(self, family, *options, layout="apart"):
        """Folder of the pruned checkpoint."""
        folder = self.folder / "-".join([family, layout, *(option.strip("-") for option in options)])
        if not folder.exists():
            plan = folder.with_suffix(".json")
            self.plan(plan, family, *options, layout=layout)
            uncurl("apply", self.checkpoint(family, layout), plan, "-o", folder)
        return folder


def groups_of(layer):
    """Members of each new expert of a layer of a plan."""
    return [[group] if isinstance(group, int) else group["members"] for group in layer["groups"]]


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return Models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def data():
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent: set UNCURL_DATA")
    return DATA
