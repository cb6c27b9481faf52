"""tools/prepare_study on a small data folder of its own: what it writes, and that no validation passage was pretrained on."""

import json
import random
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = runpy.run_path(str(ROOT / "tools/prepare_study"))
PER_AUTHOR = TOOL["PASSAGES_TO_VALIDATE"] + TOOL["PASSAGES_TO_TRAIN"]
SPLITS = ("train", "validation")


def paragraph(words):
    """Long enough to be a passage, of two lines, as books have them."""
    text = " ".join(words.choices(["whale", "carriage", "raft", "submarine", "ball", "castle", "the", "of", "a"], k=40))
    return text[:90] + "\n" + text[90:]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepare")
    words = random.Random(5)
    data = folder / "data"
    for name in ["text/books", "instruct/flan_cot", "instruct/t0_p3"]:
        (data / name).mkdir(parents=True)
    for book in TOOL["AUTHORS"].values():
        chapters = ["# Chapter", "Too short."] + [paragraph(words) for _ in range(PER_AUTHOR + 50)]
        (data / "text/books" / f"{book}.md").write_text("\n\n".join(chapters), encoding="utf-8")
    (data / "text/tinyshakespeare.txt").write_text("\n\n".join(paragraph(words) for _ in range(40)))
    (data / "text/wikitext2_valid.txt").write_text(" \n".join(paragraph(words) for _ in range(40)))
    (data / "instruct/flan_cot/creak_train.tsv").write_text("Is it so?\\nAnswer:\tyes\tbecause\n")
    (data / "instruct/t0_p3/paws.jsonl").write_text(
        json.dumps({"prompt": "Same? ", "completion": "No<|endoftext|>"}) + "\n")
    for out in ["out", "again"]:
        subprocess.run([sys.executable, ROOT / "tools/prepare_study", data, folder / out, "--vocabulary", "300"],
                       check=True, capture_output=True)
    return folder


def test_equal_data_give_equal_files(prepared):
    files = sorted(path.relative_to(prepared / "out") for path in (prepared / "out").rglob("*") if path.is_file())
    assert len(files) == 10
    for file in files:
        assert (prepared / "out" / file).read_bytes() == (prepared / "again" / file).read_bytes(), file


def test_authors_have_equally_many_passages(prepared):
    for split, number in zip(SPLITS, [TOOL["PASSAGES_TO_TRAIN"], TOOL["PASSAGES_TO_VALIDATE"]]):
        rows = lines(prepared / "out" / f"authorship_{split}.jsonl")
        by_author = {author: sum(row["author"] == author for row in rows) for author in TOOL["AUTHORS"]}
        assert by_author == dict.fromkeys(TOOL["AUTHORS"], number)
        assert all(120 <= len(row["text"]) <= 200 and "\n" not in row["text"] for row in rows)


def test_no_validation_passage_was_pretrained_or_finetuned_on(prepared):
    passages = [row["text"] for row in lines(prepared / "out/authorship_validation.jsonl")]
    assert not {row["text"] for row in lines(prepared / "out/authorship_train.jsonl")} & set(passages)
    for name in ["pretrain", "held_out", "replay"]:
        text = " ".join(" ".join(row["text"].split()) for row in lines(prepared / "out" / f"{name}.jsonl"))
        assert not [passage for passage in passages if passage in text], name


def test_training_passages_stay_in_the_corpus(prepared):
    corpus = " ".join(" ".join(row["text"].split()) for name in ["pretrain", "held_out"]
                      for row in lines(prepared / "out" / f"{name}.jsonl"))
    assert all(row["text"] in corpus for row in lines(prepared / "out/authorship_train.jsonl"))


def test_instructions_are_prompts_and_completions(prepared):
    rows = lines(prepared / "out/instruct.jsonl")
    assert sorted((row["prompt"], row["completion"]) for row in rows) == [
        ("Is it so?\nAnswer:\n", "yes"), ("Same?\n", "No")]
