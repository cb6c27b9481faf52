"""Our checkpoint files beside those of safetensors, huggingface_hub and transformers: the same bytes, the same refusals.

Runs `checkpoint_probe` of the build folder UNCURL_BUILD (default build/release). The demo model comes from UNCURL_DATA
(default ../shared/data beside the repository).
"""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors")
from safetensors.torch import load_file, save, save_file  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("UNCURL_DATA", ROOT.parent / "shared" / "data"))
PROBE = Path(os.environ.get("UNCURL_BUILD", ROOT / "build" / "release")) / "checkpoint_probe"
MODEL = DATA / "models" / "tiny-qwen3-moe"

pytestmark = pytest.mark.skipif(not PROBE.is_file(), reason=f"no program {PROBE}: build it, or set UNCURL_BUILD")
needs_model = pytest.mark.skipif(not MODEL.is_dir(), reason=f"no folder {MODEL}: set UNCURL_DATA")


def copy(source, target, *max_shard_bytes):
    subprocess.run([PROBE, "copy", source, target, *map(str, max_shard_bytes)], check=True)


def files(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("model*")}


def tensors_of_many_dtypes():
    torch.manual_seed(1)
    dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
              torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64, torch.float8_e4m3fn,
              torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
              torch.float4_e2m1fn_x2]
    tensors = {f"layers.{i}.{str(dtype)[6:]}": torch.randint(0, 2, (3, i + 1, 8), dtype=torch.uint8).view(dtype)
               for i, dtype in enumerate(dtypes)}
    return {**tensors, "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "ünïcode\n\"": torch.ones(3)}


def test_a_copy_has_the_bytes_that_safetensors_wrote(tmp_path):
    (tmp_path / "in").mkdir()
    save_file(tensors_of_many_dtypes(), tmp_path / "in" / "model.safetensors", metadata={"format": "pt"})
    copy(tmp_path / "in", tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "in")


@pytest.mark.parametrize("max_shard_bytes", [100, 300, 1000, 10**6])
def test_shards_are_those_of_huggingface_hub(tmp_path, max_shard_bytes):
    hub = pytest.importorskip("huggingface_hub")
    tensors = dict(sorted(tensors_of_many_dtypes().items(), key=lambda item: item[0].encode()))
    (tmp_path / "in").mkdir()
    (tmp_path / "hub").mkdir()
    save_file(tensors, tmp_path / "in" / "model.safetensors", metadata={"format": "pt"})
    hub.save_torch_state_dict(tensors, tmp_path / "hub", max_shard_size=max_shard_bytes, shared_tensors_to_discard=[])
    copy(tmp_path / "in", tmp_path / "out", max_shard_bytes)

    ours, theirs = files(tmp_path / "out"), files(tmp_path / "hub")
    our_index, their_index = (json.loads(f.pop("model.safetensors.index.json", "{}")) for f in (ours, theirs))
    assert ours == theirs
    assert our_index.get("weight_map") == their_index.get("weight_map")
    assert our_index.get("metadata", {}).get("total_size") == their_index.get("metadata", {}).get("total_size")


@needs_model
def test_a_sharded_copy_is_what_transformers_would_save(tmp_path):
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(MODEL, dtype="auto")
    model.save_pretrained(tmp_path / "theirs", max_shard_size="10MB")
    copy(MODEL, tmp_path / "ours", 10_000_000)
    original = load_file(MODEL / "model.safetensors")

    # The split follows the order of tensors, which is transformers' own there; everything else has to agree.
    text = (tmp_path / "ours" / "model.safetensors.index.json").read_text()
    ours, theirs = json.loads(text), json.loads((tmp_path / "theirs" / "model.safetensors.index.json").read_text())
    assert text == json.dumps(ours, indent=2, sort_keys=True) + "\n"
    assert ours["metadata"] == theirs["metadata"]
    assert ours["weight_map"].keys() == theirs["weight_map"].keys() == original.keys()
    for name, tensor in original.items():
        with safetensors.safe_open(tmp_path / "ours" / ours["weight_map"][name], framework="pt") as shard:
            assert shard.metadata() == {"format": "pt"}
            assert torch.equal(shard.get_tensor(name), tensor)

    # What transformers saved in shards, and what we did, both come back as the single file they were made from.
    copy(tmp_path / "theirs", tmp_path / "back_from_theirs")
    copy(tmp_path / "ours", tmp_path / "back_from_ours")
    assert files(tmp_path / "back_from_theirs") == files(tmp_path / "back_from_ours") == files(MODEL)

    (tmp_path / "ours" / "config.json").write_bytes((MODEL / "config.json").read_bytes())
    again, info = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours", dtype="auto", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))


# What we refuse although the reference implementation does not look: each is a line of the list in safetensors.h.
STRICTER = ["appears twice", "has keys other than", "does not begin with '{'", "more elements than fit",
            "__metadata__ should be an object, found null", "deeper than"]


def damaged(file, rng):
    """The file with one or two changes in its header, whose length is made to fit again."""
    length = int.from_bytes(file[:8], "little")
    header, data = bytearray(file[8:8 + length]), file[8 + length:]
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(header))
        change = rng.randrange(3)
        if change == 0:
            header[at] = rng.choice(b"{}[],:\"\\0123456789-.eE \n\x00\xff") if rng.random() < 0.7 else rng.randrange(256)
        elif change == 1:
            header[at:at] = bytes([rng.choice(b"{}[],:\"0123456789 ")])
        else:
            del header[at]
    return len(header).to_bytes(8, "little") + bytes(header) + data


def test_damaged_headers_are_refused_as_by_safetensors(tmp_path):
    valid = save({"a": torch.zeros(2, 3), "b": torch.ones(4, dtype=torch.bfloat16), "c": torch.zeros(0, 7)},
                 metadata={"format": "pt"})
    rng = random.Random(3)
    cases = [valid] + [damaged(valid, rng) for _ in range(3000)]
    for i, case in enumerate(cases):
        (tmp_path / str(i)).write_bytes(case)
    (tmp_path / "list").write_text("".join(f"{tmp_path / str(i)}\n" for i in range(len(cases))))
    answers = subprocess.run([PROBE, "check", tmp_path / "list"], check=True, capture_output=True).stdout.splitlines()
    assert len(answers) == len(cases)

    num_accepted = 0
    for case, answer in zip(cases, answers):
        try:
            safetensors.deserialize(case)
            theirs = True
        except safetensors.SafetensorError:
            theirs = False
        answer = answer.decode(errors="replace")
        num_accepted += answer == "ok"
        if answer == "ok":
            assert theirs, case
        elif theirs:
            assert any(text in answer for text in STRICTER), (answer, case)
    assert answers[0] == b"ok"
    assert 100 < num_accepted < 2000
