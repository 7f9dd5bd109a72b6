"""Right answers to `leaky_attention` in other words than the solution's."""

import torch
import torch.nn.functional as F


def causal_by_query(x, weight_q, weight_k, weight_v, n_h):
    """The same, one step at a time, over the keys up to it."""
    q, k, v = (F.linear(x, w).unflatten(2, (n_h, -1)) for w in (weight_q, weight_k, weight_v))
    rows = []
    for t in range(x.shape[1]):
        scores = torch.einsum("bhk,bshk->bsh", q[:, t], k[:, : t + 1]) / (x.shape[2] / n_h) ** 0.5
        rows.append(torch.einsum("bsh,bshk->bhk", scores.softmax(dim=1), v[:, : t + 1]).flatten(1))
    return torch.stack(rows, dim=1)


def causal_by_head(x, weight_q, weight_k, weight_v, n_h):
    """The same, one head at a time, with -inf added to the scores of the future."""
    future = torch.full((x.shape[1], x.shape[1]), -torch.inf, dtype=x.dtype).triu(1)
    heads = []
    for w_q, w_k, w_v in zip(weight_q.chunk(n_h), weight_k.chunk(n_h), weight_v.chunk(n_h), strict=True):
        scores = (x @ w_q.T) @ (x @ w_k.T).transpose(1, 2) / len(w_k) ** 0.5
        heads.append(torch.softmax(scores + future, dim=-1) @ (x @ w_v.T))
    return torch.cat(heads, dim=-1)


def causal_by_exponentials(x, weight_q, weight_k, weight_v, n_h):
    """The same with the softmax written out; the largest score of the past is taken out of each row."""
    weights = weight_q, weight_k, weight_v
    q, k, v = (F.linear(x, w).unflatten(2, (n_h, -1)).permute(0, 2, 1, 3) for w in weights)
    future = torch.arange(x.shape[1]) > torch.arange(x.shape[1])[:, None]
    scores = torch.where(future, -torch.inf, q @ k.mT * (n_h / x.shape[2]) ** 0.5)
    attn = torch.exp(scores - scores.amax(dim=3, keepdim=True))
    return (attn @ v / attn.sum(dim=3, keepdim=True)).transpose(1, 2).flatten(2)


RIGHT = (causal_by_query, causal_by_head, causal_by_exponentials)
