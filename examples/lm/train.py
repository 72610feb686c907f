"""Train the language model: `python -m examples.lm.train --help`.

A run lives in one directory: `config.json`, `metrics.jsonl` (one line per step),
`checkpoints/`, and at the end `loss.png`. Killed at any moment and started again with
`--resume`, it ends with exactly the losses of a run that was never interrupted.
"""

import argparse
import dataclasses
import functools
import json
import os
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
from .config import DTYPES, PRESETS, Config, UsageError, option
from .layout import Layout
from .model import LanguageModel, loss
from .sample import check_options, sample

SAMPLE_BYTES = 400  # of generated text at the end


def make_optimizer(config: Config, mesh: Any = None) -> optim.GradientTransformation:
    """AdamW after clipping, with a warm-up cosine schedule.

    Its state is spread over the devices of a mesh, if one is given.
    """
    schedule = optim.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.learning_rate,
        warmup_steps=config.warmup,
        decay_steps=config.steps,
        end_value=0.1 * config.learning_rate,
    )
    optimizer = optim.chain(
        optim.clip_by_global_norm(config.clip),
        optim.adamw(schedule, b2=0.95, weight_decay=config.weight_decay),
    )
    return optimizer if mesh is None else optim.shard_state(optimizer, mesh=mesh)


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


def start(config: Config, layout: Layout, text: np.ndarray) -> tuple[Run, Any]:
    """A fresh run, and the structure of its model."""
    model = LanguageModel(config, rngs=nn.Rngs(config.seed))
    graphdef, params = nn.split(model)
    params = layout.whole(params)
    batches = windows(text, config, train=True).to_iter_dataset(
        data.ReadOptions(num_threads=1, prefetch_buffer_size=8)
    )
    opt_state = make_optimizer(config, layout.mesh).init(params)
    return Run(params, opt_state, 0, iter(batches)), graphdef


def restore_newest(checkpointer: ckpt.Checkpointer, run: Run) -> None:
    """Put a run where its newest checkpoint left it, if there is one.

    Raises:
        UsageError: the newest checkpoint is damaged.
    """
    manifests = Path(checkpointer.directory).glob("step_*/MANIFEST")
    newest = max((path.parent for path in manifests), default=None)
    if newest is None:
        return
    step = int(newest.name.removeprefix("step_"))
    try:
        restored = checkpointer.restore(step, like={**run.tree(), "batches": ...})
    except ckpt.CorruptCheckpointError as error:
        earlier = [s for s in checkpointer.all_steps() if s < step]
        raise UsageError(
            f"{error}\nTo go on from an earlier step ({earlier or 'there is none'}), "
            f"remove {newest}."
        ) from error
    run.params, run.opt_state = restored["params"], restored["opt_state"]
    run.step = restored["step"]
    run.batches.set_state(restored["batches"])


def train(config: Config, layout: Layout, out: Path, text: corpus.Text, resume: bool):
    """Train until `config.steps`; returns the final figures."""
    run, graphdef = start(config, layout, text.train)
    optimizer = make_optimizer(config, layout.mesh)
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

    validation = windows(text.validation, config, train=False)
    count = min(config.eval_batches, len(validation))
    held_out = [layout.split(validation[i]) for i in range(count)]

    with ckpt.Checkpointer(out / "checkpoints", max_to_keep=3) as checkpointer:
        if resume:
            restore_newest(checkpointer, run)
            print(f"going on after step {run.step}")
        metrics.keep_until(run.step)
        first, began = run.step, time.monotonic()
        tokens = config.batch * config.context
        with display.Progress(first, config.steps, tokens) as progress:
            for step in range(first + 1, config.steps + 1):
                batch = layout.split(next(run.batches))
                run.params, run.opt_state, value = train_step(
                    run.params, run.opt_state, batch
                )
                run.step = step
                record = {"step": step, "loss": float(value)}
                if not np.isfinite(record["loss"]):
                    raise UsageError(
                        f"the loss is {record['loss']} at step {step}.\nStart a new "
                        "run with a lower --learning-rate."
                    )
                if step % config.eval_every == 0 or step == config.steps:
                    losses = [float(evaluate(run.params, b)) for b in held_out]
                    record["validation"] = float(np.mean(losses))
                    progress.say(
                        f"step {step:>5}  validation loss "
                        f"{record['validation']:.4f} nats per byte"
                    )
                metrics.add(record)
                progress.update(step, record["loss"])
                if step % config.checkpoint_every == 0 or step == config.steps:
                    metrics.flush()
                    checkpointer.save(step, run.tree())
        seconds = time.monotonic() - began
    run.batches.close()
    model = nn.merge(graphdef, run.params)
    return model, metrics, seconds, progress.speed


