"""Worker processes, and arrays that they share."""

from ._options import MultiprocessingOptions as MultiprocessingOptions
from ._shared_array import (
    SharedMemoryArray as SharedMemoryArray,
    SharedMemoryArrayMetadata as SharedMemoryArrayMetadata,
)
