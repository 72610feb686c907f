"""Checkpoints that cannot rot silently.

A checkpoint is a directory of packs, the raw bytes of all leaves, and one MANIFEST
with the hash of every block. The MANIFEST is written last and is the only mark of a
commit; everything is verified when it is restored.
"""

from ._checkpoint import (
    load as load,
    metadata as metadata,
    save as save,
    tree as tree,
    verify as verify,
)
from ._checkpointer import Checkpointer as Checkpointer
from ._errors import (
    CheckpointError as CheckpointError,
    CorruptCheckpointError as CorruptCheckpointError,
    SaveError as SaveError,
    TreeMismatchError as TreeMismatchError,
)
