"""Protocol buffers' wire format, as far as reading a known message needs it.

A message is a sequence of fields; each starts with a variable-length integer (seven bits to a byte, the lowest
first, the top bit set while more follow) that is number * 8 + type. Type 0: another such integer; 1: eight bytes;
2: a length and that many bytes (a text, packed numbers, or a message again); 5: four bytes.
https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .base import WeightsError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_FIELDS = 1_000_000

Field = tuple[int, int, Any]  # the value is an int or a memoryview, by type


def fields(message: memoryview) -> Iterator[Field]:
    """(number, type, value) for each field of a message. Errors: WeightsError where it is cut short or malformed."""
    position = 0
    for _ in range(MAX_FIELDS):
        if position == len(message):
            return
        key, position = read_varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, position = read_varint(message, position)
            yield number, wire_type, value
            continue
        if wire_type == BYTES:
            length, position = read_varint(message, position)
        elif wire_type in (FIXED32, FIXED64):
            length = 4 if wire_type == FIXED32 else 8
        else:
            raise WeightsError("is no protocol buffer, or a damaged one")
        if length > len(message) - position:
            raise WeightsError("is damaged or cut short: a field is longer than the file")
        yield number, wire_type, message[position : position + length]
        position += length
    raise WeightsError("is no network: it has millions of fields")


def read_varint(message: memoryview, position: int) -> tuple[int, int]:
    """A variable-length integer and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position == len(message):
            raise WeightsError("is damaged or cut short: it ends inside a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise WeightsError("is no protocol buffer, or a damaged one")


def packed_varints(data: memoryview) -> list[int]:
    values, position = [], 0
    while position < len(data):
        value, position = read_varint(data, position)
        values.append(value)
    return values


def text(value: int | memoryview) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, memoryview) else ""
