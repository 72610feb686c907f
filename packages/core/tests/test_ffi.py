"""Compiled functions of other languages: attributes, layouts, batches, registration."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, ffi, lax

COMPILER = shutil.which("g++") or shutil.which("c++")
SOURCE = r"""
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using F32 = ffi::Buffer<ffi::F32>;
using F32Result = ffi::ResultBuffer<ffi::F32>;
using S32Result = ffi::ResultBuffer<ffi::S32>;

// y = scale * x + shift + sum(extra), and how many elements there were.
static ffi::Error Affine(F32 x, float scale, int64_t shift, bool negate,
                         std::string_view mode, ffi::Span<const int32_t> extra,
                         ffi::Dictionary options, F32Result y, S32Result count) {
  if (mode != "plain") return ffi::Error::InvalidArgument("mode must be plain");
  auto bonus = options.get<double>("bonus");
  if (bonus.has_error()) return bonus.error();
  float sum = shift + *bonus;
  for (int32_t e : extra) sum += e;
  for (size_t i = 0; i < x.element_count(); ++i)
    y->typed_data()[i] = (negate ? -1 : 1) * (scale * x.typed_data()[i] + sum);
  count->typed_data()[0] = x.element_count();
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(
    affine, Affine,
    ffi::Ffi::Bind()
        .Arg<F32>()
        .Attr<float>("scale")
        .Attr<int64_t>("shift")
        .Attr<bool>("negate")
        .Attr<std::string_view>("mode")
        .Attr<ffi::Span<const int32_t>>("extra")
        .Attr<ffi::Dictionary>("options")
        .Ret<F32>()
        .Ret<ffi::Buffer<ffi::S32>>());

// The bytes of x in the order in which they lie in memory; counts its calls.
static int32_t calls = 0;
static ffi::Error Verbatim(F32 x, F32 y, F32Result out, S32Result count) {
  ++calls;
  std::memcpy(out->typed_data(), x.typed_data(), x.size_bytes());
  for (size_t i = 0; i < out->element_count(); ++i)
    out->typed_data()[i] += y.typed_data()[i % y.element_count()];
  for (size_t i = 0; i < count->element_count(); ++i)
    count->typed_data()[i] = y.element_count();
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(verbatim, Verbatim,
                              ffi::Ffi::Bind()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Ret<F32>()
                                  .Ret<ffi::Buffer<ffi::S32>>());
extern "C" int32_t number_of_calls() { return calls; }

// Keeps what it made when it was instantiated.
struct State {
  static ffi::TypeId id;
  int32_t value;
};
ffi::TypeId State::id = {};
static ffi::TypeInfo state_info = ffi::MakeTypeInfo<State>();
static ffi::TypeId other_id = {};
extern "C" void* other_type_id() { return &other_id; }
extern "C" void* state_type_id() { return &State::id; }
extern "C" void* state_type_info() { return &state_info; }

static ffi::ErrorOr<std::unique_ptr<State>> Begin() {
  return std::make_unique<State>(State{42});
}
static ffi::Error Read(State* state, S32Result out) {
  out->typed_data()[0] = state->value;
  return ffi::Error::Success();
}
XLA_FFI_DEFINE_HANDLER_SYMBOL(state_begin, Begin, ffi::Ffi::BindInstantiate());
XLA_FFI_DEFINE_HANDLER_SYMBOL(
    state_read, Read,
    ffi::Ffi::Bind().Ctx<ffi::State<State>>().Ret<ffi::Buffer<ffi::S32>>());
"""
AFFINE = {
    "scale": np.float32(2.0),
    "shift": 1,
    "negate": True,
    "mode": "plain",
    "extra": np.arange(3, dtype=np.int32),
    "options": {"bonus": 0.5},
}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if COMPILER is None:
        pytest.skip("no C++ compiler on this machine")
    home = tmp_path_factory.mktemp("ffi")
    (home / "handlers.cc").write_text(SOURCE)
    command = [COMPILER, "-std=c++17", "-O0", "-w", "-shared", "-fPIC"]
    command += ["-I", ffi.include_dir(), "-o", "handlers.so", "handlers.cc"]
    subprocess.run(command, cwd=home, check=True)
    loaded = ctypes.cdll.LoadLibrary(str(home / "handlers.so"))
    for name in ("affine", "verbatim"):
        ffi.register_ffi_target(f"test_{name}", ffi.pycapsule(getattr(loaded, name)))
    return loaded


def struct(*shape, dtype=np.float32):
    return dc.ShapeDtypeStruct(shape, dtype)


def verbatim(shape, **options):
    results = (struct(*shape), struct(dtype=np.int32))
    return ffi.ffi_call("test_verbatim", results, **options)


# ---- calls ---------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit])
def test_attributes_of_every_kind_and_several_results(library, wrap):
    call = ffi.ffi_call("test_affine", [struct(3), struct(1, dtype=np.int32)])

    y, count = wrap(lambda x: call(x, **AFFINE))(jnp.arange(3.0))

    np.testing.assert_array_equal(y, [-4.5, -6.5, -8.5])
    np.testing.assert_array_equal(count, [3])


def test_an_error_of_the_handler_is_raised(library):
    call = ffi.ffi_call("test_affine", [struct(3), struct(1, dtype=np.int32)])

    with pytest.raises(RuntimeError, match="mode must be plain"):
        call(jnp.arange(3.0), **{**AFFINE, "mode": "other"})


def test_one_result_is_given_bare():
    call = ffi.ffi_call("test_target", struct(2))
    (several,) = dc.make_jaxpr(ffi.ffi_call("test_target", [struct(2)]))(1.0).out_avals

    assert dc.eval_shape(call, 1.0).shape == (2,)
    assert several.shape == (2,)
    assert isinstance(dc.eval_shape(ffi.ffi_call("t", [struct(2)]), 1.0), list)


def test_layouts_are_orders_of_axes_from_slow_to_fast(library):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    zero = jnp.zeros(1)

    columns, _ = verbatim((2, 3), input_layouts=[(1, 0), None])(x, zero)
    rows, _ = verbatim((2, 3), output_layouts=[(1, 0), None])(x, zero)
    both, _ = verbatim(
        (2, 3), input_layouts=[(1, 0), None], output_layouts=[(1, 0), ()]
    )(x, zero)

    np.testing.assert_array_equal(columns, x.T.reshape(2, 3))
    np.testing.assert_array_equal(rows, x.reshape(3, 2).T)
    np.testing.assert_array_equal(both, x)


def test_operands_are_row_major_whatever_computed_them(library):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)

    @dc.jit
    def f(x):
        out, _ = verbatim((3, 2))((x * 2).T, jnp.zeros(1))
        return out

    np.testing.assert_array_equal(f(x), 2 * x.T)


def test_an_aliased_argument_keeps_its_value_for_others(library):
    call = verbatim((3,), input_output_aliases={0: 0})

    @dc.jit
    def f(x):
        y = x + 1
        return y, call(y, jnp.ones(1))[0]

    before, after = f(jnp.zeros(3))

    np.testing.assert_array_equal(before, np.ones(3))
    np.testing.assert_array_equal(after, np.full(3, 2.0))


@pytest.mark.parametrize(
    ("method", "count"),
    [
        ("sequential", [1, 1]),
        ("sequential_unrolled", [1, 1]),
        ("expand_dims", [1, 1]),
        ("broadcast_all", [2, 2]),
        ("legacy_vectorized", [1, 1]),
    ],
)
def test_vmap_methods(library, method, count):
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    call = verbatim((3,), vmap_method=method)

    out, sizes = dc.jit(dc.vmap(call, in_axes=(1, None)))(x, np.ones((), np.float32))

    np.testing.assert_array_equal(out, x.T + 1)
    np.testing.assert_array_equal(sizes, count)


def test_batches_keep_the_layouts_of_their_elements():
    call = ffi.ffi_call(
        "test_target",
        struct(2, 3),
        vmap_method="broadcast_all",
        input_layouts=[(1, 0)],
    )

    text = dc.jit(dc.vmap(call)).lower(jnp.ones((4, 2, 3))).as_text()

    assert "operand_layouts = [dense<[1, 2, 0]> : tensor<3xindex>]" in text
    assert "result_layouts = [dense<[2, 1, 0]> : tensor<3xindex>]" in text


def test_side_effects_happen_though_nothing_needs_the_results(library):
    def calls_of(f):
        before = library.number_of_calls()
        dc.block_until_ready(dc.jit(f)(jnp.ones(2)))
        return library.number_of_calls() - before

    def unused(**options):
        return lambda x: (verbatim((2,), **options)(x, x), x)[1]

    assert calls_of(unused()) == 0
    assert calls_of(unused(has_side_effect=True)) == 1


def test_foreign_calls_in_loops_branches_and_checkpoints(library):
    call = dc.custom_jvp(lambda x: verbatim((2,))(x, jnp.ones(1))[0])
    call.defjvps(lambda dx, out, x: dx)

    def step(x, _):
        x = lax.cond(x[0] > 1, call, lambda x: 2 * x, x)
        return x, None

    def f(x):
        return lax.scan(step, x, None, length=3)[0].sum()

    value, gradient = dc.jit(dc.value_and_grad(dc.checkpoint(f)))(jnp.ones(2))

    assert float(value) == 8.0
    np.testing.assert_array_equal(gradient, [2.0, 2.0])


def test_a_handler_with_a_state_registers_its_type(library):
    capsules = {}
    for name in ("state_type_id", "state_type_info"):
        address = getattr(library, name)
        address.restype = ctypes.c_void_p
        capsules[name.removeprefix("state_")] = ffi.pycapsule(address())
    ffi.register_ffi_type("test_state", capsules)
    stages = {"instantiate": library.state_begin, "execute": library.state_read}
    ffi.register_ffi_target(
        "test_read", {stage: ffi.pycapsule(f) for stage, f in stages.items()}
    )

    got = dc.jit(ffi.ffi_call("test_read", struct(dtype=np.int32)))()

    assert int(got) == 42


def test_registering_an_identity_fills_it_in(library):
    library.other_type_id.restype = ctypes.c_void_p
    address = library.other_type_id()
    dc.devices()  # until XLA runs, registrations wait

    ffi.register_ffi_type_id("test_other", ffi.pycapsule(address))

    assert ctypes.c_int64.from_address(address).value > 0


def test_a_target_that_jaxlib_brings_along():
    lapack = pytest.importorskip("jaxlib.cpu._lapack")
    lapack.initialize()
    capsules = lapack.registrations()
    ffi.register_ffi_target("test_spotrf", capsules["lapack_spotrf_ffi"])
    a = np.array([[4.0, 2.0], [2.0, 5.0]], np.float32)
    call = ffi.ffi_call(
        "test_spotrf",
        [struct(2, 2), struct(dtype=np.int32)],
        input_layouts=[(1, 0)],
        output_layouts=[(1, 0), ()],
        input_output_aliases={0: 0},
    )

    factor, info = dc.jit(lambda a: call(a, uplo=np.uint8(ord("L"))))(a)

    np.testing.assert_array_equal(np.tril(factor), np.linalg.cholesky(a))
    assert int(info) == 0


def test_older_interfaces_get_a_text():
    call = ffi.ffi_call(
        "test_target",
        struct(2),
        custom_call_api_version=2,
        legacy_backend_config="settings",
    )

    text = dc.jit(call).lower(jnp.ones(2)).as_text()

    assert 'api_version = 2 : i32, backend_config = "settings"' in text


# ---- for authors of primitives -------------------------------------------------------


def test_the_parameters_of_a_primitive_are_attributes_of_its_target(library):
    class Affine(extend.Primitive):
        multiple_results = True
        scale: np.float32
        shift: int

        def infer_type(self, arg_types):
            (x,) = arg_types
            return x, extend.array_type((1,), np.dtype(np.int32))

        lower = ffi.ffi_lowering(
            "test_affine",
            backend_config={key: AFFINE[key] for key in list(AFFINE)[2:]},
        )

    y, _ = dc.jit(lambda x: extend.bind(Affine(np.float32(3.0), 4), x))(jnp.ones(2))

    np.testing.assert_array_equal(y, [-10.5, -10.5])


def test_a_lower_rule_may_emit_a_call_with_attributes(library):
    class Scaled(extend.Primitive):
        scale: float

        def infer_type(self, arg_types):
            (x,) = arg_types
            return x

        def lower(self, builder, args):
            (x,) = args
            count = extend.array_type((1,), np.dtype(np.int32))
            builder.out_types = [*builder.out_types, count]
            call = ffi.build_ffi_lowering_function(
                "test_affine",
                operand_layouts=[[0]],
                result_layouts=[[0], [0]],
                skip_ffi_layout_processing=True,
            )
            settings = {**AFFINE, "scale": np.float32(self.scale)}
            return call(builder, x, **settings)[0]

    got = dc.jit(lambda x: extend.bind(Scaled(3.0), x))(jnp.ones(2))

    np.testing.assert_array_equal(got, [-7.5, -7.5])


# ---- errors --------------------------------------------------------------------------


def error_of(call, cls):
    with pytest.raises(cls) as caught:
        call()
    # The user's line moves with this file; everything else is pinned.
    assert f"{__file__}:" in str(caught.value)
    return re.sub(r"\n  at .*?:\d+ in .*", "\n  at HERE", str(caught.value))


X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "cls", "expected"),
    [
        (
            lambda: ffi.ffi_call("t", struct(2), vmap_method="all"),
            ValueError,
            "ffi_call of 't': vmap_method must be None or one of 'sequential', "
            "'sequential_unrolled', 'expand_dims', 'broadcast_all', "
            "'legacy_vectorized', got 'all'.\n  at HERE",
        ),
        (
            lambda: ffi.ffi_call("t", [struct(2), 3]),
            TypeError,
            "ffi_call of 't': expected result_shape_dtypes[1] to have a shape and a "
            "dtype, got int 3.\n  at HERE\n"
            "Describe every result with a `ShapeDtypeStruct(shape, dtype)`.",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2), custom_call_api_version=5),
            ValueError,
            "ffi_call of 't': expected custom_call_api_version to be 1, 2, 3 or 4, got "
            "5.\n  at HERE",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2), legacy_backend_config="x"),
            ValueError,
            "ffi_call of 't': `legacy_backend_config` is for functions of the older "
            "interfaces, but custom_call_api_version=4.\n  at HERE\n"
            "Pass attributes by keyword in the call instead.",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2), custom_call_api_version=1)(X, n=1),
            ValueError,
            "ffi_call of 't': attributes are for functions of the typed interface, but "
            "custom_call_api_version=1; got n.\n  at HERE\n"
            "Pass a text as `legacy_backend_config` instead.",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2))(X, options={"n": (1, [2])}),
            TypeError,
            "ffi_call of 't': the attribute options['n'][1] must be a number, a "
            "string, a NumPy array or a tuple or dictionary of these, got list [2].\n"
            "  at HERE\nPass arrays that programs compute as arguments, by position.",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2))(X, "plain"),
            TypeError,
            "ffi_call of 't': expected an array as argument 1, got str 'plain'.\n"
            "  at HERE\nPass settings as attributes, by keyword.",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2), input_layouts=[(0, 1), None])(X),
            ValueError,
            "ffi_call of 't': expected `input_layouts` to have 1 entries, one for each "
            "argument, got 2.\n  at HERE",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2), output_layouts=(1, 0)),
            ValueError,
            "ffi_call of 't': expected output_layouts[0] to be an order of the 1 axes "
            "of f32[2], got (1, 0).\n  at HERE",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2), input_output_aliases={0: 1})(X),
            ValueError,
            "ffi_call of 't': input_output_aliases={0: 1} names argument 0 and result "
            "1, but there are 1 arguments and 1 results.\n  at HERE",
        ),
        (
            lambda: ffi.ffi_call("t", struct(2), input_output_aliases={0: 0})(X),
            ValueError,
            "ffi_call of 't': an argument can share memory with a result of its shape "
            "and dtype only, but argument 0 is f32[2,3] and result 0 is f32[2].\n"
            "  at HERE\nCorrect `input_output_aliases`.",
        ),
        (
            lambda: dc.grad(ffi.ffi_call("t", struct()))(1.0),
            ValueError,
            "differentiation of ffi_call of 't': the derivative of a foreign function "
            "is not known.\n  at HERE\nWrap the call in a function with `custom_jvp` "
            "or `custom_vjp` that states it.",
        ),
        (
            lambda: dc.vmap(ffi.ffi_call("t", struct(3)))(X),
            NotImplementedError,
            "vmap of ffi_call of 't': `vmap_method` says how to call it for a batch, "
            "and none was given.\n  at HERE\n"
            "Pass vmap_method='sequential' to call it for each element, or "
            "'expand_dims' or 'broadcast_all' if it takes arrays with a leading batch "
            "axis.",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(call, cls, expected):
    assert error_of(call, cls) == expected


def test_a_target_that_is_not_registered_is_named():
    with pytest.raises(RuntimeError, match="No FFI handler registered for nowhere"):
        ffi.ffi_call("nowhere", struct(2))(X)
