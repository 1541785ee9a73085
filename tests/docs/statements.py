"""Runs a block of Python, statement by statement, and holds what comes of it against what its comments say.

    expression      # -> its repr
    statement       # raises Error: message            (the comment may stand anywhere in the statement)
    print(...)
    # what it prints, on the lines that follow

`...` in what is said stands for anything; line breaks and spaces count alike; a comment goes on in the comment lines
right under it. A block of `>>>` lines is run as a doctest. A statement may `await`.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import inspect
import io
import re
import tokenize
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from asgiref.sync import async_to_sync

from tests.docs.pages import Block

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_RAISES = re.compile(r"raises (\w+)(?:: (.*))?$", re.DOTALL)
_OURS = re.compile(r"\bstepper_motor\.journeys\.errors\.")
_checker = doctest.OutputChecker()
Wait = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine to its end."""


class Wrong(AssertionError):
    """The page says something else than what happens."""


@dataclass(frozen=True, slots=True)
class Comment:
    line: int
    text: str
    stands_alone: bool


def wait_in_django(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """On an event loop of its own, with the ORM's calls in this thread."""
    return async_to_sync(_awaited)(coroutine)


async def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await coroutine


def run(block: Block, namespace: dict[str, Any], wait: Wait = wait_in_django) -> None:
    """Run the block.

    Args:
        wait: for statements that await something.

    Raises:
        Wrong: something else came of a statement than the page says.
        Exception: what a statement raised, with the page's line in its traceback.
    """
    if re.search(r"^>>> ", block.code, re.MULTILINE):
        return _run_session(block, namespace)
    comments = {comment.line: comment for comment in _comments(block.code)}
    for statement in ast.parse(block.code).body:
        _run_statement(block, statement, _about(statement, block, comments), namespace, wait)
    return None


def _comments(code: str) -> Iterator[Comment]:
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("#").strip()
            yield Comment(token.start[0], text, not token.line[: token.start[1]].strip())


def _about(statement: ast.stmt, block: Block, comments: dict[int, Comment]) -> list[Comment]:
    """The comments in a statement, and those that stand alone under it: at once, or after one empty line."""
    last = statement.end_lineno or statement.lineno
    inside = [comments[line] for line in range(_begins(statement), last + 1) if line in comments]
    is_empty = block.code.splitlines()[last : last + 1] == [""]
    under = takewhile(lambda each: each and each.stands_alone, map(comments.get, count(last + (2 if is_empty else 1))))
    return [*inside, *(each for each in under if each)]


def _begins(statement: ast.stmt) -> int:
    return min(node.lineno for node in (statement, *getattr(statement, "decorator_list", [])))


def _run_statement(
    block: Block, statement: ast.stmt, about: list[Comment], namespace: dict[str, Any], wait: Wait
) -> None:
    where = f"{block.page.name}:{block.line + _begins(statement) - 1}"
    raised = _said(about, "raises ")
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            value = _execute(block, statement, namespace, wait)
    except Exception as error:
        if raised is None:
            raise
        return _check_raised(raised, error, where)
    if raised is not None:
        raise Wrong(f"{where}: nothing was raised, but the page says: {raised}")
    result = _said(about, "-> ")
    if result is not None:
        check(result.removeprefix("-> "), repr(value), where)
    if output.getvalue():
        check(" ".join(each.text for each in about if each.stands_alone), output.getvalue(), where)
    return None


def _execute(block: Block, statement: ast.stmt, namespace: dict[str, Any], wait: Wait) -> Any:
    """Run one statement; gives the value of an expression."""
    is_expression = isinstance(statement, ast.Expr)
    tree: Any = ast.Expression(statement.value) if is_expression else ast.Module([statement], [])  # type: ignore[attr-defined]
    ast.increment_lineno(tree, block.line - 1)
    mode = "eval" if is_expression else "exec"
    code = compile(tree, str(block.page), mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if code.co_flags & inspect.CO_COROUTINE:
        return wait(eval(code, namespace))
    return eval(code, namespace)


def _said(about: list[Comment], begins: str) -> str | None:
    """The comment that begins so, with the lines under it that go on."""
    for place, comment in enumerate(about):
        if comment.text.startswith(begins):
            rest = [each.text for each in about[place + 1 :] if each.stands_alone]
            return " ".join([comment.text, *rest])
    return None


def _check_raised(said: str, error: Exception, where: str) -> None:
    wanted = _RAISES.match(said)
    if wanted is None:
        raise Wrong(f"{where}: can't read {said!r}: write `raises Error: message`") from error
    if wanted[1] not in {each.__name__ for each in type(error).__mro__}:
        raise Wrong(f"{where}: the page says {wanted[1]}, but it is {error!r}") from error
    if wanted[2] is not None:
        check(wanted[2], str(error), where)


def check(wanted: str, got: str, where: str) -> None:
    """Raises Wrong unless `got` is what the page says: `...` stands for anything, white space counts alike."""
    if not _checker.check_output(wanted + "\n", got.strip() + "\n", _FLAGS):
        raise Wrong(f"{where}: the page says\n  {wanted}\nbut it is\n  {got.strip()}")


class _SessionChecker(doctest.OutputChecker):
    """Lets a page leave out the module of the library's errors."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return super().check_output(want, _OURS.sub("", got), optionflags)


def _run_session(block: Block, namespace: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(block.code, namespace, str(block), str(block.page), block.line - 1)
    test.globs = namespace  # not a copy: the rest of the page goes on with it
    runner = doctest.DocTestRunner(checker=_SessionChecker(), optionflags=_FLAGS, verbose=False)
    told = io.StringIO()
    if runner.run(test, out=told.write, clear_globs=False).failed:
        raise Wrong(told.getvalue())
