"""Answers to `attention.sinusoids`, written from its statement alone."""

import functools
import math

import numpy as np
import torch

_TABLES = {}


def _table(angle_sin, angle_cos):
    return torch.stack((angle_sin.sin(), angle_cos.cos()), dim=-1).flatten(1)


def _angles(positions, d_model):
    exponent = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model
    return positions.double()[:, None] / 10000.0**exponent


def wrong_halves(steps, d_model):
    """All sines, then all cosines, as in tensor2tensor."""
    a = _angles(torch.arange(steps), d_model)
    return torch.cat((a.sin(), a.cos()), dim=1)


def wrong_exponent_without_two(steps, d_model):
    """10000^(i / d_model): the 2 of the exponent is missing."""
    p = torch.arange(steps, dtype=torch.float64)[:, None]
    a = p / 10000.0 ** (torch.arange(d_model // 2, dtype=torch.float64) / d_model)
    return _table(a, a)


def wrong_exponent_doubled(steps, d_model):
    """i already counts in twos and is doubled again."""
    pe = torch.zeros(steps, d_model, dtype=torch.float64)
    p = torch.arange(steps, dtype=torch.float64)
    for i in range(0, d_model, 2):
        pe[:, i] = torch.sin(p / 10000 ** (2 * i / d_model))
        pe[:, i + 1] = torch.cos(p / 10000 ** (2 * i / d_model))
    return pe


def wrong_own_exponent(steps, d_model):
    """The cosine at column 2i + 1 has the exponent (2i + 1) / d_model."""
    j = torch.arange(d_model, dtype=torch.float64)
    a = torch.arange(steps, dtype=torch.float64)[:, None] / 10000.0 ** (j / d_model)
    return _table(a[:, 0::2], a[:, 1::2])


def wrong_cosine_first(steps, d_model):
    """Cosines in the even columns."""
    a = _angles(torch.arange(steps), d_model)
    return torch.stack((a.cos(), a.sin()), dim=-1).flatten(1)


def wrong_from_one(steps, d_model):
    """Positions are counted from 1."""
    a = _angles(torch.arange(1, steps + 1), d_model)
    return _table(a, a)


def wrong_last_is_10000(steps, d_model):
    """i / (d_model / 2 - 1), so that the slowest wave has exactly 10000."""
    half = d_model // 2
    i = torch.arange(half, dtype=torch.float64) / max(half - 1, 1)
    a = torch.arange(steps, dtype=torch.float64)[:, None] / 10000.0**i
    return _table(a, a)


def wrong_float32_frequencies(steps, d_model):
    """The frequencies are computed in float32 as in PyTorch's tutorial, the rest in float64."""
    freq = torch.exp(torch.arange(0, d_model, 2).float() * (-math.log(10000.0) / d_model))
    a = torch.arange(steps, dtype=torch.float64)[:, None] * freq
    return _table(a, a)


def wrong_max_len_5000(steps, d_model):
    """Makes the usual table of 5000 rows and cuts it."""
    a = _angles(torch.arange(5000), d_model)
    return _table(a, a)[:steps]


def wrong_table_kept(steps, d_model):
    """Keeps the first table of each width: a later call with more steps gets too few rows."""
    if d_model not in _TABLES:
        a = _angles(torch.arange(steps), d_model)
        _TABLES[d_model] = _table(a, a)
    return _TABLES[d_model][:steps].clone()


def wrong_float32_buffer(steps, d_model):
    """Right angles, but the waves are written into a float32 table that is cast at the end."""
    pe = torch.zeros(steps, d_model)
    a = _angles(torch.arange(steps), d_model)
    pe[:, 0::2] = a.sin()
    pe[:, 1::2] = a.cos()
    return pe.double()


def wrong_float32_and_halves(steps, d_model):
    """Two mistakes: the type is float32, and sines and cosines are two halves."""
    p = torch.arange(steps).float().unsqueeze(1)
    freq = 10000.0 ** (-torch.arange(0, d_model, 2).float() / d_model)
    return torch.cat((torch.sin(p * freq), torch.cos(p * freq)), dim=1)


def right_stacked(steps, d_model):
    """Angles by broadcasting, sines and cosines stacked."""
    a = _angles(torch.arange(steps), d_model)
    return torch.stack((a.sin(), a.cos()), dim=-1).flatten(1)


def right_numpy(steps, d_model):
    """NumPy, with the frequencies by exp and log."""
    freq = np.exp(np.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
    angles = np.outer(np.arange(steps), freq)
    table = np.empty((steps, d_model))
    np.sin(angles, out=table[:, 0::2])
    np.cos(angles, out=table[:, 1::2])
    return torch.from_numpy(table)


def right_loop_over_columns(steps, d_model):
    """A loop over the columns; the cosine is a sine a quarter of a turn later."""
    p = torch.arange(steps).to(torch.float64)
    columns = []
    for j in range(d_model):
        columns.append(torch.sin(p * 10000.0 ** (-(j - j % 2) / d_model) + j % 2 * math.pi / 2))
    return torch.stack(columns, dim=1)


def right_complex(steps, d_model):
    """Row p is row p - 1 turned; rows are doubled by multiplication of complex numbers."""
    freq = torch.tensor([10000.0 ** (-i / d_model) for i in range(0, d_model, 2)], dtype=torch.float64)
    z = torch.ones(1, d_model // 2, dtype=torch.complex128)
    while len(z) < steps:
        z = torch.cat((z, z * torch.polar(torch.ones_like(freq), len(z) * freq)))
    z = z[:steps]
    return torch.stack((z.imag, z.real), dim=-1).reshape(steps, d_model)


@functools.cache
def open_same_table_again(steps, d_model):
    """Open: a second call with the same sizes returns the very same tensor."""
    a = _angles(torch.arange(steps), d_model)
    return _table(a, a)


def open_number_by_number(steps, d_model):
    """Open: right, but one math.sin after another takes seconds for 10,000 x 1,000."""
    rows = []
    for p in range(steps):
        row = []
        for i in range(d_model // 2):
            a = p / 10000 ** (2 * i / d_model)
            row += [math.sin(a), math.cos(a)]
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


def wrong_512_rows(steps, d_model):
    """A table of 512 rows, cut to steps."""
    p = torch.arange(512, dtype=torch.float64)[:, None]
    angle = p / 10000 ** (torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).reshape(512, d_model)[:steps].clone()
