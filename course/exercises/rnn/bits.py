"""Chapter 2, exercise: a language model's loss in bits a character."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_bits(logits, targets):
    """Bits a character, a tensor of no axes. logits (B, T, V), targets (B, T) of whole numbers below V."""
    raise NotImplementedError


def solve_bits(logits, targets):
    """Bits a character, a tensor of no axes. logits (B, T, V), targets (B, T) of whole numbers below V."""
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten())  # it takes natural logarithms
    return nats / math.log(2)


def bits_by_gather(logits, targets):
    """The same: pick each target's log-probability."""
    log_probs = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    picked = log_probs.gather(2, targets[:, :, None])  # (B, T, 1)
    return -picked.mean() * math.log2(math.e)


def bits_by_log_sum_exp(logits, targets):
    """The same: log-sum-exp with the largest logit taken out, minus the target's logit."""
    largest = logits.max(dim=2, keepdim=True).values
    log_sum = (logits - largest).exp().sum(dim=2).log2() + largest[:, :, 0] / math.log(2)
    one_hot = F.one_hot(targets, logits.shape[2]).to(logits.dtype)
    return (log_sum - (logits * one_hot).sum(dim=2) / math.log(2)).mean()


def bits_by_character(logits, targets):
    """The same, one character after the other."""
    total, count = 0.0, 0
    for sequence, wanted in zip(logits, targets, strict=True):
        for scores, character in zip(sequence, wanted.tolist(), strict=True):
            total = total + (scores.logsumexp(0) - scores[character]) / math.log(2)
            count += 1
    return total / count


def by_base_two(logits, targets):
    """The same in float64: with logits in units of ln 2, 2 to their power takes the place of exp."""
    scores = logits.double() / math.log(2)
    log_sums = torch.logaddexp2(scores[..., 0], torch.full_like(scores[..., 0], -math.inf))
    for v in range(1, scores.shape[2]):
        log_sums = torch.logaddexp2(log_sums, scores[..., v])
    return (log_sums - scores.gather(2, targets[..., None])[..., 0]).mean().to(logits.dtype)


def nats(logits, targets, reduction="mean"):
    """The cross-entropy in natural logarithms."""
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction=reduction)


def bits_of(log_probabilities):
    """The loss from what a function makes of the logits, in the place of their log-softmax."""
    return lambda logits, targets: (
        -log_probabilities(logits).gather(2, targets[:, :, None]).mean() / math.log(2)
    )


def bits_case(rng, batch, length, classes, dtype=torch.float64, scale=1.0):
    """A case with logits (batch, length, classes)."""
    targets = torch.tensor([[rng.randrange(classes) for _ in range(length)] for _ in range(batch)])
    return normal(rng, batch, length, classes, dtype=dtype, scale=scale), targets


def wide_bits(rng):
    """One case of small random sizes, logits from tiny to extreme."""
    sizes = rng.randint(1, 4), rng.randint(1, 4), rng.randint(2, 5)
    return bits_case(rng, *sizes, rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-2, 2))


