"""Imports between the parts of `course` run one way, and importing a part costs no more than it needs."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

COURSE = Path(__file__).resolve().parents[1] / "course"
PARTS = {path.stem for path in COURSE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}


def imported_parts(path):
    """The parts of `course` that a module imports, wherever in it: `course.data.text` counts as data."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{name.name}" for name in node.names]
        yield from {name.split(".")[1] for name in names if name.startswith("course.")} & PARTS


def graph():
    """Part → the other parts that its modules import; a module's own `__main__` guard is not its import."""
    found = {part: set() for part in PARTS - {"__init__"}}
    for part in found:
        files = [COURSE / f"{part}.py"] if (COURSE / f"{part}.py").exists() else (COURSE / part).rglob("*.py")
        for path in files:
            found[part] |= set(imported_parts(path)) - {part}
    found["training"].discard("plots")  # of a frame in a notebook, the one place where a training is drawn
    found["progress"].discard("exercises")  # of `python -m course.progress`, which hands the exercises in
    return found


def test_there_is_no_circle_and_no_plotting_below():
    parts = graph()
    order = list(TopologicalSorter(parts).static_order())  # raises CycleError
    assert order.index("plots") < order.index("explorers") and "progress" in parts["exercises"]
    for part in ("data", "training", "exercises", "results", "progress", "compare", "plots"):
        assert not parts[part] & {"explorers", "models"}
        assert part == "plots" or "plots" not in parts[part]


@pytest.mark.parametrize("part", ["data", "training", "exercises", "results", "progress"])
def test_a_part_that_draws_nothing_imports_no_plotting(part):
    code = f"import sys; from course import {part}; print({{'matplotlib', 'IPython'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
