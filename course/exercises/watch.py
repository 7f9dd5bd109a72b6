"""Notice what a statement forbids: calls while a learner's function runs, and loops in its source."""

import ast
import contextlib
import fnmatch
import inspect
import sys
import textwrap

LOOPS = "loops"
HIDDEN_LOOPS = {"map", "filter", "reduce", "vectorize", "frompyfunc", "apply_along_axis"}
# the ways to a derivative that PyTorch finds by itself
AUTOGRAD = (
    "torch.autograd*.grad",
    "torch.autograd*.backward",
    "*.backward",
    "torch.func.*",
    "torch._functorch*",
)


@contextlib.contextmanager
def calls(patterns):
    """Note the calls of forbidden functions in a block, in Python and in C, at any depth.

    Args:
        patterns: of `fnmatch`, each for a function's name, `conv?d`, or, with a dot, for its module and name,
            `torch.distributions.*`; "autograd" stands for AUTOGRAD, and LOOPS is not for calls.
    Yields:
        list, in which the first such function stands once it is called.
    """
    called = []
    patterns = [p for p in patterns if p != LOOPS]
    if not patterns:
        yield called
        return
    patterns = [name for p in patterns for name in (AUTOGRAD if p == "autograd" else (p,))]
    known = {}

    def note(frame, event, called_in_c):
        if event == "call":
            name, module = frame.f_code.co_name, frame.f_globals.get("__name__") or ""
        elif event == "c_call":
            name, module = called_in_c.__name__, getattr(called_in_c, "__module__", None) or ""
        else:
            return
        if (name, module) not in known:
            whole = f"{module}.{name}"
            known[name, module] = any(fnmatch.fnmatchcase(whole if "." in p else name, p) for p in patterns)
            if known[name, module] and not called:
                called.append(whole.removeprefix("torch._C._nn.").lstrip("."))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(before)


def has_loop(function):
    """True where a function's source, or that of another function of its file that it names, has a loop.

    One that is hidden in `map` or in a call of itself is one; a `for` over items that are written out, as in
    `for tensor in (q, k)`, is none. False where there is no source.
    """
    return any(_is_loop(node, tree) for tree in _trees(function, set()) for node in ast.walk(tree))


def _trees(function, seen):
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None or code in seen:
        return
    seen.add(code)
    with contextlib.suppress(OSError, TypeError, SyntaxError):
        yield ast.parse(textwrap.dedent(inspect.getsource(code)))
    for name in code.co_names:
        other = function.__globals__.get(name)
        if inspect.isfunction(other) and other.__module__ == function.__module__:
            yield from _trees(other, seen)


def _is_loop(node, tree):
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        around = {
            inner.name
            for inner in ast.walk(tree)
            if isinstance(inner, ast.FunctionDef) and _holds(inner, node)
        }
        return name in HIDDEN_LOOPS | around
    if isinstance(node, ast.For | ast.comprehension):
        return not isinstance(node.iter, ast.Tuple | ast.List)
    return isinstance(node, ast.While)


def _holds(definition, node):
    return any(inner is node for inner in ast.walk(definition))
