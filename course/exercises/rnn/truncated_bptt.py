"""Chapter 2: truncated backpropagation through time."""

import torch

from course.exercises.cases import tensors
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


def by_backward_pass(x, y, weight_xh, weight_hh, k):
    """The same in float64 by one pass backwards; the error ends at the first step of each chunk."""
    x, y, weight_xh, weight = (tensor.double() for tensor in (x, y, weight_xh, weight_hh))
    states = [x.new_zeros(len(x), len(weight))]
    for x_t in x.unbind(1):
        states.append(torch.tanh(x_t @ weight_xh.T + states[-1] @ weight.T))
    total, error = torch.zeros_like(weight), 0.0
    for t in reversed(range(x.shape[1])):
        at_tanh = (error + 2 * (states[t + 1] - y[:, t])) * (1 - states[t + 1] ** 2)
        total += torch.einsum("bi,bj->ij", at_tanh, states[t])
        error = at_tanh @ weight if t % k else 0.0
    return total.to(weight_hh.dtype)


def sliding_window(x, y, weight_xh, weight_hh, k):
    """You follow every loss term back through k steps, across the borders. That truncates too, but at k times
    the cost: here a term is followed to the start of its chunk."""
    weight = weight_hh.detach().clone().requires_grad_()
    states, loss = [x.new_zeros(len(x), len(weight))], 0.0
    for t in range(x.shape[1]):
        first = max(t - k + 1, 0)
        h = states[first]
        for s in range(first, t + 1):
            h = torch.tanh(x[:, s] @ weight_xh.T + h @ weight.T)
        loss = loss + (h - y[:, t]).square().sum()
        states.append(h.detach())
    return torch.autograd.grad(loss, weight)[0]


def draw(rng, B, T, D_in, D_h, k, dtype=torch.float64):
    """A case of the given sizes."""
    x, y, weight_xh, weight_hh = tensors(rng, "BTI BTH HI HH", dtype, B=B, T=T, I=D_in, H=D_h)
    return x, y, weight_xh, weight_hh / D_h**0.5, k


truncated_bptt = Exercise(
    my_truncated_gradient,
    reference=by_backward_pass,
    by_hand=([[[1.0], [0.5], [-1.0]]], [[[0.0], [1.0], [0.5]]], [[1.0]], [[0.5]], 2),
    draw=draw,
    sizes=[
        dict(B=1, T=4, D_in=2, D_h=2, k=2),
        dict(B=2, T=5, D_in=3, D_h=2, k=2),
        dict(B=3, T=7, D_in=1, D_h=3, k=3),
        dict(B=2, T=6, D_in=2, D_h=4, k=1),
        dict(B=1, T=4, D_in=2, D_h=3, k=9),  # one chunk
        dict(B=2, T=1, D_in=2, D_h=3, k=1),
        dict(B=4, T=9, D_in=2, D_h=3, k=4, dtype=torch.float32),
        dict(B=1, T=8, D_in=4, D_h=2, k=3, dtype=torch.float32),
        dict(B=1, T=115, D_in=1, D_h=2, k=105),
        dict(B=1, T=110, D_in=1, D_h=1, k=7),
    ],
    spans=dict(B=(1, 3), T=(1, 7), D_in=(1, 3), D_h=(1, 3), k=(1, 8)),
    hints="""
        Full BPTT first: a copy of weight_hh with requires_grad_(), the forward loop, the loss, autograd. What
        must happen to h at a border so that its value goes on and its history does not?

        `h = h.detach()` before each chunk's first step. Do not set h to zero, and keep the rest attached.

        This is the code in words: for `start` in `range(0, T, k)` detach h, run the steps `start : start + k`
        and sum up their loss, call `loss.backward()`. `weight.grad` then holds the sum over the chunks.
    """,
    wrong="""
        full_bptt: h = h.detach() → h = h
        and: loss.backward() → loss.backward(retain_graph=True)
            This is the full gradient: nothing is cut. Detach h before the first step of each chunk.
        whole_product_detached: h @ weight.T → (h @ weight.T if t % k else (h @ weight.T).detach())
        and: loss = 0.0 → loss = 0.0 * weight.sum()
            At a border you detach the product of h and W_hh: that cuts W_hh off too. Detach h alone.
        state_reset: h = h.detach() → h = torch.zeros_like(h)
            You set the state to zero at each border: only the graph is cut, the value goes on. Use detach.
        loss_not_reset: loss = 0.0 → pass
        and: h = x. → loss = 0.0; h = x.
        and: loss.backward() → loss.backward(retain_graph=True)
            The loss goes on over the borders, so that each backward pass counts the chunks before it once
            more. Begin each chunk with a loss of 0.
        last_chunk_only: loss.backward() → weight.grad = None; loss.backward()
            You return the gradient of the last chunk alone: add those of all chunks.
        mean_over_chunks: return weight.grad → return weight.grad / len(range(0, x.shape[1], k))
            You average the chunks' gradients: the loss is a sum over all steps, so they add up.
        short_chunk_dropped: range(0, x.shape[1], k) → range(0, x.shape[1] // k * k, k)
        and: weight.grad → torch.zeros_like(weight) if weight.grad is None else weight.grad
            You leave out the steps after the last full chunk: a shorter one belongs to the loss as well.
        chunks_from_the_end: range(0, x.shape[1], k) → range(-(-x.shape[1] % k), x.shape[1], k)
        and: range(start, → range(max(start, 0),
            Your first chunk is the short one: count from the start, and the last may be shorter.
        k_chunks: weight = → k = -(-x.shape[1] // k); weight =
            You make k chunks: k is the number of steps in each.
        borders_one_late: range(0, x → range(1 - k, x
        and: range(start, → range(max(start, 0),
            Your borders come one step late: the cut belongs between h_k and step k + 1. With t from 0, detach
            where t % k == 0, before the step.
        borders_one_early: range(0, x → range(-1, x
        and: range(start, → range(max(start, 0),
        and: loss = 0.0 → loss = 0.0 * weight.sum()
            Your borders come one step early: the cut belongs between h_k and step k + 1, so that the first
            chunk has k steps.
        norm_not_squared: .square().sum() → .norm(dim=1).sum()
            You sum the norms of h_t - y_t: the loss has their squares.
        mean_over_the_batch: return weight.grad → return weight.grad / len(x)
        mean_at_each_step: return weight.grad → return weight.grad / y[:, 0].numel()
        mean_for_sum: return weight.grad → return weight.grad / y.numel()
            You take the mean of the squares: the loss is their sum over batch, time and units.
        recurrent_weights_transposed: h @ weight.T → h @ weight
            W_hh is transposed in the recurrence: with the state as a row, W h is `h @ weight_hh.T`.
    """,
    functions=(sliding_window,),
)
