"""The optimizers once more: plain NumPy, float64, written from the papers.

A reference is a function ``(t, g, p, s, **hyperparameters)`` of one array: the step
(from 1), gradient, parameter, and a `Memory` that it changes. It returns the change of
the parameter. `trajectory` loops over steps and arrays. Where Optax and the paper part,
the reference follows Optax and says so.
"""

from collections import defaultdict

import numpy as np


class Memory(defaultdict):
    """What an optimizer remembers of an array; zero at first."""

    def __init__(self):
        super().__init__(float)

    def average(self, name, x, decay):
        """Move the average of this name towards `x`; returns it."""
        self[name] = decay * self[name] + (1 - decay) * x
        return self[name]


def trajectory(update, params, gradient, steps, **hyperparameters):
    """Parameters after each step; `gradient` takes the step (from 0) and parameters."""
    params = {name: np.array(p, np.float64) for name, p in params.items()}
    memories = {name: Memory() for name in params}
    rows = []
    for t in range(1, steps + 1):
        grads = gradient(t - 1, params)
        params = {
            name: p + update(t, grads[name], p, memories[name], **hyperparameters)
            for name, p in params.items()
        }
        rows.append(params)
    return rows


# ---- Adam (Kingma and Ba 2014, arXiv:1412.6980) and relatives ------------------------


def adam(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8, eps_root=0.0):
    m_hat = s.average("m", g, b1) / (1 - b1**t)
    v_hat = s.average("v", g**2, b2) / (1 - b2**t)
    return -lr * m_hat / (np.sqrt(v_hat + eps_root) + eps)


def adamw(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8, decay=1e-4):
    # Loshchilov and Hutter 2017, arXiv:1711.05101; the rate multiplies the decay too.
    return adam(t, g, p, s, lr, b1, b2, eps) - lr * decay * p


def nadam(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8):
    # Dozat 2016, Algorithm 2, with constant b1 and without its b2 on v.
    m, v = s.average("m", g, b1), s.average("v", g**2, b2)
    m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
    return -lr * m_hat / (np.sqrt(v / (1 - b2**t)) + eps)


def amsgrad(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8):
    # Reddi et al. 2018, arXiv:1904.09237, with Adam's corrections.
    m_hat = s.average("m", g, b1) / (1 - b1**t)
    v_hat = s.average("v", g**2, b2) / (1 - b2**t)
    s["most"] = np.maximum(s["most"], v_hat)
    return -lr * m_hat / (np.sqrt(s["most"]) + eps)


def adamax(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8):
    # Kingma and Ba 2014, Algorithm 2, with eps added to |g|.
    m_hat = s.average("m", g, b1) / (1 - b1**t)
    s["u"] = np.maximum(b2 * s["u"], np.abs(g) + eps)
    return -lr * m_hat / s["u"]


def adamaxw(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8, decay=1e-4):
    # The decay of AdamW beside the step of AdaMax.
    return adamax(t, g, p, s, lr, b1, b2, eps) - lr * decay * p


def nadamw(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8, decay=1e-4):
    # The decay of AdamW beside the step of NAdam.
    return nadam(t, g, p, s, lr, b1, b2, eps) - lr * decay * p


def adabelief(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-16, eps_root=1e-16):
    # Zhuang et al. 2020, arXiv:2010.07468, Algorithm 2.
    m = s.average("m", g, b1)
    s["v"] = s.average("v", (g - m) ** 2, b2) + eps_root
    return -lr * m / (1 - b1**t) / (np.sqrt(s["v"] / (1 - b2**t)) + eps)


def yogi(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-3, start=1e-6):
    # Zaheer et al. 2018, Algorithm 2, with Adam's corrections.
    if t == 1:
        s["m"] = s["v"] = np.full_like(p, start)
    m = s.average("m", g, b1)
    s["v"] = s["v"] - (1 - b2) * np.sign(s["v"] - g**2) * g**2
    return -lr * m / (1 - b1**t) / (np.sqrt(s["v"] / (1 - b2**t)) + eps)


