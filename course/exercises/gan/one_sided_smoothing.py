"""Chapter 5: one-sided label smoothing, Salimans et al. (2016), section 3.4."""

import math

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_smoothed_loss(real_logits, fake_logits, smooth):
    """The discriminator's loss with the label 1 - smooth for real points, a scalar in nats. real_logits
    (N,), fake_logits (M,), before the sigmoid; smooth a float, 0 <= smooth < 1."""

    def cost(logits, label):
        # A label between 0 and 1 mixes both costs, so the label's own logit is the best, not an infinite one.
        return -label * F.logsigmoid(logits) - (1 - label) * F.logsigmoid(-logits)

    # At its best D is (1 - smooth) p / (p + q): smooth fake labels would put a multiple of q on top as well.
    real_cost, fake_cost = cost(real_logits, 1 - smooth), cost(fake_logits, 0)  # (N,), (M,)
    return real_cost.mean() + fake_cost.mean()


def by_pytorch(real_logits, fake_logits, smooth):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = F.binary_cross_entropy_with_logits(real, torch.full_like(real, 1 - smooth))
    fake_loss = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (real_loss + fake_loss).to(real_logits.dtype)


def draw(rng, N, M, smooth, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    real_logits, fake_logits = tensors(rng, "N M", dtype, N=N, M=M)
    return scale * real_logits, scale * fake_logits, smooth


def small_sizes(rng):
    """Float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    smooth, scale = rng.choice((0.0, 0.1, rng.random())), 10 ** rng.uniform(-1, largest)
    return dict(N=rng.randint(1, 6), M=rng.randint(1, 6), smooth=smooth, scale=scale, dtype=dtype)


one_sided_smoothing = Exercise(
    my_smoothed_loss,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        ([math.log(3)], [-1.0], 0.25),  # the real point's D is 3/4: at its best
        ([0.5, -1.0], [2.0], 0.1),
        ([0.5, -1.5], [1.0], 0.0),  # no smoothing
        ([0.0, 1.0, -2.0], [0.0], 0.2),  # a logit of 0
        ([0.5, -3.0], [2.0, -1.0], 0.999),
        ([40.0, -40.0, 800.0, -800.0, 1e4, -1e4], [30.0, -30.0, 600.0, -600.0, 7.5e3, -7.5e3], 0.25),
        (
            [5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5],
            [-5.5, -6.5, -7.5, -8.5, -9.5, -11.0, -13.0, -15.5, -17.5, -19.5],
            0.25,
        ),
        (
            [-5.5, -6.5, -7.5, -8.5, -9.5, -11.0, -13.0, -15.5, -17.5, -19.5],
            [5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5],
            0.25,
        ),
        ([30.0, 40.0], [-30.0, -40.0], 0.25),
        ([1e4], [-1e4], 0.25),
        ([-1e4], [1e4], 0.25),
        (torch.tensor([12.0, -12.0, 50.0, -50.0]), torch.tensor([9.0, -9.0, 37.5, -37.5]), 0.1),
        (torch.tensor([100.0, -100.0, 1e4, -1e4]), torch.tensor([75.0, -75.0, 7.5e3, -7.5e3]), 0.1),
    ],
    sizes=[
        dict(N=1, M=3, smooth=0.5),
        dict(N=4, M=4, smooth=0.1),
        dict(N=2, M=1100, smooth=0.1),
        dict(N=5, M=2, smooth=0.3, scale=3.0),
        dict(N=3, M=6, smooth=0.2, scale=4.0, dtype=torch.float32),
    ],
    spans=small_sizes,
    forbids="""
        torch.*cross_entropy* torch.*_loss torch.*kl_div torch.distributions*:
        Write the logarithms yourself, from the logits: that is what the exercise is about.
    """,
    special="""
        zero_logit: (real_logits == 0).any() or (fake_logits == 0).any()
            Right but where a logit is 0. The loss is smooth there, while relu, clamp, max and abs have a
            corner, at which autograd takes a slope of its own choice.
        sure: max(real_logits.abs().max(), fake_logits.abs().max()) > 6
            Right for moderate logits. Of a large one the sigmoid is rounded to 0 or 1, exp overflows, and a
            clamp or a cut costs too little and has no slope: `F.logsigmoid` takes both in one step.
    """,
    hints="""
        Which of the two terms vanishes for the label 1, and which for 0? With 1 - s both stay.

        1 - D is the sigmoid of -a, and `F.logsigmoid` takes sigmoid and logarithm in one step. A real point
        costs (1 - s) times one and s times the other.

        This is a real point's cost itself: `-(1 - smooth) * F.logsigmoid(real_logits) - smooth *
        F.logsigmoid(-real_logits)`. For the best D set the slope of p times it plus q times the other's to 0.
    """,
    wrong="""
        both_sides_smoothed: (fake_logits, 0) → (fake_logits, smooth)
            You smooth both labels. The best D would then be ((1 - s) p + s q) / (p + q), and with q on top
            points far from the data lose what drives them away. Generated points keep the label 0.
        fake_side_smoothed: (real_logits, 1 - smooth) → (real_logits, 1)
        and: (fake_logits, 0) → (fake_logits, smooth)
            You smooth the generated points' label, and not the real ones': it is the other way round.
        smooth_as_the_label: (real_logits, 1 - smooth) → (real_logits, smooth)
            Your label for real points is s: it is 1 - s, 0.9 for s = 0.1.
        half_of_smooth: (real_logits, 1 - smooth) → (real_logits, 1 - smooth / 2)
            Your label is 1 - s/2, as label smoothing over two classes shares s out (`label_smoothing` of
            `F.cross_entropy`). Here it is 1 - s.
        half_of_smooth_on_both_sides: (real_logits, 1 - smooth) → (real_logits, 1 - smooth / 2)
        and: (fake_logits, 0) → (fake_logits, smooth / 2)
            You smooth both sides by s/2, as `label_smoothing` of `F.cross_entropy` does for two classes. Here
            real points have the label 1 - s and generated ones 0.
        not_smoothed: (real_logits, 1 - smooth) → (real_logits, 1)
            smooth changes nothing here: real points have the label 1 - s.
        smooth_fixed: (real_logits, 1 - smooth) → (real_logits, 0.9)
            Your label is 0.9 whatever smooth is: it is 1 - s.
        labels_swapped: (real_logits, 1 - smooth) → (real_logits, 0)
        and: (fake_logits, 0) → (fake_logits, 1 - smooth)
            The labels are swapped: 1 - s belongs to the real points, 0 to the generated ones.
        generators_term: (fake_logits, 0) → (fake_logits, 1)
            The generated points have the label 1, as in the generator's loss: here it is 0.
        second_term_missing: cost(real_logits, 1 - smooth) → (1 - smooth) * cost(real_logits, 1)
            You scale the real points' cost by 1 - s: its minimum is then still at D = 1. A label below 1 also
            costs -s log(1 - D).
        second_term_subtracted: - (1 - label) * F.logsigmoid(-logits) → + (1 - label) * F.logsigmoid(-logits)
        and: cost(fake_logits, 0) → cost(-fake_logits, 1)
            You subtract the cost of the label 0: both terms are costs, and both are added.
        sigmoid_scaled: cost(real_logits, 1 - smooth) → -((1 - smooth) * real_logits.sigmoid()).log()
        and: cost(fake_logits, 0) → -(1 - fake_logits.sigmoid()).log()
            You scale the probability by 1 - s: that adds a constant to the loss and moves no gradient. The
            label is what is smoothed.
        logit_scaled: cost(real_logits, 1 - smooth) → cost((1 - smooth) * real_logits, 1)
            You scale the logit by 1 - s: its best value is still infinite. The label is what is smoothed.
        epsilon_{}: F.logsigmoid(logits) → (logits.sigmoid() + {}).log()
        and: F.logsigmoid(-logits) → (1 - logits.sigmoid() + {}).log()
        for: 1e-03, 1e-04, 1e-05, 1e-06, 1e-07, 1e-08, 1e-10, 1e-12
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        summed: .mean() → .sum()
            You sum over the points: take each batch's mean.
        mean_of_all_points: real_cost.mean() + fake_cost → torch.cat([real_cost, fake_cost])
            You take one mean over all points: each batch has its own, and the two are added.
        twice_the_mean_of_all_points: real_cost.mean() + fake_cost → 2 * torch.cat([real_cost, fake_cost])
            Right where N = M. Else the larger batch weighs more: take each batch's own mean, then add.
        shorter_batch: return real → k = min(len(real_cost), len(fake_cost)); return real
        and: real_cost.mean() + fake_cost.mean() → (real_cost[:k] + fake_cost[:k]).mean()
            You stop at the shorter batch, as `zip` does: N and M may differ, and each batch has its own mean.
        not_added: real_cost.mean() + fake_cost.mean() → real_cost.mean(), fake_cost.mean()
            You return the two terms: add them.
        sigmoid_twice: (real_logits, 1 → (real_logits.sigmoid(), 1
        and: (fake_logits, 0) → (fake_logits.sigmoid(), 0)
            The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.
    """,
)
