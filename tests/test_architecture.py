"""The house keeps its walls: who may import whom, how large a module is, and no state beside the objects."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import archsim

ROOT = Path(__file__).parents[1]
PACKAGE = Path(archsim.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted([*MODULES, *PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxi"), *PACKAGE.rglob("*.h")])

#: A module that needs more lines holds more than one idea.
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60

MUTATING = frozenset(
    (
        "append",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "clear",
        "update",
        "setdefault",
        "add",
        "discard",
        "sort",
    )
)


def short(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_follow_the_arrows() -> None:
    if importlib.util.find_spec("importlinter") is None:
        pytest.skip("import-linter is not installed: pip install -e '.[dev]'")
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def table(title: str) -> list[list[str]]:
    """Return the cells of the table of the page on architecture whose first column has this title."""
    lines = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {title} |"))
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[start + 2 :])
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_every_room_is_in_the_house_plan_and_under_contract() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    rooms -= {"__init__", "__main__"}
    named = {name for row in table("module") for name in re.findall(r"`([\w.]+)`", row[0])}
    assert {name for name in named if "." not in name} == rooms
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = {one["id"]: one for one in tomllib.load(file)["tool"]["importlinter"]["contracts"]}
    for contract, container in (("rooms", PACKAGE), ("engine-rooms", PACKAGE / "engine")):
        layers = {room for line in contracts[contract]["layers"] for room in re.split(r"\W+", line)}
        assert {path.stem for path in container.iterdir() if (path / "__init__.py").is_file()} <= layers
        assert contracts[contract]["exhaustive"]


def test_the_nine_ideas_are_where_the_page_says() -> None:
    ideas = table("idea")
    assert len(ideas) == 9
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for idea, places in ideas:
        assert f"**{idea}.**" in text
        paths = re.findall(r"`([^`]+)`", places)
        assert paths
        assert [path for path in paths if not (ROOT / path).exists()] == []


#: Rooms that may reach into the core beside its own door, and what for.
DOORS = {"analog": {"digital"}, "digital": {"digital", "windows"}, "chip": {"chain"}, "cli": {"cpu"}}


def test_compiled_modules_are_reached_through_few_doors() -> None:
    compiled = {f"archsim._core.{path.stem}": path.stem for path in (PACKAGE / "_core").glob("*.pyx")}
    users = {
        (path.relative_to(PACKAGE).parts[0], compiled[name])
        for path in MODULES
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name in compiled
    }
    assert users
    assert [
        f"{room} imports {name}" for room, name in users if room != "_core" and name not in DOORS.get(room, ())
    ] == []


def test_the_core_imports_nothing_of_archsim_beside_itself() -> None:
    for path in (PACKAGE / "_core").glob("*.py*"):
        if path.suffix not in (".py", ".pyi"):
            continue
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
            assert not name.startswith("archsim") or name.startswith("archsim._core"), f"{short(path)} imports {name}"


def test_components_need_nothing_but_the_standard_library() -> None:
    tree = ast.parse((PACKAGE / "chip" / "components.py").read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(name).partition(".")[0] for name in modules} <= sys.stdlib_module_names


def test_no_module_is_named_like_one_of_the_standard_library() -> None:
    packages = [path for path in PACKAGE.rglob("*") if path.is_dir() and (path / "__init__.py").is_file()]
    modules = [path for path in SOURCES if path.suffix in (".py", ".pyx")]
    assert [short(path) for path in packages + modules if path.stem in sys.stdlib_module_names] == []


def test_modules_are_small() -> None:
    lines = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > LONGEST_MODULE} == {}


def test_functions_are_small() -> None:
    lines = {f"{short(path)}:{node.lineno} {node.name}": length(node) for path in MODULES for node in functions(path)}
    assert {name: count for name, count in lines.items() if count > LONGEST_FUNCTION} == {}


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def length(function: ast.FunctionDef) -> int:
    """Lines without the docstring."""
    described = 0
    if ast.get_docstring(function):
        docstring = function.body[0]
        described = (docstring.end_lineno or 0) - docstring.lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - described


def test_no_module_changes_state_of_its_own() -> None:
    """No `global`, and no list, dict or set of a module that its own functions change.

    One table is the exception: what `archsim.register` has added to the entry points.
    """
    found = [
        f"{short(path)} changes '{name}'"
        for path in MODULES
        for _, name in changed_state(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert set(found) == {"archsim/plugins/registry.py changes '_REGISTERED'"}


def changed_state(tree: ast.Module) -> Iterator[tuple[int, str]]:
    names = set(module_names(tree))
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)):
        own = local_names(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                yield node.lineno, ", ".join(node.names)
            elif (changed := changed_name(node)) in names and changed not in own:
                yield getattr(node, "lineno", 0), str(changed)


def module_names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def local_names(function: ast.FunctionDef | ast.Lambda) -> set[str]:
    arguments = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return arguments | stored


def changed_name(node: ast.AST) -> str | None:
    """The name of the object that a node changes in place: `x[i] = ...`, `x.a = ...`, `del x[i]`, `x.append(...)`."""
    target: ast.expr | None = None
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        target = node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATING:
        target = node.func.value
    return target.id if isinstance(target, ast.Name) else None


@pytest.mark.parametrize(
    "body", ["SEEN.append(x)", "SEEN[0] = x", "del SEEN[0]", "global SEEN\n    SEEN = x", "SEEN.limit = x"]
)
def test_changed_state_would_be_seen(body: str) -> None:
    assert list(changed_state(ast.parse(f"SEEN = []\ndef note(x):\n    {body}\n")))
    assert not list(changed_state(ast.parse("SEEN = []\ndef note(SEEN):\n    SEEN.append(1)\n")))


def test_no_assert_guards_against_users() -> None:
    found = [
        f"{short(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def test_the_script_of_all_checks_can_be_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
