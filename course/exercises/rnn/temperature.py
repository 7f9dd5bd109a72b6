"""Chapter 2: sample characters at a temperature."""

import math

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_sample(logits, temperature, u):
    """Indices (B,) of the classes that u picks at this temperature. logits (B, V), u (B,) in [0, 1)."""
    probs = torch.softmax(logits / temperature, dim=1)  # it takes the largest out, so nothing overflows
    sums = probs.cumsum(dim=1)  # (B, V)
    # Rounding leaves the last sum near 1, not at 1: u times this sum is below it, where u itself may not be.
    below = sums <= u[:, None] * sums[:, -1:]  # the classes that u has passed
    return below.sum(dim=1)


def by_numbers(logits, temperature, u):
    """The same with Python's own numbers."""
    picked = []
    for row, share in zip(logits.tolist(), u.tolist(), strict=True):
        weights = [math.exp((value - max(row)) / temperature) for value in row]
        sums = [math.fsum(weights[: k + 1]) for k in range(len(weights))]
        picked.append(next(k for k, total in enumerate(sums) if total > share * sums[-1]))
    return torch.tensor(picked)


LN_3 = math.log(3.0)


LAST_U = 1 - 2.0**-24  # the largest float32 below 1


def draw(rng, B, V, temperature, scale=1.0, near_1=False, dtype=torch.float64):
    """A case with u so far from every cumulative probability that rounding decides nothing.

    Or with u `near_1` throughout, and the last character forbidden in every other row.
    """
    logits = normal(rng, B, V, dtype=dtype, scale=scale)
    if near_1:
        logits[::2, -1] = -math.inf
        return logits, temperature, torch.full((B,), LAST_U, dtype=dtype)
    shares, margin = [], min(0.01, 0.1 / V)
    for edges in torch.softmax(logits.double() / temperature, dim=1).cumsum(1):
        share = rng.uniform(0.02, 0.98)
        while (edges - share).abs().min() < margin:
            share = rng.uniform(0.02, 0.98)
        shares.append(share)
    return logits, temperature, torch.tensor(shares, dtype=dtype)


# Mistakes that learners make alone, or together with comparing u itself with sums that rounding has changed.
MISTAKES = """
multiplied_by_the_temperature: logits / temperature → logits * temperature
    You multiply by the temperature: divide the logits by it. A small one makes differences larger, and the
    text more careful.
temperature_ignored: logits / temperature → logits
    The temperature has no effect: divide the logits by it before the softmax. (Probabilities divided by it
    and normalised again are what they were.)
powers_underflow: logits / temperature, dim=1) → logits, dim=1) ** (1 / temperature)
and: sums = → probs = probs / probs.sum(1, keepdim=True); sums =
    Right for moderate logits, but a probability raised to 1/temperature underflows, or has done so before.
    Divide the logits by the temperature, then take the softmax.
exponentials_overflow: torch.softmax(logits / temperature, dim=1) → (logits / temperature).exp()
and: sums = → probs = probs / probs.sum(1, keepdim=True); sums =
    Right for moderate logits, but exp overflows for large ones, and inf / inf is not a number. Use
    torch.softmax, or take the largest logit out first.
reached_for_exceeded: <= u → < u
    You accept a sum that equals u: with u = 0 this picks a first character of probability 0, a forbidden one.
    The sum must exceed u; in searchsorted say right=True.
one_too_low: return below → return -1 + below
    Your index is one too low: it names the last class that u has passed. Asked is the first that it has not.
complement_of_u: probs = torch → u = 1 - u; probs = torch
    You compare with 1 - u, or sum from the last character on: the sums from the first one must exceed u.
first_u_for_all: probs = torch → u = u[:1].expand_as(u); probs = torch
    You use the first row's number in every row: each row has its own, `u[:, None]`.
"""
ROUNDED = """
rounded: u[:, None] * sums[:, -1:] → u[:, None]
and: return below.sum(dim=1) → return below.sum(dim=1).clamp(max=logits.shape[1] - 1)
    And then: where rounding leaves the last sum at or below u, take the last character that is not forbidden.
"""
# Their sums do not end at 1, so that the index may lie outside, unless it is limited.
UNNORMALISED = """
probabilities_divided: logits / temperature, dim=1) → logits, dim=1) / temperature
and: u[:, None] * sums[:, -1:] → u[:, None]
    You divide the probabilities, which then no longer sum to 1. The temperature divides the logits, before
    the softmax.
softmax_over_the_batch: temperature, dim=1) → temperature, dim=0)
and: u[:, None] * sums[:, -1:] → u[:, None]
    Your softmax runs over the batch (dim=0): the V classes of one row share a probability of 1.
exclusive_sums: cumsum(dim=1) → cumsum(dim=1) - probs
and: u[:, None] * sums[:, -1:] → u[:, None]
    Your sums lack their last term: the k-th is p_0 + ... + p_k, with p_k.
"""
LIMITED = """
limited: return below.sum(dim=1) → return below.sum(dim=1).clamp(max=logits.shape[1] - 1)
    (To limit the index hides it.)
"""

