"""What is shipped: nothing is forgotten in a wheel, nothing strange gets in, and the scripts that check it work."""

from __future__ import annotations

import fnmatch
import importlib.util
import io
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "archsim"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PATTERNS: list[str] = PROJECT["tool"]["setuptools"]["package-data"]["*"]
#: What the compiler reads and writes, and what Python does.
OF_THE_BUILD = (".pyx", ".pxi", ".h", ".c", ".so", ".pyc")


def script(name: str) -> ModuleType:
    """Import a script that lies beside the others in .ci."""
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# What a wheel holds


def test_every_data_file_is_shipped() -> None:
    files = [file for file in PACKAGE.rglob("*") if file.is_file() and file.suffix not in (".py", *OF_THE_BUILD)]
    names = {str(file.relative_to(PACKAGE)) for file in files}
    assert {"py.typed", "_core/baseline.pyi", "report/templates/report.html"} <= names
    assert {name for name in names if name.startswith("chip/presets/")} != set()
    lost = [name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in PATTERNS)]
    assert lost == []


def test_workloads_are_shipped_within_the_package() -> None:
    """A link there, so that a checkout, an editable installation and a wheel find them in one place."""
    assert (PACKAGE / "workloads").resolve() == ROOT / "workloads"
    names = [f"workloads/{file.name}" for file in (ROOT / "workloads").iterdir()]
    assert names
    assert all(any(fnmatch.fnmatch(name, pattern) for pattern in PATTERNS) for name in names)


def test_a_copy_for_building_lists_links_to_folders_as_their_files(tmp_path: Path) -> None:
    command = f"source .ci/copy && copy_checkout {tmp_path / 'copy'}"
    done = subprocess.run(["bash", "-euc", command], cwd=ROOT, capture_output=True, text=True, check=True)
    files = done.stdout.splitlines()
    assert {"workloads/mlp_digits.yaml", "archsim/workloads/mlp_digits.yaml"} <= set(files)
    assert "archsim/workloads" not in files
    assert (tmp_path / "copy" / "archsim" / "workloads" / "mlp_digits.yaml").is_file()


def test_no_pattern_of_data_is_left_over() -> None:
    for pattern in PATTERNS:
        assert list(PACKAGE.rglob(pattern.removeprefix("**/"))), f"nothing matches {pattern}"


def test_every_folder_of_code_is_a_package() -> None:
    """Folders without an `__init__` are not packed (the switch is in pyproject.toml)."""
    assert PROJECT["tool"]["setuptools"]["packages"]["find"]["namespaces"] is False
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


