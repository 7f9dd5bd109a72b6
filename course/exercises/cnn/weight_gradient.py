"""Chapter 1: the gradient of a convolution for its kernel, by hand."""

import torch
import torch.nn.functional as F

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_weight_gradient(x, grad_y, kernel):
    """dL/dW (C_out, C_in, K_h, K_w) from x (B, C_in, H, W) and dL/dy (B, C_out, H_out, W_out)."""
    k_h, k_w = kernel
    h_out, w_out = grad_y.shape[2:]
    grad_weight = x.new_zeros(grad_y.shape[1], x.shape[1], k_h, k_w)
    for k in range(k_h):
        for m in range(k_w):
            met = x[:, :, k : k + h_out, m : m + w_out]  # the pixels that weight[:, :, k, m] multiplies
            grad_weight[:, :, k, m] = torch.einsum("bohw,bchw->oc", grad_y, met)
    return grad_weight


def by_autograd(x, grad_y, kernel):
    """The reference: PyTorch's own gradient, in float64."""
    weight = torch.zeros(grad_y.shape[1], x.shape[1], *kernel, dtype=torch.float64, requires_grad=True)
    y = F.conv2d(x.double(), weight)
    return torch.autograd.grad(y, weight, grad_y.double())[0].to(x.dtype)


def draw(rng, B, C, D, H, W, kernel, dtype=torch.float64):
    """A case with C input and D output channels, and so many rows and columns (H, W) of positions."""
    image = H + kernel[0] - 1, W + kernel[1] - 1
    return normal(rng, B, C, *image, dtype=dtype), normal(rng, B, D, H, W, dtype=dtype), kernel


