"""Handlers that save the position of an iterator, by Orbax's interface.

They write one small JSON file per process. A checkpoint that is a tree, as those of
`dolmen.ckpt`, needs none of this: put ``iterator.get_state()`` into the tree.
"""

from ._checkpoint import (
    CheckpointHandler as CheckpointHandler,
    CheckpointRestore as CheckpointRestore,
    CheckpointSave as CheckpointSave,
)
