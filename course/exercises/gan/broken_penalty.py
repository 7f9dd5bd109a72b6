"""Chapter 5: find three bugs in the R1 penalty, Mescheder, Geiger and Nowozin (2018), "Which
Training Methods for GANs do actually Converge?", equation 9."""

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_r1(weight, v, real, gamma):
    """The R1 penalty of the logits D(x) = tanh(x @ weight.T) @ v, a scalar: gamma / 2 times the batch's
    mean squared norm of their gradient. weight (H, D), v (H,), real (B, D), gamma a float, 0 or more."""
    x = real.detach().requires_grad_()  # data: the penalty trains the discriminator alone
    logits = torch.tanh(x @ weight.T) @ v  # (B,), before the sigmoid, which flattens where D is sure
    # The sum's gradient holds each point's own; the mean's would hold it divided by B.
    (slopes,) = torch.autograd.grad(logits.sum(), x, create_graph=True)  # (B, D)
    return gamma / 2 * slopes.square().sum(dim=1).mean()


def in_closed_form(weight, v, real, gamma):
    """The same with the gradient derived by hand, weight^T (v (1 - tanh²)), in float64."""
    w, u, x = weight.double(), v.double(), real.detach().double()
    slopes = (u / torch.cosh(x @ w.T) ** 2) @ w
    return (gamma * torch.einsum("bd,bd->", slopes, slopes) / (2 * len(x))).to(weight.dtype)


def draw(rng, B, D, H, gamma=3.0, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies v."""
    weight, v, real = tensors(rng, "HD H BD", dtype, B=B, D=D, H=H)
    return weight / D**0.5, scale * v, real, gamma


broken_penalty = Exercise(
    my_r1,
    reference=in_closed_form,
    gradients=True,
    draw=draw,
    by_hand=[
        ([[3.0, 4.0]], [1.0], [[0.0, 0.0]], 2.0),  # the gradient is (3, 4), the penalty 25
        ([[40.0, 0.0]], [1.0], [[1.0, 1.0], [0.01, 0.3]], 2.0),  # a flat point beside a steep one
        ([[400.0]], [1.0], [[1.0]], 20.0),
    ],
    sizes=[
        dict(B=1, D=1, H=1),
        dict(B=1, D=3, H=2),
        dict(B=4, D=1, H=3),
        dict(B=3, D=3, H=3, gamma=0.1),
        dict(B=5, D=2, H=4, scale=0.1),
        dict(B=4, D=3, H=5, scale=1e3),
        dict(B=4, D=2, H=3, dtype=torch.float32),
        dict(B=3, D=784, H=8, gamma=10.0),
        dict(B=3, D=2, H=2, gamma=0.0),
        dict(B=3, D=2, H=2, scale=0.0),  # no slope at all
        dict(B=130, D=1, H=2),
    ],
    spans=dict(
        B=(1, 5), D=(1, 5), H=(1, 5), gamma=[0.1, 1.0, 3.0, 10.0], scale=lambda rng: 10 ** rng.uniform(-1, 1)
    ),
    bug="""
        bug: logits = torch.tanh(x @ weight.T) @ v → scores = torch.sigmoid(torch.tanh(x @ weight.T) @ v)
        and: logits.sum(), x, create_graph=True → scores.mean(), x
        and: .sum(dim=1).mean() → .sum()
    """,
    hints="""
        One symptom, one bug. A penalty that changes no weight is a constant: where is its graph lost? What
        does `.mean()` do to each point's gradient? And how steep is a sigmoid where it is near 1?

        `torch.autograd.grad` returns constants unless it is told to create a graph. The gradient of a mean is
        each gradient divided by B, and squared it is divided by B².

        These are the changes themselves: leave out the sigmoid, differentiate `logits.sum()` with
        `create_graph=True`, and return `gamma / 2 * slopes.square().sum(dim=1).mean()`.
    """,
    wrong="""
        still_a_constant: , create_graph=True → nothing
            The value is right, but it is still a constant: pass create_graph=True, so that the gradient can
            itself be differentiated.
        mean_and_sigmoid_left: logits.sum() → logits.sigmoid().mean()
        and: .sum(dim=1).mean() → .sum()
            The value has both its bugs: the gradient of a mean is divided by B, and the sigmoid is flat where
            D is sure.
        gradient_of_the_mean_left: logits.sum() → logits.mean()
        and: .sum(dim=1).mean() → .sum()
            The sigmoid is gone, but the gradient is still that of the mean, each point's divided by B, and B²
            once squared: differentiate the sum, average the squared norms.
        sigmoid_left: logits.sum() → logits.sigmoid().sum()
            The reduction is right, but the gradient is still that of the sigmoid, flat where D is sure: D in
            the equation is the logit.
        gradient_of_the_log: logits.sum() → torch.nn.functional.logsigmoid(logits).sum()
            You differentiate log D(x), whose slope vanishes where D is sure: D in the equation is the logit.
        mean_twice: logits.sum() → logits.mean()
            The squared norms are now averaged, but you still differentiate the mean, so each gradient is
            divided by B: differentiate the sum.
        summed_over_the_batch: .sum(dim=1).mean() → .sum()
            You differentiate the sum, but also sum the squared norms over the batch: average them.
        averaged_over_the_components: .sum(dim=1).mean() → .mean()
            You average the squares over the components too: a squared norm is their sum, dim=1.
        norm_of_the_mean_gradient: slopes.square().sum(dim=1).mean() → slopes.mean(0).square().sum()
            You average the gradients before squaring, where opposite ones cancel: one squared norm for each
            point, the mean last.
        square_of_the_mean_norm: slopes.square().sum(dim=1).mean() → slopes.norm(dim=1).mean().square()
            You square the mean norm: square each point's norm, then take the mean.
        first_point_alone: slopes.square().sum(dim=1).mean() → slopes[0].square().sum()
            You take the first point's gradient alone: take the mean over all points.
        norm_not_squared: slopes.square().sum(dim=1) → slopes.norm(dim=1)
            You average the norms: the penalty is of their squares.
        pulled_to_one: slopes.square().sum(dim=1) → (slopes.norm(dim=1) - 1).square()
            You pull the norm to 1, as for a Wasserstein critic: R1 pulls the gradient to 0.
        epsilon_{}: slopes.square().sum(dim=1) → (slopes.norm(dim=1) + {}).square()
        for: 1e-03, 1e-04
            You add a small number to the norm: the squared norm has no root, and needs no guard.
    """,
)
