"""Answers to `rnn.temperature`, written from its statement alone."""

import torch


def _softmax(logits, temperature):
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return torch.softmax(shifted / temperature, dim=-1)


def _pick(p, u, logits):
    cumulated = p.cumsum(dim=-1)
    places = torch.arange(p.shape[-1])
    last = torch.where(logits > float("-inf"), places, -1).amax(dim=-1)
    first = (cumulated <= u[:, None]).sum(dim=-1)
    return torch.where(cumulated[:, -1] > u, first, last)


def wrong_multiplied(logits, temperature, u):
    """The logits are multiplied by the temperature."""
    return _pick(_softmax(logits, 1 / temperature), u, logits)


def wrong_over_the_batch(logits, temperature, u):
    """Softmax along the batch."""
    return _pick(torch.softmax(logits / temperature, dim=0).nan_to_num(), u, logits)


def wrong_at_least(logits, temperature, u):
    """The smallest k whose sum is at least u."""
    cumulated = _softmax(logits, temperature).cumsum(dim=-1)
    first = (cumulated < u[:, None]).sum(dim=-1)
    last = torch.where(logits > float("-inf"), torch.arange(logits.shape[-1]), -1).amax(dim=-1)
    return torch.minimum(first, last)


def wrong_arguments_reordered(logits, u, temperature):
    """The arguments are in another order."""
    return _pick(_softmax(logits, temperature), u, logits)


def wrong_sorted(logits, temperature, u):
    """The sum runs from the likeliest character down."""
    p, order = _softmax(logits, temperature).sort(dim=-1, descending=True)
    place = (p.cumsum(dim=-1) <= u[:, None]).sum(dim=-1).clamp(max=logits.shape[-1] - 1)
    return order.gather(1, place[:, None]).squeeze(1)


def wrong_overwrites(logits, temperature, u):
    """The logits are shifted and divided in place."""
    logits -= logits.amax(dim=-1, keepdim=True)
    logits /= temperature
    return _pick(torch.softmax(logits, dim=-1), u, logits)


def wrong_index_among_allowed(logits, temperature, u):
    """The forbidden ones are taken out first, and the index counts only the others."""
    picked = []
    for row, number in zip(logits, u):
        allowed = row[row > float("-inf")]
        cumulated = torch.softmax((allowed - allowed.max()) / temperature, dim=0).cumsum(dim=0)
        picked.append(min(int((cumulated <= number).sum()), len(allowed) - 1))
    return torch.tensor(picked)


def wrong_last_of_all(logits, temperature, u):
    """Where rounding leaves the sum below u, the last index comes back, forbidden or not."""
    cumulated = _softmax(logits, temperature).cumsum(dim=-1)
    return (cumulated <= u[:, None]).sum(dim=-1).clamp(max=logits.shape[-1] - 1)


def wrong_argmax_of_nothing(logits, temperature, u):
    """argmax of the comparison gives 0 where no sum is above u."""
    above = _softmax(logits, temperature).cumsum(dim=-1) > u[:, None]
    return above.int().argmax(dim=-1)


def wrong_finite_mask(logits, temperature, u):
    """-1e4 stands for minus infinity, so that a hot softmax allows the forbidden."""
    masked = logits.masked_fill(logits == float("-inf"), -1e4)
    return _pick(_softmax(masked, temperature), u, masked)


def wrong_power(logits, temperature, u):
    """The power 1 / temperature of the softmax, which underflows when cold."""
    p = torch.softmax(logits, dim=-1) ** (1 / temperature)
    return _pick(p / p.sum(dim=-1, keepdim=True), u, logits)


def wrong_from_the_top_and_column(logits, temperature, u):
    """1 - u in place of u, and the result is (B, 1)."""
    return _pick(_softmax(logits, temperature), 1 - u, logits)[:, None]


def right_by_counting(logits, temperature, u):
    """Counts the sums that are not above u."""
    return _pick(_softmax(logits, temperature), u, logits)


def right_by_searchsorted(logits, temperature, u):
    """searchsorted in the sums, at most the last allowed place."""
    cumulated = _softmax(logits, temperature).cumsum(dim=-1)
    first = torch.searchsorted(cumulated, u[:, None].contiguous(), right=True).squeeze(1)
    last = logits.shape[1] - 1 - torch.isfinite(logits).flip(1).to(torch.uint8).argmax(dim=1)
    return torch.where(first < logits.shape[1], first, last)


