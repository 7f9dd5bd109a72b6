"""Answers to `attention.combined_mask`, written from its statement alone."""

import torch


def wrong_look_ahead(lengths, steps):
    """The upper triangle: a query sees itself and what comes later."""
    ahead = torch.ones(steps, steps, dtype=torch.bool, device=lengths.device).triu()
    real = torch.arange(steps, device=lengths.device) < lengths[:, None]
    return (ahead & real[:, None, :])[:, None]


def wrong_self_hidden(lengths, steps):
    """Strictly earlier keys only: the diagonal is hidden."""
    s = torch.arange(steps, device=lengths.device)
    return (s[None, :] < s[:, None])[None, None] & (s < lengths[:, None])[:, None, None, :]


def wrong_length_included(lengths, steps):
    """The first padded key stays visible (<= for <)."""
    s = torch.arange(steps, device=lengths.device)
    return (s[None, :] <= s[:, None])[None, None] & (s <= lengths[:, None])[:, None, None, :]


def wrong_queries_padded(lengths, steps):
    """Hides the rows of padded queries, not the columns of padded keys."""
    s = torch.arange(steps, device=lengths.device)
    return (s[None, :] <= s[:, None])[None, None] & (s < lengths[:, None])[:, None, :, None]


def wrong_either(lengths, steps):
    """Joins the two masks by "or"."""
    s = torch.arange(steps, device=lengths.device)
    real = s < lengths[:, None]
    return ((s[None, :] <= s[:, None]) | real[:, None, :])[:, None]


def wrong_true_is_hidden(lengths, steps):
    """PyTorch's other convention: True where a key is hidden."""
    s = torch.arange(steps, device=lengths.device)
    return (s[None, :] > s[:, None])[None, None] | (s >= lengths[:, None])[:, None, None, :]


def wrong_float_mask(lengths, steps):
    """A mask of ones and zeros in float32."""
    causal = torch.tril(torch.ones(steps, steps, device=lengths.device))
    real = (torch.arange(steps, device=lengths.device) < lengths[:, None]).float()
    return (causal * real[:, None, :]).unsqueeze(1)


def wrong_uint8_counter(lengths, steps):
    """Counts the steps in uint8 to save memory: wraps from 256 steps on."""
    s = torch.arange(steps, device=lengths.device).to(torch.uint8)
    causal = torch.ones(steps, steps, dtype=torch.bool, device=lengths.device).tril()
    return (causal & (s < lengths[:, None])[:, None, :]).unsqueeze(1)


def wrong_no_empty_sequence(lengths, steps):
    """Each sequence keeps at least one key, so that no softmax gets an empty row."""
    s = torch.arange(steps, device=lengths.device)
    real = s < lengths.clamp(min=1)[:, None]
    return ((s[None, :] <= s[:, None]) & real[:, None, :])[:, None]


def wrong_size_of_longest(lengths, steps):
    """T is taken from the longest sequence: too small where all are padded."""
    longest = int(lengths.max())
    s = torch.arange(longest, device=lengths.device)
    return ((s[None, :] <= s[:, None]) & (s < lengths[:, None])[:, None, :])[:, None]


def wrong_squeezed(lengths, steps):
    """squeeze() before the axis of the heads: a batch of 1 or one step loses an axis."""
    s = torch.arange(steps, device=lengths.device)
    mask = (s.view(1, 1, -1) <= s.view(1, -1, 1)) & (s.view(1, 1, -1) < lengths.view(-1, 1, 1))
    return mask.squeeze().unsqueeze(1)


def wrong_strict_and_included(lengths, steps):
    """Two mistakes: the diagonal is hidden and the first padded key is visible."""
    s = torch.arange(steps, device=lengths.device)
    causal = torch.ones(steps, steps, dtype=torch.bool, device=lengths.device).tril(-1)
    return (causal & (s <= lengths[:, None])[:, None, :])[:, None]


def right_broadcast(lengths, steps):
    """Two comparisons, broadcast."""
    s = torch.arange(steps, device=lengths.device)
    return (s[None, :] <= s[:, None])[None, None] & (s < lengths[:, None])[:, None, None, :]


def right_one_minimum(lengths, steps):
    """One comparison: s < min(t + 1, length)."""
    s = torch.arange(steps, device=lengths.device)
    limit = torch.minimum(s + 1, lengths.long()[:, None])
    return (s < limit[:, :, None]).unsqueeze(1)


def right_tril_of_expanded(lengths, steps):
    """The padding mask repeated for all queries, then its lower triangle."""
    real = torch.arange(steps, device=lengths.device).expand(len(lengths), steps) < lengths.unsqueeze(-1)
    return real[:, None, None, :].repeat(1, 1, steps, 1).tril()


def right_table_lookup(lengths, steps):
    """Row L of a table is the padding mask for length L; the product of numbers becomes a mask."""
    table = torch.ones(steps + 1, steps, device=lengths.device).tril(-1)
    causal = table[1:]
    return torch.einsum("ts,bs->bts", causal, table[lengths.long()]).gt(0.5)[:, None]


def forbidden_loop_over_sequences(lengths, steps):
    """A loop over the sequences cuts the columns."""
    causal = torch.ones(steps, steps, dtype=torch.bool, device=lengths.device).tril()
    mask = causal.repeat(len(lengths), 1, 1, 1)
    for row, length in zip(mask, lengths.tolist()):
        row[:, :, length:] = False
    return mask


def forbidden_comprehension(lengths, steps):
    """A list comprehension over sequences, queries and keys."""
    rows = [[[[s <= t and s < n for s in range(steps)] for t in range(steps)]] for n in lengths.tolist()]
    return torch.tensor(rows, dtype=torch.bool, device=lengths.device)


def open_vmap(lengths, steps):
    """Open: is torch.vmap over the sequences a loop?"""
    s = torch.arange(steps, device=lengths.device)
    return torch.vmap(lambda n: ((s[None, :] <= s[:, None]) & (s[None, :] < n))[None])(lengths)


_CAUSAL = torch.ones(512, 512, dtype=torch.bool).tril()


_MASKS = {}


def wrong_table_of_512(lengths, steps):
    """Cuts the causal part out of a table of 512 steps."""
    causal = _CAUSAL[:steps, :steps]
    return causal & (torch.arange(steps) < lengths[:, None])[:, None, None, :]


def wrong_at_least_one_key(lengths, steps):
    """Lengths of 0 become 1, so that no row is empty."""
    causal = torch.ones(steps, steps, dtype=torch.bool).tril()
    return causal & (torch.arange(steps) < lengths.clamp(min=1)[:, None])[:, None, None, :]


def wrong_cached_by_size(lengths, steps):
    """Remembers masks by the batch size and steps, whatever the lengths."""
    key = (len(lengths), steps)
    if key not in _MASKS:
        causal = torch.ones(steps, steps, dtype=torch.bool).tril()
        _MASKS[key] = causal & (torch.arange(steps) < lengths[:, None])[:, None, None, :]
    return _MASKS[key]


def wrong_byte_positions(lengths, steps):
    """Positions as int8, to save memory: they wrap after 127."""
    s = torch.arange(steps).to(torch.int8)
    return ((s[None, :] <= s[:, None]) & (s < lengths[:, None, None]))[:, None]
