"""The units of a network, layer by layer, and the windows between them, from its calls.

A tensor of the network is followed as the vertices that its numbers are, so that whatever moves
numbers about (flatten, permute, concatenate, cut) is done to the vertices by PyTorch itself.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis._induced_layers import Window

if TYPE_CHECKING:
    import torch

Slot = tuple[int, int]

_KEPT = (
    "relu relu6 leaky_relu elu selu celu gelu silu mish softplus sigmoid tanh hardtanh hardswish "
    "hardsigmoid logsigmoid prelu rrelu softsign tanhshrink hardshrink softshrink threshold "
    "softmax log_softmax softmin abs exp log log1p expm1 sqrt rsqrt square pow clamp clip neg "
    "sign sin cos erf reciprocal layer_norm group_norm instance_norm rms_norm normalize "
    "local_response_norm batch_norm mul multiply div divide true_divide __rmul__ __rtruediv__ "
    "__mul__ __truediv__ __pow__ add sub dropout alpha_dropout"
)
KEPT = frozenset(_KEPT.split())
"""Functions whose result is the same units, with other activations."""

_PASSED = (
    "contiguous clone detach to float double half type data requires_grad alias dropout dropout1d "
    "dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout identity"
)
PASSED = frozenset(_PASSED.split())
"""Functions that change nothing of a network in evaluation mode."""

_SHAPED = "flatten view reshape squeeze unsqueeze view_as reshape_as unflatten"
SHAPED = frozenset(_SHAPED.split())
"""Functions that leave the numbers in their order."""

_MOVED = (
    "permute transpose swapaxes swapdims movedim moveaxis t T mT cat concat concatenate stack "
    "hstack vstack dstack __getitem__ narrow select split chunk unbind tensor_split roll flip "
    "expand expand_as repeat tile pixel_shuffle pixel_unshuffle channel_shuffle"
)
MOVED = SHAPED | frozenset(_MOVED.split())
"""Functions that only move numbers about."""

_ADDED = "add sub subtract __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__"
ADDED = frozenset(_ADDED.split())
POOLED = frozenset(
    f"{kind}_{what}_pool{d}d".lstrip("_")
    for kind in ("", "adaptive")
    for what in ("max", "avg")
    for d in (1, 2)
)
CONVOLVED = frozenset(("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"))


@dataclass(slots=True, eq=False)
class Block:
    """Edges of one call: their window, the vertices of its source units, where activations are."""

    window: Window
    ids: NDArray[np.int64]
    slot: Slot
    winner: bool = False


@dataclass(slots=True, eq=False)
class Units:
    """A layer in the making; ``start`` is its first vertex, ``last`` the last call to enter it."""

    name: str
    shape: tuple[int, ...]
    start: int
    last: float
    blocks: list[Block] = field(default_factory=list)
    bias: NDArray[np.float32] | None = None

    @property
    def size(self) -> int:
        """Number of units."""
        return math.prod(self.shape)


@dataclass(slots=True, eq=False)
class Value:
    """A tensor as vertices, or ``why`` it is not; ``layer`` whose plain sum of inputs it is."""

    shape: tuple[int, ...]
    ids: "torch.Tensor | None"
    layer: Units | None = None
    why: str = ""
    name: str = ""
