"""Train a small CNN on scikit-learn's 8x8 digits: `python -m examples.digits.train`."""

import argparse
import sys
from typing import Any

import numpy as np
import sklearn.datasets

import dolmen.core as dc
import dolmen.core.nn
import dolmen.core.numpy as jnp
from dolmen import data, nn, optim
from dolmen.core import Array


class ConvNet(nn.Module):
    """Two convolutions, a pooled feature vector, ten logits."""

    def __init__(self, *, rngs: nn.Rngs) -> None:
        self.conv1 = nn.Conv(1, 32, kernel_size=(3, 3), rngs=rngs)
        self.conv2 = nn.Conv(32, 64, kernel_size=(3, 3), strides=2, rngs=rngs)
        self.dropout = nn.Dropout(0.2)
        self.out = nn.Linear(4 * 4 * 64, 10, rngs=rngs)

    def __call__(self, images: Array, rngs: nn.Rngs | None = None) -> Array:
        x = dolmen.core.nn.relu(self.conv1(images))  # [batch, 8, 8, 32]
        x = dolmen.core.nn.relu(self.conv2(x))  # [batch, 4, 4, 64]
        x = x.reshape(x.shape[0], -1)
        return self.out(self.dropout(x, deterministic=rngs is None, rngs=rngs))


def load() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Training and test digits; every fifth is a test digit."""
    digits = sklearn.datasets.load_digits()
    images = (digits.images[..., None] / 16.0).astype(np.float32)
    labels = digits.target.astype(np.int32)
    test = np.arange(len(labels)) % 5 == 0
    return (
        {"image": images[~test], "label": labels[~test]},
        {"image": images[test], "label": labels[test]},
    )


def train(*, epochs: int, batch: int, seed: int, learning_rate: float) -> float:
    """Train and return the accuracy on the test digits."""
    train_set, test_set = load()
    rngs = nn.Rngs(seed)
    graphdef, params = nn.split(ConvNet(rngs=rngs))
    steps = epochs * (len(train_set["label"]) // batch)
    optimizer = optim.adamw(optim.cosine_decay_schedule(learning_rate, steps))
    opt_state = optimizer.init(params)

    @dc.jit
    def step(params: Any, opt_state: Any, digits: Any, key: Array) -> Any:
        def loss(params: Any) -> Array:
            logits = nn.merge(graphdef, params)(digits["image"], nn.Rngs(dropout=key))
            return optim.softmax_cross_entropy_with_integer_labels(
                logits, digits["label"]
            ).mean()

        value, grads = dc.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optim.apply_updates(params, updates), opt_state, value

    @dc.jit
    def accuracy(params: Any, digits: Any) -> Array:
        logits = nn.merge(graphdef, params)(digits["image"])
        return jnp.mean(jnp.argmax(logits, -1) == digits["label"])

    ds = data.MapDataset.source(data.Arrays(train_set)).seed(seed).shuffle()
    ds = ds.batch(batch, drop_remainder=True).repeat(epochs)
    for number, digits in enumerate(ds):
        params, opt_state, value = step(params, opt_state, digits, rngs.dropout())
        if (number + 1) % (steps // epochs) == 0:
            score = float(accuracy(params, test_set))
            epoch = (number + 1) // (steps // epochs)
            print(
                f"epoch {epoch:>2}  loss {float(value):.4f}  test accuracy {score:.2%}"
            )
    return float(accuracy(params, test_set))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.digits.train", description=__doc__
    )
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    options = parser.parse_args(arguments)
    digits = len(load()[0]["label"])
    if options.epochs < 1 or not 1 <= options.batch <= digits:
        parser.error(f"expected --epochs of at least 1 and --batch from 1 to {digits}")
    score = train(
        epochs=options.epochs,
        batch=options.batch,
        seed=options.seed,
        learning_rate=options.learning_rate,
    )
    print(f"test accuracy: {score:.2%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
