"""Answers to `rnn.rnn_outputs`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_states_before(x, h_0, weight_xh, weight_hh, bias):
    """h_0 ... h_{T-1}: each state is kept before the step."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        states.append(h)
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
    return torch.stack(states, dim=1)


def wrong_hh_not_transposed(x, h_0, weight_xh, weight_hh, bias):
    """h times weight_hh, without the transpose."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh + bias)
        states.append(h)
    return torch.stack(states, dim=1)


def wrong_scrambled(x, h_0, weight_xh, weight_hh, bias):
    """The states are joined one below the other and cut again as if the batch came first."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
        states.append(h)
    return torch.cat(states).view(x.shape[0], x.shape[1], -1)


def wrong_time_first(x, h_0, weight_xh, weight_hh, bias):
    """The result is (T, B, D_h)."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
        states.append(h)
    return torch.stack(states)


def wrong_always_h_0(x, h_0, weight_xh, weight_hh, bias):
    """Every step starts from h_0; without a loop it looks elegant."""
    return torch.tanh(x @ weight_xh.T + (h_0 @ weight_hh.T)[:, None] + bias)


def wrong_detached(x, h_0, weight_xh, weight_hh, bias):
    """The state is detached before each step."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h.detach() @ weight_hh.T + bias)
        states.append(h)
    return torch.stack(states, dim=1)


def wrong_zero_start(x, h_0, weight_xh, weight_hh, bias):
    """The run starts from zeros, not from h_0."""
    h, states = torch.zeros_like(h_0), []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
        states.append(h)
    return torch.stack(states, dim=1)


def wrong_tanh_by_exp(x, h_0, weight_xh, weight_hh, bias):
    """tanh as a quotient of exponentials, NaN for large inputs."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        a = x[:, t] @ weight_xh.T + h @ weight_hh.T + bias
        h = (torch.exp(a) - torch.exp(-a)) / (torch.exp(a) + torch.exp(-a))
        states.append(h)
    return torch.stack(states, dim=1)


def wrong_float32_buffer(x, h_0, weight_xh, weight_hh, bias):
    """The states are written into zeros of torch's own type, float32."""
    states = torch.zeros(x.shape[0], x.shape[1], h_0.shape[1])
    h = h_0
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
        states[:, t] = h
    return states


def wrong_truncated(x, h_0, weight_xh, weight_hh, bias):
    """The state is detached every 32 steps, as for long texts."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        if t > 0 and t % 32 == 0:
            h = h.detach()
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
        states.append(h)
    return torch.stack(states, dim=1)


def wrong_inputs_clipped(x, h_0, weight_xh, weight_hh, bias):
    """Inputs are clipped to the range from -100 to 100 to keep tanh calm."""
    h, states = h_0, []
    for x_t in x.clamp(-100, 100).unbind(1):
        h = torch.tanh(x_t @ weight_xh.T + h @ weight_hh.T + bias)
        states.append(h)
    return torch.stack(states, dim=1)


def wrong_two_biases_and_last_only(x, h_0, weight_xh, weight_hh, bias):
    """The bias is added to both products, and only the last state is returned."""
    h = h_0
    for t in range(x.shape[1]):
        h = torch.tanh(F.linear(x[:, t], weight_xh, bias) + F.linear(h, weight_hh, bias))
    return h[:, None]


def right_loop(x, h_0, weight_xh, weight_hh, bias):
    """Step by step, stacked along the time."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
        states.append(h)
    return torch.stack(states, dim=1)


def right_inputs_first(x, h_0, weight_xh, weight_hh, bias):
    """All inputs in one product before the loop; the states go into a new tensor."""
    driven = torch.einsum("bti,di->btd", x, weight_xh) + bias
    states = torch.empty_like(driven)
    h = h_0
    for t in range(x.shape[1]):
        h = torch.addmm(driven[:, t], h, weight_hh.T).tanh()
        states[:, t] = h
    return states


def right_one_matrix(x, h_0, weight_xh, weight_hh, bias):
    """One matrix for input and state together; columns, not rows."""
    weight, h, states = torch.hstack([weight_xh, weight_hh]), h_0.T, []
    for x_t in x.permute(1, 2, 0):
        h = torch.tanh(weight @ torch.vstack([x_t, h]) + bias[:, None])
        states.append(h.T)
    return torch.stack(states).transpose(0, 1)


def right_text_by_text(x, h_0, weight_xh, weight_hh, bias):
    """One text at a time, in float64."""
    texts = []
    for sequence, h in zip(x.double(), h_0.double()):
        states = []
        for x_t in sequence:
            h = torch.tanh(weight_xh.double().mv(x_t) + weight_hh.double().mv(h) + bias)
            states.append(h)
        texts.append(torch.stack(states))
    return torch.stack(texts).to(x.dtype)


def forbidden_rnn_tanh_cell(x, h_0, weight_xh, weight_hh, bias):
    """torch.rnn_tanh_cell is the step."""
    h, states = h_0, []
    for x_t in x.unbind(1):
        h = torch.rnn_tanh_cell(x_t, h, weight_xh, weight_hh, bias, torch.zeros_like(bias))
        states.append(h)
    return torch.stack(states, dim=1)


def forbidden_module(x, h_0, weight_xh, weight_hh, bias):
    """nn.RNN with the weights handed in."""
    module = torch.nn.RNN(x.shape[2], h_0.shape[1], batch_first=True, dtype=x.dtype)
    weights = {
        "weight_ih_l0": weight_xh,
        "weight_hh_l0": weight_hh,
        "bias_ih_l0": bias,
        "bias_hh_l0": torch.zeros_like(bias),
    }
    return torch.func.functional_call(module, weights, (x, h_0[None]))[0]


def _recursive(x, h, weight_xh, weight_hh, bias):
    h = torch.tanh(x[:, 0] @ weight_xh.T + h @ weight_hh.T + bias)
    return [h] if x.shape[1] == 1 else [h] + _recursive(x[:, 1:], h, weight_xh, weight_hh, bias)


def open_recursive(x, h_0, weight_xh, weight_hh, bias):
    """Open: one call a step, so that Python's stack ends near 1000; are "some hundreds" below that?"""
    return torch.stack(_recursive(x, h_0, weight_xh, weight_hh, bias), dim=1)


def wrong_truncated_at_twenty(x, h_0, weight_xh, weight_hh, bias):
    """Cuts the gradient every 20 steps, as training on long texts does."""
    h, out = h_0, []
    for t in range(x.shape[1]):
        if t and t % 20 == 0:
            h = h.detach()
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
        out.append(h)
    return torch.stack(out, dim=1)


def wrong_stops_when_settled(x, h_0, weight_xh, weight_hh, bias):
    """Takes the state for settled once it moves by less than 1e-3, and repeats it."""
    h, out = h_0, []
    for t in range(x.shape[1]):
        new = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)
        out.append(new)
        if (new - h).abs().max() < 1e-3:
            out += [new] * (x.shape[1] - len(out))
            break
        h = new
    return torch.stack(out, dim=1)
