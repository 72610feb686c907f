"""Every setting of a run, and presets of them."""

import dataclasses
import json
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Config:
    """What a run is made of; two runs of equal configuration have equal losses."""

    preset: str = "quickstart"
    seed: int = 0
    # Data: windows of `context` + 1 bytes.
    context: int = 128
    batch: int = 16
    # Model.
    layers: int = 4
    features: int = 128
    heads: int = 4
    dtype: str = "float32"
    fused_norm: bool = False
    # Training.
    steps: int = 1000
    warmup: int = 50
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    clip: float = 1.0
    # Evaluation and checkpoints, in steps.
    eval_every: int = 200
    eval_batches: int = 8
    checkpoint_every: int = 100

    def save(self, path: Path) -> None:
        """Write the configuration as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    @staticmethod
    def load(path: Path) -> "Config":
        """Read what `save` wrote."""
        return Config(**json.loads(path.read_text()))

    def differences(self, other: "Config") -> list[str]:
        """Lines `name: this != other`, for every setting that differs."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return [
            f"  {name}: {mine[name]!r} != {theirs[name]!r}"
            for name in mine
            if mine[name] != theirs[name]
        ]


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
