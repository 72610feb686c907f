"""Every setting of a run, and presets of them."""

import dataclasses
import json
import math
import os
from pathlib import Path

DTYPES = ("float32", "bfloat16")


class UsageError(Exception):
    """The command line asks for something that can't be done."""


@dataclasses.dataclass(frozen=True)
class Config:
    """What a run is made of; two runs of equal configuration have equal losses.

    Raises:
        UsageError: a setting is out of range; the message names its option.
    """

    preset: str = "quickstart"
    seed: int = 0
    # Data: windows of `context` + 1 bytes of the .py files in a directory (by default
    # the standard library), and a checksum of the text that was found there.
    corpus: str = ""
    text_checksum: str = ""
    context: int = 128
    batch: int = 8
    # Model.
    layers: int = 3
    features: int = 128
    heads: int = 2
    dtype: str = "float32"
    fused_norm: bool = False
    # Training.
    steps: int = 500
    warmup: int = 50
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    clip: float = 1.0
    # How many devices batches and moments are split over.
    devices: int = 1
    # Evaluation and checkpoints, in steps.
    eval_every: int = 100
    eval_batches: int = 8
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not least <= value < math.inf:  # written so that NaN fails too
                raise UsageError(
                    f"{option(name)}: expected at least {least}, got {value}."
                )
        if not 0 < self.learning_rate < math.inf or not 0 < self.clip < math.inf:
            raise UsageError(
                "--learning-rate and --clip: expected positive numbers, got "
                f"{self.learning_rate} and {self.clip}."
            )
        if self.dtype not in DTYPES:
            raise UsageError(
                f"--dtype: expected {' or '.join(DTYPES)}, got {self.dtype!r}."
            )
        if self.features % self.heads:
            raise UsageError(
                f"--features: expected a multiple of --heads ({self.heads}), got "
                f"{self.features}."
            )
        if self.batch % self.devices:
            raise UsageError(
                f"--batch: expected a multiple of --devices ({self.devices}), got "
                f"{self.batch}."
            )
        if self.warmup >= self.steps:
            raise UsageError(
                f"--warmup: expected fewer steps than --steps ({self.steps}), got "
                f"{self.warmup}."
            )

    def save(self, path: Path) -> None:
        """Write the configuration as JSON, whole or not at all."""
        text = json.dumps(dataclasses.asdict(self), indent=2) + "\n"
        temporary = path.with_suffix(".tmp")
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    @staticmethod
    def load(path: Path) -> "Config":
        """Read what `save` wrote.

        Raises:
            UsageError: the file holds something else.
        """
        try:
            return Config(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{path}: expected the configuration of a run, but {error}.\n"
                "Was it edited, or written by another version of this example?"
            ) from error

    def differences(self, other: "Config") -> list[str]:
        """Lines `name: this != other`, for every setting that differs."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return [
            f"  {name}: {mine[name]!r} != {theirs[name]!r}"
            for name in mine
            if mine[name] != theirs[name]
        ]


_LEAST = {
    "seed": 0,
    "context": 1,
    "batch": 1,
    "layers": 1,
    "features": 1,
    "heads": 1,
    "steps": 1,
    "warmup": 0,
    "weight_decay": 0,
    "devices": 1,
    "eval_every": 1,
    "eval_batches": 1,
    "checkpoint_every": 1,
}


def option(name: str) -> str:
    """A setting as it is written on the command line."""
    return "--" + name.replace("_", "-")


PRESETS = {
    # Minutes on two processor cores.
    "quickstart": Config(),
    # Seconds: for tests.
    "tiny": Config(
        preset="tiny",
        context=32,
        batch=4,
        layers=2,
        features=32,
        heads=2,
        steps=20,
        warmup=4,
        eval_every=10,
        eval_batches=2,
        checkpoint_every=5,
    ),
    # An hour or so on two cores, minutes on an accelerator.
    "small": Config(
        preset="small",
        context=256,
        batch=32,
        layers=8,
        features=256,
        heads=8,
        steps=5000,
        warmup=200,
        learning_rate=1e-3,
        eval_every=500,
        eval_batches=16,
        checkpoint_every=500,
    ),
}
