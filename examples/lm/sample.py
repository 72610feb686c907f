"""Sample from a checkpoint: `python -m examples.lm.sample --checkpoint DIR --prompt ...`."""

import argparse
import functools
import sys
from pathlib import Path

import numpy as np

import dolmen.core as dc
from dolmen import ckpt, nn
from dolmen.core import Array, random

from .config import Config
from .model import VOCABULARY, LanguageModel, generate


def sample(
    model: LanguageModel,
    prompt: str,
    *,
    count: int,
    key: Array,
    temperature: float = 0.8,
    top_k: int = 40,
) -> str:
    """Continue a text by `count` bytes.

    Raises:
        ValueError: the prompt is empty, or an option is out of range.
    """
    tokens = np.frombuffer(prompt.encode(), np.uint8)[-model.context :]
    if tokens.size == 0:
        raise ValueError("sample: expected a prompt of at least one character, got ''.")
    if not 1 <= top_k <= VOCABULARY:
        raise ValueError(f"sample: expected top_k from 1 to {VOCABULARY}, got {top_k}.")
    if temperature < 0:
        raise ValueError(f"sample: expected a temperature of at least 0, got {temperature}.")
    window = np.zeros(model.context, np.int32)
    window[: tokens.size] = tokens
    run = dc.jit(
        functools.partial(generate, count=count, temperature=temperature, top_k=top_k)
    )
    added = np.asarray(run(model, window, tokens.size, key))
    return bytes(added.astype(np.uint8)).decode(errors="replace")


def restore(directory: Path, step: int | None = None) -> tuple[LanguageModel, Config]:
    """The model of a run's checkpoint.

    Args:
        directory: the run, as given to `--out`.
        step: which checkpoint; by default the newest.

    Raises:
        FileNotFoundError: `directory` is not a run.
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
    parser = argparse.ArgumentParser(prog="examples.lm.sample", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a run's directory")
    parser.add_argument("--step", type=int, help="which checkpoint; the newest by default")
    parser.add_argument("--prompt", default="def ")
    parser.add_argument("--count", type=int, default=400, help="bytes to add")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-k", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        model, _ = restore(options.checkpoint, options.step)
        text = sample(
            model,
            options.prompt,
            count=options.count,
            key=random.key(options.seed),
            temperature=options.temperature,
            top_k=options.top_k,
        )
    except (OSError, ValueError, ckpt.CheckpointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(options.prompt + text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
