"""Optimizers: the usual chains under their usual names."""

from ._adam import adam as adam, adamw as adamw, nadam as nadam, nadamw as nadamw
from ._adam_variants import (
    adabelief as adabelief,
    adamax as adamax,
    adamaxw as adamaxw,
    adan as adan,
    amsgrad as amsgrad,
    radam as radam,
    yogi as yogi,
)
from ._adaptive import (
    adadelta as adadelta,
    adafactor as adafactor,
    adagrad as adagrad,
    rmsprop as rmsprop,
    sm3 as sm3,
)
from ._layerwise import (
    fromage as fromage,
    lamb as lamb,
    lars as lars,
    novograd as novograd,
)
from ._optimistic_adam import (
    optimistic_adam as optimistic_adam,
    optimistic_adam_v2 as optimistic_adam_v2,
)
from ._sgd import (
    lion as lion,
    noisy_sgd as noisy_sgd,
    optimistic_gradient_descent as optimistic_gradient_descent,
    polyak_sgd as polyak_sgd,
    rprop as rprop,
    sgd as sgd,
    sign_sgd as sign_sgd,
    signum as signum,
)
