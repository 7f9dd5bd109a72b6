"""Checks in one real kernel, after a training with several threads: each shows its verdict, nothing else."""

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
assert "matplotlib" not in sys.modules  # the exercises import no plotting

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
    exercise = exercises.vae.gaussian_kl
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


def executed(sources):
    """The outputs of cells, one after the other in a fresh kernel: a list of lists."""
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, sources)))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    return [cell.outputs for cell in notebook.cells]


@pytest.mark.usefixtures("alone")
def test_a_kernel_shows_each_verdict_and_outlives_every_kind_of_function():
    said = {
        HEAVY: "Passed. ",
        in_the_chapter("cnn.classifier_loss", exercises.cnn.classifier_loss)[
            1
        ]: "Not attempted yet. Edit my_cl",
        in_the_chapter("cnn.conv2d", exercises.cnn.conv2d)[1]: "Not attempted yet. Edit my_conv2d, then run",
        FLIPPED: "Not right yet. Your kernel is flipped",
        NOISY: "Not right yet. Your function raised EOFError",
        "exercises.cnn.output_size.hint()": "Hint 1 of 3: ",
        "exercises.cnn.output_size.solution()": "```python\ndef my_output_size(",
    }
    exercise = exercises.vae.gaussian_kl
    verdicts = {
        name: "Passed. " if kind.passes(exercise) else "Not right yet. " for name, kind in HOSTILE.items()
    }
    said |= {f"check({name!r})": verdict for name, verdict in verdicts.items()}
    here = {f"check({name!r})": verdicts[name] for name, kind in HOSTILE.items() if kind.here}
    sources = [TRAINING, *said, "sandbox.forks = lambda: False", *here]
    silent, *shown = executed(sources)
    assert silent == shown.pop(len(said)) == []
    for source, outputs, beginning in zip(
        [*said, *here], shown, [*said.values(), *here.values()], strict=True
    ):
        assert [output.output_type for output in outputs] == ["execute_result"], (source, outputs)
        data = outputs[0].data
        assert data["text/plain"].startswith(beginning), (source, data["text/plain"])
        assert {"text/html", "text/markdown"} & data.keys()
    noise = shown[list(said).index(NOISY)][0].data["text/plain"]
    assert 'print("heard?")' in noise and "It printed:\nheard?" in noise
