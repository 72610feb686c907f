"""Random numbers from explicit keys."""

from ._keys import PRNGKey as PRNGKey
from ._keys import clone as clone
from ._keys import fold_in as fold_in
from ._keys import key as key
from ._keys import key_data as key_data
from ._keys import key_dtype as key_dtype
from ._keys import key_impl as key_impl
from ._keys import split as split
from ._keys import wrap_key_data as wrap_key_data
from ._uniform import bernoulli as bernoulli
from ._uniform import bits as bits
from ._uniform import rademacher as rademacher
from ._uniform import randint as randint
from ._uniform import uniform as uniform
