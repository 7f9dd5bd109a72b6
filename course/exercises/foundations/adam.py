"""Chapter 0, exercise: Adam, Kingma and Ba (2015), algorithm 1."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_adam(w, gradients, lr, beta1, beta2, eps):
    """The weights (D,) after T steps of Adam. w (D,): the weights before; gradients (T, D): row t - 1 is what
    step t sees."""
    raise NotImplementedError


def solve_adam(w, gradients, lr, beta1, beta2, eps):
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


def adam_in_place(w, gradients, lr, beta1, beta2, eps):
    """The same in place, in a copy; PyTorch corrects the root and the rate instead of v and m."""
    w, m, v = w.clone(), torch.zeros_like(w), torch.zeros_like(w)
    power1 = power2 = 1.0
    for g in gradients:
        power1, power2 = power1 * beta1, power2 * beta2
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        w.addcdiv_(m, (v.sqrt() / (1 - power2) ** 0.5).add_(eps), value=-lr / (1 - power1))
    return w


def adam_by_means(w, gradients, lr, beta1, beta2, eps):
    """The same: each corrected moment is a weighted mean of what has been seen."""
    for t in range(1, len(gradients) + 1):
        age = torch.arange(t - 1, -1, -1, dtype=w.dtype)
        share1, share2 = beta1**age, beta2**age
        m_hat = share1 @ gradients[:t] / share1.sum()
        v_hat = share2 @ gradients[:t].square() / share2.sum()
        w = w - lr * m_hat / (v_hat**0.5 + eps)
    return w


def adam_by_weight(w, gradients, lr, beta1, beta2, eps):
    """The same for one weight after the other, in Python's floats."""
    new = []
    for value, column in zip(w.tolist(), gradients.T.tolist(), strict=True):
        m = v = 0.0
        for t, g in enumerate(column, 1):
            m, v = m + (1 - beta1) * (g - m), v + (1 - beta2) * (g * g - v)
            value -= lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps)
        new.append(value)
    return torch.tensor(new, dtype=w.dtype)


def by_pytorch(w, gradients, lr, beta1, beta2, eps):
    """The reference: PyTorch's optimiser, in float64."""
    weights = torch.nn.Parameter(w.double())
    optimizer = torch.optim.Adam([weights], lr=lr, betas=(beta1, beta2), eps=eps)
    for g in gradients.double():
        weights.grad = g
        optimizer.step()
    return weights.detach().to(w.dtype)


def mixed(old, new, beta):
    """The moving average."""
    return beta * old + (1 - beta) * new


def corrected(moment, beta, t):
    """A moment without its lean towards 0."""
    return moment / (1 - beta**t)


def step_of(m, v, eps):
    """The step for a rate of 1."""
    return m / (v.sqrt() + eps)


def wrong(name, diagnosis, *, square=torch.square, fix=(corrected, corrected), step=step_of):
    """A misconception with a part of Adam exchanged: what v averages, how m and v are corrected, or the step
    that is taken from both."""

    def run(w, gradients, lr, beta1, beta2, eps):
        m = v = torch.zeros_like(w)
        for t, g in enumerate(gradients, 1):
            m, v = mixed(m, g, beta1), mixed(v, square(g), beta2)
            w = w - lr * step(fix[0](m, beta1, t), fix[1](v, beta2, t), eps)
        return w

    return Misconception(name, diagnosis, run)


