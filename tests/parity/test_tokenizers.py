"""Our tokenizers beside Hugging Face's: the same ids on more than 2 MB of mixed text, for every kind of tokenizer file.

Runs `tokenize_probe` of the build folder UNCURL_BUILD (default build/release). `pytest -s` also prints the throughput of
both. Text and tokenizers come from UNCURL_DATA (default ../shared/data beside the repository).
"""

import json
import random
import shutil
import struct
import subprocess
import time
import unicodedata

import pytest

from conftest import BUILD, DATA, ROOT

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

PROBE = BUILD / "tokenize_probe"

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no data folder {DATA}: set UNCURL_DATA"),
    pytest.mark.skipif(not PROBE.is_file(), reason=f"no program {PROBE}: build it, or set UNCURL_BUILD"),
]

QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
        r"\s+(?!\S)|\s+")
LLAMA3 = QWEN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
GPT4O = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
            r"\s*[\r\n]+|\s+(?!\S)|\s+")


# ---- text ----------------------------------------------------------------------------------------------------------

def prose():
    files = [DATA / "text" / "tinyshakespeare.txt", DATA / "text" / "wikitext2_valid.txt",
             *sorted((DATA / "text" / "books").glob("*.md"))[:3]]
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")[:400_000]
        yield from (text[i:i + 3000] for i in range(0, len(text), 3000))


