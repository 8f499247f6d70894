"""What a layer is made of: parameters, buffers and attributes are those of torch's own layer."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from shape_examples import Symbolic, evaluate_real
from torch import nn

from lint_params.shape import ops
from lint_params.shape.sizes.dim import Poly
from lint_params.shape.value import Layer, Seq, Tensor, Unknown

ops.load()

#: Classes of torch.nn that have no op, and why.
CLASSES_LEFT_OUT = {
    "Module": "the base class",
    "Container": "deprecated name of Module",
    "Sequential": "a container: the interpreter runs it",
    "ModuleList": "a container",
    "ModuleDict": "a container",
    "ParameterList": "a container",
    "ParameterDict": "a container",
    "RNNBase": "the base class of the recurrent layers",
    "RNNCellBase": "the base class of the recurrent cells",
    "DataParallel": "a wrapper of another module, over devices",
}
#: Functions of torch.nn.functional that have no op, and why.
FUNCTIONS_LEFT_OUT = {
    "multi_head_attention_forward": "some twenty arguments; people call the layer",
    "linear_cross_entropy": "new; people call the layer",
    "conv_tbc": "used by one library",
    "grouped_mm": "low precision kernels for one kind of device",
    "scaled_grouped_mm": "low precision kernels for one kind of device",
    "scaled_mm": "low precision kernels for one kind of device",
    "assert_int_or_pair": "a helper of torch's own",
    "boolean_dispatch": "a helper of torch's own",
    "handle_torch_function": "a helper of torch's own",
    "has_torch_function": "a helper of torch's own",
    "has_torch_function_unary": "a helper of torch's own",
    "has_torch_function_variadic": "a helper of torch's own",
}

LAYERS = """
nn.Linear(3, 4)
nn.Linear(3, 4, bias=False)
nn.Identity()
nn.Bilinear(3, 4, 5)
nn.Bilinear(3, 4, 5, bias=False)
nn.LSTM(3, 4)
nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
nn.LSTM(3, 4, 3, bias=False, batch_first=True, dropout=0.5)
nn.GRU(3, 4, num_layers=2, bidirectional=True)
nn.RNN(3, 4, 2, 'relu')
nn.LSTMCell(3, 4)
nn.GRUCell(3, 4, bias=False)
nn.RNNCell(3, 4, nonlinearity='relu')
nn.MultiheadAttention(8, 2)
nn.MultiheadAttention(8, 2, 0.1, bias=False, batch_first=True)
nn.MultiheadAttention(8, 2, kdim=3, vdim=5, add_bias_kv=True)
nn.MultiheadAttention(8, 4, kdim=8, vdim=8)
nn.TransformerEncoderLayer(8, 2, 16)
nn.TransformerEncoderLayer(8, 2, bias=False, norm_first=True)
nn.TransformerDecoderLayer(8, 2, 16)
nn.TransformerDecoderLayer(8, 2, 16, bias=False)
nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 3, nn.LayerNorm(8))
nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), num_layers=2)
nn.Transformer(8, 2, 2, 3, 16)
nn.Transformer(8, 2, 1, 1, 16, bias=False)
nn.Embedding(5, 3)
nn.Embedding(5, 3, padding_idx=-1)
nn.EmbeddingBag(5, 3, mode='sum', padding_idx=2)
nn.PReLU()
nn.PReLU(7)
nn.GroupNorm(2, 4)
nn.GroupNorm(2, 4, affine=False)
nn.GroupNorm(2, 4, bias=False)
nn.LayerNorm(4)
nn.LayerNorm((3, 4), bias=False)
nn.LayerNorm([3, 4], elementwise_affine=False)
nn.RMSNorm(4)
nn.RMSNorm((3, 4), elementwise_affine=False)
nn.LocalResponseNorm(2)
nn.CrossMapLRN2d(2)
nn.SyncBatchNorm(4)
nn.Flatten()
nn.Unflatten(1, (2, 3))
nn.Fold((8, 7), 3)
nn.Unfold(3, padding=1)
nn.PixelShuffle(2)
nn.PixelUnshuffle(2)
nn.ChannelShuffle(2)
nn.Upsample(scale_factor=2, mode='bilinear')
nn.UpsamplingNearest2d(size=7)
nn.UpsamplingBilinear2d(scale_factor=2)
nn.Dropout(0.1)
nn.Dropout2d()
nn.Softmax(1)
nn.GLU()
nn.LeakyReLU(0.2)
nn.GELU('tanh')
nn.CosineSimilarity()
nn.PairwiseDistance()
nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10])
nn.AdaptiveLogSoftmaxWithLoss(64, 100, [10, 20, 50], div_value=2.0, head_bias=True)
nn.LinearCrossEntropyLoss(4, 3)
nn.LinearCrossEntropyLoss(4, 3, out_features=(2, 5), bias=True)
nn.CrossEntropyLoss(label_smoothing=0.1)
nn.L1Loss(reduce=False)
nn.MSELoss(size_average=False)
nn.CTCLoss()
nn.TripletMarginLoss()
nn.FractionalMaxPool2d(2, output_size=4)
nn.FractionalMaxPool3d((2, 3, 2), output_ratio=0.5)
""".strip().splitlines()
for _n in (1, 2, 3):
    LAYERS += [
        f"nn.Conv{_n}d(4, 6, 3)",
        f"nn.Conv{_n}d(4, 6, {(3, 2, 5)[:_n]}, stride=2, padding=1, groups=2, bias=False)",
        f"nn.Conv{_n}d(4, 6, 3, padding='same', dilation=2, padding_mode='circular')",
        f"nn.ConvTranspose{_n}d(4, 6, 3, 2, 1, output_padding=1, groups=2)",
        f"nn.ConvTranspose{_n}d(4, 6, {(3, 2, 5)[:_n]}, bias=False)",
        f"nn.BatchNorm{_n}d(4)",
        f"nn.BatchNorm{_n}d(4, affine=False)",
        f"nn.BatchNorm{_n}d(4, track_running_stats=False, bias=False)",
        f"nn.InstanceNorm{_n}d(4)",
        f"nn.InstanceNorm{_n}d(4, affine=True, track_running_stats=True)",
        f"nn.MaxPool{_n}d(3)",
        f"nn.MaxPool{_n}d(3, 2, 1, return_indices=True)",
        f"nn.AvgPool{_n}d(3)",
        f"nn.AvgPool{_n}d(3, stride=2, padding=1)",
        f"nn.LPPool{_n}d(2, 3)",
        f"nn.AdaptiveAvgPool{_n}d(3)",
        f"nn.AdaptiveMaxPool{_n}d(3)",
        f"nn.MaxUnpool{_n}d(3)",
        f"nn.MaxUnpool{_n}d(3, 2, 1)",
        f"nn.ZeroPad{_n}d(2)",
        f"nn.ConstantPad{_n}d({(1, 2, 3, 4, 5, 6)[: 2 * _n]}, 0.5)",
        f"nn.ReflectionPad{_n}d(1)",
        f"nn.ReplicationPad{_n}d(1)",
        f"nn.CircularPad{_n}d(1)",
    ]
LAZY = ["nn.LazyLinear(4)", "nn.LazyLinear(4, bias=False)"]
for _n in (1, 2, 3):
    LAZY += [
        f"nn.LazyConv{_n}d(6, 3, groups=2)",
        f"nn.LazyConvTranspose{_n}d(6, 3, groups=2, bias=False)",
        f"nn.LazyBatchNorm{_n}d()",
        f"nn.LazyBatchNorm{_n}d(affine=False)",
        f"nn.LazyInstanceNorm{_n}d()",
    ]


def symbolic(text: str) -> tuple[Symbolic, Layer]:
    run = Symbolic()
    layer = run.run(text)
    assert isinstance(layer, Layer)
    return run, layer


def parameters(run: Symbolic, layer: Layer) -> dict[str, list[Any]]:
    shapes = layer.spec.params(run.ctx, layer.args) if layer.spec.params else {}
    return {k: [run.number(d) for d in dims] for k, dims in shapes.items() if dims is not None}


@pytest.mark.parametrize("text", LAYERS)
def test_parameters_are_torchs_in_name_and_shape(text: str) -> None:
    run, layer = symbolic(text)
    actual = {name: list(p.shape) for name, p in evaluate_real(text).named_parameters()}
    assert parameters(run, layer) == actual


def attributes(module: nn.Module) -> dict[str, Any]:
    """The plain attributes that torch sets on the layer, its buffers and the absent parameters."""
    plain = (int, float, str, bool, tuple, type(None))
    out = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, plain)
        and not name.startswith("_")
        and name not in ("training", "call_super_init")
    }
    out.update({name: value for name, value in module._buffers.items()})
    out.update({name: value for name, value in module._parameters.items()})
    return out


#: Attributes that nobody reads for a shape: the op has no use for them.
UNREAD = {
    "activation_relu_or_gelu", "all_weights", "allow_duplicates", "mode", "norm_first", "process_group",
    "device", "dtype", "use_nested_tensor", "enable_nested_tensor", "mask_check", "freeze", "ceil_mode",
    "shortlist_size", "n_clusters", "head_size", "div_value", "upscale_factor", "transposed", "nonlinearity",
    "num_chunks", "name",
}  # fmt: skip


def differs(run: Symbolic, mine: Any, actual: Any) -> bool:
    if isinstance(actual, torch.Tensor):
        return not isinstance(mine, Tensor) or [run.number(d) for d in mine.shape.dims] != list(
            actual.shape
        )
    if isinstance(actual, (tuple, list)):
        if not isinstance(mine, Seq) or len(mine.items) != len(actual):
            return True
        return any(differs(run, a, b) for a, b in zip(mine.items, actual))
    if isinstance(mine, Poly):
        mine = run.number(mine)
    return type(mine) is not type(actual) or mine != actual


@pytest.mark.parametrize("text", LAYERS)
def test_attributes_that_are_told_are_torchs(text: str) -> None:
    run, layer = symbolic(text)
    wrong = []
    for name, actual in attributes(evaluate_real(text)).items():
        if name in layer.attrs and not isinstance(layer.attrs[name], Unknown):
            if differs(run, layer.attrs[name], actual):
                wrong.append((name, layer.attrs[name], actual))
        elif name not in UNREAD:
            wrong.append((name, "missing", actual))
    assert not wrong


@pytest.mark.parametrize("text", LAZY)
def test_lazy_layers_have_torchs_parameters_once_they_ran(text: str) -> None:
    run = Symbolic()
    sizes = {"1": "6", "2": "6, 5", "3": "6, 5, 4"}.get(text.split("d(")[0][-1], "4")
    x = f"zeros(2, 4, {sizes})"
    layer = run.run(text)
    real = evaluate_real(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        real(torch.zeros([int(n) for n in x[6:-1].split(",")]))
    run.call(layer, x)
    assert not run.refuted()
    actual = {name: list(p.shape) for name, p in real.named_parameters()}
    assert parameters(run, layer) == actual
    own = {
        k: v
        for k, v in attributes(real).items()
        if k in ("in_features", "in_channels", "num_features")
    }
    assert own
    assert not [k for k, v in own.items() if run.number(run.ctx.size(layer.attrs[k])) != v]


def test_a_lazy_layer_takes_one_size_only() -> None:
    run = Symbolic()
    layer = run.run("nn.LazyLinear(4)")
    mark = run.ctx.mark()
    run.call(layer, "zeros(2, 3)")
    run.call(layer, "zeros(2, 5)")
    assert len(run.refuted()) == 1
    run.ctx.undo(mark)  # another path: nothing is learned there
    run.ctx.obligations.clear()
    run.call(layer, "zeros(2, 5)")
    assert not run.refuted()


def test_parameters_of_a_symbolic_number_of_layers_count_right() -> None:
    for text, names in (
        ("nn.LSTM(S(3), S(4), S(5), bidirectional=True)", "nn.LSTM(3, 4, 5, bidirectional=True)"),
        (
            "nn.GRU(S(3), S(4), num_layers=S(2), bias=False)",
            "nn.GRU(3, 4, num_layers=2, bias=False)",
        ),
        (
            "nn.TransformerEncoder(nn.TransformerEncoderLayer(S(8), 2, S(16)), S(3))",
            "nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 3)",
        ),
        ("nn.Transformer(S(8), S(2), S(3), S(2), S(16))", "nn.Transformer(8, 2, 3, 2, 16)"),
    ):
        run, layer = symbolic(text)
        total = sum(torch.Size(dims).numel() for dims in parameters(run, layer).values())
        assert total == sum(p.numel() for p in evaluate_real(names).parameters())


def test_every_class_of_torch_nn_has_an_op_or_a_reason() -> None:
    classes = {
        name
        for name, value in vars(nn).items()
        if inspect.isclass(value) and issubclass(value, nn.Module)
    }
    known = {name.rpartition(".")[2] for name in ops.LAYERS if name.startswith("torch.nn.")}
    assert classes - known - set(CLASSES_LEFT_OUT) == set()
    assert not set(CLASSES_LEFT_OUT) & known, "it is no longer left out"
    assert set(CLASSES_LEFT_OUT) <= classes


def test_every_function_of_nn_functional_has_an_op_or_a_reason() -> None:
    functions = {
        name
        for name, value in vars(F).items()
        if callable(value) and not inspect.isclass(value) and not name.startswith("_")
        and getattr(value, "__module__", "torch") not in ("typing", "torch._jit_internal_types")
    }  # fmt: skip
    functions -= {"Callable", "Optional", "Tensor", "DType"}
    known = {n.rpartition(".")[2] for n in ops.FUNCTIONS if n.startswith("torch.nn.functional.")}
    assert functions - known - set(FUNCTIONS_LEFT_OUT) == set()
    assert not set(FUNCTIONS_LEFT_OUT) & known, "it is no longer left out"


def test_constructors_take_torchs_arguments() -> None:
    """Names and order of the parameters: a call that binds in torch binds here."""
    wrong = []
    for name, spec in ops.LAYERS.items():
        actual = (
            getattr(nn, name.rpartition(".")[2], None) if name.startswith("torch.nn.") else None
        )
        if actual is None:
            continue
        theirs = list(inspect.signature(actual.__init__).parameters.values())[1:]
        if any(p.kind is p.VAR_POSITIONAL for p in theirs):
            continue
        mine = [p for p in spec.signature.parameters.values() if not _hidden(name, p.name)]
        if [(p.name, p.kind) for p in mine] != [(p.name, p.kind) for p in theirs]:
            wrong.append((name, [p.name for p in mine], [p.name for p in theirs]))
        for a, b in zip(mine, theirs):
            if (a.default is a.empty) != (b.default is b.empty) or (
                isinstance(b.default, (int, float, str, bool, type(None)))
                and a.default != b.default
            ):
                wrong.append((name, a, b))
    assert not wrong


def _hidden(name: str, parameter: str) -> bool:
    return ".Lazy" in name and parameter in ("in_features", "in_channels", "num_features")


def test_functions_take_torchs_arguments() -> None:
    wrong = []
    for name, spec in ops.FUNCTIONS.items():
        short = name.removeprefix("torch.nn.functional.")
        try:
            actual = inspect.signature(getattr(F, short)) if short != name else None
        except (AttributeError, ValueError):
            continue
        if actual is None or any(
            p.kind is p.VAR_POSITIONAL for p in spec.signature.parameters.values()
        ):
            continue
        if any(p.kind is p.VAR_POSITIONAL for p in actual.parameters.values()):
            continue
        if list(spec.signature.parameters) != list(actual.parameters):
            wrong.append((name, list(spec.signature.parameters), list(actual.parameters)))
    assert not wrong
