"""Answers to `attention.rotary`, written from its statement alone."""

import torch

_CACHE = {}


def _angles(x, base):
    i = torch.arange(0, x.shape[-1], 2, dtype=torch.float64, device=x.device)
    t = torch.arange(x.shape[-2], dtype=torch.float64, device=x.device)
    return t[:, None] * float(base) ** (-i / x.shape[-1])


def wrong_halves(x, base):
    """Pairs feature i with feature i + d_k / 2, as Llama's code does."""
    theta = _angles(x, base).to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * theta.cos() - b * theta.sin(), a * theta.sin() + b * theta.cos()), dim=-1)


def wrong_other_direction(x, base):
    """Turns by -theta."""
    theta = _angles(x, base).to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * theta.cos() + b * theta.sin(), b * theta.cos() - a * theta.sin()), -1).flatten(-2)


def wrong_from_one(x, base):
    """Positions are counted from 1."""
    d_k = x.shape[-1]
    t = torch.arange(1, x.shape[-2] + 1, dtype=x.dtype, device=x.device)
    freq = base ** (-torch.arange(0, d_k, 2, dtype=x.dtype, device=x.device) / d_k)
    theta = torch.outer(t, freq)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * theta.cos() - b * theta.sin(), a * theta.sin() + b * theta.cos()), -1).flatten(-2)


def wrong_not_interleaved(x, base):
    """Pairs are right, but the results come as two halves, not in their places."""
    theta = _angles(x, base).to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.cat((a * theta.cos() - b * theta.sin(), a * theta.sin() + b * theta.cos()), dim=-1)


def wrong_new_a_used(x, base):
    """The second feature is made from the first one after its turn."""
    cos, sin = _angles(x, base).to(x.dtype).cos(), _angles(x, base).to(x.dtype).sin()
    a, b = x[..., 0::2], x[..., 1::2]
    a = a * cos - b * sin
    b = a * sin + b * cos
    return torch.stack((a, b), -1).flatten(-2)


def wrong_heads_as_positions(x, base):
    """Takes the second axis for the positions: heads are turned, not steps."""
    z = x.transpose(1, 2)
    theta = _angles(z, base).to(x.dtype)
    a, b = z[..., 0::2], z[..., 1::2]
    y = torch.stack((a * theta.cos() - b * theta.sin(), a * theta.sin() + b * theta.cos()), -1).flatten(-2)
    return y.transpose(1, 2)


def wrong_exponent_without_two(x, base):
    """base^(-i / d_k): the 2 of the exponent is missing."""
    d_k = x.shape[-1]
    t = torch.arange(x.shape[-2], dtype=x.dtype, device=x.device)
    freq = base ** (-torch.arange(d_k // 2, dtype=x.dtype, device=x.device) / d_k)
    theta = t[:, None] * freq
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * theta.cos() - b * theta.sin(), a * theta.sin() + b * theta.cos()), -1).flatten(-2)


def wrong_float32_angles(x, base):
    """The table is made in float32 and then cast to the type of x."""
    d_k = x.shape[-1]
    freq = 1.0 / (base ** (torch.arange(0, d_k, 2).float() / d_k))
    theta = torch.outer(torch.arange(x.shape[-2]).float(), freq)
    cos, sin = theta.cos().to(x), theta.sin().to(x)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


def wrong_cache_without_base(x, base):
    """A cached table, found again by steps and width only: a second base gets the first one's angles."""
    key = (x.shape[-2], x.shape[-1])
    if key not in _CACHE:
        _CACHE[key] = _angles(x, base)
    theta = _CACHE[key].to(x)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * theta.cos() - b * theta.sin(), a * theta.sin() + b * theta.cos()), -1).flatten(-2)


def wrong_base_in_float32(x, base):
    """torch.tensor(base) rounds a float base to float32."""
    d_k = x.shape[-1]
    exponent = torch.arange(0, d_k, 2, dtype=torch.float64, device=x.device) / d_k
    freq = torch.tensor(base, device=x.device) ** -exponent
    theta = (torch.arange(x.shape[-2], device=x.device)[:, None] * freq).to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * theta.cos() - b * theta.sin(), a * theta.sin() + b * theta.cos()), -1).flatten(-2)


