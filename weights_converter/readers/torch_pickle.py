"""A pickle reader that can build tensors' descriptions, dictionaries, lists and numbers, and nothing else.

A pickle is a program for a small stack machine, and `pickle.load` runs it: the instruction GLOBAL fetches any
function by name, REDUCE calls it. A file of weights can so delete your home folder. The machine below has the
same stack and the same instructions, as far as torch.save uses them, but GLOBAL looks its name up in a table
of a few harmless stand-ins, and REDUCE can call only those. `pickletools`, which takes the program apart, is
the standard library's disassembler and executes nothing either.

What torch.save writes for a tensor is, in words,

    _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)

where `storage` is a *persistent id*, a tuple ("storage", FloatStorage, key, location, count) that names a
block of numbers kept elsewhere in the file. So a pickle yields references only; `torch_file.py` reads blocks.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import IO, Any, BinaryIO, cast

from .base import WeightsError

MAX_PICKLE_BYTES = 16 << 20  # torchvision's VGG19 takes 5 kB
MAX_INSTRUCTIONS = 200_000
MAX_DIMENSIONS = 8

STORAGE_TYPES = {  # the class torch names -> the numbers in the block
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


@dataclass(frozen=True)
class StorageType:
    dtype: str


@dataclass(frozen=True)
class StorageReference:
    """A block of `count` numbers that the file keeps under `key`."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True)
class TensorReference:
    """A view into a storage: the element at (i, j, ...) lies at offset + i strides[0] + j strides[1] + ..."""

    storage: StorageReference
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Function:
    """A stand-in for a function that a pickle may call."""

    name: str
    call: Callable[..., Any]


def read_pickle(file: IO[bytes]) -> tuple[Any, dict[str, StorageReference]]:
    """Reads one pickle, up to its end: its value and the storages that it refers to, by key.

    Errors: WeightsError for everything out of order.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(cast(BinaryIO, _Bounded(file)))):
            if count > MAX_INSTRUCTIONS:
                raise WeightsError("its pickle is longer than any state dict's")
            machine.step(opcode.name, argument)
    except WeightsError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise WeightsError("is damaged or cut short: its pickle cannot be read to the end") from error
    return machine.result, machine.storages


class _Bounded:
    """A file of which only so much can be read, whatever length the pickle announces."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.left = MAX_PICKLE_BYTES
        self.tell = file.tell

    def read(self, count: int) -> bytes:
        return self._taken(self.file.read(min(count, self.left)))

    def readline(self) -> bytes:
        return self._taken(self.file.readline(self.left))

    def _taken(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left <= 0:
            raise WeightsError("its pickle is longer than any state dict's")
        return data


class _Machine:
    """The stack machine. MARK puts the stack aside and starts a new one; what collects it takes the old one back."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.aside: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, StorageReference] = {}
        self.result: Any = None

    def step(self, name: str, argument: Any) -> None:
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name])
        elif name in NUMBER_LITERALS or name in TEXT_LITERALS:
            self.stack.append(argument)
        elif name in INSTRUCTIONS:
            INSTRUCTIONS[name](self, argument)
        else:
            raise WeightsError(f"its pickle uses the instruction {name}, which no state dict of tensors needs")

    def collect(self) -> list[Any]:
        """What was pushed since the last MARK."""
        items, self.stack = self.stack, self.aside.pop()
        return items

    def mark(self, _: Any) -> None:
        self.aside.append(self.stack)
        self.stack = []

    def tuple_of(self, count: int) -> None:
        items = [self.stack.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(items)))

    def tuple_since_mark(self, _: Any) -> None:
        items = self.collect()
        self.stack.append(tuple(items))

    def append_all(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise WeightsError("its pickle appends to something that is no list")
        self.stack[-1].extend(items)

    def set_all(self, items: list[Any]) -> None:
        """{key: value} pairs into the dictionary on top; keys must be plain, so that hashing them is cheap."""
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise WeightsError("its pickle sets items of something that is no dictionary")
        for key, value in zip(items[::2], items[1::2]):
            if type(key) not in (str, int):
                raise WeightsError("its pickle holds a dictionary with keys that are neither text nor numbers")
            target[key] = value

    def set_item(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_all([key, value])

    def stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(find(f"{module} {name}" if type(module) is type(name) is str else "?"))

    def reduce(self, _: Any) -> None:
        """function(*arguments), for the stand-ins only."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(function) is not Function or type(arguments) is not tuple:
            raise WeightsError("its pickle calls something that is no function of a state dict")
        try:
            self.stack.append(function.call(*arguments))
        except TypeError as error:
            raise WeightsError(f"its pickle calls {function.name} with arguments that do not fit") from error

    def build(self, _: Any) -> None:
        """Attributes of an OrderedDict (torch notes its version there): of no use here."""
        state, target = self.stack.pop(), self.stack[-1]
        if type(target) is not dict or type(state) is not dict:
            raise WeightsError("its pickle sets attributes of something that is no dictionary")

    def persistent_id(self, _: Any) -> None:
        storage = storage_reference(self.stack.pop())
        if self.storages.setdefault(storage.key, storage) != storage:
            raise WeightsError("its pickle describes one storage in two ways")
        self.stack.append(storage)

    def stop(self, _: Any) -> None:
        self.result = self.stack.pop()


CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
NUMBER_LITERALS = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "INT", "LONG", "FLOAT"}
TEXT_LITERALS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING", "STRING", "UNICODE"}
INSTRUCTIONS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": _Machine.mark,
    "POP": lambda machine, _: machine.stack.pop(),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "TUPLE": _Machine.tuple_since_mark,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": lambda machine, _: machine.append_all([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.append_all(machine.collect()),
    "SETITEM": _Machine.set_item,
    "SETITEMS": lambda machine, _: machine.set_all(machine.collect()),
    "BINPUT": lambda machine, index: machine.memo.__setitem__(index, machine.stack[-1]),
    "LONG_BINPUT": lambda machine, index: machine.memo.__setitem__(index, machine.stack[-1]),
    "MEMOIZE": lambda machine, _: machine.memo.__setitem__(len(machine.memo), machine.stack[-1]),
    "BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "LONG_BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "GLOBAL": lambda machine, name: machine.stack.append(find(name)),
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent_id,
    "STOP": _Machine.stop,
}


