"""Chapter 5: find three bugs in the R1 penalty, Mescheder, Geiger and Nowozin (2018), "Which
Training Methods for GANs do actually Converge?", equation 9."""

import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_r1(weight, v, real, gamma):
    """The R1 penalty of the logits D(x) = tanh(x @ weight.T) @ v, a tensor of no axes: gamma / 2 times the
    batch's mean squared norm of their gradient. weight (H, D), v (H,), real (B, D), gamma a float."""
    x = real.detach().requires_grad_()  # data: the penalty trains the discriminator alone
    logits = torch.tanh(x @ weight.T) @ v  # (B,), before the sigmoid, which flattens where D is sure
    # The sum's gradient holds each point's own; the mean's would hold it divided by B.
    (slopes,) = torch.autograd.grad(logits.sum(), x, create_graph=True)  # (B, D)
    return gamma / 2 * slopes.square().sum(dim=1).mean()


def in_closed_form(weight, v, real, gamma):
    """The same with the gradient derived by hand, weight^T (v (1 - tanh²)), in float64."""
    w, u = weight.double(), v.double()
    inner = 1 / torch.cosh(torch.einsum("bd,hd->bh", real.detach().double(), w)) ** 2  # of tanh
    slopes = torch.einsum("bh,h,hd->bd", inner, u, w)
    return (gamma * torch.einsum("bd,bd->", slopes, slopes) / (2 * len(real))).to(weight.dtype)


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
    my_r1,
    reference=in_closed_form,
    gradients=True,
    # OLD wide=wide_r1
    # OLD cases:
    # lambda rng: [
    #         (  # by hand: the gradient is (3, 4), the penalty 25
    #             torch.tensor([[3.0, 4.0]], dtype=torch.float64),
    #             torch.tensor([1.0], dtype=torch.float64),
    #             torch.zeros(1, 2, dtype=torch.float64),
    #             2.0,
    #         ),
    #         r1_case(rng, 1, 1, 1),
    #         r1_case(rng, 1, 3, 2),
    #         r1_case(rng, 4, 1, 3),
    #         r1_case(rng, 3, 3, 3),
    #         r1_case(rng, 5, 2, 4, torch.float64, 0.1),
    #         r1_case(rng, 4, 3, 5, torch.float64, 100.0),
    #         r1_case(rng, 4, 2, 3, torch.float32),
    #         r1_case(rng, 3, 784, 8),
    #         *(wide_r1(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        One symptom, one bug. A penalty that changes no weight is a constant: where is its graph lost? What
        does `.mean()` do to each point's gradient? And how steep is a sigmoid where it is near 1?

        `torch.autograd.grad` returns constants unless it is told to create a graph. The gradient of a mean is
        each gradient divided by B, and squared it is divided by B².

        Leave out the sigmoid, differentiate `logits.sum()` with `create_graph=True`, and return `gamma / 2 *
        slopes.square().sum(dim=1).mean()`.
    """,
    wrong="""
        still_a_constant: OLD → NEW
            The value is right, but it is still a constant: pass create_graph=True, so that the gradient can
            itself be differentiated.
        mean_and_sigmoid_left: OLD → NEW
            The value has both its bugs: the gradient of a mean is divided by B, and the sigmoid is flat where
            D is sure.
        gradient_of_the_mean_left: OLD → NEW
            The sigmoid is gone, but the gradient is still that of the mean, each point's divided by B, and B²
            once squared: differentiate the sum, average the squared norms.
        sigmoid_left: OLD → NEW
            The reduction is right, but the gradient is still that of the sigmoid, flat where D is sure: D in
            the equation is the logit.
        mean_twice: OLD → NEW
            The squared norms are now averaged, but you still differentiate the mean, so each gradient is
            divided by B: differentiate the sum.
        summed_over_the_batch: OLD → NEW
            You differentiate the sum, but also sum the squared norms over the batch: average them.
        averaged_over_the_components: OLD → NEW
            You average the squares over the components too: a squared norm is their sum, dim=1.
        norm_of_the_mean_gradient: OLD → NEW
            You average the gradients before squaring, where opposite ones cancel: one squared norm for each
            point, the mean last.
        norm_not_squared: OLD → NEW
            You average the norms: the penalty is of their squares.
        pulled_to_one: OLD → NEW
            You pull the norm to 1, as for a Wasserstein critic: R1 pulls the gradient to 0.
        half_left_out: OLD → NEW
            The ½ before γ is gone: it is no bug.
        not_averaged: OLD → NEW
            You return one penalty for each point: take their mean.
        data_not_detached: OLD → NEW
            Right for the discriminator, but the gradient now flows into the data as well: keep the first
            line.
        weight_detached: OLD → NEW
            The value is right, but no gradient of the penalty reaches weight: detach nothing but the data.
        v_detached: OLD → NEW
            The value is right, but no gradient of the penalty reaches v: detach nothing but the data.
    """,
)
