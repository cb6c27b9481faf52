"""A training step of `uncurl train` beside PyTorch and transformers, on the same tokens.

    python bench/compare_train.py BUILD/uncurl [ROUNDS]

Two models, each from random weights: the sparse GPT-2 (width 256, 8 layers, 32 experts top-1 in every other one, no drops, 8192
tokens a step) beside the same model in plain PyTorch with a module for each expert and fused AdamW, in f32 and under bf16 autocast; and the
architecture of examples/tiny-qwen3-moe beside transformers' own model, the faster of eager and grouped_mm experts taken (batched_mm copies the
weights of an expert for every token, more than memory holds here). Then ours alone with 8, 32 and 128 experts, without the optimizer.

What is timed otherwise is whole steps on 2 threads: forward, backward, clipping, AdamW. Ours are the seconds of log.jsonl, the first step
left out as it is theirs. Ours and theirs run by turns.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import transformers
from torch import nn
from torch.nn import functional as F

ROOT = pathlib.Path(__file__).resolve().parents[1]
TINY = ROOT / "examples" / "tiny-qwen3-moe"
TEXT = ROOT / "examples" / "tasks" / "shakespeare.calibration.jsonl"
THREADS, ROWS, LENGTH, STEPS = 2, 32, 256, 4
TARGETS = {"smoe_gpt2 f32": 1.4, "smoe_gpt2 bf16": 1.1, "qwen3_moe f32": 1.5}


def sparse_config(experts):
    return dict(model_type="smoe_gpt2", vocab_size=8192, n_positions=LENGTH, hidden_size=256, num_hidden_layers=8,
                num_attention_heads=4, intermediate_size=1024, num_experts=experts, num_experts_per_tok=1,
                drop_tokens_in_training=False, drop_tokens_in_eval=False)


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Experts(nn.Module):
    def __init__(self, width, inner, count):
        super().__init__()
        self.router = nn.Linear(width, count, bias=False)
        self.experts = nn.ModuleList(Mlp(width, inner) for _ in range(count))

    def forward(self, x):
        flat = x.flatten(0, 1)
        gates, ids = self.router(flat).float().softmax(-1).max(-1)
        out = torch.zeros_like(flat)
        for e, expert in enumerate(self.experts):
            tokens = (ids == e).nonzero().squeeze(-1)
            if len(tokens):
                out.index_add_(0, tokens, (expert(flat[tokens]) * gates[tokens, None]).to(out.dtype))
        return out.view_as(x)


class Block(nn.Module):
    def __init__(self, c, moe):
        super().__init__()
        width, inner = c["hidden_size"], c["intermediate_size"]
        self.heads = c["num_attention_heads"]
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = Experts(width, inner, c["num_experts"]) if moe else Mlp(width, inner)

    def forward(self, x):
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, -1))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(-2))
        return x + self.mlp(self.norm2(x))


class PlainSparseGpt2(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(c["vocab_size"], c["hidden_size"]), nn.Embedding(LENGTH, c["hidden_size"])
        self.blocks = nn.ModuleList(Block(c, layer % 2 == 0) for layer in range(c["num_hidden_layers"]))
        self.norm = nn.LayerNorm(c["hidden_size"])
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def loss(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.wte.weight)
        return F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten())


def time_theirs(model, loss_of, dtype):
    """Seconds of each step after the first."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    generator, seconds = torch.Generator().manual_seed(0), []
    for step in range(STEPS + 1):
        ids = torch.randint(8192, (ROWS, LENGTH), generator=generator)
        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
            loss = loss_of(model, ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - begin)
    return seconds[1:]


def time_ours(program, folder, model, dtype, optimizer=True):
    config = {"model": model, "output": str(folder / "out"), "data": [{"path": str(TEXT)}], "steps": STEPS + 1,
              "sequence_length": LENGTH, "batch": {"rows": ROWS}, "optimizer": {"learning_rate": 1e-4}, "dtype": dtype,
              "aux_coefficient": 0}
    (folder / "train.json").write_text(json.dumps(config))
    subprocess.run([program, "train", folder / "train.json", "--threads", str(THREADS), "--overwrite"], check=True,
                   capture_output=True)
    lines = [json.loads(line) for line in (folder / "out" / "log.jsonl").read_text().splitlines()]
    return [line["seconds"] - (0 if optimizer else line["optimizer_seconds"]) for line in lines if "loss" in line][1:]


def report(name, ours, theirs):
    tokens = ROWS * LENGTH
    speed = lambda seconds: f"{tokens / statistics.median(seconds):6.0f} tokens/s ({min(seconds):.2f} to {max(seconds):.2f} s a step)"
    ratios = [statistics.median(t) / statistics.median(o) for o, t in zip(ours, theirs)]
    flat = lambda rounds: [second for part in rounds for second in part]
    print(f"{name}\n  uncurl {speed(flat(ours))}\n  theirs {speed(flat(theirs))}\n"
          f"  ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), target {TARGETS[name]}", flush=True)


def compare_sparse(program, folder, dtype, rounds):
    config, ours, theirs = sparse_config(32), [], []
    scratch = {"config": config, "tokenizer": str(TINY)}
    torch.manual_seed(0)
    peer = PlainSparseGpt2(config)
    for _ in range(rounds):
        ours.append(time_ours(program, folder, scratch, dtype))
        theirs.append(time_theirs(peer, lambda model, ids: model.loss(ids), dtype))
    report(f"smoe_gpt2 {dtype}", ours, theirs)


def compare_qwen(program, folder, rounds):
    model = transformers.AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32, attn_implementation="sdpa").train()
    loss_of = lambda model, ids: model(ids, labels=ids, use_cache=False).loss
    medians = {}
    for experts in ("eager", "grouped_mm"):
        model.set_experts_implementation(experts)
        medians[experts] = statistics.median(time_theirs(model, loss_of, "f32"))
        print(f"  transformers {experts:10} {ROWS * LENGTH / medians[experts]:6.0f} tokens/s", flush=True)
    model.set_experts_implementation(min(medians, key=medians.get))
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(time_ours(program, folder, {"checkpoint": str(TINY)}, "f32"))
        theirs.append(time_theirs(model, loss_of, "f32"))
    report("qwen3_moe f32", ours, theirs)


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    torch.set_num_threads(THREADS)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for dtype in ("f32", "bf16"):
            compare_sparse(program, folder, dtype, rounds)
        compare_qwen(program, folder, rounds)
        print("forward and backward by number of experts, f32")
        for experts in (8, 32, 128):
            seconds = time_ours(program, folder, {"config": sparse_config(experts), "tokenizer": str(TINY)}, "f32", optimizer=False)
            print(f"  {experts:3} experts {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})", flush=True)


if __name__ == "__main__":
    main()
