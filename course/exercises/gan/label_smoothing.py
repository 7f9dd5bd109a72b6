"""Chapter 5, exercise: one-sided label smoothing, Salimans et al. (2016), section 3.4."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_smoothed_loss(real_logits, fake_logits, smooth):
    """The discriminator's loss with the label 1 - smooth for real points, nats, a tensor of no axes.
    real_logits (N,), fake_logits (M,), before the sigmoid; smooth a float, 0 <= smooth < 1."""
    raise NotImplementedError


def solve_smoothed_loss(real_logits, fake_logits, smooth):
    """The discriminator's loss with the label 1 - smooth for real points, nats, a tensor of no axes.
    real_logits (N,), fake_logits (M,), before the sigmoid; smooth a float, 0 <= smooth < 1."""
    # A label between 0 and 1 mixes both costs, so the logit of 1 - smooth is the best, not an infinite one.
    # At its best D is (1 - smooth) p / (p + q): smooth fake labels would put a multiple of q on top as well.
    real_cost = -(1 - smooth) * F.logsigmoid(real_logits) - smooth * F.logsigmoid(-real_logits)  # (N,)
    return real_cost.mean() - F.logsigmoid(-fake_logits).mean()


def loss_by_softplus(real_logits, fake_logits, smooth):
    """The same: the cross-entropy with a label t is softplus(a) - t a."""
    real_loss = (F.softplus(real_logits) - (1 - smooth) * real_logits).mean()
    return real_loss + F.softplus(fake_logits).mean()


def loss_by_correction(real_logits, fake_logits, smooth):
    """The same: a point's two costs differ by its logit, so smoothing adds smooth times the mean logit."""
    plain = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    return plain + smooth * real_logits.mean()


def loss_by_two_classes(real_logits, fake_logits, smooth):
    """The same as softmax cross-entropies over two classes, fake and real, whose logits are 0 and a."""

    def log_p(logits):
        return torch.stack([torch.zeros_like(logits), logits], dim=1).log_softmax(dim=1)

    labels = real_logits.new_tensor([smooth, 1 - smooth])
    return -(log_p(real_logits) @ labels).mean() - log_p(fake_logits)[:, 0].mean()


def by_pytorch(real_logits, fake_logits, smooth):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = F.binary_cross_entropy_with_logits(real, torch.full_like(real, 1 - smooth))
    fake_loss = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (real_loss + fake_loss).to(real_logits.dtype)


def cost(logits, label=1.0):
    """The cross-entropy of each point with a label."""
    return -label * F.logsigmoid(logits) - (1 - label) * F.logsigmoid(-logits)


def labelled(name, diagnosis, real=lambda s: 1 - s, fake=lambda s: 0.0):
    """A misconception about the labels, functions of `smooth`."""
    return Misconception(name, diagnosis, lambda a, b, s: cost(a, real(s)).mean() + cost(b, fake(s)).mean())


def ended(name, diagnosis, finish):
    """A misconception about what becomes of the right costs, (N,) and (M,)."""
    return Misconception(name, diagnosis, lambda a, b, s: finish(cost(a, 1 - s), cost(b, 0.0)))


def real_term(name, diagnosis, real, fake=lambda b: cost(b, 0.0)):
    """A misconception about what a real point costs, a function of its logit and `smooth`."""
    return Misconception(name, diagnosis, lambda a, b, s: real(a, s).mean() + fake(b).mean())


def by_probability(name, diagnosis, log=torch.log):
    """A misconception that takes logarithms of the sigmoid."""

    def real(a, s):
        return -(1 - s) * log(a.sigmoid()) - s * log(1 - a.sigmoid())

    return real_term(name, diagnosis, real, lambda b: -log(1 - b.sigmoid()))


def smoothed_case(rng, n, m, smooth, dtype=torch.float64, scale=1.0):
    """A case of n real and m fake logits; `scale` multiplies them."""
    return normal(rng, n, dtype=dtype, scale=scale), normal(rng, m, dtype=dtype, scale=scale), smooth


def extreme_case(dtype, smooth, *values):
    """Each logit and its negative, in both batches; the fake ones are a little nearer to 0."""
    logits = torch.tensor([sign * value for value in values for sign in (1, -1)], dtype=dtype)
    return logits, 0.75 * logits, smooth


