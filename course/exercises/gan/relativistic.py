"""Chapter 5, exercise: the relativistic losses. Jolicoeur-Martineau (2019), "The relativistic discriminator:
a key element missing from standard GAN"; Huang et al. (2024), "The GAN is dead; long live the GAN!"."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_relativistic_losses(real_logits, fake_logits):
    """(d_loss, g_loss), nats, tensors of no axes, each to be minimised. real_logits and fake_logits (B,), in
    pairs: before the sigmoid."""
    raise NotImplementedError


def solve_relativistic_losses(real_logits, fake_logits):
    """(d_loss, g_loss), nats, tensors of no axes, each to be minimised. real_logits and fake_logits (B,), in
    pairs: before the sigmoid."""
    margin = real_logits - fake_logits  # (B,), how much more real the real one looks
    # -log s(a) is softplus(-a), one step without a sigmoid that could be rounded to 0.
    return F.softplus(-margin).mean(), F.softplus(margin).mean()


def losses_by_logsigmoid(real_logits, fake_logits):
    """The same by `F.logsigmoid`."""
    d_loss = -F.logsigmoid(real_logits - fake_logits).mean()
    g_loss = -F.logsigmoid(fake_logits - real_logits).mean()
    return d_loss, g_loss


def losses_by_cross_entropy(real_logits, fake_logits):
    """The same by binary cross-entropy: the discriminator's target is 1, the generator's 0."""
    margin = real_logits - fake_logits
    ones, zeros = torch.ones_like(margin), torch.zeros_like(margin)
    return [F.binary_cross_entropy_with_logits(margin, target) for target in (ones, zeros)]


def losses_by_two_classes(real_logits, fake_logits):
    """The same as a softmax over the pair: which of the two is the real one?"""
    log_p = torch.stack([real_logits, fake_logits], dim=1).log_softmax(dim=1)  # (B, 2)
    return tuple(-log_p.mean(dim=0))


def losses_by_largest(real_logits, fake_logits):
    """The same with the larger logit taken out of the exponentials by hand."""
    largest = torch.maximum(real_logits, fake_logits)
    log_sum = largest + torch.log1p(torch.exp(-(real_logits - fake_logits).abs()))
    return (log_sum - real_logits).sum() / len(log_sum), (log_sum - fake_logits).sum() / len(log_sum)


def by_logaddexp(real_logits, fake_logits):
    """The same by `torch.logaddexp`, in float64: each cost is log(e^r + e^f) minus a logit."""
    r, f = real_logits.double(), fake_logits.double()
    return tuple((torch.logaddexp(r - x, f - x).sum() / len(r)).to(real_logits.dtype) for x in (r, f))


def wrong(name, diagnosis, d_cost, g_cost=None, finish=torch.mean):
    """A misconception: the costs of a pair, functions of its logits; the generator's is by default the
    discriminator's with the logits exchanged."""

    def run(real_logits, fake_logits):
        g = g_cost(real_logits, fake_logits) if g_cost else d_cost(fake_logits, real_logits)
        return finish(d_cost(real_logits, fake_logits)), finish(g)

    return Misconception(name, diagnosis, run)


def cost(r, f):
    """The discriminator's cost."""
    return F.softplus(f - r)


def by_log(log, name, diagnosis):
    """A misconception: minus another logarithm of the sigmoid."""
    return wrong(name, diagnosis, lambda r, f: -log(torch.sigmoid(r - f)))


def pairs_case(rng, b, dtype=torch.float64, scale=1.0, shift=0.0):
    """A case: fakes' logits lie `shift` below those of real points."""
    return normal(rng, b, dtype=dtype, scale=scale), normal(rng, b, dtype=dtype, scale=scale) - shift


