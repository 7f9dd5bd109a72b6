"""Chapter 0, exercise: find the bug in AdamW, Loshchilov and Hutter (2019), "Decoupled weight decay
regularization", algorithm 2, with the rate inside the decay, as PyTorch has it."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_adamw(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The weights (D,) after T steps of AdamW. w (D,): the weights before; gradients (T, D): one row for each
    step."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        g = g + weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def solve_adamw(w, gradients, lr, beta1, beta2, eps, weight_decay):
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


def adamw_in_one_line(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The same: the decay of the weights before the step, in the line of the step."""
    m = v = 0.0 * w
    for t in range(1, len(gradients) + 1):
        g = gradients[t - 1]
        m = m + (1 - beta1) * (g - m)
        v = v + (1 - beta2) * (g**2 - v)
        step = m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + eps)
        w = w - lr * (step + weight_decay * w)
    return w


def adamw_by_adam(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The same: PyTorch's Adam without any decay, and the weights shrunk before each of its steps."""
    weights = torch.nn.Parameter(w.clone())
    optimizer = torch.optim.Adam([weights], lr, (beta1, beta2), eps)
    for g in gradients:
        with torch.no_grad():
            weights -= lr * weight_decay * weights
        weights.grad = g.clone()
        optimizer.step()
    return weights.detach()


def adamw_by_sums(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The same: the steps do not depend on the weights, so each can be shrunk for all steps that follow."""
    keep, total = 1 - lr * weight_decay, len(gradients)
    new = w * keep**total
    for t in range(1, total + 1):
        age = torch.arange(t - 1, -1, -1, dtype=w.dtype)
        share1, share2 = beta1**age, beta2**age
        m_hat = share1 @ gradients[:t] / share1.sum()
        v_hat = share2 @ gradients[:t].square() / share2.sum()
        new = new - keep ** (total - t) * lr * m_hat / (v_hat.sqrt() + eps)
    return new


def by_pytorch(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The reference: PyTorch's optimiser, in float64."""
    weights = torch.nn.Parameter(w.double())
    settings = {"lr": lr, "betas": (beta1, beta2), "eps": eps, "weight_decay": weight_decay}
    optimizer = torch.optim.AdamW([weights], **settings)
    for g in gradients.double():
        weights.grad = g
        optimizer.step()
    return weights.detach().to(w.dtype)


def wrong(name, diagnosis, decay=None, *, into=None, divided=0.0, after=None):
    """A misconception. decay: what is taken from the weights before a step, of (w, lr, weight_decay, t, the
    first w); into: what is added to the gradient for m and for v, in units of weight_decay * w; divided: the
    share of weight_decay * w that joins m_hat; after: as decay, of the weights after the step."""

    def run(w, gradients, lr, beta1, beta2, eps, weight_decay):
        m, v, begin = torch.zeros_like(w), torch.zeros_like(w), w
        for t, g in enumerate(gradients, 1):
            pull, (for_m, for_v) = weight_decay * w, into or (0.0, 0.0)
            if decay:
                w = w - decay(w, lr, weight_decay, t, begin)
            m = beta1 * m + (1 - beta1) * (g + for_m * pull)
            v = beta2 * v + (1 - beta2) * (g + for_v * pull).square()
            m_hat = m / (1 - beta1**t) + divided * pull
            w = w - lr * m_hat / ((v / (1 - beta2**t)).sqrt() + eps)
            if after:
                w = w - after(w, lr, weight_decay, t, begin)
        return w

    return Misconception(name, diagnosis, run)


def right(w, lr, weight_decay, *_):
    """What AdamW takes from the weights."""
    return lr * weight_decay * w


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
    name="broken_adamw",
    title="find the bug in AdamW",
    difficulty="medium",
    minutes=15,
    task="""
        The program below should be AdamW (Loshchilov and Hutter 2019): steps of Adam, and beside them each
        weight shrinks by a fixed share of itself, $\\eta \\lambda$, with $\\eta$ the `lr` and $\\lambda$ the
        `weight_decay`; as in PyTorch, before the step. It runs, but:

        - without gradients, weights of 10 and 1 lose the same in the first step, about $\\eta$, whether
          $\\lambda$ is 0.01 or 0.1;
        - the larger the gradients of a weight are, the less it decays.

        Mend it.

        By hand first: $w = 10$, $\\eta = 0.1$, $\\lambda = 0.5$, a gradient of 0. Where is $w$ after a step,
        and where in the program?
    """,
    stub_function=my_adamw,
    reference=by_pytorch,
    cases=lambda rng: [
        listed([10.0], [[0.0]], 0.1, 0.9, 0.999, 1e-8, 0.5),  # by hand: 9.5, and 9.9 in the program
        listed([10.0, 1.0, -2.0], [[0.0, 0.0, 0.0]] * 3, 0.1, 0.9, 0.999, 1e-8, 0.5),
        listed([1.0, 1.0], [[100.0, 0.01], [-100.0, -0.01]], 0.5, 0.5, 0.75, 1e-8, 0.2),
        listed([1.0, -1.0], [[2.0, -1.0], [-1.0, 3.0]], 0.5, 0.5, 0.75, 1.0, 0.1),  # a large eps
        listed([3.0], [[1.0], [2.0]], 1.0, 0.9, 0.999, 1e-8, 1.0),  # all is forgotten
        listed([3.0, 0.0], [[1.0, 1.0], [2.0, -1.0]], 0.1, 0.9, 0.999, 1e-8, 0.0),  # no decay
        adamw_case(rng, 1, 3),
        adamw_case(rng, 12, 1),
        adamw_case(rng, 5, 5),
        adamw_case(rng, 20, 3, torch.float32),
        adamw_case(rng, 4, 2, torch.float32, 1e3, (1e-2, 0.8, 0.95, 1e-6, 2.0)),
        *(wide_adamw(rng) for _ in range(6)),
    ],
    wide=wide_adamw,
    hints=(
        "Follow the decay through one step without any gradient: what is it divided by before it reaches the "
        "weight?",
        "Added to the gradient, the decay passes through m and v, and Adam's division by the root of v takes "
        "its size away. Neither m nor v may know of it.",
        "Delete the line with `weight_decay`, and begin each step with `w = w * (1 - lr * weight_decay)`.",
    ),
    solution_function=solve_adamw,
    alternatives=(adamw_in_one_line, adamw_by_adam, adamw_by_sums),
    misconceptions=(
        wrong(
            "still_in_the_gradient",
            "The decay is still a part of the gradient, so that it passes through m and v and is divided by "
            "the root of v: take it from the weights themselves.",
            into=(1.0, 1.0),
        ),
        wrong(
            "in_the_first_moment",
            "You keep the decay out of v, but it is still in m and is divided by the root of v: take it from "
            "the weights themselves.",
            into=(1.0, 0.0),
        ),
        wrong(
            "divided_by_the_root",
            "You add the decay to m_hat, so that the root of v still divides it: it stands beside the "
            "fraction.",
            divided=1.0,
        ),
        wrong(
            "decayed_twice",
            "The weights shrink by themselves now, but the decay is also still in the gradient: delete that "
            "line.",
            right,
            into=(1.0, 1.0),
        ),
        wrong("decay_lost", "The decay is gone altogether: this is Adam. Shrink the weights."),
        wrong(
            "not_times_the_rate",
            "You shrink the weights by weight_decay alone: the share is lr * weight_decay.",
            lambda w, lr, weight_decay, *_: weight_decay * w,
        ),
        wrong(
            "after_the_step",
            "You shrink the new weights, the step included: the weights before the step shrink.",
            after=right,
        ),
        wrong(
            "weights_grow",
            "The weights grow: the decay is taken from them.",
            lambda *given: -right(*given),
        ),
        wrong(
            "doubled",
            "You double the decay, as the slope of the squared weights would be: the share is lr * "
            "weight_decay.",
            lambda *given: 2 * right(*given),
        ),
        wrong(
            "sign_of_the_weights",
            "You take the same amount from each weight, the slope of its absolute value: each loses a share "
            "of itself.",
            lambda w, lr, weight_decay, *_: lr * weight_decay * w.sign(),
        ),
        wrong(
            "of_the_first_weights",
            "You take a share of the weights you began with: at each step it is of what they are then.",
            lambda w, lr, weight_decay, t, begin: lr * weight_decay * begin,
        ),
        wrong(
            "once",
            "You shrink the weights once, before all steps: each step shrinks them.",
            lambda w, lr, weight_decay, t, begin: right(w, lr, weight_decay) * (t == 1),
        ),
    ),
)
