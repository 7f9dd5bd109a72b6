# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1 · The CNN: what does a convolution compute?
#
# Open this chapter in [Colab](https://colab.research.google.com/github/from-formula-to-model/course/blob/main/notebooks/01_cnn.ipynb)
# · [Kaggle](https://kaggle.com/kernels/welcome?src=https://github.com/from-formula-to-model/course/blob/main/notebooks/01_cnn.ipynb)
# · [Binder](https://mybinder.org/v2/gh/from-formula-to-model/course/HEAD?urlpath=lab/tree/my/01_cnn.ipynb)
#
# **The question.** What does a convolution compute, why does it suit images, and how does it learn?
#
# **Afterwards you can**
# - compute a convolution by hand, and state the size of its output with stride, padding and dilation;
# - write `conv2d` from scratch and show that it equals PyTorch's, gradients included;
# - build and train a small convolutional net that reads handwritten digits, and compare it fairly with
#   simpler methods;
# - recognise a doubled softmax by the number at which its loss gets stuck.
#
# Reading takes about 45 minutes; running all cells takes about one minute on a laptop CPU, and no network.
# Sections marked *optional* can be skipped.

# %% [markdown]
# ## Notation
#
# | maths | code | shape |
# | --- | --- | --- |
# | images $x$ | `x` | `(B, C_in, H, W)`: batch, channels, rows, columns |
# | kernel $W$, bias $b$ | `weight`, `bias` | `(C_out, C_in, K_h, K_w)`, `(C_out,)` |
# | output $y$ | `y` | `(B, C_out, H_out, W_out)` |
# | stride $s$, padding $p$, dilation $d$ | `stride`, `padding`, `dilation` | one number, or (rows, columns) |
#
# Indices begin at 0. Rows come before columns, as in a matrix.

# %%
# Set-up. Opened alone, as on Colab, this installs the course, and changes no other package.
import importlib.util

found = importlib.util.find_spec("course")
if found is None or found.origin is None:  # a mere folder of that name has no origin
    import os
    import re
    import subprocess
    import sys
    import tempfile

    print("Installing the course ...")
    address = "git+https://github.com/from-formula-to-model/course"
    source = os.environ.get("COURSE_SOURCE", address)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as there:
        subprocess.run([*pip, "list", "--format=freeze"], stdout=there)
        run = subprocess.run([*pip, "install", "-c", there.name, source], capture_output=True, text=True)
    if run.returncode:
        clash = re.search(r"(\S+ \S+ depends on .+)[\s\S]+?\(constraint\) (\S+)", run.stdout)
        error = re.search(r"(?i)(fatal|error): .+|$", run.stderr)
        reason = f"{clash[1]}, but {clash[2]} is installed" if clash else error[0]
        raise RuntimeError(f"the course cannot be installed here: {reason}")
    importlib.invalidate_caches()

import course

course.setup()

# %%
import torch
import torch.nn.functional as F
from torch import nn

from course import data, exercises, explorers, plots, results, training
from course.agreement import check_agreement
from course.intervals import wilson

# %% [markdown]
# ## 1 The equation, by hand
#
# A kernel is a small matrix of weights. It is laid on a patch of the image, the numbers on top of each other
# are multiplied, and the products are added: that is one output value. Then the kernel moves on.
#
# $$y_{ij} = \sum_{u=0}^{K_h-1} \sum_{v=0}^{K_w-1} W_{uv}\, x_{i+u,\; j+v}$$
#
# Here is an image of 4 × 4 and a kernel of 2 × 2. The kernel subtracts from each pixel its neighbour one row
# down and one column right.

# %%
x = torch.tensor([[1, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]], dtype=torch.float64)
weight = torch.tensor([[1, 0], [0, -1]], dtype=torch.float64)
i, j = 0, 1
patch = x[i : i + 2, j : j + 2]  # (2, 2)
print("patch", patch.tolist(), "products", (patch * weight).tolist(), "sum", (patch * weight).sum().item())

