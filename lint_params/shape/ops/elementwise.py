"""Elementwise functions and methods: of one tensor, of two with broadcasting, of three."""

from __future__ import annotations

from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import not_a_tensor, number_kind, promote
from lint_params.shape.ops.broadcast import broadcast, stays
from lint_params.shape.value import Tensor, Value


def _words(text: str) -> list[str]:
    return text.split()


# Of one tensor: the dtype stays ...
SAME = _words("""abs absolute neg negative positive square sign ceil floor round trunc fix relu
    nan_to_num conj resolve_conj resolve_neg celu selu hardshrink threshold""")
# ... becomes float where it was an integer ...
FLOAT = _words("""exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan arcsin arccos arctan
    sinh cosh tanh asinh acosh atanh arcsinh arccosh arctanh sinc sqrt rsqrt reciprocal sigmoid
    erf erfc erfinv lgamma digamma i0 logit deg2rad rad2deg frac""")
# ... or becomes bool.
TRUTH = _words("isnan isinf isfinite isreal isposinf isneginf logical_not signbit")
NO_METHOD = {"celu", "selu", "threshold"}
NO_TWIN = {"positive", "conj", "resolve_conj", "resolve_neg", "isnan", "isinf", "isfinite", "isreal",
           "isposinf", "isneginf", "signbit", "hardshrink"}  # fmt: skip
ONLY_METHOD_TWIN = {"absolute", "sign", "erfinv", "lgamma", "digamma", "logical_not"}

# Of two tensors.
ARITHMETIC = _words("""add sub subtract mul multiply div divide true_divide floor_divide fmod remainder
    maximum minimum fmax fmin atan2 arctan2 hypot copysign nextafter logaddexp logaddexp2 heaviside
    xlogy float_power""")
BITS = _words("""bitwise_and bitwise_or bitwise_xor gcd lcm bitwise_left_shift
    bitwise_right_shift""")
COMPARE = _words("""eq ne lt le gt ge not_equal less less_equal greater greater_equal logical_and
    logical_or logical_xor isclose""")
QUOTIENT = {"div", "divide", "true_divide", "atan2", "arctan2", "xlogy", "float_power"}
STRICT = {"add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide"}
NO_BINARY_TWIN = {
    "float_power",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "logaddexp",
    "logaddexp2",
    "isclose",
}


