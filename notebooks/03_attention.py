# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3 · Attention: how a network looks things up
#
# Open this chapter in [Colab](https://colab.research.google.com/github/from-formula-to-model/course/blob/main/notebooks/03_attention.ipynb)
# · [Kaggle](https://kaggle.com/kernels/welcome?src=https://github.com/from-formula-to-model/course/blob/main/notebooks/03_attention.ipynb)
# · [Binder](https://mybinder.org/v2/gh/from-formula-to-model/course/HEAD?urlpath=lab/tree/my/03_attention.ipynb)
#
# **The question.** How does a model look things up in its own input, and why did that
# replace recurrence?

# %% [markdown]
# **Afterwards you can**
# - write attention, its masks, its heads, and a whole encoder–decoder Transformer, and
#   show that its layers equal PyTorch's, gradients included;
# - say why scores are divided by $\sqrt{d_k}$, and predict what happens otherwise;
# - see attention as kernel regression, and say where the dot product differs;
# - test causality instead of believing it;
# - train a translator of dates, read its alignments, and find out what it cannot do;
# - recognise a missing mask, a mixed-up batch axis, and a row that may attend to
#   nothing.

# %% [markdown]
# The core takes about an hour and a quarter to read; the eleven exercises take about
# three hours. Running all cells takes about a minute and a half on a laptop CPU, and no
# network. Parts marked *optional* can be skipped. `exercises.progress()` shows which
# exercises you have solved.
#
# **Do you remember?** (Chapters 1 and 2) What is the derivative
# $\partial h_T/\partial h_t$ of a plain RNN a product of? What does a convolution do
# when its input is shifted? How many bits does a model need that finds 75 characters
# equally likely?
#
# <details><summary>Answers</summary>
#
# Of one Jacobian a step, $\operatorname{diag}(1-h_s^2)W_{hh}$, so it mostly vanishes or
# explodes: in this chapter every position reaches every other in one step. It shifts
# its output along (away from the edges). $\log_2 75 = 6.23$.
# </details>

# %% [markdown]
# ## Notation
#
# | maths | code | shape |
# | --- | --- | --- |
# | queries $Q$ | `q` | `(B, n_h, T_q, d_k)` |
# | keys, values $K, V$ | `k`, `v` | `(…, T_k, d_k)`, `(…, T_k, d_v)` |
# | scores $QK^\top/\sqrt{d_k}$ | `scores` | `(B, n_h, T_q, T_k)` |
# | weights $A$, the softmax of the scores | `attn` | as `scores`; each row sums to 1 |
# | mask, True = may attend | `mask` | anything that broadcasts to the shape of `attn` |
# | width of the model $d_{model}$ | `d_model` | one number |
# | heads, width of a head | `n_h`, `d_k` | $d_k = d_{model}/n_h$ |
# | what the encoder hands to the decoder | `memory` | `(B, T_k, d_model)` |
#
# $B$ is the batch, $D$ short for $d_{model}$, $S$ for the source's $T_k$. Weights are
# (outputs, inputs), as in chapter 2: a product is $xW^\top$. Tokens are whole numbers,
# 0 is padding. Positions count from 0, and so do heads where a formula reckons with
# their number; the name "head 1" is the first one's.

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
import itertools
import math
import time
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from course import data, exercises, explorers, plots, results, training
from course.compare import check_agreement
from course.intervals import wilson

# %% [markdown]
# ## 1 A lookup that can be differentiated
#
# A dictionary finds the *one* key that equals the query, and returns its value.
# Attention compares the query with *every* key, turns the scores into weights that sum
# to 1, and returns the weighted mean of the values. For one query $q$:
#
# $$s_j = q \cdot k_j \qquad a_j = \frac{e^{s_j}}{\sum_i e^{s_i}}
# \qquad o = \sum_j a_j v_j$$
#
# **Predict.** Three keys, and a query that agrees with the second. What happens to the
# answer when the query becomes ten times longer?

# %%
keys = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
values = torch.tensor([10.0, 20.0, 30.0])
for length in (0.0, 1.0, 10.0):
    query = length * torch.tensor([0.0, 1.0])
    s = keys @ query
    a = s.exp() / s.exp().sum()
    print(
        f"length {length:4.0f}: scores {s.tolist()}, "
        f"weights {[round(x, 3) for x in a.tolist()]},",
        end=" ",
    )
    print(f"answer {a @ values:.2f}")

# %% [markdown]
# A query of length 0 finds everything equally good, and gets the mean, 20. Length 1
# leans to the second key. Length 10 is a dictionary lookup, for all that can be seen.
# All three answers are 20, because the other two values balance: **look at the weights,
# not only at the answer.** The sizes of query and keys set how sharp the lookup is.
# That will matter in section 3.
#
# ## 2 Loop, matrix, batch
#
# All queries at once, with the scores divided by $\sqrt{d_k}$ (Vaswani et al. 2017,
# equation 1; why, comes next):
#
# $$O = \operatorname{softmax}\Big(\frac{QK^\top}{\sqrt{d_k}}\Big)\, V$$
#
# First the loop, one query and one key at a time. **Predict** how many products of
# numbers $QK^\top$ takes.


# %%
def attention_loop(q, k, v):
    """q (T_q, d_k), k (T_k, d_k), v (T_k, d_v) -> (T_q, d_v),
    one number after the other."""
    rows = []
    for query in q:
        scores = torch.stack([(query * key).sum() / len(query) ** 0.5 for key in k])
        weights = scores.exp() / scores.exp().sum()
        rows.append(sum(a * value for a, value in zip(weights, v, strict=True)))
    return torch.stack(rows)


def attention_matrix(q, k, v):
    """The same in three matrix operations; any axes may stand in front."""
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (..., T_q, T_k)
    attn = scores.softmax(-1)
    return attn @ v  # (..., T_q, d_v)


def attention_batched_loop(q, k, v):
    """The loop over a batch of heads: q (B, n_h, T_q, d_k) and so on."""
    heads = [
        attention_loop(*one)
        for one in zip(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), strict=True)
    ]
    return torch.stack(heads).unflatten(0, q.shape[:2])


# %%
def random_qkv(*front, t_q=3, t_k=5, d_k=4, d_v=2, seed=0):
    """Random q, k, v with these axes in front, float64."""
    rng = torch.Generator().manual_seed(seed)
    shapes = {"q": (*front, t_q, d_k), "k": (*front, t_k, d_k), "v": (*front, t_k, d_v)}
    return {
        name: torch.randn(shape, generator=rng, dtype=torch.float64)
        for name, shape in shapes.items()
    }


