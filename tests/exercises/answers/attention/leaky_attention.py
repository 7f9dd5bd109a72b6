"""Answers to `attention.leaky_attention`, written from its statement alone."""

import torch

_BUFFER = torch.ones(256, 256, dtype=torch.bool).tril()


def _heads(x, weights, n_h):
    b, steps, _ = x.shape
    return [(x @ w.T).reshape(b, steps, n_h, -1).transpose(1, 2) for w in weights]


def _past(x):
    return torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()


def wrong_scale_left(x, weight_q, weight_k, weight_v, n_h):
    """Only the mask is mended; the scale is still sqrt(D)."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = q @ k.mT / x.shape[-1] ** 0.5
    attn = torch.softmax(scores.masked_fill(~_past(x), float("-inf")), dim=-1)
    return (attn @ v).transpose(1, 2).reshape(x.shape)


def wrong_mask_left(x, weight_q, weight_k, weight_v, n_h):
    """Only the scale is mended; the mask still comes after the softmax."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    attn = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) * _past(x)
    return (attn @ v).transpose(1, 2).reshape(x.shape)


def wrong_scores_times_mask(x, weight_q, weight_k, weight_v, n_h):
    """Moves the product with the mask before the softmax: hidden scores become 0, not -inf."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    attn = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5 * _past(x), dim=-1)
    return (attn @ v).transpose(1, 2).reshape(x.shape)


def wrong_self_hidden(x, weight_q, weight_k, weight_v, n_h):
    """Hides the diagonal too; the first position, with nothing left, gets 0."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~_past(x).tril(-1), float("-inf"))
    attn = torch.nan_to_num(torch.softmax(scores, dim=-1))
    return (attn @ v).transpose(1, 2).reshape(x.shape)


def wrong_scale_of_heads(x, weight_q, weight_k, weight_v, n_h):
    """Divides by sqrt(n_h), the number of heads, not their width."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = (q @ k.mT / n_h**0.5).masked_fill(~_past(x), float("-inf"))
    return (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(x.shape)


def wrong_sum_over_queries(x, weight_q, weight_k, weight_v, n_h):
    """Mends both bugs, then moves the softmax to the axis of the queries."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~_past(x), float("-inf"))
    return (torch.softmax(scores, dim=-2) @ v).transpose(1, 2).reshape(x.shape)


