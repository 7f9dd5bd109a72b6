"""Right answers to `truncated_bptt` in other words than the solution's."""

import torch


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


RIGHT = (gradient_in_one_graph, gradient_from_stored_states, gradient_by_products)
