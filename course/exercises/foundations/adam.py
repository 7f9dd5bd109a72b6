"""Chapter 0: Adam, Kingma and Ba (2015), algorithm 1."""

import torch
from course.exercises.cases import normal
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
    """The reference: PyTorch's optimiser, in float64."""
    weights = torch.nn.Parameter(w.double())
    optimizer = torch.optim.Adam([weights], lr=lr, betas=(beta1, beta2), eps=eps)
    for g in gradients.double():
        weights.grad = g
        optimizer.step()
    return weights.detach().to(w.dtype)


def adam_case(rng, steps, d, dtype=torch.float64, scale=1.0, settings=(0.1, 0.9, 0.999, 1e-8)):
    """A case; `scale` multiplies the gradients, and settings are lr, beta1, beta2 and eps."""
    return normal(rng, d, dtype=dtype), normal(rng, steps, d, dtype=dtype, scale=scale), *settings


def wide_adam(rng):
    """One valid case of small random sizes."""
    dtype, scale, lr = (
        rng.choice((torch.float32, torch.float64)),
        10 ** rng.uniform(-3, 3),
        rng.uniform(0.1, 1),
    )
    settings = lr, rng.uniform(0.1, 0.95), rng.uniform(0.6, 0.999), 10 ** rng.uniform(-8, 0)
    return adam_case(rng, rng.randint(1, 6), rng.randint(1, 4), dtype, scale, settings)


def listed(w, gradients, *settings):
    """A case from lists."""
    return torch.tensor(w, dtype=torch.float64), torch.tensor(gradients, dtype=torch.float64), *settings


adam = Exercise(
    my_adam,
    reference=by_pytorch,
    # OLD wide=wide_adam
    # OLD cases:
    # lambda rng: [
    #         listed([1.0], [[100.0]], 0.1, 0.9, 0.999, 1e-8),  # by hand: a step of lr, whatever the gradient
    #         listed([1.0, -1.0], [[2.0, -1.0], [-1.0, 3.0]], 0.5, 0.5, 0.75, 1.0),  # a large eps
    #         listed([0.5, 0.0], [[1.0, 0.0], [0.0, 0.0], [0.0, -2.0]], 0.1, 0.9, 0.99, 1e-8),  # gradients of 0
    #         listed([0.0], [[1e-10], [2e-10]], 1.0, 0.9, 0.999, 1e-8),  # gradients below eps
    #         listed([1.0, 2.0], [[3.0, -4.0], [1.0, 2.0], [-2.0, 0.5]], 0.1, 0.0, 0.9, 1e-8),  # no momentum
    #         adam_case(rng, 1, 3),
    #         adam_case(rng, 12, 1),
    #         adam_case(rng, 5, 5),
    #         adam_case(rng, 20, 3, torch.float32),
    #         adam_case(rng, 4, 2, torch.float32, 1e4, (1e-3, 0.8, 0.95, 1e-6)),
    #         adam_case(rng, 60, 2, torch.float64, 0.1, (0.01, 0.95, 0.9, 1e-3)),
    #         *(wide_adam(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        At the first step m is (1 - β₁) g₁, a tenth of the gradient for β₁ = 0.9. By what must it be divided
        to be the gradient itself, and by what at step t, if all gradients were the same?

        After t steps the shares of all gradients in m add up to 1 - β₁ᵗ, in v to 1 - β₂ᵗ: divide by these.
        Keep m and v themselves for the next step. eps stands outside the root.

        In a loop over `enumerate(gradients, start=1)`: `m = beta1 * m + (1 - beta1) * g`, `v = beta2 * v + (1
        - beta2) * g.square()`, then `w = w - lr * m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + eps)`.
    """,
    wrong="""
        not_corrected: OLD → NEW
            You use m and v as they are: in the first steps both lean towards 0, v the most, and the steps are
            too long. Divide by 1 - beta^t.
        second_moment_not_corrected: OLD → NEW
            You correct m alone: v leans towards 0 as well, so that the first steps are some thirty times too
            long. Divide it by 1 - beta2^t.
        first_moment_not_corrected: OLD → NEW
            You correct v alone: m leans towards 0 as well. Divide it by 1 - beta1^t.
        correction_without_the_power: OLD → NEW
            You divide by 1 - beta at each step: that is right at the first alone. The lean fades, so the
            divisor is 1 - beta^t.
        steps_counted_from_0: OLD → NEW
            Your t begins at 0, where 1 - beta^t is 0: the first step has t = 1.
        corrected_moments_kept: OLD → NEW
            You carry the corrected moments on to the next step, where they are corrected again: keep m and v
            themselves.
        eps_inside_the_root: OLD → NEW
            You add eps inside the root: it stands outside, added to the root of v.
        square_forgotten: OLD → NEW
            v averages the gradients themselves, whose root is NaN where they are negative: it averages their
            squares.
        one_v_for_all_weights: OLD → NEW
            You average the squares over the weights, so that all share one v: each weight has its own.
        betas_swapped: OLD → NEW
            The decays are swapped: beta1 belongs to m, beta2 to v.
        uphill: OLD → NEW
            You add the step, which climbs: subtract it.
        last_gradient_alone: OLD → NEW
            Only the last gradient counts in your function: each row is a step of its own.
    """,
)
