"""Hostile ONNX networks in the folder of an exported model, with right checksums."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hostile.case import Base

SIZE = 32


def changes() -> Iterator[tuple[str, Callable[[Path, Base], None]]]:
    for name, content in {
        "that is empty": b"",
        "that is text": b"hello" * 100,
        "that is noise": bytes(range(256)) * 50,
    }.items():
        yield f"with ONNX {name}", partial(_install, lambda folder, base, content=content: content)
    for number in range(4):
        yield f"with ONNX cut at {number + 1}/5", partial(_install, partial(_cut, (number + 1) / 5))
    for name, make in {
        "without outputs": lambda onnx, graph: graph.ClearField("output"),
        "without nodes": lambda onnx, graph: graph.ClearField("node"),
        "with an input of another name": lambda onnx, graph: _rename(graph, "images", "pictures"),
        "with an unknown operation": lambda onnx, graph: setattr(graph.node[0], "op_type", "NoSuchOp"),
        "with an operation of another domain": lambda onnx, graph: setattr(graph.node[0], "domain", "evil"),
        "with a circle": lambda onnx, graph: graph.node[0].input.__setitem__(0, graph.node[-1].output[0]),
        "with weights outside its folder": partial(_external, "../secret/secret.txt"),
        "with weights at an absolute path": partial(_external, "{secret}/secret.txt"),
        "with weights in a file that has no checksum": partial(_external, "extra.bin"),
        "with a tensor of 10¹² values": _huge,
        "with scores of text": _texts,
        "with one class": partial(_with_classes, 1),
        "with 1000 classes": partial(_with_classes, 1000),
        "with scores of one axis": _flat,
    }.items():
        yield f"with ONNX {name}", partial(_install, partial(_made, make))


def whole(model: Path, base: Base) -> None:
    _install(partial(_made, lambda onnx, graph: None), model, base)


def _install(content: Callable[[Path, Base], bytes], model: Path, base: Base) -> None:
    """Make the model one of ONNX."""
    from hostile.folders import checked, read_manifest

    values = read_manifest(model)
    for fold in values["folds"]:
        old, fold["weights"] = fold["weights"], fold["weights"].replace(".safetensors", ".onnx")
        (model / old).unlink()
        (model / fold["weights"]).write_bytes(content(model, base))
        values["files"][fold["weights"]] = values["files"].pop(old)
    values["kind"] = "onnx"
    checked(model, values)


def _made(change: Callable[[Any, Any], object], folder: Path, base: Base) -> bytes:
    import onnx

    model = network(_classes(folder), _features(folder))
    change(onnx, model.graph)
    for entry in model.graph.initializer:
        for external in entry.external_data:
            external.value = external.value.format(secret=base.secret)
            if external.value == "extra.bin":
                (folder / "extra.bin").write_bytes(bytes(4096))
    content: bytes = model.SerializeToString()
    return content


def _cut(share: float, folder: Path, base: Base) -> bytes:
    content = _made(lambda onnx, graph: None, folder, base)
    return content[: int(share * len(content))]


def _classes(folder: Path) -> int:
    from hostile.folders import read_manifest

    return len(read_manifest(folder)["classes"])


def _features(folder: Path) -> int:
    from safetensors import safe_open

    with safe_open(folder / "reference.safetensors", framework="np") as file:
        return int(file.get_slice("mean-0").get_shape()[0])


def network(classes: int, features: int) -> Any:
    """Return an ONNX model with the inputs and outputs of an exported network."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    weights = {
        "w": np.zeros((1, classes), np.float32),
        "f": np.zeros((1, features), np.float32),
        "axes": np.array([1, 2, 3, 4]),
        "one": np.array([-1, 1]),
    }
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "w"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
        helper.make_node("MatMul", ["column", "f"], ["features"]),
    ]
    number = TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("images", number, ["n", 1, 1, None, None])]
    outputs = [
        helper.make_tensor_value_info(name, number, ["n", None]) for name in ("scores", "probabilities", "features")
    ]
    initial = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "network", inputs, outputs, initial)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _rename(graph: Any, old: str, new: str) -> None:
    graph.input[0].name = new
    graph.node[0].input[0] = new


def _external(path: str, onnx: Any, graph: Any) -> None:
    entry = graph.initializer[0]
    entry.ClearField("raw_data")
    entry.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", path), ("offset", "0"), ("length", str(4 * entry.dims[1]))):
        external = entry.external_data.add()
        external.key, external.value = key, value


def _huge(onnx: Any, graph: Any) -> None:
    graph.initializer[0].dims[0] = 10**12


def _texts(onnx: Any, graph: Any) -> None:
    cast = onnx.helper.make_node("Cast", ["scores"], ["texts"], to=onnx.TensorProto.STRING)
    graph.node.append(cast)
    graph.output[0].name = "texts"
    graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.STRING


def _with_classes(count: int, onnx: Any, graph: Any) -> None:
    import numpy as np

    graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.zeros((1, count), np.float32), "w"))


def _flat(onnx: Any, graph: Any) -> None:
    graph.output[0].name = "mean"
    del graph.output[0].type.tensor_type.shape.dim[:]
