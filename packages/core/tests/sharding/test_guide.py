"""The code of the guide on several devices runs, and prints what the guide says."""

import pathlib
import re

GUIDE = pathlib.Path(__file__).parents[4] / "docs" / "guides" / "several_devices.md"


def test_the_code_of_the_guide_runs(capsys):
    text = GUIDE.read_text(encoding="utf-8")
    names = {}

    for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(example, names)

    printed = capsys.readouterr().out
    assert "w f32[16,32]   x f32[16,16]{V:data}   total f32[16,16]" in printed
    assert "gradient f32[16,32]\n" in printed
    assert "varies over 'data'" in printed
