"""The chapters of this checkout, and the definitions that stand in them.

A chapter is `notebooks/NN_name.py`. Tests, benchmarks and recorded results need its functions and classes
without running its training: `load_definitions` executes only those. `explorers_of` makes its explorers.
"""

import ast
import contextlib
import io
import re
import sys
import types
from pathlib import Path

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def folder():
    """The `notebooks` folder of this checkout, as a Path; of an installed `course` the one that it brings,
    with the sources alone.

    Raises:
        FileNotFoundError: there is none.
    """
    places = [parent / "notebooks" for parent in Path(__file__).resolve().parents[:2]]
    notebooks = next((place for place in places if place.is_dir()), places[1])
    if not notebooks.is_dir():
        raise FileNotFoundError(
            f"there is no folder {notebooks}: `course` is installed without the chapters. "
            "Clone the repository and run this from there."
        )
    return notebooks


def paths():
    """The chapters' sources `NN_name.py`, a sorted list of Paths."""
    return sorted(folder().glob("[0-9][0-9]_*.py"))


def sources():
    """The sources of all notebooks: the chapters, the start page, and the page with all explorers; Paths."""
    return [*paths(), *folder().glob("start.py"), *folder().glob("play.py")]


def is_named(stem, name):
    """Whether a chapter, `01_cnn`, is meant by a number ("01") or name ("01_cnn")."""
    return str(name) in (stem, stem.split("_")[0])


def find(name):
    """The source of one chapter.

    Args:
        name: its number ("01"), its name ("01_cnn"), or the path of a `.py` file.
    Returns:
        Path of the `.py`.
    Raises:
        FileNotFoundError: names the chapters that there are.
    """
    if str(name).endswith(".py") and Path(name).is_file():
        return Path(name).resolve()
    for path in sources():
        if is_named(path.stem, name):
            return path
    there_are = ", ".join(path.stem for path in sources()) or "none"
    raise FileNotFoundError(f"no chapter {str(name)!r}; the chapters are: {there_are}")


def load_definitions(name, **overrides):
    """A module with a chapter's definitions, made without running the rest of the chapter.

    Executed are, in order, the top-level imports, functions, classes and constants: assignments to UPPER_CASE
    names alone, but for those made from something the chapter computes (`B, C, H, W = x.shape`).

    Args:
        name: as for `find`.
        overrides: values for constants of the chapter, set in their place (`STEPS=20`).
    Returns:
        A fresh module named `chapter_01_cnn`; its functions have their sources and line numbers.
    Raises:
        FileNotFoundError: no such chapter.
        NameError: an override that the chapter has no constant for, or a definition that needs a computed
            value.
    """
    path = find(name)
    module = types.ModuleType(f"chapter_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclass and inspect.getsource look for it
    known = set()
    for node in ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body:
        constants = _constants(node)
        if constants or isinstance(node, DEFINITIONS):
            _execute(node, module, may_fail=bool(constants))
        vars(module).update({name: overrides[name] for name in constants & overrides.keys()})
        known |= constants
    if unknown := overrides.keys() - known:
        raise NameError(f"{path.stem} has no constant {', '.join(sorted(unknown))} to override")
    return module


def explorers_of(name):
    """How a chapter's cells make their explorers, without the rest of the chapter and silently.

    Executed are the definitions, the cells tagged `explorer-needs`, and what stands in the cells tagged
    `explorer` above the last expression, which makes one.

    Args:
        name: as for `find`.
    Returns:
        dict of the explorer's name, "cnn.sliding_kernel", to a function () -> Explorer, a new one each time;
        in the order of the chapter.
    """
    namespace, makers = vars(load_definitions(name)), {}
    for cell in re.split(r"(?m)^# %%", find(name).read_text(encoding="utf-8")):
        head, _, source = cell.partition("\n")
        tags = re.findall(r'"([\w-]+)"', head.partition("tags=")[2])
        if not {"explorer", "explorer-needs"} & set(tags):
            continue
        body = ast.parse(source).body
        last = body.pop() if "explorer" in tags else None
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(ast.Module(body, []), f"<a cell of {name}>", "exec"), namespace)
        if last:
            code = compile(ast.Expression(last.value), f"<a cell of {name}>", "eval")
            title = ast.unparse(last.value.func).removeprefix("explorers.")
            makers[title] = lambda code=code: eval(code, namespace)
    return makers


def _constants(node):
    """The names that an assignment to UPPER_CASE names alone binds; empty for any other statement."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return set()
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    parts = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.expr)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    plain = all(isinstance(part, ast.Name | ast.Tuple | ast.List | ast.Starred) for part in parts)
    return names if plain and all(map(str.isupper, names)) else set()


def _execute(node, module, may_fail):
    """Execute one top-level statement; one that `may_fail` is left out where it needs a computed value."""
    code = compile(ast.Module([node], []), module.__file__, "exec", dont_inherit=True)
    try:
        exec(code, vars(module))
    except NameError as error:
        if not may_fail:
            raise NameError(
                f"{Path(module.__file__).name}, line {node.lineno}: {error}. A definition may use imports, "
                "other definitions and UPPER_CASE constants, not what the chapter computes."
            ) from error
