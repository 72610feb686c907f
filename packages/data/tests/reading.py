"""What iterators give, in forms that tests compare exactly."""

import json

import numpy as np


def plain(element):
    """An element as nested lists."""
    if isinstance(element, dict):
        return {key: plain(value) for key, value in element.items()}
    if isinstance(element, tuple | list):
        return [type(element).__name__, *(plain(value) for value in element)]
    array = np.asarray(element)
    return [array.dtype.name, array.tolist()]


def with_states(iterator, count=None):
    """Elements, and the state before the first and after each, through JSON."""
    elements, states = [], [json.dumps(iterator.get_state())]
    while len(elements) != count:
        try:
            elements.append(plain(next(iterator)))
        except StopIteration:
            break
        states.append(json.dumps(iterator.get_state()))
    return elements, states


def assert_reads(iterator, elements, states):
    """From its beginning and from any step on, as `with_states` tells them."""
    assert with_states(iterator) == (elements, states)
    for step in (2, 0, len(elements), 1):
        iterator.set_state(json.loads(states[step]))
        assert json.dumps(iterator.get_state()) == states[step]
        rest = with_states(iterator, 3)
        assert rest == (elements[step : step + 3], states[step : step + 4])
