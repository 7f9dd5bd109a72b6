# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1 · CNN: how a network sees an image
#
# A small network has read this digit. In a running notebook, run the two cells below
# and draw one of your own: the network reads while you draw.

# %% jupyter={"source_hidden": true} cellView="form"
# Set-up: finds the course; where it is missing, as on Colab, pip installs it
import importlib.util, subprocess, sys  # isort: skip

address = "git+https://github.com/from-formula-to-model/course"
found = getattr(importlib.util.find_spec("course"), "origin", None)  # of a folder None
if not found and subprocess.call([sys.executable, "-m", "pip", "install", address]):
    raise RuntimeError(f"pip failed, see above: try `make lab`, or install {address}")
from course import setup

setup()

# %% jupyter={"source_hidden": true} cellView="form" tags=["explorer", "keep-output"]
# Draw a digit: the pad comes when this cell has run
from course import data, explorers, models

digits = data.mnist()
explorers.cnn.trained_net(models.digits_cnn(), digits.x_test[:200], digits.y_test[:200])

# %% [markdown]
# It has never seen your handwriting, and nobody told it what a stroke or a loop is. A
# page of code is enough to build it. At its core is one operation, the **convolution**.
#
# **The question.** What does a convolution compute, why does it suit images, and how
# does it learn?

# %% [markdown]
# **Afterwards you can**
#
# - compute a convolution by hand, and state the size of its output with stride, padding
#   and dilation;
# - write `conv2d` from scratch and show that it equals PyTorch's, gradients included;
# - derive its backward pass, and see that it is the transposed matrix;
# - say what a unit sees, what a shift of the image changes, and what does not;
# - build and train a small convolutional net that reads handwritten digits, compare it
#   fairly, and look into it;
# - recognise two common bugs of classifiers by their symptoms.

# %% [markdown]
# **Time.** The core takes about an hour and a half to read; the ten exercises take
# about 2¾ hours. All cells run in about one minute on a laptop CPU, offline. Sections
# marked *optional* can be skipped. `exercises.progress()` shows which exercises you
# have solved. Where you are asked to predict a result, write your guess down; then run
# the cells below it.
#
# **Open it elsewhere:**
# [Colab](https://colab.research.google.com/github/from-formula-to-model/course/blob/main/notebooks/01_cnn.ipynb)
# · [Kaggle](https://kaggle.com/kernels/welcome?src=https://github.com/from-formula-to-model/course/blob/main/notebooks/01_cnn.ipynb)
# · [Binder](https://mybinder.org/v2/gh/from-formula-to-model/course/HEAD?urlpath=lab/tree/my/01_cnn.ipynb)

# %% [markdown]
# This is the whole network. Each label gives the shape of the data at that place:

# %% jupyter={"source_hidden": true} cellView="form" tags=["keep-output"]
# Diagram: the network of this chapter
from course import plots

plots.diagram("conv_net")

# %% [markdown]
# **Do you remember?** (Chapter 0) What is the gradient of the cross-entropy with
# respect to the logits, and why is the loss computed from logits? What does it prove if
# a network learns one batch by heart? Which rows may be looked at to choose a learning
# rate?
#
# <details><summary>Answers</summary>
#
# $p - y$ for each example: probabilities minus the true class; exponentials of large
# logits overflow. That gradients pass and the model can fit, and nothing about other
# data. The validation rows; test rows judge, once.
# </details>

# %% [markdown]
# <details><summary>Notation</summary>
#
# | maths | code | shape |
# | --- | --- | --- |
# | images $x$ | `x` | `(B, C_in, H, W)`: batch, channels, rows, columns |
# | kernel $W$, bias $b$ | `weight`, `bias` | `(C_out, C_in, K_h, K_w)`, `(C_out,)` |
# | output $y$ | `y` | `(B, C_out, H_out, W_out)` |
# | stride, padding, dilation $s, p, d$ | `stride`, … | one number, or (rows, columns) |
#
# Indices begin at 0. Rows come before columns, as in a matrix. $W$ is the kernel, but
# in a shape, beside $H$, the width.
# </details>

# %%
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from course import exercises, results, training
from course.compare import check_agreement
from course.intervals import wilson

# %% [markdown]
# ## 1 The equation, by hand
#
# A kernel is a small matrix of weights. It is laid on a patch of the image, the numbers
# on top of each other are multiplied, and the products are added: that is one output
# value. Then the kernel moves on.
#
# $$y_{ij} = \sum_{u=0}^{K_h-1} \sum_{v=0}^{K_w-1} W_{uv}\, x_{i+u,\; j+v}$$
#
# Here is an image of 4 × 4 and a kernel of 2 × 2. The kernel subtracts from each pixel
# its neighbour one row down and one column right.

# %%
rows = [[1, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]]
x = torch.tensor(rows, dtype=torch.float64)
weight = torch.tensor([[1, 0], [0, -1]], dtype=torch.float64)
i, j = 0, 1
patch = x[i : i + 2, j : j + 2]  # (2, 2)
products = patch * weight
print("patch", patch.tolist(), "products", products.tolist())
print("their sum", products.sum().item())

# %% [markdown]
# ## 2 The naive loop
#
# The equation, word for word: two loops over the places, two over the kernel.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: how many places, and which number comes first?
#
# At how many places does the kernel fit into the image? What is $y_{00}$? Work them out
# on paper before you go on.
#
# </div>


# %%
def correlate(x, weight):
    """One channel, no padding, stride 1. x (H, W), weight (K_h, K_w)
    -> (H - K_h + 1, W - K_w + 1)."""
    (h, w), (k_h, k_w) = x.shape, weight.shape
    y = torch.zeros(h - k_h + 1, w - k_w + 1, dtype=x.dtype)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            for u in range(k_h):
                for v in range(k_w):
                    y[i, j] += weight[u, v] * x[i + u, j + v]
    return y


