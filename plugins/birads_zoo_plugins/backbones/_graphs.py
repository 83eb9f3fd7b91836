"""Cuts a network after its last feature map, by the graph of its `forward`; weights keep their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from birads_zoo_plugins.backbones._sizes import Size, continued, within

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Outline:
    """The nodes of a network's graph that give feature maps N×D×h×w: the `last`, and all of them (`ends`)."""

    last: str
    ends: frozenset[str]


def outline(small: Shapes, large: Shapes, classes: int) -> Outline:
    """Find the feature maps by the shapes of a graph's nodes for a picture, and for one with twice its sides.

    A map has more places for the larger picture, and the same number of features. A map with as many features as the
    network has `classes` belongs to its head.

    Raises:
        ValueError: when there is no feature map.

    """
    maps = [node for node in small if _is_map(small[node], large[node]) and small[node][1] != classes]
    if not maps:
        raise ValueError("no part of it gives a feature map")
    return Outline(last=maps[-1], ends=frozenset(maps))


def _is_map(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    same, sides = small[:2] == large[:2], (2, 3)
    return len(small) == len(large) == 4 and same and all(large[side] > small[side] for side in sides)


def shapes(network: nn.Module, picture: Tensor) -> Shapes:
    """Return the shape of the output of each node of the network's graph for a picture.

    It is () for outputs that are no tensors, and for dropout, because no map may end with it.
    """
    by_node: dict[str, tuple[int, ...]] = {}

    class Shaped(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            result = super().run_node(n)
            drops = n.op == "call_module" and isinstance(self.fetch_attr(str(n.target)), nn.Dropout)
            by_node[n.name] = tuple(result.shape) if isinstance(result, Tensor) and not drops else ()
            return result

    with torch.no_grad():
        Shaped(fx.GraphModule(network, _graph(network))).run(picture)
    return by_node


def _graph(network: nn.Module) -> fx.Graph:
    """Return the graph of `network` in evaluation mode, which has no auxiliary heads."""
    training = network.training
    graph = _Tracer().trace(network.eval())
    network.train(training)
    return graph


class _Tracer(fx.Tracer):
    """Traces only into chains of modules. Every other module is one node, so that it keeps both of its modes."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not isinstance(m, nn.Sequential)


class GraphMap(fx.GraphModule):
    """A network's graph up to a feature map: N×1×H×W or N×3×H×W → N×D×h×w; a grey picture is repeated."""

    def stage_names(self) -> tuple[str, ...]:
        """Return the modules with weights, from input to output."""
        called = dict.fromkeys(str(node.target) for node in self.graph.nodes if node.op == "call_module")
        return tuple(name for name in called if any(True for _ in self.get_submodule(name).parameters()))

    def place(self) -> Size | None:
        """Return the height and width of a place of the map in pixels, where other sizes cannot show it."""
        place: Size | None = self.meta["place"]
        return place

    def end_after(self, stage: str) -> None:
        """End the network after `stage`, a module or a chain of modules that gives a feature map.

        Raises:
            ValueError: when it gives no feature map.

        """
        ends: Outline = self.meta["outline"]
        of_stage = [node for node in self.graph.nodes if f"{node.target}.".startswith(f"{stage}.")]
        if not of_stage or of_stage[-1].name not in ends.ends:
            raise ValueError(f"{stage!r} gives no feature map")
        self.meta["place"] = None
        self.end_at(of_stage[-1].name)

    def end_at(self, name: str) -> None:
        """Make the output of the node called `name` the result, and remove everything it does not depend on."""
        graph = self.graph
        nodes = {node.name: node for node in graph.nodes}
        images = next(node for node in graph.nodes if node.op == "placeholder")
        (result,) = (node for node in graph.nodes if node.op == "output")
        with graph.inserting_after(nodes[name]):
            result.args = (graph.call_function(within, (nodes[name], images, self.meta["margin"])),)
        graph.eliminate_dead_code()
        self.delete_all_unused_submodules()
        self.recompile()


def as_feature_map(network: nn.Module, lines: Outline, margin: Size, place: Size | None) -> GraphMap:
    """Return `network` up to its last feature map, for pictures that are padded by `margin` pixels."""
    module = GraphMap(network, _graph(network))
    module.meta |= {"outline": lines, "margin": margin, "place": place}
    images = next(node for node in module.graph.nodes if node.op == "placeholder")
    with module.graph.inserting_after(images):
        padded = module.graph.call_function(continued, (images, margin))
    with module.graph.inserting_after(padded):
        coloured = module.graph.call_method("expand", (padded, -1, 3, -1, -1))
    images.replace_all_uses_with(coloured, delete_user_cb=lambda user: user is not padded)
    module.end_at(lines.last)
    return module
