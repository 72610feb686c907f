"""Every task of this repository, and the program that runs them.

    python3 noxfile.py -s NAME     needs Python 3.11 or later with pip, and nothing else
    nox -s NAME                    the same, where nox is installed
    python3 noxfile.py --list      what there is

Arguments after ``--`` go to the program that a session runs. Sessions keep their
environments under ``.nox/`` and install again only when a requirement has changed, so
that a second run starts at once; ``-N`` makes them anew.

Packages are found by globbing ``packages/*/pyproject.toml``: adding one edits nothing
here.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent


# ---- Bootstrap: run by a Python that has no nox ----

BOOTSTRAP_ENVIRONMENT = ROOT / ".nox" / ".bootstrap"
NOX = "nox==2026.10.20"
UV = "uv==0.13.9"  # Optional: installs environments several times faster than pip.


def python_with_nox() -> str:
    """Path of a Python that can import nox, in a private environment if need be."""
    if importlib.util.find_spec("nox") is not None:
        return sys.executable
    bin_directory = "Scripts" if os.name == "nt" else "bin"
    python = BOOTSTRAP_ENVIRONMENT / bin_directory / "python"
    stamp = BOOTSTRAP_ENVIRONMENT / "made_of"
    made_of = "\n".join([NOX, UV, sys.version, sys.base_prefix])
    if not (stamp.exists() and stamp.read_text() == made_of):
        print("Making an environment for nox (once) ...", file=sys.stderr, flush=True)
        venv.create(BOOTSTRAP_ENVIRONMENT, clear=True, with_pip=False)
        if pip_install(python, NOX, UV) != 0 and pip_install(python, NOX) != 0:
            sys.exit("noxfile.py: nox could not be installed; pip's message is above.")
        stamp.write_text(made_of)
    return str(python)


def pip_install(python: Path, *requirements: str) -> int:
    """Exit status of this Python's pip installing into the environment of `python`."""
    pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check"]
    return subprocess.call([*pip, "--python", str(python), "install", *requirements])


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - tells those who run an older one
        sys.exit(f"noxfile.py: needs Python 3.11 or later, this is {sys.version}.")
    nox_command = [python_with_nox(), "-m", "nox", "--noxfile", __file__]
    try:
        sys.exit(subprocess.call([*nox_command, *sys.argv[1:]]))
    except KeyboardInterrupt:
        sys.exit(130)


# ---- From here on nox reads the file ----

# The bootstrap above must run where these are missing.
import nox  # noqa: E402
from packaging.requirements import Requirement  # noqa: E402

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "imports", "types", "docs", "tests"]

TOOLS = nox.project.load_toml(ROOT / "pyproject.toml")
PACKAGES = {
    path.parent.name: nox.project.load_toml(path)
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
}
STACK = nox.project.load_toml(ROOT / "stack" / "pyproject.toml")
PROJECTS = [*(ROOT / "packages" / name for name in PACKAGES), ROOT / "stack"]
DIST = ROOT / "dist"
INTEGRATION = "integration"
SUITES = [*PACKAGES, INTEGRATION]
OTHER_PYTHONS = ["3.12", "3.13"]


# ---- What is installed ----


def tools(group: str) -> list[str]:
    """Requirements of one dependency group of the root ``pyproject.toml``."""
    return nox.project.dependency_groups(TOOLS, group)


def local_packages(*names: str) -> list[str]:
    """The named packages and those of this repository that they depend on."""
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in PACKAGES and name not in found:
            found.append(name)
            waiting += dependencies_of(name)
    return sorted(found)


def dependencies_of(package: str) -> list[str]:
    """What a package declares, by name: ``core`` where it says ``dolmen-core``."""
    declared = PACKAGES[package]["project"]["dependencies"]
    return [Requirement(line).name.removeprefix("dolmen-") for line in declared]


