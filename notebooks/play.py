# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Play: all explorers on one page
#
# All interactive pictures, chapter by chapter, with trained weights that come with the
# course. In a notebook, run all cells first (nothing is trained); then drag, draw and
# play. Each chapter explains what you see in its pictures.

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
from course import explorers

# %% [markdown]
# ## 0 · Foundations

# %% [markdown]
# **Which learning rates converge, and which diverge?** Drag the start, move the rate
# past its edge, play the steps.

# %% tags=["explorer"]
explorers.play("foundations.descent")

# %% [markdown]
# **What happens to a signal across twelve layers?** Change the scale of the weights,
# and watch the activations.

# %% tags=["explorer"]
explorers.play("foundations.depth")

# %% [markdown]
# **When does a model fit the points, and when their noise?** Drag a point; play the
# size of the model.

# %% tags=["explorer"]
explorers.play("foundations.fitting")

# %% [markdown]
# **Where should a classifier say yes?** Drag the threshold, and see which errors you
# buy.

# %% tags=["explorer"]
explorers.play("foundations.threshold")

# %% [markdown]
# ## 1 · Convolutional networks

# %% [markdown]
# **What does a convolution compute?** Drag the window over the image, or play the scan.

# %% tags=["explorer"]
explorers.play("cnn.sliding_kernel")

# %% [markdown]
# **What does one unit see?** Press any unit.

# %% tags=["explorer"]
explorers.play("cnn.receptive_field")

# %% [markdown]
# **What does a trained net see in your handwriting?** Draw a digit; press a feature
# map.

# %% tags=["explorer"]
explorers.play("cnn.trained_net")

# %% [markdown]
# ## 2 · Recurrent networks

# %% [markdown]
# **How far back does a gradient reach?** Drag the distance.

# %% tags=["explorer"]
explorers.play("rnn.gradient_flow")

# %% [markdown]
# **How does a trained LSTM write?** Turn the temperature up and down, and ask for
# another sample.

# %% tags=["explorer"]
explorers.play("rnn.sampling")

# %% [markdown]
# **What does one cell of a trained LSTM follow?** Choose a unit; press a character.

# %% tags=["explorer"]
explorers.play("rnn.gate_inspector")

# %% [markdown]
# ## 3 · Attention

# %% [markdown]
# **Why are the scores divided by the root of the dimension?** Play the dimension.

# %% tags=["explorer"]
explorers.play("attention.softmax_shape")

# %% [markdown]
# **Attention is an average: of what?** Drag the query.

# %% tags=["explorer"]
explorers.play("attention.kernel")

# %% [markdown]
# **What may a token look at?** Press a row.

# %% tags=["explorer"]
explorers.play("attention.masks")

# %% [markdown]
# **How does a model know where a token stands?** Play the positions.

# %% tags=["explorer"]
explorers.play("attention.positions")

# %% [markdown]
# **Where does the model look while it writes a date?** Choose a date, or type your own.

# %% tags=["explorer"]
explorers.play("attention.translator")

# %% [markdown]
# ## 4 · The VAE

# %% [markdown]
# **What does the ELBO bound, and how tightly?** Drag q, or play the ascent.

# %% tags=["explorer"]
explorers.play("vae.bound")

# %% [markdown]
# **What does β buy, and what does it cost?** Press a model on the curve.

# %% tags=["explorer"]
explorers.play("vae.trade_off")

# %% [markdown]
# **What lies between the digits?** Drag the cross through the plane, or draw a digit.

# %% tags=["explorer"]
explorers.play("vae.plane")

# %% [markdown]
# **What does each of the twenty dimensions do?** Play the value; drag an image.

# %% tags=["explorer"]
explorers.play("vae.walk")

# %% [markdown]
# ## 5 · The GAN

# %% [markdown]
# **Which way does each loss pull?** Move the two densities apart.

# %% tags=["explorer"]
explorers.play("gan.two_gaussians")

# %% [markdown]
# **Why does the smallest game go round in circles?** Drag the start, and play.

# %% tags=["explorer"]
explorers.play("gan.dirac")

# %% [markdown]
# **Does the generator find every mode?** Play three trainings.

# %% tags=["explorer"]
explorers.play("gan.ring")

# %% [markdown]
# **What does a generator make between two codes?** Play the walk.

# %% tags=["explorer"]
explorers.play("gan.walk")

# %% [markdown]
# **Would the discriminator take your digit for real?** Draw it, then turn it by 90°.

# %% tags=["explorer"]
explorers.play("gan.verdict")