class Metrics:
    """One JSON line for each step, in a file and in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []
        self._file: Any = None

    def keep_until(self, step: int) -> None:
        """Drop what came after the checkpoint that training goes on from.

        Raises:
            UsageError: steps up to the checkpoint are missing.
        """
        kept = [r for r in self._complete_lines() if r["step"] <= step]
        if [r["step"] for r in kept] != list(range(1, step + 1)):
            raise UsageError(
                f"{self.path}: expected a line for each of the {step} steps of the "
                f"checkpoint, found {len(kept)}.\nPut the file back, or start a new "
                "run with another --out."
            )
        temporary = self.path.with_suffix(".tmp")
        self._file = temporary.open("w")
        for record in kept:
            self.add(record)
        self.flush()
        temporary.replace(self.path)

    def _complete_lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
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
        self._file.flush()
        os.fsync(self._file.fileno())

    def series(self, name: str) -> list[tuple[int, float]]:
        """Pairs of step and value."""
        return [(r["step"], r[name]) for r in self.records if name in r]


def prepare(out: Path, config: Config, resume: bool) -> None:
    """Make the run's directory, or check that it is the one to go on with.

    Raises:
        UsageError: the directory holds a run and `--resume` is not given, or the run
            was started with another configuration, or it holds other files.
    """
    saved = out / "config.json"
    if saved.exists():
        if not resume:
            raise UsageError(
                f"--out {out}: there is a run in this directory already, and nothing "
                "is overwritten.\nGo on with it (--resume), or choose another --out."
            )
        different = Config.load(saved).differences(config)
        if different:
            raise UsageError(
                f"--resume: the run in {out} was started with another configuration "
                "(its value != yours):\n" + "\n".join(different) + "\n"
                "Pass the same options as then, or start a new run with another --out."
            )
        return
    # A run that was killed before its first line leaves at most the temporary file.
    if out.exists() and any(path.name != "config.tmp" for path in out.iterdir()):
        raise UsageError(
            f"--out {out}: the directory is not empty, but holds no run (it has no "
            "config.json).\nName the directory of a run, or a new one."
        )
    if resume:
        print(f"nothing to resume in {out}: starting a new run")
    out.mkdir(parents=True, exist_ok=True)
    config.save(saved)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; every field of the configuration is an option."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.lm.train",
        description="Train a byte-level language model.",
    )
    parser.add_argument(
        "--preset", choices=PRESETS, help="a configuration (default: quickstart)"
    )
    parser.add_argument(
        "--out", type=Path, help="directory of the run (default: runs/...)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run in --out"
    )
    sampling = parser.add_argument_group("sample at the end")
    sampling.add_argument("--prompt", default="def ", help="the text to continue")
    sampling.add_argument(
        "--temperature", type=float, default=0.8, help="0: always the likeliest byte"
    )
    sampling.add_argument(
        "--top-k", type=int, default=40, help="draw among the likeliest K bytes"
    )
    settings = parser.add_argument_group("settings that differ from the preset's")
    for field in SETTINGS:
        name, value = option(field.name), getattr(PRESETS["quickstart"], field.name)
        shown = f"quickstart: {value}" if value != "" else "default: standard library"
        if field.type is bool:
            settings.add_argument(
                name, action=argparse.BooleanOptionalAction, help=shown
            )
        elif field.name == "dtype":
            settings.add_argument(name, choices=DTYPES, help=shown)
        else:
            settings.add_argument(name, type=field.type, help=shown)
    return parser.parse_args(arguments)


# What the command line may change; the others follow from it.
SETTINGS = [
    field
    for field in dataclasses.fields(Config)
    if field.name not in ("preset", "text_checksum")
]


def configure(options: argparse.Namespace) -> Config:
    """The preset with the given settings; of a run that is resumed, its own."""
    given = {field.name: getattr(options, field.name) for field in SETTINGS}
    given = {name: value for name, value in given.items() if value is not None}
    if options.resume:
        if options.out is None:
            raise UsageError("--resume: name the directory of the run with --out.")
        saved = options.out / "config.json"
        if options.preset is None and saved.exists():
            return dataclasses.replace(Config.load(saved), **given)
    return dataclasses.replace(PRESETS[options.preset or "quickstart"], **given)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    out = options.out
    try:
        check_options(options.prompt, SAMPLE_BYTES, options.temperature, options.top_k)
        config = configure(options)
        if out is None:
            out = Path("runs") / f"lm-{config.preset}-{time.strftime('%Y%m%d-%H%M%S')}"
        text = corpus.load(Path(config.corpus) if config.corpus else None)
        text.require(config.batch * config.context + 1)
        config = dataclasses.replace(config, text_checksum=text.checksum)
        layout = Layout(config.devices)
        prepare(out, config, options.resume)
        print(json.dumps(dataclasses.asdict(config), indent=2))
        sizes = f"{text.train.size:,} bytes, {text.validation.size:,} held out"
        print(f"run: {out}   text: {sizes}", flush=True)
        model, metrics, seconds, speed = train(
            config, layout, out, text, options.resume
        )
    except (UsageError, OSError, ckpt.CheckpointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nstopped; go on with --resume --out {out}", file=sys.stderr)
        return 130
    validation = metrics.series("validation")
    display.save_curve(out / "loss.png", metrics.series("loss"), validation)
    count = sum(v.value.size for _, v in nn.iter_variables(model))
    display.print_table(
        "result",
        [
            ("validation loss (nats per byte)", f"{validation[-1][1]:.4f}"),
            ("first loss", f"{metrics.series('loss')[0][1]:.4f}"),
            ("parameters", f"{count:,}"),
            ("seconds, with compilation", f"{seconds:.1f}"),
            ("tokens per second", f"{speed:,.0f}"),
            ("loss curve", out / "loss.png"),
            ("checkpoints", out / "checkpoints"),
        ],
    )
    print("\nsample:\n" + options.prompt, end="")
    print(
        sample(
            model,
            options.prompt,
            count=SAMPLE_BYTES,
            key=random.key(config.seed),
            temperature=options.temperature,
            top_k=options.top_k,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