def wrong_written_into_x(x, base):
    """Writes the turned features into the tensor that it was given."""
    theta = _angles(x, base).to(x.dtype)
    a, b = x[..., 0::2].clone(), x[..., 1::2].clone()
    with torch.no_grad():
        x[..., 0::2] = a * theta.cos() - b * theta.sin()
        x[..., 1::2] = a * theta.sin() + b * theta.cos()
    return x


def wrong_halves_and_direction(x, base):
    """Two mistakes: pairs of halves, and turned by -theta."""
    theta = _angles(x, base).to(x.dtype)
    theta = torch.cat((theta, theta), dim=-1)
    a, b = x.chunk(2, dim=-1)
    return x * theta.cos() + torch.cat((b, -a), dim=-1) * theta.sin()


def right_stacked(x, base):
    """Pairs by slices, stacked again."""
    theta = _angles(x, base)
    cos, sin = theta.cos().to(x.dtype), theta.sin().to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


def right_complex(x, base):
    """Each pair is a complex number, multiplied by exp(i theta), in float64."""
    theta = _angles(x, base)
    pairs = torch.view_as_complex(x.double().reshape(*x.shape[:-1], -1, 2).contiguous())
    turned = pairs * torch.polar(torch.ones_like(theta), theta)
    return torch.view_as_real(turned).flatten(-2).to(x.dtype)


def right_matrices(x, base):
    """A rotation matrix for each position and pair, by einsum."""
    theta = _angles(x, base)
    cos, sin = theta.cos(), theta.sin()
    turn = torch.stack((cos, -sin, sin, cos), dim=-1).unflatten(-1, (2, 2)).to(x.dtype)
    return torch.einsum("tiuv,bhtiv->bhtiu", turn, x.unflatten(-1, (-1, 2))).flatten(-2)


def right_loop_over_positions(x, base):
    """x cos + (turned by 90 degrees) sin, position by position, with numbers of Python."""
    d_k = x.shape[-1]
    quarter = torch.stack((-x[..., 1::2], x[..., 0::2]), dim=-1).flatten(-2)
    freq = torch.tensor([base ** (-(j - j % 2) / d_k) for j in range(d_k)], dtype=torch.float64)
    rows = []
    for t in range(x.shape[-2]):
        cos, sin = (t * freq).cos().to(x), (t * freq).sin().to(x)
        rows.append(x[..., t, :] * cos + quarter[..., t, :] * sin)
    return torch.stack(rows, dim=-2)


class _OnnxRotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        return torch.onnx.ops.rotary_embedding(x, cos, sin, interleaved=True)

    @staticmethod
    def backward(ctx, grad):
        cos, sin = ctx.saved_tensors
        return torch.onnx.ops.rotary_embedding(grad.contiguous(), cos, -sin, interleaved=True), None, None


def forbidden_onnx_rotary(x, base):
    """torch.onnx.ops.rotary_embedding is a ready-made rotary embedding; turned back for the gradient."""
    theta = _angles(x, base)
    cos = theta.cos().to(x.dtype).expand(x.shape[0], -1, -1)
    sin = theta.sin().to(x.dtype).expand(x.shape[0], -1, -1)
    return _OnnxRotary.apply(x, cos, sin)


def angles_of(x, base):
    """theta, (T, d_k / 2), in the type of x."""
    d_k = x.shape[-1]
    speeds = float(base) ** (-torch.arange(0, d_k, 2, dtype=torch.float64) / d_k)
    return (torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * speeds).to(x.dtype)


def turn(x, theta):
    """Neighbouring pairs of x turned by theta."""
    a, b = x[..., 0::2], x[..., 1::2]
    cos, sin = theta.cos(), theta.sin()
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


def wrong_512_positions(x, base):
    """A table of 512 positions; later ones stay as they are."""
    theta = angles_of(x[..., :512, :], base)
    return torch.cat((turn(x[..., :512, :], theta), x[..., 512:, :]), dim=-2)


def wrong_base_above_1_only(x, base):
    """Takes a base of 1 or less for a mistake and uses 10000."""
    return turn(x, angles_of(x, base if base > 1 else 10000.0))
