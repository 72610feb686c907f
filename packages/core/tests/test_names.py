"""Names that programs ask a package for: its version, types for annotations."""

import importlib.metadata

import numpy as np

import dolmen.core as dc
import dolmen.core.typing as dc_typing


def test_the_version_is_that_of_the_distribution():
    version = importlib.metadata.version("dolmen-core")

    assert dc.__version__ == version
    assert ".".join(map(str, dc.__version_info__)) == version


def test_types_for_annotations():
    for value in (dc.numpy.ones(2), np.ones(2), np.float32(1), True, 1, 1.0, 1j):
        assert isinstance(value, dc_typing.ArrayLike)
    for value in ([1.0], "1", None):
        assert not isinstance(value, dc_typing.ArrayLike)
    assert dc.typing is dc_typing
    assert dc_typing.__dir__() == ["ArrayLike", "DTypeLike"]