def pytorch_attention(q, k, v, mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


check_agreement(attention_matrix, attention_loop, **random_qkv())
check_agreement(attention_matrix, attention_batched_loop, **random_qkv(2, 3))
check_agreement(attention_matrix, pytorch_attention, **random_qkv(2, 3))

# %% [markdown]
# $QK^\top$ takes $T_q\, T_k\, d_k$ products of numbers; section 16 measures what that
# means.
#
# Note what is *not* there: no parameter, nothing learnt, no position. And the softmax
# runs along the **keys**, the last axis: each query shares out one unit of attention.
#
# ## 3 Why divide by $\sqrt{d_k}$?
#
# Let the entries of $q$ and $k$ be independent with mean 0 and variance $\sigma^2$.
# Each product $q_i k_i$ has mean 0 and variance $\sigma^4$, and $d_k$ of them are
# added:
#
# $$\operatorname{Var}(q \cdot k) = d_k\, \sigma^4$$
#
# **Predict.** Articles say "the variance is $d_k$". For $\sigma = 2$ and $d_k = 64$, by
# which factor is that wrong?


# %%
def random_products(d_k, sigma=1.0, n=20_000, seed=0):
    """n products q · k of independent normal vectors, (n,) float64."""
    rng = torch.Generator().manual_seed(seed)
    q, k = sigma * torch.randn(2, n, d_k, generator=rng, dtype=torch.float64)
    return (q * k).sum(-1)


sizes = torch.tensor([1.0, 4, 16, 64, 256], dtype=torch.float64)
for sigma in (0.5, 1.0, 2.0):
    variances = torch.stack([random_products(int(d), sigma).var() for d in sizes])
    slope = (sizes * variances).sum() / sizes.square().sum()  # of a line through 0
    close = abs(slope / sigma**4 - 1) < 0.05
    print(
        f"σ = {sigma}: slope of the variance over d_k is σ⁴ = {sigma**4:g}, to 5 %: "
        f"{bool(close)}"
    )

# %% [markdown]
# By 16. So 64 dimensions give scores with a standard deviation of 32, and dividing by
# $\sqrt{64} = 8$ leaves 4: the division cures the factor $d_k$, not a large $\sigma$.
# (Layer norm, section 8, fixes the size of the tokens; the projections of section 6
# still set $\sigma$, so that sharpness can be learnt.)

# %%
products, curves = {}, torch.linspace(-40, 40, 81, dtype=torch.float64)
for d_k in (4, 64, 256):
    share = torch.histogram(random_products(d_k), curves, density=True).hist
    products[f"q · k, d_k = {d_k}"] = curves[:-1] + 0.5, share
normal = torch.exp(-curves.square() / 128) / (128 * math.pi) ** 0.5
products["normal, variance 64"] = curves, normal
plots.lines(
    products,
    title="Products of standard normal vectors",
    xlabel="q · k",
    ylabel="density",
    alt="attention.products",
)

# %% [markdown]
# ### What large scores do to the softmax
#
# Two measures of how sharp weights $p$ are: the **entropy** $H = -\sum_j p_j \ln p_j$,
# between 0 (one key has all) and $\ln n$ (all equal). And what training needs, the
# **Jacobian**
#
# $$J = \frac{\partial p}{\partial s} = \operatorname{diag}(p) - p\,p^\top \qquad
# \lVert J\rVert_F^2 = \sum p_j^2 - 2\sum p_j^3 + \Big(\sum p_j^2\Big)^2$$
#
# Where $p$ is a single 1, $J = 0$: no gradient reaches the scores.
#
# **Predict** the entropy and the Jacobian's norm for 64 keys, as $d_k$ grows, with and
# without the division.


# %%
def entropy(p):
    """Entropy in nats of weights p (..., n): (...)."""
    return torch.special.entr(p).sum(-1)  # -p ln p, and 0 where p is 0


def jacobian_norm(p):
    """Frobenius norm of diag(p) - p pᵀ for weights p (..., n): (...)."""
    squares = p.square().sum(-1)
    return (squares - 2 * p.pow(3).sum(-1) + squares.square()).clamp(min=0).sqrt()


def random_scores(d_k, keys, seed):
    """q · k of one standard normal query and `keys` such keys:
    (keys,) float64, not scaled."""
    rng = torch.Generator().manual_seed(seed)
    q, k = (torch.randn(n, d_k, generator=rng, dtype=torch.float64) for n in (1, keys))
    return (k @ q.T)[:, 0]


scores = random_scores(16, 8, seed=0) / 4
by_autograd = torch.autograd.functional.jacobian(lambda s: s.softmax(-1), scores)
print(
    "norm as autograd's:",
    torch.isclose(
        jacobian_norm(scores.softmax(-1)), by_autograd.norm(), rtol=1e-9
    ).item(),
)

# %%
WIDTHS = [2**i for i in range(11)]
sharpness = {"entropy": {}, "Jacobian": {}}
for name, power in (("q · k", 0.0), ("q · k / √d_k", 0.5)):
    scores = [
        torch.stack([random_scores(d, 64, seed) / d**power for seed in range(50)])
        for d in WIDTHS
    ]
    weights = torch.stack(scores).softmax(-1)  # (widths, seeds, keys)
    sharpness["entropy"][name] = WIDTHS, entropy(weights).mean(1)
    sharpness["Jacobian"][name] = WIDTHS, jacobian_norm(weights).mean(1)

# %%
plots.lines(
    sharpness["entropy"],
    title="Softmax of 64 random scores",
    xlabel="d_k",
    ylabel="entropy (nats)",
    xscale="log",
    marks=[(math.log(64), "ln 64, all equal")],
    alt="attention.softmax_entropy",
)
plots.lines(
    sharpness["Jacobian"],
    title="Softmax of 64 random scores",
    xlabel="d_k",
    ylabel="norm of ∂weights/∂scores",
    xscale="log",
    yscale="log",
    alt="attention.softmax_gradient",
)

# %%
plain, scaled = (sharpness["entropy"][name][1] for name in ("q · k", "q · k / √d_k"))
print(
    "scaled, the entropy moves by less than 0.2 nats:",
    bool(scaled.max() - scaled.min() < 0.2),
)
print("unscaled, it is below 0.2 nats at d_k = 1024:", bool(plain[-1] < 0.2))
plain, scaled = (sharpness["Jacobian"][name][1] for name in ("q · k", "q · k / √d_k"))
print(
    "scaled, the Jacobian's norm moves by a fifth at most:",
    bool(scaled.max() < 1.2 * scaled.min()),
)
print(
    "unscaled, it is largest at d_k between 4 and 32:",
    WIDTHS[plain.argmax()] in (4, 8, 16, 32),
)

# %% [markdown]
# With the division both stay where they are. Without it the entropy falls towards 0;
# the Jacobian first *rises*, as the softmax leaves the flat region where it hardly
# cares, and then falls, as it saturates. Neither is good for training: the sharpness
# should be learnt, not set by the width.

# %% tags=["explorer"]
explorers.attention.softmax_shape(jacobian_norm)

# %% [markdown]
# Try: play $d$, or drag it in the right panel. From where on does one key keep nearly
# all the weight on the left? What happens to the divided weights meanwhile? Other
# samples stand under "More".
#
# <details><summary>Answer</summary>
#
# In the first sample mostly from $d = 32$ on: the scores then have a standard deviation
# of $\sqrt{32} = 5.7$, and a lead of a few units takes nearly all the weight. Divided,
# they keep a standard deviation of 1 at every $d$, and the softmax's gradient lives.
# The scale *is* a temperature, $\sqrt d$.
# </details>

# %% [markdown]
# ## 4 Attention is kernel regression
#
# Older than neural nets: estimate a curve at $x$ by the mean of the measured $y_i$,
# weighted by how near $x_i$ is (Nadaraya 1964, Watson 1964). With a Gaussian kernel of
# bandwidth $h$:
#
# $$\hat y(x) = \frac{\sum_i K_i\, y_i}{\sum_i K_i} \qquad K_i = e^{-(x - x_i)^2/2h^2}$$
#
# That is attention with the scores $-(x-x_i)^2/2h^2$ (see Tsai et al. 2019).
# **Predict**: does the dot product $x\,x_i/h^2$ give the same weights?


# %%
def gaussian_scores(q, k, bandwidth):
    """-|q - k|² / 2h² for q (N, d), k (n, d): (N, n)."""
    return -torch.cdist(q, k, compute_mode="donot_use_mm_for_euclid_dist").square() / (
        2 * bandwidth**2
    )


def dot_scores(q, k, bandwidth):
    """q · k / h²: (N, n)."""
    return q @ k.mT / bandwidth**2


SCORES = {"gaussian": gaussian_scores, "dot": dot_scores}


def smooth(x, points, values, bandwidth, scores="gaussian"):
    """Attention as regression: x (N,), points and values (n,) -> estimate (N,),
    weights (N, n)."""
    attn = SCORES[scores](x[:, None], points[:, None], bandwidth).softmax(-1)
    return attn @ values, attn


# %%
rng = torch.Generator().manual_seed(0)
points = 4 * torch.rand(30, generator=rng, dtype=torch.float64) - 2
values = torch.sin(2 * points) + 0.3 * torch.randn(
    30, generator=rng, dtype=torch.float64
)
x = torch.linspace(-2, 2, 81, dtype=torch.float64)
kernel = torch.exp(-((x[:, None] - points).square()) / (2 * 0.3**2))
nadaraya_watson = (kernel * values).sum(1) / kernel.sum(1)
estimate, _ = smooth(x, points, values, 0.3)
print(
    "attention = Nadaraya–Watson to 1e-12:",
    (estimate - nadaraya_watson).abs().max().item() < 1e-12,
)
far = torch.tensor([20.0], dtype=torch.float64)
kernel = torch.exp(-((far[:, None] - points).square()) / (2 * 0.3**2))
print(
    "far away, where every kernel is 0 in floating point:",
    "the ratio is",
    ((kernel * values).sum(1) / kernel.sum(1)).item(),
    end=" ",
)
print(
    "and attention gives the nearest value:",
    torch.equal(smooth(far, points, values, 0.3)[0], values[points.argmax()][None]),
)

# %% [markdown]
# The scores differ by two terms: $-\lVert q-k\rVert^2/2h^2 = q\cdot k/h^2 - \lVert
# k\rVert^2/2h^2 - \lVert q\rVert^2/2h^2$. The last is the same for all keys and drops
# out of the softmax. The middle one does not: **the dot product favours keys with a
# large norm.** Keys of equal norm make the two agree.

# %%
angles = 2 * math.pi * torch.rand(2, 9, generator=rng, dtype=torch.float64)
q, k = torch.stack([angles.cos(), angles.sin()], -1)  # on the unit circle: (9, 2) each
apart = {}
for name, norms in (
    ("equal norms", torch.ones(9, 1)),
    ("norms from 0.5 to 2", torch.linspace(0.5, 2, 9)[:, None]),
):
    gaussian, dot = (
        f(q, norms.double() * k, 0.7).softmax(-1) for f in (gaussian_scores, dot_scores)
    )
    corrected = (
        dot_scores(q, norms.double() * k, 0.7)
        - norms.double().square().T / (2 * 0.7**2)
    ).softmax(-1)
    apart[name] = (gaussian - dot).abs().max().item()
    print(f"{name}: the weights agree: {apart[name] < 1e-12};", end=" ")
    print(
        "with the keys' norms subtracted:",
        (gaussian - corrected).abs().max().item() < 1e-12,
    )
assert apart["norms from 0.5 to 2"] > 0.1

# %% tags=["explorer"]
explorers.attention.kernel(smooth)

# %% [markdown]
# Try: drag the query, and the bandwidth from 0.05 to 2. Then back to 0.2, and the dot
# product (under "More") at $x = 0.5$: which points carry the weight?
#
# <details><summary>Answer</summary>
#
# A small bandwidth repeats the nearest noisy point, a large one nears the mean of all.
# The dot product looks to the outermost points on the right, however far: they have the
# largest $x\,x_i$.
# </details>

# %% [markdown]
# ## 5 Masks: what may be seen
#
# Two reasons to hide keys. Sequences of a batch have different lengths and are
# **padded**; padding is not to be read. And a decoder that is trained on all positions
# at once must not see the **future**. A hidden key's score becomes $-\infty$ *before*
# the softmax, so that its weight is 0 and the others sum to 1.

# %% [markdown]
# **How exercises are checked.** A check calls your function with many inputs. It
# compares results to nine digits in float64, to four in float32, and by absolute error
# near 0. Any size may be 1, and sizes differ. New tensors have the type of the inputs;
# half precision occurs only where named. Do not change the arguments.

# %% [markdown]
# **Exercise: a causal mask and a padding mask in one** (easy, about 12 minutes)
#
# Sequences are padded at the end to $T$ steps, and a decoder must not look ahead. Write
# one mask for both, True where query $t$ may attend to key $s$:
#
# $$s \le t \quad\text{and}\quad s < \text{lengths}_b, \qquad s, t = 0, \dots, T - 1.$$
#
# Return a boolean tensor $(B, 1, T, T)$: queries on the third axis, keys on the last,
# and an axis of size 1 for the heads. `steps` is $T$, at most 1,000; `lengths` are
# int32 or int64, each from 0 to $T$. No loop, not even over sequences.
#
# By hand first: $T = 3$ and a length of 2. What are the three rows, and which of them
# does the padding change?


# %%
def my_mask(lengths, steps):
    """The mask (B, 1, T, T), bool, True where query t may attend to key s.
    lengths (B,) int32 or int64, steps T."""
    raise NotImplementedError


exercises.attention.combined_mask.check(my_mask)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# (True, False, False), (True, True, False), (True, True, False). The padding changes
# the last row alone, which would be all True: the first two end before key 2 anyway.
# </details>


# %%
def padding_mask(lengths, steps):
    """True for the first lengths[b] keys:
    lengths (B,) -> (B, 1, 1, T), for all heads and queries."""
    return (torch.arange(steps, device=lengths.device) < lengths[:, None])[
        :, None, None
    ]


def causal_mask(steps, device=None):
    """True where key s is not after query t: (T, T)."""
    return torch.ones(steps, steps, dtype=torch.bool, device=device).tril()


print((causal_mask(4) & padding_mask(torch.tensor([4, 2]), 4)).int())

# %% [markdown]
# The mask says who *may attend*: True = yes, as in `F.scaled_dot_product_attention`.
# Mind the other convention: in `nn.MultiheadAttention` True means *forbidden*.
#
# **Predict.** What is the softmax of a row in which every key is forbidden?

# %%
forbidden = torch.full((3,), -math.inf)
print(forbidden.softmax(0), "by the formula;", "0/0 is no number")

# %% [markdown]
# Such rows exist: an empty sequence in a batch. One NaN there reaches every weight of
# the model at the next update. Our answer is that of `F.scaled_dot_product_attention`:
# who may attend to nothing gets 0. (`nn.MultiheadAttention`, asked for its weights as
# by default, gives NaN.)

# %% [markdown]
# **Exercise: scaled dot-product attention with a mask** (medium, about 20 minutes)
#
# Write attention:
#
# $$A = \operatorname{softmax}\Big(\frac{Q K^\top}{\sqrt{d_k}}\Big), \qquad O = A V$$
#
# The mask is True where a query may attend to a key: other keys get a weight of 0, and
# the weights of a query sum to 1. A query that may attend to nothing gets 0. All
# numbers are finite, scores of visible and of hidden keys may reach ±10¹⁰ (in float32
# ±100), and there may be hundreds of keys. Values and all gradients are compared; both
# must be finite. No ready-made attention (`F.scaled_dot_product_attention`,
# `nn.MultiheadAttention`).
#
# By hand first: $q = (2, 0, 0, 0)$, the keys are $(0, 0, 0, 0)$ and $(\ln 3, 0, 0, 0)$,
# the values 0 and 4. What is $O$?


# %%
def my_attention(q, k, v, mask):
    """Attention (B, T_q, d_v). q (B, T_q, d_k), k (B, T_k, d_k), v (B, T_k, d_v), mask
    (B, T_q, T_k) bool, True = may attend; a query that may attend to nothing gets 0."""
    raise NotImplementedError


exercises.attention.scaled_dot_product.check(my_attention)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The scores are $2 \cdot 0/\sqrt 4 = 0$ and $2 \ln 3/\sqrt 4 = \ln 3$, their
# exponentials 1 and 3, the weights 1/4 and 3/4: $O = 0/4 + 4 \cdot 3/4 = 3$.
# </details>


# %%
def attention(q, k, v, mask=None, scale=None):
    """Scaled dot-product attention.

    Args:
        q, k, v: (..., T_q, d_k), (..., T_k, d_k), (..., T_k, d_v).
        mask: bool, broadcastable to (..., T_q, T_k), True = may attend;
            None = everybody may.
        scale: factor of the scores, default 1/√d_k.
    Returns:
        (..., T_q, d_v), 0 where a query may attend to nothing;
        and the weights (..., T_q, T_k).
    Source: Vaswani et al. 2017, equation 1.
    """
    # (..., T_q, T_k)
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is None:
        attn = scores.softmax(-1)
    else:
        attn = scores.masked_fill(~mask, -math.inf).softmax(-1)
        nothing = ~mask.any(-1, keepdim=True)  # queries whose row is now NaN
        if nothing.any():
            attn = attn.masked_fill(nothing, 0.0)
    return attn @ v, attn


# %%
mask = torch.rand(2, 1, 3, 5, generator=torch.Generator().manual_seed(0)) < 0.6
mask[0, :, 1] = False  # the second query of the first sequence may attend to nothing
check_agreement(
    lambda **case: attention(**case, mask=mask)[0],
    partial(pytorch_attention, mask=mask),
    label="attention = F.scaled_dot_product_attention, one row fully masked",
    **random_qkv(2, 3),
)
out, attn = attention(**random_qkv(2, 3), mask=mask)
print("the fully masked row gives 0:", not out[0, :, 1].any())
print(
    "all other rows sum to 1:",
    torch.allclose(attn.sum(-1), mask.any(-1).double().expand(2, 3, 3)),
)

# %% tags=["explorer"]
explorers.attention.masks(attention, padding_mask, causal_mask)

# %% [markdown]
# Queries and keys are random here; the masks are what matters. Try: click a row, then
# move the number of real words. Why does the first word's row stay as it is, down to
# one word? Then 0.
#
# <details><summary>Answer</summary>
#
# It may see only itself, with weight 1. Without real words nobody sees anything: all
# rows are 0, not NaN.
# </details>
#
# ### A failure to diagnose: NaN from one row
#
# Three ways to hide keys, on a batch of two sequences, the second of them empty.
# **Predict** which of them leaves a usable gradient.


# %%
def minus_infinity(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(-1)


def large_number(scores, mask):
    return scores.masked_fill(~mask, -1e9).softmax(-1)


def added_zero_or_one(scores, mask):
    return (scores + mask).softmax(-1)


# %%
mask = padding_mask(torch.tensor([3, 0]), 5)[:, 0]
for hide in (minus_infinity, large_number, added_zero_or_one):
    case = random_qkv(2, t_q=5, d_v=4)
    shared = torch.eye(4, dtype=torch.float64, requires_grad=True)
    weights = hide(case["q"] @ case["k"].mT / 2, mask)
    (
        weights @ case["v"] @ shared
    ).sum().backward()  # `shared` stands for a weight of the model
    print(
        f"{hide.__name__}: the shared weight's gradient is finite: "
        f"{bool(shared.grad.isfinite().all())};",
        end=" ",
    )
    print(
        "weights on padding",
        [round(a, 2) for a in weights[0, 0, 3:].tolist()],
        end="; ",
    )
    print("of the empty sequence", [round(a, 2) for a in weights[1, 0].tolist()])

# %% [markdown]
# $-\infty$ alone is right but for the empty row, whose NaN reaches the weights that all
# sequences share, and with them every sequence. $-10^9$ hides padding well; an empty
# row then attends *evenly to its padding*, silently. Adding a 0/1 mask hides nothing:
# it multiplies the odds by $e$. The symptom in training: a loss of NaN at the first
# batch that holds an empty sequence, and not before. The cure is the last `masked_fill`
# in `attention`, before the weights meet the values.

# %% [markdown]
# ## 6 Several heads
#
# One softmax can point to one place, or spread over several; it cannot look for two
# *different* things. So split the features into $n_h$ heads, let each do its own
# lookup, and join the results:
#
# $$\text{head}_i =
# \operatorname{attention}(X W_{Q,i}^\top,\, M W_{K,i}^\top,\, M W_{V,i}^\top) \qquad
# Y = [\text{head}_1, \dots, \text{head}_{n_h}]\, W_O^\top$$
#
# Three projections, so that what a token asks, what it answers to and what it hands
# over can differ. $M = X$ is **self-attention**; where keys and values come from
# another sequence, it is **cross-attention**. $W_{Q,i}$ is the $i$-th block of rows of
# one large $W_Q$: project once, then cut the *result* into blocks. The code adds
# biases.

# %% [markdown]
# **Exercise: cross-attention** (medium, about 15 minutes)
#
# A decoder at positions $x$ looks things up in an encoder's output, the memory $m$. One
# head, no mask:
#
# $$O = \operatorname{softmax}\Big(\frac{(x W_Q^\top)(m W_K^\top)^\top}{\sqrt{d_k}}\Big)
# \, m W_V^\top$$
#
# `x` is $(B, T_q, D)$, `memory` $(B, T_k, D_m)$, the result $(B, T_q, d_v)$. Scores may
# reach ±10⁵ (in float32 ±200), for one query and not for the next, and there may be
# hundreds of keys. No ready-made attention such as `nn.MultiheadAttention` or
# `F.scaled_dot_product_attention`. Values and all gradients are compared.
#
# By hand first: $T_q = 3$, $T_k = 5$. What is the shape of the weights, and along which
# axis do they sum to 1?


# %%
def my_cross_attention(x, memory, weight_q, weight_k, weight_v):
    """What x finds in memory, (B, T_q, d_v), by one head. x (B, T_q, D), memory
    (B, T_k, D_m), weight_q (d_k, D), weight_k (d_k, D_m), weight_v (d_v, D_m)."""
    raise NotImplementedError


exercises.attention.cross_attention.check(my_cross_attention)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $(B, 3, 5)$, a row for each query. Each row sums to 1: along the last axis, the keys,
# `dim=-1`.
# </details>

# %% [markdown]
# **Exercise: split the features into heads** (easy, about 10 minutes)
#
# Multi-head attention cuts the $D$ features of each position into $n_h$ heads of
# $d_k = D / n_h$ features. Turn `x` $(B, T, D)$ into $(B, n_h, T, d_k)$ so that head
# $h$ holds the $h$-th block of features of every position, heads counted from 0:
#
# $$\text{out}_{b,h,t,j} = x_{b,\,t,\,h\, d_k + j}$$
#
# $D$ is a multiple of `n_h`, all numbers are finite. `x` may be a transposed view, not
# contiguous. The result may be a view of `x`. No loop. Values and gradients are
# compared.
#
# By hand first: $B = 1$, $n_h = 2$, and `x` has the rows `[1, 2, 3, 4]` and
# `[5, 6, 7, 8]`. What are the two heads? What does `x.reshape(1, 2, 2, 2)` give?


# %%
def my_split_heads(x, n_h):
    """The heads (B, n_h, T, d_k) of x (B, T, D), d_k = D / n_h;
    head h has the h-th block of features."""
    raise NotImplementedError


exercises.attention.split_heads.check(my_split_heads)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# Head 0 has the rows `[1, 2]` and `[5, 6]`, head 1 has `[3, 4]` and `[7, 8]`. The
# reshape gives `[1, 2]` and `[3, 4]`, then `[5, 6]` and `[7, 8]`: its "head 0" is the
# whole first position.
# </details>


# %% [markdown]
# **Exercise: find the bug where heads are merged** (medium, about 12 minutes)
#
# The heads $(B, n_h, T, d_k)$ are joined and go through the output projection:
#
# $$y_t = W_O\, [\,h_{1,t};\, \dots;\, h_{n_h,t}\,] + b$$
#
# The program below runs and the shapes are right. But a change to the second token
# changes the first output, in spite of a causal mask. With one head or one position
# nothing is wrong. Find the bug and fix it. The heads need not be contiguous. Values
# and gradients are compared.
#
# By hand first: $n_h = T = 2$, $d_k = 1$, head 1 is $(1, 2)$, head 2 is $(3, 4)$. Which
# row belongs to the first position?


# %%
def my_merge(heads, weight, bias):
    """The output (B, T, D_out) of multi-head attention.
    heads (B, n_h, T, d_k), weight (D_out, n_h d_k), bias (D_out,)."""
    b, n_h, steps, d_k = heads.shape
    merged = heads.reshape(b, steps, n_h * d_k)
    return merged @ weight.T + bias


exercises.attention.merged_heads.check(my_merge)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The first numbers of both heads: (1, 3), and (2, 4) belongs to the second. The program
# makes (1, 2) and (3, 4), a row for each head.
# </details>


# %%
def split_heads(x, n_h):
    """(B, T, D) -> (B, n_h, T, D / n_h):
    head h has the h-th block of features of every position."""
    return x.unflatten(-1, (n_h, -1)).transpose(1, 2)


def merge_heads(heads):
    """(B, n_h, T, d_k) -> (B, T, n_h · d_k), what split_heads took apart."""
    return heads.transpose(1, 2).flatten(2)


# %%
class MultiHeadAttention(nn.Module):
    """The parameters of nn.MultiheadAttention: W^Q, W^K, W^V below one another."""

    def __init__(self, d_model, n_h, scale=None):
        super().__init__()
        if d_model % n_h:
            raise ValueError(f"d_model = {d_model} is no multiple of n_h = {n_h}.")
        self.n_h, self.scale = n_h, scale
        self.in_proj_weight = nn.Parameter(torch.empty(3 * d_model, d_model))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * d_model))
        self.out_proj = nn.Linear(d_model, d_model)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x, memory=None, mask=None):
        """x (B, T_q, D) reads memory (B, T_k, D), default x
        -> (B, T_q, D), weights (B, n_h, T_q, T_k)."""
        weight, bias, d = self.in_proj_weight, self.in_proj_bias, x.shape[-1]
        if memory is None:
            # one product for all three
            q, k, v = F.linear(x, weight, bias).chunk(3, -1)
        else:
            q = F.linear(x, weight[:d], bias[:d])
            k, v = F.linear(memory, weight[d:], bias[d:]).chunk(2, -1)
        q, k, v = (split_heads(part, self.n_h) for part in (q, k, v))
        heads, attn = attention(q, k, v, mask, self.scale)
        return self.out_proj(merge_heads(heads)), attn


