"""Random numbers from explicit keys.

A key determines the numbers drawn with it: the same key gives the same numbers on every
backend, eagerly or compiled. Draw once with each key and make new ones with `split`::

    key = random.key(0)
    for step in range(3):
        key, now = random.split(key)
        noise = random.normal(now, (8,))
"""

from ._continuous import cauchy as cauchy
from ._continuous import exponential as exponential
from ._continuous import gumbel as gumbel
from ._continuous import laplace as laplace
from ._continuous import logistic as logistic
from ._continuous import pareto as pareto
from ._continuous import rayleigh as rayleigh
from ._continuous import triangular as triangular
from ._continuous import weibull_min as weibull_min
from ._discrete import categorical as categorical
from ._discrete import choice as choice
from ._discrete import geometric as geometric
from ._discrete import permutation as permutation
from ._keys import KeyArray as KeyArray
from ._keys import KeyDType as KeyDType
from ._keys import PRNGKey as PRNGKey
from ._keys import clone as clone
from ._keys import fold_in as fold_in
from ._keys import key as key
from ._keys import key_data as key_data
from ._keys import key_dtype as key_dtype
from ._keys import key_impl as key_impl
from ._keys import split as split
from ._keys import wrap_key_data as wrap_key_data
from ._normal import double_sided_maxwell as double_sided_maxwell
from ._normal import lognormal as lognormal
from ._normal import maxwell as maxwell
from ._normal import normal as normal
from ._normal import truncated_normal as truncated_normal
from ._normal import wald as wald
from ._uniform import bernoulli as bernoulli
from ._uniform import bits as bits
from ._uniform import rademacher as rademacher
from ._uniform import randint as randint
from ._uniform import uniform as uniform
