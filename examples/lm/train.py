"""Train the language model: `python -m examples.lm.train --help`.

A run lives in one directory: `config.json`, `metrics.jsonl` (one line per step),
`checkpoints/`, and at the end `loss.png`. Killed at any moment and started again with
`--resume`, it ends with exactly the losses of a run that was never interrupted.
"""

import argparse
import dataclasses
import functools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import dolmen.core as dc
from dolmen import ckpt, data, nn, optim
from dolmen.core import Array, random

from . import corpus, display
from .config import PRESETS, Config
from .model import LanguageModel, loss
from .sample import sample


class UsageError(Exception):
    """The command line asks for something that can't be done."""


def make_optimizer(config: Config) -> optim.GradientTransformation:
    """AdamW after clipping, with a warm-up cosine schedule."""
    schedule = optim.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.learning_rate,
        warmup_steps=config.warmup,
        decay_steps=config.steps,
        end_value=0.1 * config.learning_rate,
    )
    return optim.chain(
        optim.clip_by_global_norm(config.clip),
        optim.adamw(schedule, b2=0.95, weight_decay=config.weight_decay),
    )


def windows(text: np.ndarray, config: Config, *, train: bool) -> Any:
    """Batches `[batch, context + 1]` of bytes: shuffled for training, else in order."""
    source = data.TokenWindows(text, config.context + 1, stride=config.context)
    ds = data.MapDataset.source(source).seed(config.seed)
    if train:
        ds = ds.shuffle().repeat()
    return ds.batch(config.batch, drop_remainder=True)


@dataclasses.dataclass
class Run:
    """Everything that changes during training."""

    params: Any
    opt_state: Any
    step: int
    batches: Any

    def tree(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "params": self.params,
            "opt_state": self.opt_state,
            "step": self.step,
            "batches": self.batches.get_state(),
        }


def start(config: Config, text: np.ndarray) -> tuple[Run, Any]:
    """A fresh run, and the structure of its model."""
    model = LanguageModel(config, rngs=nn.Rngs(config.seed))
    graphdef, params = nn.split(model)
    batches = windows(text, config, train=True).to_iter_dataset(
        data.ReadOptions(num_threads=1, prefetch_buffer_size=8)
    )
    opt_state = make_optimizer(config).init(params)
    return Run(params, opt_state, 0, iter(batches)), graphdef


def train(config: Config, out: Path, text: tuple[np.ndarray, np.ndarray], resume: bool):
    """Train until `config.steps`; returns the final figures."""
    run, graphdef = start(config, text[0])
    optimizer = make_optimizer(config)
    metrics = Metrics(out / "metrics.jsonl")

    @functools.partial(dc.jit, donate_argnums=(0, 1))
    def train_step(params: Any, opt_state: Any, batch: Array) -> tuple[Any, Any, Array]:
        def of_params(params: Any) -> Array:
            return loss(nn.merge(graphdef, params), batch)

        value, grads = dc.value_and_grad(of_params)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optim.apply_updates(params, updates), opt_state, value

    @dc.jit
    def evaluate(params: Any, batch: Array) -> Array:
        return loss(nn.merge(graphdef, params), batch)

    validation = windows(text[1], config, train=False)
    held_out = [validation[i] for i in range(min(config.eval_batches, len(validation)))]

    with ckpt.Checkpointer(out / "checkpoints", max_to_keep=3) as checkpointer:
        if resume and checkpointer.latest_step() is not None:
            restored = checkpointer.restore(like={**run.tree(), "batches": ...})
            run.params, run.opt_state = restored["params"], restored["opt_state"]
            run.step = restored["step"]
            run.batches.set_state(restored["batches"])
        metrics.keep_until(run.step)
        first, began = run.step, time.monotonic()
        tokens = config.batch * config.context
        with display.Progress(first, config.steps, tokens) as progress:
            for step in range(first + 1, config.steps + 1):
                batch = next(run.batches)
                run.params, run.opt_state, value = train_step(
                    run.params, run.opt_state, batch
                )
                run.step = step
                record = {"step": step, "loss": float(value)}
                if not np.isfinite(record["loss"]):
                    raise UsageError(
                        f"train: the loss is {record['loss']} at step {step}. Lower "
                        "--learning-rate, or resume from the last checkpoint."
                    )
                if step % config.eval_every == 0 or step == config.steps:
                    losses = [float(evaluate(run.params, b)) for b in held_out]
                    record["validation"] = float(np.mean(losses))
                    progress.say(
                        f"step {step:>5}  validation loss {record['validation']:.4f} nats "
                        "per byte"
                    )
                metrics.add(record)
                progress.update(step, record["loss"])
                if step % config.checkpoint_every == 0 or step == config.steps:
                    metrics.flush()
                    checkpointer.save(step, run.tree())
        seconds = time.monotonic() - began
    run.batches.close()
    model = nn.merge(graphdef, run.params)
    return model, metrics, seconds, (config.steps - first) * tokens