# %% [markdown]
# ### Proof: it equals nn.MultiheadAttention
#
# Both get the same weights. `agrees` compares outputs and the gradients of the inputs
# and of every parameter in float64; it will serve every module of this chapter. Every
# weight is moved from where it starts: a bias of 0 or a scale of 1 would hide mistakes.


# %%
def random_x(*shape, seed=0):
    return torch.randn(
        shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


class Called(nn.Module):
    """A module that is called in a way of its own: call(inner, *inputs)."""

    def __init__(self, inner, call):
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, *inputs):
        return self.call(self.inner, *inputs)


# %%
def agrees(ours, theirs, call_ours, call_theirs, *, label=None, **inputs):
    """Compare two modules with equal parameter names and one set of weights:
    output and every gradient."""
    weights = {
        name: p.detach() + 0.3 * random_x(*p.shape, seed=1)
        for name, p in theirs.named_parameters()
    }

    def run(module, call):
        def function(**tensors):
            own = {f"inner.{name}": tensors.pop(name) for name in weights}
            return torch.func.functional_call(
                Called(module.double(), call), own, tuple(tensors.values())
            )

        return function

    label = label or f"{type(ours).__name__} = nn.{type(theirs).__name__}"
    check_agreement(
        run(ours, call_ours), run(theirs, call_theirs), label=label, **inputs, **weights
    )


# %%
torch.manual_seed(0)
mask = causal_mask(5) & padding_mask(torch.tensor([5, 2, 1]), 5)  # no row is empty
ours, theirs = MultiHeadAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
agrees(
    ours,
    theirs,
    lambda m, x: m(x, mask=mask)[0],
    lambda m, x: m(x, x, x, attn_mask=~mask.expand(3, 3, 5, 5).flatten(0, 1))[0],
    x=random_x(3, 5, 12),
)
agrees(
    ours,
    theirs,
    lambda m, x, memory: m(x, memory)[0],
    lambda m, x, memory: m(x, memory, memory)[0],
    label="the same, cross-attention",
    x=random_x(2, 4, 12),
    memory=random_x(2, 7, 12, seed=1),
)

# %% [markdown]
# Note `~mask`, the other convention, and PyTorch's way of giving a mask to each head:
# the batch and the heads in one axis.

# %% [markdown]
# ## 7 Does attention know the order?
#
# **Predict.** Permute the tokens of the input. What happens to the outputs of
# self-attention?

# %%
ours = MultiHeadAttention(12, 3).double()
x, order = random_x(1, 6, 12), torch.tensor([3, 0, 5, 1, 4, 2])
y, permuted = ours(x)[0], ours(x[:, order])[0]
print(
    "permuting the input permutes the output, to 1e-12:",
    (y[:, order] - permuted).abs().max().item() < 1e-12,
)

# %% [markdown]
# They are permuted the same way: "dog bites man" and "man bites dog" are one bag of
# words. Nothing in attention knows where a token stands, so its position has to be put
# *into* the token.

# %% [markdown]
# **Exercise: a table of sinusoidal positions** (easy, about 12 minutes)
#
# Make the table that tells positions apart (Vaswani et al. 2017, section 3.5):
#
# $$PE_{p,\,2i} = \sin\frac{p}{10000^{2i/d_{model}}} \qquad
# PE_{p,\,2i+1} = \cos\frac{p}{10000^{2i/d_{model}}}$$
#
# for $p = 0, \dots, \text{steps} - 1$ and $i = 0, \dots, d_{model}/2 - 1$. Return a
# float64 tensor `(steps, d_model)`. `steps` is from 1 to 10,000, `d_model` is even and
# from 2 to 1,000. All of PyTorch, NumPy and `math` may be used.
#
# By hand first: what is the row of $p = 0$, and which two columns change most slowly
# with $p$?


# %%
def my_positions(steps, d_model):
    """Sinusoidal positions, (steps, d_model) float64. d_model is even."""
    raise NotImplementedError


exercises.attention.sinusoids.check(my_positions)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# $\sin 0 = 0$ and $\cos 0 = 1$ take turns: 0, 1, 0, 1, … The last two columns change
# most slowly: their exponent $2i/d_{model}$ is the largest, so $p$ is divided by most.
# </details>

# %% [markdown]
# $$PE_{p,2i} = \sin(p\,\omega_i) \qquad PE_{p,2i+1} = \cos(p\,\omega_i) \qquad
# \omega_i = 10000^{-2i/d_{model}}$$
#
# They are *added* to the token's vector (multiplied in, they would erase it wherever
# they are 0).


# %%
def sinusoids(steps, d_model):
    """Positions (steps, d_model), float64:
    sines in the even columns, cosines in the odd ones.

    Source: Vaswani et al. 2017, section 3.5.
    """
    p = torch.arange(steps, dtype=torch.float64)[:, None]
    frequencies = 10000 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angles = p * frequencies  # (steps, d_model / 2)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


positions = sinusoids(6, 12)
y, permuted = ours(x + positions)[0], ours(x[:, order] + positions)[0]
print(
    "with positions the permuted input gives other outputs:",
    (y[:, order] - permuted).abs().max().item() > 0.01,
)

# %% [markdown]
# ### A shift is a rotation
#
# Each pair $(\sin p\omega, \cos p\omega)$ is a point on a circle. Going on by $k$
# positions turns it by the angle $k\omega$, whatever $p$ is:
#
# $$\begin{pmatrix} \sin (p+k)\omega\\ \cos (p+k)\omega \end{pmatrix} =
# \begin{pmatrix} \cos k\omega & \sin k\omega\\
# -\sin k\omega & \cos k\omega \end{pmatrix}
# \begin{pmatrix} \sin p\omega\\ \cos p\omega \end{pmatrix}$$
#
# So "$k$ tokens on" is one linear map, which a head can learn. **Predict**: find it
# from data alone, by least squares over the first hundred positions; does it hold for
# positions that it never saw?


# %%
def rotation(k, d_model):
    """The matrix R with PE(p + k) = R PE(p) for every p: (d_model, d_model)."""
    frequencies = 10000 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    cos, sin = (k * frequencies).cos(), (k * frequencies).sin()
    return torch.block_diag(*torch.stack([cos, sin, -sin, cos], -1).reshape(-1, 2, 2))


table, k = sinusoids(200, 8), 7
found = torch.linalg.lstsq(table[:100], table[k : 100 + k]).solution.T  # from p < 100
print(
    "found from data = the rotation:", torch.allclose(found, rotation(k, 8), atol=1e-9)
)
print(
    "it shifts positions it never saw:",
    torch.allclose(table[100:193] @ found.T, table[107:200], atol=1e-9),
)
print(
    "a rotation keeps lengths, RᵀR = 1:",
    torch.allclose(found.T @ found, torch.eye(8, dtype=torch.float64)),
)
similarity = table @ table.T
same = all(
    torch.allclose(similarity.diagonal(o), similarity[0, o], rtol=0, atol=1e-9)
    for o in range(50)
)
print("PE(p) · PE(q) depends on q - p alone:", same)

# %% tags=["explorer"]
explorers.attention.positions(sinusoids)

# %% [markdown]
# Try: play the position. What becomes of the angle between the two hands of a clock?
# Then drag an orange hand: it sets the offset. Which offset is a whole turn on the
# first clock, and which on the fourth? Then watch the similarity.
#
# <details><summary>Answer</summary>
#
# The angle stays: $k$ steps turn a hand by $k\omega$ from wherever it is. The first
# turns in $2\pi \approx 6.3$ steps, the fourth in 199, more than there is room for:
# fast hands tell neighbours apart, slow ones tell where in the text. The similarity is
# largest at $q = p$, and its curve moves along with $p$.
# </details>

# %% [markdown]
# ## 8 A layer
#
# A Transformer's layer does two things to each token: attention mixes *between*
# positions, and a feed-forward net works on each *alone*. Around both stand a residual
# sum and a layer normalisation.

# %% [markdown]
# **Exercise: normalise each token** (easy, about 15 minutes)
#
# Layer normalisation treats every token $x$, $D$ numbers, on its own:
#
# $$\mu = \frac1D \sum_{j} x_j \qquad \sigma^2 = \frac1D \sum_{j} (x_j - \mu)^2 \qquad
# y_j = w_j\,\frac{x_j - \mu}{\sqrt{\sigma^2 + \varepsilon}} + b_j$$
#
# `x` is $(B, T, D)$, `weight` and `bias` are $(D)$. `eps` is a float, 0 only where no
# token is constant. In float64 a token's numbers may lie near 10⁴ and differ by
# about 1. Return $(B, T, D)$. No ready-made normalisation: no `F.layer_norm`,
# `nn.GroupNorm`, `F.normalize` and the like. Values and all gradients are compared;
# both must be finite.
#
# By hand first: with $w = 1$, $b = 0$ and $\varepsilon = 0$, what becomes of the token
# $[1, 3]$, and what of $[101, 103]$?