# %% [markdown]
# **Predict.** The kernel fits into the image at how many places? What is $y_{00}$? Work them out on paper
# before you run the next cell.
#
# ## 2 The naive loop
#
# The equation, word for word: two loops over the places, two over the kernel.


# %%
def correlate(x, weight):
    """One channel, no padding, stride 1. x (H, W), weight (K_h, K_w) -> (H - K_h + 1, W - K_w + 1)."""
    (h, w), (k_h, k_w) = x.shape, weight.shape
    y = torch.zeros(h - k_h + 1, w - k_w + 1, dtype=x.dtype)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            for u in range(k_h):
                for v in range(k_w):
                    y[i, j] += weight[u, v] * x[i + u, j + v]
    return y


y = correlate(x, weight)
plots.grids(
    {"image x": x, "kernel W": weight, "output y": y},
    title="Nine places for a 2 × 2 kernel on a 4 × 4 image",
    alt="Three number grids: an image of 4 by 4, a kernel of 2 by 2, and the output of 3 by 3.",
)

# %% [markdown]
# Nine places, and $y_{00} = 1\cdot 1 - 1\cdot 1 = 0$. The value worked out above, $y_{01} = -1$, stands in
# row 0, column 1.
#
# ## 3 The size of the output
#
# Three numbers change where the kernel is laid: the **stride** $s$ is the step from one place to the next,
# the **padding** $p$ adds that many rows or columns of zeros on *each* side, and the **dilation** $d$ spreads
# the kernel's taps, so that they read every $d$-th pixel.

# %% [markdown]
# **Exercise: how long is the output?** (easy, about 8 minutes)
#
# An axis of `n` elements gets `padding` zeros at **each** of its two ends. A kernel of `kernel`
# elements, which lie `dilation` apart, starts at the left end and moves on by `stride` as long as it
# fits. Return the number of positions, as an `int`. All arguments are whole numbers, and the kernel
# fits at least once.
#
# Try it by hand first: how many positions has a kernel of 3 on 6 elements, with stride 2 and no
# padding?


# %%
def my_output_size(n, kernel, stride, padding, dilation):
    """The output length of a convolution along one axis, as an int."""
    raise NotImplementedError


exercises.cnn.output_size.check(my_output_size)

# %% [markdown]
# Count along one axis. With dilation the kernel reaches over $d(K-1)+1$ pixels; the padded image has $n+2p$.
# The first place is at the left edge, and the kernel can then take as many whole steps of $s$ as fit into
# what is left:
#
# $$n_{\text{out}} = \left\lfloor \frac{n + 2p - d\,(K-1) - 1}{s} \right\rfloor + 1$$
#
# This is relationship 6 of Dumoulin and Visin (2016) with the dilated kernel's reach for its size. The floor
# matters: pixels at the right edge that no whole step reaches are silently never looked at.


# %%
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    """Length of a convolution's output along one axis; a ValueError if the kernel does not fit once."""
    reach = dilation * (kernel - 1) + 1
    if n + 2 * padding < reach:
        raise ValueError(
            f"the kernel reaches over {reach} pixels, but the padded image has {n + 2 * padding}"
        )
    return (n + 2 * padding - reach) // stride + 1


for n in (27, 28, 29):
    print(f"{n} pixels, kernel 5, stride 2, padding 1:", output_size(n, 5, stride=2, padding=1))

# %% [markdown]
# Images of 27 and 28 pixels give the same size: at 28 the last column is lost.
#
# ## 4 Convolution or correlation?
#
# Signal processing defines convolution with a minus sign, which flips the kernel in both directions:
#
# $$(x * W)_{ij} = \sum_u \sum_v W_{uv}\, x_{i-u,\; j-v}$$
#
# Deep learning leaves the flip out and still says "convolution"; the precise name of what we compute is
# **cross-correlation**. PyTorch's documentation of `nn.Conv2d` says so too. A learnt kernel does not care: it
# comes out flipped. A kernel copied from a book does.