def wrong_added_1e4(x, weight_q, weight_k, weight_v, n_h):
    """Adds -1e4 to the scores of later keys, as BERT did."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = q @ k.mT / q.shape[-1] ** 0.5 + (1.0 - _past(x).to(x.dtype)) * -10000.0
    return (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(x.shape)


def wrong_filled_1e9(x, weight_q, weight_k, weight_v, n_h):
    """-1e9 for -inf: more than a visible score of -1e10."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~_past(x), -1e9)
    return (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(x.shape)


def wrong_divided_by_rest(x, weight_q, weight_k, weight_v, n_h):
    """Divides the masked weights by their sum: 0 / 0 where a later key has all the weight."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    attn = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) * _past(x)
    attn = attn / attn.sum(-1, keepdim=True)
    return (attn @ v).transpose(1, 2).reshape(x.shape)


def wrong_zero_is_hidden(x, weight_q, weight_k, weight_v, n_h):
    """Hides every score that is 0 in the lower triangle: real zeros too."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = torch.tril(q @ k.mT / q.shape[-1] ** 0.5)
    attn = torch.softmax(scores.masked_fill(scores == 0, float("-inf")), dim=-1)
    return (attn @ v).transpose(1, 2).reshape(x.shape)


def wrong_buffer_of_256(x, weight_q, weight_k, weight_v, n_h):
    """The mask is cut from a buffer for 256 positions."""
    steps = x.shape[1]
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~_BUFFER[:steps, :steps], float("-inf"))
    return (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(x.shape)


def wrong_eps_and_old_scale(x, weight_q, weight_k, weight_v, n_h):
    """Two mistakes: the weights are divided by their sum plus 1e-9, and the scale is still sqrt(D)."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    attn = torch.softmax(q @ k.mT / x.shape[-1] ** 0.5, dim=-1) * _past(x)
    attn = attn / (attn.sum(-1, keepdim=True) + 1e-9)
    return (attn @ v).transpose(1, 2).reshape(x.shape)


def right_filled(x, weight_q, weight_k, weight_v, n_h):
    """-inf before the softmax, sqrt(D / n_h) below the scores."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    scores = (q @ k.mT / (x.shape[-1] / n_h) ** 0.5).masked_fill(~_past(x), float("-inf"))
    return (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(x.shape)


def right_added_triangle(x, weight_q, weight_k, weight_v, n_h):
    """Adds an upper triangle of -inf; einsum."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    wall = torch.full((x.shape[1], x.shape[1]), float("-inf"), dtype=x.dtype, device=x.device).triu(1)
    attn = torch.softmax(torch.einsum("bhtd,bhsd->bhts", q, k) * q.shape[-1] ** -0.5 + wall, dim=-1)
    return torch.einsum("bhts,bhsd->bthd", attn, v).flatten(2)


def right_loop_over_positions(x, weight_q, weight_k, weight_v, n_h):
    """Each position gets only the keys up to it; no mask."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    rows = []
    for t in range(x.shape[1]):
        scores = q[:, :, t : t + 1] @ k[:, :, : t + 1].mT / q.shape[-1] ** 0.5
        rows.append(torch.softmax(scores, dim=-1) @ v[:, :, : t + 1])
    return torch.cat(rows, dim=2).transpose(1, 2).reshape(x.shape)


def right_by_hand(x, weight_q, weight_k, weight_v, n_h):
    """The smallest number of the type as fill, and a softmax by hand."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    past = _past(x)
    scores = torch.where(past, q @ k.mT / q.shape[-1] ** 0.5, torch.finfo(x.dtype).min)
    e = torch.exp(scores - scores.amax(-1, keepdim=True)) * past
    return (e @ v / e.sum(-1, keepdim=True)).transpose(1, 2).reshape(x.shape)


def forbidden_is_causal(x, weight_q, weight_k, weight_v, n_h):
    """F.scaled_dot_product_attention with is_causal does it all."""
    q, k, v = _heads(x, (weight_q, weight_k, weight_v), n_h)
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.transpose(1, 2).reshape(x.shape)


def forbidden_multihead_module(x, weight_q, weight_k, weight_v, n_h):
    """F.multi_head_attention_forward with the identity as output projection."""
    d, steps = x.shape[-1], x.shape[1]
    z = x.transpose(0, 1)
    eye = torch.eye(d, dtype=x.dtype, device=x.device)
    out, _ = torch.nn.functional.multi_head_attention_forward(
        z,
        z,
        z,
        d,
        n_h,
        None,
        None,
        None,
        None,
        False,
        0.0,
        eye,
        None,
        need_weights=False,
        attn_mask=~_past(x),
        use_separate_proj_weight=True,
        q_proj_weight=weight_q,
        k_proj_weight=weight_k,
        v_proj_weight=weight_v,
    )
    return out.transpose(0, 1)


_PAST = torch.ones(64, 64, dtype=torch.bool).tril()


def heads_of(x, weights, n_h):
    """The projections of x by each weight, split into heads: (B, n_h, T, d_k)."""
    b, steps, _ = x.shape
    return tuple((x @ w.T).reshape(b, steps, n_h, -1).transpose(1, 2) for w in weights)


def wrong_renormalised(x, weight_q, weight_k, weight_v, n_h):
    """Divides the masked weights by their sum: 0 / 0 where later keys have far larger scores."""
    q, k, v = heads_of(x, (weight_q, weight_k, weight_v), n_h)
    attn = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1).tril()
    attn = attn / attn.sum(-1, keepdim=True)
    return (attn @ v).transpose(1, 2).reshape(x.shape)


def wrong_minus_10000_added(x, weight_q, weight_k, weight_v, n_h):
    """Adds -10000 to later keys' scores, as BERT does."""
    q, k, v = heads_of(x, (weight_q, weight_k, weight_v), n_h)
    future = torch.ones(x.shape[1], x.shape[1], dtype=x.dtype).triu(1)
    scores = q @ k.mT / q.shape[-1] ** 0.5 - 10000.0 * future
    return (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(x.shape)


def wrong_mask_of_64(x, weight_q, weight_k, weight_v, n_h):
    """A mask made once for 64 positions."""
    q, k, v = heads_of(x, (weight_q, weight_k, weight_v), n_h)
    past = _PAST[: x.shape[1], : x.shape[1]]
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~past, float("-inf"))
    return (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(x.shape)


def wrong_plain_exp(x, weight_q, weight_k, weight_v, n_h):
    """Masks exp(scores) and divides by the sum: overflows for large scores."""
    q, k, v = heads_of(x, (weight_q, weight_k, weight_v), n_h)
    e = torch.exp(q @ k.mT / q.shape[-1] ** 0.5).tril()
    attn = e / e.sum(-1, keepdim=True)
    return (attn @ v).transpose(1, 2).reshape(x.shape)