# %%
def my_layer_norm(x, weight, bias, eps):
    """x (B, T, D) normalised over its last axis, times weight (D,), plus bias (D,):
    (B, T, D)."""
    raise NotImplementedError


exercises.attention.layer_norm.check(my_layer_norm)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The mean of $[1, 3]$ is 2 and $\sigma^2 = (1 + 1)/2 = 1$: it becomes $[-1, 1]$. So
# does $[101, 103]$, whose mean is 102: what all features share is taken out.
# </details>


# %%
class LayerNorm(nn.Module):
    """nn.LayerNorm: mean 0 and variance 1 for each token (last axis),
    then a learnt scale and shift."""

    def __init__(self, d_model, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)  # divided by D, not D - 1
        return torch.addcmul(
            self.bias, centred * (variance + self.eps).rsqrt(), self.weight
        )


agrees(
    LayerNorm(6),
    nn.LayerNorm(6),
    lambda m, x: m(x),
    lambda m, x: m(x),
    x=10 + random_x(2, 3, 6),
)

# %% [markdown]
# The feed-forward net goes through `d_ff` features, with the same weights at every
# position:
#
# $$\operatorname{FF}(x_t) = W_2 \max(0,\, W_1 x_t + b_1) + b_2$$
#
# Where the normalisation stands matters. **Post-norm**, as in the first paper, and
# **pre-norm**:
#
# $$x \leftarrow \operatorname{LN}(x + f(x))
# \qquad\qquad x \leftarrow x + f(\operatorname{LN}(x))$$
#
# Pre-norm leaves an unbroken sum from the first layer to the last, and can train
# without warm-up (a learning rate that rises at first; Xiong et al. 2020). Section 15
# measures it.


# %%
class EncoderLayer(nn.Module):
    """nn.TransformerEncoderLayer with ReLU and without dropout."""

    def __init__(self, d_model, n_h, d_ff, norm_first=True, scale=None):
        super().__init__()
        self.self_attn = MultiHeadAttention(d_model, n_h, scale)
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.norm1 = LayerNorm(d_model)
        self.norm2 = LayerNorm(d_model)
        self.norm_first = norm_first

    def forward(self, x, mask=None):
        """x (B, T, D), mask broadcastable to (B, n_h, T, T) -> (B, T, D)."""
        if self.norm_first:
            x = x + self.self_attn(self.norm1(x), mask=mask)[0]
            return x + self.feed_forward(self.norm2(x))
        x = self.norm1(x + self.self_attn(x, mask=mask)[0])
        return self.norm2(x + self.feed_forward(x))

    def feed_forward(self, x):
        """W₂ max(0, W₁ x + b₁) + b₂, each position by itself (Vaswani et al. 2017,
        equation 2)."""
        return self.linear2(F.relu(self.linear1(x)))


# %%
class DecoderLayer(EncoderLayer):
    """nn.TransformerDecoderLayer with ReLU and without dropout."""

    def __init__(self, d_model, n_h, d_ff, norm_first=True, scale=None):
        super().__init__(d_model, n_h, d_ff, norm_first, scale)
        self.multihead_attn = MultiHeadAttention(d_model, n_h, scale)
        self.norm3 = LayerNorm(d_model)

    def forward(self, x, memory, mask=None, memory_mask=None):
        """x (B, T, D) reads itself and memory (B, S, D) -> (B, T, D),
        cross-attention (B, n_h, T, S)."""
        if self.norm_first:
            x = x + self.self_attn(self.norm1(x), mask=mask)[0]
            found, attn = self.multihead_attn(self.norm2(x), memory, memory_mask)
            x = x + found
            return x + self.feed_forward(self.norm3(x)), attn
        x = self.norm1(x + self.self_attn(x, mask=mask)[0])
        found, attn = self.multihead_attn(x, memory, memory_mask)
        x = self.norm2(x + found)
        return self.norm3(x + self.feed_forward(x)), attn


# %%
def padding_for_torch(mask):
    """Our padding mask (B, 1, 1, T) in PyTorch's convention: (B, T), True = ignore."""
    return ~mask[:, 0, 0]


real, causal = padding_mask(torch.tensor([6, 3]), 6), causal_mask(4)
ignored = padding_for_torch(real)

# %%
for norm_first, name in ((True, "pre-norm"), (False, "post-norm")):
    how = dict(dropout=0.0, batch_first=True, norm_first=norm_first)
    ours = EncoderLayer(8, 2, 16, norm_first)
    theirs = nn.TransformerEncoderLayer(8, 2, 16, **how)
    agrees(
        ours,
        theirs,
        lambda m, x: m(x, real),
        lambda m, x: m(x, src_key_padding_mask=ignored),
        label=f"EncoderLayer = nn.TransformerEncoderLayer, {name}",
        x=random_x(2, 6, 8),
    )
    ours = DecoderLayer(8, 2, 16, norm_first)
    theirs = nn.TransformerDecoderLayer(8, 2, 16, **how)
    agrees(
        ours,
        theirs,
        lambda m, x, memory: m(x, memory, causal, real)[0],
        lambda m, x, memory: m(
            x, memory, tgt_mask=~causal, memory_key_padding_mask=ignored
        ),
        label=f"DecoderLayer = nn.TransformerDecoderLayer, {name}",
        x=random_x(2, 4, 8),
        memory=random_x(2, 6, 8, seed=1),
    )

# %% [markdown]
# **Predict** what `nn.TransformerEncoderLayer(512, 8, 0.1)`, seen in articles and meant
# as width, heads and dropout, does.

# %%
try:
    nn.TransformerEncoderLayer(512, 8, 0.1)
    print("it can be built")
except TypeError as error:
    print(
        f"{type(error).__name__}: the third argument is dim_feedforward, here 0.1; "
        "dropout is the fourth"
    )

# %% [markdown]
# ## 9 Causality, by test
#
# A causal model's output at $t$ must not depend on any later token. Looking at a
# triangular picture of weights does not prove it: a leak can sit elsewhere. Two tests
# that do.
#
# 1. Draw all later tokens anew: earlier outputs must not move **by a single bit**.
# 2. The gradient of output $t$ for every input after $t$ must be **exactly 0**.


# %%
def moved_by_the_future(model, x, t):
    """Largest change of outputs 0 to t when all inputs after t are redrawn:
    x (1, T, D)."""
    changed = torch.cat(
        [x[:, : t + 1], random_x(*x[:, t + 1 :].shape, seed=9).to(x.dtype)], 1
    )
    return (model(changed) - model(x))[:, : t + 1].abs().max().item()


def gradient_from_the_future(model, x, t):
    """Largest |∂ output t / ∂ input s| over s > t."""
    x = x.clone().requires_grad_()
    # a plain sum would be blind: layer norm keeps it constant
    weights = random_x(x.shape[-1], seed=1)
    (gradient,) = torch.autograd.grad((model(x)[0, t] * weights).sum(), x)
    return gradient[0, t + 1 :].abs().max().item()


# %%
x = random_x(1, 6, 8)
layers = {
    kind: EncoderLayer(8, 2, 16, kind == "pre-norm").double()
    for kind in ("pre-norm", "post-norm")
}
models = {f"{kind}, no mask": layer for kind, layer in layers.items()}
models |= {
    f"{kind}, causal": partial(layer, mask=causal_mask(6))
    for kind, layer in layers.items()
}
for name, model in models.items():
    moved = max(moved_by_the_future(model, x, t) for t in range(5))
    slope = max(gradient_from_the_future(model, x, t) for t in range(5))
    print(
        f"{name}: earlier outputs moved: {moved != 0}; gradient from the future: "
        f"{slope != 0}"
    )

# %% [markdown]
# These two belong in the tests of every causal model. Here is a program that needs
# them:

# %% [markdown]
# **Exercise: find two bugs in causal self-attention** (hard, about 20 minutes)
#
# The program below should be multi-head causal self-attention. The shapes are right.
# But the weights of early queries sum to less than 1. A change to the last token
# changes earlier outputs, though each weight for a later key is exactly 0. And the more
# heads share the same $D$, the flatter the weights.
#
# There are two bugs, not where heads are split or merged. Fix both. Scores may be
# anything up to ±10¹⁰; there may be hundreds of positions. No ready-made attention
# (`F.scaled_dot_product_attention`, `nn.MultiheadAttention`). Values and gradients are
# compared.
#
# By hand first: all scores are 0 and $T = 4$. What should the first row of weights be?
# What is it?


# %%
def my_causal_attention(x, weight_q, weight_k, weight_v, n_h):
    """Causal self-attention with n_h heads, (B, T, D), no output projection.
    x (B, T, D), weight_q, weight_k and weight_v (D, D)."""
    b, steps, d_model = x.shape
    q, k, v = (
        (x @ w.T).reshape(b, steps, n_h, -1).transpose(1, 2)
        for w in (weight_q, weight_k, weight_v)
    )
    scores = q @ k.mT / d_model**0.5  # (B, n_h, T, T)
    past = torch.ones(steps, steps, dtype=torch.bool, device=x.device).tril()
    attn = torch.softmax(scores, dim=-1) * past
    return (attn @ v).transpose(1, 2).reshape(b, steps, d_model)


exercises.attention.leaky_attention.check(my_causal_attention)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# It should be (1, 0, 0, 0): the first query sees key 0 alone. Here it is (1/4, 0, 0,
# 0): the softmax gives each of the four keys its share before three are struck out.
# </details>

# %% [markdown]
# ## 10 The whole Transformer
#
# The **encoder** reads the source, every token seeing all others. The **decoder**
# writes the target token by token: it sees what it has written (causally) and looks
# into the encoder's output, the memory. In training it need not write one after the
# other: the right target, shifted by one, is its input, and all positions are trained
# at once ("teacher forcing").

# %% [markdown]
# **Exercise: what a decoder sees and what it must answer** (easy, about 10 minutes)
#
# A decoder is trained at all positions at once: at $t$ its input is the previous token
# (by attention it sees all earlier ones too), and it must predict token $t$.
#
# $$\text{input}_0 = \text{start},
# \quad \text{input}_t = \text{targets}_{t-1} \text{ for } t > 0,
# \qquad \text{labels}_t = \text{targets}_t$$
#
# `targets` is $(B, T)$, int64: in each row a sequence, its end token, then padding 0;
# tokens are below 10⁹. `start` is an int, 0 or more. Return (input, labels), a tuple or
# list of two int64 tensors $(B, T)$. The labels may be `targets` itself. No loop; leave
# `targets` as it is.
#
# By hand first: which pair does `[5, 7, 2, 0]` give, with end token 2 and start token
# 1?


# %%
def my_decoder_pair(targets, start):
    """The decoder's input and its labels, both (B, T) int64. targets (B, T) int64: in
    each row a sequence, its end token, then padding 0; start is the index of the start
    token."""
    raise NotImplementedError


exercises.attention.shift_right.check(my_decoder_pair)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# The input is `[1, 5, 7, 2]`, the labels are `[5, 7, 2, 0]`: from 1 the decoder must
# predict 5, from 5 it must predict 7, and from 7 the end.
# </details>

# %%
PAD = 0


class Embeddings(nn.Module):
    """Embeddings of source and target tokens, with their positions.

    The two last indices of the target are the start and the end token;
    0 is padding in both.
    """

    def __init__(self, source_size, target_size, d_model, positions=True, longest=64):
        super().__init__()
        self.start, self.end, self.d_model = target_size - 2, target_size - 1, d_model
        self.source = nn.Embedding(source_size, d_model)
        self.target = nn.Embedding(target_size, d_model)
        for embedding in (self.source, self.target):
            # times √d_model: as large as the positions
            nn.init.normal_(embedding.weight, std=d_model**-0.5)
        table = sinusoids(longest, d_model).float() * positions
        self.register_buffer("positions", table, persistent=False)

    def embed(self, embedding, tokens):
        return embedding(tokens) * self.d_model**0.5 + self.positions[: tokens.shape[1]]


# %%
class Stacks(Embeddings):
    """The parts of a Transformer: embeddings, positions, encoder and decoder layers,
    output layer."""

    def __init__(
        self,
        source_size,
        target_size,
        d_model=64,
        n_h=4,
        d_ff=128,
        layers=(2, 1),
        norm_first=True,
        scale=None,
        **settings,
    ):
        super().__init__(source_size, target_size, d_model, **settings)
        how = d_model, n_h, d_ff, norm_first, scale
        self.encoder = nn.ModuleList(EncoderLayer(*how) for _ in range(layers[0]))
        self.decoder = nn.ModuleList(DecoderLayer(*how) for _ in range(layers[1]))
        self.norms = nn.ModuleList(
            LayerNorm(d_model) if norm_first else nn.Identity() for _ in range(2)
        )
        self.output = nn.Linear(d_model, target_size)


# %%
class Transformer(Stacks):
    """Encoder and decoder: source (B, S) and target (B, T)
    of token indices -> logits (B, T, target_size)."""

    def encode(self, source):
        """source (B, S) -> memory (B, S, D) and its padding mask (B, 1, 1, S)."""
        mask, x = (source != PAD)[:, None, None], self.embed(self.source, source)
        for layer in self.encoder:
            x = layer(x, mask)
        return self.norms[0](x), mask

    def decode(self, target, memory, mask):
        """target (B, T) -> logits (B, T, target_size),
        cross-attention (layers, B, n_h, T, S)."""
        x = self.embed(self.target, target)
        causal = causal_mask(target.shape[1], target.device)
        found = []
        for layer in self.decoder:
            x, attn = layer(x, memory, causal, mask)
            found.append(attn)
        return self.output(self.norms[1](x)), torch.stack(found)

    def forward(self, source, target):
        return self.decode(target, *self.encode(source))[0]


# %% [markdown]
# With pre-norm the sum that leaves each stack was never normalised, so one more norm
# stands at its end. The decoder's causality, by the test of section 9, on whole tokens:

