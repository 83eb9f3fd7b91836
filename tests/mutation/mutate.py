"""Makes mutants: small changes of a file's text, each of which changes what the code does."""

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARED = {
    ast.Lt: ("<", "<=", ">="),
    ast.LtE: ("<=", "<", ">"),
    ast.Gt: (">", ">=", "<="),
    ast.GtE: (">=", ">", "<"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_COMPUTED = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
_PAIRS = (
    ("min", "max"), ("any", "all"), ("argmin", "argmax"), ("minimum", "maximum"), ("floor", "ceil"),
    ("amin", "amax"), ("nanmin", "nanmax"), ("mean", "sum"), ("height", "width"), ("down", "across"),
)  # fmt: skip
_OTHER = {name: other for pair in _PAIRS for name, other in (pair, pair[::-1])}
_CHECKS_ONLY = {"strict", "encoding", "dtype", "allow_pickle"}  # keywords that do not change results
_SYMMETRIC = {"min", "max", "minimum", "maximum", "hypot", "isinstance", "array_equal", "logical_and", "logical_or"}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`source[start:end]`, in bytes, of a file becomes `new`. `key` stays the same when other code changes."""

    file: str
    function: str
    operator: str
    start: int
    end: int
    new: bytes
    key: str

    def applied(self, source: bytes) -> bytes:
        """Return the file's text with this change."""
        return source[: self.start] + self.new + source[self.end :]


def mutants_of(root: Path, file: str) -> list[Mutant]:
    """Return all mutants of a Python file, in order. Annotations, messages, assertions and imports are not changed."""
    source = (root / file).read_bytes()
    mutants: list[Mutant] = []
    times: dict[str, int] = {}
    for function, operator, start, end, new in _changes(source):
        name = f"{file}|{function}|{operator}|{source[start:end].decode()}|{new.decode()}"
        times[name] = times.get(name, 0) + 1
        key = hashlib.sha256(f"{name}|{times[name]}".encode()).hexdigest()
        mutants.append(Mutant(file=file, function=function, operator=operator, start=start, end=end, new=new, key=key))
    return mutants


def is_change(source: bytes, mutant: Mutant) -> bool:
    """Return whether a mutant is valid Python and differs from the source."""
    try:
        return ast.dump(ast.parse(mutant.applied(source))) != ast.dump(ast.parse(source))
    except SyntaxError:  # the text around the change does not fit it
        return False


_Change = tuple[str, str, int, int, bytes]


def _changes(source: bytes) -> Iterator[_Change]:
    text = _Text(source)
    for function, parent, node in _nodes(ast.parse(source), "", None):
        for operator, start, end, new in _of_node(text, parent, node):
            yield function, operator, start, end, new


class _Text:
    """Finds the positions of nodes in the source, in bytes, as `ast` counts columns."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.lines = [0]
        for line in source.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.lines[node.lineno - 1] + node.col_offset, self.lines[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: ast.expr | ast.stmt | ast.keyword) -> bytes:
        start, end = self.span(node)
        return self.source[start:end]

    def between(self, left: ast.expr, right: ast.expr, word: str) -> tuple[int, int] | None:
        """Return where the operator `word` is between two operands."""
        start, end = self.span(left)[1], self.span(right)[0]
        edge, pattern = (r"\b", word.replace(" ", r"\s+")) if word[0].isalpha() else ("", re.escape(word))
        match = re.search(f"{edge}{pattern}{edge}".encode(), self.source[start:end])
        return None if match is None else (start + match.start(), start + match.end())


_KEPT = (ast.Assert, ast.Raise, ast.Import, ast.ImportFrom, ast.JoinedStr, ast.Global, ast.Nonlocal)


def _nodes(node: ast.AST, function: str, parent: ast.AST | None) -> Iterator[tuple[str, ast.AST | None, ast.AST]]:
    """Yield nodes that may change, with the function they are in and their parent."""
    if isinstance(node, _KEPT):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        function = f"{function}.{node.name}".lstrip(".")
    yield function, parent, node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_comment"):
            continue
        if name == "keywords" and isinstance(node, ast.ClassDef):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _nodes(child, function, node)


def _of_node(text: _Text, parent: ast.AST | None, node: ast.AST) -> Iterator[tuple[str, int, int, bytes]]:
    match node:
        case ast.Compare():
            for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
                word, *others = _COMPARED[type(op)]
                if at := text.between(left, right, word):
                    yield from (("comparison", *at, other.encode()) for other in others)
        case ast.BinOp() if type(node.op) in _COMPUTED and not any(map(_is_text, (node.left, node.right))):
            word, other = _COMPUTED[type(node.op)]
            if at := text.between(node.left, node.right, word):
                yield "arithmetic", *at, other.encode()
        case ast.AugAssign() if type(node.op) in _COMPUTED:
            word, other = _COMPUTED[type(node.op)]
            if at := text.between(node.target, node.value, f"{word}="):
                yield "arithmetic", *at, f"{other}=".encode()
        case ast.BoolOp():
            word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                if at := text.between(left, right, word):
                    yield "and/or", *at, other.encode()
        case ast.UnaryOp(op=ast.Not()):
            start, _ = text.span(node)
            yield "not", start, start + 3, b""
        case ast.UnaryOp(op=ast.USub()):
            start, _ = text.span(node)
            yield "sign", start, start + 1, b""
        case ast.Constant() if not (isinstance(parent, ast.keyword) and parent.arg in _CHECKS_ONLY):
            yield from _other_constant(text, parent, node)
        case ast.Name() | ast.Attribute():
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in _OTHER and isinstance(node.ctx, ast.Load):
                end = text.span(node)[1]
                yield "name", end - len(name.encode()), end, _OTHER[name].encode()
        case ast.Call():
            yield from _other_call(text, node)
        case ast.Expr(value=ast.Call()):
            yield "call removed", *text.span(node), b"pass"
        case ast.If() | ast.IfExp() | ast.While():
            start, end = text.span(node.test)
            yield "condition", start, end, b"not (" + text.of(node.test) + b")"
        case ast.FunctionDef():
            yield from _other_return(text, node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _other_constant(text: _Text, parent: ast.AST | None, node: ast.Constant) -> Iterator[tuple[str, int, int, bytes]]:
    value = node.value
    if isinstance(value, bool):
        yield "constant", *text.span(node), str(not value).encode()
    elif isinstance(value, int):
        tuned = isinstance(parent, ast.Assign) and value > 1  # a named number: adding 1 may change too little
        yield "constant", *text.span(node), str(value * 10 if tuned else value + 1).encode()
    elif isinstance(value, float):
        yield "constant", *text.span(node), str(value * 10 if value else 1.0).encode()


def _other_call(text: _Text, node: ast.Call) -> Iterator[tuple[str, int, int, bytes]]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for argument, other in zip(node.args, node.args[1:], strict=False):
        if type(argument) is type(other) and not isinstance(argument, ast.Starred) and called not in _SYMMETRIC:
            (start, middle), (second, end) = text.span(argument), text.span(other)
            new = text.of(other) + text.source[middle:second] + text.of(argument)
            yield "arguments swapped", start, end, new
    if called[:1].isupper():  # a class: its fields are required
        return
    arguments = sorted([*node.args, *node.keywords], key=text.span)
    for at, argument in enumerate(arguments):
        if not isinstance(argument, ast.keyword) or argument.arg is None or argument.arg in _CHECKS_ONLY:
            continue
        start, end = text.span(argument)
        if at + 1 < len(arguments):
            end = text.span(arguments[at + 1])[0]
        elif at:
            before = text.span(arguments[at - 1])[1]
            start = before + text.source[before:start].rindex(b",")
        yield "keyword removed", start, end, b""


def _other_return(text: _Text, node: ast.FunctionDef) -> Iterator[tuple[str, int, int, bytes]]:
    """Yield mutants of `return`: an argument of the same type, or the opposite of a bool."""
    if node.returns is None:
        return
    kind = ast.unparse(node.returns)
    same = [
        argument.arg
        for argument in node.args.args
        if argument.annotation is not None and ast.unparse(argument.annotation) == kind
    ]
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Return) or inner.value is None:
            continue
        if kind == "bool":
            yield "returned", *text.span(inner.value), b"not (" + text.of(inner.value) + b")"
        elif same and text.of(inner.value) != same[0].encode():
            yield "returned", *text.span(inner.value), same[0].encode()