def install(
    session: nox.Session, requirements: Iterable[str] = (), packages: Sequence[str] = ()
) -> None:
    """Makes the session's environment hold this and nothing else.

    Packages are installed editable, with those they depend on, so that a changed source
    file needs no new installation. Does nothing when the environment was made of the
    same requirements before.

    Args:
        session: whose environment.
        requirements: as pip takes them.
        packages: names of directories under ``packages/``.
    """
    packages = local_packages(*packages)
    requirements = sorted(requirements)
    made_of = fingerprint(session, requirements, packages)
    stamp = Path(session.virtualenv.location) / "made_of"
    if stamp.exists():
        if stamp.read_text() == made_of:
            return
        empty(session)
    editable = [part for p in packages for part in ("--editable", f"packages/{p}")]
    session.install(*editable, *requirements)
    stamp.write_text(made_of)


def fingerprint(
    session: nox.Session, requirements: Sequence[str], packages: Sequence[str]
) -> str:
    """Hash of all that an environment depends on, sources of packages aside."""
    metadata = [PACKAGES[package] for package in packages]
    version = session.run_always("python", "--version", silent=True, log=False)
    everything = [str(ROOT), version, requirements, metadata]
    return hashlib.sha256(repr(everything).encode()).hexdigest()


def install_everything(session: nox.Session, group: str) -> None:
    """Installs every package, what `stack` pins beside them, and a group of tools."""
    pins = [line for line in STACK["project"]["dependencies"] if "dolmen-" not in line]
    install(session, [*pins, *tools(group)], packages=[*PACKAGES])


def empty(session: nox.Session) -> None:
    """Replaces the session's environment by a fresh one."""
    session.virtualenv.reuse_existing = False
    session.virtualenv.create()


# ---- Running the example ----


@nox.session
def quickstart(session: nox.Session) -> None:
    """Trains a small language model on real text, in minutes on a CPU."""
    install_everything(session, "examples")
    command = ["python", "-m", "examples.lm.train", "--preset", "quickstart"]
    session.run(*command, *session.posargs)


