"""One idea a file, none over 500 lines; no function over 100."""

import ast
import re

from sources import ROOT, files, lines

FILE_LIMIT = 500
FUNCTION_LIMIT = 100


def c_functions(path):
    """A name and a parenthesis begin in the first column; a body opens and ends with a brace alone there."""
    opening = re.compile(r"^(?:[A-Za-z_][\w ]*[ *]+)?(\w+)\(")
    name, start, inside = None, 0, False
    for number, line in enumerate(lines(path), 1):
        if inside:
            if line.startswith("}"):
                yield name, number - start + 1
                name, inside = None, False
        elif match := opening.match(line):
            name, start = match[1], number
        if name and not inside:
            inside = line == "{"
            if line.endswith(";"):
                name = None


def shell_functions(path):
    name, start = None, 0
    for number, line in enumerate(lines(path), 1):
        if match := re.match(r"(\w+)\(\) *[{(]", line):
            name, start = match[1], number
        elif name and line[:1] in ("}", ")"):
            yield name, number - start + 1
            name = None


def python_functions(path):
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


FUNCTIONS = {".c": c_functions, ".h": c_functions, ".sh": shell_functions, ".py": python_functions}


def test_files_are_short():
    long = {str(path): len(lines(path)) for path in files(".c", ".h", ".py", ".sh", ".sql", ".lua", ".def")}
    assert not {path: count for path, count in long.items() if count > FILE_LIMIT}


def test_functions_are_short():
    long = [
        f"{path}: {name} has {count} lines"
        for path in files(*FUNCTIONS)
        for name, count in FUNCTIONS[path.suffix](path)
        if count > FUNCTION_LIMIT
    ]
    assert not long, "\n".join(long)


def test_functions_are_found():
    """The check above sees the functions: a file of each kind that has some."""
    for suffix, known in {".c": "component/base/buf.c", ".sh": "examples/dev/stack.sh", ".py": __file__}.items():
        assert len(list(FUNCTIONS[suffix](known))) >= 3
