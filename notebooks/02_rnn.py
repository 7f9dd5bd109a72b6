# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2 · RNN: what a network remembers
#
# Open this chapter in [Colab](https://colab.research.google.com/github/from-formula-to-model/course/blob/main/notebooks/02_rnn.ipynb)
# · [Kaggle](https://kaggle.com/kernels/welcome?src=https://github.com/from-formula-to-model/course/blob/main/notebooks/02_rnn.ipynb)
# · [Binder](https://mybinder.org/v2/gh/from-formula-to-model/course/HEAD?urlpath=lab/tree/my/02_rnn.ipynb)
#
# **The question.** Why do plain recurrent nets forget, and how do gates let a net
# decide what to keep?

# %% [markdown]
# **Afterwards you can**
# - write a plain RNN, an LSTM and a GRU from scratch and show that each equals
#   PyTorch's, gradients included;
# - write the derivative through time as a product of Jacobians, and predict how fast it
#   shrinks or grows;
# - say what the forget gate does to that product, and how its bias sets the memory's
#   length;
# - tell the two GRUs in print apart;
# - train a character language model with truncated back-propagation, measure it in bits
#   a character, sample from it, and find units in it that mean something;
# - recognise a state that was never detached, a mixed-up batch axis, and an "LSTM"
#   without a cell.

# %% [markdown]
# The core takes about an hour and a quarter to read; the ten exercises take about three
# hours. Running all cells takes about a minute and a half on a laptop CPU, and no
# network. Parts marked *optional* can be skipped. `exercises.progress()` shows which
# exercises you have solved.
#
# **Do you remember?** (Chapter 1) A convolution shares its weights; over what? What
# does the softmax, applied twice, do to the gradient? Why are 600 training images kept
# back?
#
# <details><summary>Answers</summary>
#
# Over all places of the image; a recurrent net shares its weights over all steps of
# time. It shrinks it, to a tenth with ten classes. So that choices are made on them,
# and the test images are used once.
# </details>

# %% [markdown]
# ## Notation
#
# | maths | code | shape |
# | --- | --- | --- |
# | input $x_t$ | `x_t` | `(B, D_in)`: batch, features |
# | the whole sequence | `x` | `(B, T, D_in)`: batch, steps, features |
# | hidden state $h_t$, cell state $c_t$ | `h_t`, `c_t` | `(B, D_h)` |
# | output $y_t = W_{hy} h_t + b_y$ | `output(h_t)`, an `nn.Linear` | `(B, D_out)` |
# | gates $i_t, f_t, o_t$; $r_t, z_t$ | `i_t f_t o_t`; `r_t z_t` | `(B, D_h)` |
# | candidates $g_t, n_t$ | `g_t n_t` | `(B, D_h)` |
# | weights $W_{xh}$ | `weight_xh` | `(k·D_h, D_in)` |
# | weights $W_{hh}$ | `weight_hh` | `(k·D_h, D_h)` |
# | bias $b$ | `bias` | `(k·D_h,)` |
#
# In this table $k$ is the number of blocks: 1 for the plain RNN, 4 for the LSTM, 3 for
# the GRU. PyTorch, and what follows it here, says `weight_ih`, "input to hidden", for
# `weight_xh`, has two biases, and writes $W_{ir}$ for gate $r$'s block of it. $\sigma$
# is the logistic sigmoid, $\odot$ the product element by element. Time runs from 1 to
# $T$; $h_0$ is where it starts.

# %% jupyter={"source_hidden": true} cellView="form"
# Set-up: finds the course; where it is missing, as on Colab, pip installs it
import importlib.util, subprocess, sys  # isort: skip

address = "git+https://github.com/from-formula-to-model/course"
found = getattr(importlib.util.find_spec("course"), "origin", None)  # of a folder None
if not found and subprocess.call([sys.executable, "-m", "pip", "install", address]):
    raise RuntimeError(f"pip failed, see above: try `make lab`, or install {address}")
from course import setup

setup()

# %%
import math
import re
import time
from collections import Counter
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from course import data, exercises, explorers, plots, results, training
from course.compare import check_agreement

# %% [markdown]
# ## 1 The recurrence, by hand
#
# A recurrent net reads a sequence step by step and keeps one vector, its state. The new
# state is made of the old one and of the input:
#
# $$h_t = \tanh(W_{xh}\, x_t + W_{hh}\, h_{t-1} + b)$$
#
# The same weights serve at every step: that is what lets it read sequences of any
# length. Take one unit, $W_{xh} = 1$, $W_{hh} = \tfrac12$, $b = 0$, $h_0 = 0$, and the
# inputs $1, 0, 0, 0$.
#
# **Predict.** What is left of the 1 after four steps, roughly?

# %%
for weight in (0.5, 1.0, 3.0):
    h, states = torch.tensor(0.0, dtype=torch.float64), []
    for x_t in (1.0, 0.0, 0.0, 0.0):
        h = torch.tanh(1.0 * x_t + weight * h)
        states.append(f"{h:.4f}")
    print(f"W_hh = {weight}: h_1 to h_4 =", ", ".join(states))

# %% [markdown]
# About an eleventh: each step halves it, and tanh takes a little more. With
# $W_{hh} = 1$ it fades more slowly, with $W_{hh} = 3$ never. This chapter is about that
# number.

# %% [markdown]
# **How exercises are checked.** A check calls your function with many inputs. It
# compares results to nine digits in float64, to four in float32, and by absolute error
# near 0. Any size may be 1, and sizes differ. New tensors have the type of the inputs;
# half precision occurs only where named. Do not change the arguments.

# %% [markdown]
# **Exercise: run a recurrence over a sequence** (easy, about 12 minutes)
#
# Run a plain recurrent network over a batch of sequences:
#
# $$h_t = \tanh(W_{xh}\, x_t + W_{hh}\, h_{t-1} + b), \qquad t = 1, \dots, T$$
#
# `x` is $(B, T, D_{in})$, `h_0` $(B, D_h)$. $T$ is at least 1 and may be some hundreds;
# inputs and `h_0` may be as large as $\pm 10^4$. Return $h_1, \dots, h_T$ in one tensor
# $(B, T, D_h)$. Values and all gradients are compared, so compute with tensors
# throughout.
#
# Write the recurrence yourself: no `nn.RNN`, no `nn.RNNCell`, no function behind them
# (such as `torch.rnn_tanh`).
#
# By hand first: all sizes are 1, $T = 2$, both weights are 1, $b = h_0 = 0$, and `x` is
# `[1, 0]`. Why is $h_2$ not 0?


# %%
def my_rnn(x, h_0, weight_xh, weight_hh, bias):
    """All hidden states (B, T, D_h) of a plain RNN. x (B, T, D_in), h_0 (B, D_h),
    weight_xh (D_h, D_in), weight_hh (D_h, D_h), bias (D_h,)."""
    raise NotImplementedError


exercises.rnn.rnn_outputs.check(my_rnn)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $h_1 = \tanh(1) = 0.7616$ and $h_2 = \tanh(0 + h_1) = \tanh(0.7616) = 0.6420$. The
# second input is 0, but the state still holds something of the first.
#
# </details>

# %% [markdown]
# ## 2 The naive loop
#
# A step computes the equation for a batch at once. PyTorch keeps a weight as (outputs,
# inputs), so the product is $x_t W_{xh}^\top$. `unroll` is the loop over time; it will
# serve every cell of this chapter, whatever states the cell has.


# %%
def rnn_step(x_t, h, weight_xh, weight_hh, bias):
    """x_t (B, D_in), h (B, D_h) -> the next state, a tuple of one (B, D_h)."""
    return (torch.tanh(x_t @ weight_xh.T + h @ weight_hh.T + bias),)


def unroll(step, x, state, *weights):
    """Run a cell over x (B, T, D_in).

    Args:
        step: function (x_t, *state, *weights) -> state, a tuple that begins with h_t.
        state: tuple of (B, D_h), where to start.
    Returns:
        h_1 to h_T (B, T, D_h), and the final state.
    """
    outputs = []
    for x_t in x.unbind(1):
        state = step(x_t, *state, *weights)
        outputs.append(state[0])
    return torch.stack(outputs, 1), state


# %% [markdown]
# ## 3 The vectorised form
#
# The state has to be computed step by step, but $W_{xh} x_t + b$ does not depend on the
# state: one large matrix product serves all steps. Only the small product with $W_{hh}$
# stays in the loop, and `addmm` adds it in the same call. Libraries do the same.


# %%
def rnn(x, state, weight_xh, weight_hh, bias):
    """As unroll(rnn_step, ...), with the input's product for all steps at once."""
    (h,) = state
    from_input = F.linear(x.transpose(0, 1), weight_xh, bias)  # (T, B, D_h)
    outputs = []
    for from_input_t in from_input:
        h = torch.tanh(torch.addmm(from_input_t, h, weight_hh.T))
        outputs.append(h)
    return torch.stack(outputs, 1), (h,)


# %%
def random_case(batch, steps, d_in, d_h, blocks=1, states=1, seed=0):
    """Random x, states and weights of a cell with `blocks` blocks, float64."""
    rng = torch.Generator().manual_seed(seed)
    shapes = {"x": (batch, steps, d_in), "h_0": (batch, d_h), "c_0": (batch, d_h)}
    if states == 1:
        del shapes["c_0"]
    shapes |= {
        "weight_xh": (blocks * d_h, d_in),
        "weight_hh": (blocks * d_h, d_h),
        "bias": (blocks * d_h,),
    }
    return {
        name: torch.randn(shape, generator=rng, dtype=torch.float64)
        for name, shape in shapes.items()
    }


def naive_rnn(x, h_0, weight_xh, weight_hh, bias):
    return unroll(rnn_step, x, (h_0,), weight_xh, weight_hh, bias)


def fast_rnn(x, h_0, weight_xh, weight_hh, bias):
    return rnn(x, (h_0,), weight_xh, weight_hh, bias)


check_agreement(fast_rnn, naive_rnn, **random_case(3, 7, 2, 4))
check_agreement(
    fast_rnn, naive_rnn, **random_case(1, 1, 5, 2), label="one step, a batch of one"
)

# %% [markdown]
# ### The module
#
# Layers can be stacked: the second layer reads the first one's states as its input,
# $x^{(2)}_t = h^{(1)}_t$. `Recurrent` holds the weights of all layers under PyTorch's
# names and with PyTorch's first values, uniform in $\pm 1/\sqrt{D_h}$, and with its
# shapes, so that weights can be copied either way. PyTorch keeps *two* biases and adds
# them; where they only ever appear as a sum, one is enough, and we add them before we
# start.


# %%
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Recurrent(nn.Module):
    """Stacked layers with PyTorch's names; a subclass gives blocks, states, `layer`."""

    blocks, states = 1, 1

    def __init__(self, d_in, d_h, layers=1):
        super().__init__()
        self.d_h, self.layers = d_h, layers
        for k in range(layers):
            width, rows = (d_h if k else d_in), self.blocks * d_h
            shapes = (rows, width), (rows, d_h), (rows,), (rows,)
            for name, shape in zip(NAMES, shapes, strict=True):
                weight = torch.empty(shape).uniform_(-(d_h**-0.5), d_h**-0.5)
                self.register_parameter(f"{name}_l{k}", nn.Parameter(weight))

    def forward(self, x, state=None):
        """x (B, T, D_in), state (layers, B, D_h) or a pair of them -> (B, T, D_h),
        final state."""
        if state is None:
            state = (x.new_zeros(self.layers, len(x), self.d_h),) * self.states
        parts, finals = (state if isinstance(state, tuple) else (state,)), []
        for k in range(self.layers):
            weights = [getattr(self, f"{name}_l{k}") for name in NAMES]
            x, final = self.layer(x, tuple(part[k] for part in parts), *weights)
            finals.append(final)
        final = tuple(torch.stack(part) for part in zip(*finals, strict=True))
        return x, final if self.states > 1 else final[0]


# %%
class RNN(Recurrent):
    """nn.RNN from scratch."""

    def layer(self, x, state, weight_ih, weight_hh, bias_ih, bias_hh):
        return rnn(x, state, weight_ih, weight_hh, bias_ih + bias_hh)


# %% [markdown]
# ### Proof: it equals nn.RNN
#
# Both modules get the same weights; `check_agreement` compares all states, the final
# state of each layer, and the gradient of the input, the first state and every weight,
# in float64 to a relative $10^{-9}$.


# %%
def agrees(ours, theirs, batch=2, steps=5, seed=0):
    """Compare a Recurrent with its counterpart of torch.nn in outputs,
    final states and every gradient."""
    rng = torch.Generator().manual_seed(seed)
    shape, size = (ours.layers, batch, ours.d_h), theirs.input_size
    tensors = {"x": torch.randn(batch, steps, size, generator=rng)}
    tensors |= {
        name: torch.randn(shape, generator=rng)
        for name in ("h_0", "c_0")[: ours.states]
    }
    tensors |= {name: weight.detach() for name, weight in theirs.named_parameters()}

    def run(module):
        def call(x, h_0, c_0=None, **weights):
            state = h_0 if c_0 is None else (h_0, c_0)
            return torch.func.functional_call(module.double(), weights, (x, state))

        return call

    name = f"{type(ours).__name__} = nn.{type(theirs).__name__}"
    label = f"{name}, layers {ours.layers}, length {steps}, batch {batch}"
    check_agreement(run(ours), run(theirs), label=label, **tensors)


torch.manual_seed(0)
agrees(RNN(3, 4), nn.RNN(3, 4, batch_first=True))
agrees(RNN(3, 4, layers=2), nn.RNN(3, 4, 2, batch_first=True), batch=1, steps=1)

# %% [markdown]
# Note `batch_first=True`: without it PyTorch reads `(T, B, D_in)`, and a batch-first
# tensor runs through it without an error, along the wrong axis. Section 20 shows what
# that looks like.
#
# ## 4 The derivative through time
#
# How does the last state depend on an early one? By the chain rule, through every state
# between them. One step's Jacobian is
#
# $$J_s = \frac{\partial h_s}{\partial h_{s-1}} =
# \operatorname{diag}(1 - h_s^2)\, W_{hh}
# \qquad\text{and so}\qquad \frac{\partial h_T}{\partial h_t} =
# J_T\, J_{T-1} \cdots J_{t+1}$$
#
# (Pascanu et al. 2013, equation 5; their state is the sum before tanh, which puts the
# factors in another order.) The gradient of a loss at step $T$ is that product,
# transposed, times the gradient at $h_T$. A product of many matrices rarely keeps its
# size.


