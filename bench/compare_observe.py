"""`uncurl observe` with all its statistics beside a plain forward of transformers' base model, on the same tokens.

    python bench/compare_observe.py BUILD/uncurl [ROUNDS]

A random 4-layer Qwen3-MoE (hidden 2048, 128 experts, top-8, expert width 768, 16 heads, vocabulary 8192; 0.44 GFLOP a
token) is made once under out/bench. 4 rows of 2048 tokens run on 2 threads, in bf16 and in f32, ours and theirs by
turns; of transformers' expert implementations and batch shapes the fastest is taken, chosen by a first run of each.

What is timed. Ours: the seconds that `observe` prints: reading and converting the weights of every layer, checking them
for NaN, the forward of all tokens (held-out rows too), the statistics, saving the state that an interrupted run resumes
from, writing the statistics file. Theirs: the forward alone, weights already in memory in the right dtype. Not timed:
opening, tokenising, loading.
"""
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "out" / "bench" / "qwen3-moe-4-layers"
TOKENIZER = ROOT / "examples" / "tiny-qwen3-moe"  # its vocabulary is 8192
TEXT = ROOT / "examples" / "tasks" / "shakespeare.calibration.jsonl"
THREADS, NUM_ROWS, LENGTH = 2, 4, 2048
TARGETS = {"bf16": 1.0, "f32": 2.0}
TOKENS_TIMES_WIDTH = 32  # values of the dtype: what observe may need beside two layers and the embeddings
DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}
CONFIG = dict(
    vocab_size=8192, hidden_size=2048, num_hidden_layers=4, num_attention_heads=16, num_key_value_heads=16,
    head_dim=128, num_experts=128, num_experts_per_tok=8, moe_intermediate_size=768, intermediate_size=6144,
    norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[], max_position_embeddings=4096,
    tie_word_embeddings=False)


def make_model():
    if (FOLDER / "config.json").exists():
        return
    print(f"making {FOLDER.relative_to(ROOT)} (5 GB, once)", flush=True)
    partial = FOLDER.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    torch.manual_seed(0)
    config = transformers.Qwen3MoeConfig(**CONFIG, dtype="bfloat16")
    transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(partial)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TOKENIZER / name, partial)
    partial.rename(FOLDER)