def code():
    yield from (path.read_text(encoding="utf-8") for path in sorted((ROOT / "uncurl").rglob("*.cpp"))[:40])
    for row in (DATA / "tasks" / "mbpp_trainval.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(row)["code"]


def assigned(first, last):
    """Characters that Python's Unicode knows; newer ones may differ between libraries."""
    return [chr(c) for c in range(first, last) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]


def odd_text(num_records=3000, seed=20240601):
    rng = random.Random(seed)
    alphabets = [
        assigned(0x4E00, 0x9FFF), assigned(0x3040, 0x30FF), assigned(0xAC00, 0xD7A3), assigned(0x1F300, 0x1FAFF),
        assigned(0x300, 0x36F), assigned(0xA0, 0x250), assigned(0x370, 0x600), assigned(0x600, 0x1100),
        assigned(0x1100, 0x1200), assigned(0x2000, 0x2070), assigned(0x2070, 0x2C00), assigned(0x1E00, 0x2000),
        assigned(0x20, 0x7F), assigned(0xE000, 0xE010), assigned(0xF900, 0x10000), assigned(0x10000, 0x20000),
        [chr(c) for c in range(0x20)], list(" \t\n\r\u00a0\u3000\u2028\u0085\u180e\u200b\ufeff\x0b\x0c"),
        list("0123456789\u0663\u00b2\u2168\u4e09\u0be7"), list("'sStTrReEvVmMlLdD\u017f\u2019"),
        ["\U0001F468\u200d\U0001F469\u200d\U0001F467", "\U0001F1E9\U0001F1EA", "\u2764\ufe0f", "\U0001F44D\U0001F3FD"],
        ["<s>", "</s>", "<unk>", "<|endoftext|>", "<|padding|>", "|||IP_ADDRESS|||", "<0x0A>", "\u2581", "\u0120", "        "],
        list("aeiou") + ["\u0301", "\u0323", "\u030a", "\u0327"], ["the", " of", "and", " ", "ing", "function", "(", ")"],
    ]
    for _ in range(num_records):
        chosen = rng.sample(alphabets, rng.randint(1, 4))
        yield "".join(rng.choice(rng.choice(chosen)) for _ in range(rng.randint(1, 250)))
    yield from ("", " ", "  ", "\n", "a", "\x00", "a" * 20_000, " " * 20_000, "\n" * 5_000, "ab" * 10_000, "\u4e00" * 5_000,
                "\u0301" * 3_000, "  x" * 3_000, "=" * 5_000)


@pytest.fixture(scope="session")
def records():
    texts = [*prose(), *code(), *odd_text()]
    assert sum(len(text.encode()) for text in texts) > 2_000_000
    return texts


# ---- the two sides -------------------------------------------------------------------------------------------------

def our_ids(tokenizer, texts, folder, special=True):
    """texts: str, or bytes without 0xFF, which ends a record."""
    file = folder / "records.bin"
    file.write_bytes(b"".join((text if isinstance(text, bytes) else text.encode()) + b"\xff" for text in texts))
    command = [str(PROBE), str(tokenizer), str(file)] + ([] if special else ["plain"])
    result = subprocess.run(command, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    ids, at = [], 0
    while at < len(result.stdout):
        (length,) = struct.unpack_from("<i", result.stdout, at)
        ids.append(list(struct.unpack_from(f"<{length}i", result.stdout, at + 4)))
        at += 4 + 4 * length
    return ids, json.loads(result.stderr)


def same_ids(name, tokenizer, reference, texts, folder, special=True):
    """reference: a tokenizers.Tokenizer, which encodes as transformers does once cutting and padding are off."""
    reference.no_truncation()
    reference.no_padding()
    start = time.perf_counter()
    expected = [reference.encode(text, add_special_tokens=special).ids for text in texts]
    their_seconds = time.perf_counter() - start
    found, facts = our_ids(tokenizer, texts, folder, special)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    if megabytes > 2:
        print(f"\n{name}: {megabytes:.1f} MB, {sum(map(len, expected))} ids; "
              f"ours {megabytes / facts['seconds']:.1f} MB/s, Hugging Face {megabytes / their_seconds:.1f} MB/s")
    assert len(found) == len(expected)
    for text, mine, theirs in zip(texts, found, expected):
        assert mine == theirs, f"{name}: ids differ on {text[:200]!r}: {first_difference(mine, theirs, reference)}"
    assert max(max(ids, default=0) for ids in expected) < facts["vocabulary_size"]


def first_difference(mine, theirs, reference):
    at = next((i for i, (a, b) in enumerate(zip(mine, theirs)) if a != b), min(len(mine), len(theirs)))
    show = lambda ids: [(i, reference.id_to_token(i)) for i in ids[max(0, at - 3):at + 5]]
    return f"at token {at}: ours {show(mine)}, theirs {show(theirs)}"


# ---- the tokenizers ------------------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def gpt2():
    source = DATA / "tokenizers" / "gpt2"
    vocabulary = json.loads((source / "encoder.json").read_text(encoding="utf-8"))
    merges = [tuple(line.split(" ")) for line in (source / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:] if line]
    return transformers.GPT2Tokenizer(vocab=vocabulary, merges=merges).backend_tokenizer


@pytest.fixture(scope="session")
def mistral(tmp_path_factory):
    """The SentencePiece model as transformers converts it, under the name that transformers looks for."""
    folder = tmp_path_factory.mktemp("mistral")
    shutil.copy(DATA / "tokenizers" / "mistral_v1" / "tokenizer.model.v1", folder / "tokenizer.model")
    return transformers.LlamaTokenizer.from_pretrained(str(folder), add_bos_token=True).backend_tokenizer


def variant(base, folder, **parts):
    """A tokenizer.json that is `base` with some parts replaced."""
    content = json.loads(base.to_str())
    model = parts.pop("model", {})
    content.update(parts)
    content["model"].update(model)
    file = folder / "tokenizer.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def splits(*patterns):
    parts = [{"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False} for pattern in patterns]
    bytes_only = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [*parts, bytes_only]}


PREPEND = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
                                               {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}


def load(file):
    return tokenizers.Tokenizer.from_file(str(file))


def test_gpt2_from_its_own_files(gpt2, records, tmp_path):
    same_ids("gpt2 files", DATA / "tokenizers" / "gpt2", gpt2, records, tmp_path)


def test_gpt2_converted(gpt2, records, tmp_path):
    file = variant(gpt2, tmp_path)
    same_ids("gpt2 tokenizer.json", file, load(file), records, tmp_path)


def test_olmo(records, tmp_path):
    file = next((DATA / "tokenizers" / "olmo").glob("*.json"))
    same_ids("olmo", file, load(file), records, tmp_path)


def test_tiny_qwen3_moe(records, tmp_path):
    folder = DATA / "models" / "tiny-qwen3-moe"
    same_ids("tiny-qwen3-moe", folder, load(folder / "tokenizer.json"), records, tmp_path)


def test_mistral_converted_by_transformers(mistral, records, tmp_path):
    file = variant(mistral, tmp_path)
    same_ids("mistral tokenizer.json (Metaspace)", file, load(file), records, tmp_path)


@pytest.fixture(scope="session")
def published_mistral(mistral):
    """As Mistral's and Mixtral's own tokenizer.json: merges in the order of SentencePiece's scores (transformers 5.23 takes
    the order of ids, which merges runs of spaces too early), and a space before every text, from a normalizer."""
    from sentencepiece import SentencePieceProcessor
    from transformers.convert_slow_tokenizer import generate_merges
    model = SentencePieceProcessor(model_file=str(DATA / "tokenizers" / "mistral_v1" / "tokenizer.model.v1"))
    pieces = [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]
    merges = generate_merges({piece: i for i, (piece, _) in enumerate(pieces)}, dict(pieces))
    content = json.loads(mistral.to_str())
    content.update(pre_tokenizer=None, normalizer=PREPEND)
    content["model"].update(merges=[" ".join(merge) for merge in merges], unk_token="<unk>")
    return tokenizers.Tokenizer.from_str(json.dumps(content))


def test_mistral_as_published_on_the_hub(published_mistral, records, tmp_path):
    file = variant(published_mistral, tmp_path)
    same_ids("mistral tokenizer.json (Prepend)", file, load(file), records, tmp_path)


def test_mistral_from_its_sentencepiece_model(published_mistral, records, tmp_path):
    model = DATA / "tokenizers" / "mistral_v1" / "tokenizer.model.v1"
    same_ids("mistral tokenizer.model", model, published_mistral, records, tmp_path)


@pytest.mark.parametrize("pattern, ignore_merges", [(QWEN, False), (LLAMA3, False), (LLAMA3, True), (GPT4O, True)],
                         ids=["qwen", "llama3-merging", "llama3", "gpt-4o"])
def test_split_patterns_over_the_gpt2_vocabulary(gpt2, records, tmp_path, pattern, ignore_merges):
    file = variant(gpt2, tmp_path, normalizer={"type": "NFC"}, pre_tokenizer=splits(pattern),
                   model={"ignore_merges": ignore_merges})
    same_ids(f"split {pattern[:20]}..., ignore_merges={ignore_merges}", file, load(file), records, tmp_path)


def test_several_splits_in_a_row(gpt2, records, tmp_path):
    file = variant(gpt2, tmp_path, pre_tokenizer=splits(r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", DEEPSEEK))
    same_ids("deepseek splits", file, load(file), records, tmp_path)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD", "Lowercase"])
def test_normalizers(gpt2, tmp_path, form):
    file = variant(gpt2, tmp_path, normalizer={"type": form})
    same_ids(form, file, load(file), list(odd_text(1500, seed=7)), tmp_path)


def test_added_tokens_with_every_flag(gpt2, tmp_path):
    flags = [dict(zip(("single_word", "lstrip", "rstrip", "normalized", "special"), (bool(n >> b & 1) for b in range(5))))
             for n in range(32)]
    names = [f"<T{n}>" for n in range(16)] + [f"Word{n}" for n in range(16, 32)]
    added = [{"id": 50257 + n, "content": name, **flags[n]} for n, name in enumerate(names)]
    file = variant(gpt2, tmp_path, normalizer={"type": "Lowercase"}, added_tokens=added)
    rng = random.Random(3)
    pieces = names + [name.lower() for name in names] + [" ", "  ", "\n", "x", "\u00e9", "\u0301", "_", ".", "\u3000", "7"]
    texts = ["".join(rng.choice(pieces) for _ in range(rng.randint(1, 30))) for _ in range(3000)]
    same_ids("added tokens", file, load(file), texts, tmp_path)


@pytest.mark.parametrize("behavior", ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("pattern", [{"String": "a"}, {"Regex": r"[aeiou]+|\s"}, {"Regex": r"b*"}], ids=["string", "regex", "empty"])
def test_split_behaviors(gpt2, tmp_path, behavior, invert, pattern):
    split = {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
    bytes_only = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    file = variant(gpt2, tmp_path, pre_tokenizer={"type": "Sequence", "pretokenizers": [split, bytes_only]})
    rng = random.Random(11)
    texts = ["".join(rng.choice("abcdeiou \n-") for _ in range(rng.randint(1, 40))) for _ in range(300)]
    same_ids(f"{behavior} {invert}", file, load(file), texts, tmp_path)


@pytest.mark.parametrize("stage", [
    {"type": "Digits", "individual_digits": True}, {"type": "Digits", "individual_digits": False},
    {"type": "WhitespaceSplit"},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": True},
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
], ids=lambda stage: "-".join(str(v) for v in stage.values()).replace("\u2581", "mark"))
def test_pre_tokenizers(gpt2, mistral, tmp_path, stage):
    base = mistral if stage["type"] == "Metaspace" else gpt2
    bytes_only = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    stages = [stage] if stage["type"] in ("Metaspace", "ByteLevel") else [stage, bytes_only]
    file = variant(base, tmp_path, pre_tokenizer={"type": "Sequence", "pretokenizers": stages})
    same_ids(stage["type"], file, load(file), list(odd_text(1500, seed=5)), tmp_path)


@pytest.mark.parametrize("options", [{"fuse_unk": False}, {"fuse_unk": True}, {"fuse_unk": True, "byte_fallback": True}],
                         ids=["unknown", "fused", "bytes"])
def test_unknown_characters(mistral, tmp_path, options):
    """With half of the <0xNN> tokens renamed away, some characters fall back to bytes and others stay unknown."""
    content = json.loads(mistral.to_str())
    vocabulary = {(f"gone{token}" if token.startswith("<0x") and int(token[3:5], 16) % 2 else token): i
                  for token, i in content["model"]["vocab"].items()}
    file = variant(mistral, tmp_path, model={"unk_token": "<unk>", "byte_fallback": False, "vocab": vocabulary, **options})
    same_ids("unknown", file, load(file), list(odd_text(1500, seed=9)), tmp_path)


def test_without_special_tokens(mistral, records, tmp_path):
    file = variant(mistral, tmp_path)
    same_ids("no special tokens", file, load(file), records[:100], tmp_path, special=False)


def test_invalid_utf8_becomes_what_python_makes_of_it(gpt2, tmp_path):
    file = variant(gpt2, tmp_path)
    rng = random.Random(13)
    starts = [b"\xe2\x82\xac", b"\xf0\x9f\x98\x80", b"\xc3\xa9", b"\xed\xa0\x80", b"a", b"\xf4\x8f\xbf\xbf", b"\xe0\xa0\x80"]
    texts = [b"".join(rng.choice([rng.choice(starts)[:rng.randint(1, 4)], bytes([rng.randrange(255)])]) for _ in range(30))
             for _ in range(2000)]
    found, _ = our_ids(file, texts, tmp_path)
    reference = load(file)
    assert found == [reference.encode(text.decode("utf-8", "replace")).ids for text in texts]


def test_every_code_point_of_the_basic_planes(gpt2, tmp_path):
    """Categories and normal forms of the libraries agree on every character that Python's Unicode knows."""
    file = variant(gpt2, tmp_path, normalizer={"type": "NFC"}, pre_tokenizer=splits(GPT4O))
    texts = [f"a{c}b {c}{c} 1{c}\u0301" for c in assigned(1, 0x30000)]
    same_ids("every character", file, load(file), texts, tmp_path)