bits_per_character = Exercise(
    name="bits_per_character",
    title="bits a character",
    difficulty="easy",
    minutes=12,
    task="""
        A model of text gives, at each of $T$ places of $B$ texts, logits for the $V$ characters that may come
        next; `targets` $(B, T)$ are the characters that did. Return the mean over all $B\\,T$ characters of

        $$-\\log_2 p(\\text{target}), \\qquad p = \\operatorname{softmax}(\\text{logits}),$$

        a tensor of no axes that can be trained on: the check compares its gradient too. Logits may be as
        large as $\\pm 10^4$.

        By hand first: how many bits does a model need that gives each of four characters the same logit? And
        a target with $p = 1/8$?
    """,
    stub_function=my_bits,
    reference=by_base_two,
    cases=lambda rng: [
        (torch.tensor([[[0.0, 0.0], [0.0, math.log(7.0)]]], dtype=torch.float64), torch.tensor([[1, 0]])),
        (torch.zeros(1, 1, 4, dtype=torch.float64), torch.tensor([[2]])),
        bits_case(rng, 1, 1, 3),
        bits_case(rng, 1, 3, 2),
        bits_case(rng, 3, 3, 3),
        bits_case(rng, 2, 5, 4),
        bits_case(rng, 4, 1, 6, torch.float32),
        bits_case(rng, 3, 2, 5, torch.float32, 10.0),
        (
            torch.tensor([[[1e4, -1e4, 0.0], [0.0, 1e4, -1e4]], [[-1e4, 1e4, 9e3], [0.0, 0.0, 0.0]]]),
            torch.tensor([[1, 0], [2, 1]]),
        ),
        (torch.tensor([[[800.0, -800.0]], [[-900.0, 100.0]]], dtype=torch.float64), torch.tensor([[0], [0]])),
        *(wide_bits(rng) for _ in range(6)),
    ],
    wide=wide_bits,
    gradients=True,
    hints=(
        "`F.cross_entropy` does nearly all of it, in natural logarithms. What turns ln p into log2 p?",
        "`F.cross_entropy` wants the classes along axis 1: make the texts one long list of B T characters "
        "with `.flatten(0, 1)`, or transpose. Reshaping to (B, V, T) would mix places and characters up.",
        "`F.cross_entropy(logits.flatten(0, 1), targets.flatten()) / math.log(2)`.",
    ),
    solution_function=solve_bits,
    alternatives=(
        bits_by_gather,
        bits_by_log_sum_exp,
        bits_by_character,
        lambda logits, targets: F.cross_entropy(logits.mT, targets) / math.log(2),
    ),
    misconceptions=(
        Misconception(
            "nats_for_bits",
            "This is the loss in nats, from natural logarithms: divide by ln 2 to get bits.",
            nats,
        ),
        Misconception(
            "times_ln_2",
            "You multiply by ln 2. A bit is a smaller unit than a nat, so there are more of them: divide.",
            lambda logits, targets: nats(logits, targets) * math.log(2),
        ),
        Misconception(
            "perplexity",
            "This is the perplexity, 2 to the bits or e to the nats: return its logarithm to base 2.",
            lambda logits, targets: nats(logits, targets).exp(),
        ),
        Misconception(
            "two_to_the_nats",
            "You raise 2 to a loss in nats, a perplexity of mixed bases: perplexity is e to the nats, and "
            "the bits are asked for, the nats divided by ln 2.",
            lambda logits, targets: torch.exp2(nats(logits, targets)),
        ),
        Misconception(
            "base_ten",
            "Your logarithm has base 10: divide the natural one by ln 2, or use log2.",
            lambda logits, targets: nats(logits, targets) / math.log(10),
        ),
        Misconception(
            "bits_a_text",
            "You sum over the places of a text, so the loss grows with T: average over all characters.",
            lambda logits, targets: nats(logits, targets, "sum") / math.log(2) / len(targets),
        ),
        Misconception(
            "sum_for_mean",
            "You sum over all characters: the mean was asked for.",
            lambda logits, targets: nats(logits, targets, "sum") / math.log(2),
        ),
        Misconception(
            "no_reduction",
            "You return one number for each character: take their mean.",
            lambda logits, targets: nats(logits, targets, "none") / math.log(2),
        ),
        Misconception(
            "mean_over_classes",
            "You average over the V classes as well, so the loss is V times too small.",
            lambda logits, targets: nats(logits, targets) / math.log(2) / logits.shape[2],
        ),
        Misconception(
            "softmax_twice",
            "The softmax is applied twice: F.cross_entropy takes logits, log-softmax is inside.",
            lambda logits, targets: nats(torch.softmax(logits, dim=2), targets) / math.log(2),
        ),
        Misconception(
            "softmax_over_time",
            "Your softmax runs over the T places: the V characters of one place share a probability of 1, so "
            "it runs over the last axis.",
            bits_of(lambda logits: torch.log_softmax(logits, dim=1)),
        ),
        Misconception(
            "reshaped_for_transposed",
            "You reshape (B, T, V) to (B, V, T): that keeps the numbers' order in memory and mixes places "
            "and characters up. Transpose the axes, or flatten B and T.",
            lambda logits, targets: (
                F.cross_entropy(logits.reshape(len(logits), -1, logits.shape[1]), targets) / math.log(2)
            ),
        ),
        Misconception(
            "logarithm_of_softmax",
            "Right for moderate logits, infinite for extreme ones: the softmax underflows to 0 before its "
            "logarithm is taken. Use log_softmax or F.cross_entropy, which take both in one step.",
            bits_of(lambda logits: torch.softmax(logits, dim=2).log()),
        ),
        *(
            Misconception(
                f"epsilon_{epsilon:.0e}",
                "You add a small number to p before the logarithm: that bounds the loss, so an impossible "
                "character costs too little, and its gradient is lost. Use log_softmax or F.cross_entropy.",
                bits_of(lambda logits, epsilon=epsilon: (torch.softmax(logits, dim=2) + epsilon).log()),
            )
            for epsilon in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)
        ),
        Misconception(
            "exponentials_overflow",
            "Right for moderate logits, but exp overflows for large ones: use log_softmax, logsumexp or "
            "F.cross_entropy, which take the largest logit out first.",
            bits_of(lambda logits: (logits.exp() / logits.exp().sum(2, keepdim=True)).log()),
        ),
        Misconception(
            "sign_forgotten",
            "The sign is wrong: log2 p is negative, and the bits are minus that.",
            lambda logits, targets: -nats(logits, targets) / math.log(2),
        ),
    ),
)
