"""Which file has the oracle of each optimizer, transform and other public function.

Those of the modules with tables of rows (losses, schedules, ...) are in `elsewhere`. A
file named here computes what it expects by other means: NumPy's loops from a paper, a
formula, SciPy, or numbers from Optax.
"""

ORACLES: dict[str, list[str]] = {
    "test_references.py": [
        *("adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax"),
        *("adamaxw", "adamw", "adan", "amsgrad", "fromage", "lamb", "lars", "lion"),
        *("nadam", "nadamw", "noisy_sgd", "novograd", "optimistic_adam_v2"),
        *("optimistic_gradient_descent", "radam", "rmsprop", "rprop", "sgd"),
        *("shampoo", "sign_sgd", "signum", "sm3", "soap", "yogi"),
        *("centralize", "chain", "ema", "identity", "scale", "trace"),
        *("scale_by_adadelta", "scale_by_adam", "scale_by_adamax", "scale_by_adan"),
        *("scale_by_amsgrad", "scale_by_belief", "scale_by_distance_over_gradients"),
        *("scale_by_factored_rms", "scale_by_lion", "scale_by_novograd"),
        *("scale_by_optimistic_gradient", "scale_by_param_block_norm"),
        *("scale_by_param_block_rms", "scale_by_radam", "scale_by_rms"),
        *("scale_by_rprop", "scale_by_rss", "scale_by_shampoo", "scale_by_sign"),
        *("scale_by_sm3", "scale_by_soap", "scale_by_stddev", "scale_by_trust_ratio"),
        *("scale_by_yogi", "apply_updates"),
    ],
    "contrib/test_references.py": [
        *("polyak_sgd", "scale_by_lbfgs", "with_extra_args_support"),
        *("contrib.acprop", "contrib.ademamix", "contrib.adopt", "contrib.cocob"),
        *("contrib.dadapt_adamw", "contrib.dog", "contrib.dowg", "contrib.madgrad"),
        *("contrib.prodigy", "contrib.simplified_ademamix", "contrib.scale_by_acprop"),
        *("contrib.scale_by_ademamix", "contrib.scale_by_adopt"),
        *("contrib.scale_by_cocob", "contrib.scale_by_madgrad"),
        "contrib.scale_by_simplified_ademamix",
    ],
    "contrib/test_complex_parts.py": ["contrib.split_real_and_imaginary"],
    "contrib/test_galore.py": ["contrib.galore", "contrib.scale_by_galore"],
    "contrib/test_mechanic.py": ["contrib.mechanize"],
    "contrib/test_momo.py": ["contrib.momo", "contrib.momo_adam"],
    "contrib/test_privacy.py": ["dpsgd"],
    "contrib/test_sam.py": ["contrib.normalize", "contrib.sam"],
    "contrib/test_sophia.py": [
        *("contrib.hutchinson_estimator_diag_hessian", "contrib.sophia"),
    ],
    "test_contrib.py": [
        *("contrib.muon", "contrib.scale_by_muon", "contrib.reduce_on_plateau"),
        *("contrib.schedule_free", "contrib.schedule_free_adamw"),
        *("contrib.schedule_free_eval_params", "contrib.schedule_free_sgd"),
    ],
    "test_beyond_optax.py": [
        *("cautious", "params_ema", "params_mean", "scale_by_depth", "scale_by_width"),
    ],
    "test_conditions.py": [
        *("apply_every", "apply_if_finite", "conditionally_mask"),
        *("conditionally_transform", "lookahead", "skip_large_updates"),
        "skip_not_finite",
    ],
    "test_groups.py": [
        *("freeze", "init_empty_state", "labels_by_path", "mask_by_path", "masked"),
        *("partition", "selective_transform", "set_to_zero"),
    ],
    "test_line_searches.py": [
        *("lbfgs", "scale_by_backtracking_linesearch", "scale_by_zoom_linesearch"),
        "value_and_grad_from_state",
    ],
    "test_linear_algebra.py": [
        *("incremental_update", "matrix_inverse_pth_root", "multi_normal", "nnls"),
        *("periodic_update", "power_iteration", "scale_gradient"),
    ],
    "test_microbatching.py": [
        *("micro_grad", "micro_vmap", "microbatch", "reshape_batch_axis"),
    ],
    "test_precision.py": [
        *("with_compensation", "with_master_weights", "with_stochastic_rounding"),
    ],
    "test_packing.py": ["pack"],
    "test_qk_clip.py": ["muonclip", "qk_clip"],
    "test_sharded_state.py": ["shard_state"],
    "test_quantized.py": ["dequantized", "quantized", "state_bytes", "with_8bit_state"],
    "test_range_test.py": ["find_learning_rate"],
    "test_scalings.py": [
        "normalize_by_update_norm",
        *("optimistic_adam", "safe_norm", "safe_root_mean_squares", "scale_by_polyak"),
    ],
    "test_statistics.py": ["statistics"],
    "test_transfer.py": ["transfer_state"],
    "test_transforms.py": [
        *("add_decayed_weights", "clip", "clip_by_global_norm", "explain"),
        *("global_norm", "safe_increment", "scale_by_learning_rate"),
        "scale_by_schedule",
    ],
    "test_wrappers.py": [
        *("adaptive_grad_clip", "add_noise", "clip_by_block_rms", "flatten"),
        *("differentially_private_aggregate", "keep_params_nonnegative"),
        *("measure_with_ema", "monitor", "named_chain", "snapshot", "stateless"),
        *("per_example_global_norm_clip", "per_example_layer_norm_clip"),
        *("stateless_with_tree_map", "zero_nans"),
    ],
}
