"""What the package exports is documented by an example, and loaded at first use."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

from dolmen import optim

MODULES = [
    "dolmen.optim",
    *(
        f"dolmen.optim.{module.name}"
        for module in pkgutil.iter_modules(optim.__path__)
        if not module.name.startswith("_")
    ),
]


def public_names(module_name):
    module = importlib.import_module(module_name)
    for name in dir(module):
        home = getattr(getattr(module, name), "__module__", None) or ""
        if not name.startswith("_") and home.startswith("dolmen."):
            yield f"{module_name}.{name}"


@pytest.mark.parametrize("module_name", MODULES)
def test_every_public_name_has_an_example(module_name):
    module = importlib.import_module(module_name)
    names = [name.rpartition(".")[2] for name in public_names(module_name)]

    bare = [n for n in names if ">>> " not in (getattr(module, n).__doc__ or "")]

    assert bare == []


def test_the_package_exports_what_training_needs():
    names = {"adamw", "chain", "clip_by_global_norm", "apply_updates"}

    assert names <= set(dir(optim))


def test_losses_and_schedules_are_offered_under_their_names_here_too():
    assert optim.l2_loss is optim.losses.l2_loss
    assert optim.linear_schedule is optim.schedules.linear_schedule


def test_what_training_seldom_needs_is_loaded_at_first_use():
    code = (
        "import sys; from dolmen import optim; optim.adamw(1e-3);"
        "early = [m for m in sys.modules if m.startswith('dolmen.optim.')"
        " and m.split('.')[2][0] != '_']; assert not early, early"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_error_that_says_so():
    with pytest.raises(AttributeError) as raised:
        optim.adammm  # noqa: B018 - looking it up is the test

    assert str(raised.value) == "module 'dolmen.optim' has no attribute 'adammm'"