def make_rows(file):
    """Rows of real text, each longer than LENGTH tokens; both programs cut it there. Returns the ids [4,2048]."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(FOLDER)
    text = "\n".join(json.loads(line)["text"] for line in TEXT.open())
    share = len(text) // NUM_ROWS
    texts = [text[i * share:(i + 1) * share][:6 * LENGTH] for i in range(NUM_ROWS)]
    ids = [tokenizer(row)["input_ids"] for row in texts]
    assert all(len(row) >= LENGTH for row in ids), [len(row) for row in ids]
    file.write_text("".join(json.dumps({"text": row}) + "\n" for row in texts))
    return torch.tensor([row[:LENGTH] for row in ids])


def uncurl(program, *arguments):
    """(what it printed, {seconds, cpu_seconds, peak_bytes} of the process)"""
    with tempfile.NamedTemporaryFile() as took:
        done = subprocess.run([sys.executable, ROOT / "tools" / "measure", took.name, program, *map(str, arguments)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(f"uncurl {arguments[0]} failed:\n{done.stdout}")
        return done.stdout, json.load(took)


def run_ours(program, rows, dtype, folder):
    """(seconds of the sweep, CPU seconds of the process, its peak resident bytes)"""
    printed, took = uncurl(program, "observe", FOLDER, "--task", rows, "--sequence-length", LENGTH, "--dtype", dtype,
                           "--threads", THREADS, "--overwrite", "-o", folder / "stats.safetensors")
    found = re.search(r"observed +([\d,]+) tokens in .*\(([\d,.]+) tokens/s\)", printed)
    tokens, speed = (float(group.replace(",", "")) for group in found.groups())
    assert tokens == NUM_ROWS * LENGTH, f"observe ran {tokens} tokens"
    return tokens / speed, took["cpu_seconds"], took["peak_bytes"]


def predicted(program, dtype):
    """(seconds, bytes) that inspect says observing these tokens will take."""
    printed, _ = uncurl(program, "inspect", FOLDER, "--max-tokens", NUM_ROWS * LENGTH, "--row-tokens", LENGTH,
                        "--dtype", dtype, "--threads", THREADS)
    tokens, hours, minutes, seconds, size, unit = re.search(
        r"observing ([\d,]+) tokens .* about (?:(\d+)h )?(?:(\d+)m )?([\d.]+) ?s, ([\d.]+) (\w+) of memory",
        printed).groups()
    whole = 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds)
    share = NUM_ROWS * LENGTH / float(tokens.replace(",", ""))
    return whole * share, float(size) * {"MB": 1e6, "GB": 1e9}[unit]


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run_theirs(model, ids, experts, batch):
    """(seconds, CPU seconds) of the forward of all rows, `batch` of them at a time."""
    model.set_experts_implementation(experts)
    begin, cpu_begin = time.perf_counter(), cpu_seconds()
    with torch.inference_mode():
        for first in range(0, NUM_ROWS, batch):
            model(ids[first:first + batch], use_cache=False)
    return time.perf_counter() - begin, cpu_seconds() - cpu_begin


def fastest_of_theirs(model, ids):
    """(experts, batch) of the fastest variant; each runs once to warm up and once timed."""
    config, best = model.config, None
    for experts in ("eager", "grouped_mm", "batched_mm"):
        for batch in (NUM_ROWS, 1):
            # batched_mm copies the weights of the chosen expert for every token and choice.
            copied = (batch * LENGTH * config.num_experts_per_tok * 2 * config.moe_intermediate_size *
                      config.hidden_size * model.dtype.itemsize)
            if experts == "batched_mm" and copied > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2:
                print(f"  transformers {experts:10} batch {batch}: needs {copied / 1e9:.0f} GB, left out")
                continue
            run_theirs(model, ids[:, :128], experts, batch)
            seconds, cpu = run_theirs(model, ids, experts, batch)
            print(f"  transformers {experts:10} batch {batch}: {ids.numel() / seconds:6.0f} tokens/s "
                  f"({seconds:.2f} s, CPU {cpu:.2f} s)", flush=True)
            if best is None or seconds < best[0]:
                best = (seconds, experts, batch)
    return best[1:]


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def report_estimates(program, dtype, seconds, peak):
    guessed_seconds, guessed_bytes = predicted(program, dtype)
    print(f"  inspect had said {guessed_seconds:.1f} s and {guessed_bytes / 1e9:.2f} GB: {guessed_seconds / seconds:.2f} and "
          f"{guessed_bytes / peak:.2f} of what was measured, to be between 0.5 and 2")


def report_memory(peak, dtype):
    size = DTYPES[dtype].itemsize
    width = CONFIG["hidden_size"]
    layer = (3 * CONFIG["num_experts"] * CONFIG["moe_intermediate_size"] * width + 4 * width * 16 * 128) * size
    embeddings = CONFIG["vocab_size"] * width * size
    rest = peak - 2 * layer - embeddings
    unit = NUM_ROWS * LENGTH * width * size
    verdict = "within" if rest <= TOKENS_TIMES_WIDTH * unit else "OVER"
    print(f"  peak memory {peak / 1e9:.2f} GB = two layers {2 * layer / 1e9:.2f} + embeddings {embeddings / 1e9:.2f} + "
          f"{rest / unit:.1f} x tokens x width; {verdict} the {TOKENS_TIMES_WIDTH} that are allowed")


def compare(program, dtype, ids, rows, folder, rounds):
    print(f"{dtype}, {ids.numel()} tokens in {NUM_ROWS} rows, {THREADS} threads, {rounds} rounds")
    model = transformers.AutoModel.from_pretrained(FOLDER, dtype=DTYPES[dtype], attn_implementation="sdpa").eval()
    experts, batch = fastest_of_theirs(model, ids)
    run_ours(program, rows, dtype, folder)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(run_ours(program, rows, dtype, folder))
        theirs.append(run_theirs(model, ids, experts, batch))
    speeds = [[ids.numel() / run[0] for run in runs] for runs in (ours, theirs)]
    print(f"  uncurl observe                  {spread(speeds[0], 0)} tokens/s, "
          f"CPU {spread([run[1] for run in ours])} s, the whole process")
    print(f"  transformers {experts:10} batch {batch} {spread(speeds[1], 0)} tokens/s, "
          f"CPU {spread([run[1] for run in theirs])} s")
    ratios = [mine / peer for mine, peer in zip(*speeds)]
    print(f"  ratio {spread(ratios)}, target {TARGETS[dtype]}; of CPU seconds "
          f"{spread([peer[1] / mine[1] for mine, peer in zip(ours, theirs)])}")
    peak = max(run[2] for run in ours)
    report_memory(peak, dtype)
    report_estimates(program, dtype, statistics.median(run[0] for run in ours), peak)


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    dtypes = sys.argv[3:] or list(DTYPES)
    torch.set_num_threads(THREADS)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    make_model()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = folder / "rows.jsonl"
        ids = make_rows(rows)
        for dtype in dtypes:
            compare(program, dtype, ids, rows, folder, rounds)


if __name__ == "__main__":
    main()
