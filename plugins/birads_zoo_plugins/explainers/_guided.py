"""The rule of guided backpropagation, for all rectifiers of a network."""

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
    """While it is active, only the positive part of a gradient passes back through a rectifier.

    Source: Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR Workshop 2015, sec. 3.4,
    in which a gradient passes a ReLU where both it and the ReLU's input are positive. The rule is extended to

    - ReLU6 (in torch a hardtanh), as in MobileNetV2: a gradient passes where it is positive and the input between
      0 and 6;
    - smooth rectifiers (SiLU, GELU, hard-swish, leaky ReLU, ELU, Mish), as in EfficientNet and transformers, which
      are not in the paper: the positive part of the gradient passes and is multiplied by their derivative. Below 0 that
      derivative can be small or negative, but is not 0, so a little passes there too.

    The implementations of captum and pytorch-grad-cam only change `nn.ReLU` modules: for MobileNetV2 and EfficientNet
    they give the plain gradient. Here calls are changed, not modules, so nothing is hooked, and a functional ReLU is
    included; one written as `clamp` or `maximum` is not. Sigmoids and softmaxes (gates, attention) keep their gradient.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `func`; a rectifier gets a copy of its input whose gradient is clipped on the way back."""
        kwargs = dict(kwargs or {})
        if func in _RECTIFIERS:
            values = args[0] if args else kwargs.pop("input")
            copied = values.clone()  # the input may have other uses, whose gradients must not be clipped
            if copied.requires_grad:
                copied.register_hook(lambda gradient: gradient.clamp(min=0))
            args = (copied, *args[1:])
        return func(*args, **kwargs)
