"""Chapter 0: find the bug in AdamW, Loshchilov and Hutter (2019), "Decoupled weight decay regularization",
algorithm 2, with the rate inside the decay, as PyTorch has it."""

import torch

from course.exercises.cases import tensors
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
    """The same by PyTorch's optimiser, in float64."""
    weights = torch.nn.Parameter(w.double().clone())
    optimizer = torch.optim.AdamW([weights], lr, (beta1, beta2), eps, weight_decay)
    for g in gradients.double():
        weights.grad = g
        optimizer.step()
    return weights.detach().to(w.dtype)


def draw(rng, T, D, lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.5, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the gradients."""
    w, gradients = tensors(rng, "D TD", dtype, T=T, D=D)
    return w, scale * gradients, lr, beta1, beta2, eps, decay


broken_adamw = Exercise(
    my_adamw,
    reference=by_pytorch,
    draw=draw,
    by_hand=[
        ([10.0], [[0.0]], 0.1, 0.9, 0.999, 1e-8, 0.5),  # 9.5, and 9.9 in the program
        ([10.0, 1.0, -2.0], [[0.0, 0.0, 0.0]] * 3, 0.1, 0.9, 0.999, 1e-8, 0.5),
        ([1.0, 1.0], [[100.0, 0.01], [-100.0, -0.01]], 0.5, 0.5, 0.75, 1e-8, 0.2),
        ([1.0, -1.0], [[2.0, -1.0], [-1.0, 3.0]], 0.5, 0.5, 0.75, 1.0, 0.1),  # a large eps
        ([3.0], [[1.0], [2.0]], 0.5, 0.9, 0.999, 1e-8, 2.0),  # all is forgotten
        ([3.0, 1.0], [[1.0, 1.0], [2.0, -1.0]], 0.1, 0.9, 0.999, 1e-8, 0.0),  # no decay
        ([3.0, 1.0], [[1.0, 1.0], [2.0, -1.0]], 0.0, 0.9, 0.999, 1e-8, 0.5),  # stays
        ([3.0, 1.0], [[1.0, 1.0], [2.0, -1.0]], 0.1, 0.0, 0.9, 1e-8, 0.5),
        ([3.0, 1.0], [[1.0, 1.0], [2.0, -1.0]], 0.1, 0.9, 0.0, 1e-2, 0.5),
        ([1e6, -2e5], [[3.0, -4.0], [1.0, 2.0]], 0.5, 0.9, 0.99, 1e-8, 0.1),  # large weights
        ([3.0, 1.0], [[1.0, 1.0], [2.0, -1.0]], 0.01, 0.9, 0.99, 1e-8, 50.0),
        ([3.0, 1.0], [[1e-8, -2e-8], [2e-8, 1e-8]], 0.1, 0.9, 0.999, 1e-8, 0.5),  # as small as eps
    ],
    sizes=[
        dict(T=1, D=3),
        dict(T=300, D=1),
        dict(T=5, D=300),
        dict(T=20, D=3, dtype=torch.float32),
        dict(T=4, D=2, lr=1e-2, beta1=0.8, beta2=0.95, eps=1e-6, decay=2.0, scale=1e3, dtype=torch.float32),
    ],
    spans=dict(
        T=(1, 6),
        D=(1, 4),
        lr=(0.1, 1.0),
        beta1=(0.1, 0.95),
        beta2=(0.6, 0.999),
        eps=[1e-8, 1e-4, 1.0],
        decay=(0.05, 0.8),
        scale=lambda rng: 10 ** rng.uniform(-2, 2),
    ),  # fmt: skip
    bug="""
        bug: w = w * (1 - lr * weight_decay) → g = g + weight_decay * w
    """,
    hints="""
        Follow the decay through one step without any gradient: what is it divided by before it reaches the
        weight?

        Added to the gradient, the decay passes through m and v, and Adam's division by the root of v takes
        its size away. Neither m nor v may know of it.

        This is the cure itself: delete the line with `weight_decay`, and begin each step with `w = w * (1 -
        lr * weight_decay)`.
    """,
    special="""
        large_decay: weight_decay > 1
            Right but for a weight_decay above 1: is there a limit? lr * weight_decay is a fraction.
        tiny_gradients: 0 < gradients.abs().max() < 1e-6
            Right but for gradients as small as eps: it is added to the root as it is.
        many_steps: len(gradients) > 100
            Right but for many steps: is there a limit?
    """,
    wrong="""
        still_in_the_gradient: w = w * (1 - lr * weight_decay) → g = g + weight_decay * w
            The decay is still a part of the gradient, so that it passes through m and v and is divided by the
            root of v: take it from the weights themselves.
        in_the_first_moment: w = w * (1 - lr * weight_decay) → nothing
        and: (1 - beta1) * g → (1 - beta1) * (g + weight_decay * w)
            You keep the decay out of v, but it is still in m and is divided by the root of v: take it from
            the weights themselves.
        in_the_second_moment: (1 - beta2) * g.square() → (1 - beta2) * (g + weight_decay * w).square()
            The weights shrink by themselves now, but the decay is still in v: neither m nor v may know of it.
        divided_by_the_root: w = w * (1 - lr * weight_decay) → nothing
        and: lr * m_hat → lr * (m_hat + weight_decay * w)
            You add the decay to m_hat, so that the root of v still divides it: it stands beside the fraction.
        decayed_twice: w = w * (1 → g = g + weight_decay * w; w = w * (1
            The weights shrink by themselves now, but the decay is also still in the gradient: delete that
            line.
        decay_lost: w = w * (1 - lr * weight_decay) → nothing
            The decay is gone altogether: this is Adam. Shrink the weights.
        after_the_step: w = w * (1 - lr * weight_decay) → nothing
        and: + eps) → + eps); w = w * (1 - lr * weight_decay)
            You shrink the new weights, the step included: the weights before the step shrink.
        not_times_the_rate: lr * weight_decay → weight_decay
            You shrink the weights by weight_decay alone: the share is lr * weight_decay.
        sign_of_the_weights: w * (1 - lr * weight_decay) → w - lr * weight_decay * w.sign()
            You take the same amount from each weight, the slope of its absolute value: each loses a share of
            itself.
        of_the_first_weights: m, v = torch.zeros_like(w), → first, m, v = w, torch.zeros_like(w),
        and: w * (1 - lr * weight_decay) → w - lr * weight_decay * first
            You take a share of the weights you began with: at each step it is of what they are then.
        all_at_the_end: w = w * (1 - lr * weight_decay) → nothing
        and: return w → return w * (1 - lr * weight_decay) ** len(gradients)
            You shrink the weights after all steps, and all steps with them: each step begins by shrinking.
        eps_inside_the_root: v_hat.sqrt() + eps → (v_hat + eps).sqrt()
        corrections_lost: lr * m_hat / (v_hat.sqrt() → lr * m / (v.sqrt()
        squares_of_m: g.square() → m.square()
            The decay is right now, but you changed Adam's step, which was right as it stood: compare it with
            the program's.
        once: w = w * (1 → if t == 1: w = w * (1
            You shrink the weights once, before all steps: each step shrinks them.
    """,
)
