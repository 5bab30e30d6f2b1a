"""What the tests of `weights_converter` share: small VGGs with random weights, and files of them.

The small VGGs have as many layers as the real ones, but few channels. Their files are written by the frameworks
themselves; only Caffe, which nobody installs any more, is written here, byte by byte.
"""

import struct

import numpy as np

from nets.vgg import HEAD_NAMES, Architecture
from weights_converter.convert import convert

SMALL = {
    "vgg16": Architecture("vgg16", (2, 2, 3, 3, 3), widths=(4, 5, 6, 7, 8), hidden=9, classes=11),
    "vgg19": Architecture("vgg19", (2, 2, 4, 4, 4), widths=(4, 5, 6, 7, 8), hidden=9, classes=11),
}


def random_layers(architecture, seed=0, head=True):
    """Arrays by our names: weights by He's rule, so that activations neither grow nor vanish; small biases."""
    shapes = {**architecture.conv_shapes(), **(architecture.head_shapes() if head else {})}
    generator = np.random.default_rng(seed)
    layers = {}
    for name, shape in shapes.items():
        scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
        layers[name] = generator.standard_normal(shape, dtype=np.float32) * np.float32(scale)
    return layers


def torchvision_names(architecture):
    """Our names for torchvision's, without .weight and .bias: {"features.0": "conv1_1", ...}."""
    names = {f"features.{i}": ours for i, ours in zip(architecture.torchvision_indices(), architecture.conv_names())}
    return {**names, "classifier.0": "fc6", "classifier.3": "fc7", "classifier.6": "fc8"}


def renamed(layers, names):
    """The arrays under other names. names: {theirs: ours}, without .weight and .bias."""
    return {
        f"{theirs}.{kind}": layers[f"{ours}.{kind}"]
        for theirs, ours in names.items()
        for kind in ("weight", "bias")
        if f"{ours}.{kind}" in layers
    }


def convert_small(path, **options):
    return convert(path, architectures=list(SMALL.values()), **options)


def assert_same_layers(converted, layers, dtype=np.float32):
    """Bit for bit the same numbers, under the same names, in the wanted precision."""
    assert set(converted.weights.arrays) == set(layers)
    for name, array in layers.items():
        assert converted.weights.arrays[name].dtype == dtype
        np.testing.assert_array_equal(converted.weights.arrays[name], array.astype(dtype), err_msg=name)


def torch_vgg(torch, architecture, head=True):
    """torchvision's VGG, module for module: `features`, `avgpool`, `classifier`."""
    nn = torch.nn
    features, channels = [], 3
    for count, width in zip(architecture.convolutions, architecture.widths):
        for _ in range(count):
            features += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        features.append(nn.MaxPool2d(2))
    model = nn.Sequential()
    model.add_module("features", nn.Sequential(*features))
    if head:
        hidden, classes = architecture.hidden, architecture.classes
        dense = [nn.Linear(channels * 49, hidden), nn.ReLU(), nn.Dropout()]
        dense += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, classes)]
        model.add_module("avgpool", nn.AdaptiveAvgPool2d(7))
        model.add_module("flatten", nn.Flatten())
        model.add_module("classifier", nn.Sequential(*dense))
    return model.eval()


def load_torch(torch, model, architecture, layers):
    """Puts our arrays into a torch_vgg."""
    state = renamed(layers, torchvision_names(architecture))
    model.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    return model


def keras_vgg(keras, architecture, layers, head=True):
    """keras.applications' VGG, layer for layer and name for name, with our arrays in it."""
    parts = [keras.Input((224, 224, 3))]
    for block, (count, width) in enumerate(zip(architecture.convolutions, architecture.widths), 1):
        for i in range(1, count + 1):
            name = f"block{block}_conv{i}"
            parts.append(keras.layers.Conv2D(width, 3, activation="relu", padding="same", name=name))
        parts.append(keras.layers.MaxPooling2D(2, name=f"block{block}_pool"))
    if head:
        parts.append(keras.layers.Flatten(name="flatten"))
        for name in ("fc1", "fc2"):
            parts.append(keras.layers.Dense(architecture.hidden, activation="relu", name=name))
        parts.append(keras.layers.Dense(architecture.classes, name="predictions"))
    x = parts[0]
    for part in parts[1:]:
        x = part(x)
    model = keras.Model(parts[0], x, name=architecture.name)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(keras_arrays(layer.name, layers))
    return model