# %% [markdown]
# **Predict.** The convolution theorem (the transform of $x * W$ is the product of the transforms) holds for
# the flipped kind. Which of the two kernels below makes `correlate` agree with the fast Fourier transform,
# `weight` or `weight.flip(0, 1)`?

# %%
size = (x.shape[0] + 1, x.shape[1] + 1)  # H + K - 1: room for every overlap
spectrum = torch.fft.rfft2(x, size) * torch.fft.rfft2(weight, size)
theorem = torch.fft.irfft2(spectrum, size)  # (5, 5): the true convolution, by another route
padded = F.pad(x, (1, 1, 1, 1))  # K - 1 zeros on each side: the same overlaps for our loop
for name, kernel in {"weight": weight, "weight.flip(0, 1)": weight.flip(0, 1)}.items():
    print(
        f"correlate with {name}: agrees with the theorem is",
        torch.allclose(correlate(padded, kernel), theorem),
    )

# %% [markdown]
# The flipped kernel agrees. So wherever an article's formula has $x_{i-u,\,j-v}$ beside code that runs
# `F.conv2d`, one of the two is wrong.
#
# ## 5 Channels, bias, stride, padding, dilation
#
# An image has channels (three for colour; later, one for each feature), and a layer has several kernels, one
# for each output channel $o$. Each kernel covers *all* input channels $c$, and each output channel has *one*
# bias:
#
# $$y_{o,i,j} = b_o + \sum_{c} \sum_{u} \sum_{v} W_{o,c,u,v}\; \tilde x_{c,\; s\,i + d\,u,\; s\,j + d\,v}$$
#
# where $\tilde x$ is the image with its padding.

# %% [markdown]
# **Exercise: conv2d with stride and padding** (medium, about 25 minutes)
#
# Write `my_conv2d` without `F.conv2d` or `F.unfold`; loops are welcome. The kernel is not flipped.
# `stride` and `padding` are pairs, rows first: `stride = (2, 1)` moves down two rows, but right one
# column, at a time. `padding = (p_h, p_w)` adds `p_h` rows of zeros at the top and as many at the
# bottom, and likewise `p_w` columns left and right. Image and kernel need not be square.
#
# The output has the shape $(B, C_{out}, H_{out}, W_{out})$ and the type of `x`. The check compares its
# values and the gradients for `x`, `weight` and `bias`, so compute with tensors throughout.


# %%
def my_conv2d(x, weight, bias, stride, padding):
    """Cross-correlation of x (B, C_in, H, W) with weight (C_out, C_in, K_h, K_w), plus bias (C_out,)."""
    raise NotImplementedError


exercises.cnn.conv2d.check(my_conv2d)

# %% [markdown]
# The loop version with everything in it. The two inner sums stand in one line now: they are the sum over a
# patch.


# %%
def pair(value):
    """3 -> (3, 3); (2, 1) -> (2, 1): one number counts for rows and columns."""
    return (value, value) if isinstance(value, int) else tuple(value)


def conv2d_loops(x, weight, bias, stride=1, padding=0, dilation=1):
    """The equation as loops. x (B, C_in, H, W), weight (C_out, C_in, K_h, K_w), bias (C_out,) -> (B, C_out,
    H_out, W_out)."""
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = pair(stride), pair(padding), pair(dilation)
    k_h, k_w = weight.shape[2:]
    x = F.pad(x, (p_w, p_w, p_h, p_h))  # zeros on each side; F.pad names the last axis first
    h_out, w_out = output_size(x.shape[2], k_h, s_h, 0, d_h), output_size(x.shape[3], k_w, s_w, 0, d_w)
    y = x.new_zeros(len(x), len(weight), h_out, w_out)
    for i in range(h_out):
        for j in range(w_out):
            top, left = i * s_h, j * s_w
            patch = x[:, None, :, top : top + d_h * k_h : d_h, left : left + d_w * k_w : d_w]
            y[:, :, i, j] = bias + (patch * weight).sum((2, 3, 4))  # (B, C_out, C_in, K_h, K_w) -> (B, C_out)
    return y


