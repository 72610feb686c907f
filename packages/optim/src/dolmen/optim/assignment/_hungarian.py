"""The Hungarian algorithm, by shortest augmenting paths.

Rows are assigned one after another. A new row takes its cheapest column; where that is
taken, its row moves on, and so forth, along the path that adds least to the total cost.
Paths are found as Dijkstra's algorithm does, on costs reduced by potentials of rows and
columns that make all of them nonnegative and those of assigned pairs zero.
"""

from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, typeof


def hungarian_algorithm(cost_matrix: Any) -> tuple[Any, Any]:
    """Pairs rows with columns, each used at most once, at the least total cost.

    Costs ``O(rows² columns)`` for fewer rows than columns. Runs under `jit` and `vmap`.

    Args:
        cost_matrix: real ``[rows, columns]``. Infinite costs forbid a pair; if they
            leave no assignment, or there is NaN, the pairs mean nothing.

    Returns:
        ``i`` and ``j``, integers ``[min(rows, columns)]`` with ``i`` ascending, whose
        ``cost_matrix[i, j]`` sum to the minimum.

    Raises:
        TypeError: `cost_matrix` is complex or boolean.
        ValueError: `cost_matrix` is not a matrix.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> costs = jnp.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0]])
        >>> i, j = hungarian_algorithm(costs)
        >>> i, j, float(costs[i, j].sum())
        (Array([0, 1], dtype=int32), Array([1, 0], dtype=int32), 3.0)

    Source: Kuhn (1955), "The Hungarian method for the assignment problem"; Crouse
    (2016), "On implementing 2D rectangular assignment algorithms".
    """
    return _assigned("hungarian_algorithm", cost_matrix)


def base_hungarian_algorithm(cost_matrix: Any) -> tuple[Any, Any]:
    """`hungarian_algorithm` under the name of Optax's slower implementation.

    Args:
        cost_matrix: real ``[rows, columns]``, see `hungarian_algorithm`.

    Returns:
        ``i`` and ``j``, integers ``[min(rows, columns)]`` with ``i`` ascending.

    Raises:
        TypeError: `cost_matrix` is complex or boolean.
        ValueError: `cost_matrix` is not a matrix.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> base_hungarian_algorithm(jnp.array([[4.0, 1.0], [2.0, 0.0]]))[1]
        Array([1, 0], dtype=int32)
    """
    return _assigned("base_hungarian_algorithm", cost_matrix)


class _Search(NamedTuple):
    """A search for the cheapest path from a row to a free column.

    Attributes:
        column: reached last, a free one when the search is done.
        distance: of that column.
        distances: least cost of a path to each column found so far.
        previous: the row before each column on that path.
        reached: columns whose distance is final.
    """

    column: Any
    distance: Any
    distances: Any
    previous: Any
    reached: Any


def _assigned(function: str, cost_matrix: Any) -> tuple[Any, Any]:
    costs = jnp.asarray(cost_matrix)
    if costs.ndim != 2:
        raise ValueError(
            extend.error_message(
                f"{function}: `cost_matrix` must be [rows, columns], got "
                f"{typeof(costs)}."
            )
        )
    if not jnp.issubdtype(costs.dtype, jnp.number) or jnp.iscomplexobj(costs):
        raise TypeError(
            extend.error_message(
                f"{function}: `cost_matrix` must be real, got {typeof(costs)}."
            )
        )
    costs = lax.stop_gradient(costs)
    if not jnp.issubdtype(costs.dtype, jnp.floating):
        costs = costs.astype(float)
    costs = costs.astype(jnp.promote_types(costs.dtype, jnp.float32))
    if costs.shape[0] > costs.shape[1]:
        columns = _columns_of_rows(costs.T)
        order = jnp.argsort(columns)
        return columns[order], order
    return jnp.arange(costs.shape[0]), _columns_of_rows(costs)


def _columns_of_rows(costs: Any) -> Any:
    """The column of each row of a matrix with at least as many columns."""
    rows, columns = costs.shape
    if rows == 0:
        return jnp.zeros(0, int)

    def assign(carry: Any, row: Any) -> tuple[Any, None]:
        of_rows, of_columns, row_of = carry
        found = _search(costs, of_rows, of_columns, row_of, row)
        # The potentials change so that all costs along the path become zero.
        gain = jnp.where(found.reached, found.distance - found.distances, 0)
        of_columns = of_columns - gain
        taken = found.reached & (row_of >= 0)
        of_rows = of_rows.at[jnp.where(taken, row_of, rows)].add(gain, mode="drop")
        of_rows = of_rows.at[row].add(found.distance)
        return (of_rows, of_columns, _augmented(row_of, found, row)), None

    start = (
        jnp.zeros(rows, costs.dtype),
        jnp.zeros(columns, costs.dtype),
        jnp.full(columns, -1),
    )
    (_, _, row_of), _ = lax.scan(assign, start, jnp.arange(rows))
    taken = jnp.where(row_of < 0, rows, row_of)
    return jnp.zeros(rows, row_of.dtype).at[taken].set(jnp.arange(columns), mode="drop")


def _search(
    costs: Any, of_rows: Any, of_columns: Any, row_of: Any, start: Any
) -> _Search:
    columns = costs.shape[1]

    def look_from(row: Any, search: _Search) -> _Search:
        """The search after the steps from a row to every column, and one reached."""
        steps = search.distance + costs[row] - of_rows[row] - of_columns
        nearer = ~search.reached & (steps < search.distances)
        distances = jnp.where(nearer, steps, search.distances)
        open_distances = jnp.where(search.reached, jnp.inf, distances)
        least = jnp.min(open_distances)
        # Written so that NaN, which no comparison finds, doesn't keep it from ending.
        nearest = ~search.reached & ~(open_distances > least)
        column = jnp.argmax(nearest)
        return _Search(
            column,
            least,
            distances,
            jnp.where(nearer, row, search.previous),
            search.reached.at[column].set(True),
        )

    nothing = _Search(
        jnp.asarray(0),
        jnp.zeros((), costs.dtype),
        jnp.full(columns, jnp.inf, costs.dtype),
        jnp.full(columns, -1),
        jnp.zeros(columns, bool),
    )
    return lax.while_loop(
        lambda search: row_of[search.column] >= 0,
        lambda search: look_from(row_of[search.column], search),
        look_from(start, nothing),
    )


def _augmented(row_of: Any, found: _Search, start: Any) -> Any:
    """The assignment with every column of the path given to the row before it."""

    def step(carry: tuple[Any, Any]) -> tuple[Any, Any]:
        row_of, column = carry
        row = found.previous[column]
        freed = jnp.argmax(row_of == row)
        row_of = row_of.at[column].set(row)
        return row_of, jnp.where((row == start) | (row < 0), -1, freed)

    return lax.while_loop(lambda carry: carry[1] >= 0, step, (row_of, found.column))[0]
