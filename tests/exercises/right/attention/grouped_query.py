"""Right answers to `grouped_query` in other words than the solution's."""

import math

import torch


def grouped_by_copies(q, k, v):
    """The same with every key and value head copied for its group."""
    size = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(size, dim=1), v.repeat_interleave(size, dim=1)
    attn = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(3)
    return attn @ v


def grouped_by_head(q, k, v):
    """The same, one query head after the other."""
    outputs, size = [], q.shape[1] // k.shape[1]
    for head in range(q.shape[1]):
        keys, values = k[:, head // size], v[:, head // size]
        scores = torch.bmm(q[:, head], keys.transpose(1, 2)) * q.shape[-1] ** -0.5
        outputs.append(scores.softmax(dim=-1) @ values)
    return torch.stack(outputs, dim=1)


def grouped_as_longer_queries(q, k, v):
    """The same; the queries of a group are one longer sequence for their key head."""
    batch, n_q, steps, d_k = q.shape
    longer = q.reshape(batch, k.shape[1], -1, d_k) / d_k**0.5  # (B, n_kv, T n_q / n_kv, d_k)
    weights = torch.exp(torch.log_softmax(longer @ k.mT, dim=-1))
    return (weights @ v).reshape(batch, n_q, steps, d_k)


RIGHT = (grouped_by_copies, grouped_by_head, grouped_as_longer_queries)