PACKED = ("archsim/__init__.py", "archsim/py.typed")
FILES = (*PACKED, "archsim/_core/cpu.pyx", "archsim/_core/philox.h", "tests/test_a.py")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"archsim/py.typed": False}, "lacks archsim/py.typed"),
        ({"archsim/_core/cpu.cpython-311-x86_64-linux-gnu.so": False}, "lacks archsim/_core/cpu.so"),
        ({"tests/test_a.py": True}, "should not hold tests/test_a.py"),
        ({"archsim/build/x.py": True}, "should not hold archsim/build/x.py"),
        ({"archsim/_core/philox.h": True}, "should not hold archsim/_core/philox.h"),
    ],
)
def test_a_wrong_wheel_is_found_out(
    change: dict[str, bool], problem: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = script("contents")
    inside = {*PACKED, "archsim/_core/cpu.cpython-311-x86_64-linux-gnu.so"}
    inside |= {name for name, there in change.items() if there}
    inside -= {name for name, there in change.items() if not there}
    (tmp_path / "files").write_text("\n".join(FILES) + "\n", encoding="utf-8")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name in (*FILES, "PKG-INFO", "archsim.egg-info/SOURCES.txt"):
            tar.addfile(tarfile.TarInfo(f"archsim-0/{name}"), io.BytesIO())
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        for name in (*sorted(inside), "archsim-0.dist-info/METADATA"):
            wheel.writestr(name, "")
    monkeypatch.setattr(
        sys, "argv", ["contents.py", *(str(tmp_path / name) for name in ("files", "a.tar.gz", "a.whl"))]
    )
    if problem is None:
        contents.main()
        return
    with pytest.raises(SystemExit) as left:
        contents.main()
    assert str(left.value) == f"a.whl {problem}"


def test_an_incomplete_source_distribution_is_found_out() -> None:
    contents = script("contents")
    wanted = contents.of_sdist([*FILES, ".gitignore"])
    assert contents.differences("x", wanted, wanted - {"tests/test_a.py"}) == ["x lacks tests/test_a.py"]


def test_the_smoke_test_of_wheels_passes_here(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "smoke.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "smoke test passed" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_wheels_are_tried_and_cover_the_oldest_python() -> None:
    settings = PROJECT["tool"]["cibuildwheel"]
    named = re.findall(r"\{project\}/(\S+)", settings["test-command"])
    assert named
    assert all((ROOT / name).is_file() for name in named)
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=").replace(".", "")
    assert settings["build"].split()[0] == f"cp{oldest}-*"


def test_classifiers_fit_the_wheels() -> None:
    classifiers = set(PROJECT["project"]["classifiers"])
    settings = PROJECT["tool"]["cibuildwheel"]
    versions = {re.sub(r"cp3(\d+)-\*", r"3.\1", build) for build in settings["build"].split()}
    assert versions == {text.rpartition(" :: ")[2] for text in classifiers if re.search(r":: 3\.\d+$", text)}
    systems = {text for text in classifiers if text.startswith("Operating System")}
    wanted = {"linux": "Operating System :: POSIX :: Linux", "macos": "Operating System :: MacOS :: MacOS X"}
    assert systems == {wanted[system] for system in ("linux", "macos") if system in settings}
    assert "*-win*" in settings["skip"]


def test_the_citation_names_this_version() -> None:
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = PROJECT["project"]
    assert (citation["title"], citation["keywords"]) == (project["name"], project["keywords"])
    # The program's own licence; the digits in the package have another one.
    assert citation["license"] == project["license"].partition(" AND ")[0]
    assert str(citation["version"]) == project["version"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["authors"]
    assert citation["message"]


# What is asked of others


def test_dependencies_have_lower_bounds_only() -> None:
    lowest = script("pins").lowest()
    assert len(lowest) > 15
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+", bound) for bound in lowest)


def test_hooks_run_pinned_tools_of_the_environment() -> None:
    pinned = {tool.partition("==")[0] for tool in script("pins").tools([])}
    assert all("==" in tool for tool in script("pins").tools([]))
    runs = re.findall(r"^check ([\w-]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    repositories = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    commands = {hook["entry"].split()[0] for hook in hooks}
    assert {hook["language"] for hook in hooks} == {"system"}
    assert commands == set(runs) - {"pytest"}
    assert {"import-linter" if command == "lint-imports" else command for command in commands} <= pinned


# The longer checks


@pytest.mark.parametrize("name", ["run", "nightly", "wheel", "copy"])
def test_scripts_can_be_run(name: str) -> None:
    path = ROOT / ".ci" / name
    assert os.access(path, os.X_OK) == (name != "copy")
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_the_nightly_script_refuses_what_it_does_not_know() -> None:
    done = subprocess.run([str(ROOT / ".ci" / "nightly"), "sleep"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout.startswith("there is no step sleep: wheel lowest ")


def test_every_kernel_is_called_for_valgrind(capsys: pytest.CaptureFixture[str]) -> None:
    from archsim._core.cpu import supported

    script("memcheck").run()
    shown = capsys.readouterr().out
    assert shown.splitlines() == [f"every kernel of {name} was called" for name in supported()]


LOG = """\
==7== Memcheck, a memory error detector
==7==
==7== Conditional aggregate or move depends on uninitialised value(s)
==7==    at 0x4B0C216: unicode_hash (unicodeobject.c:710)
==7==    by 0x4B0C217: main (in /usr/bin/python3.11)
==7==
==7== Invalid read of size 4
==7==    at 0x5B0C216: {first}
==7==    by 0x5B0C217: {second}
==7==    by 0x5B0C218: PyObject_Vectorcall (in /usr/bin/python3.11)
==7==
==7== ERROR SUMMARY: 2 errors from 2 contexts (suppressed: 0 from 0)
"""


@pytest.mark.parametrize(
    ("first", "second", "ours"),
    [
        ("dots (product.h:60)", "read (avx2.c:100)", True),
        ("__pyx_f_read (in /x/archsim/_core/avx2.cpython-311-x86_64-linux-gnu.so)", "f (a.c:1)", True),
        ("memcpy (vg_replace_strmem.c:1)", "philox_rounds (philox.h:9)", True),
        ("sgemm (in /x/numpy.libs/libopenblas.so)", "f (a.c:1)", False),
    ],
)
def test_errors_of_the_core_are_told_from_those_of_others(
    first: str, second: str, ours: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memcheck = script("memcheck")
    log = tmp_path / "log"
    log.write_text(LOG.format(first=first, second=second), encoding="utf-8")
    if not ours:
        memcheck.read(log)
        assert "nothing in the core" in capsys.readouterr().out
        return
    with pytest.raises(SystemExit) as left:
        memcheck.read(log)
    assert str(left.value).startswith("Invalid read of size 4")
    assert first in str(left.value)
    assert "unicode_hash" not in str(left.value)


def test_an_unfinished_log_of_valgrind_does_not_pass(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("==7== Memcheck\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        script("memcheck").read(tmp_path / "log")
