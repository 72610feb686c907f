"""The language model example: it trains, survives being killed, and says what is wrong.

Runs are processes of their own that share one compilation cache; what fails before
training is called in this process.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import ckpt, nn
from examples.lm import corpus, sample, train
from examples.lm.config import PRESETS
from examples.lm.model import LanguageModel

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    "argparse",
    "ast",
    "bisect",
    "cmd",
    "code",
    "copy",
    "csv",
    "dis",
    "enum",
    "glob",
)
STEPS = PRESETS["tiny"].steps
# A checkpoint every other step, so that a kill often meets one that is being written.
OPTIONS = ("--preset", "tiny", "--checkpoint-every", "2")

# Runs the example and kills it at the given event. Events are finished steps and the
# disk operations of checkpoints, which happen in another thread meanwhile.
KILLED_AT_EVENT = """
import itertools, os, signal, sys
from examples.lm import train

last = int(sys.argv.pop(1))
events = itertools.count(1)

def counted(function):
    def call(*args, **options):
        if next(events) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)
    return call

for name in ("mkdir", "pwrite", "fsync", "rename", "unlink", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
train.Metrics.add = counted(train.Metrics.add)
sys.exit(train.main())
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a run: it leaves the user's caches alone."""
    home = tmp_path_factory.mktemp("cache")
    return os.environ | {
        "DOLMEN_COMPILATION_CACHE_DIR": str(home / "programs"),
        "XDG_CACHE_HOME": str(home),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a few modules of the standard library."""
    directory = tmp_path_factory.mktemp("text")
    for name in MODULES:
        source = Path(sysconfig.get_path("stdlib")) / f"{name}.py"
        shutil.copy(source, directory)
    return directory


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(environment: dict[str, str], text: Path) -> Run:
    """Trains into a directory in a process of its own."""

    def run(out: Path, *options: str, program: tuple[str, ...] = ()):
        command = program or ("-m", "examples.lm.train")
        return subprocess.run(
            [
                sys.executable,
                *command,
                *OPTIONS,
                "--corpus",
                text,
                "--out",
                out,
                *options,
            ],
            env=environment,
            cwd=out.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def finished(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never interrupted; tests leave it as it is."""
    out = tmp_path_factory.mktemp("finished") / "run"
    done = run(out)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (out / "stdout").write_text(done.stdout)
    return out


def losses(out: Path) -> list[float]:
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def checkpoint(out: Path, step: int) -> Path:
    return out / "checkpoints" / f"step_{step:09d}"


def final_state(out: Path) -> list[tuple[str, bytes]]:
    """Everything that the last checkpoint holds, bit by bit."""
    tree = ckpt.load(checkpoint(out, STEPS))
    pairs, _ = dc.tree.flatten_with_path(tree)
    return [
        (dc.tree_util.keystr(path), np.asarray(leaf).tobytes()) for path, leaf in pairs
    ]


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


# --- training -----------------------------------------------------------------------


def test_a_run_leaves_its_configuration_losses_curve_and_checkpoints(finished: Path):
    config = json.loads((finished / "config.json").read_text())
    metrics = (finished / "metrics.jsonl").read_text().splitlines()
    steps = sorted(path.name for path in (finished / "checkpoints").iterdir())

    assert (config["preset"], config["checkpoint_every"]) == ("tiny", 2)
    assert [json.loads(line)["step"] for line in metrics] == list(range(1, STEPS + 1))
    assert [n for n, line in enumerate(metrics, 1) if "validation" in line] == [10, 20]
    assert steps == ["step_000000016", "step_000000018", "step_000000020"]
    assert (finished / "loss.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_training_lowers_the_loss(finished: Path):
    first, *_, last = losses(finished)

    assert 5.0 < first < 7.0
    assert last < first - 1.5


def test_a_run_prints_plain_progress_a_table_and_a_sample(finished: Path):
    output = (finished / "stdout").read_text()
    validation = json.loads((finished / "metrics.jsonl").read_text().splitlines()[-1])
    params = ckpt.load(checkpoint(finished, STEPS))["params"]
    count = sum(leaf.size for leaf in dc.tree.leaves(params))

    assert '"features": 32,\n' in output
    assert "step     1/20  loss " in output
    assert f"step    20  validation loss {validation['validation']:.4f} nats" in output
    assert f"│ parameters                      │ {count:,} " in output
    assert len(output.rpartition("\nsample:\ndef ")[2]) > 100


def test_another_seed_has_other_losses(run: Run, finished: Path, tmp_path: Path):
    done = run(tmp_path / "run", "--seed", "1")

    assert done.returncode == 0, done.stderr
    pairs = zip(losses(tmp_path / "run"), losses(finished), strict=True)
    assert all(a != b for a, b in pairs)


def test_bfloat16_trains(run: Run, finished: Path, tmp_path: Path):
    done = run(tmp_path / "run", "--dtype", "bfloat16")

    assert done.returncode == 0, done.stderr
    got, expected = losses(tmp_path / "run"), losses(finished)
    assert got != expected
    np.testing.assert_allclose(got, expected, rtol=0.03)


def test_two_devices_train_alike(run: Run, finished: Path, tmp_path: Path):
    out = tmp_path / "run"

    done = run(out, "--devices", "2")

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    np.testing.assert_allclose(losses(out), losses(finished), rtol=1e-4)
    # A checkpoint holds whole arrays, wherever they were.
    shapes = [(path, len(data)) for path, data in final_state(out)]
    assert shapes == [(path, len(data)) for path, data in final_state(finished)]


def test_a_run_on_two_devices_ends_as_if_it_was_not_killed(run: Run, tmp_path: Path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    devices = ("--devices", "2")

    stopped = run(killed, *devices, program=("-c", KILLED_AT_EVENT, "40"))
    resumed = run(killed, *devices, "--resume")
    run(whole, *devices)

    assert stopped.returncode == -signal.SIGKILL
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert contents(killed)["metrics.jsonl"] == contents(whole)["metrics.jsonl"]
    assert final_state(killed) == final_state(whole)


def test_more_devices_than_there_are_are_refused(
    environment: dict[str, str], tmp_path: Path
):
    environment = environment | {"DOLMEN_NUM_CPU_DEVICES": "2"}
    command = ["-m", "examples.lm.train", "--preset", "tiny", "--devices", "4"]

    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    expected = "error: --devices: expected at most 2, as many as there are, got 4.\n"
    assert (done.returncode, done.stderr) == (2, expected)
    assert list(tmp_path.iterdir()) == []


def test_the_fused_norm_trains_alike(run: Run, finished: Path, tmp_path: Path):
    done = run(tmp_path / "run", "--fused-norm")

    assert done.returncode == 0, done.stderr
    got, expected = losses(tmp_path / "run"), losses(finished)
    assert got != expected
    np.testing.assert_allclose(got, expected, rtol=1e-3)


# --- killed and resumed -------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_killed_at_random_events_ends_as_if_it_was_not(
    run: Run, finished: Path, tmp_path: Path, seed: int
):
    out = tmp_path / "run"
    # A save is about a dozen events, so some kills come before the first is done.
    moments = random.Random(seed).choices(range(1, 60), k=4)

    statuses = [
        run(out, "--resume", program=("-c", KILLED_AT_EVENT, str(moment))).returncode
        for moment in moments
    ]
    done = run(out, "--resume")

    assert statuses == [-signal.SIGKILL] * 4
    assert done.returncode == 0, done.stderr
    assert contents(out)["metrics.jsonl"] == contents(finished)["metrics.jsonl"]
    assert final_state(out) == final_state(finished)


def test_a_run_killed_from_outside_ends_as_if_it_was_not(
    run: Run,
    finished: Path,
    text: Path,
    environment: dict[str, str],
    tmp_path: Path,
):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "examples.lm.train", *OPTIONS, "--resume"]
    moments = random.Random(2)

    for _ in range(3):
        process = subprocess.Popen(
            [*command, "--corpus", text, "--out", out],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process:
            _read_until(process, b"run: ")
            time.sleep(moments.uniform(0.0, 2.0))
            process.kill()
    done = run(out, "--resume")

    assert done.returncode == 0, done.stderr
    assert contents(out)["metrics.jsonl"] == contents(finished)["metrics.jsonl"]
    assert final_state(out) == final_state(finished)


def _read_until(process: "subprocess.Popen[bytes]", start: bytes) -> None:
    assert process.stdout is not None
    assert any(line.startswith(start) for line in process.stdout), process.wait()


def test_a_finished_run_resumed_changes_nothing(
    run: Run, finished: Path, tmp_path: Path
):
    out = tmp_path / "run"
    shutil.copytree(finished, out)

    done = run(out, "--resume")

    assert (done.returncode, done.stderr) == (0, "")
    assert "going on after step 20\n" in done.stdout
    assert contents(out) == contents(finished)


def test_resume_takes_the_settings_of_the_run(finished: Path):
    options = train.parse(["--resume", "--out", str(finished)])

    assert train.configure(options) == train.Config.load(finished / "config.json")


# --- damaged checkpoints ------------------------------------------------------------


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, alter])
@pytest.mark.parametrize("name", ["*.pack", "MANIFEST"])
def test_a_damaged_checkpoint_is_named_and_nothing_is_overwritten(
    finished: Path,
    text: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    name: str,
):
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    (damaged,) = checkpoint(out, STEPS).glob(name)
    damage(damaged)
    before = contents(out)

    status = train.main(["--resume", "--out", str(out)])

    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith("error: Checkpointer.restore: ")
    assert str(damaged) in error
    assert error.endswith(
        "\nTo go on from an earlier step ([16, 18]), remove "
        f"{checkpoint(out, STEPS)}.\n"
    )
    assert contents(out) == before
    assert ckpt.load(checkpoint(out, 18))["step"] == 18


def test_without_its_damaged_checkpoint_a_run_goes_on_from_the_one_before(
    run: Run, finished: Path, tmp_path: Path
):
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    shutil.rmtree(checkpoint(out, STEPS))

    done = run(out, "--resume")

    assert (done.returncode, done.stderr) == (0, "")
    assert "going on after step 18\n" in done.stdout
    assert contents(out)["metrics.jsonl"] == contents(finished)["metrics.jsonl"]
    assert final_state(out) == final_state(finished)


def test_losses_that_are_missing_are_missed(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    truncate(out / "metrics.jsonl")
    before = contents(out)

    status = train.main(["--resume", "--out", str(out)])

    found = before["metrics.jsonl"].count(b"\n")
    assert status == 2
    assert capsys.readouterr().err == (
        f"error: {out / 'metrics.jsonl'}: expected a line for each of the 20 steps of "
        f"the checkpoint, found {found}.\nPut the file back, or start a new run with "
        "another --out.\n"
    )
    assert contents(out) == before


# --- wrong options ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume"], "--resume: name the directory of the run with --out."),
        (["--batch", "0"], "--batch: expected at least 1, got 0."),
        (["--seed", "-1"], "--seed: expected at least 0, got -1."),
        (["--weight-decay", "nan"], "--weight-decay: expected at least 0, got nan."),
        (
            ["--learning-rate", "0"],
            "--learning-rate and --clip: expected positive numbers, got 0.0 and 1.0.",
        ),
        (
            ["--features", "33"],
            "--features: expected a multiple of --heads (2), got 33.",
        ),
        (
            ["--steps", "4"],
            "--warmup: expected fewer steps than --steps (4), got 4.",
        ),
        (
            ["--devices", "3"],
            "--batch: expected a multiple of --devices (3), got 4.",
        ),
        (["--devices", "0"], "--devices: expected at least 1, got 0."),
        (["--top-k", "257"], "--top-k: expected 1 to 256, got 257."),
        (["--prompt", ""], "--prompt: expected at least one character, got ''."),
        (
            ["--temperature", "-1"],
            "--temperature: expected 0 (always the likeliest byte) or more, got -1.0.",
        ),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
):
    monkeypatch.chdir(tmp_path)

    status = train.main(["--preset", "tiny", *options])

    assert status == 2
    assert capsys.readouterr().err == f"error: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_not_overwritten(finished: Path, text: Path, capsys):
    before = contents(finished)

    status = train.main([*OPTIONS, "--corpus", str(text), "--out", str(finished)])

    assert status == 2
    assert capsys.readouterr().err == (
        f"error: --out {finished}: there is a run in this directory already, and "
        "nothing is overwritten.\nGo on with it (--resume), or choose another --out.\n"
    )
    assert contents(finished) == before


def test_a_directory_of_other_files_is_left_alone(tmp_path: Path, text: Path, capsys):
    (tmp_path / "loss.png").write_text("mine")

    status = train.main([*OPTIONS, "--corpus", str(text), "--out", str(tmp_path)])

    assert status == 2
    assert capsys.readouterr().err == (
        f"error: --out {tmp_path}: the directory is not empty, but holds no run (it "
        "has no config.json).\nName the directory of a run, or a new one.\n"
    )
    assert contents(tmp_path) == {"loss.png": b"mine"}


def test_a_run_is_not_resumed_with_another_configuration(
    finished: Path, text: Path, capsys
):
    before = contents(finished)
    options = ["--layers", "3", "--learning-rate", "0.01"]

    status = train.main(["--resume", "--out", str(finished), *options])

    assert status == 2
    assert capsys.readouterr().err == (
        f"error: --resume: the run in {finished} was started with another "
        "configuration (its value != yours):\n"
        "  layers: 2 != 3\n"
        "  learning_rate: 0.003 != 0.01\n"
        "Pass the same options as then, or start a new run with another --out.\n"
    )
    assert contents(finished) == before


def test_a_run_is_not_resumed_on_another_text(
    finished: Path, text: Path, tmp_path: Path, capsys
):
    other = tmp_path / "text"
    shutil.copytree(text, other)
    with (other / "ast.py").open("a") as file:
        file.write("# one more line\n")
    saved = train.Config.load(finished / "config.json")

    status = train.main(["--resume", "--out", str(finished), "--corpus", str(other)])

    checksum = corpus.load(other).checksum
    assert status == 2
    assert capsys.readouterr().err == (
        f"error: --resume: the run in {finished} was started with another "
        "configuration (its value != yours):\n"
        f"  corpus: {str(text)!r} != {str(other)!r}\n"
        f"  text_checksum: {saved.text_checksum!r} != {checksum!r}\n"
        "Pass the same options as then, or start a new run with another --out.\n"
    )


def test_a_configuration_that_was_edited_is_refused(tmp_path: Path, capsys):
    (tmp_path / "config.json").write_text('{"layer": 2}\n')

    status = train.main(["--resume", "--out", str(tmp_path)])

    assert status == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'config.json'}: expected the configuration of a run, but "
        "Config.__init__() got an unexpected keyword argument 'layer'.\n"
        "Was it edited, or written by another version of this example?\n"
    )


