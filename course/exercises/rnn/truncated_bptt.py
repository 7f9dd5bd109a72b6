"""Chapter 2: truncated backpropagation through time."""

import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_truncated_gradient(x, y, weight_xh, weight_hh, k):
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
    my_truncated_gradient,
    reference=by_hand,
    # OLD wide=wide_truncation
    # OLD cases:
    # lambda rng: [
    #         (  # by hand
    #             torch.tensor([[[1.0], [0.5], [-1.0]]], dtype=torch.float64),
    #             torch.tensor([[[0.0], [1.0], [0.5]]], dtype=torch.float64),
    #             torch.tensor([[1.0]], dtype=torch.float64),
    #             torch.tensor([[0.5]], dtype=torch.float64),
    #             2,
    #         ),
    #         truncation_case(rng, 1, 4, 2, 2, 2),
    #         truncation_case(rng, 2, 5, 3, 2, 2),
    #         truncation_case(rng, 3, 7, 1, 3, 3),
    #         truncation_case(rng, 2, 6, 2, 4, 1),
    #         truncation_case(rng, 1, 4, 2, 3, 9),  # one chunk
    #         truncation_case(rng, 2, 1, 2, 3, 1),
    #         truncation_case(rng, 4, 9, 2, 3, 4, torch.float32),
    #         truncation_case(rng, 1, 8, 4, 2, 3, torch.float32),
    #         *(wide_truncation(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Full BPTT first: a copy of weight_hh with requires_grad_(), the forward loop, the loss, autograd. What
        must happen to h at a border so that its value goes on and its history does not?

        `h = h.detach()` before each chunk's first step. Do not set h to zero, and keep the rest attached.

        For `start` in `range(0, T, k)`: detach h, run the steps `start : start + k` and sum up their loss,
        call `loss.backward()`. `weight.grad` then holds the sum over the chunks.
    """,
    wrong="""
        full_bptt: OLD → NEW
            This is the full gradient: nothing is cut. Detach h before the first step of each chunk.
        cut_at_every_step: OLD → NEW
            You detach at every step, so no gradient passes through time at all. Detach at the borders of
            chunks only, every k steps.
        state_reset: OLD → NEW
            You set the state to zero at each border: only the graph is cut, the value goes on. Use detach.
        last_chunk_only: OLD → NEW
            You return the gradient of the last chunk alone: add those of all chunks.
        mean_over_chunks: OLD → NEW
            You average the chunks' gradients: the loss is a sum over all steps, so they add up.
        short_chunk_dropped: OLD → NEW
            You leave out the steps after the last full chunk: a shorter one belongs to the loss as well.
        borders_one_late: OLD → NEW
            Your borders come one step late: the cut belongs between h_k and step k + 1. With t from 0, detach
            where t % k == 0, before the step.
        borders_one_early: OLD → NEW
            Your borders come one step early: the cut belongs between h_k and step k + 1, so that the first
            chunk has k steps.
        sliding_window: OLD → NEW
            You follow every loss term back through k steps, across the borders. That truncates too, but at k
            times the cost: here a term is followed to the start of its chunk.
        mean_for_sum: OLD → NEW
            You take the mean of the squares: the loss is their sum over batch, time and units.
        transposed_gradient: OLD → NEW
            Your gradient is transposed: entry (i, j) belongs to the weight from unit j to unit i.
    """,
)
