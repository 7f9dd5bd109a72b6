"""Chapter 3's decoding, data, rivals and measurements, by hand on small cases."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course import data
from course.chapters import load_definitions
from tests.helpers.tensors import CLOSE
from tests.helpers.transformers import END, PAD, chapter, jittered

# Decoding.


class Copier(nn.Module):
    """Stands for a model: it writes its source, whatever that is; 9 starts and 10 ends."""

    start, end = END - 1, END

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def encode(self, source):
        return source, source != PAD

    def decode(self, target, memory, mask):
        return F.one_hot(memory[:, : target.shape[1]], END + 1).float(), None


def test_greedy_ends_each_row_at_its_end_token():
    source = torch.tensor([[3, 4, END, 5, 6], [7, END, 1, 1, 1], [2, 2, 2, 2, 2]])
    expected = [[3, 4, END, 0, 0], [7, END, 0, 0, 0], [2, 2, 2, 2, 2]]
    assert chapter.greedy(Copier(), source, 5).tolist() == expected
    assert chapter.greedy(Copier(), source[:2], 5).tolist() == [row[:3] for row in expected[:2]]
    assert chapter.greedy(Copier(), source, 2).tolist() == [row[:2] for row in expected]


def test_exact_asks_for_every_token():
    target = torch.tensor([[3, 4, END, 0], [7, END, 0, 0], [2, 2, 2, END], [2, 2, 2, END], [7, END, 0, 0]])
    source = target.clone()
    source[2, 1] = 5
    for batch_size in (1, 2, 500):
        right = chapter.exact(Copier(), source, target, batch_size)
        assert right.tolist() == [True, True, False, True, True]
    longer = target.clone()
    longer[1, 1:3] = torch.tensor([1, END])  # the model stops too early
    assert chapter.exact(Copier(), source, longer).tolist() == [True, False, False, True, True]


def small(seed):
    """An untrained model whose targets can all be tried, and a source."""
    torch.manual_seed(seed)
    return chapter.Transformer(5, 7, 16, 2, 16, (1, 1)).double(), torch.randint(1, 5, (1, 4))


@pytest.mark.parametrize("seed", range(6))
def test_greedy_by_hand_and_the_beam_of_width_1(seed):
    model, source = small(seed)
    written = []
    while len(written) < 5 and (not written or written[-1] != model.end):
        logits = model(source, torch.tensor([[model.start, *written]]))[0, -1].tolist()
        written.append(max((1, 2, 3, 4, 6), key=logits.__getitem__))  # 0 is padding, 5 starts
    assert chapter.greedy(model, source, 5)[0].tolist() == written
    tokens, scores = chapter.beam(model, source, 5, 1)
    assert tokens[0].tolist() == written + [PAD] * (5 - len(written)) and scores.shape == (1,)


def log_probability(model, source, tokens):
    """ln of the probability of a target up to its end token, token by token."""
    total, before = 0.0, [model.start]
    for token in tokens:
        p = model(source, torch.tensor([before]))[0, -1].softmax(-1)
        total, before = total + math.log(p[token].item()), [*before, token]
        if token == model.end:
            break
    return total


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_beams_are_sorted_and_their_scores_are_theirs(seed, width):
    model, source = small(seed)
    tokens, scores = chapter.beam(model, source, 4, width)
    assert tokens.shape == (width, 4) and scores.tolist() == sorted(scores.tolist(), reverse=True)
    assert len({tuple(row) for row in tokens.tolist()}) == width
    for row, score in zip(tokens.tolist(), scores.tolist(), strict=True):
        after = row[row.index(model.end) + 1 :] if model.end in row else []
        assert not any(after) and PAD not in row[: 4 - len(after)]
        assert score == pytest.approx(log_probability(model, source, row), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_best_of_all(seed):
    model, source = small(seed)
    targets = {
        row[: row.index(model.end) + 1] if model.end in row else row
        for row in itertools.product((1, 2, 3, 4, 6), repeat=2)
    }
    with torch.no_grad():
        every = sorted((log_probability(model, source, row) for row in targets), reverse=True)
        assert chapter.best_of_all(model, source, 2) == pytest.approx(every[0], abs=1e-9)
        best = chapter.best_of_all(model, source, 3)
    found = chapter.beam(model, source, 2, 500)[1][: len(every)].tolist()
    assert found == pytest.approx(every, abs=1e-6)
    for width, misses in ((1, False), (500, True)):
        score = chapter.beam(model, source, 3, width)[1][0].item()
        assert score <= best + 1e-6 and (not misses or score == pytest.approx(best, abs=1e-6))


# Data.


def test_sequences_are_reversed_by_hand():
    source, target = chapter.reverse_batch(chapter.Draws(0), 800)
    assert source.shape == (800, 16) and target.shape == (800, 17)
    lengths, symbols = set(), set()
    for row, answer in zip(source.tolist(), target.tolist(), strict=True):
        text = [token for token in row if token]
        assert row == text + [0] * (16 - len(text))
        assert answer == text[::-1] + [22] + [0] * (16 - len(text))
        lengths.add(len(text))
        symbols.update(text)
    assert lengths == set(range(8, 17)) and symbols == set(range(1, 21))


@pytest.mark.parametrize("groups", [4, 8])
def test_batches_hold_rows_of_similar_lengths(groups):
    lengths = torch.randint(8, 31, (1003,), generator=torch.Generator().manual_seed(0))
    source = (torch.arange(30) < lengths[:, None]).long()
    order = chapter.batches_by_length(source, 16, 30, 0, groups)
    assert torch.equal(order, chapter.batches_by_length(source, 16, 30, 0, groups))
    assert not torch.equal(order, chapter.batches_by_length(source, 16, 30, 1, groups))
    epochs = order.unflatten(0, (30, -1, 16))
    n = {4: 4 * 15, 8: 8 * 7}[groups]  # of 4 groups of 251 rows, of 8 of 126
    assert epochs.shape[1] == n and all(len(epoch.unique()) == epoch.numel() for epoch in epochs)
    assert set(order.tolist()) == set(range(1003))
    assert not torch.equal(epochs[0].sort().values, epochs[1].sort().values)

    def padding(batches):
        found = lengths[batches]
        return (found.max(1, keepdim=True).values - found).sum().item()

    at_random = torch.arange(n * 16).unflatten(0, (n, 16))
    assert max(padding(epoch) for epoch in epochs) < 1.5 / groups * padding(at_random)
    means = lengths[epochs[0]].float().mean(1)  # short and long batches come mixed
    assert abs(torch.corrcoef(torch.stack([means, torch.arange(float(n))]))[0, 1]) < 0.5


def test_dates_become_tokens_and_the_model_keeps_its_vocabulary():
    dates = data.dates(40, validation=0, held_out=0)
    source, target = chapter.date_tokens(dates.train, dates.vocabulary)
    assert data.decode(source, dates.vocabulary) == list(dates.train.texts)
    assert target.shape == (40, 11) and target[:, 10].tolist() == [13] * 40
    assert ["".join(chapter.ISO[i - 1] for i in row[:10]) for row in target.tolist()] == list(dates.train.iso)
    for make in (chapter.date_model, chapter.recurrent_model):
        model = make(dates.vocabulary)
        assert chapter.vocabulary_of(model) == dates.vocabulary and (model.start, model.end) == (12, 13)
        assert model(source[:2], target[:2]).shape == (2, 11, 14)
        other = make("?" * len(dates.vocabulary))
        other.load_state_dict(model.state_dict())
        assert chapter.vocabulary_of(other) == dates.vocabulary


def test_pairs_and_the_nearest_text():
    counts, pairs = chapter.pair_counts(["aaab", "b", "ba"], "ab")  # a is 1, b is 2
    assert pairs.tolist() == [4, 5, 7]  # aa, ab, ba; padding is in no pair
    assert counts.tolist() == [[2, 1, 0], [0, 0, 0], [0, 0, 1]]
    other, _ = chapter.pair_counts(["bbab", "aab"], "ab", pairs)
    assert other.tolist() == [[0, 1, 1], [1, 1, 0]]  # bb is unknown
    train = SimpleNamespace(texts=["ababab", "ab", "cc", "ca"])
    part = SimpleNamespace(texts=["ab", "bababa", "ccc", "ccac", "bca"])
    assert chapter.nearest_texts(part, train, "abc").tolist() == [1, 0, 2, 2, 3]


def test_counts_add_up():
    dates = data.dates(300, validation=0, held_out=0).train
    right = torch.rand(300, generator=torch.Generator().manual_seed(0)) < 0.7
    found = chapter.breakdown(right, dates)
    for names in (dates.languages, dates.styles):
        for name in set(names):
            own = [ok for ok, other in zip(right.tolist(), names, strict=True) if other == name]
            assert found.pop(name) == [sum(own), len(own)]
    assert found == {}
    rows = chapter.by_length(right, dates)
    for first, ok, count in rows:
        pairs = zip(right.tolist(), dates.texts, strict=True)
        own = [ok for ok, text in pairs if first <= len(text) < first + 4]
        assert (ok, count) == (sum(own), len(own)) and first % 4 == 0
    assert sum(count for *_, count in rows) == 300 and sum(ok for _, ok, _ in rows) == right.sum()


def reader():
    """An untrained model of dates, float64."""
    torch.manual_seed(0)
    vocabulary = data.dates(1, validation=0, held_out=0).vocabulary
    model = jittered(chapter.date_model(vocabulary, d_model=16, d_ff=16))
    with torch.no_grad():
        model.output.bias[model.start] = 9  # it would like to write the start token: that is forbidden
    return model.double()


def test_what_is_written_and_what_failed():
    part, model = data.dates(60, validation=0, held_out=0).train, reader()
    texts = chapter.written(model, part.texts)
    for text, output in zip(part.texts[:10], texts[:10], strict=True):  # alone, without the others' padding
        assert chapter.written(model, [text]) == [output] and len(output) <= 11
    right = torch.arange(60) % 2 == 0
    found = chapter.failures(model, right, part)
    assert found == [[part.texts[i], part.iso[i], texts[i]] for i in range(1, 41, 2)]


def test_a_translation_shows_what_was_read():
    module = load_definitions("03_attention")
    module.reader = model = reader()
    found = module.translate("  May 5,\u00a02021 ")
    assert found["source"] == "May 5, 2021"
    assert found["output"] == chapter.written(model, ["May 5, 2021"], 12)[0]
    length = len(found["output"])
    assert found["probs"].shape == (length,) and found["attn"].shape == (1, 4, length, 11)
    source = data.encode(["May 5, 2021"], chapter.vocabulary_of(model))
    before = torch.tensor([[model.start, *(chapter.ISO.index(c) + 1 for c in found["output"])]])
    logits, attn = model.decode(before[:, :-1], *model.encode(source))
    p = logits.softmax(-1)[0, torch.arange(length), before[0, 1:]]
    torch.testing.assert_close(found["probs"], p, **CLOSE)
    torch.testing.assert_close(found["attn"], attn[:, 0], **CLOSE)
    with pytest.raises(ValueError, match="41"):
        module.translate("1" * 41)


# The rivals.


def rival(**settings):
    torch.manual_seed(0)
    return jittered(chapter.RecurrentTranslator(9, END + 1, d_model=3, d_h=4, **settings).double())


def test_additive_attention_by_hand():
    model = rival()
    source, target = torch.tensor([[3, 1, 2]]), torch.tensor([[9, 4, 7, 1]])
    memory, (forth, back) = model.encoder(model.source(source))
    last = torch.cat([forth, back], 1)[0]
    h, logits = torch.tanh(last @ model.first.weight.T + model.first.bias), []
    for token in target[0]:
        queries = model.of_state.weight @ h + model.of_state.bias
        keys = memory[0] @ model.of_memory.weight.T + model.of_memory.bias
        scores = torch.tanh(queries + keys) @ model.v.weight[0]
        weights = scores.exp() / scores.exp().sum()
        context = weights @ memory[0]
        h = model.decoder(torch.cat([model.target.weight[token], context])[None], h[None])[0]
        logits.append(model.output.weight @ torch.cat([h, context]) + model.output.bias)
    torch.testing.assert_close(model(source, target)[0], torch.stack(logits), **CLOSE)
    _, found = model.decode(target, *model.encode(source))
    torch.testing.assert_close(found[-1][0], weights, **CLOSE)


@pytest.mark.parametrize("looks_back", [True, False])
def test_the_rivals_mind_padding_and_the_future(looks_back):
    model = rival(looks_back=looks_back)
    source = torch.tensor([[3, 1, 2, 0, 0], [4, 5, 6, 7, 8]])
    target = torch.tensor([[9, 4, 7, 1], [9, 1, 2, 3]])
    logits = model(source, target)
    torch.testing.assert_close(logits[:1], model(source[:1, :3], target[:1]), **CLOSE)
    torch.testing.assert_close(logits, model(F.pad(source, (0, 3)), target), **CLOSE)
    changed = target.clone()
    changed[:, 2:] = 8
    other = model(source, changed)
    assert torch.equal(other[:, :2], logits[:, :2]) and not torch.equal(other[:, 2], logits[:, 2])
    with torch.no_grad():
        model.output.bias[[PAD, model.start]] = -1e9
        written = chapter.greedy(model, source, 6)
        forced = model(source, chapter.shifted(written, model.start)).argmax(-1)
    assert torch.equal(written, forced.masked_fill(written == PAD, PAD))


def test_without_attention_the_source_is_its_last_state():
    source, target = torch.tensor([[3, 1, 2]]), torch.tensor([[9, 4, 7, 1]])
    for looks_back in (True, False):
        model = rival(looks_back=looks_back)
        memory, mask = model.encode(source)
        memory = memory.detach().requires_grad_()
        logits, weights = model.decode(target, memory, mask)
        (gradient,) = torch.autograd.grad(logits.square().sum(), memory)
        assert gradient[:, 0].any() and bool(gradient[:, 1:].any()) is looks_back
        assert len(weights) == (4 if looks_back else 0)


# Measurements and failures.


@given(st.floats(-3, 3), st.floats(0.01, 100))
def test_exponents_of_power_laws(power, factor):
    lengths = [16, 32, 50, 128, 256, 1000]
    values = [factor * length**power for length in lengths]
    assert chapter.exponent(lengths, values) == pytest.approx(power, abs=1e-9)
    assert chapter.exponent(lengths, [7.0, 9.0, *values[2:]]) == pytest.approx(power, abs=1e-9)


def test_costs_are_counted_once():
    module = chapter.MultiHeadAttention(8, 2)
    kept = [chapter.cost(module, torch.randn(1, steps, 8), rounds=1)[1] for steps in (200, 400, 800)]
    # Quadratic: the weights of 2 heads, 4 bytes each, counted once although softmax and product keep them.
    second = (kept[2] - kept[1] - 2 * (kept[1] - kept[0])) / (800**2 - 400**2 - 2 * (400**2 - 200**2))
    assert second == pytest.approx(2 * 4 / 1e6, rel=0.01)


# Parts of the data.


def test_what_is_unseen_is_not_in_the_training_part():
    assert set(chapter.UNSEEN) == {"Russian", "the century 1900 to 1999"}
    for what, (train, test) in chapter.UNSEEN.items():
        trained = data.dates(500, validation=0, **train).train
        unseen = data.dates(200, validation=0, held_out=0, **test).train
        if what == "Russian":
            assert "ru" not in trained.languages and set(unseen.languages) == {"ru"}
        else:
            assert {iso[:2] for iso in trained.iso} == {"20"} and {iso[:2] for iso in unseen.iso} == {"19"}


def test_the_slices_of_an_iso_date():
    found = {name: "1987-06-05"[part] for name, part in chapter.SLICES.items()}
    assert found == {"date": "1987-06-05", "century": "19", "year in it": "87", "month": "06", "day": "05"}
