"""Datasets and their loaders: what is behind the first dimension of a batch is that of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lint_params.shape.evaluate.iterate import known_items
from lint_params.shape.evaluate.objects import get_attr
from lint_params.shape.ops.arguments import number_kind
from lint_params.shape.python import external
from lint_params.shape.sizes.dim import Poly, Size
from lint_params.shape.value import Alike, Dict, Function, Instance, Ratio, Seq, Tensor, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

_UNKNOWN = Unknown("samples of another kind")
_ARGUMENTS = ("dataset", "batch_size", "shuffle", "sampler", "batch_sampler", "num_workers", "collate_fn")


@external("torch.utils.data.TensorDataset")
def _tensor_dataset(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """(x[i], y[i])"""
    rows: list[Value] = []
    for x in args:
        if not isinstance(x, Tensor) or x.shape.lead or not x.shape.dims:
            return _UNKNOWN
        rows.append(it.ctx.tensor(x.shape.dims[1:], like=x, text="a sample"))
    return Alike("samples", lambda i: Seq(list(rows), "tuple"), it.ctx.fresh("samples", "pieces", 1))


@external("torch.utils.data.random_split")
def _split(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """As many parts as there are lengths, with samples of the same kind. A dataset of the project's
    own is left out: whoever changes a part's ``dataset`` changes it."""
    given = {**dict(zip(("dataset", "lengths"), args)), **kwargs}
    lengths, dataset = given.get("lengths"), given.get("dataset", _UNKNOWN)
    items = known_items(it, lengths) if isinstance(lengths, Seq) else None
    if items is None:
        return _UNKNOWN
    return Seq([_part(it, dataset) for _ in items], "list")


@external("torch.utils.data.Subset")
def _subset(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Some of the samples."""
    return _part(it, args[0] if args else kwargs.get("dataset", _UNKNOWN))


def _part(it: Interpreter, dataset: Value) -> Value:
    """Samples of the same kind, no one knows how many."""
    if not isinstance(dataset, Alike):
        return _UNKNOWN
    return Alike(dataset.name, dataset.element, it.ctx.fresh("samples", "pieces", 1))


@external("torch.utils.data.DataLoader")
def _loader(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Samples of one kind in batches, the last of which may be shorter. The first, which is as true
    a batch, has more than one sample where batches do."""
    given = {**dict(zip(_ARGUMENTS, args)), **kwargs}
    size = given.get("batch_size", 1)
    if size is None or len(args) > len(_ARGUMENTS) or None in kwargs:
        return Unknown("a loader of another kind")
    if given.get("collate_fn") is not None or given.get("batch_sampler") is not None:
        return Unknown("a loader of another kind")
    sample = _sample(it, given.get("dataset"))
    whole = given.get("drop_last") is True and isinstance(size, (int, Poly))
    batch = it.ctx.size(size) if whole else None
    least = 2 if isinstance(size, int) and size > 1 else 1

    def element(i: int) -> Value:
        return _collated(it, sample, it.ctx.fresh("batch", "input", least) if batch is None else batch)

    return Alike("batches", element, it.ctx.fresh("batches", "pieces", 1))


def _sample(it: Interpreter, dataset: Value) -> Value:
    """One item of a dataset."""
    if isinstance(dataset, Alike):
        return dataset.element(0)
    if isinstance(dataset, Instance):
        item = get_attr(it, dataset, "__getitem__")
        if isinstance(item, Function):
            return it.call(item, [it.ctx.fresh("index", "input", 0)], {}, it.ctx.node, "dataset[index]")
    return _UNKNOWN


def _collated(it: Interpreter, sample: Value, batch: Size) -> Value:
    """What ``default_collate`` makes of samples of one kind."""
    if isinstance(sample, Tensor):
        dims = sample.shape.dims if sample.shape.lead else (batch, *sample.shape.dims)  # it goes before the others
        return it.ctx.tensor(dims, lead=sample.shape.lead, like=sample, text="a batch")
    if isinstance(sample, (int, float, Poly, Ratio)):
        return it.ctx.tensor((batch,), dtype="int" if isinstance(sample, bool) else number_kind(sample))
    if isinstance(sample, Seq) and not any(isinstance(item, str) for item in sample.items):
        return Seq([_collated(it, item, batch) for item in sample.items], "list")
    if isinstance(sample, Dict) and not sample.open:
        return Dict({key: _collated(it, item, batch) for key, item in sample.items.items()})
    return _UNKNOWN


@external("tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.notebook.tqdm", "tqdm.std.tqdm", "tqdm.rich.tqdm")
def _told(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """The same items, with a bar that tells how far one is."""
    return args[0] if args else kwargs.get("iterable", Unknown("a bar without items"))
