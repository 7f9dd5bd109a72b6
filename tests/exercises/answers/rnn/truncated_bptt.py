"""Answers to `rnn.truncated_bptt`, written from its statement alone."""

import torch


def _run(x, y, weight_xh, weight_hh, borders, scale=1.0):
    """The gradient of scale times the loss, with the state detached before the steps in `borders`."""
    with torch.enable_grad():
        w = weight_hh.detach().clone().requires_grad_()
        h, loss = torch.zeros_like(y[:, 0]), 0.0
        for t in range(x.shape[1]):
            if t in borders:
                h = h.detach()
            h = torch.tanh(x[:, t] @ weight_xh.detach().T + h @ w.T)
            loss = loss + ((h - y[:, t]) ** 2).sum()
        return torch.autograd.grad(scale * loss, w)[0]


def wrong_full(x, y, weight_xh, weight_hh, k):
    """Backpropagation through all steps, without truncation."""
    return _run(x, y, weight_xh, weight_hh, ())


def wrong_state_reset(x, y, weight_xh, weight_hh, k):
    """Each chunk starts from zeros again."""
    total = torch.zeros_like(weight_hh)
    for a, b in zip(x.split(k, dim=1), y.split(k, dim=1)):
        total += _run(a, b, weight_xh, weight_hh, ())
    return total


def wrong_border_early(x, y, weight_xh, weight_hh, k):
    """The border lies before step k, 2k ...: counted from 1 and detached one step early."""
    return _run(x, y, weight_xh, weight_hh, [t for t in range(x.shape[1]) if (t + 1) % k == 0])


def wrong_transposed(x, y, weight_xh, weight_hh, k):
    """The transpose of the gradient."""
    return _run(x, y, weight_xh, weight_hh, range(0, x.shape[1], k)).T.clone()


def wrong_half(x, y, weight_xh, weight_hh, k):
    """Half of the squares: the factor 2 is missing."""
    return _run(x, y, weight_xh, weight_hh, range(0, x.shape[1], k), 0.5)


def wrong_window(x, y, weight_xh, weight_hh, k):
    """Each step's loss goes k steps back, whatever the chunk: a sliding window."""
    with torch.no_grad():
        h, states = torch.zeros_like(y[:, 0]), []
        for t in range(x.shape[1]):
            states.append(h)
            h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T)
    total = torch.zeros_like(weight_hh)
    for end in range(x.shape[1]):
        w = weight_hh.detach().clone().requires_grad_()
        start = max(0, end - k + 1)
        h = states[start]
        for t in range(start, end + 1):
            h = torch.tanh(x[:, t] @ weight_xh.detach().T + h @ w.T)
        total += torch.autograd.grad(((h - y[:, end]) ** 2).sum(), w)[0]
    return total


def wrong_border_term_lost(x, y, weight_xh, weight_hh, k):
    """At a chunk's first step W_hh h is cut whole, so that the term (1 - h^2) h_{t-1} is lost."""
    w = weight_hh.detach().clone().requires_grad_()
    h, loss = torch.zeros_like(y[:, 0]), 0.0
    for t in range(x.shape[1]):
        recurrent = h @ w.T
        if t > 0 and t % k == 0:
            recurrent = recurrent.detach()
        h = torch.tanh(x[:, t] @ weight_xh.detach().T + recurrent)
        loss = loss + ((h - y[:, t]) ** 2).sum()
    return torch.autograd.grad(loss, w)[0]


def wrong_grad_left(x, y, weight_xh, weight_hh, k):
    """backward on the argument itself: its .grad stays, and the next call adds to it."""
    weight_hh.requires_grad_()
    h = torch.zeros_like(y[:, 0])
    for start in range(0, x.shape[1], k):
        h, loss = h.detach(), 0.0
        for t in range(start, min(start + k, x.shape[1])):
            h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T)
            loss = loss + ((h - y[:, t]) ** 2).sum()
        loss.backward()
    return weight_hh.grad


def wrong_short_chunk_dropped(x, y, weight_xh, weight_hh, k):
    """Only whole chunks count: T // k of them."""
    steps = x.shape[1] // k * k
    if steps == 0:
        return torch.zeros_like(weight_hh)
    return _run(x[:, :steps], y[:, :steps], weight_xh, weight_hh, range(0, steps, k))


def wrong_float32_sum(x, y, weight_xh, weight_hh, k):
    """The chunks' gradients are added into zeros of float32."""
    total = torch.zeros(weight_hh.shape)
    h = torch.zeros_like(y[:, 0])
    for a, b in zip(x.split(k, dim=1), y.split(k, dim=1)):
        w = weight_hh.detach().clone().requires_grad_()
        h, loss = h.detach(), 0.0
        for t in range(a.shape[1]):
            h = torch.tanh(a[:, t] @ weight_xh.detach().T + h @ w.T)
            loss = loss + ((h - b[:, t]) ** 2).sum()
        total += torch.autograd.grad(loss, w)[0]
    return total


def wrong_k_chunks(x, y, weight_xh, weight_hh, k):
    """chunk makes k chunks, not chunks of k steps."""
    borders, start = [], 0
    for part in x.chunk(k, dim=1):
        borders.append(start)
        start += part.shape[1]
    return _run(x, y, weight_xh, weight_hh, borders)


