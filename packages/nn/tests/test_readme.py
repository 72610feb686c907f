import re
from pathlib import Path


def test_the_example_of_the_readme_runs_and_learns(capsys):
    text = (Path(__file__).parents[1] / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    exec(code, {})

    assert float(capsys.readouterr().out.split()[0]) < 0.01