def keras_arrays(name, layers):
    """A Keras layer's kernel and bias: kernels (H, W, I, O), dense ones (in, out), the first for flattened H, W, C."""
    ours = {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}.get(name) or name.replace("block", "conv").replace(
        "_conv", "_"
    )
    weight, bias = layers[f"{ours}.weight"], layers[f"{ours}.bias"]
    if weight.ndim == 4:
        return [weight.transpose(2, 3, 1, 0), bias]
    if ours == "fc6":
        weight = weight.reshape(len(weight), -1, 7, 7).transpose(0, 2, 3, 1).reshape(len(weight), -1)
    return [weight.T, bias]


def matconvnet(layers, old=False, average=(123.68, 116.779, 103.939), extra=()):
    """The dictionary that scipy.io.savemat turns into MatConvNet's file; `old` is the toolbox' first layout."""
    cells = []
    for name in dict.fromkeys(key.partition(".")[0] for key in layers):
        weight, bias = layers[f"{name}.weight"], layers[f"{name}.bias"]
        if name == "fc6":
            weight = weight.reshape(len(weight), -1, 7, 7)
        elif name in HEAD_NAMES:
            weight = weight[:, :, None, None]
        filters = weight.transpose(2, 3, 1, 0)
        if old:
            cells.append({"type": "conv", "filters": filters, "biases": bias[None], "name": name, "pad": 1})
        else:
            cells.append(
                {"weights": _cell([filters, bias[:, None]]), "name": name, "type": "conv", "pad": [1, 1, 1, 1]}
            )
        cells.append({"type": "relu", "name": name.replace("conv", "relu")})
    cells += extra
    if old:
        picture = np.broadcast_to(np.float32(average), (224, 224, 3))
        return {"layers": _cell(cells)[None], "normalization": {"imageSize": [224.0, 224, 3], "averageImage": picture}}
    meta = {"normalization": {"interpolation": "bicubic", "averageImage": np.float32(average).reshape(1, 1, 3)}}
    return {"layers": _cell(cells)[None], "meta": meta}


def _cell(items):
    cell = np.empty(len(items), dtype=object)
    cell[:] = items
    return cell


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def proto_bytes(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def proto_int(number, value):
    return varint(number << 3) + varint(value)


def caffe_blob(array, new=False, double=False):
    data = array.astype("<f8" if double else "<f4").tobytes()
    if new:
        shape = proto_bytes(7, proto_bytes(1, b"".join(varint(length) for length in array.shape)))
    else:
        padded = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(proto_int(number, length) for number, length in enumerate(padded, 1))
    return shape + proto_bytes(8 if double else 5, data)


def caffemodel(layers, new=False, double=False, extra=b""):
    """NetParameter with V1 layers, or with the newer ones, as Caffe writes it: layers without weights in between."""
    net = proto_bytes(1, b"VGG")
    for name in dict.fromkeys(key.partition(".")[0] for key in layers):
        blobs = [caffe_blob(layers[f"{name}.{kind}"], new, double) for kind in ("weight", "bias")]
        dense = name.startswith("fc")
        if new:
            head = proto_bytes(1, name.encode()) + proto_bytes(2, b"InnerProduct" if dense else b"Convolution")
            net += proto_bytes(100, head + b"".join(proto_bytes(7, blob) for blob in blobs))
            net += proto_bytes(100, proto_bytes(1, b"relu") + proto_bytes(2, b"ReLU"))
        else:
            learning_rates = varint(7 << 3 | 5) + struct.pack("<f", 1.0)
            head = proto_bytes(2, b"data") + proto_bytes(3, name.encode()) + proto_bytes(4, name.encode())
            net += proto_bytes(
                2, head + proto_int(5, 14 if dense else 4) + b"".join(proto_bytes(6, b) for b in blobs) + learning_rates
            )
            net += proto_bytes(2, proto_bytes(4, b"relu") + proto_int(5, 18))
    return net + extra


def onnx_graph(onnx, layers, style="torch", preprocess=()):
    """A VGG's graph as an exporter writes it.

    style: "torch" (Gemm with transB, torchvision's names), "keras" (as tf2onnx: MatMul and Add, features turned to
    H, W, C), "zoo" (the model zoo's names), "anonymous" (names that tell nothing, dense layers as convolutions).
    """
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, constants, value = [], [], "data"

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    for op, operand in preprocess:
        nodes.append(helper.make_node(op, [value, constant(f"{op}_operand", operand)], [f"{op}_out"]))
        value = f"{op}_out"
    names = list(dict.fromkeys(key.partition(".")[0] for key in layers))
    theirs = _onnx_names(names, style)
    for index, name in enumerate(names):
        weight, bias = layers[f"{name}.weight"], layers[f"{name}.bias"]
        if name.startswith("conv"):
            inputs = [value, constant(theirs[index][0], weight), constant(theirs[index][1], bias)]
            nodes.append(helper.make_node("Conv", inputs, [f"{name}_out"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]))
            value = f"{name}_out"
        else:
            if name == "fc6" and style != "anonymous":
                value = _onnx_flatten(helper, nodes, value, style)
            value = _onnx_dense(helper, nodes, value, name, weight, bias, theirs[index], constant, style)
        if name != "fc8":
            nodes.append(helper.make_node("Relu", [value], [f"{name}_relu"]))
            value = f"{name}_relu"
        block_ends = index + 1 == len(names) or names[index + 1][:5] != name[:5]
        if name.startswith("conv") and block_ends:
            nodes.append(helper.make_node("MaxPool", [value], [f"{name}_pool"], kernel_shape=[2, 2], strides=[2, 2]))
            value = f"{name}_pool"
    info = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("data", value)]
    graph = helper.make_graph(nodes, "vgg", info[:1], info[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])


