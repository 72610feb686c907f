"""A simulated disk that can fail, crash and lose power at any operation."""

import contextlib
import errno
import random

import pytest

from dolmen.ckpt import _files, _format


class Crash(BaseException):
    """The machine stops here; nothing catches this."""


class Inode:
    """A file: its contents, and how much of them is durable."""

    def __init__(self):
        self.content = bytearray()
        self.durable = b""


class SimulatedDisk:
    """Directories and files in memory, implementing `Files`.

    Contents become durable by `sync`, directory entries by `sync_directory`. `before`
    is called before every operation that changes the disk, with its number.
    """

    def __init__(self):
        self.entries = {"/": {}}  # directory -> name -> Inode, or None for a directory
        self.durable = {"/": {}}
        self.operations = 0
        self.handles = []
        self.dead = False
        self.before = lambda number: None

    def _change(self):
        self._touch()
        self.operations += 1
        self.before(self.operations)

    def _touch(self):
        if self.dead:
            raise Crash

    def _inode(self, path):
        directory, _, name = path.rpartition("/")
        inode = self.entries.get(directory or "/", {}).get(name)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return inode

    def make_directory(self, path):
        self._touch()
        if path in self.entries:
            return
        parent, _, name = path.rpartition("/")
        parent = parent or "/"
        self.make_directory(parent)
        self._change()
        self.entries[parent][name] = None
        self.entries[path] = {}
        self.durable.setdefault(path, {})
        self.sync_directory(parent)

    def create(self, path):
        self._change()
        directory, _, name = path.rpartition("/")
        if name in self.entries[directory]:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        inode = self.entries[directory][name] = Inode()
        self.handles.append(inode)
        return len(self.handles) - 1

    def write(self, handle, data, offset):
        content = self.handles[handle].content
        content.extend(bytes(offset + len(data) - len(content)))
        half = len(data) // 2
        content[offset : offset + half] = data[:half]
        self._change()  # stops half-way
        content[offset : offset + len(data)] = data

    def sync(self, handle):
        self._change()
        self.handles[handle].durable = bytes(self.handles[handle].content)

    def close(self, handle):
        self._touch()

    def sync_directory(self, path):
        self._change()
        self.durable[path] = dict(self.entries[path])

    def rename(self, source, target):
        self._change()
        inode = self._inode(source)
        directory, _, name = source.rpartition("/")
        del self.entries[directory or "/"][name]
        directory, _, name = target.rpartition("/")
        self.entries[directory or "/"][name] = inode

    def remove(self, path):
        self._change()
        self._inode(path)
        directory, _, name = path.rpartition("/")
        del self.entries[directory or "/"][name]

    def remove_directory(self, path):
        self._change()
        if self.entries[path]:
            raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
        directory, _, name = path.rpartition("/")
        del self.entries[path]
        del self.entries[directory or "/"][name]

    def names(self, path):
        self._touch()
        if path not in self.entries:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return sorted(self.entries[path])

    def size(self, path):
        self._touch()
        return len(self._inode(path).content)

    def read(self, path):
        self._touch()
        return bytes(self._inode(path).content)

    def open(self, path):
        self._touch()
        self.handles.append(self._inode(path))
        return len(self.handles) - 1

    def read_into(self, handle, target, offset):
        self._touch()
        data = self.handles[handle].content[offset : offset + len(target)]
        target[: len(data)] = data
        return len(data)

    @contextlib.contextmanager
    def lock(self, path):
        self._touch()
        if path not in self.entries:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        yield

    def crash_at(self, number):
        """Stops the machine just before operation `number`."""

        def before(current):
            if current == number:
                self.dead = True
                raise Crash

        self.before = before

    def fail_at(self, number, code, message):
        """Refuses operation `number`."""

        def before(current):
            if current == number:
                raise OSError(code, message)

        self.before = before

    def rebooted(self, seed):
        """The disk after power came back.

        Args:
            seed: ``"kept"``: the kernel had written everything; ``"dropped"``: nothing
                that was not synced; a number: chosen at random for every directory
                entry and every file, whose contents may also be cut or zeroed.
        """
        rng = random.Random(seed)
        disk = SimulatedDisk()
        choose = {
            "kept": lambda durable, current: current,
            "dropped": lambda durable, current: durable,
        }.get(seed, lambda durable, current: rng.choice([durable, current]))

        def survivor(inode):
            content = bytes(inode.content)
            kept = choose(inode.durable, content)
            if kept != inode.durable and not isinstance(seed, str):
                cut = rng.randrange(len(content) + 1)
                kept = rng.choice([kept, content[:cut], bytes(len(content))])
            copy = Inode()
            copy.content, copy.durable = bytearray(kept), kept
            return copy

        copies = {}

        def visit(path):
            durable = self.durable.get(path, {})
            current = self.entries.get(path, {})
            found = disk.entries[path] = {}
            for name in sorted({*durable, *current}):
                absent = object()
                entry = choose(durable.get(name, absent), current.get(name, absent))
                if entry is absent:
                    continue
                if entry is None:
                    found[name] = None
                    visit(f"{path.rstrip('/')}/{name}")
                else:
                    found[name] = copies.setdefault(id(entry), survivor(entry))
            disk.durable[path] = dict(found)

        visit("/")
        return disk


@pytest.fixture
def mount(monkeypatch):
    """Puts a simulated disk, by default a new one, in the place of local files."""

    def mount(disk=None):
        disk = SimulatedDisk() if disk is None else disk
        monkeypatch.setattr(_files, "LOCAL", disk)
        return disk

    return mount


@pytest.fixture
def machine_stops():
    """The exception of a simulated crash."""
    return Crash


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 256 bytes and packs of 1 KiB, so that small trees need several."""
    monkeypatch.setattr(_format, "BLOCK_BYTES", 256)
    monkeypatch.setattr(_format, "PACK_BYTES", 1024)