def radam(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8, threshold=5.0):
    # Liu et al. 2019, arXiv:1908.03265, Algorithm 2.
    m_hat = s.average("m", g, b1) / (1 - b1**t)
    v = s.average("v", g**2, b2)
    longest = 2 / (1 - b2) - 1
    length = longest - 2 * t * b2**t / (1 - b2**t)
    if length < threshold:
        return -lr * m_hat
    r = (length - 4) * (length - 2) * longest
    r = np.sqrt(r / ((longest - 4) * (longest - 2) * length))
    return -lr * r * m_hat / (np.sqrt(v / (1 - b2**t)) + eps)


def adan(t, g, p, s, lr, b1=0.98, b2=0.92, b3=0.99, eps=1e-8, eps_root=1e-8):
    # Xie et al. 2022, arXiv:2208.06677, Algorithm 1, with corrections, and with 1 - b2
    # in this notation where the paper has b2.
    d = g - s["g"] if t > 1 else 0 * g
    s["g"] = g
    m_hat = s.average("m", g, b1) / (1 - b1**t)
    v_hat = s.average("v", d, b2) / (1 - b2**t)
    n_hat = s.average("n", (g + (1 - b2) * d) ** 2, b3) / (1 - b3**t)
    return -lr * (m_hat + (1 - b2) * v_hat) / (np.sqrt(n_hat + eps_root) + eps)


# ---- sums and averages of squares ----------------------------------------------------


def adagrad(t, g, p, s, lr, start=0.1, eps=1e-7):
    # Duchi et al. 2011.
    s["total"] = (s["total"] if t > 1 else start) + g**2
    return -lr * g / np.sqrt(s["total"] + eps)


def adadelta(t, g, p, s, lr, rho=0.9, eps=1e-6):
    # Zeiler 2012, arXiv:1212.5701, Algorithm 1.
    root = np.sqrt(s["x"] + eps)
    x = root / np.sqrt(s.average("g", g**2, rho) + eps) * g
    s.average("x", x**2, rho)
    return -lr * x


def rmsprop(t, g, p, s, lr, decay=0.9, eps=1e-8, momentum=0.0):
    # Hinton 2012, lecture 6e; momentum as in Graves 2013, arXiv:1308.0850.
    step = -lr * g / np.sqrt(s.average("v", g**2, decay) + eps)
    s["step"] = step + momentum * s["step"]
    return s["step"]


def centered_rmsprop(t, g, p, s, lr, decay=0.9, eps=1e-8):
    # Graves 2013, arXiv:1308.0850, equations 38 to 41.
    m, v = s.average("m", g, decay), s.average("v", g**2, decay)
    return -lr * g / np.sqrt(v - m**2 + eps)


def adafactor(t, g, p, s, lr, rate=0.8, eps=1e-30, threshold=1.0, smallest=1e-3):
    # Shazeer and Stern 2018, arXiv:1804.04235, Algorithms 4 and 5, for matrices.
    decay = 1 - t**-rate
    if g.ndim == 2:
        r = s.average("r", (g**2 + eps).mean(1), decay)
        c = s.average("c", (g**2 + eps).mean(0), decay)
        u = g / np.sqrt(np.outer(r, c) / r.mean())
    else:
        u = g / np.sqrt(s.average("v", g**2 + eps, decay))
    u = u / max(1, np.sqrt((u**2).mean()) / threshold)
    return -lr * max(smallest, np.sqrt((p**2).mean())) * u


def sm3(t, g, p, s, lr, momentum=0.9, eps=1e-8):
    # Anil et al. 2019, arXiv:1901.11150, SM3-II, for vectors and matrices.
    if g.ndim == 2:
        rows, columns = s["rows"], s["columns"]
        if t == 1:
            rows, columns = np.zeros(g.shape[0]), np.zeros(g.shape[1])
        v = np.minimum.outer(rows, columns) + g**2
        s["rows"], s["columns"] = v.max(1), v.max(0)
    else:
        v = s["v"] = s["v"] + g**2
    return -lr * s.average("m", np.where(v > 0, g / np.sqrt(v + eps), 0), momentum)


