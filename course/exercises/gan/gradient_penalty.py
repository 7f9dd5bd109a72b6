"""Chapter 5, exercise: the gradient penalty of a Wasserstein critic, Gulrajani et al. (2017), "Improved
Training of Wasserstein GANs", equation 3."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_gradient_penalty(weight, v, real, fake, mix):
    """The gradient penalty without its factor, a tensor of no axes. weight (H, D) and v (H,), of the critic;
    real and fake (B, D); mix (B, 1), the share of the real point, in [0, 1]."""
    raise NotImplementedError


def solve_gradient_penalty(weight, v, real, fake, mix):
    """The gradient penalty without its factor, a tensor of no axes. weight (H, D) and v (H,), of the critic;
    real and fake (B, D); mix (B, 1), the share of the real point, in [0, 1]."""
    x = (mix * real + (1 - mix) * fake).detach().requires_grad_()  # (B, D), a leaf
    scores = torch.tanh(x @ weight.T) @ v  # (B,)
    # The sum's gradient holds each point's own; it depends on weight and v, and create_graph keeps that.
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)  # (B, D)
    return (slopes.norm(dim=1) - 1).square().mean()


def penalty_by_ones(weight, v, real, fake, mix):
    """The same with a vector of ones for the sum, and the norm written out."""
    x = torch.lerp(fake, real, mix).detach().requires_grad_(True)
    scores = (x @ weight.T).tanh().mv(v)
    slopes = torch.autograd.grad(scores, x, torch.ones_like(scores), create_graph=True)[0]
    norms = (slopes**2).sum(dim=1) ** 0.5
    return ((norms - 1) ** 2).mean()


def penalty_point_by_point(weight, v, real, fake, mix):
    """The same, one point after the other."""
    total = 0.0
    for r, f, share in zip(real.detach(), fake.detach(), mix.detach(), strict=True):
        x = (f + share * (r - f)).requires_grad_()
        score = v @ torch.tanh(weight @ x)
        slope = torch.autograd.grad(score, x, create_graph=True)[0]
        total = total + (torch.linalg.vector_norm(slope) - 1) ** 2
    return total / len(real)


def penalty_by_transform(weight, v, real, fake, mix):
    """The same by `torch.func`: the gradient function of one point, over the batch."""

    def score(x):
        return torch.tanh(weight @ x) @ v

    x = (mix * real + (1 - mix) * fake).detach()
    norms = torch.func.vmap(torch.func.grad(score))(x).norm(dim=1)
    return (norms.square() - 2 * norms + 1).mean()


def in_closed_form(weight, v, real, fake, mix):
    """The same with the gradient derived by hand, weight^T (v (1 - tanh²)), in float64."""
    x = fake.detach().double() + mix.detach().double() * (real.detach().double() - fake.detach().double())
    inner = 1 / torch.cosh(torch.einsum("bd,hd->bh", x, weight.double())) ** 2  # of tanh
    slopes = torch.einsum("bh,h,hd->bd", inner, v.double(), weight.double())
    return (torch.sqrt((slopes * slopes).sum(1)) - 1).pow(2).mean().to(weight.dtype)


def mixed(real, fake, mix):
    """The points where the gradient is taken."""
    return mix * real + (1 - mix) * fake


def gradients(weight, v, x):
    """The critic's gradient at each point, (B, D), differentiable."""
    return ((1 - torch.tanh(x @ weight.T) ** 2) * v) @ weight


def right(slopes):
    """The penalty from the gradients."""
    return (slopes.norm(dim=1) - 1).square().mean()


def wrong(name, diagnosis, finish=right, place=mixed):
    """A misconception: another end, or gradients at other points."""
    return Misconception(
        name, diagnosis, lambda weight, v, *points: finish(gradients(weight, v, place(*points).detach()))
    )


def normed(name, diagnosis, finish):
    """A misconception: another function of the norms, (B,)."""
    return wrong(name, diagnosis, lambda slopes: finish(slopes.norm(dim=1)))


def penalty_case(rng, batch, dims, hidden, dtype=torch.float64, scale=1.0):
    """A case; `scale` multiplies v."""
    weight = normal(rng, hidden, dims, dtype=dtype) / dims**0.5
    v, real, fake = (normal(rng, *shape, dtype=dtype) for shape in ((hidden,), (batch, dims), (batch, dims)))
    mix = torch.tensor([[rng.random()] for _ in range(batch)], dtype=dtype)
    return weight, scale * v, real, fake, mix


