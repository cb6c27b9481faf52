"""`uncurl eval --against`: what two models say of the same rows, beside logits of transformers, compared with NumPy and SciPy."""

import json
import re
import shutil

import numpy as np
import pytest
import scipy.stats
import torch
from safetensors import safe_open

from conftest import open_checkpoint, random_sentences, uncurl, write_json, write_rows

QUESTIONS = 80


def disturb(model):
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if "mlp" in name:
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.5 * parameter.std().item())


@pytest.fixture(scope="module")
def pair(models, tmp_path_factory):
    """(original, another model of the same shape)"""
    folder = tmp_path_factory.mktemp("pair")
    original = shutil.copytree(models.checkpoint("qwen3_moe"), folder / "original")
    other = models.build(folder / "other", "qwen3_moe", edit=disturb)
    for model in (original, other):  # plain text begins after the end of another
        write_json(model / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "!"})
    return original, other


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """(task file of questions with two choices, plain text, the questions, the texts)"""
    folder = tmp_path_factory.mktemp("rows")
    sentences = random_sentences(8, 3 * QUESTIONS)
    questions = [{"stem": sentences[3 * i], "a": f" {sentences[3 * i + 1][:12]}", "b": f" {sentences[3 * i + 2][:9]}",
                  "label": i % 2} for i in range(QUESTIONS)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    task = write_json(folder / "follows.json", {
        "name": "follows", "description": "What follows?", "metric": "accuracy", "rows": {"test": "rows.jsonl"},
        "prompt": "{stem}", "choices": ["{a}", "{b}"], "label": {"field": "label"}})
    texts = random_sentences(9, 30)
    return task, write_rows(folder / "plain.jsonl", texts), questions, texts


@pytest.fixture(scope="module")
def compared(pair, rows, tmp_path_factory):
    """(eval.json, its flips, what was printed)"""
    out = tmp_path_factory.mktemp("against") / "eval.json"
    printed = uncurl("eval", pair[1], "--against", pair[0], "--task", rows[0], "--task", rows[1], "--dtype", "f32", "-o", out)
    flips = [json.loads(line) for line in out.with_suffix(".flips.jsonl").read_text().splitlines()]
    return json.loads(out.read_text()), flips, printed


class Predictions:
    """fp64 log-probabilities of transformers for the tokens of a text after a context, by both models."""

    def __init__(self, models, pair):
        self.tokenizer = models.tokenizer
        self.models = [open_checkpoint(folder) for folder in pair]

    def after(self, context, text):
        """ids [t] and log-probabilities [2,t,V] of the tokens of `text`"""
        encode = lambda string: self.tokenizer.encode(string).ids
        before, whole = encode(context), encode(context + text)
        ids = whole[len(before):]
        with torch.no_grad():
            logits = torch.stack([model(torch.tensor([whole])).logits[0] for model in self.models]).double()
        return ids, torch.log_softmax(logits, -1)[:, len(before) - 1:-1]


def row_numbers(ids, logprobs):
    """Of one text: tokens, loss of both, KL(original || other), equal likeliest tokens."""
    chosen = logprobs[:, torch.arange(len(ids)), ids].sum(1)
    kl = (logprobs[0].exp() * (logprobs[0] - logprobs[1])).sum()
    agrees = (logprobs[0].argmax(-1) == logprobs[1].argmax(-1)).sum()
    return [len(ids), -chosen[0].item(), -chosen[1].item(), kl.item(), agrees.item()]


@pytest.fixture(scope="module")
def expected(models, pair, rows):
    """By task the numbers of each row, [rows,5]; of the questions whether each model is right, [rows,2]."""
    predictions = Predictions(models, pair)
    numbers, right = [], []
    for question in rows[2]:
        of_choice = [predictions.after(question["stem"], question[key]) for key in ("a", "b")]
        sums = np.array([[-n for n in row_numbers(*choice)[1:3]] for choice in of_choice])  # [choice,model]
        right.append(sums.argmax(0) == question["label"])
        numbers.append(row_numbers(*of_choice[question["label"]]))
    plain = [row_numbers(*predictions.after("!", text)) for text in rows[3]]
    return np.array(numbers), np.array(plain), np.array(right, dtype=float)


def ratio(numerators, tokens):
    """Cochran's ratio estimate over rows with Student's 95% interval."""
    n, mean = len(tokens), numerators.sum() / tokens.sum()
    error = np.sqrt(n / (n - 1) * np.square(numerators - mean * tokens).sum()) / tokens.sum()
    half = scipy.stats.t.ppf(0.975, n - 1) * error
    return [mean, mean - half, mean + half]


def share(successes, trials):
    """That ratio with Wilson's interval, whose ends p solve (share - p)^2 = z^2 p (1 - p) / n, for the n that would give
    independent trials the same half width."""
    mean, _, high = ratio(successes, trials)
    z = scipy.stats.norm.ppf(0.975)
    n = min(trials.sum(), mean * (1 - mean) / ((high - mean) / z) ** 2)
    return [mean, *sorted(np.roots([1 + z ** 2 / n, -2 * mean - z ** 2 / n, mean ** 2]))]


def estimate(json):
    return [json["value"], json["low"], json["high"]]


@pytest.mark.parametrize("task", [0, 1], ids=["questions", "plain"])
def test_kl_agreement_and_loss_are_those_of_the_logits_of_transformers(compared, expected, task):
    tokens, before, after, kl, agrees = expected[task].T
    found = compared[0]["results"][task]
    assert found["tokens"] == tokens.sum()
    for name, numerators in (("kl", kl), ("loss", after)):
        assert estimate(found[name]) == pytest.approx(ratio(numerators, tokens), abs=1e-4), name
    assert estimate(found["agreement"]) == pytest.approx(share(agrees, tokens), abs=1e-4)
    assert estimate(compared[0]["original"]["results"][task]["loss"]) == pytest.approx(ratio(before, tokens), abs=1e-4)
    difference = compared[0]["comparison"][task]["loss_difference"]
    assert estimate(difference) == pytest.approx(ratio(after - before, tokens), abs=1e-4)
    assert found["kl"]["value"] > 0.05  # the models do differ


def metric(compared, task, name):
    (found,) = [m for m in compared[0]["comparison"][task]["metrics"] if m["metric"] == name]
    return found


def test_lost_and_gained_rows_have_the_exact_mcnemar_test(compared, expected):
    before, after = expected[2].T
    lost, gained = int((before > after).sum()), int((after > before).sum())
    assert lost > 3 and gained > 3
    acc = metric(compared, 0, "acc")
    assert (acc["n"], acc["lost"], acc["gained"]) == (QUESTIONS, lost, gained)
    assert acc["mcnemar_p"] == pytest.approx(scipy.stats.binomtest(lost, lost + gained).pvalue, abs=1e-12)
    assert (acc["original"]["value"], acc["model"]["value"]) == (before.mean(), after.mean())


def test_differences_have_the_paired_bootstrap_interval(compared, expected):
    """Percentiles of 2,000 draws scatter around those of many: by 0.06 standard errors each (the density of a normal
    at its 2.5% quantile is 0.058), of which we allow four, and one step where the statistic is a share of rows."""
    tokens, before, after = expected[1].T[:3]
    perplexity = lambda loss, tokens: np.exp(loss.sum(-1) / tokens.sum(-1))
    draws = np.random.default_rng(1)
    cases = {
        (0, "acc"): (expected[2].T, lambda a, b, axis=-1: b.mean(axis) - a.mean(axis), 1 / QUESTIONS),
        (1, "token_perplexity"): ((before, after, tokens),
                                  lambda a, b, t, axis=-1: perplexity(b, t) - perplexity(a, t), 0)}
    for (task, name), (data, statistic, step) in cases.items():
        wanted = scipy.stats.bootstrap(tuple(data), statistic, paired=True, method="percentile", n_resamples=50000,
                                       rng=draws)
        found = metric(compared, task, name)["difference"]
        assert found["value"] == pytest.approx(statistic(*data), rel=1e-3)
        tolerance = 4 * 0.06 * wanted.standard_error + step
        assert found["low"] == pytest.approx(wanted.confidence_interval.low, abs=tolerance)
        assert found["high"] == pytest.approx(wanted.confidence_interval.high, abs=tolerance)


def test_flips_are_the_rows_whose_outcome_changed_with_their_texts(compared, expected, rows):
    before, after = expected[2].T
    flips = [flip for flip in compared[1] if flip["task"] == "follows"]
    assert [flip["row"] for flip in flips] == list(np.flatnonzero(before != after))
    assert compared[0]["comparison"][0]["flips"] == len(flips)
    for flip in flips:
        question = rows[2][flip["row"]]
        assert (flip["prompt"], flip["choices"]) == (question["stem"], [question["a"], question["b"]])
        assert (flip["original"]["score"], flip["model"]["score"]) == (before[flip["row"]], after[flip["row"]])
        tokens, kl = expected[0][flip["row"]][[0, 3]]
        assert flip["kl"] == pytest.approx(kl / tokens, abs=1e-4)


def test_every_number_on_the_terminal_has_its_n_and_interval(compared):
    (line,) = [line for line in compared[2].splitlines() if line.split()[:2] == ["follows", "acc"]]
    interval = r"-?\d\.\d{4} \[-?\d\.\d{4}, -?\d\.\d{4}\]"
    assert re.fullmatch(rf"follows +acc +{QUESTIONS} +{interval} +{interval} +{interval} +\d+ +\d+ +\d\.\d{{4}}", line)
    (kl,) = [line for line in compared[2].splitlines() if "KL(original || model)" in line][:1]
    assert re.search(rf" \d+ +{interval}$", kl)


def test_the_file_says_what_was_compared(compared, pair, models):
    file = compared[0]
    with safe_open(models.stats("qwen3_moe"), "np") as stats:
        observed = json.loads(stats.metadata()["uncurl"])["provenance"]
    assert file["against"]["fingerprint"] == observed["model_fingerprint"] != file["model"]["fingerprint"]
    assert (file["dtype"], file["original"]["dtype"], file["max_length"], file["template"]) == ("f32", "f32", 128, None)
    questions, plain = file["results"]
    assert re.fullmatch("[0-9a-f]{32}", questions["task_hash"]) and plain["task_hash"] is None


def test_alone_a_model_gets_the_numbers_that_it_gets_beside_another(tmp_path, compared, pair, rows):
    for folder, results in zip(pair, (compared[0]["original"]["results"], compared[0]["results"])):
        uncurl("eval", folder, "--task", rows[0], "--task", rows[1], "--dtype", "f32", "-o", tmp_path / "alone.json",
               "--overwrite")
        without = lambda result: {k: v for k, v in result.items() if k not in ("kl", "agreement")}
        alone = json.loads((tmp_path / "alone.json").read_text())["results"]
        assert [without(result) for result in alone] == [without(result) for result in results]
