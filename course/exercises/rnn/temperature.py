"""Chapter 2: sample characters at a temperature."""

import math

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_sample(logits, temperature, u):
    """Indices (B,) of the classes that u picks at this temperature. logits (B, V), u (B,) in [0, 1)."""
    probs = torch.softmax(logits / temperature, dim=1)  # it takes the largest out, so nothing overflows
    below = probs.cumsum(dim=1) <= u[:, None]  # (B, V): the classes that u has passed
    # Rounding may leave the last sum under 1, and a u above it must still name a class.
    return below.sum(dim=1).clamp(max=logits.shape[1] - 1)


def by_numbers(logits, temperature, u):
    """The same with Python's own numbers."""
    picked = []
    for row, share in zip(logits.tolist(), u.tolist(), strict=True):
        weights = [math.exp((value - max(row)) / temperature) for value in row]
        sums = [math.fsum(weights[: k + 1]) for k in range(len(weights))]
        picked.append(next(k for k, total in enumerate(sums) if total > share * sums[-1]))
    return torch.tensor(picked)


LN_3 = math.log(3.0)


def draw(rng, B, V, temperature, scale=1.0, dtype=torch.float64):
    """A case with u at least 0.01 from every cumulative probability, so that rounding decides nothing."""
    logits = normal(rng, B, V, dtype=dtype, scale=scale)
    shares = []
    for edges in torch.softmax(logits.double() / temperature, dim=1).cumsum(1):
        share = rng.uniform(0.02, 0.98)
        while (edges - share).abs().min() < 0.01:
            share = rng.uniform(0.02, 0.98)
        shares.append(share)
    return logits, temperature, torch.tensor(shares, dtype=dtype)


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
        ([[900.0, 901.0], [-1e4, -1e4 + 1]], 1.0, [0.5, 0.2]),
        (torch.tensor([[1e4, -1e4], [-1e4, 1e4]]), 1e4, torch.tensor([0.95, 0.05])),
        (torch.tensor([[1.0, 0.9, 0.8, 1.01, 0.7, 0.85, 0.95, 0.6]]), 0.01, torch.tensor([0.5])),
    ],
    draw=draw,
    sizes=[
        dict(B=1, V=2, temperature=0.3),
        dict(B=12, V=4, temperature=2.0),
        dict(B=12, V=6, temperature=0.4),
        dict(B=6, V=6, temperature=1.0, dtype=torch.float32),
        dict(B=12, V=8, temperature=5.0, scale=8.0, dtype=torch.float32),
    ],
    spans=lambda rng: dict(
        B=rng.randint(1, 4),
        V=rng.randint(2, 6),
        temperature=10 ** rng.uniform(-1, 1),
        scale=10 ** rng.uniform(-1, 1),
    ),
    hints="""
        First the probabilities, from logits that are divided by the temperature. `torch.softmax` takes the
        largest logit out itself.

        `probs.cumsum(dim=1)` are the sums p_0 + ... + p_k. The k that is asked for is the number of sums that
        u has reached or passed.

        `(probs.cumsum(dim=1) <= u[:, None]).sum(dim=1)`: the truth values of each row are counted.
    """,
    wrong="""
        multiplied_by_the_temperature: logits / temperature → logits * temperature
            You multiply by the temperature: divide the logits by it. A small one makes differences larger,
            and the text more careful.
        temperature_ignored: logits / temperature → logits
            The temperature has no effect: divide the logits by it before the softmax. (Probabilities divided
            by it and normalised again are what they were.)
        probabilities_divided: logits / temperature, dim=1) → logits, dim=1) / temperature
        and: .clamp(max=logits.shape[1] - 1) → nothing
            You divide the probabilities, which then no longer sum to 1. The temperature divides the logits,
            before the softmax.
        powers_not_normalised: logits / temperature, dim=1) → logits, dim=1) ** (1 / temperature)
        and: .clamp(max=logits.shape[1] - 1) → nothing
            You raise the probabilities to the power 1/temperature, but they no longer sum to 1. Divide the
            logits instead: the softmax normalises.
        powers_underflow: logits / temperature, dim=1) → logits, dim=1) ** (1 / temperature)
        and: below = → probs = probs / probs.sum(1, keepdim=True); below =
            Right for moderate logits, but a probability raised to 1/temperature underflows, or has done so
            before. Divide the logits by the temperature, then take the softmax.
        softmax_twice: logits / temperature → logits.softmax(1) / temperature
            You divide probabilities by the temperature and apply the softmax again: they differ by 1 at most.
            The temperature divides the logits, and there is one softmax.
        exponentials_overflow: torch.softmax(logits / temperature, dim=1) → (logits / temperature).exp()
        and: below = → probs = probs / probs.sum(1, keepdim=True); below =
            Right for moderate logits, but exp overflows for large ones, and inf / inf is not a number. Use
            torch.softmax, or take the largest logit out first.
        softmax_over_the_batch: temperature, dim=1) → temperature, dim=0)
        and: .clamp(max=logits.shape[1] - 1) → nothing
            Your softmax runs over the batch (dim=0): the V classes of one row share a probability of 1.
        most_likely_class: below.sum(dim=1).clamp(max=logits.shape[1] - 1) → logits.argmax(1)
            You take the most likely class whatever u is: that is the limit of temperature 0, not a draw.
        drawn_anew: below.sum(dim=1).clamp(max=logits.shape[1] - 1) → torch.multinomial(probs, 1)[:, 0]
            You draw a random number of your own: use u, so that the draw can be repeated.
        reached_for_exceeded: <= u → < u
        and: .clamp(max=logits.shape[1] - 1) → nothing
            You accept a sum that equals u: with u = 0 this picks a first character of probability 0, a
            forbidden one. The sum must exceed u; in searchsorted say right=True.
        one_too_low: [1] - 1) → [1] - 1) - 1
            Your index is one too low: it names the last class that u has passed. Asked is the first that it
            has not.
    """,
)
