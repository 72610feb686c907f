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


@pytest.mark.parametrize("options", [["--epochs", "0"], ["--batch", "1438"]])
def test_a_size_out_of_range_is_refused(
    options: list[str], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as caught:
        train.main(options)

    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(
        "error: expected --epochs of at least 1 and --batch from 1 to 1437\n"
    )
