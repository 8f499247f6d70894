"""The lists of torch's names say what the installed torch says."""

from __future__ import annotations

import importlib
import inspect
import warnings

import pytest
import torch
from torch import nn

from lint_params.facts import torch_names as names
from lint_params.names import ALIASES, HOMES, canonical

torch.set_num_threads(1)
_ARGUMENTS: dict[str, tuple[object, ...]] = {
    "Linear": (2, 3),
    "Bilinear": (2, 3, 4),
    "Embedding": (4, 2),
    "EmbeddingBag": (4, 2),
    "LayerNorm": (3,),
    "GroupNorm": (1, 2),
    "RMSNorm": (3,),
    "PReLU": (),
    "MultiheadAttention": (4, 2),
    "AdaptiveLogSoftmaxWithLoss": (4, 8, [2, 4]),
    "Transformer": (4, 2, 1, 1, 4),
    "TransformerEncoderLayer": (4, 2, 4),
    "TransformerDecoderLayer": (4, 2, 4),
    "LazyLinear": (2,),
    "LinearCrossEntropyLoss": (4, 3),
}


def _layers() -> list[str]:
    return [
        name
        for name in dir(nn)
        if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
    ]


def _made(name: str) -> nn.Module | None:
    arguments: tuple[object, ...]
    if name in _ARGUMENTS:
        arguments = _ARGUMENTS[name]
    elif name.startswith("LazyConv"):
        arguments = (2, 1)
    elif name.startswith("Lazy"):
        arguments = ()
    elif name.startswith("Conv"):
        arguments = (2, 2, 1)
    elif "BatchNorm" in name or name in ("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"):
        arguments = (2, 2) if "BatchNorm" not in name else (2,)
    else:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(nn, name)(*arguments)  # type: ignore[no-any-return]


def test_every_layer_is_listed() -> None:
    unknown = set(_layers()) - names.LAYERS
    assert not unknown, "new in this torch: add them to LAYERS"


@pytest.mark.parametrize("name", [name for name in _layers() if _made(name) is not None])
def test_parameters_of_layers(name: str) -> None:
    module = _made(name)
    assert module is not None
    owns = any(True for _ in module.parameters())
    assert owns == (name in names.LAYER_PARAMETERS), name
    listed = set(names.LAYER_PARAMETERS.get(name, ()))
    assert {key for key in module._parameters if "_l0_" not in key} <= listed | {"out_proj"}, name
    assert set(module._buffers) <= set(names.LAYER_BUFFERS.get(name, ())), name


def test_layers_without_parameters() -> None:
    for name in ("ReLU", "Dropout", "Softmax", "MSELoss", "Flatten", "Identity", "AvgPool2d"):
        assert name in names.LAYERS
        assert name not in names.LAYER_PARAMETERS


def test_tensor_methods() -> None:
    in_place = {name for name in names.IN_PLACE_METHODS if not hasattr(torch.Tensor, name)}
    assert not in_place
    assert all(name.endswith("_") for name in names.IN_PLACE_METHODS)
    gone = {name for name in names.NEW_TENSOR_METHODS if not hasattr(torch.Tensor, name)}
    assert not gone
    x = torch.rand(2, 2)
    for name in ("abs", "t", "clone", "exp", "float", "unsqueeze", "view"):
        assert name in names.NEW_TENSOR_METHODS
        arguments = {"unsqueeze": (0,), "view": (-1,)}.get(name, ())
        assert isinstance(getattr(x, name)(*arguments), torch.Tensor)
    for name in ("item", "tolist", "numel", "size", "backward", "chunk", "topk"):
        assert name not in names.NEW_TENSOR_METHODS


def test_in_place_methods_return_the_tensor() -> None:
    for name in ("zero_", "fill_", "add_", "clamp_", "copy_", "normal_", "exp_"):
        assert name in names.IN_PLACE_METHODS
        x = torch.ones(2)
        argument = {"fill_": (1.0,), "add_": (1.0,), "clamp_": (0.0,), "copy_": (x.clone(),)}
        assert getattr(x, name)(*argument.get(name, ())) is x


