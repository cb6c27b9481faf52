"""`uncurl prune` of a checkpoint larger than the memory it may have: bytes read in total, and peak memory.

    python bench/compare_scale.py BUILD/uncurl [LAYERS] [METHOD]

A random checkpoint of Qwen3-30B-A3B's shape (hidden 2048, 128 experts of width 768, 1.2 GB a layer; 24 layers are
30 GB) is made under out/bench and deleted afterwards; half of the experts are kept. Where the process may make a memory
cgroup inside its own (root, cgroup v1), it runs with 4 GiB, its cache of files included, so that what is read twice is
read from the disk twice; elsewhere without, and it says so.

What is read is taken from /proc/PID/io of the ended process: `rchar`, all bytes that it asked for, and `read_bytes`,
those that came from the disk. Target: 2.6 times the checkpoint, which is the whole to observe, and the kept half to
write, to verify and to measure. Merging reads the members of its groups as well, and is compared with dropping.
"""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "out" / "bench" / "scale"
TINY = ROOT / "examples" / "tiny-qwen3-moe"
TEXT = ROOT / "examples" / "tasks" / "shakespeare.calibration.jsonl"
D, F, E, TOP_K, HEADS, KV_HEADS, HEAD = 2048, 768, 128, 8, 32, 4, 128
TARGET_READ, LIMIT = 2.6, 4 << 30
TOKENS = 2048


def bf16(rng, shape, deviation):
    x = rng.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
    return ((x.view(np.uint32) + 0x8000) >> 16).astype(np.uint16)


def write_file(path, tensors, weight_map):
    header, end = {}, 0
    for name, array in tensors:
        header[name] = {"dtype": "BF16", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
        weight_map[name] = path.name
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, array in tensors:
            file.write(array.tobytes())
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def layer_tensors(rng, layer, experts):
    """`experts` [16,F,3 D] are drawn once; each of the layer's is one of them, rolled by a distance of its own."""
    ones = lambda size: np.full(size, 0x3F80, np.uint16)
    prefix = f"model.layers.{layer}."
    yield from ((prefix + name, bf16(rng, shape, 0.02)) for name, shape in {
        "self_attn.q_proj.weight": (HEADS * HEAD, D), "self_attn.k_proj.weight": (KV_HEADS * HEAD, D),
        "self_attn.v_proj.weight": (KV_HEADS * HEAD, D), "self_attn.o_proj.weight": (D, HEADS * HEAD)}.items())
    yield from ((prefix + name + ".weight", ones(size)) for name, size in {
        "self_attn.q_norm": HEAD, "self_attn.k_norm": HEAD, "input_layernorm": D,
        "post_attention_layernorm": D}.items())
    yield prefix + "mlp.gate.weight", bf16(rng, (E, D), 0.5)
    for e in range(E):
        gate, up, down = np.split(np.roll(experts[(7 * e + layer) % len(experts)], (131 * e + 17 * layer) * 64), 3)
        yield f"{prefix}mlp.experts.{e}.gate_proj.weight", gate.reshape(F, D)
        yield f"{prefix}mlp.experts.{e}.up_proj.weight", up.reshape(F, D)
        yield f"{prefix}mlp.experts.{e}.down_proj.weight", down.reshape(D, F)


def make_checkpoint(folder, num_layers):
    folder.mkdir(parents=True)
    config = json.loads((TINY / "config.json").read_text())
    for key in ("layer_types", "num_local_experts"):
        config.pop(key, None)
    config.update(hidden_size=D, moe_intermediate_size=F, intermediate_size=6144, num_experts=E,
                  num_experts_per_tok=TOP_K, num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=HEAD,
                  num_hidden_layers=num_layers, max_position_embeddings=40960, tie_word_embeddings=False)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / name, folder)
    rng, weight_map = np.random.default_rng(0), {}
    experts = bf16(rng, (16, 3 * F * D), 0.02)
    shard = lambda number: folder / f"model-{number:05d}-of-{num_layers + 1:05d}.safetensors"
    for layer in range(num_layers):
        write_file(shard(layer + 1), list(layer_tensors(rng, layer, experts)), weight_map)
    vocabulary = config["vocab_size"]
    outer = [("model.embed_tokens.weight", bf16(rng, (vocabulary, D), 1.0)),
             ("model.norm.weight", np.full(D, 0x3F80, np.uint16)), ("lm_head.weight", bf16(rng, (vocabulary, D), 0.02))]
    write_file(shard(num_layers + 1), outer, weight_map)
    total = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}))
    return total


def make_memory_group():
    """A memory cgroup of LIMIT bytes inside that of this process (version 1); None where that is not permitted."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" not in controllers.split(","):
            continue
        group = pathlib.Path("/sys/fs/cgroup/memory") / path.lstrip("/") / f"uncurl-scale-{os.getpid()}"
        try:
            group.mkdir()
            (group / "memory.limit_in_bytes").write_text(str(LIMIT))
            return group
        except OSError:
            return None
    return None


def run_and_watch(command, group):
    """(what it printed, seconds, what /proc/PID/io and /proc/PID/status said of it at its end)"""
    enter = (lambda: (group / "cgroup.procs").write_text(str(os.getpid()))) if group else None
    begin, peak = time.perf_counter(), 0
    with (FOLDER / "log.txt").open("w+") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=subprocess.STDOUT, preexec_fn=enter)
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak] + [int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")])
            time.sleep(0.2)
        counters = dict(line.split(": ") for line in pathlib.Path(f"/proc/{process.pid}/io").read_text().splitlines())
        seconds = time.perf_counter() - begin
        code = process.wait()
        log.seek(0)
        text = log.read()
    if code != 0:
        sys.exit(f"uncurl prune ended with {code}:\n{text}")
    return text, seconds, {name: int(value) for name, value in counters.items()}, peak


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    num_layers = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    method = sys.argv[3] if len(sys.argv) > 3 else "reap"
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    needed, free = int(1.7 * 1.26e9 * num_layers + 1e9), shutil.disk_usage(FOLDER).free
    if free < needed:
        sys.exit(f"{num_layers} layers need {needed / 1e9:.0f} GB under {FOLDER}, {free / 1e9:.0f} GB are free")
    group = make_memory_group()
    try:
        size = make_checkpoint(FOLDER / "model", num_layers)
        limit = f"{LIMIT >> 30} GiB of memory, cached files included" if group else "no limit of memory (not permitted)"
        print(f"{num_layers} layers, {size / 1e9:.1f} GB, --method {method}, {limit}", flush=True)
        command = [program, "prune", FOLDER / "model", "--task", TEXT, "--max-tokens", TOKENS, "--keep", "0.5",
                   "--method", method, "-o", FOLDER / "pruned"]
        _, seconds, io, peak = run_and_watch(command, group)
        for name, what in (("rchar", "asked for"), ("read_bytes", "from the disk"), ("write_bytes", "written")):
            print(f"  {what:14} {io[name] / 1e9:7.2f} GB  {io[name] / size:5.2f} times the checkpoint")
        print(f"  peak memory    {peak / 2**30:7.2f} GiB\n  time           {seconds:7.0f} s")
        most = max(io["rchar"], io["read_bytes"]) / size
        print(f"  target {TARGET_READ} times, {LIMIT >> 30} GiB: "
              f"{'met' if most <= TARGET_READ and peak <= LIMIT else 'missed'}", flush=True)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
        if group:
            group.rmdir()


if __name__ == "__main__":
    main()
