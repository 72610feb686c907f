"""Trajectories of optimizers, wrappers and scalings: 100 steps on random trees."""

import numpy as np

STEPS = 100

# Calls of optimizers; `o` is the package, `s` a schedule.
OPTIMIZERS = (
    "o.adabelief(0.02)",
    "o.adabelief(0.02, nesterov=True)",
    "o.adadelta(1.0)",
    "o.adadelta(s, rho=0.8, eps=1e-3, weight_decay=0.01)",
    "o.adafactor(0.1)",
    "o.adafactor(s, 3, 0.7, -1, False, 0.5, 0.8, weight_decay_rate=0.01)",
    "o.adafactor(min_dim_size_to_factor=4, clipping_threshold=None)",
    "o.adagrad(0.1)",
    "o.adagrad(s, initial_accumulator_value=0.0)",
    "o.adam(0.02)",
    "o.adam(s, 0.8, 0.95, 1e-4, 1e-6, nesterov=True)",
    "o.adam(0.02, mu_dtype='bfloat16')",
    "o.adamax(0.02)",
    "o.adamaxw(s, weight_decay=0.1, mask=m)",
    "o.adamw(0.02)",
    "o.adamw(s, weight_decay=s, mask=m)",
    "o.adan(0.02)",
    "o.adan(s, 0.9, 0.8, 0.95, weight_decay=0.1, mask=m)",
    "o.amsgrad(0.02)",
    "o.amsgrad(s, bias_correction_mu=False, bias_correction_nu=False)",
    "o.fromage(0.02)",
    "o.fromage(s)",
    "o.lamb(0.02)",
    "o.lamb(s, weight_decay=0.1, mask=m)",
    "o.lars(0.5)",
    "o.lars(s, 0.01, m, 0.1, 1e-3, m, 0.8, True)",
    "o.lion(0.01)",
    "o.lion(s, 0.8, 0.95, weight_decay=0.1, mask=m)",
    "o.nadam(0.02)",
    "o.nadamw(0.02, weight_decay=0.1)",
    "o.noisy_sgd(0.02, key=3)",
    "o.novograd(0.02)",
    "o.novograd(s, 0.8, 0.5, 1e-3, 1e-3, 0.1)",
    "o.optimistic_adam(0.02)",
    "o.optimistic_adam(0.02, 0.5)",
    "o.optimistic_adam_v2(s, alpha=0.9, beta=0.5)",
    "o.optimistic_gradient_descent(0.05)",
    "o.optimistic_gradient_descent(s, 0.9, 0.5)",
    "o.polyak_sgd()",
    "o.polyak_sgd(0.1, s, -1.0, 1e-3, 'sps+')",
    "o.radam(0.02)",
    "o.radam(s, threshold=4.0, nesterov=True)",
    "o.rmsprop(0.02)",
    "o.rmsprop(s, 0.8, 1e-3, 0.1, False, momentum=0.8, nesterov=True)",
    "o.rmsprop(0.02, centered=True)",
    "o.rmsprop(0.02, centered=True, bias_correction=True, momentum=0.9)",
    "o.rmsprop(0.02, bias_correction=True)",
    "o.rprop(0.01)",
    "o.rprop(0.01, 0.4, 1.5, 1e-3, 0.05)",
    "o.sgd(0.05)",
    "o.sgd(s, 0.9, True)",
    "o.sign_sgd(0.01)",
    "o.signum(s, 0.8)",
    "o.sm3(0.05)",
    "o.yogi(0.02)",
    "o.contrib.acprop(0.02)",
    "o.contrib.acprop(s, 0.8, 0.9, 1e-6, 1e-4, 0.1, m)",
    "o.contrib.ademamix(0.02)",
    "o.contrib.ademamix(s, 0.8, 0.9, s, s, 1e-4, 1e-6, weight_decay=0.1, mask=m)",
    "o.contrib.adopt(0.02)",
    "o.contrib.adopt(s, b2=0.9, nesterov=True, use_clipping=False)",
    "o.contrib.cocob()",
    "o.contrib.cocob(s, 10.0, 1e-3, 0.1, m)",
    "o.contrib.dadapt_adamw(estim_lr0=1e-3)",
    "o.contrib.dadapt_adamw(s, (0.8, 0.95), 1e-4, 0.01, 0.1)",
    "o.contrib.dog()",
    "o.contrib.dog(0.5, ('learning_rate', 0.1), 1e-3, 0.1, m)",
    "o.contrib.dowg()",
    "o.contrib.dowg(0.5, 0.1, 1e-3, 0.1, m)",
    "o.contrib.madgrad(0.05)",
    "o.contrib.madgrad(s, 0.5, 0.01, 1e-4)",
    "o.contrib.simplified_ademamix(0.001)",
    "o.contrib.simplified_ademamix(s, 0.8, 0.9, s, 1e-3, 1e-4, 0.1, m)",
    "o.contrib.prodigy(estim_lr0=1e-3)",
    "o.contrib.prodigy(s, (0.8, 0.95), 0.9, 1e-4, 0.01, 0.5, 0.1, True)",
    "o.contrib.muon(0.02)",
    "o.contrib.muon(s, 'dion', nesterov=False, weight_decay=0.1, consistent_rms=0.2)",
    "o.contrib.muon(0.02, adaptive=True, preconditioning='aol', adam_learning_rate=s)",
    "o.contrib.schedule_free(o.sgd(0.05), 0.05, 0.8)",
    "o.contrib.schedule_free_sgd(0.05, 10, weight_decay=0.1)",
    "o.contrib.schedule_free_adamw(0.05, 10, weight_decay=0.1)",
    "o.contrib.galore(0.02, 2, 10)",
    "o.contrib.galore(s, 3, 7, 0.5, o.scale_by_lion(), 0.1, m)",
    "o.contrib.mechanize(o.sgd(1.0), s_init=0.01)",
    "o.contrib.mechanize(o.adam(s), 0.1, 1e-3, 0.1, 3)",
    "o.contrib.momo()",
    "o.contrib.momo(s, 0.8, 20.0, 0.1, True)",
    "o.contrib.momo_adam()",
    "o.contrib.momo_adam(s, 0.8, 0.9, 1e-6, 20.0, 0.1, True)",
    "o.contrib.sam(o.sgd(0.05, 0.9), o.chain(o.contrib.normalize(), o.sgd(0.1)))",
    "o.contrib.sam(o.adam(s), o.adam(0.05), 3, False)",
    "o.contrib.sophia(0.02)",
    "o.contrib.sophia(s, 0.8, 0.9, 1e-6, 0.1, m, 1.0, 0.5, 3)",
    "o.chain(o.sgd(0.05), o.contrib.reduce_on_plateau(0.5, 2, cooldown=1))",
)

