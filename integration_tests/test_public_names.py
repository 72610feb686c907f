"""`dir()` of every public module shows what the module offers, and nothing else."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parent.parent / "packages"


def module_name(path):
    """The dotted name of a source file, without the `src` directory it is below."""
    parts = path.relative_to(PACKAGES).with_suffix("").parts[2:]
    return ".".join(part for part in parts if part != "__init__")


MODULES = [
    name
    for path in sorted(PACKAGES.glob("*/src/**/*.py"))
    if "._" not in (name := module_name(path))
]


def shown(module):
    return {name for name in dir(module) if not name.startswith("_")}


def borrowed(module):
    """Names that the source imports to use them: not `as` the same name, to offer."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if alias.asname != alias.name:
                    yield alias.asname or alias.name.partition(".")[0]


@pytest.mark.parametrize("name", MODULES)
def test_dir_hides_what_a_module_borrows(name):
    module = importlib.import_module(name)
    helpers = {*borrowed(module)} - {*getattr(module, "__all__", ())}

    assert shown(module) & helpers == set()


@pytest.mark.parametrize("name", MODULES)
def test_dir_shows_all_that_a_module_offers(name):
    module = importlib.import_module(name)

    assert {*getattr(module, "__all__", ())} <= shown(module)


@pytest.mark.parametrize("name", MODULES)
def test_what_dir_shows_is_there(name):
    module = importlib.import_module(name)

    assert [n for n in shown(module) if not hasattr(module, n)] == []


@pytest.mark.parametrize(
    ("name", "late"),
    [
        ("dolmen.core", {"random", "Ref", "explain"}),
        ("dolmen.core.experimental", {"jet"}),
        ("dolmen.core.lax", {"linalg", "igamma"}),
        ("dolmen.core.numpy", {"fft", "polyfit"}),
        ("dolmen.core.scipy", {"stats"}),
        ("dolmen.core.scipy.sparse", {"linalg"}),
        ("dolmen.optim", {"losses", "l2_loss", "nnls"}),
    ],
)
def test_dir_shows_what_is_loaded_at_first_use(name, late):
    module = importlib.import_module(name)

    assert late <= shown(module)
