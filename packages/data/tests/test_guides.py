import pathlib
import re

import pytest

GUIDES = pathlib.Path(__file__).parents[3] / "docs" / "guides"


@pytest.mark.parametrize("name", ["data.md", "data_from_others.md"])
def test_the_code_of_a_guide_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (GUIDES / name).read_text(encoding="utf-8")
    names = {}

    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for example in examples:
        exec(example, names)

    assert len(examples) >= 3


def test_the_first_guide_says_what_happens(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (GUIDES / "data.md").read_text(encoding="utf-8")

    exec("".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), {})

    printed = capsys.readouterr().out
    assert "exactly once per epoch" in printed
    assert "random numbers of random_map(cut): seed 1, epoch 0, index 395047" in printed
    assert "set_state: `state` was saved by another pipeline:" in printed