# %%
torch.manual_seed(0)
model = Transformer(9, 11).double()
source, target = torch.randint(1, 9, (1, 7)), torch.randint(1, 9, (1, 6))
changed = torch.cat([target[:, :3], 9 - target[:, 3:]], 1)
before, after = model(source, target)[:, :3], model(source, changed)[:, :3]
print("a later target token moves an earlier output:", not torch.equal(before, after))
padded = F.pad(source, (0, 4))
print(
    "padding moves the outputs:",
    not torch.allclose(model(padded, target), model(source, target), atol=1e-12),
)


# %%
def shifted(target, start):
    """The decoder's input: the start token, then the target without its last token."""
    return F.pad(target[:, :-1], (1, 0), value=start)


def sequence_loss(model, batch, run):
    """Cross-entropy in nats: each target's sum, end token included, over its padded
    length; the batch's mean.

    Every token counts alike, and the loss is a mean over examples:
    so several processes take one's step.
    """
    source, target = batch
    # no step is spent on padding that no row needs
    source = source[:, : (source != PAD).sum(1).max()]
    logits = model(source, shifted(target, model.start))
    nats = F.cross_entropy(
        logits.flatten(0, 1), target.flatten(), ignore_index=PAD, reduction="none"
    )
    return nats.unflatten(0, target.shape).sum(1).mean() / target.shape[1]


# %% [markdown]
# ### Decoding: greedy and beam
#
# To write, the trained decoder is fed its own output. **Greedy**: take the likeliest
# token each time. **Beam search**: keep the `width` likeliest *beginnings*, extend each
# by every token, keep the best again.


# %%
def next_log_probs(model, tokens, memory, mask):
    """ln of the probability of each next token (B, V);
    padding and the start token are never written."""
    steps = model.decode(tokens, memory, mask)[0][:, -1].log_softmax(-1)
    steps[:, [PAD, model.start]] = -math.inf
    return steps


@torch.no_grad()
def greedy(model, source, most):
    """The likeliest token each time: source (B, S) -> (B, up to `most`),
    after the end token PAD."""
    memory, mask = model.encode(source)
    tokens = torch.full((len(source), 1), model.start, device=source.device)
    for _ in range(most):
        following = next_log_probs(model, tokens, memory, mask).argmax(-1)
        ended = (tokens[:, -1] == model.end) | (tokens[:, -1] == PAD)
        tokens = torch.cat([tokens, following.masked_fill(ended, PAD)[:, None]], 1)
        if (ended | (following == model.end)).all():
            break
    return tokens[:, 1:]


# %%
@torch.no_grad()
def beam(model, source, most, width):
    """The `width` best targets found for one source (1, S):
    (width, T), and ln of their probabilities."""
    memory, mask = model.encode(source)
    tokens = torch.full((1, 1), model.start, device=source.device)
    scores = torch.zeros(1, device=source.device)
    for _ in range(most):
        repeated = (
            part.expand(len(tokens), *part.shape[1:]) for part in (memory, mask)
        )
        steps = next_log_probs(model, tokens, *repeated)
        ended = (tokens[:, -1] == model.end) | (tokens[:, -1] == PAD)
        steps[ended] = -math.inf
        steps[ended, PAD] = 0.0  # a finished target goes on with padding, at no cost
        scores, best = (
            (scores[:, None] + steps).flatten().topk(min(width, steps.numel()))
        )
        row, following = best // steps.shape[1], best % steps.shape[1]
        tokens = torch.cat([tokens[row], following[:, None]], 1)
    return tokens[:, 1:], scores


# %% [markdown]
# **Predict.** In untrained models with targets of up to three tokens all targets can be
# tried. How often is greedy's the likeliest of all? And a beam's of width 3?


# %%
def best_of_all(model, source, most):
    """The largest ln of a probability of any target of up to `most` tokens,
    by trying them all."""
    letters = [token for token in range(1, model.end + 1) if token != model.start]
    targets = torch.tensor(list(itertools.product(letters, repeat=most)))
    steps = model(
        source.expand(len(targets), -1), shifted(targets, model.start)
    ).log_softmax(-1)
    steps = steps.gather(2, targets[:, :, None])[:, :, 0]
    ended = (targets == model.end).cumsum(1) - (
        targets == model.end
    ).int()  # what stands after an end token
    return steps.masked_fill(ended > 0, 0.0).sum(1).max().item()


# %%
found = dict.fromkeys((1, 3, 500), 0)
for seed in range(50):
    torch.manual_seed(seed)
    model = Transformer(5, 7, 16, 2, 16, (1, 1)).double()
    source = torch.randint(1, 5, (1, 4))
    with torch.no_grad():
        best = best_of_all(model, source, 3)
    for width in found:
        found[width] += abs(beam(model, source, 3, width)[1][0].item() - best) < 1e-6
    plain = greedy(model, source, 3)
    assert torch.equal(beam(model, source, 3, 1)[0][:, : plain.shape[1]], plain)
print(
    "the best target was found in 50 models by a beam of width",
    ", ".join(f"{w}: {n}" for w, n in found.items()),
)

# %% [markdown]
# Width 1 is greedy. A beam as wide as all possibilities is exhaustive, and never
# misses. In between it is a bargain, not a guarantee.

# %% [markdown]
# ## 11 First task: reverse a sequence
#
# Sequences of 8 to 16 out of 20 symbols, to be written backwards. For a recurrent net
# that is a test of memory: everything has to pass through one state. For attention it
# is a lookup.
#
# **Predict.** What will the decoder's cross-attention look like, as a picture of output
# position against source position?


# %%
def reverse_batch(run, batch_size):
    """Random sequences of symbols 1 to 20, padded to (B, 16),
    and backwards with an end token (B, 17)."""
    lengths = 8 + run.integers(9, batch_size)
    symbols = 1 + run.integers(20, batch_size, 16)
    places = torch.arange(17, device=symbols.device)
    source = symbols * (places[:16] < lengths[:, None])
    back = F.pad(source, (0, 1)).gather(1, (lengths[:, None] - 1 - places).clamp(min=0))
    target = torch.where(
        places < lengths[:, None], back, 22 * (places == lengths[:, None])
    )
    return source, target


class Draws:
    """The draws of a Run, for problems outside a training: one generator, seeded."""

    def __init__(self, seed):
        self.rng = torch.Generator().manual_seed(seed)

    def integers(self, high, *shape):
        return torch.randint(high, shape, generator=self.rng)


for rows in zip(*reverse_batch(Draws(0), 2), strict=True):
    print(*(row.tolist() for row in rows), sep="\n-> ")


# %%
SMALL = dict(d_model=48, n_h=4, d_ff=96, layers=(1, 1))


def train_reverse(seed=0, make=None, steps=1500, **settings):
    """Train a small model, default a Transformer, on new sequences: it and the History;
    settings for fit."""
    torch.manual_seed(seed)
    model = make(21, 23) if make else Transformer(21, 23, **SMALL)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=5e-3, betas=(0.9, 0.99), fused=True
    )
    history = training.fit(
        model,
        sequence_loss,
        reverse_batch,
        optimizer=optimizer,
        epochs=1,
        steps_per_epoch=steps,
        batch_size=32,
        schedule="one-cycle",
        clip=1.0,
        seed=seed,
        **settings,
    )
    return model, history


# %%
def exact(model, source, target, batch_size=500):
    """Which targets greedy decoding writes without any error: (N,) bool, on the CPU."""
    device = next(model.parameters()).device
    found = []
    for rows in torch.arange(len(source)).split(batch_size):
        part = source[rows, : (source[rows] != PAD).sum(1).max()].to(device)
        written = greedy(model, part, target.shape[1]).cpu()
        found.append(
            (
                F.pad(written, (0, target.shape[1] - written.shape[1])) == target[rows]
            ).all(1)
        )
    return torch.cat(found)


# %% tags=["nbval-ignore-output"]
reverser, reverse_history = train_reverse()
reversed_right = exact(reverser, *reverse_batch(Draws(10_000), 1000))
print(f"reversed without any error: {reversed_right.sum()} of 1,000 held-out sequences")

# %%
assert reversed_right.float().mean() >= 0.995
reverse_rows = results.read("03", "reverse")
assert all(row["exact"] == 1 for row in reverse_rows)
print(
    "recorded, seeds 0, 1, 2:", [f"{100 * row['exact']:.1f} %" for row in reverse_rows]
)

# %%
source, target = reverse_batch(Draws(3), 500)
lengths, steps = (source != PAD).sum(1), torch.arange(17)
with torch.no_grad():
    _, attn = reverser.cpu().decode(
        shifted(target, reverser.start), *reverser.encode(source)
    )
# the heads of one sequence of 12
short = attn[0, (lengths == 12).int().argmax(), :, :12, :12]
plots.maps(
    {f"head {head}": weights for head, weights in enumerate(short, 1)},
    size=2.6,
    title="Who looks where while a sequence is reversed",
    xlabel="source position",
    ylabel="output position",
    alt="attention.reversal_maps",
)
# of each key from the anti-diagonal
apart = steps[:16] - (lengths[:, None, None] - 1 - steps[:, None])
inside = (steps < lengths[:, None])[:, None]  # outputs before the end token
near = (attn[0].mean(1) * (apart.abs() <= 1)).sum(-1)[inside[:, 0]].mean().item()
print(
    "weight within one place of the anti-diagonal, mean of all heads, above 0.85:",
    near > 0.85,
)

# %% [markdown]
# The anti-diagonal: output $t$ reads source position $T - 1 - t$, whatever $T$ is.
# Nobody told the model. The line is a little blurred, and still nothing is written
# wrong: probably the encoder has mixed neighbours already, so that the place beside the
# right one knows the answer too. Weights show where a model looks, not all that it
# finds there.

# %% [markdown]
# ## 12 Second task: read dates in seven languages
#
# People write dates as "Tuesday, January 5, 2021", "5 янв. 2021 г." or
# "2021年1月5日火曜日". Programs want 2021-01-05. The course's dates come from the
# Unicode project's locale data, by way of Babel: seven languages, three styles, 1900
# to 2099.

# %% tags=["explorer-needs"]
dates = data.dates()
print(
    len(dates.train),
    "to train on,",
    len(dates.validation),
    "to choose on,",
    len(dates.held_out),
    "held out;",
    end=" ",
)
print(len(dates.vocabulary), "characters")
shared = set(dates.train.texts) & set(dates.validation.texts + dates.held_out.texts)
print(
    "texts in two parts:",
    len(shared) + len(set(dates.validation.texts) & set(dates.held_out.texts)),
)
for i in range(8):
    print(
        f"{dates.train.texts[i]:32} {dates.train.iso[i]}  {dates.train.languages[i]}, "
        f"{dates.train.styles[i]}"
    )

# %% [markdown]
# 10,000 texts of 1.4 million that there are. Chinese and Japanese write about half of
# their dates alike, and count as one language, "zh ja", where they do.
#
# **Predict.** What is hard about it? The order of day, month and year; the names; the
# digits. Which of them need attention to *look something up*, which need knowledge?

# %% [markdown]
# ### Baselines
#
# Chance is one in 73,049. A cleverer stand-in: the nearest neighbour, which answers
# with the date of the training text that shares the most pairs of neighbouring
# characters.


# %%
def pair_counts(texts, vocabulary, pairs=None):
    """How often each pair of neighbouring characters stands in each text:
    (N, len(pairs)), and the pairs."""
    rows = data.encode(texts, vocabulary)
    codes = rows[:, :-1] * (len(vocabulary) + 1) + rows[:, 1:]  # (N, T - 1)
    pairs = codes[rows[:, 1:] != PAD].unique() if pairs is None else pairs
    places = torch.searchsorted(pairs, codes).clamp(max=len(pairs) - 1)
    known = (pairs[places] == codes) & (rows[:, 1:] != PAD)
    return torch.zeros(len(rows), len(pairs)).scatter_add_(
        1, places, known.float()
    ), pairs


def nearest_texts(part, train, vocabulary):
    """The place of the training text with the most similar pairs (cosine): (N,)."""
    theirs, pairs = pair_counts(train.texts, vocabulary)
    ours, _ = pair_counts(part.texts, vocabulary, pairs)
    return torch.cat(
        [
            (rows @ F.normalize(theirs).T).argmax(1)
            for rows in F.normalize(ours).split(200)
        ]
    )


# %%
nearest = nearest_texts(dates.held_out, dates.train, dates.vocabulary)
right = sum(
    dates.train.iso[i] == iso
    for i, iso in zip(nearest.tolist(), dates.held_out.iso, strict=True)
)
print(
    f"nearest neighbour: about {100 * right / len(dates.held_out):.0f} % of the "
    "held-out dates right"
)

# %% [markdown]
# ### The model
#
# Two encoder layers and one decoder layer, width 64, 4 heads: about 125,000 parameters.
# The vocabulary stays with the weights, as a buffer: another version of Babel may know
# other characters.


# %%
ISO = "-0123456789"  # tokens 1 to 11; 12 starts, 13 ends


def date_model(vocabulary, **settings):
    """A Transformer from a vocabulary's characters to ISO dates;
    `letters` keeps the vocabulary."""
    model = Transformer(len(vocabulary) + 1, len(ISO) + 3, **settings)
    model.register_buffer(
        "letters",
        torch.tensor([ord(letter) for letter in vocabulary], dtype=torch.int32),
    )
    return model


def vocabulary_of(model):
    """The vocabulary as a str."""
    return "".join(chr(code) for code in model.letters.tolist())


def date_tokens(part, vocabulary):
    """Source (N, S) and target (N, 11), which ends with the end token, of a DateSet."""
    target = data.encode(part.iso, ISO)
    return data.encode(part.texts, vocabulary), F.pad(
        target, (0, 1), value=len(ISO) + 2
    )


# %% [markdown]
# Texts have 9 to 35 characters. A random batch is padded to its longest text, and half
# of the work is spent on padding. So the rows of each epoch are sorted into four groups
# of similar length, batches are drawn within a group, and their order is shuffled.