# --- text ---------------------------------------------------------------------------


def test_an_empty_corpus_is_refused(tmp_path: Path, capsys):
    (tmp_path / "notes.txt").write_text("no Python here")

    status = train.main(
        [*OPTIONS, "--corpus", str(tmp_path), "--out", str(tmp_path / "run")]
    )

    assert status == 2
    assert capsys.readouterr().err == (
        "error: --corpus: expected at least 2 Python source files under "
        f"{tmp_path}, found 0 with 0 bytes in all.\n"
        "Name another directory of .py files; without --corpus the standard library is "
        "read.\n"
    )
    assert not (tmp_path / "run").exists()


def test_too_small_a_corpus_is_refused(tmp_path: Path, capsys):
    (tmp_path / "a.py").write_text("a = 1\n" * 100)
    (tmp_path / "b.py").write_text("b = 1\n")

    status = train.main(
        [*OPTIONS, "--corpus", str(tmp_path), "--out", str(tmp_path / "run")]
    )

    assert status == 2
    assert capsys.readouterr().err == (
        "error: --corpus: expected at least 129 bytes of validation text, for one "
        "batch, found 6.\nName a larger directory of .py files, or lower --batch or "
        "--context.\n"
    )
    assert not (tmp_path / "run").exists()


def test_a_damaged_text_in_the_cache_is_read_again(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(corpus.sysconfig, "get_path", lambda name: str(text))
    whole = corpus.load(cache=tmp_path)
    (cached,) = tmp_path.glob("*.train.bin")
    alter(cached)

    again = corpus.load(cache=tmp_path)

    assert again.checksum == whole.checksum
    np.testing.assert_array_equal(again.train, whole.train)


def test_every_tenth_file_is_held_out(text: Path):
    loaded = corpus.load(text)

    assert loaded.validation.tobytes() == (text / "glob.py").read_bytes()
    assert loaded.train.tobytes().startswith((text / "argparse.py").read_bytes())


# --- samples and tokens -------------------------------------------------------------


def test_a_checkpoint_gives_the_sample_that_training_gave(finished: Path, capsys):
    status = sample.main(["--checkpoint", str(finished)])

    assert status == 0
    assert (finished / "stdout").read_text().endswith(capsys.readouterr().out)


def test_a_sample_at_temperature_zero_needs_no_seed(finished: Path, capsys):
    options = ["--checkpoint", str(finished), "--temperature", "0", "--count", "20"]

    for seed in ("1", "2"):
        assert sample.main([*options, "--seed", seed]) == 0

    lines = capsys.readouterr().out
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--top-k", "0"], "--top-k: expected 1 to 256, got 0."),
        (["--count", "0"], "--count: expected at least 1, got 0."),
        (["--prompt", ""], "--prompt: expected at least one character, got ''."),
        (
            ["--temperature", "nan"],
            "--temperature: expected 0 (always the likeliest byte) or more, got nan.",
        ),
        (
            ["--step", "3"],
            "Checkpointer.restore: {run}/checkpoints has no step 3; it has steps 16, "
            "18, 20.",
        ),
        (
            ["--checkpoint", "/nowhere"],
            "--checkpoint /nowhere: expected the directory of a run, but it has no "
            "config.json.\nTrain one with `python -m examples.lm.train --out DIR`.",
        ),
    ],
)
def test_a_wrong_option_of_sample_is_named(
    finished: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
):
    status = sample.main(["--checkpoint", str(finished), *options])

    assert status == 2
    assert capsys.readouterr().err == f"error: {message.format(run=finished)}\n"


def test_ids_that_are_no_bytes_are_found_by_debug_checks():
    model = LanguageModel(PRESETS["tiny"], rngs=nn.Rngs(0))
    model.recent[0].debug_checks = True

    with pytest.raises(IndexError) as caught:
        model(jnp.array([[1, 300, 2]]))

    line = "x = x + table(before)  # [batch, time, features]"
    source = ROOT / "examples/lm/model.py"
    number = [text.strip() for text in source.read_text().splitlines()].index(line) + 1
    assert str(caught.value) == (
        "Embed: expected ids from 0 to 255, got 300 at index (0, 1) (1 of 3 ids are "
        f"outside).\n  at {source}:{number} in LanguageModel.__call__\n"
        "Check the tokenizer, or make the table larger (`num_embeddings`)."
    )


def test_too_long_a_text_is_refused():
    model = LanguageModel(PRESETS["tiny"], rngs=nn.Rngs(0))

    with pytest.raises(ValueError) as caught:
        model(jnp.zeros((1, 33), jnp.int32))

    assert str(caught.value) == (
        "LanguageModel: expected at most 32 tokens, got 33. Cut the text, or train "
        "with a larger --context."
    )
