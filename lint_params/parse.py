"""Text to syntax tree: ``ast`` first; where it fails, LibCST says whether the code is wrong.

What LibCST parses and ``ast`` does not is newer syntax. That, and what is too deep for ``ast``,
becomes opaque: the top-level statement is replaced, on as many lines, by an assignment of an
unknown value to every name that it may bind. The rest of the file is linted and nothing is
concluded from what was not read.
"""

from __future__ import annotations

import ast
import io
import keyword
import threading
import tokenize
import warnings
from dataclasses import dataclass, field

from lint_params.source import Unreadable, lines_of

#: A call to something that nobody defines: its value is unknown to every rule.
OPAQUE = "__lint_params_opaque__()"
#: LibCST overflows the stack on deep nesting instead of raising: beyond this it is not asked.
MAX_DEPTH = 1000
_STACK = 256 * 1024 * 1024
_CONTINUES = frozenset({"elif", "else", "except", "finally"})
_BINDS = frozenset({"def", "class", "import", "as", "for", "type"})
_DEEPENS = frozenset("+ - * / % @ ** // | & ^ ~ << >> not and or if lambda . [ (".split())


def parse(text: str) -> ast.Module:
    """The tree of a file; Unreadable, with the place, where it is no Python."""
    try:
        return _ast(text)
    except SyntaxError as error:
        problem = Unreadable(
            f"cannot parse: {error.msg}", error.lineno or 1, max(error.offset or 1, 1)
        )
        if "too many" in str(error.msg):  # a limit of Python's own: nobody can run this file
            raise problem from None
    except (RecursionError, MemoryError):
        problem = Unreadable("cannot parse: nested too deeply")
    except ValueError as error:
        raise Unreadable(f"cannot parse: {error}") from None
    mended = _mended(text)
    if mended is None:
        raise problem
    return mended


def _ast(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes are another tool's business
        return ast.parse(text)


@dataclass
class _Statement:
    """A top-level statement: its last line, what it may bind, how deep it may nest."""

    last: int = 0
    names: set[str] = field(default_factory=set)
    depth: int = 0


def _mended(text: str) -> ast.Module | None:
    """The tree with opaque statements in place of those that ``ast`` cannot read."""
    try:
        statements = _statements(text)
    except (tokenize.TokenError, SyntaxError):
        return None
    lines = lines_of(text)
    out: list[str] = []
    first = 0
    for statement in statements:
        piece = "".join(lines[first : statement.last])
        if _is_python(piece, statement):
            out.append(piece)
        elif statement.depth <= MAX_DEPTH and not _libcst_parses(piece):
            return None
        else:
            count = statement.last - first
            bound = " = ".join(sorted(statement.names) or ["_"])
            out.append(f"{bound} = {OPAQUE}\n" + "\n" * (count - 1))
        first = statement.last
    out += lines[first:]
    try:
        return _ast("".join(out))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_python(piece: str, statement: _Statement) -> bool:
    """True where ``ast`` reads the piece; too deep for it counts as depth, not as a mistake."""
    try:
        _ast(piece)
    except (RecursionError, MemoryError):
        statement.depth = MAX_DEPTH + 1
        return False
    except SyntaxError:
        return False
    return True


def _libcst_parses(piece: str) -> bool:
    """LibCST's verdict, from a thread with a stack that its recursive parser cannot exhaust."""
    import libcst

    verdict: list[bool] = []

    def ask() -> None:
        try:
            libcst.parse_module(piece)
            verdict.append(True)
        except (libcst.ParserSyntaxError, RecursionError, MemoryError):
            verdict.append(False)

    before = threading.stack_size(_STACK)
    try:
        thread = threading.Thread(target=ask)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return verdict == [True]


def _statements(text: str) -> list[_Statement]:
    """The extents of the top-level statements, by tokens: no tree is needed for that.

    Names are over-estimated on purpose: whatever looks bound anywhere inside is unknown.
    """
    found: list[_Statement] = []
    current = _Statement()
    indent = brackets = run = 0
    at_start, decorated = True, False
    last_name = previous = ""
    readline = io.StringIO(text, newline="").readline
    for kind, word, start, end, _ in tokenize.generate_tokens(readline):
        if kind == tokenize.INDENT:
            indent += 1
        elif kind == tokenize.DEDENT:
            indent -= 1
        elif kind == tokenize.NEWLINE:
            current.last = end[0] if end[1] else start[0]
            at_start, run = True, 0
        elif kind not in (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER):
            if at_start and indent == 0 and not brackets:
                if current.last and word not in _CONTINUES and not decorated:
                    found.append(current)
                    current = _Statement()
                decorated = word == "@"
            at_start = False
            brackets += (word in "([{") - (word in ")]}") if kind == tokenize.OP else 0
            run += word in _DEEPENS
            current.depth = max(current.depth, run, brackets)
            if kind == tokenize.NAME and previous in _BINDS and not keyword.iskeyword(word):
                current.names.add(word)
            elif word in ("=", ":=", ":") and last_name and previous == last_name:
                current.names.add(last_name)
            last_name = word if kind == tokenize.NAME and not keyword.iskeyword(word) else ""
            previous = word
    if current.last:
        found.append(current)
    return found
