"""The convolutional example: it learns to read digits."""

import pytest

from examples.digits import train


def test_test_accuracy_reaches_97_percent(capsys: pytest.CaptureFixture[str]):
    status = train.main([])

    last = capsys.readouterr().out.splitlines()[-1]
    assert status == 0
    assert last.startswith("test accuracy: ")
    assert float(last.removeprefix("test accuracy: ").removesuffix("%")) >= 97.0


def test_test_digits_are_not_trained_on():
    trained, tested = train.load()

    assert (len(trained["label"]), len(tested["label"])) == (1437, 360)
    assert set(trained["label"]) == set(tested["label"]) == set(range(10))