# %%
def step_jacobians(h, weight_hh):
    """J_1 to J_T of one sequence: h (T, D_h), weight_hh (D_h, D_h) -> (T, D_h, D_h)."""
    return (1 - h.square())[:, :, None] * weight_hh


def products(jacobians):
    """∂h_T/∂h_t for t = T - 1 down to 0: (T, D_h, D_h), the last step's alone first."""
    product, found = torch.eye(jacobians.shape[1], dtype=jacobians.dtype), []
    for jacobian in jacobians.flip(0):
        product = product @ jacobian
        found.append(product)
    return torch.stack(found)


# %%
case = random_case(1, 6, 2, 4)
weights = case["weight_xh"], case["weight_hh"], case["bias"]
h, _ = rnn(case["x"], (case["h_0"],), *weights)
by_hand = products(step_jacobians(h[0], case["weight_hh"]))


def last_state(h_t, x, weights):
    """h_T (D_h,) from h_t (D_h,) and the inputs x (1, T - t, D_in) after it."""
    return rnn(x, (h_t[None],), *weights)[1][0][0]


for k, product in enumerate(by_hand, 1):
    t = 6 - k
    h_t = h[0, t - 1] if t else case["h_0"][0]
    by_autograd = torch.autograd.functional.jacobian(
        partial(last_state, x=case["x"][:, t:], weights=weights), h_t
    )
    torch.testing.assert_close(product, by_autograd, rtol=1e-9, atol=1e-11)
print("∂h_6/∂h_t by hand = by autograd for t = 0 to 5")

# %% [markdown]
# ## 5 Measured: vanishing and exploding
#
# Start with the simplest case, a linear recurrence $h_t = W_{hh} h_{t-1}$ with
# $W_{hh} = \rho\,Q$, $Q$ orthogonal. Then
# $\partial h_T/\partial h_t = \rho^{T-t} Q^{T-t}$, and its norm is $\rho^{T-t}$: a
# straight line of slope $\ln\rho$ on a logarithmic axis.
#
# **Predict.** With tanh the factors $1 - h^2 \le 1$ come in. Above or below that line?


# %%
def orthogonal(n, radius, seed=0):
    """radius times a random orthogonal matrix (n, n):
    every eigenvalue has that absolute value."""
    rng = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(n, n, generator=rng, dtype=torch.float64))
    return radius * q * r.diagonal().sign()


def states_under_noise(weight_hh, strength, steps=300, skip=100, seed=0):
    """h_t = tanh(W_hh h_{t-1} + strength · noise), after the first `skip` steps:
    (steps - skip, D_h)."""
    rng = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, steps, len(weight_hh), generator=rng, dtype=torch.float64)
    start = torch.randn(1, len(weight_hh), generator=rng, dtype=torch.float64)
    identity = torch.eye(len(weight_hh), dtype=torch.float64)
    bias = weight_hh.new_zeros(len(weight_hh))
    h, _ = rnn(noise, (start,), strength * identity, weight_hh, bias)
    return h[0, skip:]


# %%
def log_norms(jacobians):
    """ln of the spectral norm of ∂h_T/∂h_t for T - t = 1, 2, …"""
    return torch.linalg.matrix_norm(products(jacobians), 2).log()


def slope(values):
    """Mean rise a step, over the last nine tenths of the values."""
    first = len(values) // 10
    return ((values[-1] - values[first]) / (len(values) - 1 - first)).item()


norms = {}
for radius in (0.9, 1.0, 1.1):
    weight_hh = orthogonal(128, radius)
    linear = log_norms(weight_hh.expand(100, -1, -1))
    quiet = log_norms(
        step_jacobians(states_under_noise(weight_hh, 0.1)[-100:], weight_hh)
    )
    norms[f"linear, ρ = {radius}"], norms[f"tanh, ρ = {radius}"] = (
        linear.exp(),
        quiet.exp(),
    )
    exact = abs(slope(linear) - math.log(radius)) < 1e-9
    print(
        f"ρ = {radius}: the linear slope is ln ρ: {exact}; tanh's lies below: "
        f"{slope(quiet) < slope(linear)}"
    )

# %%
plots.lines(
    norms,
    title="How much of a state reaches the end, 128 units, noise of 0.1",
    xlabel="T − t (steps)",
    ylabel="norm of ∂h_T/∂h_t",
    yscale="log",
    alt="rnn.state_decay",
)

# %% [markdown]
# The linear slopes are $\ln\rho$, and tanh lies below each. So $\rho < 1$ vanishes
# always: the norm is at most $\rho^{T-t}$. But $\rho > 1$ need not explode: it is
# necessary, not sufficient (Pascanu et al. 2013, section 2.1). Here $\rho$ is both the
# spectral radius (the largest absolute eigenvalue) and the norm (the largest singular
# value); for a general $W_{hh}$ the bound needs the norm.
#
# ### Can the slope be predicted? (optional)
#
# Send a unit vector $v$ back from step $T$: each step multiplies it by
# $W_{hh}^\top \operatorname{diag}(1 - h^2)$. Note its growth, scale it back to length
# 1, go on. The mean of $\ln\lVert\cdot\rVert$ predicts the slope of any such product
# under input of the same kind.
#
# **Predict.** Does strong input help the gradient or harm it? Think of what it does to
# $h$.


# %%
def backward_growth(h, weight_hh, seed=0):
    """ln of the growth of a unit vector sent back through each step:
    h (T, D_h) -> (T,), last step first."""
    v = torch.randn(
        len(weight_hh),
        generator=torch.Generator().manual_seed(seed),
        dtype=torch.float64,
    )
    growth = []
    for h_t in h.flip(0):
        v = weight_hh.T @ ((1 - h_t.square()) * v / v.norm())
        growth.append(v.norm().log())
    return torch.stack(growth)


# %% tags=["nbval-ignore-output"]
misses = []
for radius, strength in ((1.5, 0.0), (1.5, 1.0), (4.0, 0.0), (4.0, 1.0)):
    weight_hh = orthogonal(128, radius)
    other, one = (
        states_under_noise(weight_hh, strength, steps=500, seed=seed) for seed in (1, 0)
    )
    predicted = backward_growth(other, weight_hh)[10:].mean().item()
    measured = slope(log_norms(step_jacobians(one, weight_hh)))
    print(
        f"ρ = {radius}, noise {strength}: slope predicted {predicted:+.3f}, "
        f"measured {measured:+.3f};",
        end=" ",
    )
    print(f"without tanh ln ρ = {math.log(radius):+.3f}")
    misses.append(abs(measured - predicted))

# %%
assert max(misses) < 0.04

# %% [markdown]
# With $\rho = 1.5$ the state alone makes gradients grow by 7 % a step; unit noise turns
# that into a loss of 14 % a step, because it drives the units into saturation, where
# $1 - h^2$ is small. Where is the turn?

# %%
strengths = torch.linspace(0, 2, 21)
growths = {}
for radius in (1.1, 1.5, 2.0, 4.0):
    weight_hh = orthogonal(128, radius)
    runs = [states_under_noise(weight_hh, s.item()) for s in strengths]
    growths[f"ρ = {radius}"] = torch.stack(
        [backward_growth(h, weight_hh)[10:].mean() for h in runs]
    )
assert growths["ρ = 4.0"].min() > 0
turn = next(
    s.item() for s, g in zip(strengths, growths["ρ = 1.5"], strict=True) if g < 0
)
print(
    "ρ = 1.5 turns from growth to decay at a noise between 0.3 and 0.5: "
    f"{0.3 <= turn <= 0.5}"
)
plots.lines(
    growths,
    x=strengths,
    title="Strong input makes gradients vanish",
    xlabel="standard deviation of input",
    ylabel="ln(growth) a step",
    marks=[(0, "neither grows nor shrinks")],
    alt="rnn.input_and_gradient",
)

# %% [markdown]
# A plain RNN must be strong enough not to vanish and weak enough not to explode, and
# what it reads moves that point all the time. At $\rho = 4$ no input up to 2 tames it.
# No single number suits all: a net should be able to *choose*, for each unit and each
# step, whether to keep. That is what gates are for.

# %% [markdown]
# ## 6 The LSTM
#
# The long short-term memory (Hochreiter and Schmidhuber 1997; with the forget gate of
# Gers et al. 2000) adds a second state, the **cell** $c_t$. It is changed by sums and
# products only, and three gates between 0 and 1 say how much: $i_t$ lets the new value
# $g_t$ in, $f_t$ keeps the old one, $o_t$ lets it out.
#
# $$\begin{aligned}
# i_t &= \sigma(W_{xi} x_t + W_{hi} h_{t-1} + b_i)
# & f_t &= \sigma(W_{xf} x_t + W_{hf} h_{t-1} + b_f)\\
# g_t &= \tanh(W_{xg} x_t + W_{hg} h_{t-1} + b_g)
# & o_t &= \sigma(W_{xo} x_t + W_{ho} h_{t-1} + b_o)\\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t & h_t &= o_t \odot \tanh(c_t)
# \end{aligned}$$
#
# **Predict.** Which values must the gates have for a cell to keep its content
# unchanged?


# %%
def lstm_update(blocks, c):
    """The new states from the sums before the nonlinearities, blocks i, f, g, o
    (B, 4·D_h), and the cell."""
    i_t, f_t, g_t, o_t = blocks.chunk(4, dim=1)  # each (B, D_h)
    i_t, f_t, g_t, o_t = i_t.sigmoid(), f_t.sigmoid(), g_t.tanh(), o_t.sigmoid()
    c_t = f_t * c + i_t * g_t
    return o_t * c_t.tanh(), c_t


def lstm_step(x_t, h, c, weight_xh, weight_hh, bias):
    """One step of the LSTM; the weights hold the blocks i, f, g, o below one another.
    -> (h_t, c_t)."""
    return lstm_update(x_t @ weight_xh.T + h @ weight_hh.T + bias, c)


