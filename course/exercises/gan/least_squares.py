"""Chapter 5, exercise: the least-squares losses, Mao et al. (2017), equation 9."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_least_squares(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, tensors of no axes. real_logits (N,), fake_logits (M,): the
    discriminator's raw outputs; N and M may differ."""
    raise NotImplementedError


def solve_least_squares(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, tensors of no axes. real_logits (N,), fake_logits (M,): the
    discriminator's raw outputs; N and M may differ."""
    d_loss = 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()
    g_loss = 0.5 * (fake_logits - 1).square().mean()
    return d_loss, g_loss


def losses_by_pytorch(real_logits, fake_logits):
    """The same by `F.mse_loss`."""
    ones = torch.ones_like(fake_logits)
    real_loss = F.mse_loss(real_logits, torch.ones_like(real_logits))
    d_loss = (real_loss + F.mse_loss(fake_logits, 0 * ones)) / 2
    return d_loss, F.mse_loss(fake_logits, ones) / 2


def losses_by_dots(real_logits, fake_logits):
    """The same by products of the residuals with themselves."""
    real, fake = real_logits - 1, fake_logits - 1
    g_loss = fake @ fake / (2 * len(fake))
    return real @ real / (2 * len(real)) + fake_logits @ fake_logits / (2 * len(fake)), g_loss


def losses_by_moments(real_logits, fake_logits):
    """The same: a mean square is the variance plus the squared mean."""

    def half_mean_square(outputs, target):
        return (outputs.var(correction=0) + (outputs.mean() - target) ** 2) / 2

    d_loss = half_mean_square(real_logits, 1) + half_mean_square(fake_logits, 0)
    return d_loss, half_mean_square(fake_logits, 1)


def by_expansion(real_logits, fake_logits):
    """The same in float64, with the squares multiplied out."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = ((real**2).mean() - 2 * real.mean() + 1) / 2
    g_loss = ((fake**2).mean() - 2 * fake.mean() + 1) / 2
    return (real_loss + (fake**2).mean() / 2).to(real_logits.dtype), g_loss.to(real_logits.dtype)


def half(outputs, target):
    """Half the mean square from a target."""
    return 0.5 * (outputs - target).square().mean()


def wrong(name, diagnosis, d=lambda a, b: half(a, 1) + half(b, 0), g=lambda b: half(b, 1)):
    """A misconception about one loss or both: d of the real and the fake outputs, g of the fake ones."""
    return Misconception(name, diagnosis, lambda a, b: (d(a, b), g(b)))


def finished(name, diagnosis, finish):
    """A misconception about what becomes of the two right losses."""
    return Misconception(name, diagnosis, lambda a, b: finish(half(a, 1) + half(b, 0), half(b, 1)))


def by_distance(name, diagnosis, distance):
    """A misconception about the distance of outputs from their target, in both losses."""
    return wrong(
        name, diagnosis, lambda a, b: distance(a, 1.0) + distance(b, 0.0), lambda b: distance(b, 1.0)
    )


def outputs_case(rng, n, m, dtype=torch.float64, scale=1.0):
    """A case of n real and m fake outputs; `scale` multiplies them."""
    return normal(rng, n, dtype=dtype, scale=scale), normal(rng, m, dtype=dtype, scale=scale)


def wide_outputs(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 2)
    return outputs_case(rng, rng.randint(1, 6), rng.randint(1, 6), dtype, scale)


least_squares_losses = Exercise(
    name="least_squares_losses",
    title="the least-squares losses",
    difficulty="easy",
    minutes=10,
    task="""
        Mao et al. (2017), equation 9, replace the logarithms by squares. With the discriminator's raw
        outputs $a_i$ for $N$ real points and $b_j$ for $M$ generated ones:

        $$L_D = \\frac{1}{2N} \\sum_{i=1}^{N} (a_i - 1)^2 + \\frac{1}{2M} \\sum_{j=1}^{M} b_j^2,
        \\quad L_G = \\frac{1}{2M} \\sum_{j=1}^{M} (b_j - 1)^2$$

        `real_logits` is $(N)$, `fake_logits` $(M)$. Return the pair `(d_loss, g_loss)` of tensors of no axes.
        Values and gradients are compared, of both losses for both arguments: detach nothing.

        By hand first: a real point has the output 3. What does it cost here, and what would it cost in the
        loss with logarithms?
    """,
    stub_function=my_least_squares,
    reference=by_expansion,
    cases=lambda rng: [
        (torch.tensor([3.0]).double(), torch.tensor([2.0, 0.5]).double()),  # by hand: 2 for the real point
        (torch.tensor([1.0, 1.0]).double(), torch.tensor([0.0, 0.0, 0.0]).double()),  # at its best
        outputs_case(rng, 1, 1),
        outputs_case(rng, 4, 4),
        outputs_case(rng, 5, 2),
        outputs_case(rng, 2, 6, torch.float64, 10.0),
        outputs_case(rng, 3, 5, torch.float32),
        outputs_case(rng, 6, 3, torch.float32, 100.0),
        *(wide_outputs(rng) for _ in range(6)),
    ],
    wide=wide_outputs,
    gradients=True,
    hints=(
        "Which target has each of the three terms: real points for the discriminator, generated ones for "
        "the discriminator, and generated ones for the generator?",
        "The outputs are not probabilities: no sigmoid. Each batch has a mean of its own, and each of the "
        "three terms its ½.",
        "`d_loss = 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()`, and "
        "`g_loss` likewise.",
    ),
    solution_function=solve_least_squares,
    alternatives=(losses_by_pytorch, losses_by_dots, losses_by_moments),
    misconceptions=(
        by_distance(
            "sigmoid_first",
            "You take the sigmoid first. The squares are of the raw outputs: behind a sigmoid their slope "
            "would vanish again where the discriminator is sure.",
            lambda x, target: half(x.sigmoid(), target),
        ),
        by_distance(
            "no_half",
            "The ½ is missing: each of the three terms has one.",
            lambda x, target: 2 * half(x, target),
        ),
        wrong(
            "d_not_halved",
            "The generator's loss is right, but both terms of the discriminator's have a ½ too.",
            lambda a, b: 2 * (half(a, 1) + half(b, 0)),
        ),
        wrong(
            "g_not_halved",
            "The discriminator's loss is right, but the generator's has a ½ too.",
            g=lambda b: 2 * half(b, 1),
        ),
        wrong(
            "d_halved_twice",
            "You halve the discriminator's loss twice: one ½ for each of its two terms is all.",
            lambda a, b: (half(a, 1) + half(b, 0)) / 2,
        ),
        wrong(
            "labels_swapped",
            "The discriminator's targets are swapped: 1 for real points, 0 for generated ones.",
            lambda a, b: half(a, 0) + half(b, 1),
        ),
        wrong(
            "labels_swapped_everywhere",
            "All targets are swapped. In both losses 1 means real: the discriminator wants real points at 1 "
            "and generated ones at 0, the generator wants its own at 1.",
            lambda a, b: half(a, 0) + half(b, 1),
            lambda b: half(b, 0),
        ),
        wrong(
            "generators_target_0",
            "The generator's target is 0, the discriminator's own for these points: the generator then helps "
            "it and learns to be caught. Its target is 1.",
            g=lambda b: half(b, 0),
        ),
        wrong(
            "minimax",
            "The generator's loss is minus the discriminator's term, as in the minimax game: nothing bounds "
            "it, and at 0 it has no slope. Its own target is 1.",
            g=lambda b: -half(b, 0),
        ),
        wrong(
            "signs_as_targets",
            "These are the targets -1, 1 and 0, equation 8 of the same article. Equation 9 has 0, 1 and 1.",
            lambda a, b: half(a, 1) + half(b, -1),
            lambda b: half(b, 0),
        ),
        by_distance(
            "root_of_the_mean",
            "You take the root of the mean square: the loss is half the mean square itself.",
            lambda x, target: (x - target).square().mean().sqrt(),
        ),
        by_distance(
            "mean_before_the_square",
            "You square the mean output's distance: outputs on both sides of the target then cancel. Square "
            "each point's, then take the mean.",
            lambda x, target: (x.mean() - target).square() / 2,
        ),
        by_distance(
            "summed",
            "You sum over the points: the losses are means over each batch, whatever its size.",
            lambda x, target: half(x, target) * len(x),
        ),
        wrong(
            "mean_of_all_points",
            "The discriminator's loss is one mean over all N + M points: each batch has its own mean, and "
            "the two are added.",
            lambda a, b: half(torch.cat([a - 1, b]), 0),
        ),
        wrong(
            "twice_the_mean_of_all_points",
            "Right where N = M. Else the larger batch weighs more in the discriminator's loss: take each "
            "batch's own mean, then add.",
            lambda a, b: 2 * half(torch.cat([a - 1, b]), 0),
        ),
        wrong(
            "real_points_alone",
            "The discriminator's loss counts the real points alone: an output of 1 everywhere would win. "
            "Generated points have the target 0.",
            lambda a, b: half(a, 1),
        ),
        wrong(
            "fake_detached_in_g",
            "The values are right, but the generator's loss is cut off from fake_logits: only through them "
            "does it reach the generator. Nothing is to be detached.",
            g=lambda b: half(b.detach(), 1),
        ),
        wrong(
            "fake_detached_in_d",
            "The values are right, but in the discriminator's loss fake_logits is cut off, so the "
            "discriminator learns from real points alone. In training the generated points are detached "
            "before they enter the discriminator, not its outputs.",
            lambda a, b: half(a, 1) + half(b.detach(), 0),
        ),
        finished("order_swapped", "Return the discriminator's loss first.", lambda d, g: (g, d)),
        finished(
            "losses_added",
            "You add the two losses: each network minimises its own, so return both.",
            lambda d, g: d + g,
        ),
        finished(
            "stacked",
            "The values are right, but in one tensor: return the pair, `return d_loss, g_loss`, so that each "
            "can have its own backward pass.",
            lambda d, g: torch.stack([d, g]),
        ),
    ),
)
