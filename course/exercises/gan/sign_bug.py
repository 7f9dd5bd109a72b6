"""Chapter 5, exercise: find three bugs in a GAN's two losses, all of them from published programs."""

import itertools

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_losses(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, nats, tensors of no axes. real_logits, fake_logits (B,): the
    discriminator's outputs before the sigmoid."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    real_loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    fake_loss = F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
    d_loss = real_loss + fake_loss
    g_loss = F.logsigmoid(fake_logits).mean()
    return d_loss, g_loss


def solve_losses(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, nats, tensors of no axes. real_logits, fake_logits (B,): the
    discriminator's outputs before the sigmoid."""
    # `..._with_logits` takes the sigmoid itself.
    real_loss = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    fake_loss = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    d_loss = real_loss + fake_loss
    g_loss = -F.logsigmoid(fake_logits).mean()  # log D is to be maximised, so minus it is minimised
    return d_loss, g_loss


def losses_by_signs(real_logits, fake_logits):
    """The same: 1 - sigmoid(a) is sigmoid(-a)."""
    d_loss = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    return d_loss, -F.logsigmoid(fake_logits).mean()


def losses_by_softplus(real_logits, fake_logits):
    """The same: softplus is log(1 + exp(a)), without overflow."""
    b = len(real_logits)
    d_loss = (F.softplus(-real_logits) + F.softplus(fake_logits)).sum() / b
    return d_loss, F.softplus(-fake_logits).sum() / b


def losses_by_labels(real_logits, fake_logits):
    """The same with both batches joined, as it is often written: a mean over all points, doubled."""
    logits = torch.cat([real_logits, fake_logits])
    labels = torch.cat([torch.ones_like(real_logits), torch.zeros_like(fake_logits)])
    d_loss = 2 * F.binary_cross_entropy_with_logits(logits, labels)
    return d_loss, F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


def by_logaddexp(real_logits, fake_logits):
    """The same in float64, each cost as log(exp(0) + exp(a))."""
    real, fake = real_logits.double(), fake_logits.double()
    zero = real.new_zeros(())
    d_loss = torch.logaddexp(zero, -real).mean() + torch.logaddexp(zero, fake).mean()
    g_loss = torch.logaddexp(zero, -fake).mean()
    return d_loss.to(real_logits.dtype), g_loss.to(real_logits.dtype)


def is_real(logits):
    """The cost of points that are to be called real."""
    return -F.logsigmoid(logits).mean()


def is_fake(logits):
    """The cost of points that are to be called fake."""
    return -F.logsigmoid(-logits).mean()


def wrong(name, diagnosis, real=is_real, fake=is_fake, g=is_real, d=torch.add):
    """A misconception about one of the three terms, or about how d joins its two."""
    return Misconception(name, diagnosis, lambda a, b: (d(real(a), fake(b)), g(b)))


BUGS = {
    "sigmoid": (
        "the sigmoid is applied twice (`..._with_logits` takes logits), so even a sure discriminator pays "
        "0.31 or more for each point"
    ),
    "label": "the discriminator's label for generated points is 1, and should be 0",
    "sign": "the generator minimises log D, so it learns to be caught: turn the sign",
}


def bugs_left():
    """The misconceptions with one, two or all three of the bugs left."""
    for count in (1, 2, 3):
        for left in itertools.combinations(BUGS, count):
            yield Misconception(
                "_and_".join(left) + "_left",
                f"Bugs left: {count}. These: " + "; ".join(BUGS[bug] for bug in left) + ".",
                lambda a, b, left=left: broken(a, b, *(bug in left for bug in BUGS)),
            )


def broken(real_logits, fake_logits, sigmoid, label, sign):
    """The losses with any of the three bugs."""
    real, fake = (x.sigmoid() if sigmoid else x for x in (real_logits, fake_logits))
    d_loss = is_real(real) + (is_real(fake) if label else is_fake(fake))
    return d_loss, -is_real(fake_logits) if sign else is_real(fake_logits)


def logits_case(rng, b, dtype=torch.float64, scale=1.0):
    """A case of b real and b fake logits; `scale` multiplies them."""
    return normal(rng, b, dtype=dtype, scale=scale), normal(rng, b, dtype=dtype, scale=scale)


def extreme_case(dtype, *values):
    """Each logit and its negative, in both batches; the fake ones are a little nearer to 0."""
    logits = torch.tensor([sign * value for value in values for sign in (1, -1)], dtype=dtype)
    return logits, 0.75 * logits


def wide_logits(rng):
    """One valid case; float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return logits_case(rng, rng.randint(1, 6), dtype, 10 ** rng.uniform(-1, largest))


broken_game = Exercise(
    name="broken_game",
    title="find three bugs in a GAN's losses",
    difficulty="medium",
    minutes=15,
    task="""
        The program below should return two losses to minimise: the discriminator's, minus the value of
        Goodfellow et al. (2014), equation 1, and the generator's non-saturating one, section 3. It runs, but:

        - `d_loss` never falls below 0.6265, whatever the data;
        - it falls as low where both batches hold the same points;
        - with a sound `d_loss`, that goes to 0 for good, and no sample comes near the data.

        Mend the three bugs; logits may be $\\pm 10^4$. Values and gradients of both losses are compared:
        detach nothing.

        By hand first: all logits are 0. What are the two losses, and what does the program return?
    """,
    stub_function=my_losses,
    reference=by_logaddexp,
    cases=lambda rng: [
        (torch.tensor([0.0]).double(), torch.tensor([0.0]).double()),  # by hand: 2 log 2 and log 2
        (torch.tensor([2.0, -1.0]).double(), torch.tensor([0.5, -3.0]).double()),
        logits_case(rng, 1),
        logits_case(rng, 5),
        logits_case(rng, 4, torch.float64, 3.0),
        logits_case(rng, 6, torch.float32, 4.0),
        extreme_case(torch.float32, 12.0, 50.0),
        extreme_case(torch.float32, 100.0, 1e4),
        extreme_case(torch.float64, 40.0, 800.0, 1e4),
        *(wide_logits(rng) for _ in range(6)),
    ],
    wide=wide_logits,
    gradients=True,
    hints=(
        "One symptom, one bug. 0.6265 is 2 log(1 + exp(-1)): what is the largest number that goes into the "
        "cross-entropy here, and what should it be?",
        "Read the labels aloud: what is the discriminator told about a generated point? And is log D, which "
        "stands in `g_loss`, a thing to make small or large?",
        "Give the logits themselves to `F.binary_cross_entropy_with_logits`, the fake ones with "
        "`torch.zeros_like`; and put a minus before `F.logsigmoid`.",
    ),
    solution_function=solve_losses,
    alternatives=(losses_by_signs, losses_by_softplus, losses_by_labels),
    misconceptions=(
        *bugs_left(),
        wrong(
            "sigmoid_left_on_real_points",
            "One sigmoid is left, before the real points' cross-entropy.",
            real=lambda a: is_real(a.sigmoid()),
        ),
        wrong(
            "sigmoid_left_on_fake_points",
            "One sigmoid is left, before the generated points' cross-entropy.",
            fake=lambda b: is_fake(b.sigmoid()),
        ),
        wrong(
            "sigmoid_in_the_generator_too",
            "The generator's loss takes the sigmoid twice now: `F.logsigmoid` takes logits.",
            g=lambda b: is_real(b.sigmoid()),
        ),
        wrong(
            "other_label_turned",
            "You turned the label of the real points: now both kinds are told apart upside down. Real points "
            "have the label 1, generated ones 0.",
            is_fake,
            is_real,
        ),
        wrong("both_labels_0", "Now every point has the label 0: that of the real ones was right.", is_fake),
        wrong(
            "fake_term_dropped",
            "The generated points' term is gone: a discriminator that calls everything real would win. Its "
            "label is what was wrong.",
            d=lambda real, fake: real,
        ),
        wrong(
            "fake_term_subtracted",
            "You subtract the generated points' term: it is a cost as well, with the label 0.",
            d=torch.sub,
        ),
        wrong(
            "minimax",
            "The generator minimises log(1 - D): the right direction, but a slope that vanishes where the "
            "discriminator is sure. The non-saturating loss is -log D.",
            g=lambda b: -is_fake(b),
        ),
        wrong(
            "generators_label_0",
            "The generator has the label 0, the discriminator's own: it learns to be caught. -log D is "
            "asked for.",
            g=is_fake,
        ),
        wrong(
            "halved",
            "You halve the discriminator's loss: equation 1 adds its two terms.",
            d=lambda real, fake: (real + fake) / 2,
        ),
        wrong(
            "discriminators_sign_turned",
            "The discriminator's sign was right: a cross-entropy is a loss already.",
            d=lambda real, fake: -real - fake,
        ),
        wrong(
            "cut_at_100",
            "Bugs are mended, but `F.binary_cross_entropy` on a sigmoid stops at -100, and beyond it the "
            "gradient is lost. Give the logits to `..._with_logits`.",
            lambda a: F.binary_cross_entropy(a.sigmoid(), torch.ones_like(a)),
            lambda b: F.binary_cross_entropy(b.sigmoid(), torch.zeros_like(b)),
        ),
        wrong(
            "fake_detached_in_d",
            "The values are right, but in the discriminator's loss fake_logits is cut off: it learns from "
            "real points alone. Detach the points before the discriminator, not its outputs.",
            fake=lambda b: is_fake(b.detach()),
        ),
        wrong(
            "fake_detached_in_g",
            "The values are right, but the generator's loss is cut off from fake_logits: it learns nothing.",
            g=lambda b: is_real(b.detach()),
        ),
        Misconception(
            "order_swapped", "Return the discriminator's loss first.", lambda a, b: solve_losses(a, b)[::-1]
        ),
    ),
)
