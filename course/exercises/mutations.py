"""Small slips in a function's source, one at a time: an operator, an axis, a step left out.

The search for what a learner did tries those of the worked solution, and tests hold that a check notices
those of right answers.
"""

import ast
import copy
import inspect
import textwrap
from dataclasses import dataclass

# Of a mutant's loops in one call: one that never ends is stopped, however fast the machine.
LOOP_STEPS = 10_000

PAIRS = {ast.Add: ast.Sub, ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Eq: ast.NotEq, ast.And: ast.Or}
SWAPPED = PAIRS | {second: first for first, second in PAIRS.items()}
SWAPPED |= {ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Pow: ast.Mult}
EDGES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}  # whether the edge belongs
ALIKE = "sum mean, max min, amax amin, exp expm1, log log2, zeros ones, new_zeros new_ones, softmax sigmoid, "
ALIKE += "zeros_like ones_like, tanh sigmoid, cumsum cumprod, square abs, square sqrt, logsigmoid sigmoid"
PAIRED = [pair.split() for pair in ALIKE.split(", ")]
SHORT = 12  # characters: of a shorter place the expression around it is shown


class EndlessLoop(Exception):
    """A mutant's loops took more than LOOP_STEPS steps in one call."""


@dataclass(frozen=True)
class Mutation:
    """One slip.

    Attributes:
        function: the function with it.
        before, after: what is written at the place, and what stands there now, one line each.
    """

    function: object
    before: str
    after: str


def mutations(function, order=lambda edits: edits, *, cut=False):
    """Yield a function's Mutations.

    Args:
        function: one that is written with `def`, at the top of a module.
        order: function that is given the list of all edits and returns those to make.
        cut: True: the gradient is cut at one place, nothing else.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    if ast.get_docstring(tree.body[0]):
        del tree.body[0].body[0]
    names = list(function.__code__.co_varnames)
    for loop in [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]:
        loop.body.append(ast.parse("_tick()").body[0])
    places = list(_places(tree.body[0].body))
    edits = [
        (*place, new) for place in places for new in (_cuts(place[0]) if cut else _changes(place[0], names))
    ]
    for node, owner, parent, field, index, new in order(edits):
        around = isinstance(owner, ast.expr | ast.keyword) and len(ast.unparse(node)) < SHORT
        before = ast.unparse(owner if around else node).splitlines()[0]
        _put(parent, field, index, new)
        after = ast.unparse(owner if around else new).splitlines()[0]
        try:
            yield Mutation(made(tree, function), before, after)
        except (SyntaxError, ValueError):
            pass  # such as a `return` in the middle of an assignment
        finally:
            _put(parent, field, index, node)


def _places(body):
    """All nodes of a function's body: (node, its owner, and object, field, index to put another)."""
    whole = ast.Module(body, [])
    for owner in ast.walk(whole):
        for field, value in ast.iter_fields(owner):
            if isinstance(value, ast.AST):
                yield value, owner, owner, field, None
            elif isinstance(value, list):
                yield from ((v, owner, value, None, i) for i, v in enumerate(value) if isinstance(v, ast.AST))


def _put(parent, field, index, node):
    if index is None:
        setattr(parent, field, node)
    else:
        parent[index] = node  # a list of nodes


def _cuts(node):
    name = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    if (name or isinstance(node, ast.BinOp | ast.Call | ast.Subscript)) and ast.unparse(node) != "_tick()":
        yield ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])


def _changes(node, names):
    """Yield what may stand in a node's place.

    Args:
        names: of the function's variables, a list of str.
    """
    if isinstance(node, ast.BinOp):
        if type(node.op) in SWAPPED:
            yield _with(node, op=SWAPPED[type(node.op)]())
        if isinstance(node.op, ast.Div):
            yield _with(node, op=ast.FloorDiv())
        yield node.left
        yield node.right
        if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult):
            yield _with(node, left=node.right, right=node.left)
        yield _with(node, right=node.left)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Compare):
        if type(node.ops[0]) in SWAPPED:
            yield _with(node, ops=[SWAPPED[type(node.ops[0])]()])
        if type(node.ops[0]) in EDGES:
            yield _with(node, ops=[EDGES[type(node.ops[0])]()])
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=SWAPPED[type(node.op)]())
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in {node.value + 1, node.value - 1, -node.value, 2 * node.value} - {node.value}:
            yield ast.Constant(value)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        for name in names:
            if name != node.id:
                yield ast.Name(name, ast.Load())
    elif isinstance(node, ast.Attribute):
        for first, second in PAIRED:
            if node.attr in (first, second):
                yield _with(node, attr=second if node.attr == first else first)
    elif isinstance(node, ast.Call):
        yield from _changed_calls(node)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        yield from _swapped(node, "elts")
    elif isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part):
                yield _with(node, **{part: None})
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Expr) and ast.unparse(node) == "_tick()":
        pass
    elif isinstance(
        node, ast.Assign | ast.AugAssign | ast.Expr | ast.If | ast.For | ast.Continue | ast.Break
    ):
        yield ast.Pass()
        if isinstance(node, ast.AugAssign):
            yield ast.Assign([node.target], node.value, lineno=1)


def _changed_calls(node):
    if isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id in ("torch", "F", "math", "nn")
    ):
        yield node.func.value  # x.sqrt() → x
    if len(node.args) == 1 or (node.args and isinstance(node.func, ast.Attribute)):
        yield node.args[0]  # torch.exp(x) → x
    yield from _swapped(node, "args")
    for i in range(len(node.keywords)):
        yield _with(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])
    if len(node.args) > 1:
        yield _with(node, args=node.args[:-1])


def _swapped(node, field):
    items = getattr(node, field)
    for i in range(len(items) - 1):
        yield _with(node, **{field: [*items[:i], items[i + 1], items[i], *items[i + 2 :]]})


def _with(node, **changed):
    """A copy of a node with other fields."""
    new = copy.copy(node)
    vars(new).update(changed)
    return new


def made(tree, function):
    """The function that the tree of an altered `function` defines; its loops call `_tick`."""
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
