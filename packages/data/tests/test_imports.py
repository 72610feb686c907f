import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    ["dolmen.core", "jax", "jaxlib", "array_record", "pyarrow", "absl", "asyncio"],
)
def test_importing_the_package_does_not_import(module):
    code = f"import dolmen.data, sys; sys.exit({module!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_modules_define_what_they_say():
    from dolmen import data

    public = {name for name in vars(data) if not name.startswith("_")}

    assert public == {
        "ArrayRecordDataSource",
        "Arrays",
        "DamagedFileError",
        "DataLoader",
        "DataLoaderIterator",
        "DatasetIterator",
        "Flat",
        "FlatWriter",
        "IterDataset",
        "Loader",
        "MapDataset",
        "MultiprocessingOptions",
        "ParquetDataSource",
        "RandomAccessDataSource",
        "ReadOptions",
        "Record",
        "RecordMetadata",
        "SharedMemoryDataSource",
        "TFRecordDataSource",
        "TextLines",
        "TokenWindows",
        "WorkerDiedError",
        "batched",
        "checkpoint",
        "config",
        "experimental",
        "load",
        "multiprocessing",
        "python",
        "samplers",
        "sharding",
        "sources",
        "transforms",
    }