# %%
def batches_by_length(source, batch_size, epochs, seed, groups=4):
    """Row numbers of a whole training in order,
    each run of batch_size rows of similar lengths."""
    rng, order = torch.Generator().manual_seed(seed), []
    lengths = (source != PAD).sum(1)
    for _ in range(epochs):
        rows = torch.randperm(len(source), generator=rng)
        batches = []
        for group in rows[lengths[rows].argsort(stable=True)].chunk(groups):
            mixed = group[torch.randperm(len(group), generator=rng)]
            batches += [
                rows for rows in mixed.split(batch_size) if len(rows) == batch_size
            ]
        order += [batches[i] for i in torch.randperm(len(batches), generator=rng)]
    return torch.cat(order)


# %%
source, _ = date_tokens(dates.train, dates.vocabulary)
for name, order in (
    ("at random", torch.arange(9984)),
    ("by length", batches_by_length(source, 64, 1, 0)),
):
    batches = source[order].split(64)
    longest = sum((rows != PAD).sum(1).max().item() * len(rows) for rows in batches)
    share = 1 - sum((rows != PAD).sum().item() for rows in batches) / longest
    print(
        f"batches {name}: padding takes about {round(100 * share, -1):.0f} % of the "
        "work"
    )


# %%
def train_dates(part=None, make=date_model, epochs=8, lr=3e-3, seed=0, **settings):
    """Train a model of dates on a DateSet, default the course's: it and the History;
    settings for fit."""
    vocabulary = data.date_vocabulary()
    part = data.dates().train if part is None else part
    source, target = date_tokens(part, vocabulary)
    torch.manual_seed(seed)
    model = make(vocabulary)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=lr, betas=(0.9, 0.99), fused=True
    )
    order = batches_by_length(source, 64, epochs, seed)

    def batch(run, share):  # of the 64 rows of a step those of this process
        rows = order[64 * run.step + share * run.process :][:share]
        return source[rows], target[rows]

    how = dict(epochs=epochs, batch_size=64, clip=1.0, seed=seed, schedule="one-cycle")
    history = training.fit(
        model,
        sequence_loss,
        batch,
        optimizer=optimizer,
        steps_per_epoch=len(order) // (64 * epochs),
        **how | settings,
    )
    return model, history


# %% [markdown]
# Width, rate, epochs and batches were chosen on dates that are not held out.
# **Predict** the share of held-out dates written without any error.

# %% tags=["nbval-ignore-output"]
translator, history = train_dates()
held_out = date_tokens(dates.held_out, dates.vocabulary)
right = exact(translator, *held_out)
low, high = wilson(right.sum().item(), len(right))
print(
    f"{right.sum()} of {len(right)} held-out dates right: "
    f"{100 * right.float().mean():.2f} %",
    end=" ",
)
print(
    f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %), "
    f"{history.seconds:.0f} s of training"
)
losses = torch.tensor(history.losses)
plots.lines(
    {"training": (range(20, len(losses) + 1), losses.unfold(0, 20, 1).mean(1))},
    title="Learning to read dates",
    xlabel="step (64 dates)",
    ylabel="cross-entropy (nats a token), mean of 20 steps",
    yscale="log",
    alt="attention.date_training",
)

# %%
assert right.float().mean() >= 0.99


# %% [markdown]
# From here on the chapter uses recorded weights (seed 0 of the table, in half
# precision), so that every reader sees the same numbers. Three seeds, by language and
# style, and all failures:


# %%
date_rows = results.read("03", "dates")
shares = [row["exact"] for row in date_rows]
low, high = wilson(round(2000 * sum(shares)), 6000)
print(
    "exact, seeds 0, 1, 2 (recorded):",
    ", ".join(f"{100 * share:.2f} %" for share in shares),
    end="; ",
)
print(f"mean {100 * sum(shares) / 3:.2f} % ({100 * low:.1f} to {100 * high:.1f} %)")
for name in (
    *("en", "de", "fr", "es", "ru", "zh", "ja", "zh ja"),
    *("medium", "long", "full"),
):
    counts = [row["parts"][name] for row in date_rows]
    print(f"{name:7}", ", ".join(f"{ok}/{count}" for ok, count in counts))
for row in date_rows:
    for text, iso, output in row["failures"]:
        print(f"seed {row['seed']}: {text!r} is {iso}, written {output}")
assert min(shares) >= 0.99

# %% [markdown]
# German, French, Chinese and Japanese are read without a fault. The failures have two
# kinds. A digit that stands twice (or once) is written once (or twice): 22 as 02, 1
# as 11. And in the longest texts two digits of the year change places. Both suggest
# that it works by *where* the digits stand; and positions that training hardly showed
# are read badly:

# %%
longest = {
    name: sum(len(text) >= 32 for text in part.texts)
    for name, part in (("train", dates.train), ("held out", dates.held_out))
}
print("texts of 32 characters and more:", longest)

# %% tags=["explorer-needs"]
weights = results.load_weights("03", "dates")
reader = date_model("".join(chr(code) for code in weights["letters"].tolist()))
reader.load_state_dict(weights)


# %% tags=["explorer-needs"]
@torch.no_grad()
def translate(text):
    """What the reader makes of a text:
    dict with source, output, probs (T,), attn (layers, n_h, T, S)."""
    text = data.normalised(text)
    if len(text) > 40:
        raise ValueError(f"The text has {len(text)} characters; dates have up to 40.")
    source = data.encode([text], vocabulary_of(reader))
    memory, tokens = reader.encode(source), greedy(reader, source, 12)
    # without the end token
    tokens = tokens[:, : (tokens < reader.end).cumprod(1).sum()]
    logits, attn = reader.decode(shifted(F.pad(tokens, (0, 1)), reader.start), *memory)
    probs = logits.softmax(-1)[0, :-1].gather(1, tokens.T)[:, 0]
    output = data.decode(tokens.masked_fill(tokens > len(ISO), PAD), ISO)[0]
    attn = attn[:, 0, :, : len(probs)]
    return {"source": text, "output": output, "probs": probs, "attn": attn}


# %%
for text in (
    "Tuesday, January 5, 2021",
    "5 янв. 2021 г.",
    "2021年1月5日火曜日",
    "le 5 janvier 2021",
):
    print(f"{text} -> {translate(text)['output']}")

# %% [markdown]
# The last begins with a word that the model has never seen. Below, the alignment: how
# much each output character looks at each source character, the mean of the four heads.

# %%
text = "Tuesday, January 5, 2021"
seen = translate(text)
plots.maps(
    {"mean of the heads": seen["attn"][0].mean(0)},
    title="Where each character of the ISO date comes from",
    xlabel="source",
    ylabel="output",
    xnames=text.replace(" ", "␣"),
    ynames=seen["output"],
    limits=(0, 0.6),
    alt="attention.date_map",
)
# the weight that the year's digits give to "2021"
year = seen["attn"][0].mean(0)[:4, -4:].sum(1)
print(
    "each of the year's digits gives the year most of its weight:",
    bool((year > 0.5).all()),
)

# %% tags=["explorer"]
explorers.attention.translator(translate)

# %% [markdown]
# Try: click the written characters; look at each head by itself (under "More").
# **Predict**, then choose an example or type: February 30. "January 2021", without a
# day. A typing error, "Janaury". The year 1812. A word such as "hello". What does it do
# where it cannot know?
#
# <details><summary>Answer</summary>
#
# It reads February 30 as it stands: it knows no calendar. It makes up a day for January
# 2021, with a probability of 1.00 for each digit: that says that it is *sure*, not that
# it is right. The typing error does no harm. With 1812 even the form breaks: it never
# had to write 18. And "hello" gets the form of a date: the form is what it knows best.
# </details>

# %%
for text in (
    "February 30, 2021",
    "January 2021",
    "Janaury 5, 2021",
    "5 мая 1812 г.",
    "hello",
):
    seen = translate(text)
    print(
        f"{text} -> {seen['output']}, the least certain character has p = "
        f"{seen['probs'].min():.2f}"
    )

# %% [markdown]
# ### Does a beam help? (optional)
#
# **Predict**, from the probabilities that you saw.


# %%
def written(model, texts, most=11):
    """What a model makes of texts: a list of str."""
    source = data.encode(texts, vocabulary_of(model)).to(model.letters.device)
    tokens = greedy(model, source, most)
    return data.decode(tokens.masked_fill(tokens > len(ISO), PAD), ISO)


# of the recorded model; another Babel may bring other characters
known = set(vocabulary_of(reader))
some = [text for text in dates.held_out.texts if set(text) <= known][:200]
differ, second = 0, []
for text, plain in zip(some, written(reader, some), strict=True):
    tokens, scores = beam(reader, data.encode([text], vocabulary_of(reader)), 11, 4)
    differ += (
        data.decode(tokens[:1].masked_fill(tokens[:1] > len(ISO), PAD), ISO)[0] != plain
    )
    second.append(scores[1].exp().item())
print(
    f"of 200 dates a beam of 4 changes {differ}; "
    "the runner-up's probability is below 1 % in",
    end=" ",
)
print("nearly all:", sum(p < 0.01 for p in second) >= 190)

# %% [markdown]
# Nothing to gain: the model is sure. Beams help where several answers compete, as in
# translating prose.

# %% [markdown]
# ## 13 What does it not generalise to?
#
# Two experiments (recorded, two seeds each): train on six languages, and test on
# Russian, whose letters it has then never seen. Train on 2000 to 2099, and test on 1900
# to 1999: all characters known, only the century new. **Predict** for each how many
# dates, and how many years, months and days, come out right.


# %%
UNSEEN = {
    "Russian": (
        {"languages": ["en", "de", "fr", "es", "zh", "ja"]},
        {"languages": ["ru"]},
    ),
    "the century 1900 to 1999": ({"years": (2000, 2099)}, {"years": (1900, 1999)}),
}


# %%
unseen_rows = results.read("03", "unseen")
assert max(row["unseen"]["date"] for row in unseen_rows) < 0.1
for what in UNSEEN:
    for row in [row for row in unseen_rows if row["what"] == what]:
        shares = ", ".join(
            f"{name} {100 * share:.1f}" for name, share in row["unseen"].items()
        )
        known = f"as trained {100 * row['as trained']['date']:.1f}"
        print(f"{what}, seed {row['seed']}: % right: {shares} ({known})")
    for text, output in row["unseen, examples"]:
        print(f"    {text} -> {output}")

# %% [markdown]
# Days survive, nine in ten. Russian months are near chance (8 %): those letters were
# never trained. The year's last digits fail too, though they are digits: probably the
# strange letters before them upset where the decoder looks. Of the new century not one
# date in 2,000 is right, and no error is to be seen: in training every year began with
# 20, so nothing ever asked for looking up the first two digits; and once 20 is written,
# the other two go wrong as well in nearly half of the cases. A model learns what its
# data ask for. A held-out set drawn like the training set will never tell.

# %% [markdown]
# ## 14 Against a recurrent net, at equal time
#
# The first neural translators were two recurrent nets (Sutskever et al. 2014 with
# LSTMs, Cho et al. 2014 with GRUs): one reads, its last state starts the other, which
# writes. Bahdanau et al. (2015) let the writer look back with **additive attention**, a
# small net that scores its state $h$ against each memory $m_j$:
#
# $$s_j = u^\top \tanh(W h + U m_j)$$


