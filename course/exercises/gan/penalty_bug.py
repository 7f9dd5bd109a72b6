"""Chapter 5, exercise: find three bugs in the R1 penalty, Mescheder, Geiger and Nowozin (2018), "Which
Training Methods for GANs do actually Converge?", equation 9."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_r1(weight, v, real, gamma):
    """The R1 penalty of the logits D(x) = tanh(x @ weight.T) @ v, a tensor of no axes: gamma / 2 times the
    batch's mean squared norm of their gradient. weight (H, D), v (H,), real (B, D), gamma a float."""
    x = real.detach().requires_grad_()  # data: the penalty trains the discriminator alone
    scores = torch.sigmoid(torch.tanh(x @ weight.T) @ v)  # (B,)
    (slopes,) = torch.autograd.grad(scores.mean(), x)  # (B, D)
    return gamma / 2 * slopes.square().sum()


def solve_r1(weight, v, real, gamma):
    """The R1 penalty of the logits D(x) = tanh(x @ weight.T) @ v, a tensor of no axes: gamma / 2 times the
    batch's mean squared norm of their gradient. weight (H, D), v (H,), real (B, D), gamma a float."""
    x = real.detach().requires_grad_()  # data: the penalty trains the discriminator alone
    logits = torch.tanh(x @ weight.T) @ v  # (B,), before the sigmoid, which flattens where D is sure
    # The sum's gradient holds each point's own; the mean's would hold it divided by B.
    (slopes,) = torch.autograd.grad(logits.sum(), x, create_graph=True)  # (B, D)
    return gamma / 2 * slopes.square().sum(dim=1).mean()


def r1_by_ones(weight, v, real, gamma):
    """The same with a vector of ones for the sum, and norms squared."""
    x = real.detach().clone().requires_grad_(True)
    logits = (x @ weight.mT).tanh().mv(v)
    slopes = torch.autograd.grad(logits, x, torch.ones_like(logits), create_graph=True)[0]
    return (slopes * slopes).sum() * gamma / (2 * len(real))


def r1_point_by_point(weight, v, real, gamma):
    """The same, one point after the other."""
    total = 0.0
    for point in real.detach():
        x = point.clone().requires_grad_()
        slope = torch.autograd.grad(v @ torch.tanh(weight @ x), x, create_graph=True)[0]
        total = total + slope @ slope
    return 0.5 * gamma * total / real.shape[0]


def r1_by_transform(weight, v, real, gamma):
    """The same by `torch.func`: the gradient function of one point, over the batch."""

    def logit(x):
        return torch.tanh(weight @ x) @ v

    slopes = torch.func.vmap(torch.func.grad(logit))(real.detach())
    return gamma * slopes.pow(2).sum(1).mean() / 2


def in_closed_form(weight, v, real, gamma):
    """The same with the gradient derived by hand, weight^T (v (1 - tanh²)), in float64."""
    w, u = weight.double(), v.double()
    inner = 1 / torch.cosh(torch.einsum("bd,hd->bh", real.detach().double(), w)) ** 2  # of tanh
    slopes = torch.einsum("bh,h,hd->bd", inner, u, w)
    return (gamma * torch.einsum("bd,bd->", slopes, slopes) / (2 * len(real))).to(weight.dtype)


def of_logits(weight, v, x):
    """The gradients of the logits, (B, D), differentiable."""
    return ((1 - torch.tanh(x @ weight.T) ** 2) * v) @ weight


def of_probabilities(weight, v, x):
    """The gradients of the sigmoid of the logits."""
    p = torch.sigmoid(torch.tanh(x @ weight.T) @ v)
    return (p * (1 - p))[:, None] * of_logits(weight, v, x)


def mean_square(slopes):
    """The mean squared norm."""
    return slopes.square().sum(1).mean()


def of_the_mean(slopes):
    """The sum of the squares of the mean's gradient, as in the broken program."""
    return (slopes / len(slopes)).square().sum()


def left(name, diagnosis, finish=mean_square, slopes=of_logits, factor=0.5):
    """A misconception: another function of the gradients, or gradients of something else."""
    return Misconception(
        name,
        diagnosis,
        lambda weight, v, real, gamma: factor * gamma * finish(slopes(weight, v, real.detach())),
    )


def r1_case(rng, batch, dims, hidden, dtype=torch.float64, scale=1.0):
    """A case; `scale` multiplies v."""
    weight = normal(rng, hidden, dims, dtype=dtype) / dims**0.5
    v, real = normal(rng, hidden, dtype=dtype, scale=scale), normal(rng, batch, dims, dtype=dtype)
    return weight, v, real, rng.choice((0.1, 1.0, 3.0, 10.0))