def factored_rms(t, g, p, s, lr, rate=0.8, eps=1e-30):
    # Shazeer and Stern 2018, arXiv:1804.04235, Algorithm 4, without its step sizes.
    decay = 1 - t**-rate
    if g.ndim < 2:
        return -lr * g / np.sqrt(s.average("v", g**2 + eps, decay))
    r = s.average("r", (g**2 + eps).mean(1), decay)
    c = s.average("c", (g**2 + eps).mean(0), decay)
    return -lr * g / np.sqrt(np.outer(r, c) / r.mean())


# ---- one step size for each array ----------------------------------------------------


def trust_ratio(t, g, p, s, lr):
    # You et al. 2019, arXiv:1904.00962, the ratio in Algorithm 2 by itself.
    return -lr * norm(p) / norm(g) * g


def param_block_norm(t, g, p, s, lr, smallest=1e-3):
    # Shazeer and Stern 2018, arXiv:1804.04235, section 8, with the norm.
    return -lr * max(norm(p), smallest) * g


def param_block_rms(t, g, p, s, lr, smallest=1e-3):
    # Shazeer and Stern 2018, arXiv:1804.04235, section 8.
    return -lr * max(np.sqrt((p**2).mean()), smallest) * g


def centralize(t, g, p, s, lr):
    # Yong et al. 2020, arXiv:2004.01461, equation 1: one mean for each row.
    if g.ndim < 2:
        return -lr * g
    return -lr * np.stack([row - row.mean() for row in g])


def lars(t, g, p, s, lr, momentum=0.9, trust=0.001, decay=0.0):
    # You et al. 2017, arXiv:1708.03888, Algorithm 1; the rate is outside the sum.
    g = g + decay * p
    s["v"] = -lr * trust * norm(p) / norm(g) * g + momentum * s["v"]
    return s["v"]


def lamb(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-6, decay=0.0):
    # You et al. 2019, arXiv:1904.00962, Algorithm 2, with the identity for phi.
    u = -adam(t, g, p, s, 1.0, b1, b2, eps) + decay * p
    return -lr * norm(p) / norm(u) * u


def fromage(t, g, p, s, lr):
    # Bernstein et al. 2020, arXiv:2002.03432, Algorithm 1.
    return (p - lr * norm(p) / norm(g) * g) / np.sqrt(1 + lr**2) - p


def novograd(t, g, p, s, lr, b1=0.9, b2=0.25, eps=1e-6, decay=0.0):
    # Ginsburg et al. 2019, arXiv:1905.11286, Algorithm 1.
    if t == 1:
        s["v"] = norm(g) ** 2
    else:
        s.average("v", norm(g) ** 2, b2)
    s["m"] = b1 * s["m"] + g / (np.sqrt(s["v"]) + eps) + decay * p
    return -lr * s["m"]


def distance_over_gradients(t, g, p, s, first=1e-6, eps=1e-8):
    # Ivgi et al. 2023, arXiv:2302.12022, Algorithm 1, for each array by itself.
    if t == 1:
        s["start"], s["r"] = p, first * (1 + norm(p))
    s["r"] = max(s["r"], norm(p - s["start"]))
    s["total"] += norm(g) ** 2
    return -s["r"] / np.sqrt(s["total"] + eps) * g


def norm(x):
    return np.sqrt((x**2).sum())


# ---- gradients and their signs -------------------------------------------------------


def sgd(t, g, p, s, lr, momentum=0.0, nesterov=False):
    # Sutskever et al. 2013, in the form without look-ahead parameters.
    s["t"] = g + momentum * s["t"]
    return -lr * (g + momentum * s["t"] if nesterov else s["t"])


def ema(t, g, p, s, lr, beta=0.9):
    # Kingma and Ba 2014, arXiv:1412.6980, the first moment alone.
    return -lr * s.average("m", g, beta) / (1 - beta**t)


def signum(t, g, p, s, lr, beta=0.9):
    # Bernstein et al. 2018, arXiv:1802.04434, Algorithm 2.
    return -lr * np.sign(s.average("m", g, beta))


def lion(t, g, p, s, lr, b1=0.9, b2=0.99, decay=1e-3):
    # Chen et al. 2023, arXiv:2302.06675, Algorithm 2.
    c = b1 * s["m"] + (1 - b1) * g
    s.average("m", g, b2)
    return -lr * (np.sign(c) + decay * p)


