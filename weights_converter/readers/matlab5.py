"""MATLAB's MAT-files of version 5 (what `save -v7` writes too), as far as networks need them.

After 128 bytes of header come elements: a tag (type and length, 32 bits each; up to 4 bytes of data may sit in
the tag itself, their length in its upper half) and the data, padded to a multiple of 8. The type miCOMPRESSED
holds another element, packed with zlib. An array is an element of type miMATRIX, made of elements: flags with
its class, dimensions, name, and then numbers in column-major order, or the arrays in its cells or fields. Numbers
may be stored in a smaller type than their class. (MathWorks, "MAT-File Format", chapter 1.)

Written here because a damaged file must end in a sentence: SciPy's reader trusts lengths and can crash on them.
"""

from __future__ import annotations

import mmap
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.npz import open_regular

from .base import ForeignTensor, WeightsError

HEADER_BYTES = 128
LITTLE_ENDIAN = b"IM"
MATRIX, COMPRESSED = 14, 15
NUMBER_TYPES = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
TEXT_TYPES = {1: "utf-8", 2: "utf-8", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le"}
CELL, STRUCT, TEXT, FIRST_NUMERIC, LAST_NUMERIC = 1, 2, 4, 6, 15
COMPLEX = 0x0800

MAX_EXPANSION = 8  # float32 weights shrink by a tenth, stored as float64 by a half
SLACK_BYTES = 16 << 20
MAX_ARRAYS = 100_000
MAX_DEPTH = 16
CUT_SHORT = "is damaged or cut short: a part of it is longer than the file"

Value = Any  # a ForeignTensor (numbers), a str, a list (a cell array), a dict or a list of them (a struct), or None


def read_variables(path: Path, wanted: tuple[str, ...]) -> dict[str, Value]:
    """The wanted variables by name. Numbers stay in the file, or in what it expands to, until they are read."""
    reader = _Reader(MAX_EXPANSION * path.stat().st_size + SLACK_BYTES)
    with open_regular(path) as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if len(content) < HEADER_BYTES or bytes(content[126:128]) != LITTLE_ENDIAN:
        raise WeightsError("is cut short, or was written on a big-endian machine")
    variables = {}
    rest = content[HEADER_BYTES:]
    while rest:
        element, rest = _next(rest)
        if element.type == COMPRESSED:
            element, _ = _next(reader.expand(element.data))
        name, value = reader.array(element)
        if name in wanted:
            variables[name] = value
    return variables


@dataclass(frozen=True)
class _Element:
    type: int
    data: memoryview


def _next(content: memoryview) -> tuple[_Element, memoryview]:
    """The element at the beginning and what follows it."""
    if len(content) < 8:
        raise WeightsError(CUT_SHORT)
    kind, length = int.from_bytes(content[:4], "little"), int.from_bytes(content[4:8], "little")
    if kind >> 16:  # a small element: the data lie in the tag
        length = kind >> 16
        if length > 4:
            raise WeightsError("is damaged: it is no proper MATLAB file")
        return _Element(kind & 0xFFFF, content[4 : 4 + length]), content[8:]
    if length > len(content) - 8:
        raise WeightsError(CUT_SHORT)
    padded = length if kind == COMPRESSED else -(-length // 8) * 8
    return _Element(kind, content[8 : 8 + length]), content[8 + padded :]


class _Reader:
    """Reads arrays; counts what they cost, so that a small file cannot become a large one."""

    def __init__(self, bytes_left: int) -> None:
        self.bytes_left = bytes_left
        self.arrays_left = MAX_ARRAYS

    def expand(self, packed: memoryview) -> memoryview:
        expander = zlib.decompressobj()
        try:
            expanded = expander.decompress(packed, self.bytes_left)
        except zlib.error as error:
            raise WeightsError("is damaged or cut short: a compressed part cannot be expanded") from error
        self.bytes_left -= len(expanded)
        if self.bytes_left <= 0:
            raise WeightsError(f"expands to more than {MAX_EXPANSION} times its size, as no weights do")
        if not expander.eof:
            raise WeightsError("is damaged or cut short: a compressed part does not end")
        return memoryview(expanded)

    def array(self, element: _Element, depth: int = 0) -> tuple[str, Value]:
        """An array's name (empty inside cells and structs) and value."""
        self.arrays_left -= 1
        if element.type != MATRIX or depth > MAX_DEPTH or self.arrays_left < 0:
            raise WeightsError("is damaged: it is no proper MATLAB file, or holds more than any network")
        if not element.data:
            return "", None
        flags, rest = _next(element.data)
        dimensions, rest = _next(rest)
        name, rest = _next(rest)
        kind = int.from_bytes(flags.data[:4], "little")
        lengths = np.frombuffer(dimensions.data[: len(dimensions.data) // 4 * 4], "<i4")
        shape = tuple(int(length) for length in lengths)
        if any(length < 0 for length in shape) or len(shape) > 8:
            raise WeightsError(f"is damaged: an array has the dimensions {shape[:9]}")
        return bytes(name.data).decode("ascii", "replace"), self._value(kind, shape, rest, depth)

    def _value(self, kind: int, shape: tuple[int, ...], rest: memoryview, depth: int) -> Value:
        class_number = kind & 0xFF
        if class_number == CELL:
            return self._items(prod(shape), rest, depth)
        if class_number == STRUCT:
            return self._structs(prod(shape), rest, depth)
        if class_number == TEXT:
            element, _ = _next(rest)
            return bytes(element.data).decode(TEXT_TYPES.get(element.type, "latin-1"), "replace")
        if FIRST_NUMERIC <= class_number <= LAST_NUMERIC and not kind & COMPLEX:
            return _numbers(shape, _next(rest)[0])
        return None  # sparse matrices, functions, objects: nothing that a network's weights are made of

    def _items(self, count: int, rest: memoryview, depth: int) -> list[Value]:
        items = []
        for _ in range(count):
            element, rest = _next(rest)
            items.append(self.array(element, depth + 1)[1])
        return items

    def _structs(self, count: int, rest: memoryview, depth: int) -> Value:
        """A struct as a dictionary, an array of several as a list of them."""
        width_element, rest = _next(rest)
        names_element, rest = _next(rest)
        width, packed = int.from_bytes(width_element.data, "little"), bytes(names_element.data)
        if not 0 < width <= 64 or len(packed) % width:
            raise WeightsError("is damaged: the names of a struct's fields cannot be read")
        names = [packed[i : i + width].split(b"\0")[0].decode("ascii", "replace") for i in range(0, len(packed), width)]
        values = self._items(count * len(names), rest, depth)
        structs = [dict(zip(names, values[i * len(names) :])) for i in range(count)] if names else []
        return structs[0] if len(structs) == 1 else structs


def _numbers(shape: tuple[int, ...], element: _Element) -> ForeignTensor:
    dtype = NUMBER_TYPES.get(element.type)
    if dtype is None or prod(shape) * np.dtype(dtype).itemsize != len(element.data):
        raise WeightsError(f"is damaged: an array of the dimensions {shape} has {len(element.data):,} bytes of numbers")
    data = element.data
    return ForeignTensor(shape, np.dtype(dtype).name, lambda: np.frombuffer(data, dtype).reshape(shape, order="F"))