SCALINGS = (
    "o.centralize()",
    "o.ema(0.8)",
    "o.ema(0.8, debias=False)",
    "o.scale_by_factored_rms(min_dim_size_to_factor=3)",
    "o.scale_by_factored_rms(True, 0.6, -2, 4, 1e-6)",
    "o.scale_by_factored_rms(factored=False)",
    "o.scale_by_lion(mode='smooth', smooth_beta=2.0)",
    "o.scale_by_lion(mode='refined')",
    "o.scale_by_param_block_norm()",
    "o.scale_by_param_block_rms(2.0)",
    "o.scale_by_sm3(0.8, 0.9, 1e-3)",
    "o.scale_by_stddev(eps_in_sqrt=False, initial_scale=2.0)",
    "o.scale_by_trust_ratio(0.5, 0.1, 1e-3)",
    "o.scale_by_yogi(eps_root=1e-3, initial_accumulator_value=0.1)",
    "o.trace(0.9, True)",
)

WRAPPERS = (
    "o.MultiSteps(o.adam(0.02), 3)",
    "o.apply_if_finite(o.adam(0.02), 3)",
    "o.chain(o.adaptive_grad_clip(0.1), o.sgd(0.05))",
    "o.chain(o.clip(0.3), o.clip_by_block_rms(0.2), o.sgd(s))",
    "o.chain(o.clip_by_global_norm(0.5), o.adamw(s, mask=m))",
    "o.chain(o.sgd(0.05), o.apply_every(3))",
    "o.chain(o.sgd(0.05), o.keep_params_nonnegative())",
    "o.chain(o.zero_nans(), o.sgd(0.05))",
    "o.conditionally_mask(o.sgd(0.05), lambda step: step % 3 == 0)",
    "o.conditionally_transform(o.sgd(0.05), lambda step: step > 2)",
    "o.flatten(o.adam(0.02))",
    "o.inject_hyperparams(o.adamw)(s, weight_decay=0.1)",
    "o.masked(o.adam(0.02), m)",
    "o.named_chain(('a', o.scale_by_adam()), ('b', o.scale(-0.02)))",
    "o.partition({True: o.adam(0.02), False: o.sgd(s, 0.9)}, m)",
    "o.contrib.dpsgd(0.05, 1.0, 0.0, 0, momentum=0.9)",
    "o.contrib.split_real_and_imaginary(o.adam(0.02))",
    "o.chain(o.sgd(1.0), o.scale_by_backtracking_linesearch(15))",
    "o.lbfgs()",
    "o.lbfgs(0.5, 3, False, o.scale_by_backtracking_linesearch(15, store_grad=True))",
)

