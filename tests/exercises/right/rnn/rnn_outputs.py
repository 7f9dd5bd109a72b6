"""Right answers to `rnn_outputs` in other words than the solution's."""

import torch
import torch.nn.functional as F


def rnn_inputs_first(x, h_0, weight_xh, weight_hh, bias):
    """The same; what comes from the inputs needs no state, so it is computed for all times at once."""
    from_x = F.linear(x, weight_xh, bias)  # (B, T, D_h)
    states = [h_0]
    for from_x_t in from_x.unbind(dim=1):
        states.append(torch.tanh(from_x_t + states[-1] @ weight_hh.T))
    return torch.stack(states[1:], dim=1)


def rnn_one_matrix(x, h_0, weight_xh, weight_hh, bias):
    """The same with one matrix for the input and the state side by side."""
    weight = torch.cat([weight_xh, weight_hh], dim=1)  # (D_h, D_in + D_h)
    out = x.new_zeros(x.shape[0], x.shape[1], len(bias))
    h = h_0
    for t in range(x.shape[1]):
        h = F.linear(torch.cat([x[:, t], h], dim=1), weight, bias).tanh()
        out[:, t] = h
    return out


def rnn_by_sequence(x, h_0, weight_xh, weight_hh, bias):
    """The same, one sequence of the batch after the other, matrix times column as in the formula."""
    batch = []
    for sequence, h in zip(x, h_0, strict=True):
        states = []
        for x_t in sequence:
            h = torch.tanh(weight_xh @ x_t + weight_hh @ h + bias)
            states.append(h)
        batch.append(torch.stack(states))
    return torch.stack(batch)


RIGHT = (rnn_inputs_first, rnn_one_matrix, rnn_by_sequence)