def wide_smoothed(rng):
    """One valid case; float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    sizes, smooth = (rng.randint(1, 6), rng.randint(1, 6)), rng.choice((0.0, 0.1, rng.random()))
    return smoothed_case(rng, *sizes, smooth, dtype, 10 ** rng.uniform(-1, largest))


one_sided_smoothing = Exercise(
    name="one_sided_smoothing",
    title="one-sided label smoothing",
    difficulty="medium",
    minutes=12,
    task="""
        Salimans et al. (2016), section 3.4, give real points the label $1 - s$ in place of 1, and generated
        points still 0. With a label $t$ a point of logit $a$ costs the cross-entropy

        $$-t \\log D - (1 - t) \\log(1 - D), \\quad D = \\frac{1}{1 + e^{-a}}$$

        Return the real points' mean cost plus the generated ones': `real_logits` $(N)$,
        `fake_logits` $(M)$, `smooth` is the float $s$. No `F.binary_cross_entropy`, its relatives or
        `torch.distributions`. Logits may be $\\pm 10^4$ in float32: values and gradients, which are compared,
        must be finite.

        By hand first: where the data's density is $p$ and the generator's $q$, which $D$ costs least?
    """,
    stub_function=my_smoothed_loss,
    reference=by_pytorch,
    cases=lambda rng: [
        (torch.tensor([math.log(3)]).double(), torch.tensor([-1.0]).double(), 0.25),  # 3/4: at its best
        (torch.tensor([0.5, -1.0]).double(), torch.tensor([2.0]).double(), 0.1),
        (torch.tensor([0.5, -1.5]).double(), torch.tensor([1.0]).double(), 0.0),  # no smoothing
        smoothed_case(rng, 1, 3, 0.5),
        smoothed_case(rng, 4, 4, 0.1),
        smoothed_case(rng, 5, 2, 0.3, torch.float64, 3.0),
        smoothed_case(rng, 3, 6, 0.2, torch.float32, 4.0),
        extreme_case(torch.float32, 0.1, 12.0, 50.0),
        extreme_case(torch.float32, 0.1, 100.0, 1e4),
        extreme_case(torch.float64, 0.25, 40.0, 800.0, 1e4),
        *(wide_smoothed(rng) for _ in range(6)),
    ],
    wide=wide_smoothed,
    gradients=True,
    hints=(
        "Which of the two terms vanishes for the label 1, and which for 0? With 1 - s both stay.",
        "1 - D is the sigmoid of -a, and `F.logsigmoid` takes sigmoid and logarithm in one step. A real "
        "point costs (1 - s) times one and s times the other.",
        "`-(1 - smooth) * F.logsigmoid(real_logits) - smooth * F.logsigmoid(-real_logits)` for each real "
        "point. For the best D set the slope of p times its cost plus q times the other's to 0.",
    ),
    solution_function=solve_smoothed_loss,
    alternatives=(loss_by_softplus, loss_by_correction, loss_by_two_classes),
    misconceptions=(
        labelled(
            "both_sides_smoothed",
            "You smooth both labels. The best D would then be ((1 - s) p + s q) / (p + q), and with q on top "
            "points far from the data lose what drives them away. Generated points keep the label 0.",
            fake=lambda s: s,
        ),
        labelled(
            "fake_side_smoothed",
            "You smooth the generated points' label, and not the real ones': it is the other way round.",
            lambda s: 1.0,
            lambda s: s,
        ),
        labelled(
            "smooth_as_the_label",
            "Your label for real points is s: it is 1 - s, 0.9 for s = 0.1.",
            lambda s: s,
        ),
        labelled(
            "half_of_smooth",
            "Your label is 1 - s/2, as label smoothing over two classes shares s out (`label_smoothing` of "
            "`F.cross_entropy`). Here it is 1 - s.",
            lambda s: 1 - s / 2,
        ),
        labelled(
            "half_of_smooth_on_both_sides",
            "You smooth both sides by s/2, as `label_smoothing` of `F.cross_entropy` does for two classes. "
            "Here real points have the label 1 - s and generated ones 0.",
            lambda s: 1 - s / 2,
            lambda s: s / 2,
        ),
        labelled(
            "not_smoothed", "smooth changes nothing here: real points have the label 1 - s.", lambda s: 1.0
        ),
        labelled("smooth_fixed", "Your label is 0.9 whatever smooth is: it is 1 - s.", lambda s: 0.9),
        labelled(
            "labels_swapped",
            "The labels are swapped: 1 - s belongs to the real points, 0 to the generated ones.",
            lambda s: 0.0,
            lambda s: 1 - s,
        ),
        labelled(
            "generators_term",
            "The generated points have the label 1, as in the generator's loss: here it is 0.",
            fake=lambda s: 1.0,
        ),
        real_term(
            "second_term_missing",
            "You scale the real points' cost by 1 - s: its minimum is then still at D = 1. A label below 1 "
            "also costs -s log(1 - D).",
            lambda a, s: (1 - s) * cost(a),
        ),
        *(
            real_term(
                name,
                "You scale the probability by 1 - s: that adds a constant to the loss and moves no gradient. "
                "The label is what is smoothed.",
                lambda a, s, real=real: -math.log(1 - s) + real(a),
                fake,
            )
            for name, real, fake in (
                ("probability_scaled", cost, lambda b: cost(b, 0.0)),
                ("sigmoid_scaled", lambda a: -a.sigmoid().log(), lambda b: -(1 - b.sigmoid()).log()),
            )
        ),
        real_term(
            "logit_scaled",
            "You scale the logit by 1 - s: its best value is still infinite. The label is what is smoothed.",
            lambda a, s: cost((1 - s) * a),
        ),
        by_probability(
            "log_of_sigmoid",
            "Right for moderate logits, but the sigmoid of an extreme one is rounded to 0 or 1, and the "
            "logarithm of 0 is -inf. `F.logsigmoid` takes both in one step.",
        ),
        *(
            by_probability(
                f"epsilon_{small:.0e}",
                "You add a small number inside the logarithm: a confident mistake then costs too little, and "
                "its gradient is lost. `F.logsigmoid` on the logits needs none.",
                lambda p, small=small: torch.log(p + small),
            )
            for small in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
        ),
        ended("halved", "You average the two terms: they are added.", lambda a, b: (a.mean() + b.mean()) / 2),
        ended("summed", "You sum over the points: take each batch's mean.", lambda a, b: a.sum() + b.sum()),
        ended(
            "mean_of_all_points",
            "You take one mean over all points: each batch has its own, and the two are added.",
            lambda a, b: torch.cat([a, b]).mean(),
        ),
        ended("real_points_alone", "The generated points' term is missing.", lambda a, b: a.mean()),
        ended("sign_turned", "The sign is turned: a loss is minimised.", lambda a, b: -a.mean() - b.mean()),
        real_term(
            "sigmoid_twice",
            "The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.",
            lambda a, s: cost(a.sigmoid(), 1 - s),
            lambda b: cost(b.sigmoid(), 0.0),
        ),
    ),
)
