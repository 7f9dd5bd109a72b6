"""Seeded mutations of a function's source: small changes that a good set of cases must notice."""

import ast
import copy
import inspect
import random
import textwrap

# Of a mutant's loops in one call: one that never ends is stopped, however fast the machine.
LOOP_STEPS = 10_000

PAIRS = {ast.Add: ast.Sub, ast.Lt: ast.LtE, ast.Gt: ast.GtE, ast.Eq: ast.NotEq}
SWAPPED = PAIRS | {second: first for first, second in PAIRS.items()}
SWAPPED |= {ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Pow: ast.Mult}


class EndlessLoop(Exception):
    """A mutant's loops took more than LOOP_STEPS steps in one call."""


def mutants(functions, count, runs):
    """Mutants of the functions: drawn from those of the first one, then from those of the next.

    Args:
        functions: functions that are written with `def`, at the top of a module.
        count: how many at most.
        runs: function that is given a mutant; where it returns False the mutant is left out.
    Returns:
        list of functions: each differs from its original by one edit of the syntax tree, and its repr tells.
    """
    found, rng = [], random.Random(0)
    for function in functions:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        if ast.get_docstring(tree.body[0]):
            del tree.body[0].body[0]
        names = list(function.__code__.co_varnames)
        edits = [(node, *edit) for node in ast.walk(tree) for edit in edits_of(node, names)]
        for node, label, field, value in rng.sample(edits, len(edits)):
            if len(found) == count:
                return found
            place, original = ast.unparse(node).splitlines()[0], getattr(node, field)
            setattr(node, field, value)
            mutant = made(copy.deepcopy(tree), function)
            setattr(node, field, original)
            mutant.__qualname__ = f"{function.__name__}: {label} at `{place}`"
            if runs(mutant):
                found.append(mutant)
    return found


def edits_of(node, names):
    """Yield what can be changed at one node, each as (label, field of the node, its new value).

    Args:
        names: of the function's variables, a list of str.
    """
    if isinstance(node, ast.BinOp):
        if type(node.op) in SWAPPED:
            yield "other operator", "op", SWAPPED[type(node.op)]()
        yield "left operand twice", "right", node.left
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        yield "other comparison", "ops", [SWAPPED[type(node.ops[0])]()]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "constant + 1", "value", node.value + 1
        yield "constant - 1", "value", node.value - 1
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        yield "another variable", "id", names[(names.index(node.id) + 1) % len(names)]
    if isinstance(node, ast.Call | ast.Tuple):
        field = "args" if isinstance(node, ast.Call) else "elts"
        items = getattr(node, field)
        for i in range(len(items) - 1):
            yield (
                f"items {i} and {i + 1} swapped",
                field,
                [*items[:i], items[i + 1], items[i], *items[i + 2 :]],
            )
    if isinstance(node, ast.Call) and node.keywords:
        yield "keyword left out", "keywords", node.keywords[1:]
    if isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part):
                yield f"slice without {part}", part, None
    if isinstance(node, ast.FunctionDef | ast.For | ast.While | ast.If):
        for i in range(len(node.body)):
            yield f"statement {i} left out", "body", [*node.body[:i], ast.Pass(), *node.body[i + 1 :]]


def made(tree, function):
    """The function that the tree of an altered `function` defines, with its loops counted."""
    for loop in ast.walk(tree):
        if isinstance(loop, ast.For | ast.While):
            loop.body.insert(0, ast.parse("_tick()").body[0])
    steps = 0

    def tick():
        nonlocal steps
        steps += 1
        if steps > LOOP_STEPS:
            raise EndlessLoop(f"more than {LOOP_STEPS} steps")

    namespace = {**function.__globals__, "_tick": tick}
    exec(compile(ast.fix_missing_locations(tree), "<mutant>", "exec"), namespace)

    def mutant(*arguments):
        nonlocal steps
        steps = 0
        return namespace[function.__name__](*arguments)

    return mutant
