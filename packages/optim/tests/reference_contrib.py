"""The optimizers of `contrib` once more, as in `reference`: plain NumPy, from papers.

Those below "over all parameters" look at the whole tree; their tests give it to them as
one vector.
"""

import numpy as np

# ---- element by element --------------------------------------------------------------


def acprop(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-16, eps_root=1e-16):
    # Zhuang et al. 2021, arXiv:2110.05454, Algorithm 1: the step divides by the second
    # moment of the step before, which is corrected here, and is 1 at first.
    v_hat = s["v"] / (1 - b2 ** (t - 1)) if t > 1 else 1.0
    step = -lr * g / (np.sqrt(v_hat) + eps)
    # Centered on the mean before this gradient, as Optax does.
    s["v"] = s.average("v", (g - s["m"]) ** 2, b2) + eps_root
    s.average("m", g, b1)
    return step


def ademamix(t, g, p, s, lr, b1=0.9, b2=0.999, b3=0.9999, alpha=5.0, eps=1e-8, decay=0):
    # Pagliardini et al. 2024, arXiv:2409.03137, Algorithm 1, without warm-ups.
    m1_hat = s.average("m1", g, b1) / (1 - b1**t)
    m2 = s.average("m2", g, b3)
    v_hat = s.average("v", g**2, b2) / (1 - b2**t)
    return -lr * ((m1_hat + alpha * m2) / (np.sqrt(v_hat) + eps) + decay * p)


def simplified_ademamix(t, g, p, s, lr, b1=0.99, b2=0.95, alpha=0.0, eps=1e-8):
    # Morwani et al. 2025, arXiv:2502.02431, Algorithm 1, its second moment corrected.
    s["m"] = b1 * s["m"] + g
    v_hat = s.average("v", g**2, b2) / (1 - b2**t)
    return -lr * (s["m"] + alpha * g) / (np.sqrt(v_hat) + eps)


def adopt(t, g, p, s, lr, b1=0.9, b2=0.9999, eps=1e-6):
    # Taniguchi et al. 2024, arXiv:2411.02853, Algorithm 2, clipped at t ** (1/4) where
    # the first of these steps has t = 1; the very first only fills the second moment.
    if t == 1:
        s["v"] = g**2
        return 0 * p
    limit = (t - 1) ** 0.25
    normalized = np.clip(g / np.maximum(np.sqrt(s["v"]), eps), -limit, limit)
    s.average("v", g**2, b2)
    return -lr * s.average("m", normalized, b1)


def madgrad(t, g, p, s, lr, momentum=0.9, eps=1e-6):
    # Defazio and Jelassi 2021, arXiv:2101.11075, Algorithm 1, with its 1 - c called
    # momentum.
    if t == 1:
        s["x0"] = p
    weight = (lr + eps) * np.sqrt(t)
    s["s"] += weight * g
    s["v"] += weight * g**2
    z = s["x0"] - s["s"] / (np.cbrt(s["v"]) + eps)
    return momentum * p + (1 - momentum) * z - p


def cocob(t, g, p, s, alpha=100.0, eps=1e-8):
    # Orabona and Tommasi 2017, arXiv:1705.07795, Algorithm 2, for each coordinate.
    if t == 1:
        s["w1"], s["L"] = p, np.full_like(p, eps)
    s["L"] = np.maximum(s["L"], np.abs(g))
    s["G"] += np.abs(g)
    s["reward"] = np.maximum(s["reward"] - (p - s["w1"]) * g, 0)
    s["theta"] -= g
    share = s["theta"] / (s["L"] * np.maximum(s["G"] + s["L"], alpha * s["L"]))
    return s["w1"] + share * (s["L"] + s["reward"]) - p


# ---- over all parameters -------------------------------------------------------------


def polyak_sgd(t, g, p, s, value, most=1.0):
    # Loizou et al. 2020, arXiv:2002.10542, SPS_max with c = 1 and the lower bound 0.
    return -min(most, value(t - 1, p) / (g**2).sum()) * g