def fed_back(w, gradients, lr, beta1, beta2, eps):
    """Adam with the corrected moments kept for the next step."""
    m = v = torch.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m, v = corrected(mixed(m, g, beta1), beta1, t), corrected(mixed(v, g.square(), beta2), beta2, t)
        w = w - lr * step_of(m, v, eps)
    return w


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
    name="adam",
    title="Adam",
    difficulty="medium",
    minutes=20,
    task="""
        Adam (Kingma and Ba 2015, algorithm 1) keeps two moving averages that begin at 0: $m$, with the decay
        $\\beta_1$, of the gradients, and $v$, with $\\beta_2$, of their squares, element by element. A step
        updates both, undoes the lean towards 0 that each has from its beginning, which gives $\\hat m$ and
        $\\hat v$, and then

        $$w \\leftarrow w - \\eta\\, \\frac{\\hat m}{\\sqrt{\\hat v} + \\epsilon}$$

        `w` is $(D)$, `gradients` $(T, D)$, a row for each step. Return the weights after all steps, in a new
        tensor.

        By hand first: one weight, one step, $\\epsilon = 0$. How far does a gradient of 100 move it, and how
        far one of 0.01?
    """,
    stub_function=my_adam,
    reference=by_pytorch,
    cases=lambda rng: [
        listed([1.0], [[100.0]], 0.1, 0.9, 0.999, 1e-8),  # by hand: a step of lr, whatever the gradient
        listed([1.0, -1.0], [[2.0, -1.0], [-1.0, 3.0]], 0.5, 0.5, 0.75, 1.0),  # a large eps
        listed([0.5, 0.0], [[1.0, 0.0], [0.0, 0.0], [0.0, -2.0]], 0.1, 0.9, 0.99, 1e-8),  # gradients of 0
        listed([0.0], [[1e-10], [2e-10]], 1.0, 0.9, 0.999, 1e-8),  # gradients below eps
        listed([1.0, 2.0], [[3.0, -4.0], [1.0, 2.0], [-2.0, 0.5]], 0.1, 0.0, 0.9, 1e-8),  # no momentum
        adam_case(rng, 1, 3),
        adam_case(rng, 12, 1),
        adam_case(rng, 5, 5),
        adam_case(rng, 20, 3, torch.float32),
        adam_case(rng, 4, 2, torch.float32, 1e4, (1e-3, 0.8, 0.95, 1e-6)),
        adam_case(rng, 60, 2, torch.float64, 0.1, (0.01, 0.95, 0.9, 1e-3)),
        *(wide_adam(rng) for _ in range(6)),
    ],
    wide=wide_adam,
    hints=(
        "At the first step m is (1 - β₁) g₁, a tenth of the gradient for β₁ = 0.9. By what must it be "
        "divided to be the gradient itself, and by what at step t, if all gradients were the same?",
        "After t steps the shares of all gradients in m add up to 1 - β₁ᵗ, in v to 1 - β₂ᵗ: divide by these. "
        "Keep m and v themselves for the next step. eps stands outside the root.",
        "In a loop over `enumerate(gradients, start=1)`: `m = beta1 * m + (1 - beta1) * g`, `v = beta2 * v + "
        "(1 - beta2) * g.square()`, then `w = w - lr * m / (1 - beta1**t) / ((v / (1 - beta2**t)).sqrt() + "
        "eps)`.",
    ),
    solution_function=solve_adam,
    alternatives=(adam_in_place, adam_by_means, adam_by_weight),
    misconceptions=(
        wrong(
            "not_corrected",
            "You use m and v as they are: in the first steps both lean towards 0, v the most, and the steps "
            "are too long. Divide by 1 - beta^t.",
            fix=(lambda m, *_: m, lambda v, *_: v),
        ),
        wrong(
            "second_moment_not_corrected",
            "You correct m alone: v leans towards 0 as well, so that the first steps are some thirty times "
            "too long. Divide it by 1 - beta2^t.",
            fix=(corrected, lambda v, *_: v),
        ),
        wrong(
            "first_moment_not_corrected",
            "You correct v alone: m leans towards 0 as well. Divide it by 1 - beta1^t.",
            fix=(lambda m, *_: m, corrected),
        ),
        wrong(
            "correction_without_the_power",
            "You divide by 1 - beta at each step: that is right at the first alone. The lean fades, so the "
            "divisor is 1 - beta^t.",
            fix=(lambda m, beta, t: m / (1 - beta), lambda v, beta, t: v / (1 - beta)),
        ),
        wrong(
            "steps_counted_from_0",
            "Your t begins at 0, where 1 - beta^t is 0: the first step has t = 1.",
            fix=(lambda m, beta, t: m / (1 - beta ** (t - 1)), lambda v, beta, t: v / (1 - beta ** (t - 1))),
        ),
        Misconception(
            "corrected_moments_kept",
            "You carry the corrected moments on to the next step, where they are corrected again: keep m and "
            "v themselves.",
            fed_back,
        ),
        wrong(
            "eps_inside_the_root",
            "You add eps inside the root: it stands outside, added to the root of v.",
            step=lambda m, v, eps: m / (v + eps).sqrt(),
        ),
        wrong(
            "square_forgotten",
            "v averages the gradients themselves, whose root is NaN where they are negative: it averages "
            "their squares.",
            square=torch.clone,
        ),
        wrong(
            "one_v_for_all_weights",
            "You average the squares over the weights, so that all share one v: each weight has its own.",
            square=lambda g: g.square().mean().expand_as(g),
        ),
        Misconception(
            "betas_swapped",
            "The decays are swapped: beta1 belongs to m, beta2 to v.",
            lambda w, g, lr, beta1, beta2, eps: solve_adam(w, g, lr, beta2, beta1, eps),
        ),
        wrong(
            "uphill",
            "You add the step, which climbs: subtract it.",
            step=lambda m, v, eps: -step_of(m, v, eps),
        ),
        Misconception(
            "last_gradient_alone",
            "Only the last gradient counts in your function: each row is a step of its own.",
            lambda w, g, *settings: solve_adam(w, g[-1:], *settings),
        ),
    ),
)
