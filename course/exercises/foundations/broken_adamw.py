"""Chapter 0: find the bug in AdamW, Loshchilov and Hutter (2019), "Decoupled weight decay
regularization", algorithm 2, with the rate inside the decay, as PyTorch has it."""

import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_adamw(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The weights (D,) after T steps of AdamW. w (D,): the weights before; gradients (T, D): one row for each
    step."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        w = w * (1 - lr * weight_decay)  # beside the moments, so that nothing divides the decay
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def by_pytorch(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The reference: PyTorch's optimiser, in float64."""
    weights = torch.nn.Parameter(w.double())
    settings = {"lr": lr, "betas": (beta1, beta2), "eps": eps, "weight_decay": weight_decay}
    optimizer = torch.optim.AdamW([weights], **settings)
    for g in gradients.double():
        weights.grad = g
        optimizer.step()
    return weights.detach().to(w.dtype)


def adamw_case(rng, steps, d, dtype=torch.float64, scale=1.0, settings=(0.1, 0.9, 0.999, 1e-8, 0.5)):
    """A case; `scale` multiplies the gradients, and settings are lr, beta1, beta2, eps and weight_decay."""
    return normal(rng, d, dtype=dtype), normal(rng, steps, d, dtype=dtype, scale=scale), *settings


def wide_adamw(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-2, 2)
    settings = (
        rng.uniform(0.1, 1),
        rng.uniform(0.1, 0.95),
        rng.uniform(0.6, 0.999),
        10 ** rng.uniform(-8, 0),
    )
    steps, d = rng.randint(1, 6), rng.randint(1, 4)
    return adamw_case(rng, steps, d, dtype, scale, (*settings, rng.uniform(0.05, 0.8)))


def listed(w, gradients, *settings):
    """A case from lists."""
    return torch.tensor(w, dtype=torch.float64), torch.tensor(gradients, dtype=torch.float64), *settings


broken_adamw = Exercise(
    my_adamw,
    reference=by_pytorch,
    # OLD wide=wide_adamw
    # OLD cases:
    # lambda rng: [
    #         listed([10.0], [[0.0]], 0.1, 0.9, 0.999, 1e-8, 0.5),  # by hand: 9.5, and 9.9 in the program
    #         listed([10.0, 1.0, -2.0], [[0.0, 0.0, 0.0]] * 3, 0.1, 0.9, 0.999, 1e-8, 0.5),
    #         listed([1.0, 1.0], [[100.0, 0.01], [-100.0, -0.01]], 0.5, 0.5, 0.75, 1e-8, 0.2),
    #         listed([1.0, -1.0], [[2.0, -1.0], [-1.0, 3.0]], 0.5, 0.5, 0.75, 1.0, 0.1),  # a large eps
    #         listed([3.0], [[1.0], [2.0]], 1.0, 0.9, 0.999, 1e-8, 1.0),  # all is forgotten
    #         listed([3.0, 0.0], [[1.0, 1.0], [2.0, -1.0]], 0.1, 0.9, 0.999, 1e-8, 0.0),  # no decay
    #         adamw_case(rng, 1, 3),
    #         adamw_case(rng, 12, 1),
    #         adamw_case(rng, 5, 5),
    #         adamw_case(rng, 20, 3, torch.float32),
    #         adamw_case(rng, 4, 2, torch.float32, 1e3, (1e-2, 0.8, 0.95, 1e-6, 2.0)),
    #         *(wide_adamw(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        Follow the decay through one step without any gradient: what is it divided by before it reaches the
        weight?

        Added to the gradient, the decay passes through m and v, and Adam's division by the root of v takes
        its size away. Neither m nor v may know of it.

        Delete the line with `weight_decay`, and begin each step with `w = w * (1 - lr * weight_decay)`.
    """,
    wrong="""
        still_in_the_gradient: OLD → NEW
            The decay is still a part of the gradient, so that it passes through m and v and is divided by the
            root of v: take it from the weights themselves.
        in_the_first_moment: OLD → NEW
            You keep the decay out of v, but it is still in m and is divided by the root of v: take it from
            the weights themselves.
        divided_by_the_root: OLD → NEW
            You add the decay to m_hat, so that the root of v still divides it: it stands beside the fraction.
        decayed_twice: OLD → NEW
            The weights shrink by themselves now, but the decay is also still in the gradient: delete that
            line.
        decay_lost: OLD → NEW
            The decay is gone altogether: this is Adam. Shrink the weights.
        not_times_the_rate: OLD → NEW
            You shrink the weights by weight_decay alone: the share is lr * weight_decay.
        after_the_step: OLD → NEW
            You shrink the new weights, the step included: the weights before the step shrink.
        weights_grow: OLD → NEW
            The weights grow: the decay is taken from them.
        doubled: OLD → NEW
            You double the decay, as the slope of the squared weights would be: the share is lr *
            weight_decay.
        sign_of_the_weights: OLD → NEW
            You take the same amount from each weight, the slope of its absolute value: each loses a share of
            itself.
        of_the_first_weights: OLD → NEW
            You take a share of the weights you began with: at each step it is of what they are then.
        once: OLD → NEW
            You shrink the weights once, before all steps: each step shrinks them.
    """,
)