def wide_pairs(rng):
    """One valid case, logits from moderate to extreme."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 2.0)))
    return pairs_case(rng, rng.randint(1, 5), dtype, 10 ** rng.uniform(-1, largest), rng.uniform(-2, 2))


relativistic_loss = Exercise(
    name="relativistic_loss",
    title="the relativistic losses",
    difficulty="medium",
    minutes=12,
    task="""
        A discriminator usually scores each image alone. A relativistic one is asked which image of a pair is
        the real one (Jolicoeur-Martineau 2019; Huang et al. 2024), by the difference of the logits $r_b$ of
        a real and $f_b$ of a fake image:

        $$L_D = -\\frac1B \\sum_{b=1}^{B} \\log s(r_b - f_b), \\quad
        L_G = -\\frac1B \\sum_{b=1}^{B} \\log s(f_b - r_b)$$

        with $s$ the sigmoid. `real_logits` and `fake_logits` $(B)$ hold them; return $(L_D, L_G)$. Logits may
        be $\\pm 10^4$ in float32. Values are compared.

        By hand first: what are both losses for equal logits? What changes when all logits rise by 5?
    """,
    stub_function=my_relativistic_losses,
    reference=by_logaddexp,
    cases=lambda rng: [
        (torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)),  # by hand: ln 2 each
        (torch.tensor([2.0, -1.0], dtype=torch.float64), torch.tensor([0.5, 1.0], dtype=torch.float64)),
        pairs_case(rng, 1),
        pairs_case(rng, 3),
        pairs_case(rng, 6, torch.float64, 3.0, 1.0),
        pairs_case(rng, 5, torch.float32),
        pairs_case(rng, 4, torch.float64, 1.0, 40.0),
        pairs_case(rng, 4, torch.float32, 5.0, 200.0),
        pairs_case(rng, 4, torch.float32, 5.0, -200.0),
        (torch.tensor([1e4, -1e4]), torch.tensor([-1e4, 1e4])),
        (torch.tensor([900.0, -900.0], dtype=torch.float64), torch.tensor([901.0, 0.5], dtype=torch.float64)),
        *(wide_pairs(rng) for _ in range(5)),
    ],
    wide=wide_pairs,
    hints=(
        "The generator's loss is the discriminator's with the two exchanged. What does each pair contribute, "
        "as a function of one number?",
        "That number is r - f. Take no logarithm of a sigmoid that is rounded to 0: -log s(a) is "
        "`F.softplus(-a)`.",
        "`margin = real_logits - fake_logits`, then `F.softplus(-margin).mean(), F.softplus(margin).mean()`.",
    ),
    solution_function=solve_relativistic_losses,
    alternatives=(
        losses_by_logsigmoid,
        losses_by_cross_entropy,
        losses_by_two_classes,
        losses_by_largest,
    ),
    misconceptions=(
        wrong(
            "average_of_the_others",
            "You compare each logit with the mean of the others: that is the relativistic average loss. Here "
            "each real one has its own fake, r_b - f_b.",
            lambda r, f: cost(r, f.mean()),
        ),
        wrong(
            "relativistic_average",
            "This is the relativistic average loss, of both kinds against the mean of the other. Here each "
            "real one has its own fake, r_b - f_b.",
            lambda r, f: cost(r, f.mean()) + cost(r.mean(), f),
        ),
        wrong(
            "all_pairs",
            "You compare every real one with every fake one, B² pairs: only pairs of the same index count.",
            lambda r, f: cost(r[:, None], f[None]),
        ),
        wrong(
            "means_compared",
            "You compare the means of the logits: take the softplus of each pair, and the mean last.",
            lambda r, f: cost(r.mean(), f.mean()),
        ),
        wrong(
            "usual_losses",
            "These are the usual non-saturating losses, which score each image alone: here the difference of "
            "the logits counts.",
            lambda r, f: F.softplus(-r) + F.softplus(f),
            lambda r, f: F.softplus(-f),
        ),
        wrong(
            "sigmoid_of_each",
            "You put each logit through a sigmoid and then compare: the difference is of logits, which alone "
            "are unbounded.",
            lambda r, f: cost(torch.sigmoid(r), torch.sigmoid(f)),
        ),
        wrong(
            "sigmoid_twice",
            "The sigmoid is applied twice: softplus and `F.logsigmoid` take logits, not probabilities.",
            lambda r, f: F.softplus(-torch.sigmoid(r - f)),
        ),
        wrong(
            "losses_swapped",
            "The two losses are exchanged: the discriminator's is small where r is above f.",
            lambda r, f: cost(f, r),
        ),
        wrong(
            "generator_like_discriminator",
            "You return the discriminator's loss twice, so that the generator helps it: exchange r and f.",
            cost,
            cost,
        ),
        wrong(
            "discriminator_like_generator",
            "You return the generator's loss twice: the discriminator's has r and f exchanged.",
            lambda r, f: cost(f, r),
            lambda r, f: cost(f, r),
        ),
        wrong(
            "zero_sum",
            "Your generator's loss is minus the discriminator's: flat where the fakes are caught. It is "
            "-log s(f - r), which is not log s(r - f).",
            cost,
            lambda r, f: -cost(r, f),
        ),
        wrong(
            "signs_turned",
            "These are log-probabilities, which would be maximised: a loss has the minus sign in front.",
            lambda r, f: -cost(r, f),
        ),
        wrong(
            "no_sigmoid",
            "You return the mean differences, as a Wasserstein critic does: -log s of each is missing.",
            lambda r, f: f - r,
        ),
        wrong("hinge", "This is a hinge loss: the softplus is missing.", lambda r, f: F.relu(1 + f - r)),
        wrong(
            "no_logarithm",
            "You return the mean probability of a mistake: its complement's negative logarithm is asked for.",
            lambda r, f: torch.sigmoid(f - r),
        ),
        wrong(
            "squared",
            "This is a least-squares loss: the softplus is missing.",
            lambda r, f: (r - f - 1).square(),
        ),
        wrong("summed", "You sum over the batch: take the mean.", cost, finish=torch.sum),
        wrong(
            "not_averaged", "You return one loss for each pair: take their mean.", cost, finish=torch.positive
        ),
        wrong("halved", "Your losses are halved: nothing divides them by 2.", lambda r, f: cost(r, f) / 2),
        by_log(
            torch.log,
            "unstable",
            "Right for moderate logits, but for large differences exp overflows or the sigmoid is rounded to "
            "0, and the loss is infinite. `F.softplus` takes logarithm and exponential in one step.",
        ),
        *(
            by_log(
                lambda p, small=small: torch.log(p + small),
                f"epsilon_{small:.0e}",
                "You add a small number inside the logarithm: a confident mistake then costs too little. "
                "`F.softplus` needs none.",
            )
            for small in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
        ),
    ),
)