# %% [markdown]
# ## 6 The vectorised form
#
# Python loops over places are slow, and there are many places. There are few kernel taps. So turn it round:
# loop over the taps, and let each line of code serve all places at once.
#
# For a fixed column $v$ of the kernel, the pixels that it meets are one shifted, strided slice of the image.
# Stack these slices, $K_w$ of them, beside the channels. For a fixed row $u$, the sum over $c$ and $v$ is
# then one matrix product.


# %%
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """As conv2d_loops, with one matrix product for each row of the kernel; bias may be None."""
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = pair(stride), pair(padding), pair(dilation)
    c_in, k_h, k_w = weight.shape[1:]
    if x.shape[1] != c_in:
        raise ValueError(f"x has {x.shape[1]} channels, but the kernels cover {c_in}")
    x = F.pad(x, (p_w, p_w, p_h, p_h))
    h_out, w_out = output_size(x.shape[2], k_h, s_h, 0, d_h), output_size(x.shape[3], k_w, s_w, 0, d_w)
    slices = [x[..., v * d_w : v * d_w + s_w * w_out : s_w] for v in range(k_w)]
    x = torch.stack(slices, 2).flatten(1, 2)  # (B, C_in · K_w, H, W_out)
    y = 0.0
    for u in range(k_h):
        rows = x[:, :, u * d_h : u * d_h + s_h * h_out : s_h].flatten(2)  # (B, C_in · K_w, H_out · W_out)
        y = y + weight[:, :, u].flatten(1) @ rows  # (B, C_out, H_out · W_out)
    y = y.unflatten(2, (h_out, w_out))
    return y if bias is None else y + bias[:, None, None]


# %% [markdown]
# ## 7 Proof: it equals the loops, and it equals PyTorch
#
# `check_agreement` calls two functions with the same numbers in float64 and compares the outputs and the
# gradient of *every* tensor, to a relative $10^{-9}$. It raises an error if anything differs. The cases are
# awkward on purpose: a batch of one, sides of different lengths, a kernel that is not square, and a different
# stride, padding and dilation for rows and columns.


# %%
def random_case(batch, c_in, h, w, c_out, k_h, k_w, seed=0):
    """Random x, weight and bias of the given sizes, float64."""
    rng = torch.Generator().manual_seed(seed)
    shapes = {"x": (batch, c_in, h, w), "weight": (c_out, c_in, k_h, k_w), "bias": (c_out,)}
    return {name: torch.randn(shape, generator=rng, dtype=torch.float64) for name, shape in shapes.items()}


awkward = random_case(1, 3, 9, 7, 2, 3, 2) | {"stride": (2, 1), "padding": (1, 2), "dilation": (2, 3)}
check_agreement(conv2d, conv2d_loops, **awkward)
check_agreement(conv2d_loops, F.conv2d, **awkward)
check_agreement(conv2d, F.conv2d, **awkward)
check_agreement(conv2d, F.conv2d, **random_case(4, 1, 28, 28, 6, 5, 5))
check_agreement(conv2d, F.conv2d, **random_case(2, 2, 3, 4, 3, 3, 4))  # the kernel fits exactly once

# %% [markdown]
# The tests of the course repeat this for random shapes.
#
# ## 8 Play with it
#
# Choose an image and a kernel, or type numbers of your own into the nine fields. Then move the output
# position with the arrow keys. Three things to try:
#
# - "vertical edges" on the digit: where is the output negative, and why there?
# - stride 2: how many of the output's values are left? Padding 1: what changes at the border?
# - dilation 4 on the photograph: the window is 9 × 9, but how many pixels does one output value see?

# %% tags=["explorer"]
digits = data.mnist()
photo = data.photograph()
explorers.cnn.sliding_kernel(conv2d, {"digit": digits.x_train[1, 0], "photograph": photo.pixels})