def wide_penalty(rng):
    """One valid case of small random sizes, gradients below and above a norm of 1."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return penalty_case(rng, *(rng.randint(1, 5) for _ in range(3)), dtype, scale)


gradient_penalty = Exercise(
    name="gradient_penalty",
    title="the gradient penalty",
    difficulty="hard",
    minutes=20,
    task="""
        A Wasserstein critic should have slope 1 between real and fake points. Gulrajani et al. (2017,
        equation 3) charge it, up to a factor, with

        $$\\frac1B \\sum_{b=1}^{B} \\big(\\lVert \\nabla_x f(\\hat x_b) \\rVert_2 - 1\\big)^2, \\quad
        \\hat x_b = m_b\\, x_b + (1 - m_b)\\, \\tilde x_b$$

        with $m_b$ from `mix`, $x_b$ real, $\\tilde x_b$ fake, and here the critic
        `f(x) = torch.tanh(x @ weight.T) @ v`. Return a tensor of no axes that can be trained on: gradients
        for `weight` and `v` are compared. The penalty trains the critic alone: detach $\\hat x$.

        By hand first: at $\\hat x = 0$, one hidden unit, `weight` (3, 4), `v` 1: which penalty?
    """,
    stub_function=my_gradient_penalty,
    reference=in_closed_form,
    cases=lambda rng: [
        tuple(  # by hand: the gradient is (3, 4), the penalty 16
            torch.tensor(values, dtype=torch.float64)
            for values in ([[3.0, 4.0]], [1.0], [[1.0, 2.0]], [[-1.0, -2.0]], [[0.5]])
        ),
        penalty_case(rng, 1, 1, 1),
        penalty_case(rng, 1, 3, 2),
        penalty_case(rng, 4, 1, 3),
        penalty_case(rng, 3, 3, 3),
        penalty_case(rng, 5, 2, 4, torch.float64, 0.1),
        penalty_case(rng, 4, 3, 5, torch.float64, 10.0),
        penalty_case(rng, 4, 2, 3, torch.float32),
        penalty_case(rng, 3, 784, 8),
        *(wide_penalty(rng) for _ in range(5)),
    ],
    wide=wide_penalty,
    gradients=True,
    hints=(
        "`torch.autograd.grad(outputs, inputs)` needs an input that requires a gradient, and one number as "
        "output: which number of the B scores has, at each point, the gradient of that point's own score?",
        "The sum of the scores. Then the norm over dim=1, one for each point, and the mean last. As it is, "
        "the gradient is a constant: which argument of `torch.autograd.grad` keeps its graph?",
        "`x = (mix * real + (1 - mix) * fake).detach().requires_grad_()`, then `(slopes,) = "
        "torch.autograd.grad((torch.tanh(x @ weight.T) @ v).sum(), x, create_graph=True)`.",
    ),
    solution_function=solve_gradient_penalty,
    alternatives=(penalty_by_ones, penalty_point_by_point, penalty_by_transform),
    misconceptions=(
        Misconception(
            "no_create_graph",
            "The value is right, but it is a constant: without create_graph=True the gradient has no graph "
            "of its own, and the penalty never changes the critic.",
            lambda *args: in_closed_form(*args).detach(),
        ),
        Misconception(
            "points_not_detached",
            "Right for the critic, but the gradient also flows into the points, and through fake into the "
            "generator, which is not to learn in this step: detach the mixed points.",
            lambda weight, v, *points: right(gradients(weight, v, mixed(*points))),
        ),
        wrong(
            "norm_over_the_batch",
            "You take one norm over the whole batch: each point has a gradient and a norm of its own, dim=1.",
            lambda slopes: (slopes.norm() - 1).square(),
        ),
        wrong(
            "norm_over_the_wrong_axis",
            "Your norm runs over the batch, dim=0: the gradient of one point lies along dim=1.",
            lambda slopes: (slopes.norm(dim=0) - 1).square().mean(),
        ),
        wrong(
            "gradient_of_the_mean",
            "You differentiate the mean of the scores, so each gradient is divided by B: differentiate the "
            "sum.",
            lambda slopes: right(slopes / len(slopes)),
        ),
        wrong(
            "norm_of_the_mean_gradient",
            "You average the gradients before the norm, where opposite ones cancel: norm first, mean last.",
            lambda slopes: (slopes.mean(0).norm() - 1).square(),
        ),
        wrong(
            "absolute_values_added",
            "You add the absolute values of the components: the norm is the root of the sum of squares.",
            lambda slopes: (slopes.abs().sum(1) - 1).square().mean(),
        ),
        normed(
            "squared_norm_to_one",
            "You compare the squared norm with 1: the root is missing, so steep points cost far too much.",
            lambda norm: (norm.square() - 1).square().mean(),
        ),
        normed(
            "not_squared",
            "Norm minus 1 is not squared: a flat critic would be paid for it.",
            lambda norm: (norm - 1).mean(),
        ),
        normed(
            "one_sided",
            "You charge norms above 1 alone: such a variant exists, but equation 3 charges flat points too.",
            lambda norm: (norm - 1).clamp(min=0).square().mean(),
        ),
        normed(
            "zero_centred",
            "You charge the squared norm itself, as R1 does: this critic should have slope 1, not 0.",
            lambda norm: norm.square().mean(),
        ),
        normed(
            "mean_norm",
            "You average the norms and square last: steep and flat points cancel. Square each, then average.",
            lambda norm: (norm.mean() - 1).square(),
        ),
        normed(
            "summed",
            "You sum over the batch: the penalty is the mean.",
            lambda norm: (norm - 1).square().sum(),
        ),
        normed(
            "not_averaged",
            "You return one penalty for each point, (B,): take their mean.",
            lambda norm: (norm - 1).square(),
        ),
        normed(
            "factor_included",
            "You multiply by the factor λ = 10: it is left to the caller.",
            lambda norm: 10 * (norm - 1).square().mean(),
        ),
        *(
            wrong(
                name,
                f"You take the gradient {where}: take it at mix * real + (1 - mix) * fake.",
                place=place,
            )
            for name, where, place in (
                ("at_real_points", "at the real points", lambda real, fake, mix: real),
                ("at_fake_points", "at the fake points", lambda real, fake, mix: fake),
                ("half_way", "half-way, whatever mix is", lambda real, fake, mix: (real + fake) / 2),
            )
        ),
        wrong(
            "mix_swapped",
            "mix is the share of the real point: you give it to the fake one.",
            place=lambda real, fake, mix: mixed(fake, real, mix),
        ),
    ),
)
