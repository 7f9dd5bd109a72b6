"""Chapter 5: the discriminator's loss, Goodfellow et al. (2014), equation 1, negated."""

import math

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_discriminator_loss(real_logits, fake_logits):
    """The discriminator's loss, to be minimised, a scalar in nats. real_logits (N,), fake_logits (M,):
    the discriminator's outputs before the sigmoid; N and M may differ."""
    real_cost = -F.logsigmoid(real_logits)  # (N,), -log D(real)
    # 1 - sigmoid(a) is sigmoid(-a): both logarithms are taken in one step, with nothing to underflow.
    fake_cost = -F.logsigmoid(-fake_logits)  # (M,), -log(1 - D(fake))
    return real_cost.mean() + fake_cost.mean()


def by_pytorch(real_logits, fake_logits):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    fake_loss = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (real_loss + fake_loss).to(real_logits.dtype)


def draw(rng, N, M, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    return tuple(scale * logits for logits in tensors(rng, "N M", dtype, N=N, M=M))


def small_sizes(rng):
    """Float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return dict(N=rng.randint(1, 6), M=rng.randint(1, 6), scale=10 ** rng.uniform(-1, largest), dtype=dtype)


discriminator_loss = Exercise(
    my_discriminator_loss,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        ([math.log(3)], [math.log(3)]),  # D is 3/4, log 4/3 + log 4
        ([0.5, -1.0], [2.0]),
        ([0.0, 1.0, -2.0], [0.0]),  # a logit of 0
        (torch.tensor([-200.0]), torch.tensor([1.0])),  # the sigmoid of the real point alone is rounded to 0
        ([40.0, -40.0, 800.0, -800.0, 1e4, -1e4], [30.0, -30.0, 600.0, -600.0, 7.5e3, -7.5e3]),
        (
            [5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5],
            [-5.5, -6.5, -7.5, -8.5, -9.5, -11.0, -13.0, -15.5, -17.5, -19.5],
        ),
        (
            [-5.5, -6.5, -7.5, -8.5, -9.5, -11.0, -13.0, -15.5, -17.5, -19.5],
            [5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5],
        ),
        ([30.0, 40.0], [-30.0, -40.0]),
        ([1e4], [-1e4]),
        ([-1e4], [1e4]),
        (torch.tensor([12.0, -12.0, 50.0, -50.0]), torch.tensor([9.0, -9.0, 37.5, -37.5])),
        (torch.tensor([100.0, -100.0, 1e4, -1e4]), torch.tensor([75.0, -75.0, 7.5e3, -7.5e3])),
    ],
    sizes=[
        dict(N=1, M=3),
        dict(N=4, M=4),
        dict(N=1100, M=2),
        dict(N=5, M=2, scale=3.0),
        dict(N=3, M=6, scale=4.0, dtype=torch.float32),
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
        The two batches have means of their own. And what is 1 - s(b), written as a sigmoid again?

        1 - s(b) = s(-b). Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is log
        s(a) in one step.

        This is the line itself: `-F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()`.
    """,
    wrong="""
        epsilon_{}: F.logsigmoid(real_logits) → (real_logits.sigmoid() + {}).log()
        and: F.logsigmoid(-fake_logits) → (1 - fake_logits.sigmoid() + {}).log()
        for: 1e-03, 1e-04, 1e-05, 1e-06, 1e-07, 1e-08, 1e-10, 1e-12
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        mean_of_all_points: real_cost.mean() + fake_cost → torch.cat([real_cost, fake_cost])
            You take one mean over all N + M points: each batch has a mean of its own, and the two are added.
            Joined, the larger batch would weigh more.
        twice_the_mean_of_all_points: real_cost.mean() + fake_cost → 2 * torch.cat([real_cost, fake_cost])
            Right where N = M. Else the larger batch weighs more: take each batch's own mean, then add.
        divided_by_n_twice: fake_cost.mean() → fake_cost.sum() / len(real_cost)
            You divide both sums by N: there are M generated points.
        shorter_batch: return real → k = min(len(real_cost), len(fake_cost)); return real
        and: real_cost.mean() + fake_cost.mean() → (real_cost[:k] + fake_cost[:k]).mean()
            You stop at the shorter batch, as `zip` does: N and M may differ, and each batch has its own mean.
        hinge: -F.logsigmoid(real_logits) → F.relu(1 - real_logits)
        and: -F.logsigmoid(-fake_logits) → F.relu(1 + fake_logits)
            This is the hinge loss, max(0, 1 - a) and max(0, 1 + b): equation 1 has logarithms of a sigmoid.
        least_squares: -F.logsigmoid(real_logits) → (real_logits.sigmoid() - 1).square()
        and: -F.logsigmoid(-fake_logits) → fake_logits.sigmoid().square()
            You square what D misses, as a least-squares loss does: equation 1 has logarithms.
        summed: .mean() → .sum()
            You sum over the points: the loss is a mean over each batch, whatever its size.
        generators_term: (-fake_logits) → (fake_logits)
            Your second term is -log D(fake), the generator's loss: it rewards calling generated points real.
            The discriminator's is -log(1 - D(fake)).
        sigmoid_twice: F.logsigmoid(real_logits) → F.logsigmoid(real_logits.sigmoid())
        and: (-fake_logits) → (-fake_logits.sigmoid())
            The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.
        raw_logits: F.logsigmoid → nothing
            You average the logits themselves, as a Wasserstein critic does: nothing bounds that loss. Each
            logit goes through log s first.
        logits_as_probabilities: F.logsigmoid(real_logits) → real_logits.log()
        and: F.logsigmoid(-fake_logits) → (1 - fake_logits).log()
            You take the logits for probabilities, and the logarithm of a negative number is NaN: they go
            through a sigmoid first.
    """,
)
