"""Calls of SciPy and scikit-learn with arrays, for `test_libraries.py`.

SciPy asks for `SCIPY_ARRAY_API` when it is imported, so this runs in a process of its
own. It writes, by name, what each call gives with NumPy's arrays and with ours.
"""

import pickle
import sys
import warnings

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
P = np.abs(X) + 0.1
KINDS = np.array([0, 1, 2] * 4)
TARGET = X @ np.array([1.0, 2.0, -1.0]) + 0.1 * RNG.normal(size=12)

# The names of calls that write to no array.
PLAIN = (
    *("special.gammainc", "special.ndtri", "special.softmax", "special.xlogy"),
    *("stats.describe", "stats.skew", "signal.fftconvolve", "signal.lfilter"),
    *("fft.rfft", "integrate.trapezoid", "PCA", "accuracy_score", "rbf_kernel"),
)


def scipy_calls():
    """By name, functions of what makes an array of NumPy's."""
    from scipy import differentiate, fft, integrate, optimize, signal, special, stats
    from scipy.cluster import vq

    return {
        "special.gammainc": lambda a: special.gammainc(a(P[:, 0]), a(P[:, 1])),
        "special.logsumexp": lambda a: special.logsumexp(a(X), axis=0),
        "special.ndtri": lambda a: special.ndtri(a(P[:, 0] / 4)),
        "special.softmax": lambda a: special.softmax(a(X), axis=1),
        "special.xlogy": lambda a: special.xlogy(a(P), a(P[::-1].copy())),
        "stats.describe": lambda a: tuple(stats.describe(a(X)))[1:],
        "stats.iqr": lambda a: stats.iqr(a(X)),
        "stats.pearsonr": lambda a: tuple(stats.pearsonr(a(X[:, 0]), a(X[:, 1]))),
        "stats.skew": lambda a: stats.skew(a(X), axis=0),
        "stats.ttest_ind": lambda a: tuple(stats.ttest_ind(a(X[:, 0]), a(X[:, 1]))),
        "stats.zscore": lambda a: stats.zscore(a(X)),
        "signal.fftconvolve": lambda a: signal.fftconvolve(a(X), a(X[:3])),
        "signal.lfilter": lambda a: signal.lfilter(a([1.0, 0.5]), a([1.0]), a(X)),
        "fft.dct": lambda a: fft.dct(a(X)),
        "fft.rfft": lambda a: fft.rfft(a(X), axis=0),
        "cluster.whiten": lambda a: vq.whiten(a(X)),
        "differentiate": lambda a: differentiate.derivative(lambda x: x**3, a(2.0)).df,
        "integrate.trapezoid": lambda a: integrate.trapezoid(a(X), axis=0),
        "optimize.rosen_der": lambda a: optimize.rosen_der(a(X[:, 0])),
    }


def sklearn_calls():
    """The same for estimators and metrics."""
    from sklearn import metrics
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import Ridge
    from sklearn.mixture import GaussianMixture
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    svd = PCA(2, svd_solver="full")
    ridge = Ridge(solver="svd")
    mixture = GaussianMixture(
        2, init_params="random", random_state=0, max_iter=2, tol=1e3
    )
    scaled = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())
    return {
        "StandardScaler": lambda a: StandardScaler().fit_transform(a(X)),
        "MinMaxScaler": lambda a: MinMaxScaler().fit_transform(a(X)),
        "PCA": lambda a: svd.inverse_transform(svd.fit_transform(a(X))),
        "PCA.explained_variance_": lambda a: svd.fit(a(X)).explained_variance_,
        "Ridge": lambda a: ridge.fit(a(X), a(TARGET)).predict(a(X)),
        "GaussianMixture": lambda a: mixture.fit(a(X)).means_,
        "Pipeline": lambda a: scaled.fit(a(X), a(KINDS)).predict(a(X)),
        "accuracy_score": lambda a: metrics.accuracy_score(a(KINDS), a(KINDS[::-1])),
        "mean_squared_error": lambda a: metrics.mean_squared_error(
            a(TARGET), a(X[:, 0])
        ),
        "r2_score": lambda a: metrics.r2_score(a(TARGET), a(X[:, 0])),
        "rbf_kernel": lambda a: metrics.pairwise.rbf_kernel(a(X), a(X)),
    }


def described(made):
    """The classes, and the values by NumPy, of a result's arrays."""
    parts = made if isinstance(made, tuple) else (made,)
    return [(type(part).__name__, np.asarray(part)) for part in parts]


def main(path):
    """Run all calls, and write what they give."""
    import sklearn

    import dolmen.core as dc
    import dolmen.core.numpy as jnp
    from dolmen.core.experimental import array_api

    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", message="Best performing initialization")
    results = {}
    with dc.enable_x64(True):
        for name, call in {**scipy_calls(), **sklearn_calls()}.items():
            results[name, "numpy"] = described(call(np.array))
            with sklearn.config_context(array_api_dispatch=True):
                results[name, "writable"] = described(call(array_api.asarray))
                if name in PLAIN:
                    results[name, "plain"] = described(call(jnp.asarray))
    with open(path, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    main(sys.argv[1])
