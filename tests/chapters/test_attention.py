"""Chapter 3's own layers against PyTorch, over random shapes, and what its measurements rest on."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course.compare import check_agreement
from tests.helpers.tensors import CLOSE
from tests.helpers.transformers import END, chapter, jittered, tiny

sizes = st.integers(1, 4)
seeds = st.integers(0, 99)


def random_mask(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.5


# Attention itself.


@given(sizes, sizes, sizes, sizes, sizes, sizes, st.integers(0, 4), seeds)
def test_attention_equals_torch(batch, n_h, t_q, t_k, d_k, d_v, kind, seed):
    case = chapter.random_qkv(batch, n_h, t_q=t_q, t_k=t_k, d_k=d_k, d_v=d_v, seed=seed)
    shape = [(t_q, t_k), (batch, 1, 1, t_k), (batch, 1, t_q, t_k), (batch, n_h, t_q, t_k), (t_q, 1)][kind]
    mask = random_mask(*shape, seed=seed)
    some = mask.any(-1, keepdim=True)  # torch's own answer where there is nothing depends on its version

    def theirs(q, k, v):
        allowed = (mask | ~some).expand(batch, n_h, t_q, t_k)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed) * some

    check_agreement(lambda q, k, v: chapter.attention(q, k, v, mask)[0], theirs, **case)
    out, attn = chapter.attention(**case, mask=mask)
    torch.testing.assert_close(out, attn @ case["v"], **CLOSE)
    torch.testing.assert_close(attn.sum(-1), some[..., 0].expand(batch, n_h, t_q).double(), **CLOSE)
    assert not attn.masked_select(~mask).any()
    assert not out.masked_select(~some).any()


@given(sizes, sizes, sizes, sizes, sizes, seeds)
def test_loop_matrix_batch_and_torch_are_one(t_q, t_k, d_k, d_v, n_h, seed):
    how = {"t_q": t_q, "t_k": t_k, "d_k": d_k, "d_v": d_v, "seed": seed}
    heads = chapter.random_qkv(2, n_h, **how)
    check_agreement(chapter.attention_loop, chapter.pytorch_attention, **chapter.random_qkv(**how))
    for ours in (chapter.attention_matrix, chapter.attention_batched_loop):
        check_agreement(ours, chapter.pytorch_attention, **heads)
    check_agreement(
        lambda q, k, v: chapter.attention(q, k, v, scale=0.3)[0],
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.3),
        **heads,
    )


def test_what_is_masked_has_no_weight_however_large_its_score():
    q, k = torch.ones(1, 1), torch.tensor([[-1e12], [3e12], [-1e12]])
    _, attn = chapter.attention(q, k, k, torch.tensor([True, False, True]))
    assert attn.tolist() == [[0.5, 0, 0.5]]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_masks_by_hand(lengths):
    mask = chapter.padding_mask(torch.tensor(lengths), 6)
    assert mask.dtype == torch.bool and mask.shape == (len(lengths), 1, 1, 6)
    assert mask[:, 0, 0].tolist() == [[s < length for s in range(6)] for length in lengths]
    assert chapter.padding_for_torch(mask).tolist() == [[s >= length for s in range(6)] for length in lengths]
    n = lengths[0]
    assert chapter.causal_mask(n).tolist() == [[s <= t for s in range(n)] for t in range(n)]


def test_three_ways_to_mask():
    scores, mask = chapter.random_x(2, 3, 5), random_mask(2, 3, 5, seed=1)
    mask[..., 0] = True
    kept = scores.exp() * mask
    expected = kept / kept.sum(-1, keepdim=True)
    for function in (chapter.minus_infinity, chapter.large_number):
        torch.testing.assert_close(function(scores, mask), expected, **CLOSE)
    assert chapter.added_zero_or_one(scores, mask).masked_select(~mask).min() > 0
    nothing = torch.zeros_like(mask)
    assert chapter.minus_infinity(scores, nothing).isnan().all()
    torch.testing.assert_close(chapter.large_number(scores, nothing), torch.full_like(scores, 0.2))


# Scores, softmax and kernels.


@given(st.integers(1, 6), st.floats(0.1, 30), seeds)
def test_entropy_and_the_jacobians_norm(n, size, seed):
    scores = size * chapter.random_x(n, seed=seed)
    scores[1::3] = -math.inf
    p = scores.softmax(-1)
    by_hand = -sum(x * math.log(x) for x in p.tolist() if x > 0)
    assert chapter.entropy(p).item() == pytest.approx(by_hand, abs=1e-12)
    finite = scores[scores.isfinite()]
    jacobian = torch.autograd.functional.jacobian(lambda s: s.softmax(-1), finite)
    # The formula subtracts numbers near 1: below 1e-8 the norm is lost in rounding.
    assert chapter.jacobian_norm(p).item() == pytest.approx(jacobian.norm().item(), rel=1e-6, abs=3e-8)
    rows = torch.stack([p, torch.eye(n, dtype=p.dtype)[0], torch.full_like(p, 1 / n)])
    assert chapter.entropy(rows).tolist() == pytest.approx([by_hand, 0, math.log(n)], abs=1e-12)
    norms = chapter.jacobian_norm(rows)
    assert norms[1] == 0 and norms[2].item() == pytest.approx((n - 1) ** 0.5 / n, abs=3e-8)


@given(st.integers(1, 5), st.integers(1, 6), st.floats(0.2, 3), seeds)
def test_kernel_regression(n, points, h, seed):
    x, at = chapter.random_x(n, seed=seed), chapter.random_x(points, seed=seed + 1)
    values = chapter.random_x(points, seed=seed + 2)
    kernels = {
        "gaussian": lambda a, b: math.exp(-((a - b) ** 2) / (2 * h**2)),
        "dot": lambda a, b: math.exp(a * b / h**2 - 30),
    }
    for scores, kernel in kernels.items():
        estimate, attn = chapter.smooth(x, at, values, h, scores)
        weights = torch.tensor([[kernel(a, b) for b in at.tolist()] for a in x.tolist()], dtype=x.dtype)
        weights /= weights.sum(1, keepdim=True)
        torch.testing.assert_close(attn, weights, **CLOSE)
        torch.testing.assert_close(estimate, weights @ values, **CLOSE)
    assert torch.equal(chapter.smooth(x, at, values, h)[0], chapter.smooth(x, at, values, h, "gaussian")[0])
    q, k = chapter.random_x(n, 3, seed=seed), F.normalize(chapter.random_x(points, 3, seed=seed + 1))
    torch.testing.assert_close(  # keys of one length: the dot product is the Gaussian kernel
        chapter.gaussian_scores(q, k, h).softmax(-1), chapter.dot_scores(q, k, h).softmax(-1), **CLOSE
    )


# Heads and layers.


@given(sizes, sizes, sizes, st.integers(1, 5))
def test_heads_are_blocks_of_features(batch, n_h, d_k, steps):
    x = chapter.random_x(batch, steps, n_h * d_k)
    heads = chapter.split_heads(x, n_h)
    assert heads.shape == (batch, n_h, steps, d_k)
    for h in range(n_h):
        assert torch.equal(heads[:, h], x[:, :, h * d_k : (h + 1) * d_k])
    assert torch.equal(chapter.merge_heads(heads), x)


@given(st.booleans(), sizes, sizes, sizes, st.integers(1, 5), st.integers(1, 5), seeds)
def test_multi_head_attention_equals_torch(cross, batch, n_h, d_k, t_q, t_k, seed):
    d_model, t_k = n_h * d_k, t_k if cross else t_q
    torch.manual_seed(seed)
    theirs = jittered(nn.MultiheadAttention(d_model, n_h, batch_first=True))
    mask = random_mask(batch, n_h, t_q, t_k, seed=seed)
    mask[..., 0] = True  # torch gives NaN for a query that may attend to nothing
    inputs = {"x": chapter.random_x(batch, t_q, d_model, seed=seed)}
    if cross:
        inputs["memory"] = chapter.random_x(batch, t_k, d_model, seed=seed + 1)

    def call_theirs(module, x, memory=None):
        memory = x if memory is None else memory
        return module(x, memory, memory, attn_mask=~mask.flatten(0, 1), average_attn_weights=False)

    ours = chapter.MultiHeadAttention(d_model, n_h)
    chapter.agrees(ours, theirs, lambda m, *inputs: m(*inputs, mask=mask), call_theirs, **inputs)


def test_the_modules_start_like_torch():
    torch.manual_seed(0)
    ours, theirs = chapter.MultiHeadAttention(64, 4), nn.MultiheadAttention(64, 4)
    for (mine_name, mine), (name, other) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        assert (mine_name, mine.shape) == (name, other.shape)
        assert mine.abs().max().item() == pytest.approx(other.abs().max().item(), rel=0.02)


def test_the_scale_of_the_scores_reaches_every_head():
    torch.manual_seed(0)
    plain, scaled = (jittered(chapter.MultiHeadAttention(8, 2, scale)).double() for scale in (None, 1.0))
    scaled.load_state_dict(plain.state_dict())
    with torch.no_grad():  # d_k = 4, so that 1/√d_k is a half
        scaled.in_proj_weight[:8] /= 2
        scaled.in_proj_bias[:8] /= 2
    x = chapter.random_x(2, 5, 8)
    for found, expected in zip(scaled(x), plain(x), strict=True):
        torch.testing.assert_close(found, expected, **CLOSE)
    heads = [m for m in tiny(scale=0.7).modules() if isinstance(m, chapter.MultiHeadAttention)]
    assert [m.scale for m in heads] == [0.7] * 6


def test_heads_that_do_not_divide_the_width_are_refused():
    for make in (chapter.MultiHeadAttention, lambda *a: chapter.EncoderLayer(*a, 4)):
        with pytest.raises(ValueError, match=r"10.*3"):
            make(10, 3)
    assert chapter.MultiHeadAttention(9, 3).in_proj_weight.shape == (27, 9)


@given(sizes, st.integers(1, 4), st.integers(1, 5), seeds)
def test_layer_norm_equals_torch(batch, steps, d_model, seed):
    torch.manual_seed(seed)
    calls = (lambda m, x: m(x),) * 2
    x = chapter.random_x(batch, steps, d_model, seed=seed)
    chapter.agrees(chapter.LayerNorm(d_model), jittered(nn.LayerNorm(d_model)), *calls, x=1e-2 * x)
    chapter.agrees(chapter.LayerNorm(d_model, 0.1), jittered(nn.LayerNorm(d_model, 0.1)), *calls, x=x + 100)


@given(st.booleans(), st.booleans(), sizes, st.integers(1, 2), st.integers(1, 5), st.integers(1, 5), seeds)
def test_layers_equal_torch(norm_first, causal, batch, n_h, steps, source, seed):
    torch.manual_seed(seed)
    how = {"dropout": 0.0, "batch_first": True, "norm_first": norm_first}
    d = 4 * n_h
    lengths, widths = (1 + torch.randint(n, (batch,)) for n in (steps, source))
    mine, memory_mask = chapter.padding_mask(lengths, steps), chapter.padding_mask(widths, source)
    real, there = (torch.arange(n) >= part[:, None] for n, part in ((steps, lengths), (source, widths)))
    future = torch.ones(steps, steps).triu(1).bool() if causal else None
    mask = mine & chapter.causal_mask(steps) if causal else mine
    x = chapter.random_x(batch, steps, d, seed=seed)
    memory = chapter.random_x(batch, source, d, seed=seed + 1)
    chapter.agrees(
        chapter.EncoderLayer(d, n_h, 6, norm_first), jittered(nn.TransformerEncoderLayer(d, n_h, 6, **how)),
        lambda m, x: m(x, mask), lambda m, x: m(x, src_mask=future, src_key_padding_mask=real), x=x,
    )  # fmt: skip
    masks = {"tgt_mask": future, "tgt_key_padding_mask": real, "memory_key_padding_mask": there}
    chapter.agrees(
        chapter.DecoderLayer(d, n_h, 6, norm_first), jittered(nn.TransformerDecoderLayer(d, n_h, 6, **how)),
        lambda m, x, memory: m(x, memory, mask, memory_mask)[0], lambda m, x, memory: m(x, memory, **masks),
        x=x, memory=memory,
    )  # fmt: skip


def test_the_decoder_layer_returns_its_cross_attention():
    torch.manual_seed(0)
    layer = jittered(chapter.DecoderLayer(8, 2, 6)).double()
    x, memory = chapter.random_x(2, 3, 8), chapter.random_x(2, 5, 8, seed=1)
    mask = chapter.padding_mask(torch.tensor([5, 2]), 5)
    seen = []
    layer.multihead_attn.register_forward_hook(lambda module, inputs, found: seen.append(found[1]))
    _, attn = layer(x, memory, chapter.causal_mask(3), mask)
    assert attn.shape == (2, 2, 3, 5) and torch.equal(attn, seen[0]) and not attn[1, ..., 2:].any()


# Positions and order.


@given(st.integers(1, 40), st.integers(1, 8))
def test_sinusoids_by_hand(steps, half):
    d = 2 * half
    expected = [
        [(math.cos if j % 2 else math.sin)(p / 10000 ** ((j - j % 2) / d)) for j in range(d)]
        for p in range(steps)
    ]
    found = chapter.sinusoids(steps, d)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


@given(st.integers(-40, 40), st.integers(1, 8))
def test_a_rotation_moves_every_position_by_k_steps(k, half):
    table, turn = chapter.sinusoids(120, 2 * half), chapter.rotation(k, 2 * half)
    p = torch.arange(40, 80)
    torch.testing.assert_close(table[p] @ turn.T, table[p + k], rtol=0, atol=1e-10)


@given(st.integers(2, 7), seeds)
def test_without_positions_order_does_not_count(steps, seed):
    torch.manual_seed(seed)
    order, x = torch.randperm(steps), chapter.random_x(2, steps, 8, seed=seed)
    heads, layer = (
        jittered(made).double() for made in (chapter.MultiHeadAttention(8, 2), chapter.EncoderLayer(8, 2, 9))
    )
    out, attn = heads(x)
    moved, moved_attn = heads(x[:, order])
    torch.testing.assert_close(moved, out[:, order], **CLOSE)
    torch.testing.assert_close(moved_attn, attn[:, :, order][..., order], **CLOSE)
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order], **CLOSE)
    source, target = torch.arange(1, steps + 1)[None], torch.tensor([[3, 1, 4]])
    for positions in (False, True):
        model = tiny(seed, positions=positions)
        change = (model(source.flip(1), target) - model(source, target)).abs().max().item()
        assert change > 1e-6 if positions else change < 1e-12


def test_the_two_tests_of_causality_tell_leaks():
    torch.manual_seed(0)
    layer, x = chapter.EncoderLayer(8, 2, 16).double(), chapter.random_x(1, 6, 8)
    one_late = chapter.causal_mask(6) | torch.eye(6, dtype=torch.bool).roll(1, 1).triu()
    for mask, leaks in ((chapter.causal_mask(6), False), (one_late, True), (None, True)):
        for t in range(5):
            for test in (chapter.moved_by_the_future, chapter.gradient_from_the_future):
                assert (test(lambda x, mask=mask: layer(x, mask), x, t) != 0) is leaks


# The Transformer.


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("kind", ["Transformer", "Unmasked"])
def test_the_decoder_is_causal_and_the_unmasked_one_is_not(kind, norm_first):
    torch.manual_seed(0)
    model = jittered(getattr(chapter, kind)(9, END + 1, 8, 2, 12, (1, 2), norm_first=norm_first).double())
    source, target = torch.tensor([[3, 1, 2]]), torch.tensor([[9, 4, 7, 1, 5]])  # each token once
    logits = model(source, target)
    for t in range(4):
        changed = torch.cat([target[:, : t + 1], 1 + target[:, t + 1 :]], 1)
        moved = not torch.equal(model(source, changed)[:, : t + 1], logits[:, : t + 1])
        (gradient,) = torch.autograd.grad(logits[0, t].square().sum(), model.target.weight, retain_graph=True)
        used = gradient[target[0]].abs().sum(1)
        assert moved == (kind == "Unmasked") == bool(used[t + 1 :].any()) and used[: t + 1].min() > 0


@pytest.mark.parametrize("norm_first", [True, False])
def test_the_transformer_is_its_layers(norm_first):
    model = tiny(norm_first=norm_first)
    source, target = torch.tensor([[3, 1, 2, 0], [4, 5, 6, 7]]), torch.tensor([[9, 4, 7], [9, 1, 1]])
    mask = (source != 0)[:, None, None]
    x, y = (
        8**0.5 * embedding.weight[tokens] + chapter.sinusoids(9, 8).float()[: tokens.shape[1]]
        for embedding, tokens in ((model.source, source), (model.target, target))
    )
    for layer in model.encoder:
        x = layer(x, mask)
    x = model.norms[0](x)
    for layer in model.decoder:
        y, _ = layer(y, x, torch.ones(3, 3).tril().bool(), mask)
    expected = model.norms[1](y) @ model.output.weight.T + model.output.bias
    torch.testing.assert_close(model(source, target), expected, **CLOSE)
    logits, attn = model.decode(target, *model.encode(source))
    assert logits.shape == (2, 3, END + 1) and attn.shape == (2, 2, 2, 3, 4) and not attn[:, 0, ..., 3].any()
    assert isinstance(model.norms[0], chapter.LayerNorm) is norm_first
    assert (model.start, model.end) == (END - 1, END)


@given(st.integers(1, 6), st.integers(1, 5), seeds)
def test_padding_the_source_changes_nothing(length, more, seed):
    model = tiny(seed)
    source, target = torch.randint(1, 9, (1, length)), torch.randint(1, 9, (1, 4))
    padded = F.pad(source, (0, more))
    outputs = [model(part, target) for part in (source, padded)]
    torch.testing.assert_close(*outputs, **CLOSE)
    plain, other = (torch.autograd.grad(out.square().sum(), list(model.parameters())) for out in outputs)
    for a, b in zip(plain, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9)


def test_a_source_of_padding_alone_gives_no_nan():
    model = tiny()
    source, target = torch.tensor([[0, 0, 0], [1, 2, 3]]), torch.tensor([[9, 4], [9, 5]])
    logits = model(source, target)
    assert logits.isfinite().all()
    torch.testing.assert_close(logits[1:], model(source[1:], target[1:]), **CLOSE)
    logits.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert all(layer.multihead_attn.out_proj.weight.grad.any() for layer in model.decoder)


def test_a_step_in_mixed_precision():
    torch.manual_seed(0)
    for norm_first in (True, False):
        model = chapter.Transformer(21, 23, 16, 2, 24, (1, 1), norm_first=norm_first)
        batch = chapter.reverse_batch(chapter.Draws(0), 6)
        with torch.autocast("cpu", torch.bfloat16):
            loss = chapter.sequence_loss(model, batch, None)
        loss.backward()
        assert all(p.grad.isfinite().all() and p.grad.any() for p in model.parameters() if p.ndim > 1)
        assert loss.item() == pytest.approx(chapter.sequence_loss(model, batch, None).item(), abs=0.05)


def test_the_loss_of_a_sequence_by_hand():
    model = tiny()
    source = torch.tensor([[3, 1, 2, 0, 0, 0], [5, 0, 0, 0, 0, 0]])
    target = torch.tensor([[3, 4, 10, 0, 0], [5, 6, 7, 8, 10]])
    means = []
    for row, tokens in zip(source.tolist(), target.tolist(), strict=True):
        row, tokens = [t for t in row if t], [t for t in tokens if t]
        logits = model(torch.tensor([row]), torch.tensor([[9, *tokens[:-1]]]))[0]
        losses = [
            math.log(sum(map(math.exp, z))) - z[token]
            for z, token in zip(logits.tolist(), tokens, strict=True)
        ]
        means.append(sum(losses) / 5)
    widths = []
    model.source.register_forward_hook(lambda module, inputs, found: widths.append(found.shape[1]))
    for part in (source, source[:, :3]):
        found = chapter.sequence_loss(model, (part, target), None).item()
        assert found == pytest.approx(sum(means) / 2, rel=1e-9)
    # The mean over the examples: so two processes with half of the batch each take the step of one.
    halves = [chapter.sequence_loss(model, (source[i:][:1], target[i:][:1]), None).item() for i in (0, 1)]
    assert sum(halves) / 2 == pytest.approx(found, rel=1e-9)
    assert widths[:2] == [3, 3]  # nothing was spent on padding
