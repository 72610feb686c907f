"""The wheels: what is in them, and that they install together and one by one."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import uv
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
STACK = tomllib.loads((ROOT / "stack/pyproject.toml").read_text())["project"]
PROJECTS = {
    path.parent.name: tomllib.loads(path.read_text())["project"]
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
}
PACKAGES = list(PROJECTS)
EXTRAS = ["tpu", "cuda13", "cuda12"]

# Imports what is there of the named packages and prints the names that worked.
IMPORT_WHAT_IS_THERE = """
import importlib, importlib.util, sys
assert importlib.util.find_spec("jax") is None, "jax is installed"
there = [n for n in sys.argv[1:] if importlib.util.find_spec("dolmen." + n)]
for name in there:
    importlib.import_module("dolmen." + name)
print(*there)
"""


def run(*command: str | Path, cwd: Path | None = None, text_in: str = "") -> str:
    """Standard output of a program; its failure fails the test, with what it said."""
    # The environment of this run must not leak into the ones that are made here.
    leaks = ("PYTHONPATH", "VIRTUAL_ENV")
    environment = {k: v for k, v in os.environ.items() if k not in leaks}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        input=text_in,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{command[:4]} failed:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with a freshly built wheel of every project."""
    directory = tmp_path_factory.mktemp("wheelhouse")
    hatchling = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    for project in [*(ROOT / "packages" / name for name in PACKAGES), ROOT / "stack"]:
        run(*hatchling, "-d", directory, cwd=project)
    return directory


def installed(wheelhouse: Path, directory: Path, requirement: str) -> Path:
    """Python of a new environment that holds one requirement from the wheelhouse."""
    python = directory / "bin" / "python"
    uv_program = uv.find_uv_bin()
    run(uv_program, "venv", "--quiet", "--python", sys.executable, directory)
    # uv would reuse an older wheel of the same name and version.
    names = [project["name"] for project in PROJECTS.values()]
    fresh = [f"--refresh-package={name}" for name in [*names, STACK["name"]]]
    install = [uv_program, "pip", "install", "--quiet", "--python", python, *fresh]
    run(*install, "--find-links", wheelhouse, requirement)
    return python


def importable(python: Path) -> set[str]:
    """Names of the Dolmen packages that an environment has, each imported once."""
    return set(run(python, "-I", "-c", IMPORT_WHAT_IS_THERE, *PACKAGES).split())


def declared(package: str) -> set[str]:
    """A package and the Dolmen packages that it declares as dependencies."""
    lines = PROJECTS[package]["dependencies"]
    names = [Requirement(line).name for line in lines]
    ours = {n.removeprefix("dolmen-") for n in names if n.startswith("dolmen-")}
    return {package, *ours}


def extra_pins(python_version: str) -> set[str]:
    """Every ``name==version`` that the accelerator extras ask of a Python on Linux."""
    machine = {"python_version": python_version, "sys_platform": "linux"}
    lines = [line for extra in EXTRAS for line in STACK["optional-dependencies"][extra]]
    return {
        f"{pin.name}{pin.specifier}"
        for pin in map(Requirement, lines)
        if pin.marker is None or pin.marker.evaluate(machine)
    }


def test_no_wheel_ships_a_module_above_its_own_package(wheelhouse):
    stray = {}
    for wheel in sorted(wheelhouse.glob("*.whl")):
        own = wheel.name.split("-")[0]
        prefixes = (f"{own.replace('_', '/')}/", f"{own}-0.1.0.dist-info/")
        names = zipfile.ZipFile(wheel).namelist()
        stray[own] = [name for name in names if not name.startswith(prefixes)]

    assert stray == {f"dolmen_{name}": [] for name in PACKAGES} | {"stack": []}


def test_every_wheel_ships_its_type_marker_and_license(wheelhouse):
    for name in PACKAGES:
        (wheel,) = wheelhouse.glob(f"dolmen_{name}-*.whl")
        names = zipfile.ZipFile(wheel).namelist()

        assert f"dolmen/{name}/py.typed" in names
        assert any(entry.endswith("licenses/LICENSE") for entry in names)


def test_stack_holds_no_code(wheelhouse):
    (wheel,) = wheelhouse.glob("stack-*.whl")

    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {"stack-0.1.0.dist-info"}


def test_stack_pins_every_package_at_its_version():
    pins = {str(Requirement(d)) for d in STACK["dependencies"] if "dolmen" in d}

    assert pins == {f"{p['name']}=={p['version']}" for p in PROJECTS.values()}


def test_stack_installs_in_a_fresh_environment_and_imports_whole(wheelhouse, tmp_path):
    python = installed(wheelhouse, tmp_path / "env", "stack")

    assert importable(python) == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_installs_alone(wheelhouse, tmp_path, package):
    name = PROJECTS[package]["name"]

    python = installed(wheelhouse, tmp_path / "env", name)

    assert importable(python) == declared(package)


@pytest.mark.parametrize("python_version", ["3.11", "3.12", "3.13"])
def test_the_extras_resolve_to_releases_that_exist(wheelhouse, python_version):
    machine = ["--python-platform", "x86_64-manylinux_2_31"]
    requirements = f"stack[{','.join(EXTRAS)}]"

    resolved = run(
        *[uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-annotate", *machine],
        *["--python-version", python_version, "--find-links", wheelhouse, "-"],
        text_in=requirements,
    )

    assert set(resolved.splitlines()) >= extra_pins(python_version)
