"""Sample from a checkpoint: `python -m examples.lm.sample --checkpoint DIR`."""

import argparse
import functools
import sys
from pathlib import Path

import numpy as np

import dolmen.core as dc
from dolmen import ckpt, nn
from dolmen.core import Array, random

from .config import Config, UsageError
from .model import VOCABULARY, LanguageModel, generate


def check_options(prompt: str, count: int, temperature: float, top_k: int) -> None:
    """Raise `UsageError` for what `sample` can't do."""
    if not prompt:
        raise UsageError("--prompt: expected at least one character, got ''.")
    if count < 1:
        raise UsageError(f"--count: expected at least 1, got {count}.")
    if not 1 <= top_k <= VOCABULARY:
        raise UsageError(f"--top-k: expected 1 to {VOCABULARY}, got {top_k}.")
    if not 0 <= temperature < float("inf"):
        raise UsageError(
            f"--temperature: expected 0 (always the likeliest byte) or more, got "
            f"{temperature}."
        )


def sample(
    model: LanguageModel,
    prompt: str,
    *,
    count: int,
    key: Array,
    temperature: float = 0.8,
    top_k: int = 40,
) -> str:
    """Continue a text by `count` bytes; what can't be shown of them becomes U+FFFD.

    The model sees the last `context` bytes.

    Raises:
        UsageError: the prompt is empty, or an option is out of range.
    """
    check_options(prompt, count, temperature, top_k)
    text = prompt.encode(errors="replace")
    tokens = np.frombuffer(text, np.uint8)[-model.context :]
    window = np.zeros(model.context, np.int32)
    window[: tokens.size] = tokens
    run = dc.jit(
        functools.partial(generate, count=count, temperature=temperature, top_k=top_k)
    )
    added = np.asarray(run(model, window, tokens.size, key))
    text = bytes(added.astype(np.uint8)).decode(errors="replace")
    # Control characters could upset a terminal.
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def restore(directory: Path, step: int | None = None) -> tuple[LanguageModel, Config]:
    """The model of a run's checkpoint.

    Args:
        directory: the run, as given to `--out`.
        step: which checkpoint; by default the newest.

    Raises:
        FileNotFoundError: `directory` is not a run, or has no such checkpoint.
        dolmen.ckpt.CorruptCheckpointError: the checkpoint is damaged.
    """
    path = directory / "config.json"
    if not path.exists():
        raise FileNotFoundError(
            f"--checkpoint {directory}: expected the directory of a run, but it has no "
            "config.json.\nTrain one with `python -m examples.lm.train --out DIR`."
        )
    config = Config.load(path)
    model = LanguageModel(config, rngs=nn.Rngs(config.seed))
    graphdef, params = nn.split(model)
    with ckpt.Checkpointer(directory / "checkpoints") as checkpointer:
        like = {"params": params, "opt_state": ..., "step": ..., "batches": ...}
        restored = checkpointer.restore(step, like=like)
    return nn.merge(graphdef, restored["params"]), config


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.lm.sample", description="Sample from a checkpoint."
    )
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="a run's directory"
    )
    parser.add_argument(
        "--step", type=int, help="which checkpoint; the newest by default"
    )
    parser.add_argument("--prompt", default="def ", help="the text to continue")
    parser.add_argument("--count", type=int, default=400, help="bytes to add")
    parser.add_argument(
        "--temperature", type=float, default=0.8, help="0: always the likeliest byte"
    )
    parser.add_argument(
        "--top-k", type=int, default=40, help="draw among the likeliest K bytes"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides what is drawn")
    options = parser.parse_args(arguments)
    try:
        check_options(options.prompt, options.count, options.temperature, options.top_k)
        model, _ = restore(options.checkpoint, options.step)
        text = sample(
            model,
            options.prompt,
            count=options.count,
            key=random.key(options.seed),
            temperature=options.temperature,
            top_k=options.top_k,
        )
    except (UsageError, OSError, ckpt.CheckpointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(options.prompt + text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
