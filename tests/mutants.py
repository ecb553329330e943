"""Small faults in a solution, one at a time: what an exercise's check must notice."""

import ast
import copy

DROPPED = set(
    "abs clamp clip copy cumsum detach exp flip float len log log_softmax lower normalize relu round set softmax"
    " sorted sqrt square sum unique".split()
)
PAIRS = (
    "mean sum, max min, argmax argmin, amax amin, any all, zeros ones, zeros_like ones_like, startswith endswith,"
    " exp log"
)
SWAPPED = {one: other for pair in PAIRS.split(",") for one, other in (pair.split(), pair.split()[::-1])}
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
             ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.FloorDiv: ast.Div}  # fmt: skip
ORDERS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
          ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip


def mutants(source):
    """{what was changed: the changed source} of every function in a cell; each holds one fault."""
    tree, found = ast.parse(source), {}
    for number, node in enumerate(ast.walk(tree)):
        for what, change in changes(node):
            other = copy.deepcopy(tree)
            target = list(ast.walk(other))[number]
            change(target)
            text = ast.unparse(ast.fix_missing_locations(other))
            if text != ast.unparse(tree):
                found[f"line {getattr(node, 'lineno', '?')}: {what}"] = text
    return found


def changes(node):
    """Pairs of words and a function that changes the node in place."""
    if isinstance(node, ast.BinOp) and OPERATORS.get(type(node.op)):
        other = OPERATORS[type(node.op)]
        yield f"{type(node.op).__name__} to {other.__name__}", lambda one: setattr(one, "op", other())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in ORDERS:
        other = ORDERS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} to {other.__name__}", lambda one: one.ops.__setitem__(0, other())
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{node.value} to {node.value + 1}", lambda one: setattr(one, "value", one.value + 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield f"without {type(node.op).__name__}", lambda one: _become(one, one.operand)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = node.func.attr
        if name in DROPPED and not _is_module(node.func.value):
            yield f"without .{name}()", lambda one: _become(one, one.func.value)
        if name in DROPPED and _is_module(node.func.value) and node.args:
            yield f"without {name}()", lambda one: _become(one, one.args[0])
        if name in SWAPPED:
            yield f"{name} to {SWAPPED[name]}", lambda one: setattr(one.func, "attr", SWAPPED[one.func.attr])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
        if node.func.id in DROPPED:
            yield f"without {node.func.id}()", lambda one: _become(one, one.args[0])
        if node.func.id in SWAPPED:
            other_name = SWAPPED[node.func.id]
            yield f"{node.func.id} to {other_name}", lambda one: setattr(one.func, "id", other_name)
    if isinstance(node, ast.FunctionDef):
        for number, statement in enumerate(node.body[1:-1], 1):  # neither the docstring nor the answer
            yield f"without {ast.unparse(statement).splitlines()[0]!r}", lambda one, at=number: one.body.pop(at)
    if isinstance(node, ast.IfExp):
        yield "if to else", lambda one: _become(one, one.orelse)
        yield "always if", lambda one: _become(one, one.body)
    if isinstance(node, ast.Return) and node.value is not None:
        yield "sign of the answer", lambda one: setattr(one, "value", ast.UnaryOp(ast.USub(), one.value))


def _become(node, other):
    """Turn a node into another, in place."""
    node.__class__, node.__dict__ = other.__class__, dict(other.__dict__)


def _is_module(node):
    return isinstance(node, ast.Name) and node.id in ("np", "torch", "pd", "F", "math")
