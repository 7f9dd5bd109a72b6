"""Chapter 2, exercise: truncated backpropagation through time."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_truncated_gradient(x, y, weight_xh, weight_hh, k):
    """dL/dW_hh (D_h, D_h) by truncated BPTT in chunks of k steps. x (B, T, D_in), y (B, T, D_h), weight_xh
    (D_h, D_in), weight_hh (D_h, D_h), k a whole number."""
    raise NotImplementedError


def solve_truncated_gradient(x, y, weight_xh, weight_hh, k):
    """dL/dW_hh (D_h, D_h) by truncated BPTT in chunks of k steps. x (B, T, D_in), y (B, T, D_h), weight_xh
    (D_h, D_in), weight_hh (D_h, D_h), k a whole number."""
    weight = weight_hh.detach().clone().requires_grad_()
    h = x.new_zeros(x.shape[0], weight.shape[0])
    for start in range(0, x.shape[1], k):
        h = h.detach()  # the value goes on, the graph ends here
        loss = 0.0
        for t in range(start, min(start + k, x.shape[1])):  # the last chunk may be shorter
            h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight.T)
            loss = loss + (h - y[:, t]).square().sum()
        loss.backward()  # adds to weight.grad
    return weight.grad


def gradient_in_one_graph(x, y, weight_xh, weight_hh, k):
    """The same with one backward pass: the graph of the sum falls apart at the borders."""
    weight = weight_hh.clone().detach().requires_grad_(True)
    h, loss = torch.zeros_like(y[:, 0]), 0
    for t in range(x.shape[1]):
        if t % k == 0:
            h = h.detach()
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight.T)
        loss = loss + ((h - y[:, t]) ** 2).sum()
    return torch.autograd.grad(loss, weight)[0]


def gradient_from_stored_states(x, y, weight_xh, weight_hh, k):
    """The same: all states first, then each chunk by itself from the state before it."""
    states = forward(x, weight_xh, weight_hh)

    def chunk_loss(weight, start):
        h, outputs = states[start], []
        for x_t in x[:, start : start + k].unbind(1):
            h = (x_t @ weight_xh.T + h @ weight.T).tanh()
            outputs.append(h)
        return (torch.stack(outputs, 1) - y[:, start : start + k]).square().sum()

    starts = range(0, x.shape[1], k)
    return torch.stack([torch.func.grad(chunk_loss)(weight_hh, start) for start in starts]).sum(0)


def gradient_by_products(x, y, weight_xh, weight_hh, k):
    """The same by the chain rule: every loss term is followed back to the first step of its chunk."""
    return followed_back(x, y, weight_xh, weight_hh, lambda t: t - t % k)


def followed_back(x, y, weight_xh, weight_hh, first):
    """The gradient with every loss term t, from 0, followed back to the step `first(t)`."""
    states, total = forward(x, weight_xh, weight_hh), 0.0
    for t in range(x.shape[1]):
        slope = 2 * (states[t + 1] - y[:, t])
        for s in range(t, first(t) - 1, -1):
            slope = slope * (1 - states[s + 1] ** 2)
            total, slope = total + slope.T @ states[s], slope @ weight_hh
    return total


def forward(x, weight_xh, weight_hh):
    """h_0 to h_T, a list of T + 1 tensors (B, D_h)."""
    states = [x.new_zeros(len(x), len(weight_hh))]
    for x_t in x.unbind(1):
        states.append(torch.tanh(x_t @ weight_xh.T + states[-1] @ weight_hh.T))
    return states


def backward(x, y, weight_xh, weight_hh, starts):
    """dL/dW_hh in float64 by one pass backwards; the error ends at the steps (from 0) in `starts`."""
    x, y, weight_xh, weight_hh = (tensor.double() for tensor in (x, y, weight_xh, weight_hh))
    states = forward(x, weight_xh, weight_hh)
    total, error = torch.zeros_like(weight_hh), 0.0
    for t in reversed(range(x.shape[1])):
        at_tanh = (error + 2 * (states[t + 1] - y[:, t])) * (1 - states[t + 1] ** 2)
        total += torch.einsum("bi,bj->ij", at_tanh, states[t])
        error = 0.0 if t in starts else at_tanh @ weight_hh
    return total


def cut_at(borders):
    """The gradient with the graph cut before the steps that `borders` makes of (T, k)."""
    return lambda x, y, weight_xh, weight_hh, k: backward(
        x, y, weight_xh, weight_hh, set(borders(x.shape[1], k))
    ).to(x.dtype)


by_hand = cut_at(lambda length, k: range(0, length, k))


def chunks(x, y, weight_xh, weight_hh, k):
    """The gradient of each chunk alone, from the state that is carried into it."""
    answers = []
    for end in range(k, x.shape[1] + k, k):
        upto = by_hand(x[:, :end], y[:, :end], weight_xh, weight_hh, k)
        answers.append(upto - sum(answers))
    return answers


def state_reset(x, y, weight_xh, weight_hh, k):
    """The gradient when every chunk starts from a state of zeros."""
    pairs = zip(x.split(k, 1), y.split(k, 1), strict=True)
    return sum(by_hand(x_c, y_c, weight_xh, weight_hh, k) for x_c, y_c in pairs)


def truncation_case(rng, batch, length, d_in, d_h, k, dtype=torch.float64):
    """A case of the given sizes."""
    x, y = normal(rng, batch, length, d_in, dtype=dtype), normal(rng, batch, length, d_h, dtype=dtype)
    weight_hh = normal(rng, d_h, d_h, dtype=dtype, scale=d_h**-0.5)
    return x, y, normal(rng, d_h, d_in, dtype=dtype), weight_hh, k


def wide_truncation(rng):
    """One valid case of small random sizes; k may be longer than the sequence."""
    sizes = rng.randint(1, 3), rng.randint(1, 7), rng.randint(1, 3), rng.randint(1, 3)
    return truncation_case(rng, *sizes, rng.randint(1, 8), rng.choice((torch.float32, torch.float64)))


truncated_bptt = Exercise(
    name="truncated_bptt",
    title="the gradient of truncated BPTT",
    difficulty="hard",
    minutes=30,
    task="""
        From $h_0 = 0$ runs $h_t = \\tanh(W_{xh}x_t + W_{hh}h_{t-1})$; the loss
        $L = \\sum_t \\lVert h_t - y_t \\rVert^2$ is summed over the batch too. Return $dL/dW_{hh}$ as
        truncated backpropagation through time gives it.

        Steps $1 \\dots k$ are the first chunk, $k{+}1 \\dots 2k$ the next; the last may be shorter. The
        state's value goes on from chunk to chunk, but no gradient crosses a border. The weights stay fixed,
        and the chunks' gradients are added. Autograd is welcome.

        By hand first: all sizes are 1, $w = W_{hh}$. In full, $dh_3/dw = (1-h_3^2)(h_2 + w\\,dh_2/dw)$. What
        remains with $k = 2$?
    """,
    stub_function=my_truncated_gradient,
    reference=by_hand,
    cases=lambda rng: [
        (  # by hand
            torch.tensor([[[1.0], [0.5], [-1.0]]], dtype=torch.float64),
            torch.tensor([[[0.0], [1.0], [0.5]]], dtype=torch.float64),
            torch.tensor([[1.0]], dtype=torch.float64),
            torch.tensor([[0.5]], dtype=torch.float64),
            2,
        ),
        truncation_case(rng, 1, 4, 2, 2, 2),
        truncation_case(rng, 2, 5, 3, 2, 2),
        truncation_case(rng, 3, 7, 1, 3, 3),
        truncation_case(rng, 2, 6, 2, 4, 1),
        truncation_case(rng, 1, 4, 2, 3, 9),  # one chunk
        truncation_case(rng, 2, 1, 2, 3, 1),
        truncation_case(rng, 4, 9, 2, 3, 4, torch.float32),
        truncation_case(rng, 1, 8, 4, 2, 3, torch.float32),
        *(wide_truncation(rng) for _ in range(6)),
    ],
    wide=wide_truncation,
    hints=(
        "Full BPTT first: a copy of weight_hh with requires_grad_(), the forward loop, the loss, autograd. "
        "What must happen to h at a border so that its value goes on and its history does not?",
        "`h = h.detach()` before each chunk's first step. Do not set h to zero, and keep the rest attached.",
        "For `start` in `range(0, T, k)`: detach h, run the steps `start : start + k` and sum up their loss, "
        "call `loss.backward()`. `weight.grad` then holds the sum over the chunks.",
    ),
    solution_function=solve_truncated_gradient,
    alternatives=(gradient_in_one_graph, gradient_from_stored_states, gradient_by_products),
    misconceptions=(
        Misconception(
            "full_bptt",
            "This is the full gradient: nothing is cut. Detach h before the first step of each chunk.",
            cut_at(lambda length, k: ()),
        ),
        Misconception(
            "cut_at_every_step",
            "You detach at every step, so no gradient passes through time at all. Detach at the borders of "
            "chunks only, every k steps.",
            cut_at(lambda length, k: range(length)),
        ),
        Misconception(
            "state_reset",
            "You set the state to zero at each border: only the graph is cut, the value goes on. Use detach.",
            state_reset,
        ),
        Misconception(
            "last_chunk_only",
            "You return the gradient of the last chunk alone: add those of all chunks.",
            lambda *arguments: chunks(*arguments)[-1],
        ),
        Misconception(
            "mean_over_chunks",
            "You average the chunks' gradients: the loss is a sum over all steps, so they add up.",
            lambda *arguments: torch.stack(chunks(*arguments)).mean(0),
        ),
        Misconception(
            "short_chunk_dropped",
            "You leave out the steps after the last full chunk: a shorter one belongs to the loss as well.",
            lambda x, y, weight_xh, weight_hh, k: by_hand(
                x[:, : x.shape[1] // k * k], y[:, : x.shape[1] // k * k], weight_xh, weight_hh, k
            ),
        ),
        Misconception(
            "borders_one_late",
            "Your borders come one step late: the cut belongs between h_k and step k + 1. With t from 0, "
            "detach where t % k == 0, before the step.",
            cut_at(lambda length, k: range(1, length, k)),
        ),
        Misconception(
            "borders_one_early",
            "Your borders come one step early: the cut belongs between h_k and step k + 1, so that the first "
            "chunk has k steps.",
            cut_at(lambda length, k: range(k - 1, length, k)),
        ),
        Misconception(
            "sliding_window",
            "You follow every loss term back through k steps, across the borders. That truncates too, but at "
            "k times the cost: here a term is followed to the start of its chunk.",
            lambda *arguments: followed_back(*arguments[:4], lambda t: max(t - arguments[4] + 1, 0)),
        ),
        Misconception(
            "mean_for_sum",
            "You take the mean of the squares: the loss is their sum over batch, time and units.",
            lambda x, y, *rest: by_hand(x, y, *rest) / y.numel(),
        ),
        Misconception(
            "transposed_gradient",
            "Your gradient is transposed: entry (i, j) belongs to the weight from unit j to unit i.",
            lambda *arguments: by_hand(*arguments).T,
        ),
    ),
)
