"""Normalization with and without scale and shift, on tables and images, in training and in evaluation."""

from ..case import case, constant, normal, positive


def _evaluated(m, x, mean, var, *affine):  # type: ignore[no-untyped-def]
    return m.nn.functional.batch_norm(x, mean, var, *affine, training=False)


def _trained(m, x, *affine):  # type: ignore[no-untyped-def]
    return m.nn.functional.batch_norm(x, None, None, *affine, training=True)


def _instance(m, x, *affine):  # type: ignore[no-untyped-def]
    return m.nn.functional.instance_norm(x, **dict(zip(("weight", "bias"), affine)))


CASES = [
    case("BatchNorm", "table", _trained, normal(4, 3), normal(3), normal(3)),
    case("BatchNorm", "table, no scale", _trained, normal(3, 2)),
    case("BatchNorm", "images", _trained, normal(2, 2, 2, 3), normal(2), normal(2)),
    case("BatchNorm", "scale only", _trained, normal(2, 2, 1, 2), normal(2)),
    case("BatchNorm", "channels last", _trained, normal(2, 3, 2, 2, layout="channels_last"), normal(3), normal(3)),
    case("BatchNorm", "far from zero", lambda m, x: _trained(m, x + 50.0), normal(4, 2)),
    case(
        "BatchNorm",
        "large eps",
        lambda m, x: m.nn.functional.batch_norm(x, None, None, training=True, eps=0.5),
        normal(4, 2),
    ),
    case("BatchNorm", "one image", _trained, normal(1, 2, 2, 2), normal(2), normal(2)),
    case("BatchNorm", "no channels", _trained, normal(2, 0)),
    case("batch_norm", "evaluation", _evaluated, normal(3, 2), normal(2), positive(2), normal(2), normal(2)),
    case(
        "batch_norm", "evaluation, images", _evaluated, normal(2, 2, 1, 2), constant([0.1, -0.2]), constant([0.5, 2.0])
    ),
    case("instance_norm", "plain", _instance, normal(2, 2, 2, 3)),
    case("instance_norm", "scale and shift", _instance, normal(2, 2, 2, 2), normal(2), normal(2)),
    case("instance_norm", "channels last", _instance, normal(1, 3, 2, 2, layout="channels_last"), normal(3), normal(3)),
    case("instance_norm", "empty batch", _instance, normal(0, 2, 2, 2)),
    case(
        "layer_norm",
        "last axis",
        lambda m, x, w, b: m.nn.functional.layer_norm(x, (3,), w, b),
        normal(2, 3),
        normal(3),
        normal(3),
    ),
    case("layer_norm", "two axes", lambda m, x: m.nn.functional.layer_norm(x, (2, 3)), normal(2, 2, 3)),
    case(
        "layer_norm",
        "transposed",
        lambda m, x, w: m.nn.functional.layer_norm(x, (4,), w),
        normal(2, 4, layout="transposed"),
        normal(4),
    ),
    # With one process; tests/minigrad/distributed has the same with several.
    case("AllReduce", "one process", lambda m, x: m.adjoint.all_reduce(x), normal(2, 3, layout="transposed")),
    case("SyncBatchNorm", "table", lambda m, *x: m.adjoint.sync_batch_norm(*x), normal(4, 3), normal(3), normal(3)),
    case("SyncBatchNorm", "images, no scale", lambda m, x: m.adjoint.sync_batch_norm(x), normal(2, 2, 2, 3)),
    case("layer_norm", "no rows", lambda m, x: m.nn.functional.layer_norm(x, (3,)), normal(0, 3)),
]
