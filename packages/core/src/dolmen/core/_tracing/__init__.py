"""The current trace, tracers, and the two interpreters that need no rules."""

from .._backend import set_tracer_class as _set_tracer_class
from ._axes import (
    NamedAxis as NamedAxis,
    batched_axis as batched_axis,
    binding_axes as binding_axes,
    bound_axes as bound_axes,
    find_axis as find_axis,
    keeping_axes as keeping_axes,
    unbound_axis as unbound_axis,
)
from ._compile_time import (
    ensure_compile_time_eval as ensure_compile_time_eval,
    eval_context as eval_context,
)
from ._eager import (
    EAGER as EAGER,
    check_finite as check_finite,
    check_live as check_live,
    compiled as compiled,
    run_program as run_program,
)
from ._errors import (
    ConcretizationTypeError as ConcretizationTypeError,
    JAXIndexError as JAXIndexError,
    JAXTypeError as JAXTypeError,
    NonConcreteBooleanIndexError as NonConcreteBooleanIndexError,
    TracerArrayConversionError as TracerArrayConversionError,
    TracerBoolConversionError as TracerBoolConversionError,
    TracerIntegerConversionError as TracerIntegerConversionError,
    UnexpectedTracerError as UnexpectedTracerError,
    check_leaks as check_leaks,
    closes_over as closes_over,
    leaked as leaked,
    not_concrete as not_concrete,
)
from ._key_uses import (
    KeyReuseError as KeyReuseError,
    key_is_used as key_is_used,
    key_uses_are_checked as key_uses_are_checked,
    note_part_of_keys as note_part_of_keys,
    pass_back_key_uses as pass_back_key_uses,
    pass_on_key_uses as pass_on_key_uses,
    pass_on_key_uses_of_steps as pass_on_key_uses_of_steps,
    use_key as use_key,
)
from ._mesh_context import (
    as_sharding as as_sharding,
    get_mesh as get_mesh,
    set_mesh as set_mesh,
)
from ._partitioning import (
    check_splits as check_splits,
    constraints as constraints,
    held_sharding as held_sharding,
    partition_of as partition_of,
)
from ._recording import (
    RecordedTracer as RecordedTracer,
    RecordingTrace as RecordingTrace,
    closed as closed,
    evaluate as evaluate,
    record as record,
    record_closed as record_closed,
    record_stateful as record_stateful,
)
from ._refs import (
    AbstractRef as AbstractRef,
    Cell as Cell,
    lending as lending,
    present as present,
    unexpected_write as unexpected_write,
    write_back as write_back,
)
from ._trace import (
    CustomCall as CustomCall,
    Trace as Trace,
    Tracer as Tracer,
    aligned as aligned,
    bind as bind,
    bind_custom as bind_custom,
    current_trace as current_trace,
    enter as enter,
    entering as entering,
    is_staging as is_staging,
    set_alignment as set_alignment,
    state as state,
)
from ._values import (
    as_array as as_array,
    concrete as concrete,
    device_array as device_array,
    device_of as device_of,
    is_array_like as is_array_like,
    placed as placed,
    typeof as typeof,
)

_set_tracer_class(Tracer)
