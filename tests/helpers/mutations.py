"""Seeded mutations of a function's source: small changes that a good set of cases must notice."""

import ast
import inspect
import random
import textwrap

# Of a mutant's loops in one call: one that never ends is stopped, however fast the machine.
LOOP_STEPS = 10_000

SWAPPED_OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


class EndlessLoop(Exception):
    """A mutant's loops took more than LOOP_STEPS steps in one call."""


def mutants(functions, count, runs, seed=0):
    """Mutants of the functions: drawn from those of the first one, then from those of the next.

    Args:
        functions: functions that are written with `def`, at the top of a module.
        count: how many at most.
        runs: function that is given a mutant; where it returns False the mutant is left out.
        seed: of the draw.
    Returns:
        list of (description, function): each differs from its original by one edit of the syntax tree.
    """
    found, rng = [], random.Random(seed)
    for function in functions:
        sites = [
            (node_index, edit_index)
            for node_index, node in enumerate(ast.walk(_parse(function)))
            for edit_index in range(len(_edits(node, _names(function))))
        ]
        for site in rng.sample(sites, len(sites)):
            if len(found) == count:
                return found
            label, mutant = _mutant(function, *site)
            if runs(mutant):
                found.append((label, mutant))
    return found


def _parse(function):
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    if ast.get_docstring(tree.body[0]):
        del tree.body[0].body[0]
    return tree


def _names(function):
    return list(function.__code__.co_varnames)


def _edits(node, names):
    """What can be changed in place at one node: list of (label, function without arguments)."""
    edits = []

    def setting(label, name, value):
        edits.append((label, lambda: setattr(node, name, value)))

    if isinstance(node, ast.BinOp):
        if type(node.op) in SWAPPED_OPERATORS:
            setting("other operator", "op", SWAPPED_OPERATORS[type(node.op)]())
        setting("left operand twice", "right", node.left)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED_OPERATORS:
        setting("other comparison", "ops", [SWAPPED_OPERATORS[type(node.ops[0])]()])
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        setting("constant + 1", "value", node.value + 1)
        setting("constant - 1", "value", node.value - 1)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        setting("another variable", "id", names[(names.index(node.id) + 1) % len(names)])
    if isinstance(node, ast.Call | ast.Tuple):
        field = "args" if isinstance(node, ast.Call) else "elts"
        items = getattr(node, field)
        for i in range(len(items) - 1):
            setting(
                f"items {i} and {i + 1} swapped", field, [*items[:i], items[i + 1], items[i], *items[i + 2 :]]
            )
    if isinstance(node, ast.Call) and node.keywords:
        setting("keyword left out", "keywords", node.keywords[1:])
    if isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part):
                setting(f"slice without {part}", part, None)
    if isinstance(node, ast.FunctionDef | ast.For | ast.While | ast.If):
        for i in range(len(node.body)):
            setting(f"statement {i} left out", "body", [*node.body[:i], ast.Pass(), *node.body[i + 1 :]])
    return edits


def _mutant(function, node_index, edit_index):
    tree = _parse(function)
    node = list(ast.walk(tree))[node_index]
    label, edit = _edits(node, _names(function))[edit_index]
    place = ast.unparse(node).splitlines()[0]
    edit()
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
    changed = namespace[function.__name__]

    def mutant(*arguments):
        nonlocal steps
        steps = 0
        return changed(*arguments)

    return f"{function.__name__}: {label} at `{place}`", mutant