# ---- Static checks ----


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and formatting."""
    install(session, tools("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def fix(session: nox.Session) -> None:
    """Ruff: repairs what it can, and formats."""
    install(session, tools("lint"))
    session.run("ruff", "format")
    session.run("ruff", "check", "--fix")


@nox.session
def imports(session: nox.Session) -> None:
    """Import Linter: who may import whom."""
    install_everything(session, "imports")
    session.run("lint-imports", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Pyright on the packages' sources."""
    install_everything(session, "types")
    session.run("pyright", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Sphinx: builds docs/_build/html; a warning is an error."""
    install_everything(session, "docs")
    strict = ["--fresh-env", "--fail-on-warning", "--keep-going", "--quiet"]
    session.run("sphinx-build", *strict, *session.posargs, "docs", "docs/_build/html")


# ---- Tests ----


def run_suite(session: nox.Session, suite: str) -> None:
    """Tests one package alone, or all of them together."""
    if suite == INTEGRATION:
        test_together(session)
    else:
        test_alone(session, suite)


def test_alone(session: nox.Session, package: str) -> None:
    """Runs a package's tests and doctests where only its dependencies are installed."""
    directory = ROOT / "packages" / package
    if not any(directory.glob("tests/**/test_*.py")):
        session.skip(f"packages/{package}/tests holds no test yet")
    test_requirements = nox.project.dependency_groups(PACKAGES[package], "test")
    install(session, test_requirements, packages=[package])
    pytest = ["pytest", "--config-file=pyproject.toml", "--numprocesses=2"]
    where = [f"packages/{package}/tests", f"packages/{package}/src"]
    session.run(*pytest, "--doctest-modules", *session.posargs, *where)


def test_together(session: nox.Session) -> None:
    """Runs ``integration_tests/`` where every package is installed."""
    install_everything(session, "integration")
    # As a module, so that the repository's root is on the path, for `examples`.
    # A file stays in one worker, so that what its tests share is made once.
    pytest = ["python", "-m", "pytest", "--numprocesses=2", "--dist=loadfile"]
    session.run(*pytest, *session.posargs, "integration_tests")


@nox.session
@nox.parametrize("suite", SUITES, ids=SUITES)
def tests(session: nox.Session, suite: str) -> None:
    """Each package's tests in an environment of its own, then the integration tests."""
    run_suite(session, suite)


@nox.session
def accelerators(session: nox.Session) -> None:
    """Compiles for TPUs and GPUs that aren't there: every operation, and programs."""
    extras = STACK["project"]["optional-dependencies"]
    plugins = [*extras["tpu"], *extras["cuda13"]]
    plugins = [line.replace("[with-cuda]", "") for line in plugins]  # compilers do
    pins = [line for line in STACK["project"]["dependencies"] if "dolmen-" not in line]
    requirements = [*pins, *plugins, *tools("accelerators")]
    install(session, requirements, packages=[*PACKAGES])
    # As a module, so that the repository's root is on the path, for `benchmarks`.
    pytest = ["python", "-m", "pytest", "--numprocesses=2"]
    session.run(*pytest, *session.posargs, "accelerator_tests")


@nox.session
def kills(session: nox.Session) -> None:
    """Kills programs that read data, a thousand times: 10 minutes on two cores."""
    test_requirements = nox.project.dependency_groups(PACKAGES["data"], "test")
    install(session, test_requirements, packages=["data"])
    session.run("python", "packages/data/tests/kill_table.py", *session.posargs)


@functools.cache
def find_python(version: str) -> str | None:
    """Path of a Python of this ``X.Y``, or None.

    It must really run: a version manager's shim is on the path even where it refuses.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    managed = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    for candidate in [*managed, shutil.which(f"python{version}")]:
        if candidate is not None and python_version(candidate) == version:
            return str(candidate)
    return None


def python_version(python: str | Path) -> str | None:
    """``X.Y`` as the interpreter says, None if it does not run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        command = [python, "-I", "-S", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def add_tests_on(version: str) -> None:
    """Adds the session ``tests-X.Y``, which skips where that Python is missing."""
    python = find_python(version)

    @nox.session(name=f"tests-{version}", python=python or False)
    @nox.parametrize("suite", SUITES, ids=SUITES)
    def tests_on(session: nox.Session, suite: str) -> None:
        if python is None:
            session.skip(f"Python {version} is not on this machine")
        run_suite(session, suite)

    tests_on.__doc__ = f"`tests` on Python {version}, where it is installed."


for other_python in OTHER_PYTHONS:
    add_tests_on(other_python)


# ---- Distributions ----


@nox.session
def wheelhouse(session: nox.Session) -> None:
    """Builds every wheel into dist/, for `pip install --find-links dist stack`."""
    install(session, tools("wheelhouse"))
    for old in DIST.glob("*.whl"):
        old.unlink()
    for project in PROJECTS:
        with session.chdir(project):
            session.run("hatchling", "build", "-t", "wheel", "-d", str(DIST))


# ---- Against the peers ----


@nox.session
def peers(session: nox.Session) -> None:
    """An environment with JAX and its ecosystem, apart from ours."""
    install(session, tools("peers"))


def peer_python() -> str:
    """The Python of the environment that the session `peers` makes."""
    bin_directory = "Scripts" if os.name == "nt" else "bin"
    return str(ROOT / ".nox" / "peers" / bin_directory / "python")


@nox.session(requires=["peers"])
def benchmarks(session: nox.Session) -> None:
    """The same workloads with Dolmen and with its peers, and their ratios."""
    install_everything(session, "examples")
    command = ["python", "-m", "benchmarks", "--peer-python", peer_python()]
    session.run(*command, *session.posargs)


@nox.session(requires=["peers"])
def conformance(session: nox.Session) -> None:
    """Dolmen's results compared with the peers', computed in a process of theirs."""
    install_everything(session, "integration")
    environment = {"DOLMEN_PEER_PYTHON": peer_python()}
    # As a module, so that the repository's root is on the path, for `conformance`.
    pytest = ["python", "-m", "pytest"]
    session.run(*pytest, *session.posargs, "conformance", env=environment)
