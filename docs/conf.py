"""Sphinx configuration, and the generator of the reference pages.

The reference is made from the docstrings of every public module of every package:
packages are found by globbing, modules by the names of their files (no underscore),
names by the absence of an underscore or, in a module that is no package, by ``__all__``
if it has one: a package's ``__init__.py`` only re-exports, so all it holds is meant.
"""

import importlib
import inspect
import shutil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = Path(__file__).resolve().parent / "reference"

project = "Dolmen"
copyright = "the Dolmen authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Dolmen"

# `x` in a docstring is code, as in the Markdown pages.
default_role = "code"
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # autodoc describes the attributes that a class has
napoleon_custom_sections = ["Source"]


def public_modules(package: Path) -> list[str]:
    """Names of a package's public modules, itself first."""
    source = package / "src"
    found = []
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if not any(part.startswith("_") for part in parts):
            found.append(".".join(parts))
    return sorted(found)


def public_names(module: ModuleType) -> list[str]:
    """Names that a module offers, submodules and borrowed ones left out."""
    names = [name for name in dir(module) if not name.startswith("_")]
    if not hasattr(module, "__path__"):
        names = getattr(module, "__all__", names)
    return sorted(name for name in names if is_ours(getattr(module, name)))


def is_ours(value: object) -> bool:
    """Whether a value is a documented function or class defined by Dolmen."""
    home = getattr(value, "__module__", None) or ""
    return callable(value) and home.startswith("dolmen.") and bool(value.__doc__)


def wraps_function(value: object) -> bool:
    """Whether a value is an object around a function: Sphinx calls that a constant."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return False
    return inspect.isroutine(inspect.unwrap(value))  # type: ignore[arg-type]


def write_module_page(name: str, homes: dict[int, str]) -> None:
    """Writes the page of one module: its docstring, then each of its names.

    Args:
        name: of the module.
        homes: id of each object that has a page already, to its full name there. What
            several modules offer is described once; the others point to it.
    """
    module = importlib.import_module(name)
    described, elsewhere = [], []
    for member in public_names(module):
        home = homes.setdefault(id(getattr(module, member)), f"{name}.{member}")
        if home.rpartition(".")[0] == name:
            described.append(member)
        else:
            elsewhere.append(f"- `{member}`: {{py:obj}}`{home}`")
    lines = [f"# {name}", "", "```{eval-rst}", f".. automodule:: {name}"]
    wrapped = [m for m in described if wraps_function(getattr(module, m))]
    ordinary = [m for m in described if m not in wrapped]
    if ordinary:
        lines += [f"   :members: {', '.join(ordinary)}"]
    lines += ["", *(f".. autofunction:: {name}.{member}" for member in wrapped)]
    lines += ["```", ""]
    if elsewhere:
        lines += ["Also here:", "", *elsewhere, ""]
    (REFERENCE / f"{name}.md").write_text("\n".join(lines))


def write_settings() -> None:
    """Writes the page of all settings, as `print(config)` lists them."""
    core = importlib.import_module("dolmen.core")
    blocks = [
        f"`{name}`" for name, v in vars(core).items() if repr(v)[:8] == "<setting"
    ]
    lines = [
        "# Settings",
        "",
        "Change one for the process with `config.update(name, value)`, or within a",
        f"`with` block by a function of `dolmen.core`: {', '.join(sorted(blocks))},",
        "`disable_jit`, `transfer_guard`. `print(config)` prints all of them:",
        "",
        *("```text", str(core.config), "```", ""),
    ]
    (REFERENCE / "settings.md").write_text("\n".join(lines))


def write_reference() -> None:
    """Writes every page under ``reference/`` and their index."""
    shutil.rmtree(REFERENCE, ignore_errors=True)
    REFERENCE.mkdir()
    index = ["# Reference", ""]
    homes: dict[int, str] = {}
    for package in sorted(ROOT.glob("packages/*")):
        modules = public_modules(package)
        if not modules:
            continue
        for name in modules:
            write_module_page(name, homes)
        caption = [f":caption: dolmen.{package.name}", ":maxdepth: 1", ""]
        index += ["```{toctree}", *caption, *modules, "```", ""]
    write_settings()
    index += ["```{toctree}", ":caption: Settings", "", "settings", "```", ""]
    (REFERENCE / "index.md").write_text("\n".join(index))


write_reference()
