import pickle

import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data import DamagedFileError, MapDataset, TextLines, _text_lines


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError, LookupError, OSError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


@settings(deadline=None, max_examples=60)
@given(
    lines=st.lists(st.text(alphabet="aé", max_size=5), max_size=70),
    is_open=st.booleans(),
    chunk=st.integers(1, 50),
)
def test_lines_are_those_of_python(tmp_path_factory, lines, is_open, chunk):
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    text = "\n".join(lines) + ("" if is_open else "\n" if lines else "")
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_text_lines, "_CHUNK", chunk)

        source = TextLines(path)

    with path.open() as file:
        expected = [line.removesuffix("\n") for line in file]
    assert [source[i] for i in range(len(source))] == expected
    assert source.__getitems__(range(len(source))) == expected


def test_files_follow_one_another_also_in_another_process(tmp_path):
    (tmp_path / "a.txt").write_text("one\r\n\ntwo")
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "c.txt").write_text("three\n")

    source = pickle.loads(pickle.dumps(TextLines(tmp_path / "*.txt")))

    assert list(MapDataset.source(source)) == ["one", "", "two", "three"]
    assert source[-1] == "three"
    assert source.origin(2) == (str(tmp_path / "a.txt"), 2, 6)
    assert source.origin(3) == (str(tmp_path / "c.txt"), 0, 0)


def test_lines_may_be_bytes_or_another_encoding(tmp_path):
    path = tmp_path / "latin"
    path.write_bytes(b"caf\xe9\n")

    assert TextLines(path, encoding=None)[0] == b"caf\xe9"
    assert TextLines(path, encoding="latin-1")[0] == "café"


def test_a_pickled_index_is_small(tmp_path):
    path = tmp_path / "many"
    path.write_text("x\n" * 100_000)

    assert len(pickle.dumps(TextLines(path))) < 60_000


def test_a_line_that_is_no_text_is_told_or_skipped(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"good\nbad \xff\nlast")

    assert message_of(lambda: TextLines(path)[1]) == (
        f"TextLines: {path} is damaged at byte 9: line 1 is no text in utf-8 (invalid "
        "start byte). Copy the file anew, or pass `on_damage='skip'` to leave out and "
        "count what can't be read."
    )
    source = TextLines(path, on_damage="skip")
    assert list(MapDataset.source(source)) == ["good", "last"]
    assert source.damaged == 1


def test_a_file_that_has_changed_since_is_refused(tmp_path):
    path = tmp_path / "text"
    path.write_text("one\ntwo\n")
    source = pickle.dumps(TextLines(path))
    path.write_text("one\n")

    with pytest.raises(DamagedFileError) as error:
        pickle.loads(source)

    assert str(error.value).startswith(
        f"TextLines: {path} is damaged at byte 4: it had 8 bytes when its lines were "
        "looked for."
    )


def test_progress_is_told_for_large_files_only(tmp_path, monkeypatch, capsys):
    path = tmp_path / "text"
    path.write_text("one\ntwo\n")
    monkeypatch.setattr(_text_lines, "_CHUNK", 4)
    TextLines(path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_text_lines, "_SECONDS_UNTIL_TOLD", 0)

    TextLines(path)
    told = capsys.readouterr().err
    TextLines(path, progress=False)

    assert told == (
        "\rTextLines:  50% of 0.0 GB indexed\rTextLines: 100% of 0.0 GB indexed\n"
    )
    assert capsys.readouterr().err == ""


def test_wrong_arguments_are_refused(tmp_path):
    path = tmp_path / "text"
    path.write_text("one\n")

    assert message_of(TextLines(path).__getitem__, 1) == (
        "TextLines: index 1 is out of range, there are 1 lines."
    )
    assert message_of(TextLines, tmp_path / "*.md") == (
        f"TextLines: no file matches {str(tmp_path / '*.md')!r}."
    )
