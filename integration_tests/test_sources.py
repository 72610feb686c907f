"""Rules that hold for every source file of the repository."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = {"jax", "flax", "optax", "orbax", "grain", "haiku", "equinox"}
# Only these measure against a peer, in processes where Dolmen is not imported.
MAY_IMPORT_PEERS = {"benchmarks", "conformance"}


def sources(*directories: str) -> list[Path]:
    """Python files below the repository's directories, caches and such left out."""
    found = [p for d in directories for p in sorted((ROOT / d).rglob("*.py"))]
    return [p for p in found if not {".nox", "_build"} & set(p.parts)]


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of every module that a file imports, in functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or ""


def peer_imports(path: Path) -> list[str]:
    """Where a file imports a peer, as ``path:line name``."""
    where = path.relative_to(ROOT)
    found = imported(ast.parse(path.read_text(), filename=str(path)))
    return [f"{where}:{n} {name}" for n, name in found if name.split(".")[0] in PEERS]


def test_nothing_but_benchmarks_and_conformance_imports_a_peer():
    directories = {
        p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")
    }

    offenders = [
        line
        for path in sources(*sorted(directories - MAY_IMPORT_PEERS))
        for line in peer_imports(path)
    ]

    assert offenders == []


def test_no_source_tree_has_an_init_above_the_packages():
    assert list(ROOT.glob("packages/*/src/dolmen/__init__.py")) == []
    assert list(ROOT.glob("packages/*/src/__init__.py")) == []


def test_an_installed_jax_is_never_imported(tmp_path):
    # jaxlib's C++ imports `jax` by itself where it finds it; here it would find a trap.
    trap = tmp_path / "jax"
    trap.mkdir()
    (trap / "__init__.py").write_text("open('sprung', 'w').close()\n")
    program = (
        "import dolmen.core as dc, dolmen.core.numpy as jnp, sys;"
        "from dolmen import ckpt, data, kernels, nn, optim;"
        "x = dc.jit(lambda x: x + 1)(jnp.ones(3));"
        "print(float(x.sum()), 'jax' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("6.0 False\n", "")
    assert not (tmp_path / "sprung").exists()
