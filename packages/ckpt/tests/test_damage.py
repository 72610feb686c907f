"""Damage to stored bytes: every flip, cut, swap and loss is an error, never a value."""

import os
import random
import re
import shutil

import numpy
import pytest

import dolmen.ckpt as ck

pytestmark = pytest.mark.usefixtures("small_blocks")


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "step"
    tree = {
        "w": numpy.arange(400, dtype="float32"),
        "b": [numpy.arange(7, dtype="int16"), numpy.arange(9, dtype="uint8")],
        "iterator": {"position": 7, "name": "train", "seen": [1, 2.5, None]},
    }
    ck.save(path, tree, metadata={"commit": "3f2a"})
    return path


def packs_of(path):
    return sorted(path.glob("*.pack"))


def assert_damage_is_found(path):
    for read in (ck.load, ck.verify):
        with pytest.raises(ck.CorruptCheckpointError):
            read(path)


def test_no_flipped_bit_goes_unnoticed(saved):
    rng = random.Random(0)
    files = sorted(saved.iterdir())
    assert len(files) == 3

    for _ in range(400):
        file = rng.choice(files)
        data = file.read_bytes()
        bit = rng.randrange(8 * len(data))
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        file.write_bytes(flipped)

        assert_damage_is_found(saved)

        file.write_bytes(data)
    ck.verify(saved)


def test_every_flipped_bit_of_the_header_is_found(saved):
    file = saved / "MANIFEST"
    data = file.read_bytes()

    for bit in range(8 * 32):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        file.write_bytes(flipped)

        assert_damage_is_found(saved)


def test_no_cut_or_grown_file_goes_unnoticed(saved):
    for file in sorted(saved.iterdir()):
        data = file.read_bytes()
        for size in (0, 1, 31, 32, 33, len(data) // 2, len(data) - 1):
            file.write_bytes(data[:size])
            assert_damage_is_found(saved)
        file.write_bytes(data + b"\0")
        assert_damage_is_found(saved)
        file.write_bytes(data)
    ck.verify(saved)


def test_a_lost_pack_is_found(saved):
    pack = packs_of(saved)[1]
    pack.unlink()

    with pytest.raises(ck.CorruptCheckpointError) as caught:
        ck.load(saved)

    assert str(caught.value) == (
        f"load: {pack} is missing; the MANIFEST lists it with 649 bytes.\n"
        "Use another step or a copy."
    )
    assert caught.value.file == str(pack)


def test_swapped_blocks_are_found(saved):
    pack = packs_of(saved)[0]
    data = pack.read_bytes()
    pack.write_bytes(data[256:512] + data[:256] + data[512:])

    assert_damage_is_found(saved)


def test_damage_names_file_leaf_and_offset(saved):
    pack = packs_of(saved)[1]
    data = bytearray(pack.read_bytes())
    data[600] ^= 1
    pack.write_bytes(data)

    with pytest.raises(ck.CorruptCheckpointError) as caught:
        ck.load(saved)

    assert str(caught.value) == (
        "load: 1 block is damaged:\n"
        f"  {pack}, bytes 512 to 649: its hash differs from the one in the MANIFEST; "
        "holds ['w'], ['b'][0], ['b'][1]\n"
        "Nothing was restored; use another step or a copy."
    )
    assert caught.value.file == str(pack)
    assert caught.value.leaf == "['w']"
    assert caught.value.offset == 512


def test_verify_lists_all_damaged_blocks(saved):
    for pack in packs_of(saved):
        pack.write_bytes(bytes(pack.stat().st_size))

    with pytest.raises(ck.CorruptCheckpointError) as caught:
        ck.verify(saved)

    assert len(re.findall(r"holds \['w'\]", str(caught.value))) == 7
    assert str(caught.value).startswith("verify: 7 blocks are damaged:\n")


def test_a_damaged_manifest_says_what_is_wrong(saved):
    file = saved / "MANIFEST"
    file.write_bytes(file.read_bytes()[:-1] + b"?")

    with pytest.raises(ck.CorruptCheckpointError) as caught:
        ck.tree(saved)

    assert str(caught.value) == (
        f"tree: {file} is damaged: its checksum does not match its bytes.\n"
        "Without it this checkpoint can't be read; use another step or a copy."
    )


def test_a_copied_checkpoint_is_valid(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "copy", copy_function=shutil.copyfile)

    ck.verify(tmp_path / "copy")


def test_padding_is_verified_too(saved):
    pack = packs_of(saved)[1]
    data = bytearray(pack.read_bytes())
    assert data[1600 - 1024 + 14] == 0  # behind the 14 bytes of ['b'][0]
    data[1600 - 1024 + 14] = 1
    pack.write_bytes(data)

    assert_damage_is_found(saved)


def test_files_are_closed_after_an_error(saved):
    packs_of(saved)[0].write_bytes(bytes(1024))
    before = len(os.listdir("/proc/self/fd"))

    assert_damage_is_found(saved)

    assert len(os.listdir("/proc/self/fd")) == before