def lbfgs(t, g, p, s, lr, memory=5):
    # Nocedal and Wright, "Numerical Optimization", Algorithm 7.4, with equation 7.20
    # for the first Hessian. Pairs of negative curvature count as nothing.
    if t == 1:
        s["pairs"], curvature = [], min(1, 1 / np.linalg.norm(g))
    else:
        step, change = p - s["p"], g - s["g"]
        product = step @ change
        s["pairs"] = [*s["pairs"], (step, change, product)][-memory:]
        curvature = product / (change @ change) if product > 0 else 1.0
    s["p"], s["g"] = p, g
    q, shares = g, []
    for step, change, product in reversed(s["pairs"]):
        shares.append(step @ q / product if product > 0 else 0.0)
        q = q - shares[-1] * change
    q = curvature * q
    for step, change, product in s["pairs"]:
        share = shares.pop()
        if product > 0:
            q = q + (share - change @ q / product) * step
    return -lr * q


def dog(t, g, p, s, first=0.1, eps=1e-8):
    # Ivgi et al. 2023, arXiv:2302.12022, Algorithm 1.
    if t == 1:
        s["x0"], s["r"] = p, first
    s["r"] = max(s["r"], np.linalg.norm(p - s["x0"]))
    s["total"] += (g**2).sum()
    return -s["r"] / np.sqrt(s["total"] + eps) * g


def dowg(t, g, p, s, first=0.01, eps=1e-4):
    # Khaled et al. 2023, arXiv:2305.16284, Algorithm 1, with eps added to the root.
    if t == 1:
        s["x0"], s["r2"] = p, first
    s["r2"] = max(s["r2"], ((p - s["x0"]) ** 2).sum())
    s["v"] += s["r2"] * (g**2).sum()
    return -s["r2"] / (np.sqrt(s["v"]) + eps) * g


def prodigy(t, g, p, s, b1=0.9, b2=0.999, eps=1e-8, d0=1e-3):
    # Mishchenko and Defazio 2023, arXiv:2306.06101, Algorithm 4, its gamma with Adam's
    # corrections, all sums relative to d0, as in the authors' program.
    b3 = np.sqrt(b2)
    if t == 1:
        s["x0"], s["d"] = p, d0
    d = s["d"]
    rate = d * np.sqrt(1 - b2**t) / (1 - b1**t)
    s["m"] = b1 * s["m"] + (1 - b1) * d * g
    s["v"] = b2 * s["v"] + (1 - b2) * d**2 * g**2
    s["r"] = b3 * s["r"] + d / d0 * rate * (g @ (s["x0"] - p))
    s["s"] = b3 * s["s"] + rate / d0 * d * g
    s["d"] = max(d, s["r"] / np.abs(s["s"]).sum())
    return -rate * s["m"] / (np.sqrt(s["v"]) + s["d"] * eps)


def dadapt_adamw(t, g, p, s, b1=0.9, b2=0.999, eps=1e-8, d0=1e-3):
    # Defazio and Mishchenko 2023, arXiv:2301.07733, Algorithm 5, its gamma with Adam's
    # corrections, as in the authors' program.
    b3 = np.sqrt(b2)
    if t == 1:
        s["d"] = d0
    rate = s["d"] * np.sqrt(1 - b2**t) / (1 - b1**t)
    agreement = (g * s["s"] / (np.sqrt(s["v"]) + eps)).sum()
    s["m"] = b1 * s["m"] + (1 - b1) * rate * g
    s.average("v", g**2, b2)
    s["r"] = b3 * s["r"] + (1 - b3) * rate * agreement
    s["s"] = b3 * s["s"] + (1 - b3) * rate * g
    s["d"] = max(s["d"], s["r"] / ((1 - b3) * np.abs(s["s"]).sum()))
    return -s["m"] / (np.sqrt(s["v"]) + eps)
