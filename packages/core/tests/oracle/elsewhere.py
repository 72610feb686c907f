"""Which file tests the public functions that have no row in this folder.

A function is here because its results aren't numbers (shapes, dtypes, files, text), or
because a table of its own family tests it at least as widely as rows would.
"""

ELSEWHERE: dict[str, list[str]] = {
    "test_ops.py": [
        "ops.segment_max",
        "ops.segment_min",
        "ops.segment_prod",
        "ops.segment_sum",
    ],
    "scipy/test_fft.py": [
        "scipy.fft.dct",
        "scipy.fft.dctn",
        "scipy.fft.idct",
        "scipy.fft.idctn",
    ],
    "scipy/test_special.py": [
        "scipy.special.beta",
        "scipy.special.betainc",
        "scipy.special.betaln",
        "scipy.special.digamma",
        "scipy.special.entr",
        "scipy.special.erf",
        "scipy.special.erfc",
        "scipy.special.erfinv",
        "scipy.special.expit",
        "scipy.special.gamma",
        "scipy.special.gammainc",
        "scipy.special.gammaincc",
        "scipy.special.gammaln",
        "scipy.special.gammasgn",
        "scipy.special.i0",
        "scipy.special.i0e",
        "scipy.special.i1",
        "scipy.special.i1e",
        "scipy.special.kl_div",
        "scipy.special.logit",
        "scipy.special.polygamma",
        "scipy.special.rel_entr",
        "scipy.special.xlog1py",
        "scipy.special.xlogy",
    ],
}
