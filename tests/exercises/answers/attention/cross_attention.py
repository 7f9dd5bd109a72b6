"""Answers to `attention.cross_attention`, written from its statement alone."""

import torch
import torch.nn.functional as F


def _project(x, memory, weight_q, weight_k, weight_v):
    return x @ weight_q.T, memory @ weight_k.T, memory @ weight_v.T


def wrong_unscaled(x, memory, weight_q, weight_k, weight_v):
    """The scores are not divided by sqrt(d_k)."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    return torch.softmax(q @ k.mT, dim=-1) @ v


def wrong_scale_of_model(x, memory, weight_q, weight_k, weight_v):
    """Divides by sqrt(D), the width of x, for sqrt(d_k)."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    return torch.softmax(q @ k.mT / x.shape[-1] ** 0.5, dim=-1) @ v


def wrong_sum_over_queries(x, memory, weight_q, weight_k, weight_v):
    """The softmax runs over the queries."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=1) @ v


def wrong_reshaped_keys(x, memory, weight_q, weight_k, weight_v):
    """Reshapes the keys to (B, d_k, T_k) where they should be transposed."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    b, t_k, d_k = k.shape
    return torch.softmax(q @ k.reshape(b, d_k, t_k) / d_k**0.5, dim=-1) @ v


def wrong_frozen_memory(x, memory, weight_q, weight_k, weight_v):
    """Detaches the encoder's output: no gradient for memory."""
    q, k, v = _project(x, memory.detach(), weight_q, weight_k, weight_v)
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v


def wrong_scaled_after_softmax(x, memory, weight_q, weight_k, weight_v):
    """Divides the weights, not the scores, by sqrt(d_k)."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    return torch.softmax(q @ k.mT, dim=-1) / q.shape[-1] ** 0.5 @ v


def wrong_memory_first(memory, x, weight_q, weight_k, weight_v):
    """Takes its first two arguments in the other order."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v


def wrong_one_maximum_for_all(x, memory, weight_q, weight_k, weight_v):
    """Subtracts the largest of all scores: a query with much smaller scores gets 0 / 0."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True) @ v


def wrong_clamped_scores(x, memory, weight_q, weight_k, weight_v):
    """Clamps the scores to +-80 so that exp does not overflow."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    e = (q @ k.mT / q.shape[-1] ** 0.5).clamp(-80, 80).exp()
    return e / e.sum(-1, keepdim=True) @ v


def wrong_float32_softmax(x, memory, weight_q, weight_k, weight_v):
    """The softmax runs in float32 and is cast back, as in many language models."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return F.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype) @ v


def wrong_guarded_denominator(x, memory, weight_q, weight_k, weight_v):
    """1e-8 is added to a sum that is never 0."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    return e / (e.sum(-1, keepdim=True) + 1e-8) @ v


def wrong_scale_and_axis(x, memory, weight_q, weight_k, weight_v):
    """Two mistakes: sqrt(d_v) in the scale and a softmax over the batch."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    return torch.softmax(q @ k.mT / v.shape[-1] ** 0.5, dim=0) @ v


def right_plain(x, memory, weight_q, weight_k, weight_v):
    """As in the formula."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v


def right_einsum_by_hand(x, memory, weight_q, weight_k, weight_v):
    """einsum, and a softmax by hand with the maximum of each query; divides last."""
    q = torch.einsum("btd,kd->btk", x, weight_q) * weight_q.shape[0] ** -0.5
    k = torch.einsum("bsd,kd->bsk", memory, weight_k)
    scores = torch.einsum("btk,bsk->bts", q, k)
    e = torch.exp(scores - scores.detach().amax(-1, keepdim=True))
    return torch.einsum("bts,bsd,vd->btv", e, memory, weight_v) / e.sum(-1, keepdim=True)


def right_folded_weights(x, memory, weight_q, weight_k, weight_v):
    """One bilinear form for the scores; the values are projected after the weighted sum."""
    form = weight_q.T @ weight_k / weight_q.shape[0] ** 0.5
    weights = F.log_softmax(x @ form @ memory.mT, dim=-1).exp()
    return F.linear(weights @ memory, weight_v)


def right_loop_over_queries(x, memory, weight_q, weight_k, weight_v):
    """A loop over batch and queries."""
    rows = []
    for one, mem in zip(x, memory):
        keys, values = F.linear(mem, weight_k), F.linear(mem, weight_v)
        queries = F.linear(one, weight_q) / weight_q.shape[0] ** 0.5
        rows.append(torch.stack([values.T @ (keys @ query).softmax(0) for query in queries]))
    return torch.stack(rows)


def forbidden_sdpa(x, memory, weight_q, weight_k, weight_v):
    """F.scaled_dot_product_attention does it all."""
    return F.scaled_dot_product_attention(*_project(x, memory, weight_q, weight_k, weight_v))


def forbidden_aten_math(x, memory, weight_q, weight_k, weight_v):
    """PyTorch's ready-made attention by the back door of torch.ops."""
    q, k, v = (a[:, None] for a in _project(x, memory, weight_q, weight_k, weight_v))
    return torch.ops.aten._scaled_dot_product_attention_math(q, k, v)[0][:, 0]


def open_logsumexp(x, memory, weight_q, weight_k, weight_v):
    """Open: in float32 with scores near 1e5, exp(s - logsumexp) has only about two digits."""
    q, k, v = _project(x, memory, weight_q, weight_k, weight_v)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return torch.exp(scores - scores.logsumexp(-1, keepdim=True)) @ v


def open_float64_inside(x, memory, weight_q, weight_k, weight_v):
    """Open: computes in float64 and casts back; in float32 with scores near 1e5 it differs from float32."""
    args = [a.double() for a in (x, memory, weight_q, weight_k, weight_v)]
    q, k, v = _project(*args)
    return (torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v).to(x.dtype)


def wrong_plain_exp(x, memory, weight_q, weight_k, weight_v):
    """exp without the maximum taken off: overflows for large scores."""
    q, k, v = x @ weight_q.T, memory @ weight_k.T, memory @ weight_v.T
    e = torch.exp(q @ k.mT / q.shape[-1] ** 0.5)
    return e / e.sum(-1, keepdim=True) @ v


def wrong_one_maximum_for_all_again(x, memory, weight_q, weight_k, weight_v):
    """Takes off the maximum of the whole tensor: rows far below it become 0 / 0."""
    q, k, v = x @ weight_q.T, memory @ weight_k.T, memory @ weight_v.T
    scores = q @ k.mT / q.shape[-1] ** 0.5
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True) @ v


def wrong_at_most_512_keys(x, memory, weight_q, weight_k, weight_v):
    """Reads the first 512 memory positions only, the usual context of the time."""
    memory = memory[:, :512]
    q, k, v = x @ weight_q.T, memory @ weight_k.T, memory @ weight_v.T
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v
