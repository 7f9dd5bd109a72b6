"""Chapter 2's own cells against PyTorch, over random shapes, and what its measurements rest on."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course import data
from course.chapters import load_definitions
from course.compare import check_agreement

chapter = load_definitions("02_rnn")
sizes = st.integers(1, 4)
CELLS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}


@given(st.sampled_from(list(CELLS)), sizes, sizes, st.integers(1, 3), sizes, st.integers(1, 7), sizes)
def test_cells_equal_torch(name, d_in, d_h, layers, batch, steps, seed):
    torch.manual_seed(seed)
    theirs = CELLS[name](d_in, d_h, layers, batch_first=True)
    chapter.agrees(getattr(chapter, name)(d_in, d_h, layers), theirs, batch, steps, seed)


@pytest.mark.parametrize("name", CELLS)
def test_a_missing_state_is_zero(name):
    cell, x = getattr(chapter, name)(3, 5, 2), torch.randn(4, 6, 3)
    zero = torch.zeros(2, 4, 5)
    y, _ = cell(x, (zero, zero) if name == "LSTM" else zero)
    assert torch.equal(cell(x)[0], y)


@pytest.mark.parametrize("name", CELLS)
def test_the_modules_start_like_torch(name):
    torch.manual_seed(0)
    ours, theirs = getattr(chapter, name)(7, 25), CELLS[name](7, 25)
    for (mine_name, mine), (name, other) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        assert (mine_name, mine.shape) == (name, other.shape)
        assert 0.15 < mine.abs().max() <= 0.2 >= other.abs().max()


@given(sizes, st.integers(1, 9), sizes, sizes, st.sampled_from([1.0, 1e4]))
def test_lstm_by_hand_equals_the_naive_loop(batch, steps, d_in, d_h, size):
    case = chapter.random_case(batch, steps, d_in, d_h, blocks=4, states=2, seed=steps)
    case["x"] *= size
    check_agreement(chapter.fast_lstm, chapter.naive_lstm, **case)


def test_the_grus_of_cho_and_chung_are_those_of_their_papers():
    case = chapter.random_case(2, 4, 3, 4, blocks=3)
    weights = case["weight_xh"], case["weight_hh"], case["bias"], torch.zeros(4, dtype=torch.float64)
    start = case["x"][:, 0], case["h_0"]
    cho, chung = (
        chapter.gru_step(*start, *weights, **dialect)[0]
        for dialect in ({"reset": "before"}, {"reset": "before", "kept_by": "1 - z"})
    )
    # Cho et al. and Chung et al., written out apart from the chapter.
    r, z, n = ((start[0] @ w.T) for w in weights[0].chunk(3))
    u_r, u_z, u_n = weights[1].chunk(3)
    b_r, b_z, b_n = weights[2].chunk(3)
    r, z = torch.sigmoid(r + start[1] @ u_r.T + b_r), torch.sigmoid(z + start[1] @ u_z.T + b_z)
    candidate = torch.tanh(n + b_n + (r * start[1]) @ u_n.T)
    torch.testing.assert_close(cho, z * start[1] + (1 - z) * candidate, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(chung, (1 - z) * start[1] + z * candidate, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [5, 60])
def test_the_gradient_of_a_linear_recurrence_flows_by_powers_of_the_radius(length):
    flow = chapter.gradient_flow("linear", 0.9, 1.0, length, d_h=16)
    assert flow.tolist() == pytest.approx([0.9 ** (length - t) for t in range(length + 1)])


def test_the_forget_bias_lengthens_the_lstms_gradient_and_no_other():
    flows = [chapter.gradient_flow("LSTM", 0.8, bias, 60)[0] for bias in (-1.0, 1.0, 4.0)]
    assert flows[0] < flows[1] < flows[2]
    for other in ("tanh RNN", "GRU"):
        assert len({chapter.gradient_flow(other, 0.8, bias, 20)[0] for bias in (-1.0, 4.0)}) == 1


@given(st.integers(0, 99), st.floats(0.01, 100))
def test_clipping_equals_torch(seed, max_norm):
    found = []
    for clip in (chapter.clip_gradients, nn.utils.clip_grad_norm_):
        torch.manual_seed(seed)
        weights = [nn.Parameter(torch.empty(shape)) for shape in ((3, 2), (3,), (5,))]
        for p in weights[:-1]:  # the last one has no gradient
            p.grad = torch.randn_like(p)
        norm = clip(weights, max_norm)
        found.append([norm, *(p.grad for p in weights[:-1])])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-7)


def test_clipping_a_zero_gradient_leaves_it():
    p = nn.Parameter(torch.ones(3))
    p.grad = torch.zeros(3)
    assert chapter.clip_gradients([p], 1.0) == 0 and p.grad.tolist() == [0, 0, 0]


def test_set_forget_bias_makes_the_sum_of_both_biases():
    for lstm in (nn.LSTM(3, 4, 2), chapter.LSTM(3, 4, 2)):
        other = lstm.bias_ih_l1[:4].clone()
        chapter.set_forget_bias(lstm, 1.5)
        for k in (0, 1):
            total = getattr(lstm, f"bias_ih_l{k}") + getattr(lstm, f"bias_hh_l{k}")
            assert total[4:8].tolist() == [1.5] * 4
        assert torch.equal(other, lstm.bias_ih_l1[:4])


@pytest.mark.parametrize("length", [2, 11])
def test_adding_problems_are_what_they_say(length):
    x, y = chapter.adding_batch(chapter.Draws(0), 500, length)
    assert x.shape == (500, length, 2) and y.shape == (500,)
    marks = x[:, :, 1]
    assert torch.equal(marks.sum(1), torch.full((500,), 2.0))
    assert torch.equal(marks[:, : length // 2].sum(1), torch.ones(500))
    torch.testing.assert_close((x[:, :, 0] * marks).sum(1), y)
    assert set(marks.nonzero()[:, 1].tolist()) == set(range(length))  # every place occurs


def test_recall_problems_are_what_they_say():
    x, symbol = chapter.recall_batch(chapter.Draws(0), 400)
    assert x.shape == (400, 20, 3) and set(x[:, :-1, 0].unique().tolist()) == {-1.0, 1.0}
    assert x[:, -1].tolist() == [[0.0, 0.0, 1.0]] * 400 and x[:, :-1, 2].sum() == 0
    assert torch.equal(x[:, :, 1].sum(1), torch.ones(400))
    assert set(x[:, :, 1].argmax(1).tolist()) == set(range(5))
    assert torch.equal((x[:, :, 0] * x[:, :, 1]).sum(1), symbol)
    model = chapter.Recaller(chapter.GRU)
    answers = model(x)
    expected = (answers[:, -1] - symbol).square().mean() + answers[:, :-1].square().mean()
    assert chapter.recall_loss(model, (x, symbol), None).item() == pytest.approx(expected.item())


def test_the_traced_gates_make_the_states():
    torch.manual_seed(0)
    for lstm in (nn.LSTM(3, 4, batch_first=True), chapter.LSTM(3, 4)):
        x = torch.randn(2, 6, 3)
        with torch.no_grad():
            found, (y, (_, c)) = chapter.trace(lstm, x), lstm(x)
        assert {name: tuple(part.shape) for name, part in found.items()} == dict.fromkeys("ifgoch", (2, 6, 4))
        torch.testing.assert_close(found["h"], y)
        torch.testing.assert_close(found["c"][:, -1], c[0])
        torch.testing.assert_close(found["o"] * found["c"].tanh(), y)
        kept = found["f"][:, 1:] * found["c"][:, :-1] + found["i"][:, 1:] * found["g"][:, 1:]
        torch.testing.assert_close(kept, found["c"][:, 1:])


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "CellLess"])
def test_cells_bear_the_mixed_precision_of_a_gpu(name):
    torch.manual_seed(0)
    model, x = chapter.Reader(getattr(chapter, name), 2, 8, 1), torch.rand(3, 5, 2)
    with torch.autocast("cpu", torch.bfloat16):
        found = model(x)
        loss = found.float().square().mean()
    loss.backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in model.parameters() if p.ndim > 1)
    torch.testing.assert_close(found.float(), model(x), rtol=0.05, atol=0.02)


def test_the_cell_less_module_runs_its_step():
    torch.manual_seed(0)
    model, x = chapter.CellLess(3, 4), torch.randn(2, 6, 3)
    h, outputs = torch.zeros(2, 4), []
    for t in range(6):
        gates = x[:, t] @ model.weight_ih_l0.T + h @ model.weight_hh_l0.T
        i, f, g, _ = (gates + model.bias_ih_l0 + model.bias_hh_l0).chunk(4, 1)
        h = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * h
        outputs.append(h)
    torch.testing.assert_close(model(x)[0], torch.stack(outputs, 1))


def test_chunks_cut_the_gradient_and_not_the_state():
    torch.manual_seed(0)
    model = chapter.Recaller(chapter.LSTM).double()
    x, y = torch.randn(2, 12, 3, dtype=torch.float64), torch.randn(2, 12, dtype=torch.float64)
    (model(x) - y).square().sum().backward()
    full = torch.cat([p.grad.flatten() for p in model.parameters()])
    cut = chapter.chunked_gradient(model, x, y, 5, chapter.detached)
    assert (cut - full).norm() > 1e-4
    # The output layer's gradient needs no past: it shows that the state's value went on.
    torch.testing.assert_close(cut[-4:], full[-4:], rtol=1e-9, atol=1e-12)


def test_schedules_end_at_zero():
    assert [chapter.hold_then_fall(step, 100) for step in (0, 70, 85, 100)] == pytest.approx([1, 1, 0.5, 0])
    assert [chapter.linear_fall(step, 100) for step in (0, 25, 100)] == [1, 0.75, 0]


def test_streams_follow_one_another():
    windows = chapter.streams(torch.arange(103), 4, 5)
    assert windows.shape == (20, 6)
    batches = windows.split(4)
    for batch, following in zip(batches, batches[1:], strict=False):
        assert torch.equal(batch[:, -1], following[:, 0])  # the last target is the next input
    first = torch.cat([batch[0, :-1] for batch in batches])
    assert first.tolist() == list(range(25))
    assert batches[0][:, 0].tolist() == [0, 25, 50, 75]


@pytest.mark.parametrize("cell", [nn.RNN, nn.LSTM, nn.GRU])
def test_bits_of_a_stream_are_the_mean_surprise_with_the_state_carried(cell):
    torch.manual_seed(0)
    model, text = chapter.CharModel(cell, 8, size=10), torch.randint(10, (61,))
    with torch.no_grad():
        logits, _ = model(text[None, :-1])
    expected = nn.functional.cross_entropy(logits[0], text[1:]).item() / math.log(2)
    assert chapter.bits(model, text, batch_size=1, steps=15) == pytest.approx(expected, rel=1e-5)


def test_the_language_loss_carries_a_detached_state():
    class Run:
        carry = None

    torch.manual_seed(0)
    model, run = chapter.CharModel(d_h=8), Run()
    first, second = torch.randint(75, (2, 3, 7))
    chapter.language_loss(model, (first,), run)
    assert not any(part.requires_grad for part in run.carry)
    loss = chapter.language_loss(model, (second,), run)
    both = torch.cat([first[:, :-1], second[:, :-1]], 1)
    logits = model(both)[0][:, 6:]
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), second[:, 1:].flatten())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()


def test_ngram_bits_of_texts_that_can_be_worked_out():
    found = chapter.ngram_bits("ab" * 500, "ab" * 50, size=2, most=3)
    assert (
        found["Witten-Bell"][0] == pytest.approx(1, abs=1e-3) == pytest.approx(found["add 0.05"][0], abs=1e-3)
    )
    assert max(found["Witten-Bell"][1:] + found["add 0.05"][1:]) < 0.01
    novel = data.novel()
    text = novel.train[:60_000]
    found = chapter.ngram_bits(text, novel.held_out[:3000], 75, most=2)["Witten-Bell"]
    p = {c: (text.count(c) + len(set(text)) / 75) / (len(text) + len(set(text))) for c in novel.vocabulary}
    mean = -sum(math.log2(p[c]) for c in novel.held_out[2:3000]) / 2998
    assert found[0] == pytest.approx(mean, rel=1e-9)


def test_next_probabilities_mind_temperature_and_top_k():
    logits = torch.tensor([1.0, 3.0, 2.0, -1.0])
    p = chapter.next_probabilities(logits, 0.5, 4)
    torch.testing.assert_close(p, (logits / 0.5).softmax(0))
    p = chapter.next_probabilities(logits, 1.0, 2)
    assert p[0] == p[3] == 0 and p.sum() == pytest.approx(1) and p[1] / p[2] == pytest.approx(math.e)
    assert chapter.next_probabilities(1e4 * logits, 0.01, 99).tolist() == [0, 1, 0, 0]
    assert sorted(chapter.next_probabilities(torch.zeros(4), 1.0, 2).tolist()) == [0, 0, 0.5, 0.5]  # ties


def test_samples_follow_the_models_distribution():
    novel = data.novel()
    torch.manual_seed(0)
    model = chapter.CharModel(d_h=8)
    text, p = chapter.sample(model, novel, "The ", 40, temperature=0.7, top_k=10, seed=3)
    assert (text, len(text), p.shape) == (chapter.sample(model, novel, "The ", 40, 0.7, 10, 3)[0], 40, (40,))
    assert text != chapter.sample(model, novel, "The ", 40, 0.7, 10, 4)[0]
    with torch.no_grad():
        logits = model(novel.encode("The " + text)[None, :-1])[0][0, 3:]
    for row, index, found in zip(logits, novel.encode(text), p, strict=True):
        assert chapter.next_probabilities(row, 0.7, 10)[index].item() == pytest.approx(found.item(), rel=1e-3)
    assert len(chapter.sample(model, novel, "", 5)[0]) == 5
    with pytest.raises(ValueError, match="é"):
        chapter.sample(model, novel, "é", 5)


def test_features_of_a_text():
    text = 'He said "so\nit is" ok.\n\n"Open\n\nno'
    found = chapter.text_features(text)
    quoted = "".join(c for c, inside in zip(text, found["inside a quotation"], strict=True) if inside)
    assert quoted == '"so\nit is"Open\n'  # the closing mark ends it, and so does a paragraph's end
    assert found["place in the line"][:13].tolist() == [*range(1, 12), 0, 1]
    assert found["place in the word"][:10].tolist() == [1, 2, 0, 1, 2, 3, 4, 0, 0, 1]
    assert found["between words"].tolist() == [float(not c.isalpha()) for c in text]


def test_a_unit_that_is_a_feature_is_found():
    novel, module = data.novel(), load_definitions("02_rnn")
    text = novel.train[5000:9000]
    line = module.text_features(text)["place in the line"]
    noise = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    parts = dict.fromkeys("chifgo", noise) | {"f": torch.stack([noise[:, 0], 3 - line / 9], 1)}
    module.trace_text = lambda model, novel, text: parts
    found = module.unit_correlations(module.CharModel(d_h=8), novel, text)["place in the line"]
    assert found[module.PARTS.index("f"), 1].item() == pytest.approx(-1, abs=1e-4)
    assert found.abs().sum() < 1.5


def test_what_autograd_keeps_is_counted_and_let_go():
    kept = [chapter.watch(**habit, steps=12)[0] for habit in chapter.HABITS.values()]
    assert chapter.Kept.bytes == 0
    assert [megabytes[-1] > 10 * megabytes[0] for megabytes in kept] == [False, False, True, True]