# %%
class RecurrentEncoder(nn.Module):
    """Reads the source with a GRU in both directions; as the Transformer's encoder."""

    def __init__(self, source_size, d_model, d_h):
        super().__init__()
        self.source = nn.Embedding(source_size, d_model)
        self.encoder = nn.GRU(d_model, d_h // 2, batch_first=True, bidirectional=True)

    def encode(self, source):
        """source (B, S) -> memory (B, 1 + S, D_h), the last state in front,
        and the padding mask (B, S)."""
        lengths = (source != PAD).sum(1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            self.source(source), lengths, True, enforce_sorted=False
        )
        memory, last = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(
            memory, True, total_length=source.shape[1]
        )
        return torch.cat(
            [last.transpose(0, 1).flatten(1)[:, None], memory], 1
        ), source != PAD


# %%
class RecurrentTranslator(RecurrentEncoder):
    """GRU encoder and decoder; it looks back by attention, or has the last state."""

    def __init__(self, source_size, target_size, d_model=64, d_h=96, looks_back=True):
        super().__init__(source_size, d_model, d_h)
        self.start, self.end = target_size - 2, target_size - 1
        self.looks_back = looks_back
        self.target = nn.Embedding(target_size, d_model)
        self.decoder = nn.GRUCell(d_model + d_h, d_h)
        self.first, self.of_state = nn.Linear(d_h, d_h), nn.Linear(d_h, d_h)
        self.of_memory = nn.Linear(d_h, d_h)
        self.v = nn.Linear(d_h, 1, bias=False)
        self.output = nn.Linear(2 * d_h, target_size)

    def decode(self, target, memory, mask):
        last, memory, weights, logits = memory[:, 0], memory[:, 1:], [], []
        h, keys, context = torch.tanh(self.first(last)), self.of_memory(memory), last
        for token in self.target(target).unbind(1):
            if self.looks_back:
                scores = self.v(torch.tanh(self.of_state(h)[:, None] + keys))[:, :, 0]
                weights.append(scores.masked_fill(~mask, -math.inf).softmax(-1))
                context = (weights[-1][:, None] @ memory)[:, 0]
            h = self.decoder(torch.cat([token, context], 1), h)
            logits.append(self.output(torch.cat([h, context], 1)))
        return torch.stack(logits, 1), weights

    def forward(self, source, target):
        return self.decode(target, *self.encode(source))[0]


# %% [markdown]
# All three get about the training time of the Transformer's eight epochs, and its
# learning rate (seconds are those of the machine that recorded them, all three measured
# side by side). **Predict** the order.

# %%
rivals = {"Transformer": date_rows}
for row in results.read("03", "rivals"):
    rivals.setdefault(row["model"], []).append(row)
curves, [speed] = {}, results.read("03", "speed")
for model, rows in rivals.items():
    shares = ", ".join(f"{100 * row['exact']:.1f}" for row in rows)
    seconds = rows[0]["steps"] * speed["milliseconds"][model] / 1000
    size = (
        f"{rows[0]['steps']} steps in {seconds:.0f} s, "
        f"{rows[0]['parameters']:,} parameters"
    )
    print(f"{model:18} {shares} % right (seeds 0, 1, 2; recorded); {size}")
    totals = {}
    for start, ok, count in itertools.chain.from_iterable(
        row["by length"] for row in rows
    ):
        totals[start] = [
            sum(pair)
            for pair in zip(totals.get(start, (0, 0)), (ok, count), strict=True)
        ]
    curves[model] = (
        [start + 1.5 for start in totals],
        [100 * ok / count for ok, count in totals.values()],
    )

# %%
plots.lines(
    curves,
    title="Held-out dates at equal training time (recorded)",
    xlabel="length of the text (characters)",
    ylabel="written without any error (%)",
    ylim=(60, 101),
    alt="attention.dates_by_length",
)

# %% [markdown]
# Did you predict that? **The GRUs win.** With attention not one of 6,000 dates is
# wrong, and even the single last state, without looking back, does as well as the
# Transformer. A GRU reads neighbours in order by its construction; the Transformer has
# to learn from 10,000 texts what a position is. And a date is ten characters of
# information: it fits into 96 numbers.
#
# So dates do not explain why attention replaced recurrence. Take the state to its
# limit: the sequences of section 11, up to 16 symbols, 69 bits. **Predict** again.

# %%
reversers = {"Transformer": reverse_rows}
for row in results.read("03", "reversers"):
    reversers.setdefault(row["model"], []).append(row)
curves = {}
for model, rows in reversers.items():
    # the seeds of each length
    parts = [[row["by length"][k] for row in rows] for k in range(9)]
    curves[model] = (
        range(8, 17),
        [100 * sum(p[1] for p in part) / sum(p[2] for p in part) for part in parts],
    )
    print(f"{model:18}", ", ".join(f"{100 * row['exact']:.1f} %" for row in rows))
plots.lines(
    curves,
    title="Reversing after 1,500 steps (recorded)",
    xlabel="length of the sequence (symbols)",
    ylabel="written without any error (%)",
    ylim=(-3, 103),
    alt="attention.reversal_by_length",
)

# %% [markdown]
# Now the single state fails, and the more so the longer the sequence: a quarter to a
# third is right, while both models that look back hardly err. What a fixed state cannot
# hold, attention leaves where it is, in the memory, and fetches when it is wanted. That
# is the step that mattered; the Transformer then asked whether the recurrence around it
# was still needed.

# %% [markdown]
# ## 15 What each part is good for: ablations (optional)
#
# Leave out one thing at a time (two seeds each; three as trained), everything else as
# it was. The warm-up is the rise with which the one-cycle schedule begins. **Predict**
# the worst of them.

# %%
spread = {"as trained": [100 * row["exact"] for row in date_rows]}
for row in results.read("03", "ablations"):
    spread.setdefault(row["change"], []).append(100 * row["exact"])
plots.bars(
    {change: sum(shares) / len(shares) for change, shares in spread.items()},
    errors={change: (min(shares), max(shares)) for change, shares in spread.items()},
    xlim=(0, 109),
    title="Held-out dates with one thing changed (recorded; mean and range)",
    xlabel="written without any error (%)",
    alt="attention.date_changes",
)

# %% [markdown]
# Only the positions matter here: without them the model sees a bag of characters. The
# rest makes no difference that two seeds could show. That is a result too: with
# $d_k = 16$ the projections can learn to be four times smaller, one head suffices where
# each output looks at one place, and three layers train without warm-up on either side
# of the norm. What large models need, a small one need not; and no article's ablation
# carries over to your size untested.

# %% [markdown]
# ## 16 What it costs
#
# **Predict** the exponents with which time and memory grow in the length $T$, for one
# layer of attention and one of an LSTM.


# %%
def exponent(lengths, values):
    """Slope of ln(value) over ln(length), least squares over the four largest
    lengths."""
    x, y = (
        torch.tensor(part[-4:], dtype=torch.float64).log() for part in (lengths, values)
    )
    return (
        ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    ).item()


# %%
cost_rows = {row["layer"]: row for row in results.read("03", "cost")}
for what, unit in (
    ("milliseconds", "time (ms)"),
    ("megabytes", "memory for the backward pass (MB)"),
):
    for layer, row in cost_rows.items():
        print(
            f"{layer}: {what} grow as T to the power "
            f"{exponent(row['lengths'], row[what]):.2f}"
        )
    plots.lines(
        {layer: (row["lengths"], row[what]) for layer, row in cost_rows.items()},
        title="One layer of width 64, forward and backward (recorded, one thread)",
        xlabel="length T",
        ylabel=unit,
        xscale="log",
        yscale="log",
        alt="attention.layer_time",
    )

# %% [markdown]
# $T^2$ against $T$. At 64 tokens the two take about as long; there the projections,
# which cost $T d^2$, outweigh the $T^2$ scores. From a few hundred on attention falls
# behind. Kept for the backward pass are the weights, $n_h T^2$ numbers; fused kernels
# compute them anew instead, and need memory in proportion to $T$ (Dao et al. 2022). The
# time stays $T^2$; beyond 1,000 tokens it grows faster still here, probably because the
# weights no longer fit into the processor's cache.
#
# ### One step from anywhere
#
# What does the price buy? Take the gradient of the last output for each input, in
# untrained layers. **Predict** the three curves over the distance (chapter 2, sections
# 5 and 10).


# %%
def reach(module, length=100, d=64):
    """Norm of the gradient of the last output for each input, the last one first:
    (length,)."""
    x = random_x(1, length, d).float().requires_grad_()
    loss = (module(x)[0][0, -1] * random_x(d, seed=1).float()).sum()
    (gradient,) = torch.autograd.grad(loss, x)
    return gradient[0].norm(dim=1).flip(0)


# %%
torch.manual_seed(0)
layers = {
    "attention": MultiHeadAttention(64, 4),
    "plain RNN": nn.RNN(64, 64, batch_first=True),
}
layers["LSTM"] = nn.LSTM(64, 64, batch_first=True)
reached = {name: (range(100), reach(layer)) for name, layer in layers.items()}
plots.lines(
    reached,
    title="How much of an input reaches the last output, before training",
    xlabel="distance (steps)",
    ylabel="norm of ∂y_T/∂x_t",
    yscale="log",
    alt="attention.reach",
)
far, near = reached["attention"][1][50:].mean(), reached["attention"][1][1:51].mean()
print(
    "attention: the far half is reached as the near one, to a factor of 2:",
    bool(0.5 < far / near < 2),
)
lost = [reached[name][1][99] / reached[name][1][0] for name in ("plain RNN", "LSTM")]
print(
    "RNN and LSTM lose more than ten powers of ten over 99 steps:",
    max(lost).item() < 1e-10,
)

# %% [markdown]
# So why did attention replace recurrence? Every position is one step from every other,
# and no gradient has to pass through $T$ Jacobians. What was read need not fit into one
# state: the reversed sequences showed that. And in training all positions are computed
# at once, where a recurrent net waits for its own last step; that is what large
# machines live on, and what two cores cannot show. On short texts with few data a GRU
# is the better choice, as section 14 measured.

# %% [markdown]
# ## 17 A failure to diagnose: a loss that is too good
#
# The reverser of section 11 once more, but its decoder has no causal mask; and it is
# stopped after 300 steps. **Predict** its loss beside the right one's, and what it
# writes.


# %%
class Unmasked(Transformer):
    """A Transformer whose decoder sees the whole target in training,
    the answers included."""

    def decode(self, target, memory, mask):
        x = self.embed(self.target, target)
        for layer in self.decoder:
            x, attn = layer(x, memory, None, mask)
        return self.output(self.norms[1](x)), attn[None]


# %% tags=["nbval-ignore-output"]
unmasked, unmasked_history = train_reverse(
    make=partial(Unmasked, **SMALL), max_steps=300, show=False
)
curves = {
    "with the causal mask": reverse_history.losses,
    "without": unmasked_history.losses,
}
plots.lines(
    {
        name: torch.tensor(losses).unfold(0, 10, 1).mean(1)
        for name, losses in curves.items()
    },
    title="Reversing, with and without a causal mask",
    xlabel="step",
    ylabel="cross-entropy (nats a token), mean of 10 steps",
    yscale="log",
    alt="attention.causal_mask",
)

# %%
source, target = reverse_batch(Draws(10_000), 1000)
right = exact(unmasked.cpu(), source, target).float().mean().item()
first = {
    name: (torch.tensor(losses) < 0.2).int().argmax().item()
    for name, losses in curves.items()
}
assert first["without"] < 0.8 * first["with the causal mask"]
print("its final loss is below 0.05:", sum(unmasked_history.losses[-20:]) / 20 < 0.05)
print("of 1,000 sequences it writes nearly none right:", right < 0.05)
changed = target[:1].clone()
changed[:, 4:] = 1
with torch.no_grad():
    moved = (
        (unmasked(source[:1], changed) - unmasked(source[:1], target[:1]))[:, :4]
        .abs()
        .max()
        .item()
    )
print("the test of section 9, later tokens changed, earlier outputs moved:", moved > 0)

# %% [markdown]
# **The diagnosis.** Without the mask the position that must answer token $t$ can read
# token $t$ in its own input, one place to the right: the fastest way to a small loss is
# to copy it. In writing there is nothing to the right, and what was learnt is of no
# use. A loss that falls early and to zero is a symptom, not a success. The test of
# section 9 finds it before any training, and so does writing a few targets during
# training. A decoder input that is not shifted has the same effect: the answer stands
# in the input.

# %% [markdown]
# ## 18 A failure to diagnose: attention across the batch
#
# `nn.MultiheadAttention` and the layers built on it expect `(T, B, D)` unless
# `batch_first=True`. A batch of `(B, T, D)` runs, and every shape is right. The task:
# each sequence has 8 numbers, and every position is to give their mean. **Predict** the
# error that the wrong one reaches; the variance of the mean of eight uniform numbers is
# $1/96$.


# %%
class Averager(nn.Module):
    """One PyTorch layer that answers at every position: (B, T, 1) -> (B, T)."""

    def __init__(self, batch_first):
        super().__init__()
        self.inp, self.out = nn.Linear(1, 16), nn.Linear(16, 1)
        self.layer = nn.TransformerEncoderLayer(
            16, 2, 32, dropout=0.0, batch_first=batch_first, norm_first=True
        )

    def forward(self, x):
        return self.out(self.layer(self.inp(x)))[:, :, 0]


# %%
def mean_batch(run, batch_size):
    x = run.uniform(batch_size, 8, 1)
    return x, x.mean(1).expand(-1, 8)


def train_averager(batch_first):
    """Mean squared errors of 300 steps, and the model."""
    torch.manual_seed(0)
    model = Averager(batch_first)
    history = training.fit(
        model,
        lambda model, batch, run: F.mse_loss(model(batch[0]), batch[1]),
        mean_batch,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        epochs=1,
        steps_per_epoch=300,
        batch_size=32,
        schedule="cosine",
        seed=0,
        show=False,
    )
    return model.cpu(), history.losses


# %% tags=["nbval-ignore-output"]
averagers = {
    name: train_averager(flag)
    for name, flag in (("batch_first=True", True), ("default", False))
}
plots.lines(
    {
        name: torch.tensor(losses).unfold(0, 10, 1).mean(1)
        for name, (_, losses) in averagers.items()
    },
    title="The mean of eight numbers, batch-first data",
    xlabel="step",
    ylabel="mean squared error, mean of 10 steps",
    yscale="log",
    marks=[(1 / 96, "chance, 1/96")],
    alt="attention.batch_first",
)

# %%
x = torch.rand(4, 8, 1, generator=torch.Generator().manual_seed(0))
changed = torch.cat([1 - x[:1], x[1:]])
for name, (model, _) in averagers.items():
    other = (model(changed) - model(x))[1:].abs().max().item() > 1e-6
    print(f"{name}: changing the first sequence moves the others' answers: {other}")
ends = [sum(losses[-30:]) / 30 for _, losses in averagers.values()]
assert ends[0] < 1 / 960 and ends[1] > 1 / 200

# %% [markdown]
# **The diagnosis.** With the default, each position attended over the *batch*: it saw
# the numbers at its own place in all sequences, and of its own sequence only itself.
# Knowing one number of eight leaves an error of $7/768$, seven eighths of chance. The
# test to keep is the last one: no sequence may change another's answer.
#
# ## 19 Variants to build
#
# Two changes that most language models of today have, and that this chapter has not
# shown.

# %% [markdown]
# **Exercise: rotary positions** (hard, about 25 minutes)
#
# Su et al. (2021, [arXiv 2104.09864](https://arxiv.org/abs/2104.09864)) rotate queries
# and keys so that the product of a query at $t$ and a key at $s$ depends only on
# $t - s$. At position $t$, from 0, each pair $(a, b) = (x_{2i}, x_{2i+1})$ becomes, in
# its place,
#
# $$(a \cos\theta - b \sin\theta,\; a \sin\theta + b \cos\theta), \qquad
# \theta = t \cdot \text{base}^{-2i/d_k}$$
#
# `x` and the result are $(B, n_h, T, d_k)$, $d_k$ even; $T$ is at most 1,000 (50 in
# float32). `base` is an int or a float above 0. No ready-made rotary embedding. Values
# and gradients are compared.
#
# By hand first, for $d_k = 2$: what are $(1, 0)$ at $t$, $(1, 0)$ at $s$, and their
# product?


# %%
def my_rotary(x, base):
    """x (B, n_h, T, d_k) with each pair of features turned by its position: same shape.
    d_k is even, base a number."""
    raise NotImplementedError


exercises.attention.rotary.check(my_rotary)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# With $i = 0$ the rate is 1, so $\theta = t$: $(\cos t, \sin t)$ and
# $(\cos s, \sin s)$. Their product is $\cos t \cos s + \sin t \sin s = \cos(t - s)$.
# </details>

# %% [markdown]
# **Exercise: query heads that share keys and values** (medium, about 20 minutes)
#
# During generation a model caches the keys and values of all earlier positions. To
# cache fewer, neighbouring query heads share them (Ainslie et al. 2023,
# [arXiv 2305.13245](https://arxiv.org/abs/2305.13245)): head $h$ of $n_q$ reads head
# $g$ of $n_{kv}$,
#
# $$y_h = \operatorname{softmax}\!\left(\frac{q_h k_g^\top}{\sqrt{d_k}}\right) v_g,
# \qquad
# g = \left\lfloor \frac{h}{n_q / n_{kv}} \right\rfloor$$
#
# `q` is $(B, n_q, T, d_k)$, `k` and `v` are $(B, n_{kv}, S, d_k)$; $n_q$ is a multiple
# of $n_{kv}$ and at most 200. Return $(B, n_q, T, d_k)$. No mask. Scores may reach ±10⁵
# (in float32 ±100), for one query alone. No ready-made attention such as
# `F.scaled_dot_product_attention`. Values and all gradients are compared.
#
# By hand first: $n_q = 6$, $n_{kv} = 2$. Find $g$ for $h = 4$.


# %%
def my_grouped_attention(q, k, v):
    """Attention whose query heads share keys and values: (B, n_q, T, d_k). q
    (B, n_q, T, d_k), k and v (B, n_kv, S, d_k); n_q is a multiple of n_kv. No mask."""
    raise NotImplementedError


exercises.attention.grouped_query.check(my_grouped_attention)

# %% [markdown]
# <details><summary>By hand: the answer</summary>
#
# Each group has $6/2 = 3$ heads, and $\lfloor 4/3 \rfloor = 1$: heads 0 to 2 read head
# 0, heads 3 to 5 read head 1.
# </details>

# %% [markdown]
# ## In this chapter we
#
# - built attention, heads, layer norm, encoder and decoder layers, and proved them
#   equal to PyTorch's, gradients included; checked masks, positions and the whole by
#   laws of their own;
# - measured why scores are divided by $\sqrt{d_k}$, and saw attention as kernel
#   regression;
# - found the rotation that shifts positions, from data;
# - tested causality by the bit;
# - reversed sequences and read dates in seven languages, saw where each answer came
#   from, and what was not learnt;
# - saw GRUs win on short texts at equal time, and fail where their state is too small;
#   measured the price of attention, $T^2$;
# - diagnosed a missing mask, attention across the batch, and a row that may attend to
#   nothing.

# %% [markdown]
# ## Go further
#
# - Train on dates of which one in a thousand is from the 19th century. How many does it
#   take to learn the copying of years?
# - Most failures stand in the longest texts. In training, let the source's positions
#   begin at a random number from 0 to 8, so that late positions are seen more often.
#   What does it mend, and what does it cost?
# - Replace the sinusoids by the rotary positions of section 19. Does the reverser learn
#   faster?
# - Keep keys and values from step to step in `greedy` instead of computing them anew.
#   How much faster is it?
# - The four heads of the translator: leave out one at a time. Which one reads months?

# %% [markdown]
# ## Sources
#
# - A. Vaswani et al., "Attention is all you need", 2017,
#   [arXiv 1706.03762](https://arxiv.org/abs/1706.03762): sections 3.1 (post-norm),
#   3.2.1 (scaled dot-product attention, equation 1; the variance in a footnote), 3.2.2
#   (heads), 3.3 (feed-forward, equation 2), 3.4 (embeddings times √d_model), 3.5
#   (positions).
# - I. Sutskever, O. Vinyals, Q. V. Le, "Sequence to sequence learning with neural
#   networks", 2014, [arXiv 1409.3215](https://arxiv.org/abs/1409.3215). K. Cho et al.,
#   2014, [arXiv 1406.1078](https://arxiv.org/abs/1406.1078).
# - D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly learning to
#   align and translate", 2015, [arXiv 1409.0473](https://arxiv.org/abs/1409.0473):
#   equations 5 and 6, appendix A.1.2.

# %% [markdown]
# - È. A. Nadaraya, "On estimating regression", *Theory of Probability and its
#   Applications* 9 (1964). G. S. Watson, "Smooth regression analysis", *Sankhyā* series
#   A 26 (1964).
# - Y.-H. H. Tsai et al., EMNLP 2019,
#   [arXiv 1908.11775](https://arxiv.org/abs/1908.11775): attention as kernel smoothing.

# %% [markdown]
# - J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization",
#   [arXiv 1607.06450](https://arxiv.org/abs/1607.06450).
# - R. Xiong et al., "On layer normalization in the Transformer architecture",
#   [arXiv 2002.04745](https://arxiv.org/abs/2002.04745): pre-norm without warm-up.
# - J. Su et al., "RoFormer: Enhanced Transformer with rotary position embedding",
#   [arXiv 2104.09864](https://arxiv.org/abs/2104.09864).
# - T. Dao et al., "FlashAttention: fast and memory-efficient exact attention with
#   IO-awareness", [arXiv 2205.14135](https://arxiv.org/abs/2205.14135).
# - J. Ainslie et al., "GQA: Training generalized multi-query Transformer models from
#   multi-head checkpoints", [arXiv 2305.13245](https://arxiv.org/abs/2305.13245).
# - PyTorch, documentation of `F.scaled_dot_product_attention`, `nn.MultiheadAttention`
#   and the Transformer's layers: masks, axes, order of arguments.
# - Unicode Consortium, Common Locale Data Repository, by way of Babel: the dates.

# %% [markdown]
# ## How the tables were made (optional)
#
# Cells of this chapter read recorded tables. Here is how they were made:
# `make results CH=03` calls each function with the arguments of each row. It yields the
# losses of its training, and then what it measured.


# %%
def record_reverse(seed, make=None, **settings):
    """Share of 1,000 held-out sequences reversed without an error,
    and right and all of them by length."""
    model, history = train_reverse(seed, make, **settings)
    yield history.losses
    source, target = reverse_batch(Draws(10_000 + seed), 1000)
    right, lengths = exact(model.cpu(), source, target), (source != PAD).sum(1)
    groups = [(n, right[lengths == n]) for n in range(8, 17)]
    counts = [[n, int(group.sum()), len(group)] for n, group in groups]
    yield {"exact": right.float().mean().item(), "by length": counts}


REVERSERS = {
    "GRU with attention": partial(RecurrentTranslator, d_model=48),
    "GRU without": partial(RecurrentTranslator, d_model=48, looks_back=False),
}


def record_reversers(model, seed, **settings):
    """As record_reverse, for a GRU encoder-decoder."""
    return record_reverse(seed, REVERSERS[model], **settings)


# %%
def breakdown(right, part):
    """Right and all dates by language and by style: dict of name to [right, all]."""
    found = {}
    for ok, *names in zip(right.tolist(), part.languages, part.styles, strict=True):
        for name in names:
            count = found.setdefault(name, [0, 0])
            count[0], count[1] = count[0] + ok, count[1] + 1
    return found


# %%
def failures(model, right, part):
    """The texts that a model got wrong:
    at most 20 lists of text, ISO date, what it wrote."""
    wrong = [i for i, ok in enumerate(right.tolist()) if not ok]
    texts = [part.texts[i] for i in wrong]
    if not texts:
        return []
    return [
        list(row)
        for row in zip(
            texts, [part.iso[i] for i in wrong], written(model, texts), strict=True
        )
    ][:20]


def by_length(right, part):
    """Right and all dates for texts of 8 to 11, 12 to 15, … characters:
    lists of first length, right, all."""
    groups = torch.tensor([len(text) // 4 for text in part.texts])
    counts = [(4 * g, right[groups == g]) for g in groups.unique().tolist()]
    return [[length, int(group.sum()), len(group)] for length, group in counts]


# %%
def judge(model, history):
    """What is recorded of a trained model of dates, on the held-out dates."""
    part = data.dates().held_out
    right = exact(model.cpu(), *date_tokens(part, vocabulary_of(model)))
    return {
        "exact": right.float().mean().item(),
        "parts": breakdown(right, part),
        "by length": by_length(right, part),
        "failures": failures(model, right, part),
        "steps": len(history.losses),
        "training seconds": round(history.seconds, 1),
        "parameters": sum(p.numel() for p in model.parameters()),
    }


# %%
def record_dates(seed, **settings):
    """The chapter's model on the held-out dates; seed 0 leaves its weights."""
    model, history = train_dates(seed=seed, **settings)
    yield history.losses
    if seed == 0:
        results.save_weights("03", "dates", model.state_dict())
    yield judge(model, history)


SLICES = {
    "date": slice(None),
    "century": slice(0, 2),
    "year in it": slice(2, 4),
    "month": slice(5, 7),
    "day": slice(8, 10),
}


# %%
def shares_right(model, part):
    """Which share of a DateSet a model writes right, in each slice;
    and what it makes of four texts."""
    outputs = [output.ljust(10) for output in written(model, part.texts)]
    pairs = list(zip(outputs, part.iso, strict=True))
    right = {
        name: sum(a[s] == b[s] for a, b in pairs) / len(pairs)
        for name, s in SLICES.items()
    }
    return right, [list(row) for row in zip(part.texts[:4], outputs[:4], strict=True)]


def record_unseen(what, seed, **settings):
    """Shares of right dates, years, months and days on 2,000 dates of a kind that
    training left out."""
    train, test = UNSEEN[what]
    model, history = train_dates(data.dates(**train).train, seed=seed, **settings)
    yield history.losses
    measured = {}
    parts = {
        "as trained": data.dates(**train).held_out,
        "unseen": data.dates(2000, **test).train,
    }
    for kind, part in parts.items():
        measured[kind], measured[f"{kind}, examples"] = shares_right(model.cpu(), part)
    yield measured


# %%
def recurrent_model(vocabulary, **settings):
    """A RecurrentTranslator for dates, as date_model."""
    model = RecurrentTranslator(len(vocabulary) + 1, len(ISO) + 3, **settings)
    model.register_buffer(
        "letters",
        torch.tensor([ord(letter) for letter in vocabulary], dtype=torch.int32),
    )
    return model


# epochs that take about the time of the Transformer's eight: see "speed" below
RIVALS = {
    "GRU with attention": dict(make=recurrent_model, epochs=6),
    "GRU without": dict(make=partial(recurrent_model, looks_back=False), epochs=9),
}


def record_rivals(model, seed, **settings):
    """A GRU encoder-decoder on the held-out dates, at the Transformer's training
    time."""
    trained, history = train_dates(**RIVALS[model], seed=seed, **settings)
    yield history.losses
    yield judge(trained, history)


# %%
def record_speed(**settings):
    """Milliseconds a step of the three models, side by side:
    the least of four rounds of 25 steps."""
    settings = {"max_steps": 25} | settings
    _, history = train_dates(**settings)
    yield history.losses
    models, least = {"Transformer": {}} | RIVALS, {}
    for _ in range(4):
        for name, how in models.items():
            _, history = train_dates(**how, **settings)
            step = 1000 * history.seconds / len(history.losses)
            least[name] = min(step, least.get(name, math.inf))
    yield {"milliseconds": least}


# %%
def no_warm_up(step, total):
    """Factor of the learning rate: from 1 down to 0 along a line,
    at full rate from the first step."""
    return 1 - step / total


ABLATIONS = {
    "no scaling by √d_k": dict(make=partial(date_model, scale=1.0)),
    "one head": dict(make=partial(date_model, n_h=1)),
    "no positions": dict(make=partial(date_model, positions=False)),
    "pre-norm, no warm-up": dict(schedule=no_warm_up),
    "post-norm, warm-up": dict(make=partial(date_model, norm_first=False)),
    "post-norm, no warm-up": dict(
        make=partial(date_model, norm_first=False), schedule=no_warm_up
    ),
}


def record_ablation(change, seed, **settings):
    """Share of held-out dates right with one thing changed."""
    model, history = train_dates(**ABLATIONS[change], seed=seed, **settings)
    yield history.losses
    yield judge(model, history)


# %%
def cost(module, x, rounds):
    """Shortest seconds of a forward and backward pass, MB that autograd keeps
    (each once), and the loss."""
    seconds = []
    kept = {}
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()

    for _ in range(rounds):
        kept.clear()
        start = time.perf_counter()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = module(x)[0].square().mean()
        loss.backward()
        seconds.append(time.perf_counter() - start)
    return min(seconds), sum(kept.values()) / 1e6, loss.item()


# %%
COST_LENGTHS = [64, 128, 256, 512, 1024, 2048, 4096]


def record_cost(layer, **settings):
    """Time and memory of one layer of width 64, forward and backward, one sequence,
    one thread, over T."""
    torch.manual_seed(0)
    module = (
        MultiHeadAttention(64, 4)
        if layer == "attention"
        else nn.LSTM(64, 64, batch_first=True)
    )
    inputs = [random_x(1, length, 64).float() for length in COST_LENGTHS]
    # nothing is trained: the loss of each length
    yield [cost(module, x, rounds=1)[2] for x in inputs]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seconds, megabytes, _ = zip(
        *[cost(module, x, rounds=7) for x in inputs], strict=True
    )
    torch.set_num_threads(threads)
    milliseconds = [1000 * s for s in seconds]
    yield {
        "lengths": COST_LENGTHS,
        "milliseconds": milliseconds,
        "megabytes": list(megabytes),
    }


# %%
RECORDED = {
    "reverse": (record_reverse, [{"seed": seed} for seed in range(3)]),
    "dates": (record_dates, [{"seed": seed} for seed in range(3)]),
    "unseen": (
        record_unseen,
        [{"what": what, "seed": seed} for what in UNSEEN for seed in (0, 1)],
    ),
    "speed": (record_speed, [{}]),
    "rivals": (
        record_rivals,
        [{"model": model, "seed": seed} for model in RIVALS for seed in range(3)],
    ),
    "ablations": (
        record_ablation,
        [{"change": name, "seed": seed} for name in ABLATIONS for seed in (0, 1)],
    ),
    "reversers": (
        record_reversers,
        [{"model": name, "seed": seed} for name in REVERSERS for seed in (0, 1)],
    ),
    "cost": (record_cost, [{"layer": layer} for layer in ("attention", "LSTM")]),
}