# %% [markdown]
# <details><summary>Answers</summary>
#
# The kernel takes the right side minus the left side, so going from a white stroke to the black on its right
# gives negative numbers. Stride 2 keeps 13 × 13 of the 26 × 26 values. With padding 1 the output is as large
# as the image, and its border rows and columns mix real pixels with zeros. Dilated or not, one output value
# sees nine pixels.
# </details>
#
# ## 9 A module, and a net
#
# A layer is the function with its own weights. PyTorch draws them, and we do, uniformly from
# $\pm 1/\sqrt{C_{\text{in}} K_h K_w}$.


# %%
class Conv2d(nn.Module):
    """conv2d with learnt weight (C_out, C_in, K, K) and bias (C_out,)."""

    def __init__(self, c_in, c_out, kernel):
        super().__init__()
        bound = (c_in * kernel * kernel) ** -0.5
        self.weight = nn.Parameter(torch.empty(c_out, c_in, kernel, kernel).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(c_out).uniform_(-bound, bound))

    def forward(self, x):
        return conv2d(x, self.weight, self.bias)


class CNN(nn.Module):
    """Two convolutions, each with ReLU and 2 × 2 max pooling, then two linear layers.

    (B, 1, 28, 28) -> logits (B, 10).
    """

    def __init__(self, conv=Conv2d):
        super().__init__()
        self.conv1, self.conv2 = conv(1, 16, 5), conv(16, 32, 5)
        self.hidden, self.output = nn.Linear(32 * 4 * 4, 64), nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)  # (B, 16, 12, 12)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)  # (B, 32, 4, 4)
        return self.output(torch.relu(self.hidden(x.flatten(1))))  # (B, 64) -> (B, 10)


# %% [markdown]
# The design goes back to LeNet (LeCun et al. 1998): convolutions find local features, pooling forgets their
# exact place, linear layers decide. 4 × 4 is not a guess: $28 \to 24 \to 12 \to 8 \to 4$ by the formula of
# section 3.
#
# **Predict.** How many weights has the second convolution? Is it the largest layer?

# %%
size = 28
for kernel, stride in ((5, 1), (2, 2), (5, 1), (2, 2)):
    size = output_size(size, kernel, stride)
print("side of the last feature map:", size)
counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in CNN().named_children()}
print(counts, "in all", sum(counts.values()))

# %% [markdown]
# $16\cdot 32\cdot 5^2 + 32 = 12{,}832$, and no: the hidden linear layer has $512\cdot 64 + 64 = 32{,}832$.
# A convolution uses each weight at every place of the image; a linear layer needs one for every pair.
#
# ## 10 Proof: the nets learn alike
#
# Equal functions are one thing; do the nets *train* alike? `CNN(conv=nn.Conv2d)` is the same net on PyTorch's
# layer. It gets our weights and the same batches, both in float64, for 20 steps.


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
    return torch.tensor(losses)


torch.manual_seed(0)
ours, theirs = CNN().double(), CNN(conv=nn.Conv2d).double()
theirs.load_state_dict(ours.state_dict())
some = digits.x_train[:640].double(), digits.y_train[:640]  # 20 batches
difference = (first_losses(ours, *some) - first_losses(theirs, *some)).abs().max()
print("20 steps, losses equal to 1e-9:", bool(difference <= 1e-9))
assert difference <= 1e-9

# %% [markdown]
# ## 11 Real digits
#
# MNIST-5k holds 4,000 handwritten digits to train on and 1,000 to test on, 28 × 28 pixels, all ten classes
# equally often. Guessing gets 10 % right. Everything about the training below was chosen by training on 3,400
# of the 4,000 images and trying the other 600, four times over; the test images were looked at last.

# %%
plots.images(
    digits.x_train[:20],
    names=[str(label.item()) for label in digits.y_train[:20]],
    title="Twenty training digits and their labels",
    alt="Two rows of ten handwritten digits, each with its label above.",
)

# %% [markdown]
# ### What simple methods reach
#
# The nearest-neighbour rule needs no training: find the three training images with the smallest
# pixel-by-pixel distance, and let them vote. **Predict** its accuracy before you run it.


