"""Chapter 5, exercise: the non-saturating loss of the generator, Goodfellow et al. (2014), section 3."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_generator_loss(fake_logits):
    """The generator's loss, to be minimised, nats, a tensor of no axes. fake_logits (B,): the discriminator's
    outputs for generated points, before the sigmoid."""
    raise NotImplementedError


def solve_generator_loss(fake_logits):
    """The generator's loss, to be minimised, nats, a tensor of no axes. fake_logits (B,): the discriminator's
    outputs for generated points, before the sigmoid."""
    # The generator wants its points called real: the cost of the label 1, in one step from the logits.
    return -F.logsigmoid(fake_logits).mean()


def loss_by_softplus(fake_logits):
    """The same: softplus is log(1 + exp(a)), without overflow."""
    return F.softplus(-fake_logits).sum() / fake_logits.shape[0]


def loss_by_log1p(fake_logits):
    """The same with the larger of 0 and -a taken out of the exponential."""
    size = fake_logits.abs()
    return ((size - fake_logits) / 2 + torch.log1p(torch.exp(-size))).mean()


def loss_by_two_classes(fake_logits):
    """The same as a softmax over two classes, fake and real, whose logits are 0 and a."""
    both = torch.stack([torch.zeros_like(fake_logits), fake_logits], dim=1)  # (B, 2)
    return -both.log_softmax(dim=1)[:, 1].mean()


def loss_by_point(fake_logits):
    """The same, one point after the other."""
    total = 0.0
    for logit in fake_logits:
        total = total + torch.logaddexp(torch.zeros_like(logit), -logit)
    return total / len(fake_logits)


def by_pytorch(fake_logits):
    """The same by `F.binary_cross_entropy_with_logits` with the label 1, in float64."""
    logits = fake_logits.double()
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).to(fake_logits.dtype)


def costs(name, diagnosis, cost):
    """A misconception about what one point costs."""
    return Misconception(name, diagnosis, lambda fake_logits: cost(fake_logits).mean())


def ended(name, diagnosis, finish):
    """A misconception about what becomes of the right costs, (B,)."""
    return Misconception(name, diagnosis, lambda fake_logits: finish(-F.logsigmoid(fake_logits)))


def against(target):
    """The cross-entropy with a label of the discriminator's own making."""
    return lambda a: F.binary_cross_entropy_with_logits(a, target(a).detach(), reduction="none")


def branch(logits):
    """log(1 + exp(-a)) by `torch.where`: its value is right, its gradient is NaN at large logits."""
    small = torch.log1p(torch.exp(-logits))
    return torch.where(logits < 0, torch.log1p(torch.exp(logits)) - logits, small)


def logits_case(rng, b, dtype=torch.float64, scale=1.0):
    """A case of b logits; `scale` multiplies them."""
    return (normal(rng, b, dtype=dtype, scale=scale),)


def extreme_case(dtype, *values):
    """Each logit, and three quarters of its negative."""
    return (torch.tensor([sign * value for value in values for sign in (1.0, -0.75)], dtype=dtype),)


