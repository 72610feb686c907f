"""What may still change: callbacks with side effects."""

from .._higher_order import io_callback as io_callback
