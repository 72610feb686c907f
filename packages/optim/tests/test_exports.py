"""What the package exports is documented by an example."""

import pytest

from dolmen import optim

PUBLIC = sorted(
    name
    for name, value in vars(optim).items()
    if not name.startswith("_") and getattr(value, "__module__", None)
)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_an_example(name):
    assert ">>> " in getattr(optim, name).__doc__


def test_the_package_exports_what_training_needs():
    assert {"adamw", "chain", "clip_by_global_norm", "apply_updates"} <= set(PUBLIC)