# %% tags=["result"]
y = correlate(x, weight)
plots.grids(
    {"image x": x, "kernel W": weight, "output y": y},
    title="The kernel is laid on every place of the image where it fits",
    alt="cnn.nine_places",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Nine places, three rows of three, and $y_{00} = 1\cdot 1 - 1\cdot 1 = 0$. The value
# worked out above, $y_{01} = -1$, stands in row 0, column 1.
# </details>

# %% [markdown]
# ## 3 The size of the output
#
# The exercises below check your function against an independent one and name known
# mistakes. Stuck? `exercises.cnn.output_size.hint()` gives one hint after the other,
# `.solution()` a worked solution.
#
# Three numbers change where the kernel is laid: the **stride** $s$ is the step from one
# place to the next, the **padding** $p$ adds that many rows or columns of zeros on
# *each* side, and the **dilation** $d$ spreads the kernel's elements (its *taps*), so
# that they read every $d$-th pixel.

# %% [markdown]
# **How exercises are checked.** A check calls your function with many inputs. It
# compares results to nine digits in float64, to four in float32, and by absolute error
# near 0. Any size may be 1, and sizes differ. New tensors have the type of the inputs;
# half precision occurs only where named. Do not change the arguments.

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: how long is the output?
#
# *easy · about 8 minutes*
#
# An axis of `n` elements gets `padding` zeros at **each** of its two ends. A kernel of
# `kernel` elements, each `dilation` places after the one before (1: side by side),
# starts at the left end and moves on by `stride` as long as it fits entirely inside.
# Return the number of positions, as a Python `int`.
#
# All arguments are `int`s of at least 1; `padding` may be 0. There are between 1 and
# 500 positions. Numbers go up to $10^{18}$, so stay with whole numbers: a `float` has
# 16 digits.
#
# By hand first: how many positions do 6 elements give a kernel of 3, with stride 2 and
# no padding?
#
# </div>


# %%
def my_output_size(n, kernel, stride, padding, dilation):
    """The output length of a convolution along one axis, as an int."""
    raise NotImplementedError


exercises.cnn.output_size.check(my_output_size)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# Two: the kernel covers elements 0 to 2, then 2 to 4. The next position would need
# elements 4 to 6, and there is no element 6. So element 5 is never looked at.
#
# </details>

# %% [markdown]
# Count along one axis. With dilation the kernel reaches over $d(K-1)+1$ pixels; the
# padded image has $n+2p$. The first place is at the left edge, and the kernel can then
# take as many whole steps of $s$ as fit into what is left:
#
# $$n_{\text{out}} = \left\lfloor \frac{n + 2p - d\,(K-1) - 1}{s} \right\rfloor + 1$$
#
# This is relationship 6 of Dumoulin and Visin (2016) with the dilated kernel's reach
# for its size. The floor matters: pixels at the right edge that no whole step reaches
# are silently never looked at.


# %%
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    """Length of a convolution's output along one axis; a ValueError if nothing fits."""
    reach = dilation * (kernel - 1) + 1
    size = n + 2 * padding
    if size < reach:
        raise ValueError(
            f"the kernel needs {reach} pixels; the padded image has {size}"
        )
    return (size - reach) // stride + 1


for n in (27, 28, 29):
    print(f"{n} pixels, kernel 5, stride 2:", output_size(n, 5, stride=2))

# %% [markdown]
# Images of 27 and 28 pixels give the same size: at 28 the last column is lost.
#
# ## 4 Convolution or correlation?
#
# Signal processing defines convolution with a minus sign, which flips the kernel in
# both directions:
#
# $$(x * W)_{ij} = \sum_u \sum_v W_{uv}\, x_{i-u,\; j-v}$$
#
# Deep learning leaves the flip out and still says "convolution"; the precise name of
# what we compute is **cross-correlation**. PyTorch's documentation of `nn.Conv2d` says
# so too. A learnt kernel does not care: it comes out flipped. A kernel copied from a
# book does.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: flipped or not?
#
# The **convolution theorem** says: the Fourier transform of $x * W$ is the product of
# the transforms. It holds for one of the two definitions. Which kernel makes
# `correlate` agree with it, `weight` or `weight.flip(0, 1)`?
#
# </div>

# %%
size = (x.shape[0] + 1, x.shape[1] + 1)  # H + K - 1: room for every overlap
spectrum = torch.fft.rfft2(x, size) * torch.fft.rfft2(weight, size)
theorem = torch.fft.irfft2(spectrum, size)  # (5, 5): the true convolution
# K - 1 zeros on each side: the same overlaps for our loop
padded = F.pad(x, (1, 1, 1, 1))

# %% tags=["result"]
for name, kernel in {"weight": weight, "weight.flip(0, 1)": weight.flip(0, 1)}.items():
    difference = (correlate(padded, kernel) - theorem).abs().max()
    print(f"correlate with {name}: largest difference {difference:.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The flipped kernel agrees; the other one misses by whole numbers.
# </details>
#
# So wherever an article's formula has $x_{i-u,\,j-v}$ beside code that runs `F.conv2d`,
# one of the two is wrong.

# %% [markdown]
# ## 5 Channels, bias, stride, padding, dilation
#
# An image has channels (three for colour; later, one for each feature), and a layer has
# several kernels, one for each output channel $o$. Each kernel covers *all* input
# channels $c$, and each output channel has *one* bias:
#
# $$y_{o,i,j} = b_o + \sum_{c} \sum_{u} \sum_{v}
# W_{o,c,u,v}\; \tilde x_{c,\; s\,i + d\,u,\; s\,j + d\,v}$$
#
# where $\tilde x$ is the image with its padding.

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: conv2d with stride and padding
#
# *medium · about 25 minutes*
#
# Write `my_conv2d` without PyTorch's convolutions (`F.conv2d`, `F.conv1d`, `nn.Conv2d`
# and so on) and without `F.unfold`; loops and `Tensor.unfold` are welcome. The kernel
# is not flipped. `stride` and `padding` are tuples, rows first: `stride = (2, 1)` moves
# down two rows, but right one column, at a time. `padding = (p_h, p_w)` adds `p_h` rows
# of zeros above and below, and `p_w` columns left and right. The kernel fits on the
# padded image; kernel and padding may be larger than the image. Places where it fits
# only in part are left out.
#
# The output has the shape $(B, C_{out}, H_{out}, W_{out})$. The check compares it and
# the gradients for `x`, `weight` and `bias`: compute with tensors throughout.
#
# </div>


# %%
def my_conv2d(x, weight, bias, stride, padding):
    """Cross-correlation of x (B, C_in, H, W) with weight (C_out, C_in, K_h, K_w), plus
    bias (C_out,)."""
    raise NotImplementedError


exercises.cnn.conv2d.check(my_conv2d)

# %% [markdown]
# The loop version with everything in it. The three inner sums stand in one line now:
# they are the sum over a patch.


# %%
def pair(value):
    """3 -> (3, 3); (2, 1) -> (2, 1): one number counts for rows and columns."""
    return (value, value) if isinstance(value, int) else tuple(value)


# %%
def conv2d_loops(x, weight, bias, stride=1, padding=0, dilation=1):
    """The equation as loops. x (B, C_in, H, W), weight (C_out, C_in, K_h, K_w),
    bias (C_out,) -> (B, C_out, H_out, W_out)."""
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = pair(stride), pair(padding), pair(dilation)
    k_h, k_w = weight.shape[2:]
    x = F.pad(
        x, (p_w, p_w, p_h, p_h)
    )  # zeros on each side; F.pad names the last axis first
    h_out, w_out = (
        output_size(x.shape[2], k_h, s_h, 0, d_h),
        output_size(x.shape[3], k_w, s_w, 0, d_w),
    )
    y = x.new_zeros(len(x), len(weight), h_out, w_out)
    for i in range(h_out):
        for j in range(w_out):
            top, left = i * s_h, j * s_w
            patch = x[
                :, None, :, top : top + d_h * k_h : d_h, left : left + d_w * k_w : d_w
            ]
            y[:, :, i, j] = bias + (patch * weight).sum(
                (2, 3, 4)
            )  # (B, C_out, C_in, K_h, K_w) -> (B, C_out)
    return y


# %% [markdown]
# ## 6 The vectorised form
#
# Python loops over places are slow, and there are many places. There are few kernel
# taps. So turn it round: loop over the taps, and let each line of code serve all places
# at once.
#
# Along one axis, kernel element $u$ meets the pixels $du,\; du+s,\; du+2s, \dots$: one
# strided slice.


# %%
def taps(n, kernel, stride, dilation):
    """For each element of a kernel, the slice of an axis of n pixels that it meets."""
    last = stride * (output_size(n, kernel, stride, 0, dilation) - 1)
    return [slice(u * dilation, u * dilation + last + 1, stride) for u in range(kernel)]


for u, pixels in enumerate(taps(9, kernel=3, stride=2, dilation=1)):
    print(f"element {u} meets the pixels", list(range(9))[pixels])

# %% [markdown]
# Stack the $K_w$ slices of the columns beside the channels. For a fixed kernel row $u$,
# the sum over $c$ and $v$ is then one matrix product, $W_u\,(C_{out} \times C_{in}K_w)$
# times the pixels that it meets, and `torch.baddbmm(y, a, b)` computes $y + ab$ for a
# batch.


# %%
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """As conv2d_loops, a matrix product for each row of the kernel; bias or None."""
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = pair(stride), pair(padding), pair(dilation)
    c_in, k_h, k_w = weight.shape[1:]
    if x.shape[1] != c_in:
        raise ValueError(f"x has {x.shape[1]} channels, but the kernels cover {c_in}")
    x = F.pad(x, (p_w, p_w, p_h, p_h))
    rows, columns = taps(x.shape[2], k_h, s_h, d_h), taps(x.shape[3], k_w, s_w, d_w)
    stacked = torch.stack([x[..., v] for v in columns], 2)
    stacked = stacked.flatten(1, 2)  # (B, C_in · K_w, H, W_out)
    y = x.new_zeros(()) if bias is None else bias[:, None]
    for u, row in enumerate(rows):
        met = stacked[:, :, row]  # (B, C_in · K_w, H_out, W_out)
        w_u = weight[:, :, u].flatten(1)  # (C_out, C_in · K_w)
        w_u = w_u.expand(len(x), -1, -1)  # (B, C_out, C_in · K_w)
        y = torch.baddbmm(y, w_u, met.flatten(2))  # (B, C_out, H_out · W_out)
    return y.unflatten(2, met.shape[2:])


# %% [markdown]
# ## 7 Proof: it equals the loops, and it equals PyTorch
#
# `check_agreement` calls two functions with the same numbers in float64 and compares
# the outputs and the gradient of *every* tensor, to a relative $10^{-9}$. It raises an
# error if anything differs. The cases are awkward on purpose: a batch of one, sides of
# different lengths, a kernel that is not square, and a different stride, padding and
# dilation for rows and columns.


# %%
def random_case(batch, c_in, h, w, c_out, k_h, k_w, seed=0):
    """Random x, weight and bias of the given sizes, float64."""
    rng = torch.Generator().manual_seed(seed)
    shapes = [(batch, c_in, h, w), (c_out, c_in, k_h, k_w), (c_out,)]
    drawn = [torch.randn(some, generator=rng, dtype=torch.float64) for some in shapes]
    return dict(zip(("x", "weight", "bias"), drawn, strict=True))


awkward = random_case(1, 3, 9, 7, 2, 3, 2)
awkward |= {"stride": (2, 1), "padding": (1, 2), "dilation": (2, 3)}
check_agreement(conv2d, conv2d_loops, **awkward)
check_agreement(conv2d_loops, F.conv2d, **awkward)
check_agreement(conv2d, F.conv2d, **awkward)
check_agreement(conv2d, F.conv2d, **random_case(4, 1, 28, 28, 6, 5, 5))
# The kernel fits exactly once.
check_agreement(conv2d, F.conv2d, **random_case(2, 2, 3, 4, 3, 3, 4))

# %% [markdown]
# The tests of the course repeat this for random shapes.
#
# ## 8 Play with it
#
# Play the scan: the window moves, and row by row the sums fill the output. Then drag
# the window yourself, or click a value of the output. "More" has stride, padding,
# dilation, the position, and nine fields for a kernel of your own. Three things to try:
#
# - "vertical edges" on the digit: where is the output negative, and why there?
# - stride 2: how many of the output's values are left? Padding 1 on the photograph:
#   what changes at the border?
# - dilation 4 on the photograph: the window is 9 × 9, but how many pixels does one
#   output value see?

# %% tags=["explorer"]
photo = data.photograph()
explorers.cnn.sliding_kernel(
    conv2d, {"digit": digits.x_train[1, 0], "photograph": photo.pixels}
)

# %% [markdown]
# <details><summary>Answers</summary>
#
# The kernel takes the right side minus the left side, so going from a white stroke to
# the black on its right gives negative numbers. Stride 2 keeps 13 × 13 of the 26 × 26
# values. With padding 1 the output is as large as the image, and its border rows and
# columns mix real pixels with zeros. Dilated or not, one output value sees nine pixels.
# </details>

# %% [markdown]
# ## 9 A convolution is a matrix
#
# Every output value is a weighted sum of pixels, so the whole convolution is one matrix
# $M$ that acts on the flattened image: $\operatorname{vec}(y) = M
# \operatorname{vec}(x)$. Its column $k$ is what the convolution makes of an image that
# is 1 at pixel $k$ and 0 elsewhere.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: the shape of M
#
# Take an image of 5 × 5 and a kernel of 3 × 3, without padding. What shape has $M$? How
# many of its numbers are not zero? How many different non-zero numbers are there at
# most?
#
# </div>


# %%
def convolution_matrix(weight, h, w):
    """The matrix of a one-channel convolution, stride 1. weight (K_h, K_w)
    -> (H_out · W_out, H · W)."""
    pixels = torch.eye(h * w, dtype=weight.dtype)  # an image for each pixel
    pixels = pixels.reshape(h * w, 1, h, w)
    return conv2d(pixels, weight[None, None]).flatten(1).T


weight = torch.arange(1.0, 10, dtype=torch.float64).reshape(3, 3)
matrix = convolution_matrix(weight, 5, 5)

# %% tags=["result"]
print(tuple(matrix.shape), "non-zero:", (matrix != 0).sum().item())
plots.grids(
    {"M": matrix},
    title="A 3 × 3 kernel on a 5 × 5 image as a matrix",
    size=3.2,
    alt="cnn.as_matrix",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# $(9, 25)$: nine outputs, 25 pixels. Nine numbers in each row are not zero, 81 in all,
# and they are always the same nine.
# </details>
#
# A dense layer of this size would have 225 free weights. What makes convolutions cheap
# to learn is visible here: **sparsity** (the zeros) and **weight sharing** (the bands).

# %% [markdown]
# The backward pass of $y = Mx$ is $\partial L/\partial x = M^\top\, \partial L/\partial
# y$. The transpose spreads each output's gradient over the pixels that it came from.
# PyTorch calls it `conv_transpose2d`.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: does the transpose undo it?
#
# Is the transposed convolution the inverse of the convolution: does $M^\top M x$ give
# $x$ back?
#
# </div>

# %%
rng = torch.Generator().manual_seed(0)
x = torch.randn(5, 5, generator=rng, dtype=torch.float64, requires_grad=True)
y = conv2d(x[None, None], weight[None, None])[0, 0]  # (3, 3)
upstream = torch.arange(9.0, dtype=torch.float64).reshape(3, 3)
(gradient,) = torch.autograd.grad(y, x, upstream)
spread = F.conv_transpose2d(upstream[None, None], weight[None, None])[0, 0]

# %% tags=["result"]
pairs = {
    "y and M x": (y.flatten(), matrix @ x.flatten()),
    "gradient and transposed matrix": (
        gradient.flatten(),
        matrix.T @ upstream.flatten(),
    ),
    "gradient and conv_transpose2d": (gradient, spread),
    "x and the transpose of its convolution": (x.flatten(), matrix.T @ y.flatten()),
}
for names, (left, right) in pairs.items():
    print(f"{names}: largest difference {(left - right).abs().max():.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# It is not. It has the *shape* of the inverse, but it is not the inverse. The name
# "deconvolution" for it is a misnomer. The other three pairs are equal.
# </details>

# %% [markdown]
# ## 10 The backward pass by hand
#
# Let $g = \partial L/\partial y$ be the upstream gradient of the loss $L$. A weight is
# used at every place and in every image of the batch: what does that say about its
# gradient? Derive it before you read on.

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: the gradient for the kernel, by hand
#
# *hard · about 30 minutes*
#
# `y` is the cross-correlation of `x` $(B, C_{in}, H, W)$ with a kernel $W$, with stride
# 1 and no padding. Backpropagation brings you `grad_y` $= \partial L / \partial y$, of
# the shape $(B, C_{out}, H_{out}, W_{out})$. Return $\partial L / \partial W$, of the
# shape $(C_{out}, C_{in}, K_h, K_w)$. `kernel` is the tuple `(K_h, K_w)`. Differentiate
# one output with respect to one kernel element, then apply the chain rule: no autograd,
# `torch.func` or `torch.nn.grad`. `F.conv2d` and loops are allowed. Your result needs
# no gradient of its own. Numbers range from $10^{-9}$ to $10^4$.
#
# By hand first: `x` has one row `[1, 2, 4]`, the kernel two elements, and `grad_y` is
# `[10, 1]`. The gradient is `[12, 24]`. Why?
#
# </div>


# %%
def my_weight_gradient(x, grad_y, kernel):
    """dL/dW (C_out, C_in, K_h, K_w) from x (B, C_in, H, W) and dL/dy
    (B, C_out, H_out, W_out)."""
    raise NotImplementedError


exercises.cnn.weight_gradient.check(my_weight_gradient)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The outputs are $y_0 = 1 w_0 + 2 w_1$ and $y_1 = 2 w_0 + 4 w_1$. So $w_0$ meets the
# pixels 1 and 2, and $w_1$ meets 2 and 4. Each pixel is multiplied by the upstream
# gradient of its output: $10 \cdot 1 + 1 \cdot 2 = 12$ and $10 \cdot 2 + 1 \cdot 4 =
# 24$.
#
# </details>

# %% [markdown]
# With $k$ counting the images of the batch, the equation of section 5 differentiated
# for each of its inputs is
#
# $$\frac{\partial L}{\partial b_o} = \sum_{k,i,j} g_{k,o,i,j} \qquad
# \frac{\partial L}{\partial W_{o,c,u,v}}
# = \sum_{k,i,j} g_{k,o,i,j}\; \tilde x_{k,c,\,si+du,\,sj+dv}$$
#
# $$\frac{\partial L}{\partial \tilde x_{k,c,m,n}}
# = \sum_{o}\;
# \sum_{\substack{u,i:\; si+du=m\\ v,j:\; sj+dv=n}} g_{k,o,i,j}\, W_{o,c,u,v}$$
#
# In code the three sums use the same slices as the forward pass: where it *read* pixels
# through a slice, the backward pass *adds* to them through the same slice. A
# `torch.autograd.Function` holds both passes.


# %%
def weight_gradient(stacked, g, rows, columns):
    """The second sum. stacked (B, C_in · K_w, H, W_out), g (B, C_out, H_out, W_out)
    -> as weight."""
    by_row = [(g.flatten(2) @ stacked[:, :, row].flatten(2).mT).sum(0) for row in rows]
    by_row = torch.stack(by_row, 1)  # (C_out, K_h, C_in · K_w)
    by_row = by_row.unflatten(2, (-1, len(columns)))  # (C_out, K_h, C_in, K_w)
    return by_row.transpose(1, 2)  # (C_out, C_in, K_h, K_w)


def input_gradient(g, weight, rows, columns, shape):
    """The third sum: each pixel gets what the outputs that read it send. -> `shape`."""
    c_in, k_w = weight.shape[1], len(columns)
    stacked = g.new_zeros(len(g), c_in * k_w, shape[2], g.shape[3])
    for u, row in enumerate(rows):
        sent = weight[:, :, u].flatten(1).T @ g.flatten(
            2
        )  # (B, C_in · K_w, H_out · W_out)
        stacked[:, :, row] += sent.unflatten(2, g.shape[2:])
    grad_x = g.new_zeros(shape)
    for v, column in enumerate(columns):
        grad_x[..., column] += stacked.unflatten(1, (c_in, k_w))[:, :, v]
    return grad_x


# %%
class Convolution(torch.autograd.Function):
    """conv2d of a padded x, both passes by hand; stride and dilation are pairs."""

    @staticmethod
    def forward(ctx, x, weight, bias, stride, dilation):
        (h, w), (k_h, k_w) = x.shape[2:], weight.shape[2:]
        rows = taps(h, k_h, stride[0], dilation[0])
        columns = taps(w, k_w, stride[1], dilation[1])
        stacked = torch.stack([x[..., v] for v in columns], 2).flatten(1, 2)
        ctx.save_for_backward(stacked, weight)
        ctx.taps, ctx.shape = (rows, columns), x.shape
        size = stacked[0, 0, rows[0]].shape  # (H_out, W_out)
        y = bias[:, None].repeat(len(x), 1, size.numel())  # (B, C_out, H_out · W_out)
        for u, row in enumerate(rows):
            w_u = weight[:, :, u].flatten(1).expand(len(x), -1, -1)
            y.baddbmm_(w_u, stacked[:, :, row].flatten(2))
        return y.unflatten(2, size)

    @staticmethod
    def backward(ctx, g):
        stacked, weight = ctx.saved_tensors
        grad_x = None  # of the images, which the first layer reads, nobody wants it
        if ctx.needs_input_grad[0]:
            grad_x = input_gradient(g, weight, *ctx.taps, ctx.shape)
        grad_weight = weight_gradient(stacked, g, *ctx.taps)
        return grad_x, grad_weight, g.sum((0, 2, 3)), None, None


# %%
def conv2d_by_hand(x, weight, bias, stride=1, padding=0, dilation=1):
    """conv2d with the hand-derived backward pass."""
    p_h, p_w = pair(padding)
    x = F.pad(x, (p_w, p_w, p_h, p_h))
    return Convolution.apply(x, weight, bias, pair(stride), pair(dilation))


check_agreement(conv2d_by_hand, conv2d, **awkward)
check_agreement(conv2d_by_hand, F.conv2d, **awkward)
check_agreement(conv2d_by_hand, F.conv2d, **random_case(4, 1, 28, 28, 6, 5, 5))

# %% [markdown]
# Why bother, where autograd gives the same numbers? Autograd keeps each of the $K_h$
# products' inputs and adds the gradients in fresh memory each time; by hand, we keep
# one tensor and add in place. That is faster by about a quarter (`make bench` has the
# ratios), and it is what trains the net below.

# %% [markdown]
# ## 11 Pooling
#
# Max pooling takes the largest value of each window, in each channel by itself. It has
# no weights, a window of $K$, and a stride that is usually $K$ too:
#
# $$y_{c,i,j} = \max_{0 \le u,v < K} \tilde x_{c,\; s\,i+u,\; s\,j+v}$$
#
# Padding must not win: it is $-\infty$, not 0, or a window of negative values would
# report a 0 that is not there.

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: max pooling with stride and padding
#
# *medium · about 20 minutes*
#
# Write `my_max_pool2d` without PyTorch's pooling functions and modules; loops are
# welcome. `kernel`, `stride` and `padding` are tuples, rows first. `padding = (p_h,
# p_w)` adds `p_h` rows above and as many below, and `p_w` columns left and right;
# padding must never win, so it counts as minus infinity. It is at most half the kernel.
# Windows that do not fit whole on the padded image are left out.
#
# `x` holds finite numbers of any size, in float64 also $-10^{300}$; those of one window
# all differ. The output has the shape $(B, C, H_{out}, W_{out})$. The check compares
# values and the gradient for `x`.
#
# </div>


# %%
def my_max_pool2d(x, kernel, stride, padding):
    """Largest value of each window of x (B, C, H, W), in each channel by itself."""
    raise NotImplementedError


exercises.cnn.max_pool2d.check(my_max_pool2d)

# %% [markdown]
# The gradient goes to the winner alone. Where two are equal, PyTorch takes the first,
# and so does a strict `>`.


# %%
def windows(x, kernel, stride, padding, fill):
    """What each element of the window meets: a list of (B, C, H_out, W_out)."""
    (k_h, k_w), (s_h, s_w) = pair(kernel), pair(stride or kernel)
    p_h, p_w = pair(padding)
    x = F.pad(x, (p_w, p_w, p_h, p_h), value=fill)
    rows, columns = taps(x.shape[2], k_h, s_h, 1), taps(x.shape[3], k_w, s_w, 1)
    return [x[:, :, u, v] for u in rows for v in columns]


def max_pool2d(x, kernel, stride=None, padding=0):
    """The largest value of each window, (B, C, H_out, W_out). No stride: the kernel."""
    best, *others = windows(x, kernel, stride, padding, -torch.inf)
    for value in others:
        best = torch.where(value > best, value, best)  # of equal values the first stays
    return best


def avg_pool2d(x, kernel, stride=None, padding=0):
    """The mean of each window; the padding's zeros count, as in PyTorch."""
    values = windows(x, kernel, stride, padding, 0.0)
    return sum(values) / len(values)


# %%
image = random_case(2, 3, 7, 10, 1, 1, 1)["x"]
for name, x in {
    "random": image,
    "ties": image.round(),
    "all negative": image - 9,
}.items():
    for ours, theirs in ((max_pool2d, F.max_pool2d), (avg_pool2d, F.avg_pool2d)):
        check_agreement(
            lambda x, pool=ours: pool(x, 3, (2, 3), 1),
            lambda x, pool=theirs: pool(x, 3, (2, 3), 1),
            x=x,
            label=f"{ours.__name__}, {name}",
        )

# %% [markdown]
# ## 12 What a convolution saves, and what it keeps
#
# How many numbers must a convolution learn, and how many multiplications does it do?

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: count the parameters
#
# *easy · about 8 minutes*
#
# Return the number of parameters of a two-dimensional convolution from `c_in` to
# `c_out` channels, as a Python `int`. `kernel` is the tuple `(K_h, K_w)`. `bias` is
# `True` or `False`: with or without one. With `groups` > 1 the channels are split into
# that many groups, side by side: an output channel sees the input channels of its own
# group only. Both channel counts are multiples of `groups`. Results go up to $10^{18}$:
# stay with whole numbers. No memory holds such a layer.
#
# By hand first: 3 colours to 16 channels, a kernel of 5 × 5, one group, with bias. And
# a linear layer from 28 · 28 · 3 numbers to 16?
#
# </div>


# %%
def my_parameter_count(c_in, c_out, kernel, groups, bias):
    """The number of parameters of a convolution, as an int."""
    raise NotImplementedError


exercises.cnn.parameter_count.check(my_parameter_count)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The convolution has $16 \cdot 3 \cdot 5 \cdot 5 = 1{,}200$ weights and 16 biases:
# 1,216. The linear layer has $28 \cdot 28 \cdot 3 \cdot 16 = 37{,}632$ weights and 16
# biases: 37,648.
#
# </details>

# %% [markdown]
# With one group there are $C_{out}(C_{in}K_hK_w + 1)$ parameters, whatever the image's
# size, and $C_{out}\,C_{in}K_hK_w$ multiplications for each output pixel. A dense layer
# has a weight for each pair of an input and an output value.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: what does sharing save?
#
# A layer goes from 16 channels of 12 × 12 to 32 channels of 8 × 8, with kernels of 5 ×
# 5. How many times more parameters would a dense layer have? How many times more
# multiplications?
#
# </div>

# %%
values_in, values_out, fan_in = 16 * 12 * 12, 32 * 8 * 8, 16 * 5 * 5
parameters = {"convolution": 32 * (fan_in + 1), "dense": values_out * (values_in + 1)}
multiplications = {"convolution": values_out * fan_in, "dense": values_out * values_in}

# %% tags=["result"]
both = {"parameters": parameters, "multiplications": multiplications}
for what, counts in both.items():
    ratio = counts["dense"] / counts["convolution"]
    print(f"{what}: {counts['convolution']:,} against {counts['dense']:,},", end=" ")
    print(f"{ratio:.0f} times as many")

# %% [markdown]
# <details><summary>Answer</summary>
#
# 368 times the parameters, but only 6 times the multiplications. Sharing saves far more
# memory than work: the weights are few, but each is used at all 64 places.
# </details>

# %% [markdown]
# ### Translation equivariance
#
# Let $T_a$ shift an image by $a$ pixels. Cross-correlation commutes with it, $f(T_a x)
# = T_a f(x)$: moving the digit moves its features, and changes nothing else. It follows
# from the equation at once: put $x_{i-a}$ for $x_i$. But the equation has no edges, and
# a layer has.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: which layers commute with a shift?
#
# Which of these commute with a shift by one pixel: a plain convolution; one with zero
# padding, inside and at the border; one of stride 2; max pooling of 2? And with a shift
# by two pixels?
#
# </div>


# %%
def shifted(x, shift):
    """x (B, C, H, W) moved right by `shift` columns; zeros come in."""
    return F.pad(x, (shift, 0, 0, 0))[..., : x.shape[3]]


def equivariance_error(layer, x, shift, jump=1):
    """Largest |layer(T x) - T layer(x)|, where T moves x (B, C, H, W) right by `shift`.

    The output moves by shift / jump columns; the columns at the edges are left out.
    """
    out = shift // jump
    y, y_moved = layer(x), layer(shifted(x, shift))
    inside = y_moved[..., out + 1 : -1] - y[..., 1 : y.shape[3] - out - 1]
    return inside.abs().max().item()


# %%
x = random_case(1, 1, 16, 16, 1, 1, 1)["x"]
kernel = random_case(1, 1, 3, 3, 1, 3, 3)["weight"]
layers = {
    "convolution": (lambda x: conv2d(x, kernel), 1),
    "stride 2": (lambda x: conv2d(x, kernel, stride=2), 2),
    "max pooling of 2": (lambda x: max_pool2d(x, 2), 2),
}
padded, padded_moved = (conv2d(z, kernel, padding=1) for z in (x, shifted(x, 1)))
differences = (padded_moved[..., 1:] - padded[..., :-1]).abs().amax((0, 1, 2))  # (15,)

# %% tags=["result"]
for name, (layer, jump) in layers.items():
    errors = [equivariance_error(layer, x, shift, jump) for shift in (1, 2)]
    print(
        f"{name}: largest error of a shift by 1 {errors[0]:.2f}, by 2 {errors[1]:.2f}"
    )
print(f"padding 1: inside {differences[1:-1].max():.2f},", end=" ")
print(f"at the right border {differences[-1]:.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The plain convolution commutes with every shift, and padding does no harm inside.
# Stride 2 and pooling commute with a shift by two pixels, not by one. At the border
# padding does not.
# </details>
#
# A stride (and pooling is one) keeps the grid of every second pixel: a shift by one
# pixel samples the image elsewhere, and only multiples of the stride commute. Zero
# padding tells the layer where the border is. So a CNN is *roughly* equivariant, and
# its last layers make that into *rough* invariance. Section 20 measures how rough.

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: an equivariance probe
#
# *medium · about 20 minutes*
#
# Let $f$ be the cross-correlation of `x` $(B, C_{in}, H, W)$ with `weight`, stride 1,
# no bias, with `padding` zeros on each of the four sides, and $T$ the shift to the
# right by `shift` columns: zeros enter at the left edge; what passes the right edge is
# lost. Return for each output column the largest $|f(Tx) - T f(x)|$ over batch,
# channels and rows: a tensor $(W_{out},)$. `F.conv2d` is allowed.
#
# `shift` is not negative and may exceed the image's or output's width. Errors as small
# as $10^{-6}$ count.
#
# By hand first: the row `[1, 2, 3, 4]`, the kernel `[1, 1]`, no padding, a shift by 1.
# Why is one error not 0?
#
# </div>


# %%
def my_shift_error(x, weight, padding, shift):
    """Largest |f(T x) - T f(x)| in each output column, a tensor (W_out,)."""
    raise NotImplementedError


exercises.cnn.equivariance.check(my_shift_error)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $Tx = (0, 1, 2, 3)$, so $f(Tx) = (1, 3, 5)$. And $f(x) = (3, 5, 7)$, so $T f(x) = (0,
# 3, 5)$. The errors are $(1, 0, 0)$: $T$ puts a zero into the first column of the
# output, but the kernel there already reads the 1.
#
# </details>

# %% [markdown]
# ## 13 The receptive field
#
# Which pixels can change one unit deep in the net? Go up layer by layer, and keep two
# numbers: the field's size $r$ and the **jump** $j$, the distance in pixels between the
# fields of two neighbours. At the input both are 1.

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: how far does a unit see?
#
# *medium · about 15 minutes*
#
# `layers` is a list of tuples `(kernel, stride, dilation)`, `int`s of at least 1, for
# convolutions and poolings along one axis, from input to output. Return the pair of
# Python `int`s `(size, jump)`: `size` is the length of one output unit's receptive
# field, counted in input pixels from the first that it depends on to the last, and
# `jump` is the distance in input pixels between two neighbouring units' fields. Without
# layers both are 1. There may be 40 layers, and fields of $10^{18}$ pixels: visit
# layers, not pixels.
#
# By hand first: a kernel of 3 with stride 2, then one of 3 with stride 1. Draw it.
#
# </div>


# %%
def my_receptive_field(layers):
    """(size, jump) of a stack of layers (kernel, stride, dilation) along one axis, as
    ints."""
    raise NotImplementedError


exercises.cnn.receptive_field.check(my_receptive_field)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The output unit reads 3 units of the first layer, which lie 2 pixels apart. Each of
# them sees 3 pixels: 0 to 2, 2 to 4 and 4 to 6. So the size is $3 + 2 \cdot 2 = 7$. The
# next output unit begins one unit of the first layer further on, so the jump is 2.
#
# </details>

# %% [markdown]
# A unit reads $K$ units of the layer below, which lie $d$ apart, so $dj$ pixels; its
# neighbour begins $s$ units further:
#
# $$r \leftarrow r + (K-1)\,d\,j \qquad j \leftarrow j\,s$$
#
# The order matters: $r$ grows by the *old* jump.


# %%
def receptive_field(layers):
    """(size, jump) in pixels after layers (kernel, stride, dilation), input first."""
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * jump
        jump *= stride
    return size, jump


# convolution, pooling, convolution, pooling
LENET = [(5, 1, 1), (2, 2, 1), (5, 1, 1), (2, 2, 1)]
print("LeNet's last feature map (size, jump):", receptive_field(LENET))

# %% [markdown]
# A formula can be checked against the thing itself: the pixels that a unit sees are
# those for which its gradient is not zero.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: which rows does it see?
#
# For the unit in row 1, column 1 of LeNet's last feature map: which is the first row of
# the image that it sees, and which the last?
#
# </div>

# %%
rng = torch.Generator().manual_seed(0)
x = torch.rand(1, 1, 28, 28, generator=rng, dtype=torch.float64).requires_grad_()
ones = torch.ones(1, 1, 5, 5, dtype=torch.float64)  # positive: nothing cancels
y = avg_pool2d(conv2d(avg_pool2d(conv2d(x, ones), 2), ones), 2)  # (1, 1, 4, 4)
(gradient,) = torch.autograd.grad(y[0, 0, 1, 1], x)
seen = gradient[0, 0].nonzero()  # (N, 2): rows and columns

# %% tags=["result"]
first, last = seen.amin(0).tolist(), seen.amax(0).tolist()
print(f"rows and columns {first} to {last}, {len(seen)} pixels")

# %% jupyter={"source_hidden": true} cellView="form"
# Check: the pixels counted are the square of the size that the formula gives
assert len(seen) == receptive_field(LENET)[0] ** 2
assert seen.amin() == 4 and seen.amax() == 19

# %% [markdown]
# <details><summary>Answer</summary>
#
# Rows 4 to 19, sixteen of them. They begin at $1 \cdot j = 4$.
# </details>

# %% [markdown]
# Press any unit of any layer, and choose other layers, LeNet's too; "More" has their
# numbers:

# %% tags=["explorer"]
explorers.cnn.receptive_field(receptive_field)

# %% [markdown]
# Try: three convolutions of kernel 3 and stride 1; the same with stride 2; then with
# the dilations 1, 2 and 4. The title adds the field up, $(K-1)\,d\,j$ for each layer.
# What makes the terms equal, and what makes them grow?
#
# <details><summary>Answer</summary>
#
# With stride 1 every layer adds the same $K-1$. A stride multiplies the jump $j$ of all
# later layers, since they work on a coarser grid. Growing dilations do to $d$ what
# strides do to $j$, and the jump stays 1.
#
# </details>
#
# ## 14 A kernel can be learnt
#
# Nobody needs to know the edge kernel: an image and its edges suffice. Start from
# random numbers and descend the gradient of the mean squared error $L = \frac1n\sum (W
# \star x - y)^2$, where $\star$ is the cross-correlation.

# %%
rng = torch.Generator().manual_seed(0)
edges = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64)
# Noise has all directions equally often.
x = torch.randn(1, 1, 64, 64, generator=rng, dtype=torch.float64)
target = conv2d(x, edges[None, None])
start = torch.randn(1, 1, 3, 3, generator=rng, dtype=torch.float64)
weight = start.clone().requires_grad_()
for _ in range(40):
    loss = (conv2d(x, weight) - target).square().mean()
    (gradient,) = torch.autograd.grad(loss, weight)
    weight = (weight - 0.3 * gradient).detach().requires_grad_()

# %%
plots.grids(
    {
        "start": start[0, 0],
        "after 40 steps": weight[0, 0].detach(),
        "the kernel sought": edges,
    },
    title="Gradient descent finds the edge kernel",
    formats="{:.2f}",
    alt="cnn.kernel_found",
)

# %% [markdown]
# ## 15 Modules, and a net
#
# A layer is the function with its own weights. PyTorch draws them, and we do, uniformly
# from $\pm 1/\sqrt{\text{fan-in}}$, where the fan-in is the number of values that one
# output sums: $C_{in}K_hK_w$ here.


# %%
class Conv2d(nn.Module):
    """conv2d with learnt weight (C_out, C_in, K, K) and bias (C_out,)."""

    def __init__(self, c_in, c_out, kernel, padding=0):
        super().__init__()
        bound = (c_in * kernel * kernel) ** -0.5
        self.weight = nn.Parameter(
            torch.empty(c_out, c_in, kernel, kernel).uniform_(-bound, bound)
        )
        self.bias = nn.Parameter(torch.empty(c_out).uniform_(-bound, bound))
        self.padding = padding

    def forward(self, x):
        return conv2d_by_hand(x, self.weight, self.bias, padding=self.padding)


class Linear(nn.Module):
    """y = x Wᵀ + b with learnt weight (D_out, D_in) and bias (D_out,)."""

    def __init__(self, d_in, d_out):
        super().__init__()
        bound = d_in**-0.5
        self.weight = nn.Parameter(torch.empty(d_out, d_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(d_out).uniform_(-bound, bound))

    def forward(self, x):
        return x @ self.weight.T + self.bias  # (B, D_out)


# %%
class MaxPool2d(nn.Module):
    """max_pool2d with a stride of its kernel."""

    def __init__(self, kernel):
        super().__init__()
        self.kernel = kernel

    def forward(self, x):
        return max_pool2d(x, self.kernel)


class AvgPool2d(MaxPool2d):
    """avg_pool2d with a stride of its kernel."""

    def forward(self, x):
        return avg_pool2d(x, self.kernel)


# %%
class CNN(nn.Module):
    """Two convolutions, each with ReLU and 2 × 2 max pooling, then two linear layers.

    (B, 1, 28, 28) -> logits (B, 10). The arguments choose whose layers it is made of.
    """

    def __init__(self, conv=Conv2d, pool=MaxPool2d, linear=Linear):
        super().__init__()
        self.conv1, self.conv2 = conv(1, 16, 5), conv(16, 32, 5)
        self.pool = pool(2)
        self.hidden, self.output = linear(32 * 4 * 4, 64), linear(64, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))  # (B, 16, 12, 12)
        x = self.pool(torch.relu(self.conv2(x)))  # (B, 32, 4, 4)
        return self.output(torch.relu(self.hidden(x.flatten(1))))  # (B, 64) -> (B, 10)


# %% [markdown]
# The design goes back to LeNet (LeCun et al. 1998): convolutions find local features,
# pooling forgets their exact place, linear layers decide. 4 × 4 is not a guess: $28 \to
# 24 \to 12 \to 8 \to 4$ by the formula of section 3.

# %%
size = 28
for kernel, stride in ((5, 1), (2, 2), (5, 1), (2, 2)):
    size = output_size(size, kernel, stride)
print("side of the last feature map:", size)

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: where are the weights?
#
# Which of the four layers with weights has the most?
#
# </div>

# %%
weights = {
    name: sum(p.numel() for p in layer.parameters())
    for name, layer in CNN().named_children()
}

# %% tags=["result"]
for name, count in weights.items():
    print(f"{name}: {count:,} weights")
print(f"in all: {sum(weights.values()):,}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The hidden linear layer, with $512\cdot 64 + 64 = 32{,}832$: a convolution uses each
# weight at every place, a linear layer needs one for every pair.
# </details>

# %% [markdown]
# Two nets without convolutions will show what the convolutions are good for.


# %%
def linear_net():
    """One linear layer on the pixels: 7,850 parameters."""
    return nn.Sequential(nn.Flatten(), Linear(784, 10))


def mlp():
    """A hidden layer of 59 units: as many parameters as the CNN has, within 1 %."""
    return nn.Sequential(nn.Flatten(), Linear(784, 59), nn.ReLU(), Linear(59, 10))


for make in (linear_net, mlp, CNN):
    print(
        f"{make.__name__}: {sum(p.numel() for p in make().parameters()):,} parameters"
    )

# %% [markdown]
# ### Why the first weights matter (optional)
#
# If a layer's inputs have mean square $q$, its outputs have variance
# $\text{fan-in}\cdot\operatorname{Var}(w)\cdot q$, and ReLU passes half of their mean
# square on. So $q$ is multiplied by $\tfrac12\,\text{fan-in}\cdot\operatorname{Var}(w)$
# at each layer, and stays what it is for $\operatorname{Var}(w) = 2/\text{fan-in}$ (He
# et al. 2015). The uniform draw above has $\operatorname{Var}(w) =
# 1/(3\,\text{fan-in})$.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: how fast does the signal shrink?
#
# By what factor does the root mean square shrink at each layer under the uniform draw?
#
# </div>


# %%
def activation_sizes(draw, depth=8, channels=16):
    """Root mean square of the activations after each of `depth` 3 × 3 convolutions
    with ReLU, without bias."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(8, channels, 24, 24, generator=rng)
    sizes = []
    for _ in range(depth):
        weight = draw(
            torch.randn(channels, channels, 3, 3, generator=rng), channels * 9
        )
        x = torch.relu(conv2d(x, weight, padding=1))
        sizes.append(x.square().mean().sqrt().item())
    return sizes


DRAWS = {
    "variance 1/(3 fan-in), PyTorch's": lambda w, fan_in: w * (1 / (3 * fan_in)) ** 0.5,
    "variance 2/fan-in, He": lambda w, fan_in: w * (2 / fan_in) ** 0.5,
    "variance 8/fan-in": lambda w, fan_in: w * (8 / fan_in) ** 0.5,
}

# %% tags=["result"]
sizes = {name: activation_sizes(draw) for name, draw in DRAWS.items()}
plots.lines(
    sizes,
    title="Activations through eight layers, by the variance of the first weights",
    xlabel="layer",
    ylabel="root mean square",
    yscale="log",
    alt="cnn.initial_variance",
)
predicted = [(1 / 6) ** 0.5, 1.0, 2.0]  # the root of half of fan-in times variance
measured = [(s[-1] / s[0]) ** (1 / 7) for s in sizes.values()]
for name, factor, ratio in zip(sizes, predicted, measured, strict=True):
    print(f"{name}: factor a layer {factor:.2f} as predicted, {ratio:.1f} measured")

# %% jupyter={"source_hidden": true} cellView="form"
# Check: the factors are those predicted, to 15 %
assert all(abs(m / p - 1) < 0.15 for m, p in zip(measured, predicted, strict=True))

# %% [markdown]
# <details><summary>Answer</summary>
#
# By $\sqrt{1/6} \approx 0.41$.
# </details>
#
# After eight layers a thousandth is left, and the gradient that comes back shrinks
# alike. Two layers, as here, survive it; deep nets need He's variance or a
# normalisation. (Padding's zeros cost He's line a little.)

# %% [markdown]
# ## 16 Proof: the nets learn alike
#
# Equal functions are one thing; do the nets *train* alike? `CNN(nn.Conv2d,
# nn.MaxPool2d, nn.Linear)` is the same net on PyTorch's layers. It gets our weights and
# the same batches, both in float64, for 20 steps.


# %%
def first_losses(model, x, y, lr=0.05):
    """The losses of plain SGD on batches of 32 of x (N, 1, 28, 28), y (N,)."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for x_batch, y_batch in zip(x.split(32), y.split(32), strict=True):
        loss = F.cross_entropy(model(x_batch), y_batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


torch.manual_seed(0)
ours, theirs = CNN().double(), CNN(nn.Conv2d, nn.MaxPool2d, nn.Linear).double()
theirs.load_state_dict(ours.state_dict())
some = digits.x_train[:640].double(), digits.y_train[:640]  # 20 batches
difference = (first_losses(ours, *some) - first_losses(theirs, *some)).abs().max()
print(f"largest difference of the losses of 20 steps: {difference:.6f}")

# %% jupyter={"source_hidden": true} cellView="form"
# Check: the losses are equal to nine digits
assert difference <= 1e-9

# %% [markdown]
# ## 17 Real digits
#
# MNIST-5k holds 4,000 handwritten digits to train on and 1,000 to test on, 28 × 28
# pixels, all ten classes equally often. Guessing gets 10 % right. Everything about the
# training below was chosen by training on 3,400 of the 4,000 images and trying the
# other 600, four times over; the test images were looked at last.

# %%
plots.images(
    digits.x_train[:20],
    names=[str(label.item()) for label in digits.y_train[:20]],
    title="Twenty training digits and their labels",
    alt="cnn.digits",
)

# %% [markdown]
# ### What simple methods reach
#
# The nearest-neighbour rule needs no training: find the three training images with the
# smallest pixel-by-pixel distance, and let them vote.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: how good is no training at all?
#
# How many of 1,000 test digits does the vote of three neighbours read rightly? Guessing
# reads 100.
#
# </div>


# %%
def nearest_neighbours(x, x_train, y_train, k=3):
    """The majority label of the k nearest training images; of equal ones the smallest.
    (N, ...) -> (N,)."""
    distance = torch.cdist(x.flatten(1), x_train.flatten(1))  # (N, N_train)
    labels = y_train[distance.topk(k, largest=False).indices]  # (N, k)
    return F.one_hot(labels).sum(1).argmax(1)


guess = nearest_neighbours(digits.x_test, digits.x_train, digits.y_train)
knn = (guess == digits.y_test).sum().item()

# %% tags=["result"]
print(f"3 nearest neighbours: {knn / 10:.1f} % of 1,000")

# %% [markdown]
# A support-vector machine with a Gaussian kernel (scikit-learn's `SVC(C=10)`) gets 95.4
# % of the same images right. These two are what the net has to beat.

# %% [markdown]
# ## 18 Training
#
# Digits stay what they are when they are moved, turned, scaled, slanted or bent a
# little. So each time an image is used, it is drawn afresh: the new pixel $(x, y)$ is
# read at the place $(x', y')$ of the old image, by a small random map with a rotation
# $R(\alpha)$, a slant $\gamma$, a scale for each axis and a shift $t$,
#
# $$\begin{pmatrix}x'\\y'\end{pmatrix}
# = R(\alpha)\begin{pmatrix}1 & \gamma\\ 0 & 1\end{pmatrix}
# \begin{pmatrix}\sigma_x x\\ \sigma_y y\end{pmatrix} + t,$$
#
# and it is bent a little: a smooth random field, drawn on 4 × 4 points, is added to
# $(x', y')$. (Here $x$ and $y$ are places, $\sigma_x$ and $\sigma_y$ the two scales.)
# The net hardly ever sees the same pixels twice, and cannot learn them by heart. In the
# code `run` is the training run, which draws seeded random numbers.


# %%
def distort(x, run, angle=0.2, slant=0.2, scale=0.2, shift=0.14, bend=0.05):
    """Turn, slant, scale, shift and bend each image at random; at most by these radians
    and shares of its size.

    x (B, 1, H, W) -> the same shape; what comes in from outside is black.
    """
    u = 2 * run.uniform(len(x), 6) - 1  # from -1 to 1
    cos, sin, slant = (angle * u[:, 0]).cos(), (angle * u[:, 0]).sin(), slant * u[:, 1]
    s_x, s_y = (1 + scale * u[:, 2:4]).unbind(1)
    t_x, t_y = (shift * u[:, 4:6]).unbind(1)
    top = s_x * cos, s_y * (slant * cos - sin), t_x
    bottom = s_x * sin, s_y * (slant * sin + cos), t_y
    maps = torch.stack([*top, *bottom], 1).unflatten(1, (2, 3))  # (B, 2, 3)
    grid = F.affine_grid(maps, x.shape, align_corners=False)  # (B, H, W, 2)
    field = bend * run.normal(len(x), 2, 4, 4)
    field = F.interpolate(field, x.shape[2:], mode="bicubic")  # (B, 2, H, W)
    return F.grid_sample(x, grid + field.permute(0, 2, 3, 1), align_corners=False)


def augmented_loss(model, batch, run):
    """Cross-entropy in nats, mean over a batch of augmented digits."""
    x, y = batch
    return F.cross_entropy(model(distort(x, run)), y)


def plain_loss(model, batch, run):
    """Cross-entropy in nats, mean over a batch as it is."""
    x, y = batch
    return F.cross_entropy(model(x), y)


# %% [markdown]
# `training.fit` is a plain loop: it places model and batches on the device, calls the
# loss, steps, and keeps a history. The learning rate rises and falls once over the
# whole training (one-cycle), and the weights that are kept are a moving average over
# about the last hundred steps. It trains *our* `CNN`, both passes of every convolution
# by our own code.


# %%
EPOCHS = 30


def train(make, x, y, loss_fn, seed, epochs=EPOCHS, **settings):
    """Train make() on x (N, 1, 28, 28) with labels y (N,): the model and its history.
    settings: for fit."""
    torch.manual_seed(seed)
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    history = training.fit(
        model,
        loss_fn,
        (x, y),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=64,
        schedule="one-cycle",
        average=0.99,
        seed=seed,
        **settings,
    )
    return model, history


def count_right(model, x, y):
    """How many of the images the model classifies rightly."""
    return (training.predict(model, x).argmax(1) == y).sum().item()


# %% tags=["nbval-ignore-output"]
cnn, history = train(CNN, digits.x_train, digits.y_train, augmented_loss, seed=0)
correct = count_right(cnn, digits.x_test, digits.y_test)
low, high = wilson(correct, len(digits.y_test))
print(f"{correct / 10:.1f} % of 1,000 test digits,", end=" ")
print(f"95 % interval {100 * low:.1f} to {100 * high:.1f} %")

# %% jupyter={"source_hidden": true} cellView="form"
# Check: a good net reads 98 % of the test digits on every machine
assert correct >= 980

# %% [markdown]
# The curve below is the loss on *augmented* batches, smoothed over 20 steps. It is an
# honest training curve and still not the whole story: it says nothing about images
# never seen. The bars do.

# %%
smooth = torch.tensor(history.losses).unfold(0, 20, 1).mean(1)
plots.lines(
    {"loss, mean of 20 steps": (range(20, 20 + len(smooth)), smooth)},
    title="Training loss of the CNN on augmented digits",
    xlabel="step",
    ylabel="cross-entropy (nats)",
    yscale="log",
    alt="cnn.training",
)

# %%
plots.bars(
    {
        "guessing": 10,
        "3 nearest neighbours": knn / 10,
        "SVC, Gaussian kernel": 95.4,
        "our CNN": correct / 10,
    },
    errors={
        "3 nearest neighbours": [100 * p for p in wilson(knn, 1000)],
        "our CNN": [100 * low, 100 * high],
        "SVC, Gaussian kernel": [100 * p for p in wilson(954, 1000)],
    },
    title="Accuracy on 1,000 test digits, with 95 % intervals",
    xlabel="right (%)",
    xlim=(0, 110),
    alt="cnn.accuracies",
)

# %% [markdown]
# ### Is one run luck, and what did the augmentation do?
#
# The tables from here on are **recorded**: they were computed once, by the functions
# of the chapter's last section (`make results CH=01`), and the cells load the results.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: what is augmentation worth?
#
# How many times as many errors does the net make without the augmentation?
#
# </div>

# %%
rows = results.read("01", "seeds")

# %% tags=["result"]
mean = {}
for augment, name in ((True, "with augmentation"), (False, "without")):
    right = [row["correct"] / 10 for row in rows if row["augment"] == augment]
    mean[name] = sum(right) / len(right)
    print(f"{name}: {', '.join(f'{r:.1f}' for r in right)} %, mean {mean[name]:.2f} %")

# %% [markdown]
# <details><summary>Answer</summary>
#
# About twice as many: 23 for 11 of a thousand, in the mean of three seeds.
# </details>

# %% [markdown]
# ## 19 Looking into the net
#
# ### What it gets wrong
#
# The confusion matrix counts, for each true class (row), what the net said (column). An
# error's most informative number is how sure the net was of it.

# %%
logits = training.predict(cnn, digits.x_test)  # (1000, 10)
sure, said = logits.softmax(1).max(1)  # (1000,), (1000,)
confusion = torch.zeros(10, 10, dtype=torch.int64)
confusion.index_put_((digits.y_test, said), torch.tensor(1), accumulate=True)
plots.grids(
    {"true class (row), answer (column)": confusion},
    size=3,
    title="Confusion matrix of the CNN, test digits",
    alt="cnn.confusion",
)

# %%
wrong = (said != digits.y_test).nonzero().flatten()
wrong = wrong[sure[wrong].argsort(descending=True)][:10]  # the surest errors first
plots.images(
    digits.x_test[wrong],
    names=[f"{digits.y_test[i]} as {said[i]}\n{100 * sure[i]:.0f} %" for i in wrong],
    title="The surest errors: true class, answer, and its probability",
    size=0.95,
    titlesize=8,
    alt="cnn.surest_errors",
)

# %% [markdown]
# Many of these a human reader would doubt too. A net that is sure and wrong is the
# ordinary case, not an accident: nothing in the cross-entropy of the training set tells
# it what it has not seen.
#
# ### What it has learnt
#
# The sixteen kernels of the first layer, orange for negative weights and purple for
# positive ones, each shown relative to its own largest: edges and strokes at various
# angles. Nobody put them there. Below, the maps that they make of one digit.

# %%
kernels = cnn.conv1.weight.detach().cpu()  # (16, 1, 5, 5)
plots.images(
    kernels / kernels.abs().amax((2, 3), keepdim=True),
    names=[f"channel {o}" for o in range(16)],
    columns=8,
    signed=True,
    titlesize=8,
    title="The sixteen 5 × 5 kernels of the first convolution",
    alt="cnn.kernels",
)
device = next(cnn.parameters()).device
x = digits.x_test[:1].to(device)
plots.images(
    torch.relu(cnn.conv1(x))[0].detach().cpu(),
    columns=8,
    names=[f"channel {o}" for o in range(16)],
    titlesize=8,
    title="What they make of one digit, after ReLU",
    alt="cnn.feature_maps",
)

# %% [markdown]
# ### Which pixels decide? Two answers
#
# **Saliency** (Simonyan et al. 2014) is the gradient of the chosen class's logit with
# respect to the pixels: what an infinitesimal change would do. **Occlusion** (Zeiler
# and Fergus 2014) covers a block and measures how much the logit falls: what a large
# change does.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: does the background matter?
#
# Can a pixel of the black background change the answer?
#
# </div>


# %%
def saliency(model, x):
    """|d logit of the model's own answer / d pixel|. x (B, 1, H, W) -> (B, H, W)."""
    x = x.clone().requires_grad_()
    logits = model(x)
    (gradient,) = torch.autograd.grad(logits.max(1).values.sum(), x)
    return gradient.abs()[:, 0]


def occlusion(model, x, block=6, stride=2):
    """Fall of the answer's logit with a block blackened there. x (1, 1, H, W)
    -> (H_out, W_out)."""
    with torch.no_grad():
        logit, answer = model(x)[0].max(0)
        size = output_size(x.shape[-1], block, stride)
        covered = x.repeat(size * size, 1, 1, 1)
        for k in range(size * size):
            top, left = k // size * stride, k % size * stride
            covered[k, :, top : top + block, left : left + block] = 0
        return (logit - model(covered)[:, answer]).reshape(size, size)


# %% tags=["result"]
some = digits.x_test[[0, 100, 200, 300, 400]].to(device)
pictures = [
    *some.cpu(),
    *saliency(cnn, some).cpu(),
    *(occlusion(cnn, x[None]).cpu() for x in some),
]
pictures = [p.squeeze() / p.abs().max() for p in pictures]
plots.images(
    pictures,
    columns=5,
    size=1.1,
    signed=True,
    names=[n for n in ("digit", "saliency", "occlusion") for _ in range(5)],
    title="Which pixels decide? Each to its own scale",
    alt="cnn.deciding_pixels",
)

# %% [markdown]
# (In this picture the white strokes are drawn dark, the black around them light.)
#
# <details><summary>Answer</summary>
#
# Yes: a white pixel in a gap would make another digit of it, so the gradient is large
# *beside* the strokes. Covering black with black changes nothing.
# </details>
#
# Neither map is "the explanation"; each answers its own question.

# %% [markdown]
# ### Draw a digit yourself
#
# Draw on the pad: the net reads while you draw. Your strokes are scaled and centred as
# the makers of MNIST did it. (Two smaller sizes are read too; the mean of the three
# answers counts.) Click a feature map: you see its kernels, the maps that weigh most in
# it, and what its strongest unit sees. Try:
#
# - a small 7 in a corner; under "More" the net reads it as it lies on the pad.
# - a 1 with a long flag: which class comes second?
# - a test digit, turned by 30° or moved by 6 pixels: does the answer hold?
#
# The net is your own; where its file is missing, the recorded one.

# %%
models.save_digits_cnn(cnn)  # beside this notebook, in `my_cnn.safetensors`

# %% tags=["explorer"]
reader = models.digits_cnn(own=models.OWN)
explorers.cnn.trained_net(reader, digits.x_test[:200], digits.y_test[:200])

# %% [markdown]
# ## 20 Measured: which nets tolerate a shift?
#
# A convolution carries a shift through, and what pooling does with it depends on the
# shift. What does the whole net make of it? Four classifiers, all trained for as many
# steps: a linear layer, the MLP of the CNN's size, the CNN, and the CNN with
# augmentation (up to 2 pixels). Each reads the test digits moved to the right.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: which net falls first?
#
# Which of the four falls first? Does the CNN without augmentation still read digits
# moved by 3 pixels? (From 4 pixels on, some digits lose ink at the edge: about one in
# six at 4 pixels.)
#
# </div>

# %%
SHIFTS = (0, 1, 2, 3, 4, 5, 6)
names = ["linear", "MLP", "CNN", "CNN with augmentation"]
rows = results.read("01", "shifts")

# %% tags=["result"]
plots.lines(
    {
        name: (SHIFTS, [c / 10 for c in row["correct"]])
        for name, row in zip(names, rows, strict=True)
    },
    title="Accuracy on shifted test digits (recorded)",
    xlabel="shift to the right (pixels)",
    ylabel="right (%)",
    ylim=(0, 102),
    alt="cnn.shifts",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The linear layer and the MLP fall first. The CNN tolerates about two pixels more than
# the MLP of its size; moved by 3, it still reads 85 %.
# </details>
#
# Equivariance is *not* invariance: after two poolings the 4 × 4 maps still say where
# things are, and the linear layers read the place. Augmentation teaches the rest, as
# far as it goes and little further.
#
# ## 21 Measured: what matters in the net? (optional)
#
# One change at a time, two seeds each, ten epochs on 3,400 training digits, judged on
# the 600 that were held back from them: an ablation is a choice, and choices are not
# made on test data.


# %%
def variant(pool=MaxPool2d, activation=nn.ReLU, kernel=5, padding=0, width=16):
    """The CNN as a chain of layers, with one part changed."""
    side = output_size(28, kernel, 1, padding) // 2
    side = output_size(side, kernel, 1, padding) // 2
    return nn.Sequential(
        *(Conv2d(1, width, kernel, padding), activation(), pool(2)),
        *(Conv2d(width, 2 * width, kernel, padding), activation(), pool(2)),
        *(nn.Flatten(), Linear(2 * width * side**2, 64), activation(), Linear(64, 10)),
    )


# %%
VARIANTS = {
    "as it is": {},
    "average pooling": {"pool": AvgPool2d},
    "tanh": {"activation": nn.Tanh},
    "sigmoid": {"activation": nn.Sigmoid},
    "padding 2": {"padding": 2},
    "kernels 3 × 3": {"kernel": 3},
    "half the channels": {"width": 8},
    "twice the channels": {"width": 32},
}

# %%
rows = results.read("01", "ablation")
print("change                parameters   right of 600, two seeds")
for change in VARIANTS:
    right = [row["correct"] for row in rows if row["change"] == change]
    size = next(row["parameters"] for row in rows if row["change"] == change)
    print(f"{change:20} {size:11,}   {right[0]}, {right[1]}")

# %% [markdown]
# Of 1,200 answers in two seeds, a difference between two rows of at most 13 may be
# noise ($1.96\sqrt{2 \cdot 1200 \cdot 0.98 \cdot 0.02}$). Only the sigmoid lies further
# than that from the net as it is: its slope of at most a quarter slows the learning.
# All the other changes, which such tables usually explain, may be chance. (Of 28 pairs
# of rows one or two pass the bar by luck alone: here twice the channels and kernels of
# 3 × 3, 14 apart.) (Kernel, padding and width also change the size of the hidden
# layer.)

# %% [markdown]
# ## 22 Harder images: clothes (optional)
#
# Fashion-MNIST has the same size, ten kinds of clothes instead of digits, and is
# harder: the support-vector machine gets 86.7 % of our subset's test images. A net of
# three 3 × 3 convolutions with PyTorch's batch normalisation sees each image flipped at
# random and moved by a pixel at most.

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: how well does it read clothes?
#
# How many per cent of the 1,000 test images does this net get right?
#
# </div>


# %%
def fashion_net():
    """Three 3 × 3 convolutions with batch norm and pooling, dropout, a linear layer."""
    layers, c_in = [], 1
    for c_out in (64, 64, 128):
        layers += [
            nn.Conv2d(c_in, c_out, 3, padding=1),
            nn.BatchNorm2d(c_out),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        c_in = c_out
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(128 * 9, 10))


def fashion_loss(model, batch, run):
    """Cross-entropy in nats of images flipped and moved by a pixel, at random."""
    x, y = batch
    x = torch.where(run.uniform(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    move = run.integers(3, len(x), 2)  # rows and columns: 0, 1 or 2 of a padded image
    places = torch.arange(28, device=x.device)
    rows, columns = (move[:, a, None] + places for a in (0, 1))  # (B, 28)
    batch_index = torch.arange(len(x), device=x.device)[:, None, None]
    x = F.pad(x, (1, 1, 1, 1))[batch_index, 0, rows[:, :, None], columns[:, None, :]][
        :, None
    ]
    return F.cross_entropy(model(x), y)


# %% tags=["result"]
right = [row["correct"] / 10 for row in results.read("01", "fashion")]
print(*(f"{r:.1f}" for r in right), f"% with three seeds, mean {sum(right) / 3:.2f} %")
print("the SVC: 86.7 %")

# %% [markdown]
# Clothes are harder, and 1,000 of them tell less: the 95 % interval of one such number
# is 2 points to each side.

# %% [markdown]
# ## 23 Find the bugs

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: find the bug in a classifier's loss
#
# *easy · about 10 minutes*
#
# A network ends in a linear layer and is trained with the loss below. It runs, the loss
# falls, and the accuracy rises, but slowly: even for a network that is always sure and
# always right, this loss of ten classes stays above 1.46 instead of going to 0. Find
# the bug and fix it, so that the function returns the mean cross-entropy, a scalar, for
# any number of classes and examples. The check compares the value and the gradient for
# `logits`, which go up to $\pm 10^4$. `labels` are int64.
#
# </div>


# %%
def my_classifier_loss(logits, labels):
    """Mean cross-entropy in nats of logits (B, K) against class labels (B,)."""
    probs = torch.softmax(logits, dim=1)  # (B, K)
    return F.cross_entropy(probs, labels)


exercises.cnn.classifier_loss.check(my_classifier_loss)

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: find the bug in a classifier's last layer
#
# *easy · about 10 minutes*
#
# The function below makes the logits of ten classes for `F.cross_entropy`. The net
# learns, but worse than it should. In some runs a whole class dies: the loss on its
# images stays at 2.303 or above, and the gradient for its row of `weight` is exactly 0,
# while the others go on learning. Find and fix the bug.
#
# Return the logits themselves, not shifted ones with the same loss. The check compares
# them and all three gradients, for any number of classes and logits up to $\pm 10^6$,
# some of them 0.
#
# By hand first: what is the loss if all ten classes have the same logit?
#
# </div>


# %%
def my_logits(features, weight, bias):
    """Logits (B, K) for the cross-entropy, from features (B, D), weight (K, D) and
    bias (K,)."""
    return F.relu(F.linear(features, weight, bias))


exercises.cnn.dead_logits.check(my_logits)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# Each class gets the probability 1/10, whatever the common logit is: the loss is $\ln
# 10 = 2.303$ nats. So a class whose logit cannot fall below 0 gains nothing where all
# other logits are 0 too.
#
# </details>

# %% [markdown]
# The ReLU cuts off every negative logit. A class whose row gives a negative number on
# every image has the logit 0 on all of them; no gradient passes, and nothing brings it
# back.

# %% [markdown]
# ## 24 A failure to diagnose: softmax twice
#
# `F.cross_entropy` takes logits and applies log-softmax itself. Many nets in articles
# end in a softmax all the same. The code runs, the loss falls, the accuracy rises: no
# error will ever tell. Two numbers give it away.
#
# **The floor.** A net that is perfectly sure hands over probabilities $(1, 0, \dots,
# 0)$. The second softmax takes them for logits, so the loss cannot fall below
#
# $$-\ln \frac{e^1}{e^1 + 9\,e^0} = \ln\!\left(1 + \tfrac{9}{e}\right)$$

# %% [markdown]
# <div class="course-prediction" style="border-left: 5px solid #E69F00; padding: 0 1em">
#
# ### Predict: what does the second softmax do?
#
# Is this floor the 1.46 of the exercise above? By what factor does the inner softmax
# shrink the gradient, when all ten probabilities are still equal?
#
# </div>

# %%
label = torch.tensor([3])
sure = torch.full((1, 10), -100.0, dtype=torch.float64)
sure[0, 3] = 100.0  # the right class, and certain of it
even = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
(once,) = torch.autograd.grad(F.cross_entropy(even, label), even)
(twice,) = torch.autograd.grad(F.cross_entropy(even.softmax(1), label), even)

# %% tags=["result"]
print("loss of a perfectly sure, right answer:")
print(f"with logits {F.cross_entropy(sure, label):.3f},", end=" ")
print(f"with softmax twice {F.cross_entropy(sure.softmax(1), label):.3f}")
print("gradient at equal probabilities, softmax twice / once:", end=" ")
print(f"{(twice.norm() / once.norm()).item():.3f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# Yes, 1.461, and a tenth. The Jacobian of the softmax is $\operatorname{diag}(p) -
# p\,p^\top$. At $p = (\tfrac1{10}, \dots, \tfrac1{10})$ it multiplies every vector
# whose entries sum to zero by $\tfrac1{10}$, and the gradient of the cross-entropy,
# probabilities minus the one-hot label, is such a vector.
# </details>
#
# Now the symptom in training: the same net, the same seed and batches, four epochs,
# once with each loss.


# %%
def doubled_loss(model, batch, run):
    """Cross-entropy on probabilities: the softmax is applied twice."""
    x, y = batch
    return F.cross_entropy(model(x).softmax(1), y)


# %% tags=["nbval-ignore-output"]
floor = torch.tensor(1 + 9 / torch.e).log().item()
curves = {}
for name, loss_fn in {"logits": plain_loss, "softmax twice": doubled_loss}.items():
    torch.manual_seed(0)
    model = CNN()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    run = training.fit(
        model, loss_fn, (digits.x_train, digits.y_train), optimizer=optimizer, epochs=4
    )
    curves[name] = torch.tensor(run.losses)
    right = count_right(model, digits.x_test, digits.y_test)
    print(f"{name}: {right / 10:.1f} % of the test digits")

# %% jupyter={"source_hidden": true} cellView="form"
# Check: softmax twice ends just above its floor, the right loss far below it
ends = {name: c[-50:].mean().item() for name, c in curves.items()}
assert floor < ends["softmax twice"] < floor + 0.15 and ends["logits"] < 0.5

# %%
plots.lines(
    {
        name: (range(10, len(c) + 1), c.unfold(0, 10, 1).mean(1))
        for name, c in curves.items()
    },
    title="The same net and batches, right and wrong loss",
    xlabel="step",
    ylabel="loss, mean of 10 steps (nats)",
    marks=[(floor, "ln(1 + 9/e), the floor of softmax twice")],
    ylim=(0, 2.5),
    alt="cnn.softmax_twice",
)

# %% [markdown]
# **The diagnosis.** A ten-class loss that settles just above 1.46 while the accuracy
# looks fine has a softmax too many. Early on the symptom is a loss that hardly leaves
# $\ln 10 \approx 2.30$; other faults do that too, but here the first gradient is a
# tenth of what it should be. **The cure** is to hand the loss the logits, and to apply
# softmax only where probabilities are wanted: for showing, or for a decision that
# weighs costs.

# %% [markdown]
# ## 25 A variant to build
#
# One last layer, which this chapter never shows: MobileNet's (Howard et al. 2017) way
# of doing with far fewer weights.

# %% [markdown]
# <div class="course-exercise" style="border-left: 5px solid #009E73; padding: 0 1em">
#
# ### Exercise: depthwise separable convolution
#
# *hard · about 20 minutes*
#
# Write the layer of MobileNet; `F.conv2d` is allowed. First, each channel of `x` is
# cross-correlated with a kernel of its own, out of `depthwise` $(C_{in}, 1, K_h, K_w)$,
# with `stride` and `padding` (tuples, rows first; zeros on both sides). Then a 1 × 1
# convolution mixes the channels: `pointwise` $(C_{out}, C_{in}, 1, 1)$ and `bias`
# $(C_{out},)$. Nothing stands between the two. The kernel fits on the padded image.
#
# The output has the shape $(B, C_{out}, H_{out}, W_{out})$. The check compares values
# and the gradients for all four tensors; any way to these numbers will do.
#
# By hand first: how many multiplications does it save against a dense kernel?
#
# </div>


# %%
def my_depthwise_separable(x, depthwise, pointwise, bias, stride, padding):
    """A kernel for each channel of x (B, C_in, H, W), then a 1 x 1 convolution with
    bias (C_out,)."""
    raise NotImplementedError


exercises.cnn.depthwise_separable.check(my_depthwise_separable)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# For each output pixel a dense kernel takes $C_{out}C_{in}K_hK_w$ multiplications, the
# two steps $C_{in}K_hK_w + C_{out}C_{in}$: a share of $1/C_{out} + 1/(K_hK_w)$. With
# kernels of 3 × 3 and many channels about a ninth is left.
#
# </details>

# %% [markdown]
# ## In this chapter we
#
# - computed a convolution by hand and as loops, and saw that it is a cross-correlation;
# - derived the output's size, floor included;
# - turned the loops into $K_h$ matrix products and proved them equal to `F.conv2d`,
#   gradients included;
# - derived the backward pass by hand, and saw that it is the transposed matrix;
# - measured equivariance and where stride, pooling and padding break it, and the
#   receptive field;
# - trained a net of our own layers on real digits, against named baselines and with an
#   interval;
# - measured the floor and the gradient of a doubled softmax.

# %% [markdown]
# ## Go further
#
# - Recover the edge kernel of section 14 from the photograph instead of noise. Why does
#   it take longer?
# - Move the digits further than the augmentation does, and train again. What does it
#   cost on unmoved digits?
# - Time `conv2d_loops` against `conv2d` and `F.conv2d` on a batch of 64 digits.

# %% [markdown]
# ## Sources
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
#   document recognition", *Proc. IEEE* 86 (1998), section II: convolution, pooling,
#   LeNet-5.
# - V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", [arXiv
#   1603.07285](https://arxiv.org/abs/1603.07285), relationships 5 and 6: the output's
#   size.
# - A. Araujo, W. Norris, J. Sim, "Computing receptive fields of convolutional neural
#   networks", *Distill* (2019).
# - K. He et al., "Delving deep into rectifiers", [arXiv
#   1502.01852](https://arxiv.org/abs/1502.01852): the variance of the first weights.
# - K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks", [arXiv
#   1312.6034](https://arxiv.org/abs/1312.6034): saliency.
# - M. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", [arXiv
#   1311.2901](https://arxiv.org/abs/1311.2901): occlusion.
# - A. Howard et al., "MobileNets", [arXiv
#   1704.04861](https://arxiv.org/abs/1704.04861): depthwise separable convolutions.

# %% [markdown]
# - PyTorch, documentation of `torch.nn.Conv2d`: cross-correlation, shapes and the
#   initial weights; of `torch.nn.CrossEntropyLoss`: logits as input.
# - E. B. Wilson, "Probable inference, the law of succession, and statistical
#   inference", *J. Am. Stat. Assoc.* 22 (1927): the interval.

# %% [markdown]
# ## How the tables were made (optional)
#
# Cells of this chapter read recorded tables. Here is how they were made: `make results
# CH=01` calls each function with the arguments of each row. It yields the losses of its
# training, and then what it measured.


# %%
def record_seed(seed, augment, **settings):
    """The training above with another seed, with or without augmentation."""
    digits = data.mnist()
    loss_fn = augmented_loss if augment else plain_loss
    model, history = train(
        CNN, digits.x_train, digits.y_train, loss_fn, seed, **settings
    )
    yield history.losses
    if seed == 0 and augment:
        results.save_weights("01", "cnn", model.state_dict())
    yield {"correct": count_right(model, digits.x_test, digits.y_test)}


def record_shifts(net, augment, **settings):
    """Right answers on test digits moved by 0 to 6 pixels."""
    digits = data.mnist()
    make = {"linear_net": linear_net, "mlp": mlp, "CNN": CNN}[net]
    loss_fn = augmented_loss if augment else plain_loss
    model, history = train(
        make, digits.x_train, digits.y_train, loss_fn, seed=0, **settings
    )
    yield history.losses
    moved = [F.pad(digits.x_test, (s, 0, 0, 0))[..., :28] for s in SHIFTS]
    yield {"correct": [count_right(model, x, digits.y_test) for x in moved]}


# %%
def record_ablation(change, seed, **settings):
    """Right answers of one variant on the 600 validation digits."""
    (x, y), (x_val, y_val) = data.mnist().split()
    make = partial(variant, **VARIANTS[change])
    model, history = train(make, x, y, augmented_loss, seed, epochs=10, **settings)
    yield history.losses
    parameters = sum(p.numel() for p in model.parameters())
    yield {"correct": count_right(model, x_val, y_val), "parameters": parameters}


# %%
def record_fashion(seed, **settings):
    """Right answers on the 1,000 test images of the Fashion subset."""
    clothes = data.fashion_mnist()
    torch.manual_seed(seed)
    model = fashion_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.3)
    history = training.fit(
        model,
        fashion_loss,
        (clothes.x_train, clothes.y_train),
        optimizer=optimizer,
        epochs=25,
        batch_size=64,
        schedule="one-cycle",
        average=0.99,
        seed=seed,
        **settings,
    )
    yield history.losses
    yield {"correct": count_right(model, clothes.x_test, clothes.y_test)}


# %%
SHIFT_ROWS = [
    {"net": "linear_net", "augment": False},
    {"net": "mlp", "augment": False},
    {"net": "CNN", "augment": False},
    {"net": "CNN", "augment": True},
]
RECORDED = {
    "seeds": (
        record_seed,
        [
            {"seed": s, "augment": augment}
            for augment in (True, False)
            for s in range(3)
        ],
    ),
    "shifts": (record_shifts, SHIFT_ROWS),
    "ablation": (
        record_ablation,
        [{"change": c, "seed": s} for c in VARIANTS for s in (0, 1)],
    ),
    "fashion": (record_fashion, [{"seed": seed} for seed in range(3)]),
}
