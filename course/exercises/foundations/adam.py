"""Chapter 0: Adam, Kingma and Ba (2015), algorithm 1."""

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_adam(w, gradients, lr, beta1, beta2, eps):
    """The weights (D,) after T steps of Adam. w (D,): the weights before; gradients (T, D): row t - 1 is what
    step t sees."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        # Both lean towards 0, where they begin: all gradients so far have shares that sum to 1 - beta^t.
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def by_pytorch(w, gradients, lr, beta1, beta2, eps):
    """The same by PyTorch's optimiser, in float64."""
    weights = torch.nn.Parameter(w.double().clone())
    optimizer = torch.optim.Adam([weights], lr, (beta1, beta2), eps)
    for g in gradients.double():
        weights.grad = g
        optimizer.step()
    return weights.detach().to(w.dtype)


def draw(rng, T, D, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the gradients."""
    w, gradients = tensors(rng, "D TD", dtype, T=T, D=D)
    return w, scale * gradients, lr, beta1, beta2, eps


adam = Exercise(
    my_adam,
    reference=by_pytorch,
    draw=draw,
    by_hand=[
        ([1.0], [[100.0]], 0.1, 0.9, 0.999, 1e-8),  # a step of lr, whatever the gradient
        ([1.0, -1.0], [[2.0, -1.0], [-1.0, 3.0]], 0.5, 0.5, 0.75, 1.0),  # a large eps
        ([0.5, 2.0], [[1.0, 0.0], [0.0, 0.0], [0.0, -2.0]], 0.1, 0.9, 0.99, 1e-8),  # gradients of 0
        ([0.0], [[1e-10], [2e-10]], 0.5, 0.9, 0.999, 1e-8),  # gradients below eps
        ([1.0, 2.0], [[3.0, -4.0], [1.0, 2.0], [-2.0, 0.5]], 0.1, 0.0, 0.9, 1e-8),  # no momentum
        ([1.0, 2.0], [[3.0, -4.0], [1.0, 2.0], [-2.0, 0.5]], 0.1, 0.9, 0.0, 1e-3),  # no memory of squares
        ([1.0, 2.0], [[3e-4, -4.0], [1e-4, 2.0], [-2e-4, 0.5]], 0.1, 0.9, 0.99, 0.0),
        ([1.0, 2.0], [[3.0, -4.0], [1.0, 2.0]], 0.0, 0.9, 0.99, 1e-8),  # stays
        ([1e6, -2e5], [[3.0, -4.0], [1.0, 2.0]], 0.5, 0.9, 0.99, 1e-8),  # large weights
    ],
    sizes=[
        dict(T=1, D=3),
        dict(T=12, D=1),
        dict(T=5, D=300),
        dict(T=20, D=3, dtype=torch.float32),
        dict(T=4, D=2, lr=1e-3, beta1=0.8, beta2=0.95, eps=1e-6, scale=1e4, dtype=torch.float32),
        dict(T=300, D=2, lr=0.01, beta1=0.95, beta2=0.9, eps=1e-3, scale=0.1),
    ],
    spans=dict(
        T=(1, 6),
        D=(1, 4),
        lr=(0.1, 1.0),
        beta1=(0.1, 0.95),
        beta2=(0.6, 0.999),
        eps=[1e-8, 1e-4, 1.0],
        scale=lambda rng: 10 ** rng.uniform(-3, 3),
    ),  # fmt: skip
    hints="""
        At the first step m is (1 - β₁) g₁, a tenth of the gradient for β₁ = 0.9. By what must it be divided
        to be the gradient itself, and by what at step t, if all gradients were the same?

        After t steps the shares of all gradients in m add up to 1 - β₁ᵗ, in v to 1 - β₂ᵗ: divide by these.
        Keep m and v themselves for the next step. eps stands outside the root.

        These are the lines themselves, in a loop over `enumerate(gradients, start=1)`: `m = beta1 * m + (1 -
        beta1) * g`, `v = beta2 * v + (1 - beta2) * g.square()`, then `w = w - lr * m / (1 - beta1**t) / ((v /
        (1 - beta2**t)).sqrt() + eps)`.
    """,
    special="""
        zero_beta: beta1 * beta2 == 0
            Right but for a beta of 0, which `beta or ...` takes for nothing: it is a value like others.
        tiny_gradients: 0 < gradients.abs().max() < 1e-6
            Right but for gradients as small as eps: eps stands outside the root, and nothing else is added.
        many_steps: len(gradients) > 10
            Right but for more than ten steps: the averages and their corrections go on as they began, without
            a window or a last step.
    """,
    wrong="""
        not_corrected: m / (1 - beta1**t) → m
        and: v / (1 - beta2**t) → v
            You use m and v as they are: in the first steps both lean towards 0, v the most, and the steps are
            too long. Divide by 1 - beta^t.
        correction_without_the_power: **t → nothing
            You divide by 1 - beta at each step: that is right at the first alone. The lean fades, so the
            divisor is 1 - beta^t.
        steps_counted_from_0: start=1 → start=0
            Your t begins at 0, where 1 - beta^t is 0: the first step has t = 1.
        corrected_moments_kept: m_hat → m
        and: v_hat → v
            You carry the corrected moments on to the next step, where they are corrected again: keep m and v
            themselves.
        eps_inside_the_root: v_hat.sqrt() + eps → (v_hat + eps).sqrt()
            You add eps inside the root: it stands outside, added to the root of v.
        eps_before_the_correction: v_hat.sqrt() + eps → v_hat.sqrt() + eps / (1 - beta2**t) ** 0.5
            You add eps to the root of v itself, as TensorFlow does, so that the correction divides it too:
            it is added to the root of the corrected v.
        eps_as_a_floor: v_hat.sqrt() + eps → v_hat.sqrt().clamp(min=eps)
            Your eps is the least that the root may be: it is added to it.
        root_forgotten: v_hat.sqrt() + eps → v_hat + eps
            You divide by the mean square: its root has the unit of a gradient, so that the step has none.
        adabelief: g.square() → (g - m).square()
            v averages the squares of g - m, which is AdaBelief: in Adam those of g.
        amsgrad: v_hat = v / (1 - beta2**t) → top = v if t == 1 else torch.maximum(top, v)
        and: v_hat.sqrt() → (top / (1 - beta2**t)).sqrt()
            You divide by the largest v so far, which is AMSGrad: Adam takes the present one.
        begins_with_the_gradient: torch.zeros_like(w), torch.zeros_like(w) → gradients[0], gradients[0] ** 2
        and: v / (1 - beta2**t) → v
        and: m / (1 - beta1**t) → m
            Your averages begin at the first gradient: they begin at 0, and are corrected for it.
        shares_swapped: m, v = → beta1, beta2, m, v = 1 - beta1, 1 - beta2,
            The shares are swapped: an average keeps beta of itself and takes 1 - beta of what is new.
        square_forgotten: g.square() → g
            v averages the gradients themselves, whose root is NaN where they are negative: it averages their
            squares.
        one_v_for_all_weights: g.square() → g.square().mean()
            You average the squares over the weights, so that all share one v: each weight has its own.
        uphill: w - lr → w + lr
            You add the step, which climbs: subtract it.
        last_gradient_alone: enumerate(gradients → enumerate(gradients[-1:]
            Only the last gradient counts in your function: each row is a step of its own.
    """,
)
