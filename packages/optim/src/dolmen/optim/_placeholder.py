"""What stands for the parameters when only the shape of a state is asked for."""

from typing import Any

from dolmen.core import tree_util


@tree_util.register_pytree_node_class
class ParamsPlaceholder:
    """A node without leaves that `init` is given instead of parameters.

    Wherever the state repeats the parameters' structure, it then has a placeholder.
    """

    def tree_flatten(self) -> tuple[tuple[()], None]:
        """Nothing."""
        return (), None

    @classmethod
    def tree_unflatten(cls, aux: None, children: Any) -> "ParamsPlaceholder":
        """Another placeholder."""
        return cls()
