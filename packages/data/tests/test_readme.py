import pathlib
import re

import numpy as np

from dolmen import data

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_the_examples_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("corpus.txt").write_bytes(np.arange(20_000, dtype=np.uint8).tobytes())
    names = {"images": np.ones((600, 2, 2)), "labels": np.arange(600)}
    names["digits"] = [(np.zeros((28, 28), np.uint8), i % 10) for i in range(600)]

    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    for example in examples:
        exec(example, names)

    assert len(examples) == 4
    assert names["part"].shape == (16, 257)
    assert len(data.Flat("train.flat")) == 600
    assert names["batch"].shape == (32, 257)
    assert names["ds"][0]["image"].max() == 1 / 255