def _unary(
    dtype: Callable[[str | None], str | None], inplace: bool = False
) -> Callable[..., Value]:
    def call(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
        if not isinstance(input, Tensor):
            return not_a_tensor(ctx, input)
        if inplace:
            return input
        kind = dtype(input.dtype)
        out = ctx.same_shape(input)
        out.dtype = kind
        return out

    return call


def _binary(
    dtype: Callable[[str | None], str | None], inplace: bool = False
) -> Callable[..., Value]:
    def call(ctx: Context, input: Value, other: Value, *args: Value, **kwargs: Value) -> Value:
        if inplace:
            return written(ctx, input, other)
        out = broadcast(ctx, input, other)
        if isinstance(out, Tensor):
            out.dtype = dtype(out.dtype)
        return out

    return call


def written(ctx: Context, input: Value, other: Value) -> Value:
    """``input op= other`` for a tensor: the result is the tensor itself, in its own shape."""
    if not isinstance(input, Tensor):
        return not_a_tensor(ctx, input)
    stays(ctx, input, other)
    return input


def _keep(kind: str | None) -> str | None:
    return kind


def _float(kind: str | None) -> str | None:
    return promote(kind, "float")


def _bool(kind: str | None) -> str | None:
    return "bool"


def _register() -> None:
    for names, dtype in ((SAME, _keep), (FLOAT, _float), (TRUTH, _bool)):
        for name in names:
            args = "0.1, 1.0" if name == "threshold" else ""
            accepts = [f"torch.{name}(zeros(2, 3){', ' if args else ''}{args})"]
            full = [f"torch.{name}"]
            if name not in NO_METHOD:
                full.append(f"Tensor.{name}")
                accepts.append(f"zeros(4).{name}()")
            function(*full, accepts=accepts)(_unary(dtype))
            if name not in NO_TWIN:
                twins = [f"Tensor.{name}_"] if name not in NO_METHOD else []
                twins += [f"torch.{name}_"] if name not in ONLY_METHOD_TWIN else []
                function(*twins)(_unary(dtype, inplace=True))
    for names, dtype, make in (
        (ARITHMETIC, _keep, "zeros"),
        (BITS, _keep, "ints"),
        (COMPARE, _bool, "zeros"),
    ):
        for name in names:
            function(
                f"torch.{name}",
                f"Tensor.{name}",
                accepts=[
                    f"torch.{name}({make}(2, 3), {make}(2, 3))",
                    f"torch.{name}({make}(2, 1, 3), {make}(4, 1))",
                    f"{make}(3).{name}({make}(2, 1))",
                ],
                rejects=[
                    f"torch.{name}({make}(2, 3), {make}(2, 4))",
                    f"{make}(5, 2, 3).{name}({make}(3, 3))",
                ],
            )(_binary(_float if name in QUOTIENT else dtype))
            if name not in NO_BINARY_TWIN:
                function(
                    f"Tensor.{name}_",
                    accepts=[
                        f"{make}(2, 3).{name}_({make}(3))",
                        f"{make}(2, 3).{name}_({make}(1, 1))",
                    ],
                    rejects=[
                        f"{make}(2, 3).{name}_({make}(2))",
                        # The meta device resizes most of the others instead of refusing.
                        *(f"zeros(1, 3).{name}_(zeros(2, 3))" for _ in "1" if name in STRICT),
                        *(f"zeros(3).{name}_(zeros(1, 3))" for _ in "1" if name in STRICT),
                    ],
                )(_binary(dtype, inplace=True))


_register()


@function("torch.conj_physical", "torch.bitwise_not", "Tensor.bitwise_not", "Tensor.bitwise_not_",
          accepts=["torch.bitwise_not(ints(2, 3))", "ints(2).bitwise_not()"])  # fmt: skip
def bitwise_not(ctx: Context, input: Value) -> Value:
    return ctx.same_shape(input) if isinstance(input, Tensor) else not_a_tensor(ctx, input)


@function("torch.pow", "Tensor.pow",
          accepts=["torch.pow(zeros(2, 3), 2)", "zeros(2, 1).pow(zeros(3))", "torch.pow(10.0, zeros(3))"],
          rejects=["torch.pow(zeros(2, 3), zeros(2))"])  # fmt: skip
def pow(ctx: Context, input: Value, exponent: Value, *, out: Value = None) -> Value:
    return broadcast(ctx, input, exponent)


@function("Tensor.pow_", accepts=["zeros(2, 3).pow_(2)"], rejects=["zeros(2, 3).pow_(zeros(2))"])
def pow_(ctx: Context, input: Value, exponent: Value) -> Value:
    return written(ctx, input, exponent)


@function("torch.clamp", "torch.clip", "Tensor.clamp", "Tensor.clip",
          accepts=["torch.clamp(zeros(2, 3), 0, 1)", "zeros(2, 3).clamp(min=zeros(3))",
                   "zeros(3).clip(max=zeros(2, 1))"],
          rejects=["zeros(2, 3).clamp(min=zeros(4))"])  # fmt: skip
def clamp(
    ctx: Context, input: Value, min: Value = None, max: Value = None, *, out: Value = None
) -> Value:
    result = input
    for bound in (min, max):
        if isinstance(bound, Tensor):
            result = broadcast(ctx, result, bound)
    return ctx.same_shape(input) if result is input and isinstance(input, Tensor) else result


@function("Tensor.clamp_", "Tensor.clip_", "torch.clamp_",
          accepts=["zeros(2, 3).clamp_(0, 1)"], rejects=["zeros(2, 3).clamp_(min=zeros(2))"])  # fmt: skip
def clamp_(ctx: Context, input: Value, min: Value = None, max: Value = None) -> Value:
    for bound in (min, max):
        written(ctx, input, bound)
    return input


@function("torch.clamp_min", "torch.clamp_max", "Tensor.clamp_min", "Tensor.clamp_max",
          accepts=["zeros(2, 3).clamp_min(0.5)", "torch.clamp_max(zeros(2, 3), 1)"])  # fmt: skip
def clamp_min(ctx: Context, input: Value, bound: Value = None, **kwargs: Value) -> Value:
    return broadcast(ctx, input, bound) if isinstance(bound, Tensor) else _unary(_keep)(ctx, input)


@function("Tensor.clamp_min_", "Tensor.clamp_max_", accepts=["zeros(2, 3).clamp_min_(0.5)"])
def clamp_min_(ctx: Context, input: Value, bound: Value = None, **kwargs: Value) -> Value:
    return written(ctx, input, bound)


@function("torch.where", "Tensor.where",
          accepts=["torch.where(zeros(2, 3) > 0, zeros(2, 3), zeros(3))", "torch.where(zeros(2, 1) > 0, 0.0, zeros(3))"],
          rejects=["torch.where(zeros(2, 3) > 0, zeros(2, 3), zeros(4))",
                   "torch.where(zeros(2, 3) > 0, zeros(2, 2), 1.0)"])  # fmt: skip
def where(
    ctx: Context, condition: Value, input: Value = None, other: Value = None, **kwargs: Value
) -> Value:
    if input is None and other is None:
        return ctx.unknown("torch.where of one argument")
    return broadcast(ctx, broadcast(ctx, condition, input), other, dtype=_branches(input, other))


@function("Tensor.where", accepts=["zeros(2, 3).where(zeros(3) > 0, 0.0)"],
          rejects=["zeros(2, 3).where(zeros(2) > 0, 0.0)"])  # fmt: skip
def tensor_where(ctx: Context, input: Value, condition: Value, other: Value) -> Value:
    return broadcast(ctx, broadcast(ctx, condition, input), other, dtype=_branches(input, other))


def _branches(input: Value, other: Value) -> str | None:
    return promote(number_kind(input), number_kind(other))


@function("torch.lerp", "Tensor.lerp",
          accepts=["torch.lerp(zeros(2, 3), zeros(2, 3), 0.5)", "zeros(2, 3).lerp(zeros(3), zeros(2, 1))"],
          rejects=["torch.lerp(zeros(2, 3), zeros(2, 4), 0.5)"])  # fmt: skip
def lerp(ctx: Context, input: Value, end: Value, weight: Value, *, out: Value = None) -> Value:
    return broadcast(ctx, broadcast(ctx, input, end), weight)


@function("Tensor.lerp_", accepts=["zeros(2, 3).lerp_(zeros(3), 0.5)"],
          rejects=["zeros(3).lerp_(zeros(2, 3), 0.5)"])  # fmt: skip
def lerp_(ctx: Context, input: Value, end: Value, weight: Value) -> Value:
    written(ctx, input, end)
    return written(ctx, input, weight)


@function("torch.addcmul", "torch.addcdiv", "Tensor.addcmul", "Tensor.addcdiv",
          accepts=["torch.addcmul(zeros(2, 3), zeros(2, 1), zeros(3), value=0.1)", "zeros(3).addcdiv(zeros(3), zeros(3))"],
          rejects=["torch.addcmul(zeros(2, 3), zeros(2, 3), zeros(2, 4))"])  # fmt: skip
def addcmul(
    ctx: Context,
    input: Value,
    tensor1: Value,
    tensor2: Value,
    *,
    value: Value = 1,
    out: Value = None,
) -> Value:
    return broadcast(ctx, input, broadcast(ctx, tensor1, tensor2))


@function("Tensor.addcmul_", "Tensor.addcdiv_",
          accepts=["zeros(2, 3).addcmul_(zeros(2, 1), zeros(3), value=0.1)"],
          rejects=["zeros(3).addcdiv_(zeros(2, 3), zeros(3))"])  # fmt: skip
def addcmul_(
    ctx: Context, input: Value, tensor1: Value, tensor2: Value, *, value: Value = 1
) -> Value:
    return written(ctx, input, broadcast(ctx, tensor1, tensor2))


@function("Tensor.copy_", accepts=["zeros(2, 3).copy_(zeros(3))", "zeros(2, 3).copy_(zeros(2, 3))"],
          rejects=["zeros(2, 3).copy_(zeros(3, 2))", "zeros(3).copy_(zeros(1, 4))"])  # fmt: skip
def copy_(ctx: Context, input: Value, src: Value, non_blocking: Value = False) -> Value:
    return written(ctx, input, src)


@function("Tensor.fill_", "Tensor.zero_", "Tensor.normal_", "Tensor.uniform_", "Tensor.bernoulli_",
          "Tensor.exponential_", "Tensor.random_", "Tensor.log_normal_", "Tensor.cauchy_",
          "Tensor.geometric_", "Tensor.requires_grad_", "Tensor.retain_grad", "Tensor.share_memory_",
          "Tensor.detach_", "Tensor.fill_diagonal_",
          accepts=["zeros(2, 3).fill_(1.0)"])  # fmt: skip
def filled(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    return input


@function("torch.polygamma", "torch.mvlgamma", accepts=["torch.mvlgamma(zeros(2, 3) + 9.0, 1)"])
def leading_number(ctx: Context, input: Value, other: Value) -> Value:
    return _unary(_float)(ctx, input if isinstance(input, Tensor) else other)


@function("torch.view_as_complex", accepts=["torch.view_as_complex(zeros(2, 3, 2))"],
          rejects=["torch.view_as_complex(zeros(2, 3))"])  # fmt: skip
def view_as_complex(ctx: Context, input: Value) -> Value:
    if not isinstance(input, Tensor):
        return not_a_tensor(ctx, input)
    last = ctx.last(input, 1)
    if last is None:
        return ctx.unknown("a scalar input")
    ctx.need("view-size-mismatch", 2, last[0],
             "{name} needs a last size of {expected} but gets {got}{source}", tensor=input)  # fmt: skip
    out = ctx.replace_last(input, 1, ())
    out.dtype = "complex"
    return out


@function("torch.view_as_real", accepts=["torch.view_as_real(torch.view_as_complex(zeros(3, 2)))"])
def view_as_real(ctx: Context, input: Value) -> Value:
    if not isinstance(input, Tensor):
        return not_a_tensor(ctx, input)
    return ctx.tensor((*input.shape.dims, 2), lead=input.shape, dtype="float")


@function("torch.polar", "torch.complex", accepts=["torch.polar(zeros(2, 3), zeros(3))"],
          rejects=["torch.complex(zeros(2, 3), zeros(2))"])  # fmt: skip
def polar(ctx: Context, abs: Value, angle: Value, *, out: Value = None) -> Value:
    return broadcast(ctx, abs, angle, dtype="complex")


@function(
    "torch.real",
    "torch.imag",
    "torch.angle",
    "Tensor.angle",
    accepts=["torch.real(zeros(2))", "torch.angle(zeros(2))"],
)
def real(ctx: Context, input: Value) -> Value:
    return _unary(lambda kind: "float")(ctx, input)


@function("Tensor.type_as", accepts=["zeros(2).type_as(ints(3))"])
def type_as(ctx: Context, input: Value, other: Value) -> Value:
    return _unary(lambda kind: number_kind(other))(ctx, input)
