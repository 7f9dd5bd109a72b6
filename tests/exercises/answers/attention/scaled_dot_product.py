"""Answers to `attention.scaled_dot_product`, written from its statement alone."""

import math

import torch
import torch.nn.functional as F

INF = float("inf")


def wrong_unscaled(q, k, v, mask):
    """The scores are not divided by sqrt(d_k)."""
    scores = (q @ k.mT).masked_fill(~mask, torch.finfo(q.dtype).min)
    return (torch.softmax(scores, dim=-1) * mask) @ v


def wrong_mask_inverted(q, k, v, mask):
    """Hides the keys where the mask is True."""
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(mask, torch.finfo(q.dtype).min)
    return (torch.softmax(scores, dim=-1) * ~mask) @ v


def wrong_zero_score(q, k, v, mask):
    """Hidden scores become 0, not -inf."""
    scores = q @ k.mT / q.shape[-1] ** 0.5 * mask
    return torch.softmax(scores, dim=-1) @ v


def wrong_mask_after_softmax(q, k, v, mask):
    """The mask comes after the softmax: the weights sum to less than 1."""
    return (torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) * mask) @ v


def wrong_mean_for_empty(q, k, v, mask):
    """A query with no key gets the mean of the values."""
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, torch.finfo(q.dtype).min)
    return torch.softmax(scores, dim=-1) @ v


def wrong_nan_for_empty(q, k, v, mask):
    """-inf and nothing else: a query with no key gets NaN."""
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -INF)
    return torch.softmax(scores, dim=-1) @ v


def wrong_added_mask(q, k, v, mask):
    """-inf is added and the NaN replaced later: the gradients of q and k are NaN for empty queries."""
    wall = torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, -INF)
    attn = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5 + wall, dim=-1)
    return torch.nan_to_num(attn) @ v


def wrong_filled_1e9(q, k, v, mask):
    """-1e9 for -inf: more than a visible score of -1e10."""
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -1e9)
    return (torch.softmax(scores, dim=-1) * mask) @ v


def wrong_maximum_of_all_keys(q, k, v, mask):
    """The maximum is taken over hidden keys too: where they are far larger, 0 / 0."""
    scores = q @ k.mT / q.shape[-1] ** 0.5
    e = torch.exp(scores - scores.amax(-1, keepdim=True)) * mask
    total = e.sum(-1, keepdim=True)
    return e / torch.where(mask.any(-1, keepdim=True), total, 1) @ v


def wrong_nan_replaced_in_output(q, k, v, mask):
    """Replaces the NaN in the output only: the gradient of v is NaN."""
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -INF)
    return torch.nan_to_num(torch.softmax(scores, dim=-1) @ v)


def wrong_logsumexp(q, k, v, mask):
    """exp(s - logsumexp): for scores near 1e10 the log of the sum is lost in rounding."""
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, torch.finfo(q.dtype).min)
    return (torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True)) * mask) @ v


def wrong_width_and_axis(q, k, v, mask):
    """Two mistakes: sqrt(d_v) in the scale and a softmax over the queries."""
    scores = (q @ k.mT / v.shape[-1] ** 0.5).masked_fill(~mask, torch.finfo(q.dtype).min)
    return (torch.softmax(scores, dim=-2) * mask) @ v


def right_filled_then_zeroed(q, k, v, mask):
    """The smallest number as fill, and the mask once more on the weights."""
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, torch.finfo(q.dtype).min)
    return (torch.softmax(scores, dim=-1) * mask) @ v


def right_nan_replaced_in_weights(q, k, v, mask):
    """-inf as fill; NaN weights become 0, and masked_fill stops their gradient."""
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -INF)
    attn = torch.softmax(scores, dim=-1)
    return attn.masked_fill(~mask.any(-1, keepdim=True), 0.0) @ v


def right_by_hand(q, k, v, mask):
    """A softmax by hand: the maximum of visible keys, a sum that is never 0; einsum."""
    scores = torch.einsum("btd,bsd->bts", q, k) * q.shape[-1] ** -0.5
    top = torch.where(mask, scores, -INF).amax(-1, keepdim=True).detach()
    top = torch.where(mask.any(-1, keepdim=True), top, 0.0)
    e = torch.exp(torch.where(mask, scores - top, -INF))
    total = e.sum(-1, keepdim=True)
    return torch.einsum("bts,bsd->btd", e, v) / torch.where(total == 0, 1.0, total)


def right_loop_over_queries(q, k, v, mask):
    """A loop over the queries, each with its visible keys only."""
    rows = []
    for b in range(q.shape[0]):
        for t in range(q.shape[1]):
            seen = mask[b, t]
            weights = torch.softmax(k[b][seen] @ q[b, t] / q.shape[-1] ** 0.5, dim=0)
            rows.append(weights @ v[b][seen])
    return torch.stack(rows).reshape(q.shape[0], q.shape[1], v.shape[-1])


def forbidden_sdpa(q, k, v, mask):
    """F.scaled_dot_product_attention does it all; an empty query sees everything and is zeroed."""
    some = mask.any(-1, keepdim=True)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask | ~some) * some


def forbidden_multihead(q, k, v, mask):
    """nn.MultiheadAttention's function with one head and identity weights, widths padded with zeros."""
    d_k, d_v = q.shape[-1], v.shape[-1]
    d = max(d_k, d_v)
    some = mask.any(-1, keepdim=True)
    scaled = F.pad(q * (d / d_k) ** 0.5, (0, d - d_k))
    args = [a.transpose(0, 1) for a in (scaled, F.pad(k, (0, d - d_k)), F.pad(v, (0, d - d_v)))]
    eye = torch.eye(d, dtype=q.dtype, device=q.device)
    out, _ = F.multi_head_attention_forward(
        *args,
        d,
        1,
        None,
        None,
        None,
        None,
        False,
        0.0,
        eye,
        None,
        need_weights=False,
        attn_mask=~(mask | ~some),
        use_separate_proj_weight=True,
        q_proj_weight=eye,
        k_proj_weight=eye,
        v_proj_weight=eye,
    )
    return out.transpose(0, 1)[..., :d_v] * some


def open_rows_filled_in(q, k, v, mask):
    """Open: where no query may attend to anything, the result is zeros without a graph."""
    out = torch.zeros(*q.shape[:2], v.shape[-1], dtype=q.dtype, device=q.device)
    scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~mask, -INF)
    for b, t in mask.any(-1).nonzero().tolist():
        out[b, t] = torch.softmax(scores[b, t], dim=0) @ v[b]
    return out


def wrong_minus_100(q, k, v, mask):
    """-100 for hidden keys and 0 for empty rows: scores may fall below -100."""
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -100.0)
    return torch.softmax(scores, dim=-1) * mask.any(-1, keepdim=True) @ v
