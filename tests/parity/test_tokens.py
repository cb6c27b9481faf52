"""Tokenizer against model, and against the other model of a comparison: what does not fit is said where it matters, and nowhere else."""

import json
import shutil

import pytest
import tokenizers
import transformers

from conftest import TEXT_VOCABULARY, expect_error, random_sentences, uncurl, write_json, write_rows

BEYOND = "<image>"


@pytest.fixture(scope="module")
def with_token(models, tmp_path_factory):
    """A checkpoint whose tokenizer has one token more than the model has embeddings."""
    model = shutil.copytree(models.checkpoint("qwen3_moe"), tmp_path_factory.mktemp("added") / "model")
    tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == TEXT_VOCABULARY
    tokenizer.add_special_tokens([BEYOND])
    tokenizer.save(str(model / "tokenizer.json"))
    return model


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """(rows that all can be read, the same with one that uses the token)"""
    folder = tmp_path_factory.mktemp("rows")
    sentences = random_sentences(11, 40)
    def write(name, edit):
        path = folder / name
        path.write_text("".join(json.dumps({"prompt": edit(i) + s, "completion": " yes"}) + "\n" for i, s in enumerate(sentences)))
        return path
    return write("rows.jsonl", lambda i: ""), write("with_token.jsonl", lambda i: BEYOND if i == 6 else "")


def test_tokens_without_embedding_matter_where_a_row_uses_them(with_token, rows, tmp_path):
    plain, using = rows
    assert transformers.AutoTokenizer.from_pretrained(with_token)(BEYOND).input_ids == [TEXT_VOCABULARY]
    uncurl("eval", with_token, "--task", plain)
    uncurl("observe", with_token, "--task", plain, "-o", tmp_path / "plain.safetensors")
    naming = [f"{using}:7", BEYOND, TEXT_VOCABULARY, "embeddings"]
    expect_error("eval", with_token, "--task", using, naming=naming)
    expect_error("observe", with_token, "--task", using, "-o", tmp_path / "using.safetensors", "--max-tokens", 100000,
                 naming=naming)


def test_rows_with_such_tokens_can_be_left_out(with_token, rows, tmp_path):
    out = tmp_path / "eval.json"
    uncurl("eval", with_token, "--task", rows[1], "--skip-bad-rows", "-o", out)
    assert json.loads(out.read_text())["results"][0]["items"] == 39
    uncurl("observe", with_token, "--task", rows[1], "--skip-bad-rows", "-o", tmp_path / "s.safetensors")


def test_a_text_without_a_prompt_needs_a_token_before_it(models, rows, tmp_path):
    model = models.checkpoint("qwen3_moe")  # names neither bos nor eos
    uncurl("eval", model, "--task", rows[0])
    text = write_rows(tmp_path / "plain.jsonl", random_sentences(12, 4))
    expect_error("eval", model, "--task", text, naming=["tokenizer_config.json", "bos_token", f"{text}:1"])


def test_models_of_other_tokenizers_are_not_compared(models, rows, tmp_path):
    original, same, other = (shutil.copytree(models.checkpoint("qwen3_moe"), tmp_path / name) for name in ("a", "b", "c"))
    file = same / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()), indent=3))
    assert "make the same tokens" in uncurl("eval", same, "--against", original, "--task", rows[0])
    swapped = json.loads(file.read_text())
    vocabulary = swapped["model"]["vocab"]
    vocabulary["e"], vocabulary["t"] = vocabulary["t"], vocabulary["e"]
    write_json(other / "tokenizer.json", swapped)
    ids = lambda folder: [transformers.AutoTokenizer.from_pretrained(folder)(json.loads(row)["prompt"] + " yes").input_ids
                          for row in rows[0].read_text().splitlines()]
    row = next(i for i, (a, b) in enumerate(zip(ids(other), ids(original)), 1) if a != b)
    expect_error("eval", other, "--against", original, "--task", rows[0],
                 naming=[other, original, "tokenizers differ", f"{rows[0]}:{row} "])
    assert "make the same tokens" not in uncurl("eval", original, "--against", original, "--task", rows[0])


def test_statistics_of_another_tokenizer_are_refused(models, rows, tmp_path):
    model = shutil.copytree(models.checkpoint("qwen3_moe"), tmp_path / "model")
    stats = tmp_path / "stats.safetensors"
    uncurl("observe", model, "--task", rows[0], "-o", stats)
    uncurl("plan", model, stats, "--experts", 4, "-o", tmp_path / "plan.json")
    write_json(model / "tokenizer_config.json", {"chat_template": "{{ messages }}"})  # decides no id
    uncurl("plan", model, stats, "--experts", 4, "-o", tmp_path / "again.json")
    (model / "tokenizer.json").write_text((model / "tokenizer.json").read_text() + "\n")
    expect_error("plan", model, stats, "--experts", 4, "-o", tmp_path / "other.json", naming=[stats, "another tokenizer"])


def test_every_file_of_the_tokenizer_is_carried(models, rows, tmp_path):
    model = shutil.copytree(models.checkpoint("qwen3_moe"), tmp_path / "model")
    (model / "additional_chat_templates").mkdir()
    (model / "additional_chat_templates" / "tool_use.jinja").write_text("tools: {{ messages }}")
    (model / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    for name in ("special_tokens_map.json", "added_tokens.json"):
        write_json(model / name, {})
    out = tmp_path / "out"
    uncurl("prune", model, "--task", rows[0], "--experts", 4, "--method", "reap", "-o", out)
    before, after = (transformers.AutoTokenizer.from_pretrained(folder) for folder in (model, out))
    assert after.chat_template == before.chat_template and len(before.chat_template) == 2
    for name in ("special_tokens_map.json", "added_tokens.json", "tokenizer_config.json", "tokenizer.json"):
        assert (out / name).read_bytes() == (model / name).read_bytes()
