# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From Formula to Model
#
# You derive the models of deep learning, build each from scratch, check it against
# PyTorch, and train it on real data. You predict results before you see them, drag the
# parts of each model, and write its essential functions yourself; a check recognises
# most mistakes and explains them.

# %% tags=["keep-output"] jupyter={"source_hidden": true} cellView="form"
# Set-up and cards: run this cell to see your present progress
import importlib.util, subprocess, sys  # isort: skip

address = "git+https://github.com/from-formula-to-model/course"
found = getattr(importlib.util.find_spec("course"), "origin", None)  # of a folder None
if not found and subprocess.call([sys.executable, "-m", "pip", "install", address]):
    raise RuntimeError(f"pip failed, see above: try `make lab`, or install {address}")
from course import start

start.page()

# %% [markdown]
# **How it works.** Open a chapter and run its cells from the top, one after the other,
# with Shift + Enter. Each chapter runs on its own. Read them in this order, or along
# the arrows of the map. Your work and your progress stay on the computer that runs this
# page.

# %% tags=["keep-output"] jupyter={"source_hidden": true} cellView="form"
# Diagram: which chapter to read before which
from course import plots

plots.diagram("course_map")

# %% [markdown]
# **In [Colab](https://colab.research.google.com/github/from-formula-to-model/course/blob/main/notebooks/start.ipynb)**,
# run the cell with the cards first: its links then lead to the chapters in Colab. On
# [Binder](https://mybinder.org/v2/gh/from-formula-to-model/course/HEAD?urlpath=lab/tree/my/start.ipynb)
# everything is installed; download what you want to keep.