temperature = Exercise(
    my_sample,
    reference=by_numbers,
    by_hand=[
        ([[0.0, LN_3]], 1.0, [0.2]),
        ([[0.0, LN_3]], 0.5, [0.2]),
        (torch.tensor([[0.0, LN_3]] * 3), 0.5, torch.tensor([0.05, 0.15, 0.9])),
        (torch.tensor([[0.0, LN_3]] * 3), 4.0, torch.tensor([0.4, 0.48, 0.1])),
        (torch.tensor([[-math.inf, 0.0, 1.0], [2.0, -math.inf, 1.0]]), 1.0, torch.tensor([0.0, 0.9])),
        (torch.tensor([[1e4, -1e4, 0.0], [-1e4, 0.0, 1e4]]), 0.01, torch.tensor([0.9, 0.1])),
        ([[9990.0, 9995.0], [-1e4, 5 - 1e4], [-1e4, -1e4]], 1.0, [0.3, 0.3, 0.2]),
        (
            torch.tensor([[-1e4, 1e4, -math.inf]] * 2 + [[-1e4, -math.inf, -1e4], [-math.inf, 0.0, 0.0]]),
            1e4,
            torch.tensor([0.3, 0.11, 0.50001, 0.0]),
        ),
        (torch.tensor([[1.0, 0.9, 0.8, 1.01, 0.7, 0.85, 0.95, 0.6]]), 0.01, torch.tensor([0.5])),
        ([[0.0, 0.02], [0.0, 0.005]], 0.01, [0.11921, 0.2]),  # p_0 = 0.119203
        ([[0.0, 1.0]], 0.75, [0.215]),  # p_0 = 0.2086
        ([[0.0, 20.0], [0.0, 20.0], [-30.0, 0.0]], 1.0, [1e-9, 1e-8, 0.0]),  # p_0 = 2.1e-9
        ([[0.0, math.log(5e-10)], [0.0, -50.0], [0.0, 0.0]], 1.0, [1 - 1e-10, 1 - 1e-9, 0.5 - 1e-9]),
        ([[-1e4, -math.inf, 1 - 1e4], [-math.inf, -1e4, -1e4]], 1.0, [0.25, 0.6]),
    ],
    draw=draw,
    sizes=[
        dict(B=1, V=2, temperature=0.3),
        dict(B=12, V=4, temperature=2.0),
        dict(B=12, V=6, temperature=0.4),
        dict(B=6, V=6, temperature=1.0, dtype=torch.float32),
        dict(B=12, V=8, temperature=5.0, scale=8.0, dtype=torch.float32),
        dict(B=4, V=1, temperature=0.5),
        dict(B=3, V=200, temperature=1.0, dtype=torch.float32),
        dict(B=130, V=2, temperature=1.0),
        dict(B=64, V=7, temperature=1.0, near_1=True, dtype=torch.float32),
    ],
    spans=lambda rng: dict(
        B=rng.randint(1, 4),
        V=rng.randint(1, 6),
        temperature=10 ** rng.uniform(-1, 1),
        scale=10 ** rng.uniform(-1, 1),
    ),
    hints="""
        First the probabilities, from logits that are divided by the temperature. `torch.softmax` takes the
        largest logit out itself.

        `sums = probs.cumsum(dim=1)` are the sums p_0 + ... + p_k. The k that is asked for is the number of
        sums that u has reached or passed. Rounding may leave the last one just below 1: compare with u times
        the last sum, `sums[:, -1:]`, which is always below it.

        This is the line itself: `(sums <= u[:, None] * sums[:, -1:]).sum(dim=1)`. The truth values of each
        row are counted.
    """,
    wrong="""
        softmax_twice: logits / temperature → logits.softmax(1) / temperature
            You divide probabilities by the temperature and apply the softmax again: they differ by 1 at most.
            The temperature divides the logits, and there is one softmax.
        most_likely_class: below.sum(dim=1) → logits.argmax(1)
            You take the most likely class whatever u is: that is the limit of temperature 0, not a draw.
        drawn_again: below.sum(dim=1) → torch.multinomial(probs, 1)[:, 0]
            You draw a random number of your own: use u, so that the draw can be repeated.
        one_too_low_from_0: below.sum(dim=1) → (below.sum(dim=1) - 1).clamp(min=0)
            Your index is one too low: it names the last class that u has passed. Asked is the first that it
            has not.
        largest_first: probs = → probs, order =
        and: temperature, dim=1) → temperature, dim=1).sort(1, True)
        and: below.sum(dim=1) → order.gather(1, below.sum(dim=1, keepdim=True))[:, 0]
            You sort the characters by their probability first: the sums run in the order of the indices.
    """,
    twice=[(MISTAKES, ROUNDED), (UNNORMALISED, LIMITED)],
    special="""
        large_temperature: temperature > 1e3
            Your function is right but for a large temperature. It has no limit, and a number that stands
            for -inf is too near then: leave -inf as it is.
        digits_of_u: u.max() > 0.9999 and u.min() < 0.9
            Your function is right but where the last digits of u or a tiny probability decide: use u as it
            is, in the type that it has, and clamp nothing.
        rounded_sums: u.min() > 0.9999
            Your function is right but where u is next to 1: there rounding may leave even the last sum at or
            below u, and then the last character that is not forbidden is asked for. Compare with u times the
            last sum.
        small_temperature: temperature < 0.1
            Your function is right but for small temperatures: use them as they are, without a lower limit and
            without adding a small number.
        tiny_u: u.min() < 1e-6
            Your function is right but for tiny u, where tiny probabilities decide: nothing may be added to
            them, and no sum rounded.
        moderate_logits: logits.isinf().any() or logits.abs().max() > 30 * temperature
            Your function is right for moderate logits alone. Is there a clamp, a number that stands for -inf,
            or one maximum for all rows? Take the largest logit of each row out, or use torch.softmax.
    """,
)