# %%
# the input goes to g alone
weight_xh = torch.tensor([[0.0], [0.0], [1.0], [0.0]], dtype=torch.float64)
noise = torch.randn(
    1, 1000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
state = (
    torch.zeros(1, 1, dtype=torch.float64),
    torch.full((1, 1), 0.7, dtype=torch.float64),
)
for i_bias, name in ((-20.0, "shut"), (20.0, "open")):
    # f and o are open
    bias = torch.tensor([i_bias, 20.0, 0.0, 20.0], dtype=torch.float64)
    _, (h, c) = unroll(
        lstm_step, noise, state, weight_xh, torch.zeros_like(weight_xh), bias
    )
    print(
        f"input gate {name}: after 1,000 steps of noise the cell still holds 0.7:",
        abs(c.item() - 0.7) < 1e-4,
    )

# %% [markdown]
# $f = 1$, $i = 0$: shut off from its input, a cell keeps what it holds for as long as
# it likes.
#
# The order of the blocks is a convention: PyTorch packs $i, f, g, o$. Other libraries
# and many papers list them in another order, and weights read in a wrong order raise no
# error (section 22).
#
# ## 7 The direct path through the cell
#
# $c_t = f_t \odot c_{t-1} + \dots$: if the gates were given numbers, the derivative
# from cell to cell would be $f_t$ and nothing else.

# %% [markdown]
# **Exercise: the gradient along the cell** (easy, about 12 minutes)
#
# An LSTM's cell is $c_t = f_t \odot c_{t-1} + i_t \odot g_t$. Take the gates as given,
# so that $c_T$ depends on $c_t$ through this line alone. Then
#
# $$\frac{\partial c_T}{\partial c_t} = \prod_{s=t+1}^{T} f_s, \qquad t = 0, \dots, T,$$
#
# for each unit by itself. `f` $(T, D_h)$ holds $f_1, \dots, f_T$, numbers from 0 to 1.
# Return a tensor $(T + 1, D_h)$ whose row $t$ is this slope. A gate may be exactly 0 or
# 1; $T$ is at least 1 and may be some thousands.
#
# By hand first: one unit, `f = [[0.5], [0.8], [0.1]]`. The four rows are 0.04, 0.08,
# 0.1 and 1. Which gate appears only in the first?


# %%
def my_direct_path(f):
    """Row t of the result (T + 1, D_h) is the slope of c_T for c_t along the cell,
    t = 0 ... T. f (T, D_h) holds the forget gates f_1 ... f_T."""
    raise NotImplementedError


exercises.rnn.direct_path.check(my_direct_path)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The first gate, $f_1 = 0.5$: it lies between $c_0$ and $c_1$, so of all ways to $c_3$
# only the one from $c_0$ leads through it. The rows are $0.5 \cdot 0.8 \cdot 0.1$,
# $0.8 \cdot 0.1$, $0.1$, and 1 for $c_3$ itself.
#
# </details>

# %% [markdown]
# $$\left.\frac{\partial c_T}{\partial c_t}\right|_{\text{direct}} =
# \prod_{s=t+1}^{T} f_s$$
#
# No weight matrix, no tanh: a product of numbers that the net chooses. But the gates
# also depend on $h_{s-1}$, which depends on $c_{s-1}$: those are further paths. To test
# the formula, cut them: let the gates read a detached $h$. To judge it, compute the
# whole derivative too.


# %%
def run_cell(x, h, c, weights, cut=False):
    """Lists of cells c_0 to c_T and forget gates f_1 to f_T, each (B, D_h);
    cut: the direct path alone."""
    cells, forget = [c], []
    weight_xh, weight_hh, bias = weights
    for x_t in x.unbind(1):
        h = h.detach() if cut else h
        blocks = x_t @ weight_xh.T + h @ weight_hh.T + bias
        h, c = lstm_update(blocks, c)
        cells.append(c)
        forget.append(blocks.chunk(4, dim=1)[1].sigmoid())
    return cells, forget


def cell_derivative(x, h, c, weights, cut):
    """∂c_T/∂c_0 of a batch of one, (D_h, D_h), by autograd."""
    return torch.autograd.functional.jacobian(
        lambda c_0: run_cell(x, h, c_0[None], weights, cut)[0][-1][0], c[0]
    )


# %%
case = random_case(1, 8, 3, 5, blocks=4, states=2)
weights = case["weight_xh"], case["weight_hh"], case["bias"]
_, forget = run_cell(case["x"], case["h_0"], case["c_0"], weights)
by_hand = torch.stack(forget).prod(0)[0].diag()  # (D_h, D_h)
direct = cell_derivative(case["x"], case["h_0"], case["c_0"], weights, cut=True)
full = cell_derivative(case["x"], case["h_0"], case["c_0"], weights, cut=False)
torch.testing.assert_close(by_hand, direct, rtol=1e-9, atol=1e-15)
print("∏ f equals autograd's derivative with the other paths cut")
print(
    f"norm of the direct path {by_hand.norm().item():.4f}, "
    f"of the full derivative {full.norm().item():.4f}"
)

# %% [markdown]
# The formula is exact for the direct path. The full derivative has the other paths on
# top, and they behave as in section 5. What the LSTM adds is one path that a gate
# controls.
#
# ### The forget gate's bias sets the memory's length
#
# A new LSTM's weights are small, so $f \approx \sigma(b_f)$ everywhere, and the direct
# path shrinks as $\sigma(b_f)^{T-t}$ over $T - t$ steps.
#
# **Predict** what is left after 50 steps for $b_f = 0$, 1 and 2.


# %%
def cell_path(forget_bias, cut, steps=50, d_h=16):
    """Norm of ∂(Σ c_T)/∂c_t, divided by √D_h, for T - t = 0 to steps;
    cut leaves the direct path alone."""
    case = random_case(1, steps, 4, d_h, blocks=4, states=2)
    for name in ("weight_xh", "weight_hh", "bias"):
        case[name][d_h : 2 * d_h] = 0  # the forget gate's block
    case["bias"][d_h : 2 * d_h] = forget_bias
    weights = case["weight_xh"], case["weight_hh"], case["bias"]
    cells, _ = run_cell(
        case["x"], case["h_0"], case["c_0"].requires_grad_(), weights, cut
    )
    grads = torch.autograd.grad(cells[-1].sum(), cells)
    return torch.stack([grad.norm() / d_h**0.5 for grad in reversed(grads)])


# %%
paths = {f"direct, b = {b}": cell_path(float(b), cut=True) for b in (0, 1, 2)}
for b, path in zip((0, 1, 2), paths.values(), strict=True):
    keep = torch.tensor(float(b), dtype=torch.float64).sigmoid()
    torch.testing.assert_close(
        path, keep ** torch.arange(51.0, dtype=torch.float64), rtol=1e-9, atol=0
    )
    half = -math.log(2) / keep.log()
    print(
        f"b = {b}: σ(b) = {keep:.3f}; after 50 steps {path[50]:.1e} is left; "
        f"half after {half:.1f} steps"
    )
paths["all paths, b = 1"] = cell_path(1.0, cut=False)
plots.lines(
    {name: (range(51), path) for name, path in paths.items()},
    title="From cell to cell, forget weights 0",
    xlabel="T − t (steps)",
    ylabel="norm of ∂c_T/∂c_t",
    yscale="log",
    alt="rnn.forget_bias",
)

# %% [markdown]
# The lines are the prediction to nine digits. With bias 0 a new LSTM forgets half at
# *every step*. That is why the forget gate's bias is set to 1 or more before training
# (Gers et al. 2000; Jozefowicz et al. 2015). Take care in PyTorch: its two biases add,
# so a 1 in both is a bias of 2, and the default is near 0.

# %%
layer = nn.LSTM(3, 4, batch_first=True, dtype=torch.float64)
with torch.no_grad():
    for bias in (layer.bias_ih_l0, layer.bias_hh_l0):
        bias.zero_()[4:8] = 1.0  # the second block of four is f
    layer.weight_ih_l0.zero_(), layer.weight_hh_l0.zero_()
start = (
    torch.zeros(1, 1, 4, dtype=torch.float64),
    torch.ones(1, 1, 4, dtype=torch.float64),
)
_, (_, c) = layer(torch.zeros(1, 1, 3, dtype=torch.float64), start)
left = c[0, 0, 0].item()
one, two = (torch.tensor(b).sigmoid().item() for b in (1.0, 2.0))
print(f"of a cell of 1, one step leaves {left:.3f}; σ(1) = {one:.3f}, σ(2) = {two:.3f}")

# %% [markdown]
# ## 8 A fast LSTM, with its backward pass by hand
#
# As for the RNN, the input's product is taken for all steps at once. What remains in
# the loop is one `addmm` for all four gates and a few products. Autograd would record
# each; by hand, the backward pass needs fewer calls (optional: nothing later needs
# these formulas). Let $\bar h_t$ and $\bar c_t$ be the loss's derivatives, and
# $\delta_t$ that for the four sums before the nonlinearities. $\bar h_t$ begins as the
# derivative for the output $h_t$; what comes back through later steps is added. From
# the last step back:
#
# $$\begin{aligned}
# \bar c_t &\mathrel{+}= \bar h_t \odot o_t \odot (1 - \tanh^2 c_t)\\
# \delta_t &= \begin{pmatrix} \bar c_t \odot g_t \odot i_t(1-i_t)\\
# \bar c_t \odot c_{t-1} \odot f_t(1-f_t)\\
# \bar c_t \odot i_t \odot (1-g_t^2)\\
# \bar h_t \odot \tanh c_t \odot o_t(1-o_t)\end{pmatrix} \qquad
# \bar c_{t-1} = \bar c_t \odot f_t,
# \quad \bar h_{t-1} \mathrel{+}= W_{hh}^\top \delta_t
# \end{aligned}$$
#
# and $\partial L/\partial W_{hh} = \sum_t \delta_t\, h_{t-1}^\top$, one product for all
# steps.


# %%
def lstm_forward(from_input, h_0, c_0, weight_hh):
    """All steps, written into four tensors that the backward pass needs.

    from_input (T, B, 4·D_h) is W_xh x_t + b. Returns gates (T, B, 4·D_h), h and c
    (T + 1, B, D_h) with the start in front, tanh_c (T, B, D_h).
    """
    steps, d_h = len(from_input), h_0.shape[1]
    gates = torch.empty_like(from_input)
    h, c = (
        torch.cat([start[None], start.new_empty(steps, *start.shape)])
        for start in (h_0, c_0)
    )
    tanh_c, transposed = torch.empty_like(h[1:]), weight_hh.T.contiguous()
    for t in range(steps):
        torch.addmm(from_input[t], h[t], transposed, out=gates[t])
        gates[t, :, : 2 * d_h].sigmoid_()  # i and f lie side by side
        gates[t, :, 2 * d_h : 3 * d_h].tanh_()
        gates[t, :, 3 * d_h :].sigmoid_()
        i_t, f_t, g_t, o_t = gates[t].chunk(4, dim=1)
        torch.mul(f_t, c[t], out=c[t + 1]).addcmul_(i_t, g_t)
        torch.mul(o_t, torch.tanh(c[t + 1], out=tanh_c[t]), out=h[t + 1])
    return gates, h, c, tanh_c


# %%
def lstm_backward(grad_h, grad_c, gates, h, c, tanh_c, weight_hh):
    """From ∂L/∂h_t of all steps (T, B, D_h) and ∂L/∂c_T (B, D_h)
    to the derivatives for the inputs."""
    delta = torch.empty_like(gates)  # (T, B, 4·D_h)
    back_h, back_c = torch.zeros_like(grad_c), grad_c
    for t in range(len(gates) - 1, -1, -1):
        i_t, f_t, g_t, o_t = gates[t].chunk(4, dim=1)
        delta_i, delta_f, delta_g, delta_o = delta[t].chunk(4, dim=1)
        back_h = back_h + grad_h[t]
        back_c = back_c + back_h * o_t * (1 - tanh_c[t] * tanh_c[t])
        torch.mul(back_c * g_t, i_t - i_t * i_t, out=delta_i)
        # c[t] is c_{t-1}: the start lies in front
        torch.mul(back_c * c[t], f_t - f_t * f_t, out=delta_f)
        torch.mul(back_c * i_t, 1 - g_t * g_t, out=delta_g)
        torch.mul(back_h * tanh_c[t], o_t - o_t * o_t, out=delta_o)
        back_c = back_c * f_t
        back_h = delta[t] @ weight_hh
    return delta, back_h, back_c, delta.flatten(0, 1).T @ h[:-1].flatten(0, 1)


# %%
class LSTMByHand(torch.autograd.Function):
    """(from_input, h_0, c_0, weight_hh) -> h_1 to h_T (T, B, D_h) and c_T,
    with both passes by hand."""

    @staticmethod
    def forward(ctx, from_input, h_0, c_0, weight_hh):
        gates, h, c, tanh_c = lstm_forward(from_input, h_0, c_0, weight_hh)
        ctx.save_for_backward(gates, h, c, tanh_c, weight_hh)
        return h[1:], c[-1]

    @staticmethod
    def backward(ctx, grad_h, grad_c):
        return lstm_backward(grad_h, grad_c, *ctx.saved_tensors)


# %%
def lstm(x, state, weight_xh, weight_hh, bias):
    """As unroll(lstm_step, ...): x (B, T, D_in), state (h_0, c_0)
    -> (B, T, D_h), (h_T, c_T)."""
    with torch.autocast(
        x.device.type, enabled=False
    ):  # the passes by hand keep to one precision
        # (T, B, 4·D_h)
        from_input = F.linear(x.to(weight_xh.dtype).transpose(0, 1), weight_xh, bias)
        h, c_last = LSTMByHand.apply(from_input, *state, weight_hh)
    return h.transpose(0, 1), (h[-1], c_last)


def naive_lstm(x, h_0, c_0, weight_xh, weight_hh, bias):
    return unroll(lstm_step, x, (h_0, c_0), weight_xh, weight_hh, bias)


def fast_lstm(x, h_0, c_0, weight_xh, weight_hh, bias):
    return lstm(x, (h_0, c_0), weight_xh, weight_hh, bias)


check_agreement(fast_lstm, naive_lstm, **random_case(3, 7, 2, 4, blocks=4, states=2))
check_agreement(
    fast_lstm,
    naive_lstm,
    **random_case(1, 1, 5, 2, 4, 2),
    label="one step, a batch of one",
)


# %%
class LSTM(Recurrent):
    """nn.LSTM from scratch."""

    blocks, states = 4, 2

    def layer(self, x, state, weight_ih, weight_hh, bias_ih, bias_hh):
        return lstm(x, state, weight_ih, weight_hh, bias_ih + bias_hh)


agrees(LSTM(3, 4), nn.LSTM(3, 4, batch_first=True))
agrees(LSTM(3, 4, layers=2), nn.LSTM(3, 4, 2, batch_first=True), batch=1, steps=1)

# %% [markdown]
# On two cores, forward and backward at $T = 100$, batch 64, hidden size 128, it takes a
# tenth to a half longer than `nn.LSTM`, whose loop is compiled (`make bench` has the
# ratio).
#
# ## 9 The GRU, in two dialects and a half
#
# The gated recurrent unit (Cho et al. 2014) has no separate cell: one gate $z$ both
# keeps and overwrites, and the reset gate $r$ says how much of the old state the
# candidate sees. Papers and libraries disagree on two points ($W$ and $U$ are our
# $W_{xn}$ and $W_{hn}$):
#
# | | candidate $n_t$ | new state $h_t$ |
# | --- | --- | --- |
# | Cho et al. | $\tanh(W x_t + U(r_t \odot h_{t-1}))$ | $z_t h_{t-1} + (1 - z_t) n_t$ |
# | Chung et al. | the same | $(1 - z_t) h_{t-1} + z_t n_t$ |
# | PyTorch | $\tanh(W x_t + b_{xn} + r_t \odot (U h_{t-1} + b_{hn}))$ | as Cho et al. |

# %% [markdown]
# **Exercise: one step of a GRU** (medium, about 20 minutes)
#
# Write one step of a gated recurrent unit as PyTorch defines it:
#
# $$r = \sigma(W_{ir}x_t + b_{ir} + W_{hr}h + b_{hr}) \qquad
# z = \sigma(W_{iz}x_t + b_{iz} + W_{hz}h + b_{hz})$$
#
# $$n = \tanh\big(W_{in}x_t + b_{in} + r \odot (W_{hn}h + b_{hn})\big) \qquad
# h' = (1 - z) \odot n + z \odot h$$
#
# `weight_ih` stacks $W_{ir}$, $W_{iz}$, $W_{in}$ in this order; `weight_hh` and the
# biases are stacked likewise. Inputs and states may be as large as $\pm 10^4$. Values
# and all gradients are compared, and none may be NaN. No `nn.GRU`, no `nn.GRUCell`, no
# function behind them (such as `torch.gru_cell`).
#
# By hand first: what is $h'$ if all weights and biases are 0 and $h = 2$?


# %%
def my_gru_step(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The next state (B, D_h) of a GRU. x_t (B, D_in), h (B, D_h), weight_ih
    (3 D_h, D_in), weight_hh (3 D_h, D_h), bias_ih and bias_hh (3 D_h,), each packed in
    the order r, z, n."""
    raise NotImplementedError


exercises.rnn.gru_step.check(my_gru_step)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $r = z = \sigma(0) = \tfrac12$ and $n = \tanh(0) = 0$, so
# $h' = \tfrac12 \cdot 0 + \tfrac12 \cdot 2 = 1$. With no weights the state halves at
# every step.
#
# </details>

# %% [markdown]
# **Predict.** One of the two differences is a mere change of names: the same family of
# functions, with other weights. The other is not. Which is which?
#
# `bias` holds the blocks $r, z, n$; where the reset gate acts after the product, the
# candidate needs a second bias $b_{hn}$ inside it, and PyTorch's two biases no longer
# add up to one.


# %%
def gru_step(x_t, h, weight_xh, weight_hh, bias, bias_hn, reset="after", kept_by="z"):
    """One step of a GRU with blocks r, z, n; a tuple of one (B, D_h).

    reset: "after" the product with W_hn (PyTorch) or "before" it (Cho et al.); kept_by:
    the share of h_{t-1} is "z" (Cho et al. v3, PyTorch) or "1 - z" (Chung et al.).
    """
    x_r, x_z, x_n = (x_t @ weight_xh.T + bias).chunk(3, dim=1)
    w_r, w_z, w_n = weight_hh.chunk(3)  # each (D_h, D_h)
    r_t, z_t = (x_r + h @ w_r.T).sigmoid(), (x_z + h @ w_z.T).sigmoid()
    if reset == "after":
        n_t = torch.tanh(x_n + r_t * (h @ w_n.T + bias_hn))
    else:
        n_t = torch.tanh(x_n + (r_t * h) @ w_n.T + bias_hn)
    kept = z_t if kept_by == "z" else 1 - z_t
    return (kept * h + (1 - kept) * n_t,)


# %%
def gru(x, state, weight_xh, weight_hh, bias, bias_hn):
    """As unroll(gru_step, ...), PyTorch's dialect,
    with the input's product for all steps at once."""
    (h,) = state
    outputs, transposed, d_h = [], weight_hh.T, len(bias_hn)
    inner = torch.cat([bias_hn.new_zeros(2 * d_h), bias_hn])
    for from_input in F.linear(x.transpose(0, 1), weight_xh, bias):  # (B, 3·D_h)
        from_state = torch.addmm(inner, h, transposed)  # (B, 3·D_h)
        r_t, z_t = (
            (from_input[:, : 2 * d_h] + from_state[:, : 2 * d_h])
            .sigmoid()
            .chunk(2, dim=1)
        )
        n_t = torch.tanh(
            torch.addcmul(from_input[:, 2 * d_h :], r_t, from_state[:, 2 * d_h :])
        )
        h = n_t + z_t * (h - n_t)
        outputs.append(h)
    return torch.stack(outputs, 1), (h,)


# %%
class GRU(Recurrent):
    """nn.GRU from scratch."""

    blocks = 3

    def layer(self, x, state, weight_ih, weight_hh, bias_ih, bias_hh):
        d_h = len(bias_hh) // 3
        # r's and z's add to bias_ih, n's stands inside
        outer = F.pad(bias_hh[: 2 * d_h], (0, d_h))
        return gru(x, state, weight_ih, weight_hh, bias_ih + outer, bias_hh[2 * d_h :])


case = random_case(3, 7, 2, 4, blocks=3)
case["bias_hn"] = torch.linspace(-1, 1, 4, dtype=torch.float64)
check_agreement(
    lambda x, h_0, **w: gru(x, (h_0,), **w),
    lambda x, h_0, **w: unroll(gru_step, x, (h_0,), *w.values()),
    label="gru = the naive loop",
    **case,
)
agrees(GRU(3, 4), nn.GRU(3, 4, batch_first=True))
agrees(GRU(3, 4, layers=2), nn.GRU(3, 4, 2, batch_first=True), batch=1, steps=1)


# %%
def gru_of(dialect, case, weight_xh, weight_hh, bias):
    """All states of a dialect for a case's input and first state,
    the candidate's inner bias 0."""
    step = partial(gru_step, **dialect)
    weights = weight_xh, weight_hh, bias, torch.zeros_like(bias[: len(bias) // 3])
    return unroll(step, case["x"], (case["h_0"],), *weights)[0]


def negate_z(weight):
    """The weights with the z block's sign changed: σ(-a) = 1 - σ(a)."""
    r, z, n = weight.chunk(3)
    return torch.cat([r, -z, n])


# %%
packed = case["weight_xh"], case["weight_hh"], case["bias"]
cho, chung = {"reset": "before"}, {"reset": "before", "kept_by": "1 - z"}
apart = (gru_of({}, case, *packed) - gru_of(cho, case, *packed)).abs().max()
print(
    "PyTorch's and Cho's states differ, only the reset gate's place being changed:",
    bool(apart > 0.01),
)
apart = (gru_of(cho, case, *packed) - gru_of(chung, case, *packed)).abs().max()
print(
    "Cho's and Chung's states differ, only z's meaning being changed:",
    bool(apart > 0.01),
)
renamed = gru_of(chung, case, *(negate_z(weight) for weight in packed))
print(
    "Chung's with the z block negated equals Cho's:",
    torch.allclose(gru_of(cho, case, *packed), renamed),
)

# %% [markdown]
# What $z$ multiplies is a matter of names: negate one block of weights and the models
# are equal. Where the reset gate acts is not. The first entry of $U(r \odot h)$ mixes
# all of $r$, that of $r \odot (U h)$ has $r_1$ alone: no weights make the one into the
# other (but for a net of a single unit, where they are the same). Weights carried from
# one kind of GRU to the other give no error, and other numbers.
#
# ## 10 Gradients through the gates
#
# All cells side by side, with recurrent blocks of the same spectral radius: how large
# is $\partial L/\partial h_t$, for a loss at the last step? **Predict** the order after
# 100 steps.


# %%
def step_of(architecture, d_h):
    """A step (x_t, *state, weight_xh, weight_hh, bias) -> new state."""
    bias_hn = torch.zeros(d_h, dtype=torch.float64)
    steps = {
        "linear": lambda x_t, h, w_x, w_h, b: (x_t @ w_x.T + h @ w_h.T,),
        "tanh RNN": rnn_step,
        "LSTM": lstm_step,
        "GRU": partial(gru_step, bias_hn=bias_hn),
    }
    return steps[architecture]


# %%
def gradient_flow(architecture, radius, forget_bias, length, d_h=64):
    """Norm of ∂loss/∂h_t for t = 0 to length, loss = v · h_length with a unit vector v;
    unit noise as input.

    architecture: "linear", "tanh RNN", "LSTM" or "GRU";
    forget_bias counts for the LSTM alone.
    """
    blocks = {"LSTM": 4, "GRU": 3}.get(architecture, 1)
    case = random_case(1, length, d_h, d_h, blocks, states=2)
    weight_hh = torch.cat([orthogonal(d_h, radius, seed) for seed in range(blocks)])
    bias = torch.zeros(blocks * d_h, dtype=torch.float64)
    if architecture == "LSTM":
        bias[d_h : 2 * d_h] = forget_bias
    weights = case["weight_xh"] / (2 * d_h**0.5), weight_hh, bias
    step = step_of(architecture, d_h)
    state = tuple(
        case[name].mul(0.1).requires_grad_()
        for name in ("h_0", "c_0")[: 1 + (blocks == 4)]
    )
    hidden = [state[0]]
    for x_t in case["x"].unbind(1):
        state = step(x_t, *state, *weights)
        hidden.append(state[0])
    loss = state[0].sum() / d_h**0.5
    return torch.stack(torch.autograd.grad(loss, hidden)).norm(dim=(1, 2)).numpy()


# %%
flows = {
    name: gradient_flow(name, 1.0, 1.0, 100)[::-1].copy()
    for name in ("linear", "tanh RNN", "GRU", "LSTM")
}
plots.lines(
    {name: (range(101), flow) for name, flow in flows.items()},
    title="Gradient at h_t before training, ρ = 1, forget bias 1",
    xlabel="T − t (steps)",
    ylabel="norm of ∂loss/∂h_t",
    yscale="log",
    alt="rnn.gradient_back",
)
print(
    "after 100 steps, from small to large:",
    ", ".join(sorted(flows, key=lambda name: flows[name][-1])),
)

# %% [markdown]
# Before training gates need not help: with $z \approx \tfrac12$ the GRU falls faster
# than the plain RNN. The LSTM falls slowest of the three, by some 12 % a step: the
# direct path alone would lose 27 %, and the paths through $h$ add to it. A gate is not
# a cure but a *handle*: something that training, or a first bias, can turn to 1. Turn
# it yourself:

# %% tags=["explorer"]
explorers.rnn.gradient_flow(gradient_flow)

# %% [markdown]
# Drag the upright line, or play the way back. Try: the tanh RNN, and find the radius at
# which its gradient keeps its size over 100 steps; then look at 50 steps. The LSTM:
# forget bias 0, 2, 4 at $\rho = 1$; then $\rho = 2$. Which of the two decides?
#
# <details><summary>Answer</summary>
#
# With tanh between 1.55 and 1.6, over 50 steps as over 100. The LSTM's bias decides:
# from 0 to 4 it lifts what is left after 100 steps at $\rho = 1$ from
# $8 \cdot 10^{-18}$ to 1.2. The radius adds to it: at bias 4 and $\rho = 2$ the
# gradient has grown 25 times. The paths through $h$ have taken over, and gates do not
# prevent that.
# </details>

# %% [markdown]
# ## 11 A test of memory: the adding problem
#
# A task that needs memory and nothing else: a sequence of numbers between 0 and 1, two
# of which are marked, one in each half; the answer is the sum of the two. Hochreiter
# and Schmidhuber (1997) posed it; this form is Arjovsky et al.'s (2016).
#
# **Predict.** A net that ignores its input does best with which answer, and what mean
# squared error does it get? And one that remembers only one of the two numbers?

# %% [markdown]
# <details><summary>Answer</summary>
#
# The mean of the sum, 1. The error is the variance of the sum of two uniform numbers,
# $2\cdot\tfrac1{12} = \tfrac16 \approx 0.167$: the chance line.
# Knowing one of the two leaves $\tfrac1{12} \approx 0.083$.
# </details>


# %%
def adding_batch(run, batch_size, length):
    """Sequences of (number from 0 to 1, mark), two of them marked,
    and the sum of those two."""
    numbers, half = run.uniform(batch_size, length), length // 2
    x = torch.stack([numbers, torch.zeros_like(numbers)], 2)
    rows = torch.arange(batch_size, device=x.device)
    first = run.integers(half, batch_size)
    second = half + run.integers(length - half, batch_size)
    x[rows, first, 1] = x[rows, second, 1] = 1.0
    return x, x[rows, first, 0] + x[rows, second, 0]  # (B, T, 2), (B,)


# %%
def set_forget_bias(lstm, value):
    """Make the two biases of each layer's forget gate add up to value,
    a number or (D_h,); any LSTM."""
    with torch.no_grad():
        for name, bias in lstm.named_parameters():
            if name.startswith("bias"):
                bias.chunk(4)[1].copy_(
                    torch.as_tensor(value if name.startswith("bias_ih") else 0.0)
                )


class Reader(nn.Module):
    """Reads a sequence and answers from the last state: (B, T, D_in) -> (B, D_out)."""

    def __init__(self, cell, d_in, d_h, d_out, forget_bias=1.0):
        super().__init__()
        self.rnn, self.output = cell(d_in, d_h), nn.Linear(d_h, d_out)
        if cell is LSTM:
            set_forget_bias(self.rnn, forget_bias)

    def forward(self, x):
        return self.output(self.rnn(x)[0][:, -1])


# %%
def adding_loss(model, batch, run):
    """Mean squared error of the sum."""
    x, y = batch
    return (model(x)[:, 0] - y).square().mean()


def hold_then_fall(step, total):
    """Factor of the learning rate: 1,
    then down to 0 along a line in the last three tenths."""
    return min(1.0, (1 - step / total) / 0.3)


# %% [markdown]
# ## 12 Exploding gradients: clip them
#
# Vanishing gradients need another architecture. Exploding ones have a plain remedy:
# where the gradient of the whole model is longer than some bound, shorten it and keep
# its direction (Pascanu et al. 2013, algorithm 1).

# %% [markdown]
# **Exercise: clip by the global norm** (easy, about 12 minutes)
#
# `grads` is a list of one or more tensors of any shapes, the gradient $g$ of a whole
# model. Clip it by its global norm: return a list (or tuple) of new tensors (copies, if
# nothing is clipped), all multiplied by the same factor, where $m > 0$ is `max_norm`,
#
# $$\min\Big(1, \frac{m}{\lVert g \rVert}\Big), \qquad
# \lVert g \rVert = \sqrt{\textstyle\sum_k g_k^2},$$
#
# where $k$ runs over all elements of all tensors. Some or all elements may be 0, others
# $10^{-9}$ to $10^{12}$ in magnitude; zeros stay zeros. No `clip_grad_norm_` and no
# part of it, such as `get_total_norm`.
#
# By hand first: `[tensor([3.]), tensor([4.])]` with `max_norm` 1. With 10?


# %%
def my_clip(grads, max_norm):
    """The gradients, a list of tensors of any shapes,
    scaled together to a norm of at most max_norm > 0."""
    raise NotImplementedError


exercises.rnn.clip_global_norm.check(my_clip)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The norm is $\sqrt{3^2 + 4^2} = 5$. With `max_norm` 1 the factor is $\tfrac15$: 0.6
# and 0.8, of norm 1. With 10 the factor is $\min(1, 2) = 1$: 3 and 4 stay.
#
# </details>


# %%
def clip_gradients(parameters, max_norm):
    """Scale all gradients together to a norm of at most max_norm;
    returns the norm before."""
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack(
        [grad.norm() for grad in grads]
    ).norm()  # of all elements of all tensors
    factor = min(1.0, max_norm / norm.item()) if norm > 0 else 1.0
    for grad in grads:
        grad.mul_(factor)
    return norm


layer = nn.Linear(3, 2, dtype=torch.float64)
weights, found = list(layer.parameters()), {}
for size in (5.0, 0.01):
    for clip in (clip_gradients, nn.utils.clip_grad_norm_):
        for p in weights:
            p.grad = size * torch.ones_like(p)
        before = clip(weights, 1.0)
        found[clip] = torch.cat([p.grad.flatten() for p in weights])
    same = torch.allclose(*found.values(), rtol=1e-5)
    print(
        f"norm before {before:.3f}, after {found[clip].norm():.3f}; as PyTorch's: "
        f"{same}"
    )

# %% [markdown]
# To five digits: PyTorch's `clip_grad_norm_` adds $10^{-6}$ to the norm before it
# divides. `training.fit(clip=1.0)` calls it.

# %% [markdown]
# ### Training without clipping
#
# A plain RNN with $\rho = 1.5$ reads adding problems of length 50 under plain gradient
# descent with a learning rate of 0.05. `clip=inf` only records the gradient's norm;
# beside it, the norm of $W_{hh}$'s part alone. **Predict** where the large numbers come
# from, the recurrence or something else.


# %%
def watched_loss(model, batch, run):
    """adding_loss, with the norm of W_hh's last gradient logged."""
    grad = model.rnn.weight_hh_l0.grad
    run.log(recurrent=0.0 if grad is None else grad.norm())
    return adding_loss(model, batch, run)


# %%
def train_exploding(clip):
    """History of 150 steps, or of as many as there were before a number was not
    finite."""
    torch.manual_seed(0)
    model = Reader(RNN, 2, 64, 1)
    with torch.no_grad():
        model.rnn.weight_hh_l0.copy_(orthogonal(64, 1.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    try:
        return training.fit(
            model,
            watched_loss,
            partial(adding_batch, length=50),
            optimizer=optimizer,
            epochs=1,
            steps_per_epoch=150,
            clip=clip,
            seed=0,
            show=False,
        )
    except training.NonFiniteLoss as broken:
        print(broken)
        return broken.history


# %% tags=["nbval-ignore-output"]
free, clipped = train_exploding(math.inf), train_exploding(1.0)
plots.lines(
    {
        "no clipping, all weights": free.grad_norms,
        "no clipping, W_hh alone": free.logged["recurrent"][1:],
        "clipped to 1, all weights": clipped.grad_norms,
    },
    title="A plain RNN with ρ = 1.5, gradient descent",
    xlabel="step",
    ylabel="norm of the gradient, before clipping",
    yscale="log",
    alt="rnn.clipping",
)

# %%
assert len(free.losses) < 150 == len(clipped.losses)
assert max(free.grad_norms) > 1e6 and max(free.logged["recurrent"][1:4]) > 10
assert max(clipped.losses) < 10 and sum(clipped.losses[-50:]) / 50 > 1 / 12
print("without clipping training broke off; with it, it went on, and learnt nothing")

# %% [markdown]
# At first the recurrence explodes: the two curves are one, and rise by powers of ten.
# Then a step throws $W_{hh}$ so far that every unit saturates, and nothing comes back
# through time any more. What rises from there on is the output layer: with
# $\lVert h\rVert^2 = 64$, a rate of 0.05 multiplies its error by
# $1 - 2\cdot 0.05\cdot 65 = -5.5$ a step, until the loss is infinite. So log the norm
# *and its parts*. Clipping bounds the length of a step, and nothing else: the clipped
# net learns no memory here.

# %% [markdown]
# ## 13 The adding problem, measured
#
# All cells with the same budget: hidden size 64, fresh problems in batches of 64, Adam
# with a learning rate of 0.01 that falls to 0 in the last three tenths, clipping at 1,
# the LSTM's forget bias 1. Live, one GRU at $T = 50$; the others are recorded.


# %%
CELLS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}


def train_adding(cell, length, seed, steps, **settings):
    """Train a Reader made of `cell` on fresh adding problems: it and the History;
    settings for fit."""
    torch.manual_seed(seed)
    model = Reader(cell, 2, 64, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    history = training.fit(
        model,
        adding_loss,
        partial(adding_batch, length=length),
        optimizer=optimizer,
        epochs=1,
        steps_per_epoch=steps,
        clip=1.0,
        schedule=hold_then_fall,
        seed=seed,
        **settings,
    )
    return model, history


# %% tags=["nbval-ignore-output"]
adder, history = train_adding(GRU, 50, seed=0, steps=600)
losses = torch.tensor(history.losses)
plots.lines(
    {"GRU": (range(20, 601), losses.unfold(0, 20, 1).mean(1))},
    title="The adding problem at T = 50, live",
    xlabel="step",
    ylabel="mean squared error, mean of 20 steps",
    yscale="log",
    marks=[(1 / 6, "chance, 1/6"), (1 / 12, "one of the two known, 1/12")],
    alt="rnn.adding_live",
)

# %%
assert losses[-100:].mean() < 0.02  # chance is 0.167

# %% [markdown]
# A long plateau at chance, then a fast fall: until the net has found how to keep *one*
# number over the distance, no gradient tells it what to keep.
#
# **Predict** the order of the three cells at $T = 100$, and whether the plain RNN
# leaves the chance line.

# %%
rows = results.read("02", "adding")
print(
    "mean squared error on 4,000 new problems, seeds 0, 1, 2 (recorded); "
    "chance is 0.167"
)
for length in (50, 100):
    for cell in CELLS:
        errors = [
            row["error"]
            for row in rows
            if (row["cell"], row["length"]) == (cell, length)
        ]
        print(
            f"T = {length:3}  {cell:4}  "
            + "  ".join(f"{error:.5f}" for error in errors)
        )

# %%
curves = {
    row["cell"]: row["means"]
    for row in rows
    if row["length"] == 100 and row["seed"] == 0
}
plots.lines(
    {
        cell: (range(25, 25 * len(means) + 1, 25), means)
        for cell, means in curves.items()
    },
    title="The adding problem at T = 100, seed 0 (recorded)",
    xlabel="step",
    ylabel="mean squared error, mean of 25 steps",
    yscale="log",
    marks=[(1 / 6, "chance, 1/6")],
    alt="rnn.adding_recorded",
)

# %%
by_cell = {
    cell: [r["error"] for r in rows if (r["cell"], r["length"]) == (cell, 100)]
    for cell in CELLS
}
assert max(by_cell["LSTM"] + by_cell["GRU"]) <= 0.01 and min(by_cell["RNN"]) > 0.1

# %% [markdown]
# The gated nets solve it with every seed; the plain RNN never leaves the chance line,
# not even at $T = 50$: a new $W_{hh}$ has a spectral radius of some 0.6, and of a
# gradient that has to pass 25 steps hardly a hundred-thousandth is left.
# (`make results CH=02` redoes these tables.)

# %% [markdown]
# ## 14 Recall: watch a memory being written, kept and read
#
# A smaller task shows the gates at work. Of 19 symbols $\pm 1$ one is marked, somewhere
# among the first five; the rest are distractors of the same kind. Step 20 is the query:
# there the answer is the marked symbol, at all earlier steps it is 0. Three units are
# enough; the LSTM's forget bias is 2.
#
# **Predict** which of the three cells learn it.


# %%
class Draws:
    """The draws of a Run, for problems outside a training: one generator, seeded."""

    def __init__(self, seed):
        self.rng = torch.Generator().manual_seed(seed)

    def uniform(self, *shape):
        return torch.rand(shape, generator=self.rng)

    def integers(self, high, *shape):
        return torch.randint(high, shape, generator=self.rng)


def recall_batch(run, batch_size, length=20):
    """x (B, T, 3) with the symbol, the mark, the query; and the marked symbol (B,)."""
    symbols = 2.0 * run.integers(2, batch_size, length - 1) - 1
    rows = torch.arange(batch_size, device=symbols.device)
    place = run.integers(5, batch_size)
    x = symbols.new_zeros(batch_size, length, 3)
    x[:, :-1, 0], x[rows, place, 1], x[:, -1, 2] = symbols, 1.0, 1.0
    return x, symbols[rows, place]


# %%
class Recaller(Reader):
    """Three units that answer at every step: (B, T, 3) -> (B, T)."""

    def __init__(self, cell):
        super().__init__(cell, 3, 3, 1, forget_bias=2.0)

    def forward(self, x):
        return self.output(self.rnn(x)[0])[:, :, 0]


def recall_loss(model, batch, run):
    """Squared error at the query plus the mean squared error before,
    where the answer is 0."""
    x, symbol = batch
    answers = model(x)
    return (answers[:, -1] - symbol).square().mean() + answers[:, :-1].square().mean()


# %%
for cell in CELLS:
    right = [
        100 * row["right"]
        for row in results.read("02", "recall")
        if row["cell"] == cell
    ]
    print(
        f"{cell:4} recalls",
        ", ".join(f"{r:.1f}" for r in right),
        "% (seeds 0, 1, 2; recorded; chance 50 %)",
    )

# %% [markdown]
# **Predict.** Pick the unit whose cell follows the marked symbol best, both right after
# the mark and just before the query. What do its three gates do at the mark, during the
# distractors, and at the query?


# %%
def trace(lstm, x):
    """Gates and states of a one-layer LSTM from a zero state:
    dict of i f g o c h, each (B, T, D_h)."""
    zeros = x.new_zeros(len(x), lstm.weight_hh_l0.shape[1])
    from_input = F.linear(
        x.transpose(0, 1), lstm.weight_ih_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0
    )
    gates, h, c, _ = lstm_forward(from_input, zeros, zeros, lstm.weight_hh_l0)
    parts = dict(zip("ifgo", gates.chunk(4, dim=2), strict=True)) | {
        "c": c[1:],
        "h": h[1:],
    }
    return {name: part.transpose(0, 1) for name, part in parts.items()}


recaller = Recaller(LSTM)
recaller.load_state_dict(results.load_weights("02", "recall_lstm"))
x, symbol = recall_batch(Draws(1), 1000)
with torch.no_grad():
    gates = trace(recaller.rnn, x)

# %%
sequences, marked = torch.arange(1000), x[:, :, 1].argmax(1)
moments = {
    "right after the mark": gates["c"][sequences, marked + 1],
    "before the query": gates["c"][:, -2],
}
found = torch.ones(3)
for moment, cells in moments.items():
    # of each cell with the symbol
    correlation = torch.corrcoef(torch.cat([cells.T, symbol[None]]))[-1, :3]
    print(
        f"{moment}: correlations with the marked symbol",
        [round(r, 2) for r in correlation.tolist()],
    )
    found = found * correlation.abs()
unit = found.argmax().item()

# %%
place = marked[0].item() + 1
names = {"c": "c, the memory", "i": "i, write", "f": "f, keep", "o": "o, read"}
plots.lines(
    {name: gates[key][0, :, unit] for key, name in names.items()},
    title=f"Unit {unit} over one sequence: "
    f"the mark at step {place}, the query at step 20",
    xlabel="step",
    ylabel="value of the gate or the cell",
    alt="rnn.gates_of_a_unit",
)

# %%
for key, what in {"i": "writes", "f": "keeps", "o": "reads"}.items():
    values = gates[key][:, :, unit]
    means = (
        values[sequences, marked].mean(),
        values[:, 8:-1].mean(),
        values[:, -1].mean(),
    )
    print(
        f"{key} {what}: at the mark {means[0]:.2f}, later {means[1]:.2f}, "
        f"at the query {means[2]:.2f}"
    )

# %% [markdown]
# At the mark $i$ opens, afterwards it is nearly shut; $f$ is near 1 throughout; $o$ is
# low until the query opens it. Nearly shut is not shut: in the picture the cell drifts
# away from 0 in the direction that it was given. Its sign is the memory.

# %% [markdown]
# ## 15 Long sequences: truncated back-propagation through time
#
# A novel is one sequence of 600,000 steps; nobody back-propagates through all of them.
# Cut it into chunks of $k$ steps: the state's *value* goes on from chunk to chunk, the
# gradient stops at the border.

# %% [markdown]
# **Exercise: the gradient of truncated BPTT** (hard, about 30 minutes)
#
# Let $h_t = \tanh(W_{xh}x_t + W_{hh}h_{t-1})$ with $h_0=0$. The target is $y_t$; the
# loss $L=\sum_t\lVert h_t-y_t\rVert^2$ is summed over the batch too. Return
# $dL/dW_{hh}$ as truncated backpropagation through time gives it.
#
# Steps $1 \dots k$ are the first chunk, $k{+}1 \dots 2k$ the next; the last may be
# shorter; $k$ may exceed $T\ge1$. The state's value carries over between chunks, but no
# gradient crosses a boundary (`h.detach()` is `h` without its history). The weights
# stay fixed; the chunks' gradients are added. Autograd is welcome; leave no `.grad` on
# the arguments.
#
# By hand first: all sizes are 1, $w = W_{hh}$. In full,
# $dh_3/dw = (1-h_3^2)(h_2+w\,dh_2/dw)$. What remains with $k = 2$?


# %%
def my_truncated_gradient(x, y, weight_xh, weight_hh, k):
    """dL/dW_hh (D_h, D_h) by truncated BPTT in chunks of k steps. x (B, T, D_in), y
    (B, T, D_h), weight_xh (D_h, D_in), weight_hh (D_h, D_h), k a whole number."""
    raise NotImplementedError


exercises.rnn.truncated_bptt.check(my_truncated_gradient)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# With $k = 2$ step 3 begins a new chunk: $h_2$ is a number without history, so
# $dh_2/dw$ is dropped and $(1 - h_3^2)\,h_2$ remains. The first chunk gives its terms
# in full.
#
# </details>

# %% [markdown]
# In code the cut is one word, `detach`: the same numbers, without their history. Both
# states of an LSTM need it.


# %%
def detached(state):
    """The same numbers without their history: a tensor, or a pair of them."""
    return (
        tuple(part.detach() for part in state)
        if isinstance(state, tuple)
        else state.detach()
    )


def chunked_gradient(model, x, y, k, cut):
    """The gradient of all weights for a Recaller's squared error over all steps,
    in chunks of k steps."""
    model.zero_grad()
    state, loss = None, 0.0
    for x_chunk, y_chunk in zip(x.split(k, 1), y.split(k, 1), strict=True):
        h, state = model.rnn(x_chunk, state)
        loss = loss + (model.output(h)[:, :, 0] - y_chunk).square().sum()
        state = cut(state)
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


# %%
torch.manual_seed(0)
model = Recaller(LSTM).double()
x = torch.randn(2, 40, 3, dtype=torch.float64)
y = torch.randn(2, 40, dtype=torch.float64)
full = chunked_gradient(model, x, y, 40, detached)
uncut = chunked_gradient(model, x, y, 7, lambda state: state)
print(
    "chunks that pass the gradient on give the full gradient:",
    torch.allclose(full, uncut, rtol=1e-9),
)
errors = [
    ((chunked_gradient(model, x, y, k, detached) - full).norm() / full.norm()).item()
    for k in (1, 5, 20)
]
print("cut at k = 1, 5, 20, the error falls:", errors[0] > errors[1] > errors[2] > 0)

# %% [markdown]
# The truncated gradient is biased: what takes longer than a chunk to matter is never
# *learnt* through the gradient. It can still be *carried*: the state's value crosses
# the border.
#
# ### When detach is forgotten
#
# **Predict.** Without `detach`, what happens at the second chunk's `backward()`? And
# after the error message's own advice, `retain_graph=True`?


# %%
def train_two_chunks(cut, retain_graph=False):
    """Two training steps with a carried state;
    returns the error's first sentence, or that there was none."""
    torch.manual_seed(0)
    model, state = Recaller(LSTM), None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    try:
        for _ in range(2):
            h, state = model.rnn(torch.randn(2, 5, 3), state)
            model.output(h).square().mean().backward(retain_graph=retain_graph)
            optimizer.step()
            optimizer.zero_grad()
            state = cut(state)
    except RuntimeError as error:
        advice = (
            " (and it says: retain_graph=True)"
            if "retain_graph=True" in str(error)
            else ""
        )
        return re.split(r"[:(.]", str(error))[0].strip() + advice
    return "no error"


# %%
print("carried as it is:", train_two_chunks(lambda state: state))
print(
    "with retain_graph=True:", train_two_chunks(lambda state: state, retain_graph=True)
)
print("detached:", train_two_chunks(detached))

# %% [markdown]
# The first error is right: the graph of chunk 1 is gone. The advice in it treats the
# symptom, and the second error shows that it would be wrong: the optimiser has changed
# the weights *in place* since chunk 1, so a gradient through that chunk would mix old
# and new weights. The cure is to cut.

# %% [markdown]
# ## 16 Real text
#
# *Pride and Prejudice*, character by character: given all characters so far, what comes
# next? The last tenth of the book is held out for one final judgement; choices were
# made on the last 5 % of the rest.

# %% tags=["explorer-needs"]
novel = data.novel()
sizes = [len(part) for part in (novel.train, novel.validation, novel.held_out)]
print(*sizes, "characters;", len(novel.vocabulary), "different")
print(novel.train[3320:3550])

# %% [markdown]
# The measure is **bits a character**: $-\log_2 p$ of each character that did come, on
# average. A model that gives every character of the vocabulary the same chance needs
# $\log_2 75 = 6.23$ bits. The **perplexity** is $2^{\text{bits}}$: how many equally
# likely characters the model seems to choose from. Mind the base: the cross-entropy in
# PyTorch is in nats, $\text{bits} = \text{nats} / \ln 2$.

# %% [markdown]
# **Exercise: bits a character** (easy, about 12 minutes)
#
# A model of text gives, at each of $T$ places of $B$ texts, logits for the $V$
# characters that may come next; `targets` $(B, T)$, int64, are those that did. Return
# the mean over all $B\,T$ characters of
#
# $$-\log_2 p(\text{target}), \qquad p = \operatorname{softmax}(\text{logits}),$$
#
# a scalar that can be trained on: its gradient is compared too. Logits may be as large
# as $\pm 10^4$, and $V$ as large as 200.
#
# By hand first: how many bits does a model need that gives each of four characters the
# same logit? And a target with $p = 1/8$?


# %%
def my_bits(logits, targets):
    """Bits a character, a scalar.
    logits (B, T, V), targets (B, T) of whole numbers below V."""
    raise NotImplementedError


exercises.rnn.bits_per_character.check(my_bits)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# Each of four equal logits has $p = \tfrac14$: $\log_2 4 = 2$ bits. With $p = \tfrac18$
# it is $\log_2 8 = 3$ bits.
#
# </details>

# %% [markdown]
# ### The baseline: counting
#
# An $n$-gram model looks up how often each character followed the last $k$ ones. Long
# contexts were often never seen, so their counts are mixed with those of shorter ones.
# Witten and Bell's way (1991): with $N$ occurrences of a context and $D$ different
# followers,
#
# $$p_k(x) = \frac{\text{count}(x) + D\, p_{k-1}(x)}{N + D}$$
#
# from $p_{-1} = 1/75$ up; a context that was never seen leaves $p_{k-1}$ as it is.
#
# Adding 0.05 to every count, without shorter contexts, is the cruder way. **Predict**
# how many bits four characters of context leave.


# %%
def ngram_bits(train, held_out, size, most=5):
    """Bits a character for 0 to `most` characters of context:
    dict of smoothing to a list."""
    counts = [
        Counter(train[i - k : i + 1] for i in range(k, len(train)))
        for k in range(most + 1)
    ]
    seen, different = Counter(), Counter()
    for table in counts:
        for gram, count in table.items():
            seen[gram[:-1]] += count
            different[gram[:-1]] += 1
    bits = {"Witten-Bell": [0.0] * (most + 1), "add 0.05": [0.0] * (most + 1)}
    for i in range(most, len(held_out)):
        p = 1 / size
        for k in range(most + 1):
            gram = held_out[i - k : i + 1]
            count, n, d = counts[k][gram], seen[gram[:-1]], different[gram[:-1]]
            p = (count + d * p) / (n + d) if n else p
            bits["Witten-Bell"][k] -= math.log2(p)
            bits["add 0.05"][k] -= math.log2((count + 0.05) / (n + 0.05 * size))
    return {
        name: [b / (len(held_out) - most) for b in values]
        for name, values in bits.items()
    }


# %%
ngrams = ngram_bits(
    novel.train + novel.validation, novel.held_out, len(novel.vocabulary)
)
print("characters of context  " + "  ".join(f"{k:5}" for k in range(6)))
for name, values in ngrams.items():
    print(f"{name:21}  " + "  ".join(f"{value:5.2f}" for value in values))

# %% [markdown]
# So the bar is 1.85 bits, from a table of a few hundred thousand counts, made in two
# seconds. A baseline with the cruder smoothing (2.07) would have been easier to beat.

# %% [markdown]
# ### The model
#
# Characters become vectors (64 learnt numbers each), one recurrent layer reads them,
# and a linear layer makes logits of its states. The text is cut into 16 streams side by
# side; each step trains on the next 50 characters of every stream, with the state
# carried on.

# %% [markdown]
# The output layer is as wide as the vocabulary, and has nothing to do with the batch,
# which articles confuse. For speed the layer is `nn.LSTM`, which section 8 proved equal
# to ours. Most forget biases start at 1; an eighth of the units gets $\ln s$, with a
# span $s$ drawn between 1 and 200 characters, so that some memories start out long
# (after Tallec and Ollivier 2018): $\sigma(\ln s) = s/(1+s)$ is down to $1/e$ after
# about $s$ steps.


# %%
class CharModel(nn.Module):
    """Logits of the next character: x (B, T) of indices, state -> (B, T, V), state."""

    def __init__(self, cell=nn.LSTM, d_h=256, size=75, d_embedding=64):
        super().__init__()
        self.embedding = nn.Embedding(size, d_embedding)
        self.rnn = cell(d_embedding, d_h, batch_first=True)
        self.output = nn.Linear(d_h, size)
        if cell is nn.LSTM:
            spans = 1 + 199 * torch.rand(d_h // 8)  # characters; σ(ln s) = s / (1 + s)
            set_forget_bias(
                self.rnn, torch.cat([torch.ones(d_h - len(spans)), spans.log()])
            )

    def forward(self, x, state=None):
        h, state = self.rnn(self.embedding(x), state)
        return self.output(h), state


def streams(indices, batch_size, steps):
    """Windows (N · batch_size, steps + 1) in training order:
    the rows of batch i go on in those of i + 1."""
    length = (len(indices) - 1) // batch_size
    # (N, B)
    starts = (
        torch.arange(length // steps)[:, None] * steps
        + torch.arange(batch_size) * length
    )
    return indices[starts.flatten()[:, None] + torch.arange(steps + 1)]


# %%
def language_loss(model, batch, run):
    """Cross-entropy in nats a character; the state goes on, detached."""
    (window,) = batch  # (B, T + 1)
    logits, state = model(window[:, :-1], run.carry)
    run.carry = detached(state)
    return F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())


def bits(model, indices, batch_size=16, steps=500):
    """Bits a character of a text, read in streams,
    without the ends that fill no window of `steps`."""
    device = next(model.parameters()).device
    total, count, state = 0.0, 0, None
    with torch.no_grad():
        for window in streams(indices, batch_size, steps).to(device).split(batch_size):
            logits, state = model(window[:, :-1], state)
            total += F.cross_entropy(
                logits.flatten(0, 1), window[:, 1:].flatten(), reduction="sum"
            ).item()
            count += window[:, 1:].numel()
    return total / count / math.log(2)


# %%
def linear_fall(step, total):
    """Factor of the learning rate: from 1 down to 0 along a line."""
    return 1 - step / total


def train_language(cell=nn.LSTM, d_h=256, lr=6e-3, seed=0, epochs=7, **settings):
    """Train a character model on the first 90 % of the novel: it and the History;
    settings for fit."""
    novel = data.novel()
    windows = streams(novel.encode(novel.train + novel.validation), 16, 50)
    torch.manual_seed(seed)
    model = CharModel(cell, d_h)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, fused=True)
    history = training.fit(
        model,
        language_loss,
        (windows,),
        optimizer=optimizer,
        epochs=epochs,
        batch_size=16,
        shuffle=False,
        clip=1.0,
        schedule=linear_fall,
        seed=seed,
        **settings,
    )
    return model, history


# %% [markdown]
# **Predict** the first loss in bits, before anything is learnt, and the final one on
# the held-out tenth.

# %% tags=["nbval-ignore-output"]
language_model, history = train_language()
losses = torch.tensor(history.losses) / math.log(2)
held_out = novel.encode(novel.held_out)
held_out_bits = bits(language_model, held_out)
print(
    f"held out: {held_out_bits:.3f} bits a character, perplexity {2**held_out_bits:.2f}"
)
plots.lines(
    {"LSTM, training": (range(50, len(losses) + 1), losses.unfold(0, 50, 1).mean(1))},
    title="A character model of the novel",
    xlabel="step (16 × 50 characters)",
    ylabel="bits a character, mean of 50 steps",
    ylim=(1.2, 4),
    marks=[
        (ngrams["Witten-Bell"][5], "counting, five characters of context (held out)")
    ],
    alt="rnn.character_training",
)

# %%
assert held_out_bits <= 1.80 < ngrams["Witten-Bell"][5]
assert abs(losses[0] - math.log2(75)) < 0.2

# %% [markdown]
# It begins at 6.2 bits, which is guessing, and ends below all that counting can do.
#
# ### RNN, LSTM and GRU on the same budget (optional)
#
# The same number of steps and about the same number of parameters (so different
# widths), three seeds each; each cell's learning rate is the best of those tried on the
# validation text.
#
# **Predict** the order. Does the plain RNN beat counting?


# %%
LANGUAGE = {
    "LSTM": {"cell": nn.LSTM, "d_h": 256, "lr": 6e-3},
    "GRU": {"cell": nn.GRU, "d_h": 296, "lr": 6e-3},
    "RNN": {"cell": nn.RNN, "d_h": 524, "lr": 1e-3},
}

# %%
language_rows = results.read("02", "language")
print("held-out bits a character, seeds 0, 1, 2 (recorded)")
for cell in LANGUAGE:
    found = [row["bits"] for row in language_rows if row["cell"] == cell]
    size = next(r["parameters"] for r in language_rows if r["cell"] == cell)
    mean = sum(found) / 3
    shown = ", ".join(f"{b:.3f}" for b in found)
    print(
        f"{cell:4}  {shown}  mean {mean:.3f}, "
        f"perplexity {2**mean:.2f}  ({size:,} parameters)"
    )

# %%
means = {
    cell: sum(row["bits"] for row in language_rows if row["cell"] == cell) / 3
    for cell in LANGUAGE
}
assert (
    means["GRU"] < 1.75
    and means["LSTM"] < 1.75
    and means["LSTM"] < means["RNN"] < ngrams["Witten-Bell"][5]
)

# %% [markdown]
# All three beat counting, the plain RNN too. Gates gain some 0.07 bits on top. LSTM and
# GRU cannot be told apart here: their seeds differ among themselves by more than their
# means do. (In the adding problem, where everything hangs on distance, the plain RNN
# learnt nothing.)

# %% [markdown]
# ## 17 Sampling
#
# To write, draw a character from the model's distribution, feed it back, and go on. The
# **temperature** $\tau$ sharpens or flattens the distribution:
# $p \propto \exp(\text{logit}/\tau)$. **Top-k** forbids all but the $k$ likeliest
# characters.

# %% [markdown]
# **Exercise: sample at a temperature** (medium, about 20 minutes)
#
# A character is drawn from $p=\operatorname{softmax}(\text{logits}/\tau)$ with a
# temperature $0.01\le\tau\le 10^4$. The random numbers are handed in: `u` $(B)$,
# $0\le u<1$, one for each row of `logits` $(B, V)$. Return the indices $(B)$, int64: in
# each row the smallest $k$ with
#
# $$p_0+p_1+\dots+p_k > u.$$
#
# Logits may be as large as $\pm 10^4$, $V$ as 200. A forbidden character has the logit
# $-\infty$ and is never returned; each row allows at least one. Where rounding leaves
# even the last sum at or below $u$, return the last character that is not forbidden. No
# other $u$ is so near a sum that rounding decides.
#
# By hand first: logits $[0, \ln 3]$, $u=0.2$. Which index at $\tau=1$, which at
# $\tau=1/2$?


# %%
def my_sample(logits, temperature, u):
    """Indices (B,) of the classes that u picks at this temperature.
    logits (B, V), u (B,) in [0, 1)."""
    raise NotImplementedError


exercises.rnn.temperature.check(my_sample)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# At $\tau = 1$ the probabilities are $\tfrac14$ and $\tfrac34$: $p_0 = 0.25 > 0.2$, so
# index 0. At $\tau = \tfrac12$ the logits become $0$ and $2 \ln 3$, the probabilities
# $\tfrac1{10}$ and $\tfrac9{10}$: $p_0 = 0.1$ does not exceed 0.2, so index 1.
#
# </details>


# %%
def next_probabilities(logits, temperature, top_k):
    """logits (V,) -> probabilities (V,), zero beyond the top_k likeliest."""
    chosen = torch.full_like(logits, -math.inf)
    indices = logits.topk(min(top_k, len(logits))).indices
    chosen[indices] = logits[indices] / temperature
    return chosen.softmax(0)


@torch.no_grad()
def sample(model, novel, prompt, length, temperature=0.8, top_k=75, seed=0):
    """Text of `length` characters that goes on from the prompt,
    and the probability of each (length,)."""
    rng, lstm = torch.Generator().manual_seed(seed), model.rnn
    bias = lstm.bias_ih_l0 + lstm.bias_hh_l0
    # a row a character: (V, 4·D_h)
    from_input = F.linear(model.embedding.weight, lstm.weight_ih_l0, bias)
    h, c = torch.zeros(2, 1, lstm.hidden_size)
    for i in novel.encode(prompt or "\n"):
        h, c = lstm_update(torch.addmm(from_input[i], h, lstm.weight_hh_l0.T), c)
    indices, probabilities = [], []
    for _ in range(length):
        p = next_probabilities(model.output(h)[0], temperature, top_k)
        i = torch.multinomial(p, 1, generator=rng).item()
        indices.append(i)
        probabilities.append(p[i])
        h, c = lstm_update(torch.addmm(from_input[i], h, lstm.weight_hh_l0.T), c)
    return novel.decode(indices), torch.stack(probabilities)


# %% [markdown]
# From here on the chapter uses recorded weights (the LSTM of seed 0 in the table,
# rounded to half precision), so that the units found below are the same everywhere.
# First a check that our cell carries `nn.LSTM`'s weights:

# %% tags=["explorer-needs"]
writer = CharModel()
writer.load_state_dict(results.load_weights("02", "language_lstm"))
mine = LSTM(64, 256)
mine.load_state_dict(writer.rnn.state_dict())
x = writer.embedding(novel.encode(novel.held_out[:300]))[None].detach()
torch.testing.assert_close(mine(x)[0], writer.rnn(x)[0], rtol=1e-4, atol=1e-5)
print("our LSTM with the trained weights gives nn.LSTM's states over 300 characters")

# %% [markdown]
# **Predict** what temperatures of 0.2 and 1.3 do to the text.

# %% tags=["nbval-ignore-output"]
prompt = "It is a truth universally acknowledged, that "
surprise = {}
for temperature in (0.2, 0.8, 1.3):
    text, p = sample(writer, novel, prompt, 300, temperature)
    surprise[temperature] = -p.log2().mean().item()
    print(f"temperature {temperature}:\n{prompt}{text}\n")

# %%
# bits, under the tempered distribution
assert surprise[0.2] < surprise[0.8] < surprise[1.3]

# %% [markdown]
# At 0.2 it goes round in its likeliest phrases, at 1.3 the spelling breaks. Temperature
# is divided by, never multiplied with, and it acts on logits, not on probabilities.


# %% tags=["explorer"]
def follow(text, temperature, top_k):
    """Probabilities (T, V) of what may follow each character of a text."""
    with torch.no_grad():
        logits = writer(novel.encode(text)[None])[0][0]
    return torch.stack([next_probabilities(row, temperature, top_k) for row in logits])


explorers.rnn.sampling(partial(sample, writer, novel), follow, novel.vocabulary)

# %% [markdown]
# Point at a character: beside the text stands what the model held most probable there;
# a click keeps it there. Where is it surprised, at the beginnings of words or inside
# them? Try temperature 2, then top-k 5 (under More); other samples at temperature 0.1;
# a prompt of your own, in the novel's voice and out of it.
#
# ## 18 What do single units follow?
#
# Karpathy, Johnson and Fei-Fei (2015) found cells that keep track of quotation marks
# and line lengths, by looking. Looking finds what one hopes for. So compute the
# correlation of *every* cell, state and gate with features of the text, pick on the
# validation text, and judge on the held-out text.


# %%
def text_features(text):
    """Features of each character's place in a text: dict of name to (T,)."""
    names = (
        "inside a quotation",
        "between words",
        "place in the word",
        "place in the line",
    )
    inside, word, line, rows = 0, 0, 0, []
    for i, character in enumerate(text):
        if character == '"':
            inside = 1 - inside
        elif (
            text[max(0, i - 1) : i + 1] == "\n\n"
        ):  # a paragraph ends, and with it an unclosed quotation
            inside = 0
        word = word + 1 if character.isalpha() else 0
        line = 0 if character == "\n" else line + 1
        rows.append((inside, word == 0, word, line))
    return dict(zip(names, torch.tensor(rows).float().T, strict=True))


# %%
PARTS = "chifo"


def trace_text(model, novel, text):
    """Gates and states (T, D_h) of each unit over a text, and logits (T, V): a dict."""
    with torch.no_grad():
        found = trace(model.rnn, model.embedding(novel.encode(text))[None])
        return {name: value[0] for name, value in found.items()} | {
            "logits": model.output(found["h"][0])
        }


def unit_correlations(model, novel, text):
    """Correlation of each part of each unit with each feature:
    dict of feature to (len(PARTS), D_h)."""
    traced, named = trace_text(model, novel, text), text_features(text)
    # (features, T)
    features = torch.stack([standardised(feature) for feature in named.values()])
    rows = [features @ standardised(traced[part]) / (len(text) - 1) for part in PARTS]
    return dict(zip(named, torch.stack(rows, 1), strict=True))


def standardised(values):
    """Mean 0 and standard deviation 1 along the first axis."""
    return (values - values.mean(0)) / values.std(0)


# %% [markdown]
# **Predict.** Lines are up to 75 characters long, quotations often longer, words about
# four. The gradient saw 50 characters. Which of the four features will have a unit with
# $|r| \ge 0.5$?

# %%
chosen = unit_correlations(writer, novel, novel.validation[:15_000])
judged = unit_correlations(writer, novel, novel.held_out[:15_000])
best = {}
for name, correlations in chosen.items():
    part, unit = divmod(correlations.abs().argmax().item(), 256)
    best[name] = PARTS[part], unit, judged[name][part, unit].item()
    print(
        f"{name}: {PARTS[part]} of unit {unit}, "
        f"r = {best[name][2]:+.2f} on held-out text"
    )

# %%
QUOTE_UNIT = 17  # of the recorded weights; for the explorer below
assert all(abs(r) >= 0.5 for _, _, r in best.values())
assert best["inside a quotation"][:2] == ("c", QUOTE_UNIT)
text = novel.held_out[:2943]
cell = trace_text(writer, novel, text)["c"][:, QUOTE_UNIT]
feature = text_features(text)["inside a quotation"]
shown = slice(-250, None)
plots.lines(
    {f"c of unit {QUOTE_UNIT}": cell[shown], "inside a quotation": feature[shown]},
    title="A unit that follows quotation marks, on held-out text",
    xlabel="character",
    ylabel="value",
    alt="rnn.quotation_unit",
)
print(text[shown])

# %% [markdown]
# All four have one. Inside a quotation the cell is near 0, outside near −2, with a
# short peak at marks such as the comma, after which a quotation may end. Nobody told
# the net about quotation marks: it found that a character's chances depend on them. The
# line, too, is longer than the 50 characters that the gradient saw: a state that is
# carried on can be of use beyond what its gradient taught. Correlation is not use,
# though: whether the net *reads* the unit, only changing it would tell.

# %% [markdown]
# Now colour a held-out text by single cells. Four of these units follow what no cell of
# four untrained nets does; vowels and the place in a word are followed there nearly as
# well:

# %% tags=["explorer"]
# unit: (what its cell follows, r on held-out text, the largest |r| of four
# untrained nets)
UNITS = {
    QUOTE_UNIT: ("inside a quotation", 0.92, 0.13),
    213: ("place in line", 0.68, 0.24),
    157: ("place in sentence", -0.54, 0.15),
    141: ("time since a mark", 0.81, 0.16),
    155: ("vowel", -0.75, 0.65),
    136: ("place in word", -0.65, 0.61),
}
start = novel.held_out.index('"You can be at no loss, Miss Bennet')
passage = novel.held_out[start : start + 489]
explorers.rnn.gate_inspector(
    partial(trace_text, writer, novel),
    novel.vocabulary,
    UNITS,
    passage,
    passage.index('"Indeed'),
)

# %% [markdown]
# It begins with the quotation unit. Click the marks: what do its gates do at the first
# one of a quotation, what at the last, and which keeps the cell in between? Then
# `place in line`: how does a cell count? And click through `astonishment`: at which
# letter is the word decided?
#
# <details><summary>Answer</summary>
#
# At both marks the forget gate falls to 0 and wipes the cell. At the last one, and at
# the character after it, the input gate is open too and writes −1 twice: −2 means
# outside. Nearly everywhere else the forget gate is near 1 and keeps the cell. Unit 213
# counts: $f$ is near 1, $i \cdot g$ adds up to 1 per character, and the line's end
# wipes it. After `ast` the model gives `o` 95 %; only `m` (76 %) is in doubt after
# that.
# </details>

# %% [markdown]
# ## 19 A failure to diagnose: the loss that never lets go
#
# Memory fills up, or each step is slower than the one before. Four habits on the same
# small LSTM, 40 chunks of 20 steps each:
#
# 1. training, the state detached, `total += loss.item()`;
# 2. training, the state detached, `total = total + loss`, for a mean to print;
# 3. evaluation without `no_grad`, `total = total + loss`;
# 4. training with the state as it is, and `retain_graph=True` to silence the error (and
#    no update, to silence the second one).
#
# **Predict** for each: does the memory grow? Does the time?


# %%
class Kept:
    """A tensor that autograd keeps for a backward pass;
    `Kept.bytes` counts those of all that are left."""

    bytes = 0

    def __init__(self, tensor):
        self.tensor = tensor.detach()
        self.size = 0 if isinstance(tensor, nn.Parameter) else tensor.nbytes
        Kept.bytes += self.size

    def __del__(self):
        Kept.bytes -= self.size


# %%
def watch(train, keep_total, cut, steps=40):
    """MB kept for backward passes after each step, and each step's milliseconds."""
    torch.manual_seed(0)
    model, state, total = Reader(LSTM, 16, 64, 1), None, 0.0
    megabytes, times = [], []
    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        for x in torch.randn(steps, 8, 20, 16):
            start = time.perf_counter()
            h, state = model.rnn(x, state)
            loss = model.output(h).square().mean()
            if train:
                loss.backward(retain_graph=not cut)
            total = total + (loss if keep_total else loss.item())
            state = detached(state) if cut else state
            times.append(1000 * (time.perf_counter() - start))
            megabytes.append(Kept.bytes / 1e6)
    return megabytes, times


HABITS = {
    "1 training, loss.item()": dict(train=True, keep_total=False, cut=True),
    "2 training, total + loss": dict(train=True, keep_total=True, cut=True),
    "3 evaluation, total + loss": dict(train=False, keep_total=True, cut=True),
    "4 state not detached": dict(train=True, keep_total=False, cut=False),
}

# %% tags=["nbval-ignore-output"]
watched = {name: watch(**habit) for name, habit in HABITS.items()}
plots.lines(
    {name: megabytes for name, (megabytes, _) in watched.items()},
    title="What autograd keeps",
    xlabel="step (20 time steps each)",
    ylabel="memory kept (MB)",
    alt="rnn.kept_by_autograd",
)
plots.lines(
    {
        name: torch.tensor(times).unfold(0, 5, 1).median(1).values
        for name, (_, times) in watched.items()
    },
    title="What a step costs",
    xlabel="step",
    ylabel="time (ms), median of 5 steps",
    alt="rnn.step_time",
)

# %%
grows = [
    name[0]
    for name, (megabytes, _) in watched.items()
    if megabytes[-1] > 4 * megabytes[4]
]
print("memory grows in", grows)
slower = torch.tensor(watched["4 state not detached"][1])
assert slower[-5:].median() > 3 * slower[1:6].median()

# %% [markdown]
# **The diagnosis.** A graph lives as long as something points at it. In 2 the backward
# pass has already freed what it saved, and the sum holds a skeleton only. In 3 no
# backward pass ever comes, and the sum holds everything; `torch.no_grad()` is the cure,
# and `.item()` alone would do too, once the state is cut. In 4 each backward pass walks
# through the whole past: time and memory grow together. A step that gets slower says:
# look for a missing `detach`.

# %% [markdown]
# ## 20 A failure to diagnose: the batch on the wrong axis
#
# `nn.LSTM` without `batch_first=True` reads `(T, B, D_in)`. Hand it `(B, T, D_in)`: it
# runs, and the output has the right shape. **Predict** what it computes, and what loss
# it reaches on short adding problems ($T = 10$).


# %%
def train_short(batch_first):
    """A PyTorch LSTM on adding problems of length 10: model and History."""
    torch.manual_seed(0)
    model = Reader(partial(nn.LSTM, batch_first=batch_first), 2, 32, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    history = training.fit(
        model,
        adding_loss,
        partial(adding_batch, length=10),
        optimizer=optimizer,
        epochs=1,
        steps_per_epoch=400,
        clip=1.0,
        seed=0,
        show=False,
    )
    return model.cpu(), history


def leak(model):
    """How much the other answers of a batch change when the first sequence does."""
    x = torch.rand(16, 10, 2, generator=torch.Generator().manual_seed(0))
    changed = x.clone()
    changed[0] = 1 - changed[0]
    return (model(changed) - model(x))[1:].abs().max().item()


# %% tags=["nbval-ignore-output"]
short = {
    name: train_short(flag)
    for name, flag in {"batch_first=True": True, "default": False}.items()
}
plots.lines(
    {
        name: torch.tensor(history.losses).unfold(0, 10, 1).mean(1)
        for name, (_, history) in short.items()
    },
    title="Adding problems of length 10, batch-first data",
    xlabel="step",
    ylabel="mean squared error, mean of 10 steps",
    yscale="log",
    marks=[(1 / 6, "chance, 1/6")],
    alt="rnn.batch_first",
)

# %%
(right, right_history), (wrong, wrong_history) = short.values()
ends = [sum(history.losses[-50:]) / 50 for history in (right_history, wrong_history)]
assert ends[0] < 0.03 and ends[1] > 0.1
print(
    "the first sequence changes the others' answers:",
    leak(right) > 1e-6,
    "and by default:",
    leak(wrong) > 1e-6,
)

# %% [markdown]
# The recurrence ran along the batch: each answer saw its own *last* element, and the
# last elements of those before it in the batch. The test to keep is `leak`: no sequence
# may change another's answer.
#
# Another form of it: a batch of shape $(10, 1, 10)$, meant as ten steps, handed to a
# batch-first model, which reads ten sequences of length one. **Predict** the gradient
# of $W_{hh}$.

# %%
layer = nn.LSTM(10, 8, batch_first=True)
y, _ = layer(torch.randn(10, 1, 10))
y.square().sum().backward()
norms = {
    name: weight.grad.norm().item()
    for name, weight in layer.named_parameters()
    if "weight" in name
}
print({name: "0 exactly" if norm == 0 else "not 0" for name, norm in norms.items()})

# %% [markdown]
# With length one and a zero start, $W_{hh}$ is never multiplied with anything: its
# gradient is exactly 0, and nothing recurrent is learnt. A zero gradient is a symptom
# worth a line of code in every training.
#
# ## 21 A failure to diagnose: an "LSTM" without a cell
#
# Articles print it: $h_t = i_t \odot g_t + f_t \odot h_{t-1}$. The output gate is
# computed and never used, and there is no $c_t$. **Predict** whether it can learn the
# adding problem at all.

# %% [markdown]
# **Exercise: find the bug in an LSTM from an article** (medium, about 15 minutes)
#
# The step below follows an article that prints an LSTM's new state as
# $h_t = i \odot g + f \odot h_{t-1}$. It runs, the shapes are right, and training
# lowers the loss. But the gradient for the last quarter of the weights is exactly 0,
# and $h$ leaves the range from $-1$ to 1. The lines that make the gates $i$, $f$, $o$
# and the candidate $g$ are right. Fix the rest, so that it is one step of an LSTM and
# returns $(h_t, c_t)$. Inputs and cells may be as large as $\pm 10^4$; values and all
# gradients are compared.
#
# Before you look: which of the step's arguments does it never read?


# %%
def my_lstm_step(x_t, h, c, weight_ih, weight_hh, bias):
    """One step of an LSTM: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c (B, D_h),
    weight_ih (4 D_h, D_in), weight_hh (4 D_h, D_h), bias (4 D_h,), each packed in the
    order i, f, g, o."""
    i, f, g, o = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    h_t = i * g + f * h
    return h_t, h_t


exercises.rnn.forgetful_lstm.check(my_lstm_step)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# It never reads `c`: there is no cell, and what it returns as one is $h_t$. (It
# computes $o$ and does not use it either.)
#
# </details>


# %%
def cell_less_step(x_t, h, weight_xh, weight_hh, bias):
    """The LSTM of such articles; a tuple of one (B, D_h)."""
    i_t, f_t, g_t, _ = (x_t @ weight_xh.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    return (i_t.sigmoid() * g_t.tanh() + f_t.sigmoid() * h,)


class CellLess(Recurrent):
    """Stacked layers of it."""

    blocks = 4

    def layer(self, x, state, weight_ih, weight_hh, bias_ih, bias_hh):
        return unroll(cell_less_step, x, state, weight_ih, weight_hh, bias_ih + bias_hh)


# %%
cell_less = results.read("02", "cell_less")
print("the adding problem at T = 50 without a cell (recorded); chance 0.167")
for row in cell_less:
    print(
        f"seed {row['seed']}: error {row['error']:.4f}, "
        f"largest loss on the way {row['largest_loss']:.1f},",
        end=" ",
    )
    print(f"largest |h| {row['largest_state']:.1f}")

# %% [markdown]
# It can, and that is what makes the bug hard to see: seeds 0 and 2 solve the task,
# because the path $\prod f$ is still there. But on the way the loss was in the hundreds
# and thousands, and seed 1 never came back. Nothing bounds this state: what $f$ keeps
# and $i$ adds can pile up, and it feeds the gates. (The forget bias starts near 0
# here.) An LSTM's $|h| = o\,|\tanh c|$ never exceeds 1: one line of code would have
# told.

# %%
torch.manual_seed(0)
theirs, ours = nn.LSTM(2, 4, batch_first=True), CellLess(2, 4)
ours.load_state_dict(theirs.state_dict())
x = torch.randn(1, 30, 2)
apart = (theirs(x)[0] - ours(x)[0]).abs().max().item()
print("nn.LSTM's states and these differ with the same weights:", apart > 0.1)
print("|h| of nn.LSTM never exceeds 1:", theirs(100 * x)[0].abs().max().item() <= 1)

# %% [markdown]
# One line of comparison with `nn.LSTM` finds in a second what training hides.
#
# ## 22 Find the bugs

# %% [markdown]
# **Exercise: find two bugs in an LSTM with PyTorch's weights** (medium, about 15
# minutes)
#
# The tensors `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0` and `bias_hh_l0` of a trained
# `nn.LSTM` are passed to the step below. It runs, and the shapes are right, but
# `nn.LSTM` itself gives different results with these tensors. A net trained with this
# step from the start learns just as well. There are two bugs. Find and fix both. Inputs
# and cells may be as large as $\pm 10^4$; values and all gradients are compared.
#
# Before you look: why can training not reveal either bug?


# %%
def my_packed_step(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step of `nn.LSTM`: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c
    (B, D_h), weight_ih (4 D_h, D_in), weight_hh (4 D_h, D_h), bias_ih and bias_hh
    (4 D_h,), packed as PyTorch packs them."""
    packed = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih
    i, f, o, g = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


exercises.rnn.packed_gates.check(my_packed_step)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# A new net's blocks have no meaning yet: it learns in whichever order it is given. And
# the two biases only ever appear as a sum, so one can do the work of both. Only weights
# that come from elsewhere reveal the bugs.
#
# </details>

# %% [markdown]
# ## 23 A variant to build
#
# How few gates will do? This unit has one.

# %% [markdown]
# **Exercise: a recurrent unit with a single gate** (hard, about 25 minutes)
#
# Zhou et al. (2016, [arXiv 1603.09420](https://arxiv.org/abs/1603.09420)) keep one gate
# $f$ for two jobs. With $[a, b]$ for $a$ and $b$ one after the other, a step is
#
# $$f = \sigma(W_f [h, x_t] + b_f) \qquad \tilde h = \tanh(W_h [f \odot h, x_t] + b_h)$$
#
# $$h' = (1 - f) \odot h + f \odot \tilde h$$
#
# Write it for `x_t` $(B, D_{in})$ and `h` $(B, D_h)$; `weight_f` and `weight_h` are
# $(D_h, D_h{+}D_{in})$. Inputs and states may be as large as $\pm 10^4$. Values and all
# gradients are compared.
#
# By hand first: what is $h'$ if all weights and biases are 0 and $h=2$? How many
# weights are there for every three in a GRU?


# %%
def my_mgu_step(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The next state (B, D_h) of a minimal gated unit. x_t (B, D_in), h (B, D_h),
    weight_f and weight_h (D_h, D_h + D_in), bias_f and bias_h (D_h,)."""
    raise NotImplementedError


exercises.rnn.minimal_gated_unit.check(my_mgu_step)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $f = \sigma(0) = \tfrac12$ and $\tilde h = \tanh(0) = 0$, so
# $h' = \tfrac12 \cdot 2 + \tfrac12 \cdot 0 = 1$. The unit has two blocks of weights
# where a GRU has three: two weights for every three.
#
# </details>

# %% [markdown]
# ## In this chapter we
#
# - built the RNN, the LSTM and the GRU, and proved each equal to PyTorch's, gradients
#   and stacks included;
# - wrote the derivative through time as a product, predicted its slope and measured it;
# - saw that the forget gates' product is the LSTM's direct path, and its bias the
#   memory's length;
# - told three GRUs apart, two of which differ by a name;
# - measured memory on two tasks, and read a gate's trace;
# - trained a character model, judged it in bits against counting, and found units with
#   a meaning;
# - diagnosed a graph that never ends, a mixed-up axis, and an LSTM without a cell.

# %% [markdown]
# ## Go further
#
# - Set the forget bias to 4 in the adding problem. Does it help at $T = 200$? Does it
#   hurt at $T = 10$?
# - Shuffle the windows of the novel, so that the carried state is some other place's.
#   What does it cost?
# - Zero the quotation unit's cell while reading. Do the bits inside quotations change?

# %% [markdown]
# ## Sources
#
# - S. Hochreiter, J. Schmidhuber, "Long short-term memory", *Neural Computation* 9
#   (1997): the LSTM, the adding problem. F. Gers, J. Schmidhuber, F. Cummins, "Learning
#   to forget", *Neural Computation* 12 (2000): the forget gate.
# - Y. Bengio, P. Simard, P. Frasconi, "Learning long-term dependencies with gradient
#   descent is difficult", *IEEE Trans. Neural Networks* 5 (1994).
# - R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural
#   networks", ICML 2013, [arXiv 1211.5063](https://arxiv.org/abs/1211.5063): equation
#   5, section 2.1, algorithm 1.
# - K. Cho et al., [arXiv 1406.1078v3](https://arxiv.org/abs/1406.1078v3), equations 5
#   to 8; J. Chung et al., [arXiv 1412.3555](https://arxiv.org/abs/1412.3555), section
#   3.2: GRUs.
# - R. Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of recurrent
#   network architectures", ICML 2015: the forget bias.

# %% [markdown]
# - M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks",
#   [arXiv 1511.06464](https://arxiv.org/abs/1511.06464): this form of the adding
#   problem.
# - R. Williams, J. Peng, "An efficient gradient-based algorithm for on-line training of
#   recurrent network trajectories", *Neural Computation* 2 (1990): truncated
#   back-propagation through time.
# - I. Witten, T. Bell, "The zero-frequency problem", *IEEE Trans. Information Theory*
#   37 (1991): smoothing.

# %% [markdown]
# - A. Karpathy, J. Johnson, L. Fei-Fei, "Visualizing and understanding recurrent
#   networks", [arXiv 1506.02078](https://arxiv.org/abs/1506.02078).
# - C. Tallec, Y. Ollivier, "Can recurrent neural networks warp time?",
#   [arXiv 1804.11188](https://arxiv.org/abs/1804.11188): long forget biases.
# - G.-B. Zhou et al., "Minimal gated unit for recurrent neural networks",
#   [arXiv 1603.09420](https://arxiv.org/abs/1603.09420).
# - PyTorch, documentation of `torch.nn.RNN`, `LSTM` and `GRU`: equations, order of the
#   blocks, first weights, and the note on the reset gate.
# - J. Austen, *Pride and Prejudice* (1813).

# %% [markdown]
# ## How the tables were made (optional)
#
# Cells of this chapter read recorded tables. Here is how they were made:
# `make results CH=02` calls each function with the arguments of each row. It yields the
# losses of its training, and then what it measured.


# %%
def record_adding(cell, length, seed, **settings):
    """Mean squared error of a trained net on 4,000 new problems, and its losses,
    the means of 25 steps."""
    model, history = train_adding(
        CELLS[cell], length, seed, steps=30 * length, **settings
    )
    yield history.losses
    with torch.no_grad():
        error = adding_loss(
            model.cpu(), adding_batch(Draws(10_000 + seed), 4000, length), None
        ).item()
    means = torch.tensor(history.losses).unfold(0, 25, 25).mean(1)
    yield {"error": error, "means": means.tolist()}


# %%
def record_cell_less(seed, **settings):
    """The adding problem at T = 50, as record_adding; and the largest loss and |h|."""
    model, history = train_adding(CellLess, 50, seed, steps=1500, **settings)
    yield history.losses
    x, y = adding_batch(Draws(10_000 + seed), 1000, 50)
    with torch.no_grad():
        h, _ = model.cpu().rnn(x)
        error = (model(x)[:, 0] - y).square().mean().item()
    largest = {
        "largest_loss": max(history.losses[1:]),
        "largest_state": h.abs().max().item(),
    }
    yield {"error": error} | largest


# %%
def record_recall(cell, seed, **settings):
    """Share of marked symbols recalled of 4,000; the LSTM of seed 0 leaves its
    weights."""
    torch.manual_seed(seed)
    model = Recaller(CELLS[cell])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    history = training.fit(
        model,
        recall_loss,
        recall_batch,
        optimizer=optimizer,
        epochs=1,
        steps_per_epoch=1500,
        clip=1.0,
        schedule=hold_then_fall,
        seed=seed,
        **settings,
    )
    yield history.losses
    x, symbol = recall_batch(Draws(10_000 + seed), 4000)
    with torch.no_grad():
        right = (model.cpu()(x)[:, -1].sign() == symbol).float().mean().item()
    if (cell, seed) == ("LSTM", 0):
        results.save_weights("02", "recall_lstm", model.state_dict())
    yield {"right": right}


# %%
def record_language(cell, seed, **settings):
    """Bits a character on the held-out tenth; the LSTM of seed 0 leaves its weights."""
    model, history = train_language(**LANGUAGE[cell], seed=seed, **settings)
    yield history.losses
    if (cell, seed) == ("LSTM", 0):
        results.save_weights("02", "language_lstm", model.state_dict())
    novel = data.novel()
    parameters = sum(p.numel() for p in model.parameters())
    yield {"bits": bits(model, novel.encode(novel.held_out)), "parameters": parameters}


# %%
ADDING_ROWS = [
    {"cell": cell, "length": length, "seed": seed}
    for cell in CELLS
    for length in (50, 100)
    for seed in range(3)
]
RECORDED = {
    "adding": (record_adding, ADDING_ROWS),
    "recall": (
        record_recall,
        [{"cell": cell, "seed": seed} for cell in CELLS for seed in range(3)],
    ),
    "language": (
        record_language,
        [{"cell": cell, "seed": seed} for cell in LANGUAGE for seed in range(3)],
    ),
    "cell_less": (record_cell_less, [{"seed": seed} for seed in range(3)]),
}
