"""The rule of guided backpropagation, for whatever a network calls its rectifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_RECTIFIERS = frozenset(
    {F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6, F.hardtanh}
    | {F.leaky_relu, F.elu, F.hardswish, F.silu, F.gelu, F.mish}
)


class rectified_gradients(TorchFunctionMode):  # noqa: N801 (used as a function, in a `with`)
    """While it is on, only the positive part of a gradient passes down through a rectifier.

    Source: Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR Workshop 2015, sec. 3.4,
    where a gradient passes a ReLU where both it and the ReLU's input are positive. The same rule is kept for

    - ReLU6 (in torch a hardtanh), as MobileNetV2 has it: a gradient passes where it is positive and the input between
      0 and 6;
    - smooth rectifiers (SiLU, GELU, hard-swish, leaky ReLU, ELU, Mish), as EfficientNet and transformers have them, of
      which the paper does not speak: the positive part of the gradient, after their own derivative. Below 0 that
      derivative can be small or negative, but is not 0, so a little passes there too.

    Captum's and pytorch-grad-cam's implementations see `nn.ReLU` modules alone: for MobileNetV2 and EfficientNet theirs
    is the plain gradient. Here calls are seen and not modules, so nothing is hooked, and a functional ReLU counts as
    well; one written as `clamp` or `maximum` does not. Sigmoids and softmaxes (gates, attention) keep their gradient.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `func`, a rectifier on a copy of its input that clips the gradient that comes back."""
        kwargs = dict(kwargs or {})
        if func in _RECTIFIERS:
            values = args[0] if args else kwargs.pop("input")
            copied = values.clone()  # the input may have other uses, whose gradients are not to be clipped
            if copied.requires_grad:
                copied.register_hook(lambda gradient: gradient.clamp(min=0))
            args = (copied, *args[1:])
        return func(*args, **kwargs)
