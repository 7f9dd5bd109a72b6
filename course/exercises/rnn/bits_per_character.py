"""Chapter 2: a language model's loss in bits a character."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_bits(logits, targets):
    """Bits a character, a tensor of no axes. logits (B, T, V), targets (B, T) of whole numbers below V."""
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten())  # it takes natural logarithms
    return nats / math.log(2)


def by_base_two(logits, targets):
    """The same in float64: with logits in units of ln 2, 2 to their power takes the place of exp."""
    scores = logits.double() / math.log(2)
    log_sums = torch.logaddexp2(scores[..., 0], torch.full_like(scores[..., 0], -math.inf))
    for v in range(1, scores.shape[2]):
        log_sums = torch.logaddexp2(log_sums, scores[..., v])
    return (log_sums - scores.gather(2, targets[..., None])[..., 0]).mean().to(logits.dtype)


def bits_case(rng, batch, length, classes, dtype=torch.float64, scale=1.0):
    """A case with logits (batch, length, classes)."""
    targets = torch.tensor([[rng.randrange(classes) for _ in range(length)] for _ in range(batch)])
    return normal(rng, batch, length, classes, dtype=dtype, scale=scale), targets


def wide_bits(rng):
    """One case of small random sizes, logits from tiny to extreme."""
    sizes = rng.randint(1, 4), rng.randint(1, 4), rng.randint(2, 5)
    return bits_case(rng, *sizes, rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-2, 2))


bits_per_character = Exercise(
    my_bits,
    reference=by_base_two,
    gradients=True,
    # OLD wide=wide_bits
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[[0.0, 0.0], [0.0, math.log(7.0)]]], dtype=torch.float64), torch.tensor([[1, 0]])),
    #         (torch.zeros(1, 1, 4, dtype=torch.float64), torch.tensor([[2]])),
    #         bits_case(rng, 1, 1, 3),
    #         bits_case(rng, 1, 3, 2),
    #         bits_case(rng, 3, 3, 3),
    #         bits_case(rng, 2, 5, 4),
    #         bits_case(rng, 4, 1, 6, torch.float32),
    #         bits_case(rng, 3, 2, 5, torch.float32, 10.0),
    #         (
    #             torch.tensor([[[1e4, -1e4, 0.0], [0.0, 1e4, -1e4]], [[-1e4, 1e4, 9e3], [0.0, 0.0, 0.0]]]),
    #             torch.tensor([[1, 0], [2, 1]]),
    #         ),
    #         (torch.tensor([[[800.0, -800.0]], [[-900.0, 100.0]]], dtype=torch.float64), torch.tensor([[0], [0]])),
    #         *(wide_bits(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        `F.cross_entropy` does nearly all of it, in natural logarithms. What turns ln p into log2 p?

        `F.cross_entropy` wants the classes along axis 1: make the texts one long list of B T characters with
        `.flatten(0, 1)`, or transpose. Reshaping to (B, V, T) would mix places and characters up.

        `F.cross_entropy(logits.flatten(0, 1), targets.flatten()) / math.log(2)`.
    """,
    wrong="""
        nats_for_bits: OLD → NEW
            This is the loss in nats, from natural logarithms: divide by ln 2 to get bits.
        times_ln_2: OLD → NEW
            You multiply by ln 2. A bit is a smaller unit than a nat, so there are more of them: divide.
        perplexity: OLD → NEW
            This is the perplexity, 2 to the bits or e to the nats: return its logarithm to base 2.
        two_to_the_nats: OLD → NEW
            You raise 2 to a loss in nats, a perplexity of mixed bases: perplexity is e to the nats, and the
            bits are asked for, the nats divided by ln 2.
        base_ten: OLD → NEW
            Your logarithm has base 10: divide the natural one by ln 2, or use log2.
        bits_a_text: OLD → NEW
            You sum over the places of a text, so the loss grows with T: average over all characters.
        sum_for_mean: OLD → NEW
            You sum over all characters: the mean was asked for.
        no_reduction: OLD → NEW
            You return one number for each character: take their mean.
        mean_over_classes: OLD → NEW
            You average over the V classes as well, so the loss is V times too small.
        softmax_twice: OLD → NEW
            The softmax is applied twice: F.cross_entropy takes logits, log-softmax is inside.
        softmax_over_time: OLD → NEW
            Your softmax runs over the T places: the V characters of one place share a probability of 1, so it
            runs over the last axis.
        reshaped_for_transposed: OLD → NEW
            You reshape (B, T, V) to (B, V, T): that keeps the numbers' order in memory and mixes places and
            characters up. Transpose the axes, or flatten B and T.
        logarithm_of_softmax: OLD → NEW
            Right for moderate logits, infinite for extreme ones: the softmax underflows to 0 before its
            logarithm is taken. Use log_softmax or F.cross_entropy, which take both in one step.
        epsilon_1e-06: OLD → NEW
            You add a small number to p before the logarithm: that bounds the loss, so an impossible character
            costs too little, and its gradient is lost. Use log_softmax or F.cross_entropy.
        epsilon_1e-07: OLD → NEW
            You add a small number to p before the logarithm: that bounds the loss, so an impossible character
            costs too little, and its gradient is lost. Use log_softmax or F.cross_entropy.
        epsilon_1e-08: OLD → NEW
            You add a small number to p before the logarithm: that bounds the loss, so an impossible character
            costs too little, and its gradient is lost. Use log_softmax or F.cross_entropy.
        epsilon_1e-09: OLD → NEW
            You add a small number to p before the logarithm: that bounds the loss, so an impossible character
            costs too little, and its gradient is lost. Use log_softmax or F.cross_entropy.
        epsilon_1e-10: OLD → NEW
            You add a small number to p before the logarithm: that bounds the loss, so an impossible character
            costs too little, and its gradient is lost. Use log_softmax or F.cross_entropy.
        epsilon_1e-12: OLD → NEW
            You add a small number to p before the logarithm: that bounds the loss, so an impossible character
            costs too little, and its gradient is lost. Use log_softmax or F.cross_entropy.
        exponentials_overflow: OLD → NEW
            Right for moderate logits, but exp overflows for large ones: use log_softmax, logsumexp or
            F.cross_entropy, which take the largest logit out first.
        sign_forgotten: OLD → NEW
            The sign is wrong: log2 p is negative, and the bits are minus that.
    """,
)