def right_by_loop(logits, temperature, u):
    """One row and one character at a time; Python's floats only compare."""
    picked = []
    for p, row, number in zip(_softmax(logits, temperature), logits, u):
        total, chosen = torch.zeros_like(number), None
        for k in range(len(row)):
            total = total + p[k]
            if row[k] == float("-inf"):
                continue
            chosen = k
            if total > number:
                break
        picked.append(chosen)
    return torch.tensor(picked, dtype=torch.int64)


def right_by_triangle(logits, temperature, u):
    """The sums by a triangular matrix, and the smallest place of those above u."""
    p = _softmax(logits, temperature)
    sums = p @ torch.ones(p.shape[1], p.shape[1], dtype=p.dtype).triu()
    places = torch.arange(p.shape[1]).expand_as(p)
    last = places.masked_fill(logits.isneginf(), -1).amax(dim=1)
    first = places.masked_fill((sums <= u[:, None]) | logits.isneginf(), p.shape[1]).amin(dim=1)
    return torch.where(first == p.shape[1], last, first)


def open_unnormalised(logits, temperature, u):
    """Open: the sums of the weights against u times their total round otherwise at u near 1."""
    weights = torch.exp((logits - logits.amax(dim=-1, keepdim=True)) / temperature)
    return _pick(weights, u * weights.sum(dim=-1), logits)


def open_float64_inside(logits, temperature, u):
    """Open: float64 for float32 inputs; the last sum is above a u at which it is not in float32."""
    return _pick(_softmax(logits.double(), temperature), u.double(), logits)


def open_divided_first(logits, temperature, u):
    """Open: logits / temperature before the maximum is taken off, 1e6 in float32, loses digits."""
    return _pick(torch.softmax(logits / temperature, dim=-1), u, logits)


def wrong_finite_minus_infinity(logits, temperature, u):
    """Puts -1000 in place of -inf, which is large beside logits of -10000."""
    z = torch.nan_to_num(logits.double(), neginf=-1000.0) / temperature
    c = torch.softmax(z, dim=1).cumsum(1)
    return (c <= u.unsqueeze(1)).sum(1).clamp_max(logits.shape[1] - 1)


def wrong_temperature_at_least_a_tenth(logits, temperature, u):
    """Holds the temperature at 0.1 or more."""
    c = torch.softmax(logits.double() / max(temperature, 0.1), dim=1).cumsum(1)
    return (c <= u.unsqueeze(1)).sum(1).clamp_max(logits.shape[1] - 1)


def wrong_temperature_plus_small(logits, temperature, u):
    """Adds 1e-3 to the temperature, a tenth of 0.01."""
    c = torch.softmax(logits.double() / (temperature + 1e-3), dim=1).cumsum(1)
    return (c <= u.unsqueeze(1)).sum(1).clamp_max(logits.shape[1] - 1)


def wrong_last_class_catches_rounding(logits, temperature, u):
    """Sums in float32 and gives what rounding leaves to class V - 1, though it may be forbidden."""
    c = torch.softmax(logits.float() / temperature, dim=1).cumsum(1)
    return (c <= u.float().unsqueeze(1)).sum(1).clamp_max(logits.shape[1] - 1)


def wrong_no_clamp(logits, temperature, u):
    """Sums in float32 and gives V where the rounded sums stay below u."""
    c = torch.softmax(logits.float() / temperature, dim=1).cumsum(1)
    return (c <= u.float().unsqueeze(1)).sum(1)


def wrong_argmax_of_nothing_again(logits, temperature, u):
    """argmax of the comparison: 0 where no rounded sum is above u."""
    c = torch.softmax(logits.float() / temperature, dim=1).cumsum(1)
    return (c > u.float().unsqueeze(1)).int().argmax(dim=1)


def wrong_last_sum_set_to_one(logits, temperature, u):
    """Sets the last sum to 1: right unless the last character is forbidden and u is near 1."""
    c = torch.softmax(logits.float() / temperature, dim=1).cumsum(1)
    c[:, -1] = 1.0
    return (c <= u.float().unsqueeze(1)).sum(1).clamp_max(logits.shape[1] - 1)


def wrong_hundred_classes(logits, temperature, u):
    """Looks at the first 100 classes only."""
    c = torch.softmax(logits.double()[:, :100] / temperature, dim=1).cumsum(1)
    return (c <= u.unsqueeze(1)).sum(1).clamp_max(c.shape[1] - 1)


def wrong_rounded_sums(logits, temperature, u):
    """Rounds the sums to three decimals before comparing."""
    c = torch.softmax(logits.double() / temperature, dim=1).cumsum(1).mul(1000).round() / 1000
    return (c <= u.unsqueeze(1)).sum(1).clamp_max(logits.shape[1] - 1)
