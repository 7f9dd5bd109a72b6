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


def weight_gradient_case(rng, image, c_out, kernel, dtype=torch.float64):
    """A case with images (B, C_in, H, W), c_out output channels and a kernel (K_h, K_w)."""
    positions = image[2] - kernel[0] + 1, image[3] - kernel[1] + 1
    x = normal(rng, *image, dtype=dtype)
    return x, normal(rng, image[0], c_out, *positions, dtype=dtype), kernel


def wide_weight_gradient(rng, dtype=torch.float64):
    """One valid case of small random sizes."""
    kernel = rng.randint(1, 4), rng.randint(1, 4)
    image = rng.randint(1, 3), rng.randint(1, 3), *(k + rng.randint(0, 4) for k in kernel)
    return weight_gradient_case(rng, image, rng.randint(1, 3), kernel, dtype)


weight_gradient = Exercise(
    my_weight_gradient,
    reference=by_autograd,
    # OLD wide=wide_weight_gradient
    # OLD cases:
    # lambda rng: [
    #         (  # by hand
    #             torch.tensor([[[[1.0, 2.0, 4.0]]]], dtype=torch.float64),
    #             torch.tensor([[[[10.0, 1.0]]]], dtype=torch.float64),
    #             (1, 2),
    #         ),
    #         (
    #             torch.arange(1.0, 10.0, dtype=torch.float64).reshape(1, 1, 3, 3),
    #             torch.tensor([[[[1.0, 0.0], [0.0, 10.0]]]], dtype=torch.float64),
    #             (2, 2),
    #         ),
    #         weight_gradient_case(rng, (2, 1, 3, 3), 1, (2, 2)),
    #         weight_gradient_case(rng, (1, 2, 4, 5), 2, (3, 3)),
    #         weight_gradient_case(rng, (3, 2, 6, 4), 3, (2, 3)),
    #         weight_gradient_case(rng, (2, 3, 5, 5), 3, (5, 5)),
    #         weight_gradient_case(rng, (4, 3, 5, 7), 2, (1, 1)),
    #         weight_gradient_case(rng, (2, 1, 8, 9), 4, (5, 2), torch.float32),
    #         weight_gradient_case(rng, (5, 2, 3, 6), 1, (3, 1), torch.float32),
    #         *(wide_weight_gradient(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Take one kernel element, (k, m). Which pixel does it multiply for the output at (i, j)?

        y[b, o, i, j] contains weight[o, c, k, m] * x[b, c, i + k, j + m]. So its derivative for this weight
        is x[b, c, i + k, j + m]; the chain rule multiplies by grad_y[b, o, i, j] and sums over all that the
        weight takes part in: b, i and j.

        For each (k, m) the pixels met are `x[:, :, k : k + h_out, m : m + w_out]`, as large as `grad_y`; fill
        `grad_weight[:, :, k, m]` with `torch.einsum('bohw,bchw->oc', grad_y, met)`.
    """,
    wrong="""
        mean_over_the_batch: OLD → NEW
            You take the mean over the batch: where L is a mean, grad_y holds the 1/B already. Sum.
        mean_over_positions: OLD → NEW
            You take the mean over the output positions: every position uses the same weight, so their
            gradients add up.
        mean_over_batch_and_positions: OLD → NEW
            You take the mean over examples and positions: all of them use the same weight, so their gradients
            add up.
        flipped_gradient: OLD → NEW
            Your gradient is flipped. The kernel is flipped for the input's gradient, where grad_y is padded
            too. For the kernel's, grad_y slides over x as it is: element (k, m) meets x[i + k, j + m].
        transposed_channels: OLD → NEW
            Input and output channels are swapped: the shape is (C_out, C_in, K_h, K_w), the shape of W.
        as_for_the_input: OLD → NEW
            You flip and swap the channels: that is what happens to W in the gradient for the input. The
            gradient for W has W's own layout, unflipped.
        transposed_kernel: OLD → NEW
            The kernel's rows and columns are swapped: (C_out, C_in, K_h, K_w), rows first.
        batch_kept: OLD → NEW
            You return one gradient for each example: the examples share the weight, so sum over them.
        first_example_only: OLD → NEW
            You use the first example alone: sum over the batch.
        examples_crossed: OLD → NEW
            You sum over the batch before you multiply, so each example's gradient meets every other's pixels:
            multiply example by example, then sum.
        input_channels_summed: OLD → NEW
            You sum over the input channels: each has a kernel slice, and so a gradient, of its own.
        upstream_forgotten: OLD → NEW
            You sum the pixels that the weight meets, but grad_y is missing: the chain rule multiplies by it.
        sign_turned: OLD → NEW
            Your sign is turned: the minus belongs to the step of gradient descent, not to the gradient.
    """,
)
