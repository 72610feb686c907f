"""Programs that are meant to differ from JAX, and why.

Each reason comes with the programs it holds for. A program named here must differ.
"""

_GROUPS: dict[str, tuple[str, ...]] = {
    "Indices that are known to be out of bounds raise instead of being clamped.": (
        "indexing: integers beyond the end",
        "indexing: integers beyond the end, traced",
        "indexing: set at integers beyond the end",
        "wrong: an index beyond the end",
    ),
    "A mask may be traced where the shape of the result does not depend on it.": (
        "indexing: at set by a mask",
    ),
    "Shapes and values that do not fit are ValueErrors, as NumPy's are.": (
        "wrong: shapes that do not broadcast",
        "wrong: matmul of different sizes",
        "wrong: reshape to another size",
        "wrong: reshape with two unknown sizes",
        "wrong: transpose with a repeated axis",
        "wrong: concatenate of different shapes",
        "wrong: a negative shape",
        "wrong: lax add of different shapes",
        "wrong: lax select of different shapes",
        "wrong: lax dynamic slice too large",
        "wrong: lax broadcast to a smaller shape",
        "wrong: eval_shape of a bad program",
        "linalg: eig of the shape vector",
        "linalg: eig of the shape scalar",
        "linalg: eigvals of the shape vector",
        "linalg: eigvals of the shape scalar",
        "linalg: eigvalsh of the shape vector",
        "linalg: eigvalsh of the shape scalar",
        "linalg: svdvals of the shape vector",
        "linalg: svdvals of the shape scalar",
        "lax_nn: nn standardize of another axis",
        "lax_nn: nn glu of an odd size",
        "lax_nn: lax reduce_window of too few sizes",
        "lax_nn: lax ragged_dot of too many sizes",
        "lax_nn: lax sort of different shapes",
    ),
    "Axes may be counted from the end.": (
        "lax_nn: lax cumsum of an axis from the end",
        "lax_nn: lax cumprod of an axis from the end",
        "lax_nn: lax cummax of an axis from the end",
        "lax_nn: lax cummin of an axis from the end",
        "lax_nn: lax cumlogsumexp of an axis from the end",
    ),
    "Activations take integers and booleans for floating-point numbers.": (
        "lax_nn: nn log_sigmoid of booleans",
        "lax_nn: nn sigmoid of integers",
        "lax_nn: nn sigmoid of booleans",
        "lax_nn: nn silu of integers",
        "lax_nn: nn silu of booleans",
    ),
    "The rank of a matrix without elements is zero.": (
        "linalg: matrix_rank of the shape nothing",
    ),
    "Booleans are numbers wherever NumPy takes them for some.": (
        "numpy_rest: round by dtype",
        "numpy_rest: round of python scalars",
        "numpy_rest: kron of bool and bool",
        "promotion: lax add of all pairs",
        "promotion: lax mul of all pairs",
    ),
    "Kinds and dtypes that do not fit are TypeErrors.": (
        "wrong: an array of None",
        "indexing: at set of None",
        "wrong: fori with float bounds",
        "wrong: uniform of integers",
        "wrong: bits of floats",
        "linalg: lax qdwh of integers",
        "lax_nn: lax cumlogsumexp of integers",
    ),
    "An operation without a derivative of a kind is a TypeError, whichever it is.": (
        "wrong: reverse through while",
    ),
    "A traced value prints as such under any format: messages should not fail.": (
        "wrong: a tracer in a format",
    ),
    "A scan traces its body until the types of the carry settle, results included.": (
        "batching: scan with a mapped closure",
        "control_flow: scan of trees",
        "control_flow: scan in scan",
    ),
    "Derivatives are weakly typed exactly where their primals are.": (
        "autodiff: float0 of an integer argument",
        "control_flow: scan with a carry of integers",
        "custom_rules: custom vjp in scan",
        "solvers: gradients of ode",
        "trees: gradient of ravel",
    ),
    "The times of several signals are those of their samples, not of the signals.": (
        "scipy_signal: istft of several signals",
    ),
    "The structure of None has no leaf, so it is none.": (
        "trees: structure of None has",
    ),
    "Booleans and a default that is a Python number make weakly typed numbers.": (
        "lax_nn: nn squareplus of booleans",
    ),
    "A power of bool and int promotes as their sum does.": (
        "promotion: power with python scalars",
        "promotion: power of python scalars",
    ),
    "An array donated twice is found before the program runs.": (
        "stages: a donated array passed twice",
    ),
    "A 16-bit moment is widened before it is multiplied, not after.": (
        "optimizers: o.adam(0.02, mu_dtype='bfloat16'), 100 steps",
    ),
    "Powers of integers are there, as their products are.": (
        "indexing: at power of int4",
        "promotion: lax pow of all pairs",
    ),
    "A reduction may start from a number of another dtype.": (
        "ufuncs: reduce logaddexp where, and from a value",
    ),
    "No record is left out unless that is asked for.": (
        "data_loaders: parts of unequal size",
    ),
    "An example begins in one row with all of its features.": (
        "data_packing: cutting goes on where it was",
        "data_packing: two features cut",
    ),
    "An example as long as a row is given when it is read, before the unfilled row.": (
        "data_packing: full rows whole",
    ),
    "Threads that read ahead need room for what they read.": (
        "data_pipelines: threads without a buffer",
    ),
    "A carry that begins to vary over a mesh is cast.": (
        "meshes: scan whose carry begins to vary",
    ),
    "A name that nothing binds is a NameError inside shard_map too.": (
        "meshes: wrong: a collective of an unknown name",
    ),
    "An integer modulo 0 is 0, as in NumPy.": ("elementwise: numpy fmod of bools",),
}

ACCEPTED = {name: reason for reason, names in _GROUPS.items() for name in names}