def test_where_inplace_stands() -> None:
    found = {}
    for name in dir(nn.functional):
        function = getattr(nn.functional, name)
        if not name.startswith("_") and inspect.isfunction(function):
            arguments = list(inspect.signature(function).parameters)
            if "inplace" in arguments:
                found[name] = arguments.index("inplace")
    assert found == names.INPLACE_ARGUMENT


def test_creators_exist() -> None:
    for qualified in (*names.CREATORS, *names.COMPUTED_BELOW):
        found: object = torch
        for part in qualified.split(".")[1:]:
            found = getattr(found, part, None)
        assert found is not None, qualified
    assert set(names.CREATORS) >= names.UNWRITTEN
    for name in names.COMPUTED:
        assert hasattr(torch, name) or name == "expand_copy", name


def test_unwritten_is_unwritten() -> None:
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    try:
        assert torch.empty(3).isnan().all()
        assert torch.empty_like(torch.ones(3)).isnan().all()
        assert torch.ones(3).new_empty(2).isnan().all()
        for creator in ("zeros", "ones", "rand", "randn", "eye"):
            assert f"torch.{creator}" not in names.UNWRITTEN
            assert not getattr(torch, creator)(3).isnan().any()
    finally:
        torch.use_deterministic_algorithms(False)


def test_initialisers_and_optimizers() -> None:
    assert {n for n in dir(nn.init) if n.endswith("_") and not n.startswith("_")} == set(
        names.INITIALISERS
    )
    for name in names.OPTIMIZERS:
        assert issubclass(getattr(torch.optim, name), torch.optim.Optimizer)


def test_every_module_has_these() -> None:
    module = nn.Module()
    missing = {name for name in names.MODULE_ATTRIBUTES if not hasattr(module, name)}
    assert missing <= {"__annotations__", "forward"} | {n for n in missing if n.startswith("__")}


def test_module_methods_return_self() -> None:
    module = nn.Linear(2, 2)
    for name in ("float", "double", "half", "bfloat16", "eval", "train", "cpu", "requires_grad_"):
        assert name in names.MODULE_RETURNS_SELF
        assert getattr(module, name)() is module


_SIZED = {
    "Unflatten": (1, (2, 2)), "Upsample": (None, 2), "PixelShuffle": (2,), "PixelUnshuffle": (2,),
    "Softmax": (1,), "LogSoftmax": (1,),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(names.TENSOR_LAYERS - set(names.LAYER_PARAMETERS)))
def test_these_layers_give_one_tensor(name: str) -> None:
    arguments = _SIZED.get(name, (2,) if "Pool" in name else (1, 0.0) if "Constant" in name else ())
    layer = getattr(nn, name)(*(arguments or ((1,) if "Pad" in name else ())))
    given = torch.randn(2, 4, 4, 4, 4) if name[-2:] == "3d" else torch.randn(2, 4, 4)
    if name in ("PixelShuffle", "PixelUnshuffle", "Softmax2d") or name[-2:] == "2d":
        given = torch.randn(2, 4, 4, 4)
    assert type(layer(given)) is torch.Tensor


@pytest.mark.parametrize("home", sorted(HOMES))
def test_what_a_module_of_torch_defines_has_its_public_name(home: str) -> None:
    """``from torch.nn.utils.clip_grad import clip_grad_norm_`` is ``torch.nn.utils.clip_grad_norm_``."""
    defined = {
        name: value
        for name, value in vars(importlib.import_module(home)).items()
        if getattr(value, "__module__", "") == home and getattr(value, "__name__", "") == name
    }
    public = {name: canonical(f"{home}.{name}") for name in defined if not name.startswith("_")}
    known = [name for name, full in public.items() if _object(full) is defined[name]]
    hidden = [name for name, full in public.items() if _object(full) is None]
    assert known and len(known) + len(hidden) == len(public)


@pytest.mark.parametrize("name", sorted(ALIASES))
def test_aliases_are_one_object(name: str) -> None:
    assert _object(name) is _object(canonical(name)) is not None
    assert canonical(name) != name


def _object(full: str) -> object:
    home, _, name = full.rpartition(".")
    return getattr(importlib.import_module(home), name, None)