def wide_r1(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return r1_case(rng, *(rng.randint(1, 5) for _ in range(3)), dtype, scale)


broken_penalty = Exercise(
    name="broken_penalty",
    title="find three bugs in a gradient penalty",
    difficulty="hard",
    minutes=15,
    task="""
        The program below is meant to be the R1 penalty (Mescheder et al. 2018, equation 9), with $D(x)$
        the logit:

        $$R_1 = \\frac{\\gamma}{2} \\cdot \\frac1B \\sum_{b=1}^{B} \\lVert \\nabla_x D(x_b) \\rVert_2^2$$

        It runs, but:

        - training with it and without it gives the same weights, to the last digit;
        - one point, repeated $B$ times, has a penalty $B$ times smaller than alone;
        - with `v` a hundred times as large the penalty nearly vanishes.

        Mend the three bugs. Values and gradients are compared.

        By hand first: at $x = 0$, one hidden unit, `weight` (3, 4), `v` 1, $\\gamma = 2$: which penalty?
    """,
    stub_function=my_r1,
    reference=in_closed_form,
    cases=lambda rng: [
        (  # by hand: the gradient is (3, 4), the penalty 25
            torch.tensor([[3.0, 4.0]], dtype=torch.float64),
            torch.tensor([1.0], dtype=torch.float64),
            torch.zeros(1, 2, dtype=torch.float64),
            2.0,
        ),
        r1_case(rng, 1, 1, 1),
        r1_case(rng, 1, 3, 2),
        r1_case(rng, 4, 1, 3),
        r1_case(rng, 3, 3, 3),
        r1_case(rng, 5, 2, 4, torch.float64, 0.1),
        r1_case(rng, 4, 3, 5, torch.float64, 100.0),
        r1_case(rng, 4, 2, 3, torch.float32),
        r1_case(rng, 3, 784, 8),
        *(wide_r1(rng) for _ in range(5)),
    ],
    wide=wide_r1,
    gradients=True,
    hints=(
        "One symptom, one bug. A penalty that changes no weight is a constant: where is its graph lost? What "
        "does `.mean()` do to each point's gradient? And how steep is a sigmoid where it is near 1?",
        "`torch.autograd.grad` returns constants unless it is told to create a graph. The gradient of a mean "
        "is each gradient divided by B, and squared it is divided by B².",
        "Leave out the sigmoid, differentiate `logits.sum()` with `create_graph=True`, and return "
        "`gamma / 2 * slopes.square().sum(dim=1).mean()`.",
    ),
    solution_function=solve_r1,
    alternatives=(r1_by_ones, r1_point_by_point, r1_by_transform),
    misconceptions=(
        Misconception(
            "still_a_constant",
            "The value is right, but it is still a constant: pass create_graph=True, so that the gradient "
            "can itself be differentiated.",
            lambda *args: in_closed_form(*args).detach(),
        ),
        left(
            "mean_and_sigmoid_left",
            "The value has both its bugs: the gradient of a mean is divided by B, and the sigmoid is flat "
            "where D is sure.",
            of_the_mean,
            of_probabilities,
        ),
        left(
            "gradient_of_the_mean_left",
            "The sigmoid is gone, but the gradient is still that of the mean, each point's divided by B, and "
            "B² once squared: differentiate the sum, average the squared norms.",
            of_the_mean,
        ),
        left(
            "sigmoid_left",
            "The reduction is right, but the gradient is still that of the sigmoid, flat where D is sure: D "
            "in the equation is the logit.",
            slopes=of_probabilities,
        ),
        left(
            "mean_twice",
            "The squared norms are now averaged, but you still differentiate the mean, so each gradient is "
            "divided by B: differentiate the sum.",
            lambda slopes: mean_square(slopes / len(slopes)),
        ),
        left(
            "summed_over_the_batch",
            "You differentiate the sum, but also sum the squared norms over the batch: average them.",
            lambda slopes: slopes.square().sum(),
        ),
        left(
            "averaged_over_the_components",
            "You average the squares over the components too: a squared norm is their sum, dim=1.",
            lambda slopes: slopes.square().mean(),
        ),
        left(
            "norm_of_the_mean_gradient",
            "You average the gradients before squaring, where opposite ones cancel: one squared norm for "
            "each point, the mean last.",
            lambda slopes: slopes.mean(0).square().sum(),
        ),
        left(
            "norm_not_squared",
            "You average the norms: the penalty is of their squares.",
            lambda slopes: slopes.norm(dim=1).mean(),
        ),
        left(
            "pulled_to_one",
            "You pull the norm to 1, as for a Wasserstein critic: R1 pulls the gradient to 0.",
            lambda slopes: (slopes.norm(dim=1) - 1).square().mean(),
        ),
        left("half_left_out", "The ½ before γ is gone: it is no bug.", factor=1.0),
        left(
            "not_averaged",
            "You return one penalty for each point: take their mean.",
            lambda slopes: slopes.square().sum(1),
        ),
        Misconception(
            "data_not_detached",
            "Right for the discriminator, but the gradient now flows into the data as well: keep the "
            "first line.",
            lambda weight, v, real, gamma: gamma / 2 * mean_square(of_logits(weight, v, real)),
        ),
        *(
            Misconception(
                f"{name}_detached",
                f"The value is right, but no gradient of the penalty reaches {name}: detach nothing but the "
                "data.",
                function,
            )
            for name, function in (
                ("weight", lambda weight, v, real, gamma: in_closed_form(weight.detach(), v, real, gamma)),
                ("v", lambda weight, v, real, gamma: in_closed_form(weight, v.detach(), real, gamma)),
            )
        ),
    ),
)
