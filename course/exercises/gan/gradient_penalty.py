"""Chapter 5: the gradient penalty of a Wasserstein critic, Gulrajani et al. (2017), "Improved
Training of Wasserstein GANs", equation 3."""

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_gradient_penalty(weight, v, real, fake, mix):
    """The gradient penalty without its factor, a scalar. weight (H, D) and v (H,), of the critic; real and
    fake (B, D); mix (B, 1), the share of the real point, in [0, 1]."""
    x = (mix * real + (1 - mix) * fake).detach().requires_grad_()  # (B, D), a leaf
    scores = torch.tanh(x @ weight.T) @ v  # (B,)
    # The sum's gradient holds each point's own; it depends on weight and v, and create_graph keeps that.
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)  # (B, D)
    return (slopes.norm(dim=1) - 1).square().mean()


def by_formula(weight, v, real, fake, mix):
    """The same with the gradient derived by hand, weight^T (v (1 - tanh²)), in float64."""
    w, u, r, f, m = (t.double() for t in (weight, v, real.detach(), fake.detach(), mix.detach()))
    x = f + m * (r - f)
    slopes = (u / torch.cosh(x @ w.T) ** 2) @ w
    return (torch.linalg.vector_norm(slopes, dim=1) - 1).pow(2).mean().to(weight.dtype)


def draw(rng, B, D, H, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies v."""
    weight, v, real, fake, mix = tensors(rng, "HD H BD BD B1", dtype, B=B, D=D, H=H)
    return weight / D**0.5, scale * v, real, fake, torch.sigmoid(mix)


gradient_penalty = Exercise(
    my_gradient_penalty,
    reference=by_formula,
    gradients=True,
    draw=draw,
    by_hand=[
        ([[3.0, 4.0]], [1.0], [[1.0, 2.0]], [[-1.0, -2.0]], [[0.5]]),  # the gradient is (3, 4): 16
        # a flat point beside a steep one, and slopes that are nearly 0
        ([[40.0, 0.0]], [1.0], [[1.0, 1.0], [0.01, 0.3]], [[1.0, 1.0], [0.01, 0.3]], [[0.5], [0.5]]),
        ([[400.0]], [1.0], [[1.0]], [[1.0]], [[0.5]]),
        ([[0.01, 0.0]], [0.01], [[0.0, 0.0]], [[0.0, 0.0]], [[0.5]]),
    ],
    sizes=[
        dict(B=1, D=1, H=1),
        dict(B=1, D=3, H=2),
        dict(B=4, D=1, H=3),
        dict(B=3, D=3, H=3),
        dict(B=5, D=2, H=4, scale=0.1),
        dict(B=4, D=3, H=5, scale=1e3),
        dict(B=4, D=2, H=3, dtype=torch.float32),
        dict(B=3, D=784, H=8),
        dict(B=3, D=2, H=2, scale=0.0),  # no slope at all
        dict(B=130, D=1, H=2),
    ],
    spans=dict(B=(1, 5), D=(1, 5), H=(1, 5), scale=lambda rng: 10 ** rng.uniform(-1, 1)),
    hints="""
        `torch.autograd.grad(outputs, inputs)` needs an input that requires a gradient, and one number as
        output: which number of the B scores has, at each point, the gradient of that point's own score?

        The sum of the scores. Then the norm over dim=1, one for each point, and the mean last. As it is, the
        gradient is a constant: which argument of `torch.autograd.grad` keeps its graph?

        These are the first lines themselves: `x = (mix * real + (1 - mix) * fake).detach().requires_grad_()`,
        then `(slopes,) = torch.autograd.grad((torch.tanh(x @ weight.T) @ v).sum(), x, create_graph=True)`.
    """,
    wrong="""
        no_create_graph: , create_graph=True → nothing
            The value is right, but it is a constant: without create_graph=True the gradient has no graph
            of its own, and the penalty never changes the critic.
        norm_over_the_batch: norm(dim=1) → norm()
            You take one norm over the whole batch: each point has a gradient and a norm of its own, dim=1.
        norm_over_the_wrong_axis: norm(dim=1) → norm(dim=0)
            Your norm runs over the batch, dim=0: the gradient of one point lies along dim=1.
        gradient_of_the_mean: scores.sum() → scores.mean()
            You differentiate the mean of the scores, so each gradient is divided by B: differentiate the sum.
        norm_of_the_mean_gradient: slopes.norm(dim=1) → slopes.mean(0).norm()
            You average the gradients before the norm, where opposite ones cancel: norm first, mean last.
        absolute_values_added: slopes.norm(dim=1) → slopes.abs().sum(1)
            You add the absolute values of the components: the norm is the root of the sum of squares.
        mean_of_the_squares: slopes.norm(dim=1) → slopes.square().mean(1).sqrt()
            You take the root of the mean square of the components: the norm is the root of their sum.
        components_clamped: slopes.norm → slopes.clamp(-1, 1).norm
            You clamp the components of the gradient first: steep points then cost too little.
        epsilon_{}: slopes.norm(dim=1) → (slopes.square().sum(1) + {}).sqrt()
        for: 1e-04, 1e-06, 1e-08, 1e-10, 1e-12, 1e-16
        epsilon_after_{}: slopes.norm(dim=1) → (slopes.norm(dim=1) + {})
        for: 1e-04, 1e-06, 1e-08
            You add a small number to the norm or under its root, against a NaN where the gradient is 0: norms
            are then a little wrong. `.norm(dim=1)` has the gradient 0 there, and needs no guard.
        squared_norm_to_one: norm(dim=1) → square().sum(1)
            You compare the squared norm with 1: the root is missing, so steep points cost far too much.
        not_squared: .square() → nothing
            Norm minus 1 is not squared: a flat critic would be paid for it.
        magnitude_for_square: .square() → .abs()
            You average the distances from 1: they are squared first.
        sigmoid_of_the_score: torch.tanh(x @ weight.T) @ v → torch.sigmoid(torch.tanh(x @ weight.T) @ v)
            You differentiate the sigmoid of the score: this critic's output is no logit.
        one_sided: - 1).square() → - 1).clamp(min=0).square()
            You charge norms above 1 alone: such a variant exists, but equation 3 charges flat points too.
        zero_centred: (slopes.norm(dim=1) - 1) → slopes.norm(dim=1)
            You charge the squared norm itself, as R1 does: this critic should have slope 1, not 0.
        mean_norm: norm(dim=1) → norm(dim=1).mean()
            You average the norms and square last: steep and flat points cancel. Square each, then average.
        own_mix: x = ( → mix = torch.rand_like(mix); x = (
            You draw shares of your own: `mix` has those that are meant.
        half_way: mix * real + (1 - mix) * fake → (real + fake) / 2
            You take the gradient half-way, whatever mix is: take it at mix * real + (1 - mix) * fake.
    """,
)