def find(name: str) -> Function | StorageType:
    """The stand-in for "module name". Errors: WeightsError for every name that a state dict does not need."""
    module, _, attribute = name.partition(" ")
    if module == "torch" and attribute in STORAGE_TYPES:
        return StorageType(STORAGE_TYPES[attribute])
    if name in FUNCTIONS:
        return Function(name, FUNCTIONS[name])
    readable = name[:80].replace(" ", ".") if name.isprintable() else "something unreadable"
    raise WeightsError(
        f"its pickle asks for {readable}, which a state dict of tensors does not need; nothing was executed "
        "(a whole pickled model must first be saved again as torch.save(model.state_dict(), path))"
    )


def ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    machine = _Machine()
    machine.stack.append({})
    if type(pairs) not in (list, tuple) or any(type(pair) not in (list, tuple) or len(pair) != 2 for pair in pairs):
        raise WeightsError("its pickle makes an OrderedDict of something that is no list of pairs")
    machine.set_all([item for pair in pairs for item in pair])
    return machine.stack.pop()


def storage_reference(identity: Any) -> StorageReference:
    """The persistent id ("storage", type, key, location, count), in old files with a sixth item that is None."""
    if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] not in ("storage", b"storage"):
        raise WeightsError("its pickle refers to something outside that is no storage of numbers")
    kind, key, count = identity[1], identity[2], identity[4]
    if type(kind) is not StorageType or type(key) is not str:
        raise WeightsError("its pickle describes a storage in an unknown way")
    if len(identity) == 6 and identity[5] is not None:
        raise WeightsError(
            "holds views of storages, as PyTorch before 0.4 wrote them: save it again with a newer PyTorch"
        )
    return StorageReference(kind.dtype, key, _size(count))


def rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> TensorReference:
    """Checks a view before anybody follows it: inside its storage, and no element in two places."""
    if type(storage) is not StorageReference or type(shape) is not tuple or type(strides) is not tuple:
        raise WeightsError("its pickle describes a tensor in an unknown way")
    if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS:
        raise WeightsError("its pickle describes a tensor whose shape and strides do not fit together")
    offset, shape, strides = _size(offset), tuple(map(_size, shape)), tuple(map(_size, strides))
    reach = 0  # the distance from the first element to the last one, over the dimensions seen so far
    for stride, length in sorted((stride, length) for stride, length in zip(strides, shape) if length > 1):
        if stride <= reach:
            raise WeightsError(f"its pickle describes a tensor {shape} with strides {strides}, which overlap")
        reach += stride * (length - 1)
    if prod(shape) and offset + reach >= storage.count:
        raise WeightsError(
            f"its pickle describes a tensor {shape} with strides {strides} and offset {offset}, which reaches beyond "
            f"its storage of {storage.count} numbers"
        )
    return TensorReference(storage, offset, shape, strides)


def rebuild_parameter(tensor: Any, *_: Any) -> TensorReference:
    if type(tensor) is not TensorReference:
        raise WeightsError("its pickle makes a parameter of something that is no tensor")
    return tensor


def _size(value: Any) -> int:
    """A length, offset or stride; numbers that no file can mean are refused unseen."""
    if type(value) is not int or not 0 <= value < 2**48:
        raise WeightsError("its pickle describes a tensor with sizes, strides or an offset that make no sense")
    return value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "collections OrderedDict": ordered_dict,
    "torch._utils _rebuild_tensor": rebuild_tensor,
    "torch._utils _rebuild_tensor_v2": rebuild_tensor,
    "torch._utils _rebuild_parameter": rebuild_parameter,
}
