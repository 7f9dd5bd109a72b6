"""Answers to `attention.grouped_query`, written from its statement alone."""

import torch


def _attend(q, k, v):
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v


def wrong_tiled(q, k, v):
    """Tiles the heads (g = h mod n_kv) where neighbours should share."""
    rep = q.shape[1] // k.shape[1]
    return _attend(q, k.repeat(1, rep, 1, 1), v.repeat(1, rep, 1, 1))


def wrong_unscaled(q, k, v):
    """No division by sqrt(d_k)."""
    rep = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(rep, 1), v.repeat_interleave(rep, 1)
    return torch.softmax(q @ k.mT, dim=-1) @ v


def wrong_scale_of_model(q, k, v):
    """Divides by sqrt(n_q d_k), the width of the model."""
    rep = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(rep, 1), v.repeat_interleave(rep, 1)
    return torch.softmax(q @ k.mT / (q.shape[1] * q.shape[-1]) ** 0.5, dim=-1) @ v


def wrong_sum_over_queries(q, k, v):
    """The softmax runs over the queries."""
    rep = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(rep, 1), v.repeat_interleave(rep, 1)
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-2) @ v


def wrong_values_tiled(q, k, v):
    """The keys are shared by neighbours, the values in turn."""
    rep = q.shape[1] // k.shape[1]
    return _attend(q, k.repeat_interleave(rep, dim=1), v.repeat(1, rep, 1, 1))


def wrong_cache_detached(q, k, v):
    """Keys and values come from a cache and get no gradient."""
    rep = q.shape[1] // k.shape[1]
    return _attend(q, k.detach().repeat_interleave(rep, 1), v.detach().repeat_interleave(rep, 1))


def wrong_heads_out_of_order(q, k, v):
    """Groups are right, but the result's heads are merged in the order (member, group)."""
    b, n_q, steps, d_k = q.shape
    n_kv = k.shape[1]
    y = _attend(q.reshape(b, n_kv, n_q // n_kv, steps, d_k), k[:, :, None], v[:, :, None])
    return y.transpose(1, 2).reshape(b, n_q, steps, d_k)


def wrong_evenly_spaced(q, k, v):
    """Heads are matched by a rounded linspace: wrong at the borders of large groups."""
    g = torch.linspace(0, k.shape[1] - 1, q.shape[1]).round().long()
    return _attend(q, k[:, g], v[:, g])


def wrong_ratio_rounded_down(q, k, v):
    """int(h * (n_kv / n_q)): 49 * (1 / 49) is a little less than 1."""
    n_q, n_kv = q.shape[1], k.shape[1]
    g = [int(h * (n_kv / n_q)) for h in range(n_q)]
    return _attend(q, k[:, g], v[:, g])


def wrong_one_maximum_for_all(q, k, v):
    """Subtracts the largest of all scores: a query with much smaller scores gets 0 / 0."""
    rep = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(rep, 1), v.repeat_interleave(rep, 1)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True) @ v


def wrong_exp_by_hand(q, k, v):
    """exp without a maximum: overflows for large scores."""
    rep = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(rep, 1), v.repeat_interleave(rep, 1)
    e = torch.exp(q @ k.mT / q.shape[-1] ** 0.5)
    return e / e.sum(-1, keepdim=True) @ v


def wrong_tiled_and_unscaled(q, k, v):
    """Two mistakes: g = h mod n_kv and no scale."""
    b, n_q, steps, d_k = q.shape
    n_kv = k.shape[1]
    scores = torch.einsum("brgtd,bgsd->brgts", q.reshape(b, n_q // n_kv, n_kv, steps, d_k), k)
    return torch.einsum("brgts,bgsd->brgtd", scores.softmax(-1), v).reshape(b, n_q, steps, d_k)


def right_repeat_interleave(q, k, v):
    """Each shared head repeated for its neighbours."""
    rep = q.shape[1] // k.shape[1]
    return _attend(q, k.repeat_interleave(rep, dim=1), v.repeat_interleave(rep, dim=1))


def right_grouped_einsum(q, k, v):
    """The query heads split into (group, member); nothing is repeated."""
    b, n_q, steps, d_k = q.shape
    n_kv = k.shape[1]
    scores = torch.einsum("bgrtd,bgsd->bgrts", q.reshape(b, n_kv, n_q // n_kv, steps, d_k), k) / d_k**0.5
    return torch.einsum("bgrts,bgsd->bgrtd", scores.softmax(-1), v).flatten(1, 2)


def right_loop_over_heads(q, k, v):
    """A loop over the query heads, with a softmax by hand."""
    n_q, n_kv = q.shape[1], k.shape[1]
    heads = []
    for h in range(n_q):
        g = h // (n_q // n_kv)
        scores = q[:, h] @ k[:, g].transpose(-1, -2) * q.shape[-1] ** -0.5
        e = torch.exp(scores - scores.max(-1, keepdim=True).values)
        heads.append(e @ v[:, g] / e.sum(-1, keepdim=True))
    return torch.stack(heads, dim=1)


def right_longer_queries(q, k, v):
    """The queries of a group are laid one after another: plain attention with n_kv heads."""
    b, n_q, steps, d_k = q.shape
    n_kv = k.shape[1]
    return _attend(q.reshape(b, n_kv, n_q // n_kv * steps, d_k), k, v).reshape(b, n_q, steps, d_k)


def forbidden_enable_gqa(q, k, v):
    """F.scaled_dot_product_attention with enable_gqa does it all."""
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def forbidden_aten_math(q, k, v):
    """PyTorch's ready-made attention by the back door of torch.ops."""
    rep = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(rep, 1), v.repeat_interleave(rep, 1)
    return torch.ops.aten._scaled_dot_product_attention_math(q, k, v)[0]


def attend(q, k, v):
    """Plain attention over the last two axes."""
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v


def wrong_float_index(q, k, v):
    """g = int(h * (n_kv / n_q)) in float32: falls below the whole number for some group sizes."""
    index = (torch.arange(q.shape[1]) * (k.shape[1] / q.shape[1])).long()
    return attend(q, k[:, index], v[:, index])


def wrong_float64_index(q, k, v):
    """g = int(h * (1 / group)) in Python floats: 49 * (1 / 49) is below 1."""
    share = 1 / (q.shape[1] // k.shape[1])
    index = [int(h * share) for h in range(q.shape[1])]
    return attend(q, k[:, index], v[:, index])


def wrong_plain_exp(q, k, v):
    """exp without the maximum taken off: overflows for large scores."""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    e = (q @ k.mT / q.shape[-1] ** 0.5).exp()
    return e / e.sum(-1, keepdim=True) @ v
