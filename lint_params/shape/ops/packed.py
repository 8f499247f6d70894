"""Packed and padded sequences: torch.nn.utils.rnn."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.layerwise import flag
from lint_params.shape.sizes.dim import Size
from lint_params.shape.value import Seq, Tensor, Unknown, Value

RNN = "torch.nn.utils.rnn"


class Packed(Seq):
    """A PackedSequence: the named tuple that it is, and how many sequences it holds."""

    __slots__ = ("batch",)

    def __init__(self, items: list[Value], batch: Size) -> None:
        super().__init__(
            items, "tuple", ("data", "batch_sizes", "sorted_indices", "unsorted_indices")
        )
        self.batch = batch


def _packed(ctx: Context, batch: Size, rest: tuple[Size, ...], lead: bool, like: Tensor) -> Packed:
    data = ctx.tensor((ctx.fresh("total", low=1), *rest), lead=lead, like=like)
    sizes = ctx.tensor((ctx.fresh("length", low=1),), dtype="int")
    return Packed([data, sizes, Unknown("sorted indices"), Unknown("unsorted indices")], batch)


@function(
    f"{RNN}.pack_padded_sequence",
    accepts=["nn.utils.rnn.pack_padded_sequence(zeros(5, 2, 3), [5, 4])[0]",
             "nn.utils.rnn.pack_padded_sequence(zeros(2, 5, 6, 7), [5, 4], batch_first=True).data",
             "nn.LSTM(3, 4)(nn.utils.rnn.pack_padded_sequence(zeros(5, 2, 3), [5, 4]))[1]",
             "nn.GRU(3, 4, batch_first=True)(nn.utils.rnn.pack_padded_sequence(zeros(2, 5, 3), [3, 4], batch_first=True, enforce_sorted=False), zeros(1, 2, 4))[1]"],
    rejects=["nn.LSTM(2, 4)(nn.utils.rnn.pack_padded_sequence(zeros(5, 2, 3), [5, 4]))",
             "nn.GRU(3, 4)(nn.utils.rnn.pack_padded_sequence(zeros(5, 2, 3), [5, 4]), zeros(1, 3, 4))"],
)  # fmt: skip
def pack_padded_sequence(
    ctx: Context,
    input: Tensor,
    lengths: Value,
    batch_first: Value = False,
    enforce_sorted: Value = True,
) -> Value:
    if not isinstance(input, Tensor):
        return ctx.unknown("input is no known tensor")
    dims, first = ctx.dims(input), flag(ctx, batch_first)
    if dims is None or len(dims) < 2:
        return _packed(ctx, ctx.fresh("batch"), input.shape.dims[-1:], True, input)
    batch = ctx.fresh("batch") if first is None else dims[0 if first else 1]
    return _packed(ctx, batch, dims[2:], False, input)


@function(
    f"{RNN}.pad_packed_sequence",
    accepts=["nn.utils.rnn.pad_packed_sequence(nn.LSTM(3, 4, bidirectional=True)(nn.utils.rnn.pack_padded_sequence(zeros(5, 2, 3), [5, 4]))[0])",
             "nn.utils.rnn.pad_packed_sequence(nn.utils.rnn.pack_padded_sequence(zeros(5, 2, 3), [5, 4]), batch_first=True, total_length=7)"],
)  # fmt: skip
def pad_packed_sequence(
    ctx: Context, sequence: Value, batch_first: Value = False, padding_value: Value = 0.0,
    total_length: Value = None,
) -> Value:  # fmt: skip
    if not isinstance(sequence, Packed):
        return ctx.unknown("input is no known packed sequence")
    data, first = sequence.items[0], flag(ctx, batch_first)
    length = ctx.size(total_length)
    if length is None:
        length = ctx.fresh("length", low=1)
    front = (sequence.batch, length) if first else (length, sequence.batch)
    if first is None:
        front = (ctx.fresh("size"), ctx.fresh("size"))
    open_rank = data.shape.lead
    out = ctx.tensor(
        data.shape.dims[-1:] if open_rank else (*front, *data.shape.dims[1:]),
        lead=open_rank,
        like=data,
    )
    return Seq([out, ctx.tensor((sequence.batch,), dtype="int")], "tuple")


@function(
    f"{RNN}.pack_sequence",
    accepts=["nn.utils.rnn.pack_sequence([zeros(4, 3), zeros(2, 3)])[0]"],
)
def pack_sequence(ctx: Context, sequences: Value, enforce_sorted: Value = True) -> Value:
    first = sequences.items[0] if isinstance(sequences, Seq) and sequences.items else None
    dims = ctx.dims(first) if isinstance(first, Tensor) else None
    if dims is None or not isinstance(first, Tensor) or not dims:
        return ctx.unknown("sequences are no known tensors")
    return _packed(ctx, len(sequences.items), dims[1:], False, first)


@function(
    f"{RNN}.pad_sequence",
    accepts=["nn.utils.rnn.pad_sequence([zeros(4, 3), zeros(2, 3)])",
             "nn.utils.rnn.pad_sequence([zeros(4, 3), zeros(2, 3)], batch_first=True)"],
)  # fmt: skip
def pad_sequence(
    ctx: Context, sequences: Value, batch_first: Value = False, padding_value: Value = 0.0,
    padding_side: Value = "right",
) -> Value:  # fmt: skip
    first = sequences.items[0] if isinstance(sequences, Seq) and sequences.items else None
    dims = ctx.dims(first) if isinstance(first, Tensor) else None
    if dims is None or not isinstance(first, Tensor) or not dims:
        return ctx.unknown("sequences are no known tensors")
    front: tuple[Size, Size] = (len(sequences.items), ctx.fresh("length", low=1))
    known = flag(ctx, batch_first)
    if known is None:
        front = (ctx.fresh("size"), ctx.fresh("size"))
    return ctx.tensor((*(front if known else front[::-1]), *dims[1:]), like=first)
