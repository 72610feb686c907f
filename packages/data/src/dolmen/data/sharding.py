"""Sharding: which part of the records a process reads."""

from ._sharding import (
    NoSharding as NoSharding,
    ShardByJaxProcess as ShardByJaxProcess,
    ShardOptions as ShardOptions,
)