weight_gradient = Exercise(
    my_weight_gradient,
    reference=by_autograd,
    by_hand=[
        ([[[[1.0, 2.0, 4.0]]]], [[[[10.0, 1.0]]]], (1, 2)),
        ([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]], [[[[1.0, 0.0], [0.0, 10.0]]]], (2, 2)),
        ([[[[1000.0, -2000.0, 4000.0]]]], [[[[1e-9, 3e-9]]]], (1, 2)),
        ([[[[0.5, 2.0, -4.0]]]], [[[[2000.0, -1000.0]]]], (1, 2)),
        ([[[[0.0, 0.0, 0.0]]]], [[[[2.0, -1.0]]]], (1, 2)),
        ([[[[2.0, 1.0, -3.0]]]], [[[[0.0, 0.0]]]], (1, 2)),
    ],
    draw=draw,
    sizes=[
        dict(B=2, C=1, D=1, H=2, W=2, kernel=(2, 2)),
        dict(B=1, C=2, D=2, H=2, W=3, kernel=(3, 3)),
        dict(B=3, C=2, D=3, H=5, W=2, kernel=(2, 3)),
        dict(B=2, C=3, D=3, H=1, W=1, kernel=(5, 5)),
        dict(B=4, C=3, D=2, H=5, W=7, kernel=(1, 1)),
        dict(B=2, C=1, D=4, H=4, W=8, kernel=(5, 2), dtype=torch.float32),
        dict(B=5, C=2, D=1, H=1, W=6, kernel=(3, 1), dtype=torch.float32),
        dict(B=1, C=1, D=1, H=1, W=1, kernel=(1, 1), dtype=torch.float32),
        dict(B=20, C=1, D=17, H=1, W=30, kernel=(1, 2)),
        dict(B=1, C=20, D=1, H=2, W=2, kernel=(2, 2)),
        dict(B=1, C=1, D=1, H=2, W=2, kernel=(8, 8)),
    ],
    spans=lambda rng: dict(
        **{name: rng.randint(1, 3) for name in ("B", "C", "D")},
        **{name: rng.randint(1, 5) for name in ("H", "W")},
        kernel=(rng.randint(1, 4), rng.randint(1, 4)),
    ),
    forbids="""torch.autograd*.grad torch.autograd*.backward torch._tensor.backward torch.func.*
        torch._functorch* torch.nn.grad.* torch*.convolution_backward:
        Write the derivative yourself, since that is what this exercise is about.""",
    hints="""
        Take one kernel element, (k, m). Which pixel does it multiply for the output at (i, j)?

        y[b, o, i, j] contains weight[o, c, k, m] * x[b, c, i + k, j + m]. So its derivative for this weight
        is x[b, c, i + k, j + m]; the chain rule multiplies by grad_y[b, o, i, j] and sums over all that the
        weight takes part in: b, i and j.

        These are the lines themselves: for each (k, m) the pixels met are `x[:, :, k : k + h_out, m : m +
        w_out]`, as large as `grad_y`; fill `grad_weight[:, :, k, m]` with `torch.einsum('bohw,bchw->oc',
        grad_y, met)`.
    """,
    special="""
        zeros: not x.any() or not grad_y.any()
            Your function is right but where x or grad_y is 0 everywhere: divide by nothing that may be 0.
        extreme_numbers: not 1e-6 < grad_y.abs().max() < 100
            Your function is right but for large or small numbers: is something clipped, rounded, or taken for
            0, or a small number added?
        clipped: x.abs().max() > 5
            Your function is right but for numbers beyond a few in `x`: does something clip them?
        large_kernel: min(kernel) > 5
            Your function is right but for a kernel of 8 by 8: is there a limit on its size?
        square_output: grad_y.shape[2] != grad_y.shape[3]
            Your function is right for square outputs alone: H_out counts the rows, W_out the columns.
        square_kernel: kernel[0] != kernel[1]
            Your function is right for square kernels alone: K_h counts the rows, K_w the columns.
        several_examples: len(x) > 1
            Your function is right for one example: with several, the gradients of all of them add up.
        several_channels: x.shape[1] * grad_y.shape[1] > 1
            Your function is right for one channel in and out: dW[o, c] takes grad_y[:, o] and x[:, c].
        several_positions: grad_y[0, 0].numel() > 1
            Your function is right for one position: each brings grad_y[i, j] * x[i + k, j + m] to (k, m).
        several_elements: kernel[0] * kernel[1] > 1
            Your function is right for a kernel of one element: element (k, m) meets pixels x[i + k, j + m].
    """,
    wrong="""
        upstream_flipped: grad_y, met) → grad_y.flip(2, 3), met)
            You flip grad_y: it slides over x as it is, since (i, j) of grad_y meets x[i + k, j + m].
        channels_reshaped: return grad_weight → return grad_weight.movedim(0, 1).reshape(grad_weight.shape)
            You reshape (C_in, C_out) to (C_out, C_in), which leaves the numbers in order: swap the axes.
        mean_over_the_batch: return grad_weight → return grad_weight / len(x)
            You take the mean over the batch: where L is a mean, grad_y holds the 1/B already. Sum.
        mean_over_positions: return grad_weight → return grad_weight / (h_out * w_out)
            You take the mean over the output positions: every position uses the same weight, so their
            gradients add up.
        flipped_gradient: return grad_weight → return grad_weight.flip(-2, -1)
            Your gradient is flipped. The kernel is flipped for the input's gradient, where grad_y is padded
            too. For the kernel's, grad_y slides over x as it is: element (k, m) meets x[i + k, j + m].
        transposed_channels: return grad_weight → return grad_weight.transpose(0, 1)
            Input and output channels are swapped: the shape is (C_out, C_in, K_h, K_w), the shape of W.
        batch_kept: x.new_zeros(grad_y → x.new_zeros(len(x), grad_y
        and: grad_weight[:, :, k, m] → grad_weight[:, :, :, k, m]
        and: "bohw,bchw->oc" → "bohw,bchw->boc"
            You return one gradient for each example: the examples share the weight, so sum over them.
        input_channels_summed: grad_y, met) → grad_y, met.sum(1, keepdim=True).expand_as(met))
            You sum over the input channels: each has a kernel slice, and so a gradient, of its own.
        upstream_forgotten: grad_y, met) → torch.ones_like(grad_y), met)
            You sum the pixels that the weight meets, but grad_y is missing: the chain rule multiplies by it.
    """,
)