def wrong_batch_mean_and_last_chunk(x, y, weight_xh, weight_hh, k):
    """Only the last chunk's gradient, and a mean over the batch."""
    h = torch.zeros_like(y[:, 0])
    for start in range(0, x.shape[1], k):
        w = weight_hh.detach().clone().requires_grad_()
        h, loss = h.detach(), 0.0
        for t in range(start, min(start + k, x.shape[1])):
            h = torch.tanh(x[:, t] @ weight_xh.detach().T + h @ w.T)
            loss = loss + ((h - y[:, t]) ** 2).sum(dim=1).mean()
        gradient = torch.autograd.grad(loss, w)[0]
    return gradient


def right_one_graph(x, y, weight_xh, weight_hh, k):
    """One loss over all steps, the state detached at the borders."""
    return _run(x, y, weight_xh, weight_hh, range(0, x.shape[1], k))


def right_chunk_by_chunk(x, y, weight_xh, weight_hh, k):
    """backward after each chunk, on a copy of the weights that collects."""
    w = torch.nn.Parameter(weight_hh.detach().clone())
    h = torch.zeros(x.shape[0], w.shape[0], dtype=x.dtype)
    for a, b in zip(x.detach().split(k, dim=1), y.detach().split(k, dim=1)):
        states = []
        for x_t in a.unbind(1):
            h = torch.tanh(x_t @ weight_xh.detach().T + h @ w.T)
            states.append(h)
        (torch.stack(states, 1) - b).square().sum().backward()
        h = h.detach()
    return w.grad


def right_by_hand(x, y, weight_xh, weight_hh, k):
    """The backward pass written out; what comes back is dropped at a border."""
    with torch.no_grad():
        states = [torch.zeros_like(y[:, 0])]
        for x_t in x.unbind(1):
            states.append(torch.tanh(x_t @ weight_xh.T + states[-1] @ weight_hh.T))
        total, back = torch.zeros_like(weight_hh), torch.zeros_like(states[0])
        for t in range(x.shape[1], 0, -1):
            if t % k == 0:
                back = torch.zeros_like(back)
            slope = (2 * (states[t] - y[:, t - 1]) + back) * (1 - states[t] ** 2)
            total += slope.T @ states[t - 1]
            back = slope @ weight_hh
    return total


def right_forward(x, y, weight_xh, weight_hh, k):
    """The slopes of h for W_hh are carried forwards, and set to 0 at a border; in float64."""
    with torch.no_grad():
        w, v, target = weight_hh.double(), weight_xh.double(), y.double()
        d = w.shape[0]
        h = torch.zeros(len(x), d, dtype=torch.float64)
        total, unit = torch.zeros_like(w), torch.eye(d, dtype=torch.float64)
        for t, x_t in enumerate(x.double().unbind(1)):
            if t % k == 0:
                slopes = torch.zeros(len(x), d, d, d, dtype=torch.float64)
            slopes = torch.einsum("ij,bjpq->bipq", w, slopes) + torch.einsum("ip,bq->bipq", unit, h)
            h = torch.tanh(x_t @ v.T + h @ w.T)
            slopes = (1 - h**2)[:, :, None, None] * slopes
            total += 2 * torch.einsum("bi,bipq->pq", h - target[:, t], slopes)
    return total.to(weight_hh.dtype)


def open_requires_grad_left(x, y, weight_xh, weight_hh, k):
    """Open: no .grad stays, but the argument is left with requires_grad switched on."""
    weight_hh.requires_grad_()
    h, loss = torch.zeros_like(y[:, 0]), 0.0
    for t in range(x.shape[1]):
        if t % k == 0:
            h = h.detach()
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T)
        loss = loss + ((h - y[:, t]) ** 2).sum()
    return torch.autograd.grad(loss, weight_hh)[0]


def run(x, y, weight_xh, weight_hh, cut, loss_of=None):
    """Gradient with the state detached before each step t for which cut(t) holds."""
    w = weight_hh.detach().clone().requires_grad_()
    h = torch.zeros(x.shape[0], w.shape[0], dtype=x.dtype)
    loss = 0.0
    for t in range(x.shape[1]):
        if cut(t):
            h = h.detach()
        h = torch.tanh(x[:, t] @ weight_xh.detach().T + h @ w.T)
        loss = loss + (((h - y[:, t]) ** 2).sum() if loss_of is None else loss_of(h, y[:, t]))
    return torch.autograd.grad(loss, w)[0]


def wrong_grad_left_on_argument(x, y, weight_xh, weight_hh, k):
    """Calls backward on the caller's weights and returns their .grad, which grows from call to call."""
    weight_hh.requires_grad_()
    h = torch.zeros(x.shape[0], weight_hh.shape[0], dtype=x.dtype)
    loss = 0.0
    for t in range(x.shape[1]):
        if t % k == 0:
            h = h.detach()
        h = torch.tanh(x[:, t] @ weight_xh.detach().T + h @ weight_hh.T)
        loss = loss + ((h - y[:, t]) ** 2).sum()
    loss.backward()
    return weight_hh.grad


def wrong_at_most_twenty_steps(x, y, weight_xh, weight_hh, k):
    """Never goes back over more than 20 steps."""
    return run(x, y, weight_xh, weight_hh, lambda t: t % min(k, 20) == 0)
