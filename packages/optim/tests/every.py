"""Every optimizer, made so that it descends well, for tests that none may fail.

`ready` gives their `update` the keyword arguments that some need.
"""

import inspect
from typing import Any

import dolmen.core as dc
from dolmen import optim
from dolmen.optim import contrib


def falling(rate, steps=300):
    """A learning rate that falls to zero."""
    return optim.cosine_decay_schedule(rate, steps)


OPTIMIZERS = {
    "adabelief": lambda: optim.adabelief(falling(0.1)),
    "adadelta": lambda: optim.adadelta(falling(3.0), eps=1e-3),
    "adafactor": lambda: optim.adafactor(falling(0.1), min_dim_size_to_factor=2),
    "adagrad": lambda: optim.adagrad(1.0),
    "adam": lambda: optim.adam(falling(0.1)),
    "adamax": lambda: optim.adamax(falling(0.1)),
    "adamaxw": lambda: optim.adamaxw(falling(0.1)),
    "adamw": lambda: optim.adamw(falling(0.1)),
    "adan": lambda: optim.adan(falling(0.1)),
    "amsgrad": lambda: optim.amsgrad(falling(0.1)),
    "fromage": lambda: optim.fromage(falling(0.1)),
    "lamb": lambda: optim.lamb(falling(0.1)),
    "lars": lambda: optim.lars(falling(1.0), trust_coefficient=0.1),
    "lbfgs": lambda: optim.lbfgs(),
    "lion": lambda: optim.lion(falling(0.03)),
    "muonclip": lambda: optim.muonclip(
        falling(0.1),
        {},
        threshold=1e9,
        weight_decay=0.0,
        adam_weight_decay=0.0,
    ),
    "nadam": lambda: optim.nadam(falling(0.1)),
    "nadamw": lambda: optim.nadamw(falling(0.1)),
    "noisy_sgd": lambda: optim.noisy_sgd(falling(0.3), key=0),
    "novograd": lambda: optim.novograd(falling(0.1)),
    "optimistic_adam_v2": lambda: optim.optimistic_adam_v2(falling(0.1)),
    "optimistic_gradient_descent": lambda: optim.optimistic_gradient_descent(0.3),
    "polyak_sgd": lambda: optim.polyak_sgd(),
    "radam": lambda: optim.radam(falling(0.1)),
    "rmsprop": lambda: optim.rmsprop(falling(0.1)),
    "rprop": lambda: optim.rprop(0.1),
    "sgd": lambda: optim.sgd(0.3, momentum=0.5),
    "shampoo": lambda: optim.shampoo(falling(0.1)),
    "sign_sgd": lambda: optim.sign_sgd(falling(0.1)),
    "signum": lambda: optim.signum(falling(0.1)),
    "sm3": lambda: optim.sm3(0.3),
    "soap": lambda: optim.soap(falling(0.1)),
    "yogi": lambda: optim.yogi(falling(0.1)),
    "contrib.acprop": lambda: contrib.acprop(falling(0.1)),
    "contrib.ademamix": lambda: contrib.ademamix(falling(0.1)),
    "contrib.adopt": lambda: contrib.adopt(falling(0.1)),
    "contrib.cocob": lambda: contrib.cocob(),
    "contrib.dadapt_adamw": lambda: contrib.dadapt_adamw(falling(1.0), estim_lr0=1e-3),
    "contrib.dog": lambda: contrib.dog(1.0, ("distance", 0.1)),
    "contrib.dowg": lambda: contrib.dowg(1.0, init_estim_sq_dist=1e-2),
    "dpsgd": lambda: optim.dpsgd(falling(0.3), 1e3, 0.0, 0),
    "contrib.galore": lambda: contrib.galore(falling(0.1), 2, 10),
    "contrib.madgrad": lambda: contrib.madgrad(falling(0.1)),
    "contrib.mechanize": lambda: contrib.mechanize(optim.adam(falling(1.0))),
    "contrib.momo": lambda: contrib.momo(),
    "contrib.momo_adam": lambda: contrib.momo_adam(falling(0.1)),
    "contrib.muon": lambda: contrib.muon(falling(0.1)),
    "contrib.prodigy": lambda: contrib.prodigy(falling(1.0), estim_lr0=1e-3),
    "contrib.sam": lambda: contrib.sam(
        optim.adam(falling(0.1)), optim.chain(contrib.normalize(), optim.sgd(1e-3))
    ),
    "contrib.schedule_free_adamw": lambda: contrib.schedule_free_adamw(
        0.1, weight_decay=0.0
    ),
    "contrib.schedule_free_sgd": lambda: contrib.schedule_free_sgd(
        0.5, weight_decay=0.0
    ),
    "contrib.simplified_ademamix": lambda: contrib.simplified_ademamix(
        falling(0.01), b1=0.9
    ),
    "contrib.sophia": lambda: contrib.sophia(falling(0.1)),
}


def ready(name: str) -> optim.GradientTransformationExtraArgs:
    """The optimizer, its `update` given all that it needs besides."""
    made = optim.with_extra_args_support(OPTIMIZERS[name]())

    def update(
        updates: Any, state: Any, params: Any = None, *, value_fn: Any = None
    ) -> Any:
        value = value_fn(params)
        if name == "dpsgd":  # of one example
            updates = dc.tree.map(lambda g: g[None], updates)
        return made.update(
            updates,
            state,
            params,
            value=value,
            grad=updates,
            value_fn=value_fn,
            obj_fn=value_fn,
            max_logits={},
        )

    def init(params: Any) -> Any:
        return made.init(params)

    init.takes_packed = update.takes_packed = True  # `made` sees what it is given
    return optim.GradientTransformationExtraArgs(init, update)


def public_transformations() -> dict[str, Any]:
    """Functions that return a transformation, by their first public names."""
    found: dict[Any, str] = {}
    for module, prefix in ((optim, ""), (contrib, "contrib.")):
        for name in dir(module):
            function = getattr(module, name)
            if not name.startswith("_") and inspect.isfunction(function):
                made = str(inspect.signature(function).return_annotation)
                if "GradientTransformation" in made:
                    found.setdefault(function, prefix + name)
    return {name: function for function, name in found.items()}
