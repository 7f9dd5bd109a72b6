"""Checks in one real kernel, after a training with several threads: each shows its verdict, nothing else."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from course import exercises
from tests.helpers.exercises import in_the_chapter
from tests.helpers.learners import HOSTILE

ROOT = Path(__file__).parents[2]
TRAINING = """
import sys
from course import exercises
assert not {"matplotlib", "ipywidgets"} & sys.modules.keys()  # no plotting, and no buttons yet

import torch, torch.nn.functional as F
from IPython.display import display
from course.exercises import sandbox
from tests.helpers.learners import HOSTILE

torch.set_num_threads(4)
net = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.Flatten(), torch.nn.LazyLinear(10))
net(torch.zeros(1, 1, 28, 28))
optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    F.cross_entropy(net(torch.rand(64, 1, 28, 28)), torch.randint(10, (64,))).backward()
    optimiser.step()
assert torch.get_num_threads() == 4

def check(name):
    exercise = exercises.rnn.clip_global_norm
    exercise.deadline = 0.2 if HOSTILE[name].endless else 60.0
    return exercise.check(HOSTILE[name].make(exercise))
"""
HEAVY = """
def my_classifier_loss(logits, labels):
    weight = torch.rand(300, 300, requires_grad=True)
    (weight @ weight).relu().sum().backward()
    return F.cross_entropy(logits, labels)

exercises.cnn.classifier_loss.check(my_classifier_loss)
"""
FLIPPED = """
kept = {"flip": (-2, -1)}
exercises.cnn.conv2d.check(lambda x, w, b, s, p: F.conv2d(x, w.flip(*kept["flip"]), b, s, p))
"""
NOISY = """
def noisy(n, kernel, stride, padding, dilation):
    print("heard?"); display("seen?"); input("asked?")

exercises.cnn.output_size.check(noisy)
"""


def cell_of(name):
    """The cell in which a chapter sets an exercise, `cnn.conv2d`."""
    chapter, _, exercise = name.partition(".")
    return in_the_chapter(name, getattr(getattr(exercises, chapter), exercise))[1]


@pytest.mark.usefixtures("alone")
def test_a_kernel_shows_each_verdict_and_outlives_every_kind_of_function():
    told = [  # cells, and a pattern of what each shows
        (TRAINING, None),
        (HEAVY, "✓ Passed. "),
        (cell_of("cnn.classifier_loss"), "Not attempted yet. Edit my_classifier_loss, then run the check"),
        (cell_of("cnn.conv2d"), "Not attempted yet. Edit my_conv2d, then run the check again."),
        (FLIPPED, "✗ Not right yet. Your kernel is flipped"),
        (NOISY, r'✗ Not right yet. Your function raised EOFError.*print\("heard\?"\).*It printed:\nheard\?'),
        ("exercises.cnn.output_size.hint()", "Hint 1 of 3: "),
        ("exercises.cnn.output_size.solution()", r"```python\ndef my_output_size\("),
    ]
    for here in (False, True):
        told += [("sandbox.forks = lambda: False", None)] * here
        for name, kind in HOSTILE.items():
            if kind.here or not here:
                passes = kind.passes(exercises.rnn.clip_global_norm)
                told.append((f"check({name!r})", "✓ Passed. " if passes else "✗ Not right yet. "))

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source, _ in told])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    for (source, pattern), cell in zip(told, notebook.cells, strict=True):
        # One verdict each, what was attempted with buttons under it: nothing that the function printed.
        is_fault = "The check itself failed" in str(cell.outputs)
        attempted = pattern and pattern[0] in "✓✗" and not is_fault
        kinds = ["display_data"] * 2 if attempted else ["execute_result"] if pattern else []
        assert [output.output_type for output in cell.outputs] == kinds, (source, cell.outputs)
        if pattern:
            data = cell.outputs[0].data
            assert re.match(pattern, data["text/plain"], re.S), (source, data)
            assert data.keys() in ({"text/plain", "text/html"}, {"text/plain", "text/markdown"})
        if attempted:
            offer = cell.outputs[1].data
            assert offer.keys() == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
            assert ".solution()" in offer["text/html"] and (".hint()" in offer["text/html"]) == (
                pattern[0] == "✗"
            )
