"""Schedules at many counts."""

import numpy as np

COUNTS = np.arange(0, 64)

CALLS = {
    "constant_schedule": [(0.3,)],
    "linear_schedule": [(1.0, 0.1, 20), (0.0, 2.0, 7, 5)],
    "polynomial_schedule": [(1.0, 0.1, 2, 20), (0.5, 2.0, 0.5, 13, 4)],
    "exponential_decay": [
        (1.0, 10, 0.5),
        (1.0, 10, 0.5, 5, True),
        (1.0, 10, 0.5, 0, False, 0.2),
        (1.0, 10, 1.2, 3, False, 2.0),
    ],
    "cosine_decay_schedule": [(2.0, 40), (2.0, 40, 0.1, 1.5)],
    "piecewise_constant_schedule": [(1.0, {3: 0.5, 20: 0.1}), (1.0,)],
    "piecewise_interpolate_schedule": [
        ("linear", 1.0, {3: 0.5, 20: 3.0}),
        ("cosine", 1.0, {3: 0.5, 20: 3.0}),
        ("cosine", 1.0, {5: 2.0}),
    ],
    "linear_onecycle_schedule": [(40, 2.0), (50, 1.0, 0.2, 0.6, 10.0, 100.0)],
    "cosine_onecycle_schedule": [(40, 2.0), (50, 1.0, 0.2, 10.0, 100.0)],
    "warmup_constant_schedule": [(0.1, 2.0, 9)],
    "warmup_cosine_decay_schedule": [
        (0.0, 2.0, 10, 50),
        (0.1, 2.0, 10, 50, 0.3, 2.0),
        (0.1, 2.0, 0, 50),
    ],
    "warmup_exponential_decay_schedule": [
        (0.0, 2.0, 10, 20, 0.5),
        (0.0, 2.0, 10, 5, 0.5, 3, True, 0.1),
    ],
}
CYCLE = {
    "init_value": 0.1,
    "peak_value": 1.0,
    "warmup_steps": 3,
    "decay_steps": 12,
    "end_value": 0.2,
}


def programs(api):
    core, jnp, optim = api.core, api.jnp, api.optim
    schedules = optim.schedules

    def at_counts(schedule):
        # Where a schedule is constant, the two sides differ in the kind of number.
        return [float(schedule(int(count))) for count in COUNTS[::7]], core.vmap(
            lambda count: schedule(count) + jnp.zeros(())
        )(jnp.asarray(COUNTS))

    for name, calls in CALLS.items():
        for number, args in enumerate(calls):
            yield (
                f"{name} {number}",
                lambda name=name, args=args: rounded(
                    at_counts(getattr(schedules, name)(*args))
                ),
            )
    yield (
        "sgdr_schedule",
        lambda: rounded(
            at_counts(schedules.sgdr_schedule([CYCLE, {**CYCLE, "decay_steps": 25}]))
        ),
    )
    yield (
        "join_schedules",
        lambda: rounded(
            at_counts(
                schedules.join_schedules(
                    [
                        schedules.constant_schedule(0.5),
                        schedules.linear_schedule(1.0, 0.0, 10),
                        schedules.cosine_decay_schedule(1.0, 20),
                    ],
                    [5, 25],
                )
            )
        ),
    )

    def injected():
        schedule = schedules.linear_schedule(1.0, 0.0, 10)
        optimizer = schedules.inject_hyperparams(optim.sgd)(schedule, momentum=0.9)
        params = {"w": jnp.ones(3)}
        state = optimizer.init(params)
        seen = []
        for _ in range(4):
            updates, state = optimizer.update(params, state, params)
            seen.append((sorted(state.hyperparams.items()), updates["w"]))
        state.hyperparams["momentum"] = jnp.asarray(0.5)
        updates, state = optimizer.update(params, state, params)
        return [*seen, updates, state.count]

    yield "inject_hyperparams", injected


def rounded(values):
    """Floats as an array: their last digits depend on how a product is compiled."""
    plain, array = values
    return [np.asarray(plain, np.float32), array]