START = {
    "matrix": np.linspace(-1.0, 2.0, 12, dtype=np.float32).reshape(3, 4),
    "deep": [np.linspace(1.0, -0.5, 24, dtype=np.float32).reshape(2, 3, 4)],
    "vector": np.array([0.5, -2.0, 0.0, 3.0, 1e-3], np.float32),
}
MASK = {"matrix": True, "deep": [True], "vector": False}


def programs(api):
    core, jnp, lax, optim = api.core, api.jnp, api.lax, api.optim
    noise = np.random.default_rng(0)
    noises = core.tree.map(
        lambda p: noise.normal(size=(STEPS, *p.shape)).astype(np.float32), START
    )
    names = {
        "o": optim,
        "m": MASK,
        "s": lambda count: 0.05 / (1.0 + 0.1 * count),
    }

    def loss(params, noise):
        terms = core.tree.map(
            lambda p, n: jnp.sum(jnp.cosh(p) + 0.3 * n * p), params, noise
        )
        return sum(core.tree.leaves(terms))

    def step(transform, is_descent, carry, noise):
        params, state = carry
        value, grads = core.value_and_grad(loss)(params, noise)
        extra = {"value": value} if "value" in is_descent else {}
        if "search" in is_descent:
            extra |= {"grad": grads, "value_fn": lambda p: loss(p, noise)}
        if "example" in is_descent:
            grads = core.tree.map(lambda g: jnp.stack([g, 2 * g]), grads)
        if "curvature" in is_descent:
            extra["obj_fn"] = lambda p: loss(p, noise)
        updates, state = transform.update(grads, state, params, **extra)
        updates = core.tree.map(lambda u: scale(is_descent) * u, updates)
        return (optim.apply_updates(params, updates), state), None

    def scale(kind):
        return 1.0 if "descends" in kind else -0.01

    def run(call, kind):
        transform = eval(call, names)
        params = core.tree.map(jnp.asarray, START)

        @core.jit
        def steps(carry):
            return lax.scan(lambda c, n: step(transform, kind, c, n), carry, noises)[0]

        params, state = steps((params, transform.init(params)))
        if "search" in kind:  # the state holds differences close to rounding
            return params
        # Keys as words, typed here or there or nowhere.
        state = optim.tree_utils.tree_unwrap_random_key_data(state)
        return params, core.tree.leaves(state)

    for call in OPTIMIZERS:
        by_value = any(name in call for name in ("polyak", "plateau", "momo"))
        kind = "descends by value" if by_value else "descends"
        if "sophia" in call:
            kind = "descends by curvature"
        yield f"{call}, {STEPS} steps", lambda call=call, kind=kind: run(call, kind)
    for call in WRAPPERS:
        kind = "descends"
        if "linesearch" in call or "lbfgs" in call:
            kind += " by value in search"
        if "dpsgd" in call:
            kind += " by example"
        yield f"{call}, {STEPS} steps", lambda call=call, kind=kind: run(call, kind)
    for call in SCALINGS:
        yield f"{call}, {STEPS} steps", lambda call=call: run(call, "")
