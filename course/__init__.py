"""The helper package of the course "From Formula to Model".

Importing it costs nothing: no downloads, no device choice, no change of style. Chapters import the parts they
use, `from course import data, training`, and call `setup()` once, in their set-up cell.
"""

import os
import sys

__version__ = "0.1.0"
__all__ = ["is_main", "setup"]


def is_main():
    """True in the one process that prints and draws: rank 0, or the only process.

    Returns:
        bool, from the environment variable `RANK` that torchrun and accelerate set for each process.
    """
    return int(os.environ.get("RANK") or 0) == 0


def setup():
    """Prepare a chapter: the course's picture style; in every process above rank 0, silence.

    A sign that the output's encoding does not have, as λ in Latin-1, is replaced and ends no script.

    Every rank of a multi-process run executes every cell, since training is collective. What should happen
    once happens on rank 0: elsewhere `print` writes nowhere, and pictures, explorers and exercises ask
    `is_main()` and do nothing.
    """
    from course import plots

    plots.set_style()
    if not is_main():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # for the life of the process
    elif hasattr(sys.stdout, "reconfigure"):  # a notebook's stream has no encoding to choose
        sys.stdout.reconfigure(errors="replace")
