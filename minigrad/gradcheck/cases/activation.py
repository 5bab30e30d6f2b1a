"""Activations (away from their kinks), softmax along every axis, dropout that keeps everything."""

from typing import Any

from ..case import Case, case, nonzero, normal


def _activation(op: str, function: Any, draw: Any = nonzero) -> list[Case]:
    return [
        case(op, "matrix", function, draw(2, 3)),
        case(op, "images, channels last", function, draw(2, 2, 1, 3, layout="channels_last")),
        case(op, "scalar", function, draw()),
        case(op, "empty", function, draw(0, 2)),
        case(op, "strided", function, draw(5, layout="strided")),
        case(op, "applied twice", lambda m, x: function(m, function(m, x) - 0.05), draw(5)),
    ]


CASES = [
    *_activation("LeakyReLU", lambda m, x: m.nn.functional.leaky_relu(x, 0.2)),
    case("LeakyReLU", "relu", lambda m, x: m.relu(x) * x, nonzero(2, 3)),
    case("LeakyReLU", "default slope", lambda m, x: m.nn.functional.leaky_relu(x) * x, nonzero(2, 3)),
    case("LeakyReLU", "negative slope below 0", lambda m, x: m.nn.functional.leaky_relu(x, -0.5), nonzero(2, 3)),
    case(
        "LeakyReLUBackward",
        "slope 0.2",
        lambda m, g, x: m.adjoint.leaky_relu_backward(g, x, 0.2),
        normal(6),
        nonzero(6),
    ),
    case(
        "LeakyReLUBackward",
        "relu",
        lambda m, g, x: m.adjoint.leaky_relu_backward(g, x, 0.0),
        normal(2, 3),
        nonzero(2, 3, layout="transposed"),
    ),
    case("PReLU", "one slope", lambda m, x, w: m.nn.functional.prelu(x, w), nonzero(2, 3), normal(1)),
    case("PReLU", "a slope a channel", lambda m, x, w: m.nn.functional.prelu(x, w), nonzero(2, 3), normal(3)),
    case(
        "PReLU",
        "images, applied twice",
        lambda m, x, w: m.nn.functional.prelu(m.nn.functional.prelu(x, w) - 0.05, w),
        nonzero(2, 2, 2, 3, layout="channels_last"),
        normal(2),
    ),
    case("PReLU", "empty", lambda m, x, w: m.nn.functional.prelu(x, w), nonzero(0, 2), normal(2)),
    *_activation("ELU", lambda m, x: m.nn.functional.elu(x, 0.7)),
    case("ELU", "default alpha", lambda m, x: m.nn.functional.elu(x), nonzero(2, 3)),
    *_activation("Softplus", lambda m, x: m.nn.functional.softplus(x), normal),
    case("Softplus", "beta", lambda m, x: m.nn.functional.softplus(x, 2.5), normal(2, 3)),
    case("Softplus", "large", lambda m, x: m.nn.functional.softplus(x * 15), nonzero(2, 3)),
    *_activation("Sigmoid", lambda m, x: m.sigmoid(x), normal),
    case("Sigmoid", "large", lambda m, x: m.sigmoid(x * 10), nonzero(2, 3)),
    case("Softplus", "logsigmoid", lambda m, x: m.nn.functional.logsigmoid(x * 3), normal(2, 3)),
    *_activation("Tanh", lambda m, x: m.tanh(x), normal),
    case("Softmax", "rows", lambda m, x: m.softmax(x, 1), normal(2, 3)),
    case("Softmax", "middle axis", lambda m, x: m.softmax(x, dim=-2), normal(2, 3, 2, layout="transposed")),
    case("Softmax", "size 1", lambda m, x: x.softmax(0) * x, normal(1, 3)),
    case("Softmax", "no rows", lambda m, x: x.softmax(1), normal(0, 3)),
    case("LogSoftmax", "rows", lambda m, x: m.log_softmax(x, 1), normal(2, 3)),
    case(
        "LogSoftmax",
        "channels of images",
        lambda m, x: m.log_softmax(x * 5, dim=1),
        normal(1, 3, 2, 2, layout="channels_last"),
    ),
    case("LogSoftmax", "size 1", lambda m, x: m.log_softmax(x, 0) * x, normal(1, 3)),
    case("LogSoftmax", "no rows", lambda m, x: m.log_softmax(x, 1), normal(0, 3)),
    case(
        "dropout2d",
        "outside training",
        lambda m, x: m.nn.functional.dropout2d(x, 0.5, training=False) * x,
        normal(1, 2, 2, 2),
    ),
    case(
        "Multiply",
        "dropout outside training",
        lambda m, x: m.nn.functional.dropout(x, 0.5, training=False) * x,
        normal(5),
    ),
]