def wide_logits(rng):
    """One valid case; float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return logits_case(rng, rng.randint(1, 6), dtype, 10 ** rng.uniform(-1, largest))


vanishing = (
    "This is the minimax loss, log(1 - D(fake)). It points in the right direction, but its slope along a "
    "logit is -D: it vanishes where the discriminator is sure of a fake, when the generator needs it most. "
    "The slope of -log D is -(1 - D)."
)
caught = (
    "You ask for the label 0, the discriminator's loss on these points: minimising it, the generator learns "
    "to be caught. Its label is 1."
)

non_saturating_loss = Exercise(
    name="non_saturating_loss",
    title="the generator's non-saturating loss",
    difficulty="easy",
    minutes=8,
    task="""
        Goodfellow et al. (2014), section 3, do not let the generator minimise $\\log(1 - D)$: they let it
        maximise $\\log D$. With the logits $b_i$ of $B$ generated points, the loss to minimise is

        $$L_G = -\\frac1B \\sum_{i=1}^{B} \\log s(b_i), \\quad s(b) = \\frac{1}{1 + e^{-b}}$$

        `fake_logits` is $(B)$. Return a tensor of no axes, in nats, without `F.binary_cross_entropy`, its
        relatives or `torch.distributions`. Logits may be $\\pm 10^4$ in float32: values and gradients, which
        are compared, must be finite.

        By hand first: $D = 1/4$ at a generated point. What are the slopes of $-\\log D$ and of
        $\\log(1 - D)$ along its logit?
    """,
    stub_function=my_generator_loss,
    reference=by_pytorch,
    cases=lambda rng: [
        (torch.tensor([-math.log(3)]).double(),),  # by hand: D = 1/4
        (torch.tensor([0.5, -2.0]).double(),),
        logits_case(rng, 1),
        logits_case(rng, 5),
        logits_case(rng, 4, torch.float64, 3.0),
        logits_case(rng, 6, torch.float32, 4.0),
        extreme_case(torch.float32, 12.0, 50.0),
        extreme_case(torch.float32, 100.0, 1e4),
        extreme_case(torch.float64, 40.0, 800.0, 1e4),
        (torch.tensor([-25.0, -30.0]),),  # a sure discriminator: the slope is still -1/2 for each
        *(wide_logits(rng) for _ in range(5)),
    ],
    wide=wide_logits,
    gradients=True,
    hints=(
        "The generator wants its points called real. Which label would you give them, and what does a wrong "
        "answer then cost?",
        "Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is log s(b) in one "
        "step. And mind the sign: a loss is minimised.",
        "`-F.logsigmoid(fake_logits).mean()`.",
    ),
    solution_function=solve_generator_loss,
    alternatives=(loss_by_softplus, loss_by_log1p, loss_by_two_classes, loss_by_point),
    misconceptions=(
        costs("minimax", vanishing, lambda a: F.logsigmoid(-a)),
        costs(
            "minimax_of_the_sigmoid",
            f"{vanishing} Besides, the logarithm of a sigmoid that is rounded to 1 fails: `F.logsigmoid`.",
            lambda a: (1 - a.sigmoid()).log(),
        ),
        costs("label_0", caught, lambda a: -F.logsigmoid(-a)),
        costs(
            "label_0_of_the_sigmoid",
            f"{caught} Besides, the logarithm of a sigmoid that is rounded to 1 fails: `F.logsigmoid`.",
            lambda a: -(1 - a.sigmoid()).log(),
        ),
        ended(
            "sign_turned",
            "You return the mean of log D(fake). That is to be maximised: minimising it, the generator "
            "learns to be caught. Turn the sign.",
            lambda cost: -cost.mean(),
        ),
        costs(
            "own_predictions_as_labels",
            "Your labels are the discriminator's own predictions: the cross-entropy is at its minimum "
            "over D, so the gradient is 0 and the generator learns nothing. Its label is 1.",
            against(torch.sigmoid),
        ),
        costs(
            "own_decisions_as_labels",
            "Your labels are the discriminator's own decisions: the generator is driven to where it is sure, "
            "real or fake. The generator's label is 1 for every point.",
            against(lambda a: (a > 0).to(a.dtype)),
        ),
        costs(
            "log_of_sigmoid",
            "Right for moderate logits, but of a very negative one the sigmoid is rounded to 0, or exp "
            "overflows: the logarithm is infinite. `F.logsigmoid` takes both in one step.",
            lambda a: -a.sigmoid().log(),
        ),
        costs(
            "overflow_in_the_gradient",
            "The values are right, but gradients are NaN: exp overflows in the branch that torch.where does "
            "not choose, and 0 times inf goes back through it. `F.logsigmoid` has no branch.",
            branch,
        ),
        *(
            costs(
                f"epsilon_{small:.0e}",
                "You add a small number inside the logarithm: where the discriminator is sure, the gradient "
                "is lost again, which this loss was made to avoid. `F.logsigmoid` needs none.",
                lambda a, small=small: -(a.sigmoid() + small).log(),
            )
            for small in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
        ),
        *(
            costs(
                f"clamped_{edge:.0e}",
                "You clamp the probability away from 0 and 1: where the discriminator is sure, the gradient "
                "is then exactly 0. `F.logsigmoid` needs no clamp.",
                lambda a, edge=edge: -a.sigmoid().clamp(edge, 1 - edge).log(),
            )
            for edge in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
        ),
        costs(
            "sigmoid_twice",
            "The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.",
            lambda a: -F.logsigmoid(a.sigmoid()),
        ),
        costs(
            "no_logarithm",
            "You return 1 - D: its slope vanishes where the discriminator is sure. The loss is -log D.",
            lambda a: torch.sigmoid(-a),
        ),
        costs(
            "raw_logits",
            "You return minus the mean logit, as a Wasserstein generator does, and as -log D + log(1 - D) "
            "does: each logit goes through log s first.",
            torch.negative,
        ),
        costs(
            "logits_as_probabilities",
            "You take the logits for probabilities, and the logarithm of a negative number is NaN: they go "
            "through a sigmoid first.",
            lambda a: -a.log(),
        ),
        ended(
            "summed", "You sum over the points: the loss is their mean, whatever the batch's size.", torch.sum
        ),
        ended("not_averaged", "You return one loss for each point: take their mean.", torch.positive),
        ended(
            "halved", "You halve the loss: there is one term here, of weight 1.", lambda cost: cost.mean() / 2
        ),
        Misconception(
            "mean_inside_the_logarithm",
            "You average the probabilities and then take the logarithm: each point's logarithm comes first, "
            "then the mean.",
            lambda a: -a.sigmoid().mean().log(),
        ),
    ),
)
