"""Chapter 2: a language model's loss in bits a character."""

import math

import torch
import torch.nn.functional as F

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_bits(logits, targets):
    """Bits a character, a scalar. logits (B, T, V), targets (B, T) of whole numbers below V."""
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten())  # it takes natural logarithms
    return nats / math.log(2)


def by_base_two(logits, targets):
    """The same in float64: with logits in units of ln 2, 2 to their power takes the place of exp."""
    scores = logits.double() / math.log(2)
    log_sums = torch.logaddexp2(scores[..., 0], torch.full_like(scores[..., 0], -math.inf))
    for v in range(1, scores.shape[2]):
        log_sums = torch.logaddexp2(log_sums, scores[..., v])
    return (log_sums - scores.gather(2, targets[..., None])[..., 0]).mean().to(logits.dtype)


def draw(rng, B, T, V, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    targets = torch.tensor([[rng.randrange(V) for _ in range(T)] for _ in range(B)])
    return normal(rng, B, T, V, dtype=dtype, scale=scale), targets


bits_per_character = Exercise(
    my_bits,
    reference=by_base_two,
    gradients=True,
    by_hand=[
        ([[[0.0, 0.0], [0.0, math.log(7.0)]]], torch.tensor([[1, 0]])),
        ([[[0.0, 0.0, 0.0, 0.0]]], torch.tensor([[2]])),
        (
            torch.tensor([[[1e4, -1e4, 0.0], [0.0, 1e4, -1e4]], [[-1e4, 1e4, 9e3], [0.0, 0.0, 0.0]]]),
            torch.tensor([[1, 0], [2, 1]]),
        ),
        ([[[800.0, -800.0]], [[-900.0, 100.0]]], torch.tensor([[0], [0]])),
        ([[[-1e4, -1e4], [-1e4, 1 - 1e4]]], torch.tensor([[0, 1]])),
    ],
    draw=draw,
    sizes=[
        dict(B=1, T=1, V=3),
        dict(B=1, T=3, V=2),
        dict(B=3, T=3, V=3),
        dict(B=2, T=5, V=4),
        dict(B=4, T=1, V=6, dtype=torch.float32),
        dict(B=3, T=2, V=5, scale=10.0, dtype=torch.float32),
        dict(B=2, T=2, V=1),
        dict(B=1, T=2, V=200),
        dict(B=1, T=130, V=2),
        dict(B=130, T=1, V=2),
    ],
    spans=dict(B=(1, 4), T=(1, 4), V=(2, 5), scale=lambda rng: 10 ** rng.uniform(-2, 2)),
    hints="""
        `F.cross_entropy` does nearly all of it, in natural logarithms. What turns ln p into log2 p?

        `F.cross_entropy` wants the classes along axis 1: make the texts one long list of B T characters with
        `.flatten(0, 1)`, or transpose. Reshaping to (B, V, T) would mix places and characters up.

        This is the line itself: `F.cross_entropy(logits.flatten(0, 1), targets.flatten()) / math.log(2)`.
    """,
    wrong="""
        nats_for_bits: nats / math.log(2) → nats
            This is the loss in nats, from natural logarithms: divide by ln 2 to get bits.
        times_ln_2: nats / math → nats * math
            You multiply by ln 2. A bit is a smaller unit than a nat, so there are more of them: divide.
        perplexity: nats / math.log(2) → nats.exp()
            This is the perplexity, 2 to the bits or e to the nats: return its logarithm to base 2.
        two_to_the_nats: nats / math.log(2) → torch.exp2(nats)
            You raise 2 to a loss in nats, a perplexity of mixed bases: perplexity is e to the nats, and the
            bits are asked for, the nats divided by ln 2.
        base_ten: log(2) → log(10)
            Your logarithm has base 10: divide the natural one by ln 2, or use log2.
        bits_a_text: targets.flatten()) → targets.flatten()) * targets.shape[1]
            You sum over the places of a text, so the loss grows with T: average over all characters.
        no_reduction: targets.flatten()) → targets.flatten(), reduction="none")
        and: nats / math.log(2) → nats.view_as(targets) / math.log(2)
            You return one number for each character: take their mean.
        softmax_twice: nats = → logits = logits.softmax(2); nats =
            The softmax is applied twice: F.cross_entropy takes logits, log-softmax is inside.
        powers_of_two: logits.flatten(0, 1) → (logits * math.log(2)).flatten(0, 1)
            You raise 2 to the logits: softmax raises e, and only the logarithm of p has base 2.
        entropy: nats / math.log(2) → -(logits.softmax(2) * logits.log_softmax(2)).sum(2).mean() / math.log(2)
            This is the entropy of the model's own prediction: take -log2 p of the targets alone.
        shifted_once_more: logits.flatten(0, 1) → logits[:, :-1].flatten(0, 1)
        and: targets.flatten() → targets[:, 1:].flatten()
            You shift the targets by one place: they are the characters that come next already.
        softmax_over_time: nats = F.cross_entropy → logits = logits.log_softmax(1); nats = F.nll_loss
            Your softmax runs over the T places: the V characters of one place share a probability of 1, so it
            runs over the last axis.
        reshaped_for_transposed: nats = → B, T, V = logits.shape; nats =
        and: logits.flatten(0, 1), targets.flatten() → logits.reshape(B, V, T), targets
            You reshape (B, T, V) to (B, V, T): that keeps the numbers' order in memory and mixes places and
            characters up. Transpose the axes, or flatten B and T.
        logarithm_of_softmax: nats = F.cross_entropy → logits = logits.softmax(2).log(); nats = F.nll_loss
            Right for moderate logits, infinite for extreme ones: the softmax underflows to 0 before its
            logarithm is taken. Use log_softmax or F.cross_entropy, which take both in one step.
        epsilon_{}: nats = F.cross_entropy → logits = (logits.softmax(2) + {}).log(); nats = F.nll_loss
        for: 1e-06, 1e-07, 1e-08, 1e-09, 1e-10, 1e-12
            You add a small number to p before the logarithm: that bounds the loss, so an impossible character
            costs too little, and its gradient is lost. Use log_softmax or F.cross_entropy.
        exponentials_overflow: nats = → p = logits.exp(); logits = (p / p.sum(2, keepdim=True)).log(); nats =
        and: F.cross_entropy → F.nll_loss
            Right for moderate logits, but exp overflows for large ones: use log_softmax, logsumexp or
            F.cross_entropy, which take the largest logit out first.
        sum_overflows: nats = → logits = logits - logits.exp().sum(2, keepdim=True).log(); nats =
        and: F.cross_entropy → F.nll_loss
            Right for moderate logits, but the sum of exp overflows for large ones, and is 0 for very negative
            ones: use log_softmax, logsumexp or F.cross_entropy, which take the largest logit out first.
    """,
    special="""
        very_negative: logits.amax(2).min() < -100
            Your function is right but where all logits of a place are very negative: take the largest one of
            each place out, whatever its sign. No other number may stand for it, nor for minus infinity.
    """,
)