# %%
def nearest_neighbours(x, x_train, y_train, k=3):
    """The majority label of the k nearest training images; ties go to the smallest label. (N, ...) ->
    (N,)."""
    distance = torch.cdist(x.flatten(1), x_train.flatten(1))  # (N, N_train)
    labels = y_train[distance.topk(k, largest=False).indices]  # (N, k)
    return F.one_hot(labels).sum(1).argmax(1)


guess = nearest_neighbours(digits.x_test, digits.x_train, digits.y_train)
knn = (guess == digits.y_test).sum().item()
print(f"3 nearest neighbours: {knn / 10:.1f} % of 1,000")

# %% [markdown]
# A support-vector machine with a Gaussian kernel (scikit-learn's `SVC(C=10)`) gets 95.4 % of the same images
# right. These two are what the net has to beat.
#
# ### Training
#
# Digits stay what they are when they are moved, turned or scaled a little. So each time an image is used, it
# is drawn afresh with a small random affine map: a rotation $R(\alpha)$, a scale for each axis, a shift $t$,
#
# $$\begin{pmatrix}x'\\y'\end{pmatrix} = R(\alpha)\begin{pmatrix}\sigma_x x\\ \sigma_y y\end{pmatrix} + t$$
#
# The net hardly ever sees the same pixels twice, and cannot learn them by heart.


