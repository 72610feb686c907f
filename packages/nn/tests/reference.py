"""The layers in NumPy, float64, written as directly as possible."""

import itertools

import numpy as np


def layer_norm(x, scale, bias, epsilon):
    x = np.asarray(x, np.float64)
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * scale + bias


def rms_norm(x, scale, epsilon):
    x = np.asarray(x, np.float64)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon) * scale


def conv(x, kernel, strides, padding, dilation, groups):
    """Sum over the window at every position; `padding` is pairs or "CIRCULAR"."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    sizes = kernel.shape[:-2]
    if padding == "CIRCULAR":
        spans = [(k - 1) * d for k, d in zip(sizes, dilation, strict=True)]
        pairs = [(span // 2, span - span // 2) for span in spans]
        x = np.pad(x, [(0, 0), *pairs, (0, 0)], mode="wrap")
    else:
        x = np.pad(x, [(0, 0), *padding, (0, 0)])
    counts = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, d, s in zip(x.shape[1:-1], sizes, dilation, strides, strict=True)
    ]
    group_in, out = kernel.shape[-2], kernel.shape[-1]
    y = np.zeros((len(x), *counts, out))
    for where in itertools.product(*map(range, counts)):
        for offset in itertools.product(*map(range, sizes)):
            at = tuple(
                w * s + o * d
                for w, s, o, d in zip(where, strides, offset, dilation, strict=True)
            )
            for channel in range(out):
                first = channel // (out // groups) * group_in
                seen = x[(slice(None), *at, slice(first, first + group_in))]
                y[(slice(None), *where, channel)] += seen @ kernel[offset][:, channel]
    return y


def attention(q, k, v, allowed):
    """Heads `[time, heads, size]`; `allowed` broadcasts to `[heads, time, time]`."""
    repeats = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, repeats, axis=1), np.repeat(v, repeats, axis=1)
    logits = np.einsum("tnh,snh->nts", q, k) / np.sqrt(q.shape[-1])
    logits = np.where(allowed, logits, -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("nts,snh->tnh", weights, v)
