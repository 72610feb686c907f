"""What the namespace says of itself."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

INFO = jnp.__array_namespace_info__()
NARROW = {
    "bool": ["bool"],
    "signed integer": ["int8", "int16", "int32"],
    "unsigned integer": ["uint8", "uint16", "uint32"],
    "real floating": ["float32"],
    "complex floating": ["complex64"],
}
WIDE = {
    "bool": [],
    "signed integer": ["int64"],
    "unsigned integer": ["uint64"],
    "real floating": ["float64"],
    "complex floating": ["complex128"],
}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("kind", NARROW)
def test_dtypes_of_a_kind(kind, wide):
    with dc.enable_x64(wide):
        made = INFO.dtypes(kind=kind)

    assert list(made) == NARROW[kind] + WIDE[kind] * wide
    assert all(made[name] == np.dtype(name) for name in made)


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        (None, list(NARROW)),
        ("integral", ["signed integer", "unsigned integer"]),
        ("numeric", list(NARROW)[1:]),
        (("bool", "integral"), list(NARROW)[:3]),
        (("real floating", "real floating"), ["real floating"]),
        ((), []),
    ],
)
@pytest.mark.parametrize("wide", [False, True])
def test_dtypes_of_several_kinds(kind, kinds, wide):
    with dc.enable_x64(wide):
        made = INFO.dtypes(kind=kind)

    expected = [name for k in kinds for name in NARROW[k] + WIDE[k] * wide]
    assert sorted(made) == sorted(expected)


def test_dtypes_of_a_device_are_those_of_all():
    assert INFO.dtypes(device=dc.devices()[0]) == INFO.dtypes()


@pytest.mark.parametrize("kind", ["float", np.float32, ["bool"], ("bool", "float")])
def test_a_kind_that_is_unknown(kind):
    unknown = kind[1] if isinstance(kind, tuple) else kind

    with pytest.raises(ValueError) as caught:
        INFO.dtypes(kind=kind)

    assert str(caught.value).splitlines()[0] == (
        "dtypes: `kind` must be None or of 'bool', 'signed integer', 'unsigned "
        "integer', 'real floating', 'complex floating', 'integral', 'numeric', got "
        f"{unknown!r}."
    )


@pytest.mark.parametrize("device", [None, dc.devices()[0]])
@pytest.mark.parametrize("wide", [False, True])
def test_default_dtypes_are_those_of_arrays_made_without_one(wide, device):
    with dc.enable_x64(wide):
        made = INFO.default_dtypes(device=device)

        assert made == {
            "real floating": jnp.zeros(1).dtype,
            "complex floating": jnp.asarray([1j]).dtype,
            "integral": jnp.arange(1).dtype,
            "indexing": jnp.argsort(jnp.zeros(1)).dtype,
        }
        assert made["real floating"] == ("float64" if wide else "float32")


def test_capabilities_are_those_of_compiled_functions():
    assert INFO.capabilities() == {
        "boolean indexing": False,
        "data-dependent shapes": False,
        "max dimensions": 64,
    }
    assert jnp.zeros((1,) * 64).ndim == 64


def test_arrays_are_made_on_every_device_that_is_listed():
    assert INFO.default_device() is None
    assert INFO.devices() == [None, *dc.devices()]
    for device in INFO.devices():
        assert jnp.zeros(2, device=device).device in dc.devices()


# ---- the namespace of an array -----------------------------------------------------


@pytest.mark.parametrize("version", [None, "2021.12", "2022.12", "2023.12", "2024.12"])
def test_arrays_know_their_namespace(version):
    x = jnp.ones(2)

    assert x.__array_namespace__(api_version=version) is jnp


def test_traced_values_know_their_namespace():
    seen = []

    dc.jit(dc.grad(lambda x: seen.append(x.__array_namespace__()) or x))(1.0)

    assert seen == [jnp]


@pytest.mark.parametrize("version", ["2020.12", "latest", 2024])
def test_a_version_of_the_standard_that_is_unknown(version):
    with pytest.raises(ValueError) as caught:
        jnp.ones(2).__array_namespace__(api_version=version)

    assert str(caught.value).splitlines()[0] == (
        "__array_namespace__: `api_version` must be one of 2021.12, 2022.12, 2023.12, "
        f"2024.12, got {version!r}."
    )


def test_the_newest_version_is_named():
    assert jnp.__array_api_version__ == "2024.12"
