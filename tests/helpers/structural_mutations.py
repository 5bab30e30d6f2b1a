"""Nested states with something wrong in them: the structural mutations of checkpoints."""

import copy

import numpy as np

import minigrad as mg
from minigrad import Tensor

NONSENSE = [
    None, "", "x" * 300, "\x1b[31mred", True, -1, 0, 2**31, 2**63, 10**300, 0.5, float("nan"), float("inf"), -0.0, [],
    {}, (), [[]], [None], {"kind": 3}, {"a": {"b": {"c": []}}}, np.zeros(0), np.zeros((2, 3), np.int8),
    np.full((3,), np.nan),
]  # fmt: skip


def places(state, path=()):
    """The paths to every entry of a nested state, the whole of it first."""
    yield path
    if isinstance(state, dict):
        for key, value in state.items():
            yield from places(value, (*path, key))
    elif isinstance(state, (list, tuple)):
        for number, value in enumerate(state):
            yield from places(value, (*path, number))


def entry(state, path):
    for key in path:
        state = state[key]
    return state


def replaced(state, path, value):
    """The state with another value at a path; containers on the way are copied."""
    if not path:
        return value
    if isinstance(state, dict):
        return {**state, path[0]: replaced(state[path[0]], path[1:], value)}
    items = [*state]
    items[path[0]] = replaced(items[path[0]], path[1:], value)
    return type(state)(items)


def without(state, path):
    """The state without the entry at a path."""
    parent = entry(state, path[:-1])
    if isinstance(parent, dict):
        return replaced(state, path[:-1], {key: value for key, value in parent.items() if key != path[-1]})
    return replaced(state, path[:-1], type(parent)([v for i, v in enumerate(parent) if i != path[-1]]))


def mutated(state, random):
    """(a state in which one or two places are wrong, what was done)."""
    done = []
    for _ in range(random.choice([1, 1, 1, 2])):
        path = random.choice([place for place in places(state) if place])
        state, what = _mutate(state, path, random)
        done.append(f"{what} at {'.'.join(map(str, path))}")
        if not isinstance(state, dict):
            break
    return state, "; ".join(done)


def _mutate(state, path, random):
    value = entry(state, path)
    kinds = ["remove", "nonsense", "nonsense", "rename", "exchange", "wrap"]
    if isinstance(value, (Tensor, np.ndarray)):
        kinds += ["shape", "shape", "dtype", "kind"]
    if isinstance(value, (dict, list)):
        kinds += ["extra", "extra"]
    kind = random.choice(kinds)
    if kind == "remove":
        return without(state, path), "removed"
    if kind == "rename" and isinstance(path[-1], str):
        changed = without(state, path)
        return replaced(changed, path[:-1], {**entry(changed, path[:-1]), path[-1] + "_": value}), "renamed"
    if kind == "exchange":
        other = random.choice(list(places(state)))
        return replaced(state, path, copy.copy(entry(state, other))), f"exchanged with {'.'.join(map(str, other))}"
    if kind == "wrap":
        return replaced(state, path, random.choice([[value], {"value": value}, (value,)])), "wrapped"
    if kind == "extra":
        wrong = random.choice(NONSENSE)
        return replaced(state, path, {**value, "extra": wrong} if isinstance(value, dict) else [*value, wrong]), "extra"
    if kind in ("shape", "dtype", "kind"):
        return replaced(state, path, _other_array(value, kind, random)), kind
    return replaced(state, path, copy.deepcopy(random.choice(NONSENSE))), "nonsense"


def _other_array(value, kind, random):
    array = value.numpy() if isinstance(value, Tensor) else value
    if kind == "shape":
        array = random.choice([array.reshape(-1), array[None], np.concatenate([array.ravel(), array.ravel()])])
    if kind == "dtype":
        array = array.astype(random.choice(["int64", "bool", "uint8"]))
    as_tensor = isinstance(value, Tensor) != (kind == "kind")
    return mg.tensor(array) if as_tensor else array