def _onnx_names(names, style):
    if style == "torch":
        count = sum(name.startswith("conv") for name in names)
        theirs = {
            ours: theirs for theirs, ours in torchvision_names(SMALL["vgg16" if count == 13 else "vgg19"]).items()
        }
        return [(f"{theirs[name]}.weight", f"{theirs[name]}.bias") for name in names]
    if style == "zoo":
        counts = {"conv": 0, "dense": 0}
        result = []
        for name in names:
            kind = "conv" if name.startswith("conv") else "dense"
            result.append((f"vgg0_{kind}{counts[kind]}_weight", f"vgg0_{kind}{counts[kind]}_bias"))
            counts[kind] += 1
        return result
    if style == "keras":
        blocks = [name.replace("conv", "block").replace("_", "_conv") for name in names]
        return [(f"vgg/{name}/ReadVariableOp:0", f"vgg/{name}/Bias:0") for name in blocks]
    return [(f"onnx::{2 * i}", f"onnx::{2 * i + 1}") for i in range(len(names))]


def _onnx_flatten(helper, nodes, value, style):
    if style == "keras":
        nodes.append(helper.make_node("Transpose", [value], ["turned"], perm=[0, 2, 3, 1]))
        value = "turned"
    nodes.append(helper.make_node("Flatten", [value], ["flat"]))
    return "flat"


def _onnx_dense(helper, nodes, value, name, weight, bias, theirs, constant, style):
    if style == "anonymous":
        kernel = weight.reshape(len(weight), -1, 7, 7) if name == "fc6" else weight[:, :, None, None]
        inputs = [value, constant(theirs[0], kernel), constant(theirs[1], bias)]
        nodes.append(helper.make_node("Conv", inputs, [name], kernel_shape=list(kernel.shape[2:])))
        return name
    if style == "keras":
        matrix = keras_arrays(
            {"fc6": "fc1", "fc7": "fc2", "fc8": "predictions"}[name], {f"{name}.weight": weight, f"{name}.bias": bias}
        )[0]
        nodes.append(helper.make_node("MatMul", [value, constant(theirs[0], matrix)], [f"{name}_product"]))
        nodes.append(helper.make_node("Add", [f"{name}_product", constant(theirs[1], bias)], [name]))
        return name
    inputs = [value, constant(theirs[0], weight), constant(theirs[1], bias)]
    nodes.append(helper.make_node("Gemm", inputs, [name], transB=1))
    return name