# %%
def random_affine(x, run, angle=0.2, scale=0.2, shift=0.14):
    """Turn (radians), scale (share) and shift (share of half the width) each image at random.

    x (B, 1, H, W) -> the same shape; what comes in from outside is black.
    """
    u = 2 * run.uniform(len(x), 5) - 1  # from -1 to 1
    cos, sin = (angle * u[:, 0]).cos(), (angle * u[:, 0]).sin()
    s_x, s_y, t_x, t_y = (1 + scale * u[:, 1:3]).unbind(1) + (shift * u[:, 3:5]).unbind(1)
    rows = torch.stack([s_x * cos, -s_y * sin, t_x, s_x * sin, s_y * cos, t_y], 1).unflatten(1, (2, 3))
    grid = F.affine_grid(rows, x.shape, align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def digit_loss(model, batch, run):
    """Cross-entropy in nats, mean over a batch of augmented digits."""
    x, y = batch
    return F.cross_entropy(model(random_affine(x, run)), y)


# %% [markdown]
# `training.fit` is a plain loop: it places model and batches on the device, calls `digit_loss`, steps, and
# keeps a history. The learning rate rises and falls once over the whole training (one-cycle), and the weights
# that are kept are a moving average over about the last hundred steps. It trains *our* `CNN`, every
# convolution by our own `conv2d`.


# %%
def train_digits(digits, seed, max_steps=None):
    """Train a CNN on the digits; returns the model and its history."""
    torch.manual_seed(seed)
    model = CNN()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    history = training.fit(
        model, digit_loss, (digits.x_train, digits.y_train), optimizer=optimizer, epochs=20, batch_size=64,
        schedule="one-cycle", average=0.99, seed=seed, max_steps=max_steps,
    )  # fmt: skip
    return model, history


# %% tags=["nbval-ignore-output"]
cnn, history = train_digits(digits, seed=0)
logits = training.predict(cnn, digits.x_test)  # (1000, 10)
correct = (logits.argmax(1) == digits.y_test).sum().item()
low, high = wilson(correct, len(digits.y_test))
print(f"{correct / 10:.1f} % of 1,000 test digits, 95 % interval {100 * low:.1f} to {100 * high:.1f} %")

# %%
assert correct >= 985, "the net should read at least 98.5 % of the test digits"

# %% [markdown]
# The curve below is the loss on *augmented* batches, smoothed over 20 steps. It is an honest training curve
# and still not the whole story: it says nothing about images never seen. The bars do.

# %%
smooth = torch.tensor(history.losses).unfold(0, 20, 1).mean(1)
plots.lines(
    {"loss, mean of 20 steps": (range(20, 20 + len(smooth)), smooth)},
    title="Training loss of the CNN on augmented digits", xlabel="step", ylabel="cross-entropy (nats)",
    yscale="log", alt="A loss curve that falls steeply at first and then slowly until the end.",
)  # fmt: skip
plots.bars(
    {"guessing": 10, "3 nearest neighbours": knn / 10, "SVC, Gaussian kernel": 95.4, "our CNN": correct / 10},
    errors={"3 nearest neighbours": [100 * p for p in wilson(knn, 1000)], "our CNN": [100 * low, 100 * high]},
    title="Accuracy on 1,000 test digits, with 95 % intervals", xlabel="right (%)", xlim=(0, 110),
    alt="Bars: guessing far below, nearest neighbours and support vectors close together, the CNN highest.",
)  # fmt: skip

# %% [markdown]
# Is one run luck? The table below is **recorded**: it was made once by `make results CH=01` with the function
# `record_seed`, three seeds of the very training above, and is read from a file here.


# %%
def record_seed(seed, max_steps=None):
    """One row of the recorded table: the training above with another seed."""
    digits = data.mnist()
    model, history = train_digits(digits, seed, max_steps)
    right = (training.predict(model, digits.x_test).argmax(1) == digits.y_test).sum().item()
    return {"losses": history.losses[:20], "correct": right}


RECORDED = {"seeds": (record_seed, [{"seed": 0}, {"seed": 1}, {"seed": 2}])}

# %%
rows = results.read("01", "seeds")
for row in rows:
    print(f"seed {row['seed']}: {row['correct'] / 10:.1f} %")
print(f"mean: {sum(row['correct'] for row in rows) / len(rows) / 10:.2f} %")

# %% [markdown]
# What has the first layer learnt? Its sixteen kernels, orange for negative weights and purple for positive
# ones, each shown relative to its own largest: edges and strokes at various angles. Nobody put them there.

# %%
kernels = cnn.conv1.weight.detach().cpu()  # (16, 1, 5, 5)
plots.images(
    kernels / kernels.abs().amax((2, 3), keepdim=True),
    names=[f"channel {o}" for o in range(16)],
    columns=8,
    signed=True,
    titlesize=8,
    title="The sixteen 5 × 5 kernels of the first convolution",
    alt="Sixteen small learnt kernels in two rows; most show an edge or a stroke at some angle.",
)

# %% [markdown]
# ## 12 Find the bug
#
# **Exercise: find the bug in a classifier's loss** (easy, about 10 minutes)
#
# A network ends in a linear layer and is trained with the loss below. It runs, the loss falls, and the
# accuracy rises, but slowly: even for a network that is always sure and always right, this loss of ten
# classes stays above 1.46 instead of going to 0. Find the bug and mend it, so that the function returns
# the mean cross-entropy and its gradient, for any finite logits, however large.


# %%
def my_classifier_loss(logits, labels):
    """Mean cross-entropy in nats of logits (B, K) against class labels (B,)."""
    probs = torch.softmax(logits, dim=1)  # (B, K)
    return F.cross_entropy(probs, labels)


exercises.cnn.classifier_loss.check(my_classifier_loss)

# %% [markdown]
# ## 13 A failure to diagnose: softmax twice
#
# `F.cross_entropy` takes logits and applies log-softmax itself. Many nets in articles end in a softmax all
# the same. The code runs, the loss falls, the accuracy rises: no error will ever tell. Two numbers give it
# away.
#
# **The floor.** A net that is perfectly sure hands over probabilities $(1, 0, \dots, 0)$. The second softmax
# takes them for logits, so the loss cannot fall below
#
# $$-\ln \frac{e^1}{e^1 + 9\,e^0} = \ln\!\left(1 + \tfrac{9}{e}\right)$$
#
# **Predict.** What is that number? And by what factor does the inner softmax shrink the gradient, when all
# ten probabilities are still equal?

# %%
label = torch.tensor([3])
sure = torch.full((1, 10), -100.0, dtype=torch.float64)
sure[0, 3] = 100.0
print(f"loss of a perfectly sure, right answer: {F.cross_entropy(sure, label):.3f} with logits,", end=" ")
print(f"{F.cross_entropy(sure.softmax(1), label):.3f} with softmax twice")

even = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
(once,) = torch.autograd.grad(F.cross_entropy(even, label), even)
(twice,) = torch.autograd.grad(F.cross_entropy(even.softmax(1), label), even)
print(f"gradient at equal probabilities, twice / once: {(twice.norm() / once.norm()).item():.3f}")

# %% [markdown]
# <details><summary>Why a tenth</summary>
#
# The Jacobian of the softmax is $\operatorname{diag}(p) - p\,p^\top$. At
# $p = (\tfrac1{10}, \dots, \tfrac1{10})$ it multiplies every vector whose entries sum to zero by
# $\tfrac1{10}$, and the gradient of the cross-entropy, $q - y$, is such a vector.
# </details>
#
# Now the symptom in training: the same net (on PyTorch's layer, for speed), the same seed and batches, four
# epochs, once with each loss.


# %%
def plain_loss(model, batch, run):
    """Cross-entropy on logits: right."""
    x, y = batch
    return F.cross_entropy(model(x), y)


def doubled_loss(model, batch, run):
    """Cross-entropy on probabilities: the softmax is applied twice."""
    x, y = batch
    return F.cross_entropy(model(x).softmax(1), y)


# %% tags=["nbval-ignore-output"]
curves = {}
for name, loss_fn in {"logits": plain_loss, "softmax twice": doubled_loss}.items():
    torch.manual_seed(0)
    model = CNN(conv=nn.Conv2d)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    run = training.fit(model, loss_fn, (digits.x_train, digits.y_train), optimizer=optimizer, epochs=4)
    curves[name] = torch.tensor(run.losses)

# %%
floor = torch.tensor(1 + 9 / torch.e).log().item()
plots.lines(
    {name: (range(10, len(c) + 1), c.unfold(0, 10, 1).mean(1)) for name, c in curves.items()},
    title="The same net and batches, right and wrong loss",
    xlabel="step", ylabel="loss, mean of 10 steps (nats)",
    marks=[(floor, "ln(1 + 9/e), the floor of softmax twice")], ylim=(0, 2.5),
    alt="Two loss curves: with logits it falls towards zero; with softmax twice it levels off above a floor.",
)  # fmt: skip
assert curves["softmax twice"].min() > floor > 1.4 > curves["logits"][-50:].mean()

# %% [markdown]
# **The diagnosis.** A ten-class loss that settles just above 1.46 while the accuracy looks fine has a softmax
# too many. A net whose loss starts at $\ln 10 \approx 2.30$ and hardly moves for the first steps is the same
# illness early on. **The cure** is to hand the loss the logits, and to apply softmax only where probabilities
# are wanted: for showing, or for a decision that weighs costs.

# %% [markdown]
# ## In this chapter we
#
# - computed a convolution by hand and as loops, and saw that it is a cross-correlation;
# - derived the output's size, floor included;
# - turned the loops into $K_h$ matrix products and proved them equal to `F.conv2d`, gradients included;
# - trained a net of our own layers on real digits, against named baselines and with an interval;
# - measured the floor and the gradient of a doubled softmax.

# %% [markdown]
# ## Go further
#
# - Take the augmentation out (`F.cross_entropy(model(x), y)`) and train again. How much of the accuracy was
#   it?
# - Give `CNN` 5 × 5 kernels with padding 2. What must change in the linear layer, and why?
# - Time `conv2d_loops` against `conv2d` and `F.conv2d` on a batch of 64 digits.

# %% [markdown]
# ## Sources
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
#   *Proc. IEEE* 86 (1998), section II: convolution, pooling, LeNet-5.
# - V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv 1603.07285,
#   relationships 5 and 6: the output's size.
# - PyTorch, documentation of `torch.nn.Conv2d`: cross-correlation, shapes and the initial weights; of
#   `torch.nn.CrossEntropyLoss`: logits as input.
# - E. B. Wilson, "Probable inference, the law of succession, and statistical inference", *J. Am. Stat.
#   Assoc.* 22 (1927): the interval.
