"""Which file tests the public names that have no row in this folder, and why.

A name is here because its results aren't numbers (states, classes, text), because they
are random, or because a table of its own family tests it at least as widely.
"""

ELSEWHERE: dict[str, list[str]] = {
    "losses/test_ctc.py": ["losses.ctc_loss_with_forward_probs"],
    "test_perturbations.py": [
        "perturbations.Gumbel",
        "perturbations.Normal",
        "perturbations.make_perturbed_fun",
    ],
    "schedules/test_plot.py": ["schedules.plot_schedule"],
    "test_tree.py": [
        "tree.dtype",
        "tree.get",
        "tree.get_all_with_path",
        "tree.map_params",
        "tree.random_like",
        "tree.set",
        "tree.split_key_like",
        "tree.unwrap_random_key_data",
    ],
    "schedules/test_inject.py": [
        "schedules.InjectHyperparamsState",
        "schedules.InjectStatefulHyperparamsState",
        "schedules.StatefulSchedule",
        "schedules.WrappedSchedule",
        "schedules.inject_hyperparams",
        "schedules.inject_stateful_hyperparams",
    ],
}
