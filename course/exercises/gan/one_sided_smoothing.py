"""Chapter 5: one-sided label smoothing, Salimans et al. (2016), section 3.4."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_smoothed_loss(real_logits, fake_logits, smooth):
    """The discriminator's loss with the label 1 - smooth for real points, nats, a tensor of no axes.
    real_logits (N,), fake_logits (M,), before the sigmoid; smooth a float, 0 <= smooth < 1."""
    # A label between 0 and 1 mixes both costs, so the logit of 1 - smooth is the best, not an infinite one.
    # At its best D is (1 - smooth) p / (p + q): smooth fake labels would put a multiple of q on top as well.
    real_cost = -(1 - smooth) * F.logsigmoid(real_logits) - smooth * F.logsigmoid(-real_logits)  # (N,)
    return real_cost.mean() - F.logsigmoid(-fake_logits).mean()


def by_pytorch(real_logits, fake_logits, smooth):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = F.binary_cross_entropy_with_logits(real, torch.full_like(real, 1 - smooth))
    fake_loss = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (real_loss + fake_loss).to(real_logits.dtype)


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
    my_smoothed_loss,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_smoothed
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([math.log(3)]).double(), torch.tensor([-1.0]).double(), 0.25),  # 3/4: at its best
    #         (torch.tensor([0.5, -1.0]).double(), torch.tensor([2.0]).double(), 0.1),
    #         (torch.tensor([0.5, -1.5]).double(), torch.tensor([1.0]).double(), 0.0),  # no smoothing
    #         smoothed_case(rng, 1, 3, 0.5),
    #         smoothed_case(rng, 4, 4, 0.1),
    #         smoothed_case(rng, 5, 2, 0.3, torch.float64, 3.0),
    #         smoothed_case(rng, 3, 6, 0.2, torch.float32, 4.0),
    #         extreme_case(torch.float32, 0.1, 12.0, 50.0),
    #         extreme_case(torch.float32, 0.1, 100.0, 1e4),
    #         extreme_case(torch.float64, 0.25, 40.0, 800.0, 1e4),
    #         *(wide_smoothed(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Which of the two terms vanishes for the label 1, and which for 0? With 1 - s both stay.

        1 - D is the sigmoid of -a, and `F.logsigmoid` takes sigmoid and logarithm in one step. A real point
        costs (1 - s) times one and s times the other.

        `-(1 - smooth) * F.logsigmoid(real_logits) - smooth * F.logsigmoid(-real_logits)` for each real point.
        For the best D set the slope of p times its cost plus q times the other's to 0.
    """,
    wrong="""
        both_sides_smoothed: OLD → NEW
            You smooth both labels. The best D would then be ((1 - s) p + s q) / (p + q), and with q on top
            points far from the data lose what drives them away. Generated points keep the label 0.
        fake_side_smoothed: OLD → NEW
            You smooth the generated points' label, and not the real ones': it is the other way round.
        smooth_as_the_label: OLD → NEW
            Your label for real points is s: it is 1 - s, 0.9 for s = 0.1.
        half_of_smooth: OLD → NEW
            Your label is 1 - s/2, as label smoothing over two classes shares s out (`label_smoothing` of
            `F.cross_entropy`). Here it is 1 - s.
        half_of_smooth_on_both_sides: OLD → NEW
            You smooth both sides by s/2, as `label_smoothing` of `F.cross_entropy` does for two classes. Here
            real points have the label 1 - s and generated ones 0.
        not_smoothed: OLD → NEW
            smooth changes nothing here: real points have the label 1 - s.
        smooth_fixed: OLD → NEW
            Your label is 0.9 whatever smooth is: it is 1 - s.
        labels_swapped: OLD → NEW
            The labels are swapped: 1 - s belongs to the real points, 0 to the generated ones.
        generators_term: OLD → NEW
            The generated points have the label 1, as in the generator's loss: here it is 0.
        second_term_missing: OLD → NEW
            You scale the real points' cost by 1 - s: its minimum is then still at D = 1. A label below 1 also
            costs -s log(1 - D).
        probability_scaled: OLD → NEW
            You scale the probability by 1 - s: that adds a constant to the loss and moves no gradient. The
            label is what is smoothed.
        sigmoid_scaled: OLD → NEW
            You scale the probability by 1 - s: that adds a constant to the loss and moves no gradient. The
            label is what is smoothed.
        logit_scaled: OLD → NEW
            You scale the logit by 1 - s: its best value is still infinite. The label is what is smoothed.
        log_of_sigmoid: OLD → NEW
            Right for moderate logits, but the sigmoid of an extreme one is rounded to 0 or 1, and the
            logarithm of 0 is -inf. `F.logsigmoid` takes both in one step.
        epsilon_1e-06: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        epsilon_1e-07: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        epsilon_1e-08: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        epsilon_1e-10: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        epsilon_1e-12: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        halved: OLD → NEW
            You average the two terms: they are added.
        summed: OLD → NEW
            You sum over the points: take each batch's mean.
        mean_of_all_points: OLD → NEW
            You take one mean over all points: each batch has its own, and the two are added.
        real_points_alone: OLD → NEW
            The generated points' term is missing.
        sign_turned: OLD → NEW
            The sign is turned: a loss is minimised.
        sigmoid_twice: OLD → NEW
            The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.
    """,
)