class Metrics:
    """One JSON line for each step, in a file and in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []
        self._file: Any = None

    def keep_until(self, step: int) -> None:
        """Drop what came after the checkpoint that training goes on from."""
        if step and self.path.exists():
            self.records = [r for r in self._complete_lines() if r["step"] <= step]
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(r) + "\n" for r in self.records))
        temporary.replace(self.path)
        self._file = self.path.open("a")

    def _complete_lines(self) -> Iterator[dict[str, Any]]:
        for line in self.path.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:  # the last line of a killed run may be cut off
                return

    def add(self, record: dict[str, Any]) -> None:
        """Record a step."""
        self.records.append(record)
        self._file.write(json.dumps(record) + "\n")

    def flush(self) -> None:
        """Make sure that what was added survives a crash."""
        import os

        self._file.flush()
        os.fsync(self._file.fileno())

    def series(self, name: str) -> list[tuple[int, float]]:
        """Pairs of step and value."""
        return [(r["step"], r[name]) for r in self.records if name in r]


def prepare(out: Path, config: Config, resume: bool) -> None:
    """Make the run's directory, or check that it is the one to go on with.

    Raises:
        UsageError: the directory holds a run and `--resume` is not given, or the run was
            started with another configuration.
    """
    saved = out / "config.json"
    if saved.exists():
        if not resume:
            raise UsageError(
                f"--out {out}: there is a run in this directory already, and nothing is "
                "overwritten.\nGo on with it (--resume), or choose another --out."
            )
        different = Config.load(saved).differences(config)
        if different:
            raise UsageError(
                f"--resume: the run in {out} was started with another configuration "
                "(its value != yours):\n" + "\n".join(different) + "\n"
                "Pass the same options as then, or start a new run with another --out."
            )
        return
    if resume and out.exists() and any(out.iterdir()):
        raise UsageError(
            f"--resume: {out} is not empty, but holds no run (no config.json).\n"
            "Name the directory of a run with --out."
        )
    out.mkdir(parents=True, exist_ok=True)
    config.save(saved)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; every field of the configuration is an option."""
    parser = argparse.ArgumentParser(prog="examples.lm.train", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="quickstart")
    parser.add_argument("--out", type=Path, default=None, help="directory of the run")
    parser.add_argument("--resume", action="store_true", help="go on with a run")
    parser.add_argument("--corpus", type=Path, help="train on the .py files found here")
    parser.add_argument("--prompt", default="def ", help="start of the final sample")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-k", type=int, default=40)
    for field in dataclasses.fields(Config):
        name = "--" + field.name.replace("_", "-")
        if field.name == "preset":
            continue
        if field.type is bool:
            parser.add_argument(name, action=argparse.BooleanOptionalAction)
        else:
            parser.add_argument(name, type=field.type)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    given = {
        f.name: getattr(options, f.name)
        for f in dataclasses.fields(Config)
        if f.name != "preset" and getattr(options, f.name) is not None
    }
    config = dataclasses.replace(PRESETS[options.preset], **given)
    out = options.out or Path("runs") / f"lm-{config.preset}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        prepare(out, config, options.resume)
        text = corpus.load(root=options.corpus)
        print(json.dumps(dataclasses.asdict(config), indent=2))
        print(f"run: {out}   text: {text[0].size:,} bytes, {text[1].size:,} held out")
        model, metrics, seconds, tokens = train(config, out, text, options.resume)
    except (UsageError, corpus.EmptyCorpusError, ckpt.CheckpointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    validation = metrics.series("validation")
    display.save_curve(out / "loss.png", metrics.series("loss"), validation)
    count = sum(v.value.size for _, v in nn.iter_variables(model))
    display.print_table(
        "result",
        [
            ("validation loss (nats per byte)", f"{validation[-1][1]:.4f}"),
            ("first loss", f"{metrics.series('loss')[0][1]:.4f}"),
            ("parameters", f"{count:,}"),
            ("tokens this time", f"{tokens:,}"),
            ("seconds", f"{seconds:.1f}"),
            ("tokens per second", f"{tokens / max(seconds, 1e-9):,.0f}"),
            ("loss curve", out / "loss.png"),
            ("checkpoints", out / "checkpoints"),
        ],
    )
    print("\nsample:\n" + options.prompt, end="")
    print(
        sample(
            model,
            options.prompt,
            count=400,
            key=random.key(config.seed),
            temperature=options.temperature,
            top_k=options.top_k,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