def rprop(t, g, p, s, lr, down=0.5, up=1.2, least=1e-6, most=50.0):
    # Igel and Hüsken 2000, iRprop-, each step applied one step late as Optax does.
    if t == 1:
        s["size"], s["step"] = np.full_like(p, lr), np.zeros_like(p)
    before, step, done = s["step"], np.zeros_like(p), np.zeros_like(p)
    for i in np.ndindex(p.shape):
        agreement = g[i] * before[i]
        if agreement > 0:
            s["size"][i] = min(s["size"][i] * up, most)
        elif agreement < 0:
            s["size"][i] = max(s["size"][i] * down, least)
        if agreement >= 0:
            step[i], done[i] = s["size"][i] * np.sign(g[i]), before[i]
    s["step"] = step
    return -done


def optimistic_gradient_descent(t, g, p, s, lr, alpha=1.0, beta=1.0):
    # Mokhtari et al. 2019, arXiv:1901.08511, equation 8.
    change = g - s["g"] if t > 1 else 0 * g
    s["g"] = g
    return -lr * (alpha * g + beta * change)


def optimistic_adam(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8):
    # Daskalakis et al. 2017, arXiv:1711.00141, Algorithm 1, with NAdam inside.
    u = nadam(t, g, p, s, 1.0, b1, b2, eps)
    change = u - s["u"] if t > 1 else 0 * u
    s["u"] = u
    return lr * (u + change)


# ---- Kronecker factors, for matrices -------------------------------------------------


def shampoo(t, g, p, s, lr, b1=0.9, b2=0.999, eps=1e-8, matrix_eps=1e-6, every=10):
    # Gupta et al. 2018, arXiv:1802.09568, Algorithm 1, as averages, grafted to Adam.
    m_hat = s.average("m", g, b1) / (1 - b1**t)
    v_hat = s.average("v", g**2, b2) / (1 - b2**t)
    u = m_hat / (np.sqrt(v_hat) + eps)
    if g.ndim == 2:
        left, right = s.average("L", g @ g.T, b2), s.average("R", g.T @ g, b2)
        if t % every == 1:
            s["roots"] = [
                inverse_fourth_root(factor / (1 - b2**t), matrix_eps)
                for factor in (left, right)
            ]
        direction = s["roots"][0] @ m_hat @ s["roots"][1]
        u = norm(u) / norm(direction) * direction
    return -lr * u


def inverse_fourth_root(matrix, eps):
    values, vectors = np.linalg.eigh(matrix)
    values = np.maximum(values, 0) + eps * values.max()
    return vectors @ np.diag(values**-0.25) @ vectors.T


def soap(t, g, p, s, lr, b1=0.95, b2=0.95, eps=1e-8, every=10):
    # Vyas et al. 2024, arXiv:2409.11321, Algorithms 3 and 4, with Adam's corrections,
    # without an update in the first step, and with bases in falling order.
    is_matrix = g.ndim == 2
    left, right = (s["QL"], s["QR"]) if is_matrix and t > 1 else (None, None)
    change = np.zeros_like(p)
    if t > 1:
        turned = left.T @ g @ right if is_matrix else g
        m_hat = s.average("m", g, b1) / (1 - b1 ** (t - 1))
        v_hat = s.average("v", turned**2, b2) / (1 - b2 ** (t - 1))
        turned = left.T @ m_hat @ right if is_matrix else m_hat
        turned = turned / (np.sqrt(v_hat) + eps)
        change = -lr * (left @ turned @ right.T if is_matrix else turned)
    sides = (("L", g @ g.T), ("R", g.T @ g)) if is_matrix else ()
    for axis, (side, gram) in enumerate(sides):
        factor = s.average(side, gram, b2)
        if t == 1:
            s["Q" + side] = np.linalg.eigh(factor)[1][:, ::-1]
        elif t % every == 1:
            basis = s["Q" + side]
            order = np.argsort(-np.diag(basis.T @ factor @ basis), kind="stable")
            s["Q" + side] = np.linalg.qr(factor @ basis[:, order])[0]
            s["v"] = s["v"].take(order, axis)
    return change
