"""What torch names: layers, tensor methods, initialisers, optimizers. Data only.

Generated from torch 2.13 and checked against the installed torch by tests/test_facts_torch.py.
"""

from __future__ import annotations

#: Every Module class in torch.nn.
LAYERS = frozenset(
    """
    AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveLogSoftmaxWithLoss
    AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d AlphaDropout AvgPool1d AvgPool2d
    AvgPool3d BCELoss BCEWithLogitsLoss BatchNorm1d BatchNorm2d BatchNorm3d Bilinear CELU
    CTCLoss ChannelShuffle CircularPad1d CircularPad2d CircularPad3d ConstantPad1d
    ConstantPad2d ConstantPad3d Container Conv1d Conv2d Conv3d ConvTranspose1d
    ConvTranspose2d ConvTranspose3d CosineEmbeddingLoss CosineSimilarity CrossEntropyLoss
    CrossMapLRN2d DataParallel Dropout Dropout1d Dropout2d Dropout3d ELU Embedding
    EmbeddingBag FeatureAlphaDropout Flatten Fold FractionalMaxPool2d FractionalMaxPool3d
    GELU GLU GRU GRUCell GaussianNLLLoss GroupNorm Hardshrink Hardsigmoid Hardswish
    Hardtanh HingeEmbeddingLoss HuberLoss Identity InstanceNorm1d InstanceNorm2d
    InstanceNorm3d KLDivLoss L1Loss LPPool1d LPPool2d LPPool3d LSTM LSTMCell LayerNorm
    LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyConv1d LazyConv2d LazyConv3d
    LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d LazyInstanceNorm1d
    LazyInstanceNorm2d LazyInstanceNorm3d LazyLinear LeakyReLU Linear
    LinearCrossEntropyLoss LocalResponseNorm LogSigmoid LogSoftmax MSELoss
    MarginRankingLoss MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d
    Mish Module ModuleDict ModuleList MultiLabelMarginLoss MultiLabelSoftMarginLoss
    MultiMarginLoss MultiheadAttention NLLLoss NLLLoss2d PReLU PairwiseDistance
    ParameterDict ParameterList PixelShuffle PixelUnshuffle PoissonNLLLoss RMSNorm RNN
    RNNBase RNNCell RNNCellBase RReLU ReLU ReLU6 ReflectionPad1d ReflectionPad2d
    ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d SELU Sequential
    SiLU Sigmoid SmoothL1Loss SoftMarginLoss Softmax Softmax2d Softmin Softplus Softshrink
    Softsign SyncBatchNorm Tanh Tanhshrink Threshold Transformer TransformerDecoder
    TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer TripletMarginLoss
    TripletMarginWithDistanceLoss Unflatten Unfold Upsample UpsamplingBilinear2d
    UpsamplingNearest2d ZeroPad1d ZeroPad2d ZeroPad3d
    """.split()
)

#: Layers that own trainable parameters -> the names of their direct ones (some may be None).
LAYER_PARAMETERS: dict[str, tuple[str, ...]] = {
    "AdaptiveLogSoftmaxWithLoss": (),
    "BatchNorm1d": ("weight", "bias"),
    "BatchNorm2d": ("weight", "bias"),
    "BatchNorm3d": ("weight", "bias"),
    "Bilinear": ("weight", "bias"),
    "Conv1d": ("weight", "bias"),
    "Conv2d": ("weight", "bias"),
    "Conv3d": ("weight", "bias"),
    "ConvTranspose1d": ("weight", "bias"),
    "ConvTranspose2d": ("weight", "bias"),
    "ConvTranspose3d": ("weight", "bias"),
    "Embedding": ("weight",),
    "EmbeddingBag": ("weight",),
    "GRU": ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
    "GRUCell": ("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    "GroupNorm": ("weight", "bias"),
    "InstanceNorm1d": ("weight", "bias"),
    "InstanceNorm2d": ("weight", "bias"),
    "InstanceNorm3d": ("weight", "bias"),
    "LSTM": ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
    "LSTMCell": ("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    "LayerNorm": ("weight", "bias"),
    "LazyBatchNorm1d": ("weight", "bias"),
    "LazyBatchNorm2d": ("weight", "bias"),
    "LazyBatchNorm3d": ("weight", "bias"),
    "LazyConv1d": ("weight", "bias"),
    "LazyConv2d": ("weight", "bias"),
    "LazyConv3d": ("weight", "bias"),
    "LazyConvTranspose1d": ("weight", "bias"),
    "LazyConvTranspose2d": ("weight", "bias"),
    "LazyConvTranspose3d": ("weight", "bias"),
    "LazyInstanceNorm1d": ("weight", "bias"),
    "LazyInstanceNorm2d": ("weight", "bias"),
    "LazyInstanceNorm3d": ("weight", "bias"),
    "LazyLinear": ("weight", "bias"),
    "Linear": ("weight", "bias"),
    "LinearCrossEntropyLoss": (),
    "MultiheadAttention": (
        "in_proj_weight",
        "q_proj_weight",
        "k_proj_weight",
        "v_proj_weight",
        "in_proj_bias",
    ),
    "PReLU": ("weight",),
    "RMSNorm": ("weight",),
    "RNN": ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
    "RNNCell": ("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    "SyncBatchNorm": ("weight", "bias"),
    "Transformer": (),
    "TransformerDecoder": (),
    "TransformerDecoderLayer": (),
    "TransformerEncoder": (),
    "TransformerEncoderLayer": (),
}
LAZY_LAYERS = frozenset(name for name in LAYERS if name.startswith("Lazy"))
#: Layers with parameters of which a call gives one tensor.
TENSOR_LAYERS = frozenset(LAYER_PARAMETERS) - frozenset(
    "LSTM GRU RNN LSTMCell MultiheadAttention AdaptiveLogSoftmaxWithLoss".split()
) | frozenset(
    """
        ReLU ReLU6 LeakyReLU ELU SELU CELU GELU SiLU Mish Sigmoid Tanh Softplus Softsign Hardtanh
        Hardswish Hardsigmoid LogSigmoid Softmax LogSoftmax Softmax2d GLU AvgPool1d AvgPool2d
        AvgPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d Dropout Dropout1d Dropout2d
        Dropout3d AlphaDropout Flatten Unflatten Upsample PixelShuffle PixelUnshuffle ZeroPad1d
        ZeroPad2d ZeroPad3d ReflectionPad1d ReflectionPad2d ReplicationPad1d ReplicationPad2d
        ConstantPad1d ConstantPad2d
    """.split()
)
#: Layers with buffers -> their names.
LAYER_BUFFERS: dict[str, tuple[str, ...]] = {
    "BatchNorm1d": ("running_mean", "running_var", "num_batches_tracked"),
    "BatchNorm2d": ("running_mean", "running_var", "num_batches_tracked"),
    "BatchNorm3d": ("running_mean", "running_var", "num_batches_tracked"),
    "InstanceNorm1d": ("running_mean", "running_var", "num_batches_tracked"),
    "InstanceNorm2d": ("running_mean", "running_var", "num_batches_tracked"),
    "InstanceNorm3d": ("running_mean", "running_var", "num_batches_tracked"),
    "LazyBatchNorm1d": ("running_mean", "running_var", "num_batches_tracked"),
    "LazyBatchNorm2d": ("running_mean", "running_var", "num_batches_tracked"),
    "LazyBatchNorm3d": ("running_mean", "running_var", "num_batches_tracked"),
    "LazyInstanceNorm1d": ("running_mean", "running_var", "num_batches_tracked"),
    "LazyInstanceNorm2d": ("running_mean", "running_var", "num_batches_tracked"),
    "LazyInstanceNorm3d": ("running_mean", "running_var", "num_batches_tracked"),
    "LinearCrossEntropyLoss": ("weight",),
    "SyncBatchNorm": ("running_mean", "running_var", "num_batches_tracked"),
}
#: Tensor methods that write into the tensor itself.
IN_PLACE_METHODS = frozenset(
    """
    abs_ absolute_ acos_ acosh_ add_ addbmm_ addcdiv_ addcmul_ addmm_ addmv_ addr_ arccos_
    arccosh_ arcsin_ arcsinh_ arctan2_ arctan_ arctanh_ as_strided_ asin_ asinh_ atan2_
    atan_ atanh_ baddbmm_ bernoulli_ bitwise_and_ bitwise_left_shift_ bitwise_not_
    bitwise_or_ bitwise_right_shift_ bitwise_xor_ cauchy_ ceil_ clamp_ clamp_max_
    clamp_min_ clip_ conj_physical_ copy_ copysign_ cos_ cosh_ cumprod_ cumsum_ deg2rad_
    digamma_ div_ divide_ eq_ erf_ erfc_ erfinv_ exp2_ exp_ expm1_ exponential_ fill_
    fill_diagonal_ fix_ float_power_ floor_ floor_divide_ fmod_ frac_ gcd_ ge_ geometric_
    greater_ greater_equal_ gt_ heaviside_ hypot_ i0_ igamma_ igammac_ index_add_
    index_copy_ index_fill_ index_put_ index_reduce_ lcm_ ldexp_ le_ lerp_ less_
    less_equal_ lgamma_ log10_ log1p_ log2_ log_ log_normal_ logical_and_ logical_not_
    logical_or_ logical_xor_ logit_ lt_ masked_fill_ masked_scatter_ mul_ multiply_
    mvlgamma_ nan_to_num_ ne_ neg_ negative_ nextafter_ normal_ not_equal_ polygamma_ pow_
    put_ rad2deg_ random_ reciprocal_ relu_ remainder_ renorm_ round_ rsqrt_ scatter_
    scatter_add_ scatter_reduce_ sgn_ sigmoid_ sign_ sin_ sinc_ sinh_ sqrt_ square_
    squeeze_ sub_ subtract_ swapaxes_ swapdims_ t_ tan_ tanh_ transpose_ tril_ triu_
    true_divide_ trunc_ uniform_ unsqueeze_ xlogy_ zero_
    """.split()
)

#: Those of the following that return the tensor itself where it already is what they ask for.
MAY_GIVE_ITSELF = frozenset(
    "to float double half bfloat16 cpu cuda contiguous type type_as pin_memory "
    "positive resolve_conj resolve_neg".split()
)

#: Tensor methods that leave the tensor alone and return another tensor.
NEW_TENSOR_METHODS = frozenset(
    """
    abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr adjoint amax amin
    angle any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort
    argwhere as_strided as_strided_scatter asin asinh atan atan2 atanh baddbmm bernoulli
    bfloat16 bincount bitwise_and bitwise_left_shift bitwise_not bitwise_or
    bitwise_right_shift bitwise_xor bmm bool broadcast_to byte ccol_indices cdouble ceil
    cfloat chalf char cholesky cholesky_inverse cholesky_solve clamp clamp_max clamp_min
    clip clone coalesce col_indices conj conj_physical contiguous copysign corrcoef cos
    cosh count_nonzero cov cpu cross crow_indices cuda cumprod cumsum deg2rad dequantize
    det detach diag diag_embed diagflat diagonal diagonal_scatter diff digamma dist div
    divide dot double eq erf erfc erfinv exp exp2 expand expand_as expm1 fix flatten flip
    fliplr flipud float float_power floor floor_divide fmax fmin fmod frac gather gcd ge
    ger greater greater_equal gt half hardshrink heaviside histc hypot i0 igamma igammac
    index index_add index_copy index_fill index_put index_reduce index_select indices
    inner int int_repr inverse isclose isfinite isinf isnan isneginf isposinf isreal istft
    kron lcm ldexp le lerp less less_equal lgamma log log10 log1p log2 log_softmax
    logaddexp logaddexp2 logcumsumexp logdet logical_and logical_not logical_or
    logical_xor logit logsumexp long lt lu_solve masked_fill masked_scatter masked_select
    matmul matrix_exp matrix_power maximum mean minimum mm moveaxis movedim msort mtia mul
    multinomial multiply mv mvlgamma nan_to_num nanmean nanquantile nansum narrow
    narrow_copy ne neg negative new_empty new_empty_strided new_full new_ones new_tensor
    new_zeros nextafter nonzero nonzero_static norm not_equal orgqr ormqr outer permute
    pin_memory pinverse polygamma positive pow prelu prod put q_per_channel_scales
    q_per_channel_zero_points quantile rad2deg ravel reciprocal relu remainder renorm
    repeat repeat_interleave reshape reshape_as resolve_conj resolve_neg roll rot90 round
    row_indices rsqrt scatter scatter_add scatter_reduce select select_scatter sgn short
    sigmoid sign signbit sin sinc sinh slice_inverse slice_scatter smm softmax sparse_mask
    sqrt square squeeze sspaddmm std stft sub subtract sum sum_to_size swapaxes swapdims t
    take take_along_dim tan tanh tile to to_dense to_mkldnn to_padded_tensor to_sparse
    to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr trace transpose
    tril triu true_divide trunc type_as unflatten unfold unsqueeze values var vdot view
    view_as where xlogy xpu
    """.split()
)

#: What every Module has.
MODULE_ATTRIBUTES = frozenset(
    """
    T_destination __annotations__ __call__ __class__ __delattr__ __dict__ __dir__ __doc__
    __eq__ __format__ __ge__ __getattr__ __getattribute__ __getstate__ __gt__ __hash__
    __init__ __init_subclass__ __le__ __lt__ __module__ __ne__ __new__ __reduce__
    __reduce_ex__ __repr__ __setattr__ __setstate__ __sizeof__ __str__ __subclasshook__
    __weakref__ _apply _backward_hooks _backward_pre_hooks _buffers _call_impl
    _compiled_call_impl _forward_hooks _forward_hooks_always_called
    _forward_hooks_with_kwargs _forward_pre_hooks _forward_pre_hooks_with_kwargs
    _get_backward_hooks _get_backward_pre_hooks _get_name _is_full_backward_hook
    _load_from_state_dict _load_state_dict_post_hooks _load_state_dict_pre_hooks
    _maybe_warn_non_full_backward_hook _modules _named_members _non_persistent_buffers_set
    _parameters _register_load_state_dict_pre_hook _register_state_dict_hook
    _replicate_for_data_parallel _save_to_state_dict _slow_forward _state_dict_hooks
    _state_dict_pre_hooks _version _wrapped_call_impl add_module apply bfloat16 buffers
    call_super_init children compile cpu cuda double dump_patches eval extra_repr float
    forward get_buffer get_extra_state get_parameter get_submodule half ipu
    load_state_dict modules mtia named_buffers named_children named_modules
    named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type
    xpu zero_grad
    """.split()
)

#: torch.nn.init functions: they write into their first argument.
INITIALISERS = frozenset(
    """
    constant_ dirac_ eye_ kaiming_normal_ kaiming_uniform_ normal_ ones_ orthogonal_
    sparse_ trunc_normal_ uniform_ xavier_normal_ xavier_uniform_ zeros_
    """.split()
)

#: Classes in torch.optim that hold parameters.
OPTIMIZERS = frozenset(
    """
    ASGD Adadelta Adafactor Adagrad Adam AdamW Adamax LBFGS Muon NAdam RAdam RMSprop Rprop
    SGD SparseAdam
    """.split()
)

#: torch functions that make a new tensor -> how their shape is written.
#: "size": ``f(2, 3)`` or ``f((2, 3))`` or ``size=``; "data": from data; "like": as another
#: tensor; "range": 1-D from numbers; "square": ``eye(n, m)``.
CREATORS = {
    "torch.empty": "size",
    "torch.zeros": "size",
    "torch.ones": "size",
    "torch.rand": "size",
    "torch.randn": "size",
    "torch.full": "size",
    "torch.randint": "size",
    "torch.normal": "size",
    "torch.Tensor": "size",
    "torch.FloatTensor": "size",
    "torch.DoubleTensor": "size",
    "torch.HalfTensor": "size",
    "torch.BFloat16Tensor": "size",
    "torch.LongTensor": "size",
    "torch.IntTensor": "size",
    "torch.ShortTensor": "size",
    "torch.CharTensor": "size",
    "torch.ByteTensor": "size",
    "torch.BoolTensor": "size",
    "torch.cuda.FloatTensor": "size",
    "torch.cuda.LongTensor": "size",
    "torch.empty_strided": "size",
    "torch.tensor": "data",
    "torch.as_tensor": "data",
    "torch.from_numpy": "data",
    "torch.frombuffer": "data",
    "torch.empty_like": "like",
    "torch.zeros_like": "like",
    "torch.ones_like": "like",
    "torch.rand_like": "like",
    "torch.randn_like": "like",
    "torch.full_like": "like",
    "torch.randint_like": "like",
    "torch.arange": "range",
    "torch.range": "range",
    "torch.linspace": "range",
    "torch.logspace": "range",
    "torch.randperm": "range",
    "torch.eye": "square",
    "torch.hann_window": "range",
    "torch.hamming_window": "range",
}
#: Of these, the ones whose memory is whatever was there (Tensor types only without data).
UNWRITTEN = frozenset(
    f"torch.{name}"
    for name in """empty empty_like empty_strided Tensor FloatTensor DoubleTensor HalfTensor
    BFloat16Tensor LongTensor IntTensor ShortTensor CharTensor ByteTensor BoolTensor
    cuda.FloatTensor cuda.LongTensor""".split()
)
#: Tensor methods that make a new tensor of another size -> whether they write it.
NEW_METHODS = {
    "new_empty": False,
    "new_empty_strided": False,
    "new_zeros": True,
    "new_ones": True,
    "new_full": True,
    "new_tensor": True,
}
#: torch functions that return a tensor computed from their arguments (shape not told here).
COMPUTED = frozenset(
    """
    abs acos add addmm amax amin arange asin atan baddbmm bernoulli bmm broadcast_to cat
    ceil chain_matmul clamp clip clone complex concat concatenate cos cosh cross cumprod cumsum
    detach diag diag_embed diagonal diff div dot dstack einsum erf erfinv exp expand_copy
    flatten flip floor fmod gather ger hstack index_select inverse kron lerp log log10
    log1p log2 logsumexp masked_fill masked_select matmul mean moveaxis movedim mul
    multinomial mv nan_to_num narrow neg norm nonzero outer permute pow prod reciprocal relu
    repeat_interleave reshape roll rot90 round rsqrt scatter select sigmoid sign sin sinh
    softmax sqrt square squeeze stack std sub sum swapaxes t take tan tanh tensordot tile
    tril triu transpose true_divide trunc unflatten unsqueeze var view_as_complex view_as_real
    vstack where zeros_like
    """.split()
)
#: The same in the modules below torch: what gives one tensor, by its whole name.
COMPUTED_BELOW = frozenset(
    f"torch.{home}.{name}"
    for home, names in {
        "linalg": """
            cholesky cond cross det diagonal eigvals eigvalsh householder_product inv matmul
            matrix_exp matrix_norm matrix_power matrix_rank multi_dot norm pinv solve
            solve_triangular svdvals tensorinv tensorsolve vander vecdot vector_norm
        """,
        "fft": """
            fft fft2 fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft irfft2 irfftn
            rfft rfft2 rfftn
        """,
        "special": "digamma entr erf erfc expit gammaln i0 log_softmax logit softmax xlogy",
    }.items()
    for name in names.split()
)
#: Functions and methods that cut a tensor into a tuple of tensors.
PARTS = frozenset("chunk split tensor_split unbind".split())
#: Where ``inplace`` stands among the arguments of ``torch.nn.functional``.
INPLACE_ARGUMENT: dict[str, int] = {
    **dict.fromkeys("hardsigmoid hardswish mish relu relu6 selu silu".split(), 1),  # noqa: SIM905
    **dict.fromkeys("celu elu leaky_relu".split(), 2),  # noqa: SIM905
    **dict.fromkeys(
        """
        alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout hardtanh
        threshold
        """.split(),
        3,
    ),
    "rrelu": 4,
}
#: Tensor methods that return the tensor itself where nothing has to change.
SELF_IF_SAME = frozenset(
    "to cpu cuda float double half bfloat16 type type_as contiguous requires_grad_ data".split()
)
#: Tensor methods whose result shares memory with the tensor (where torch can).
VIEWS = frozenset(
    """
    view view_as reshape reshape_as transpose permute t unsqueeze squeeze expand expand_as
    narrow select diagonal movedim moveaxis swapaxes swapdims unfold unflatten flatten ravel
    detach real imag as_strided broadcast_to chunk split
    """.split()
)
#: Methods of a Module that return the module itself.
MODULE_RETURNS_SELF = frozenset(
    """
    to cuda cpu ipu xpu float double half bfloat16 type eval train requires_grad_ apply
    to_empty share_memory
    """.split()
)
#: Bases outside torch that are Modules, by qualified name after ``names.canonical``.
MODULE_BASES = frozenset(
    """
    lightning.LightningModule lightning.pytorch.LightningModule
    lightning.pytorch.core.LightningModule lightning.pytorch.core.lightning.LightningModule
    lightning.pytorch.core.module.LightningModule lightning.fabric.wrappers._FabricModule
    transformers.PreTrainedModel transformers.modeling_utils.PreTrainedModel
    diffusers.ModelMixin diffusers.models.ModelMixin diffusers.models.modeling_utils.ModelMixin
    torch.jit.ScriptModule torch_geometric.nn.MessagePassing torch_geometric.nn.conv.MessagePassing
    torchmetrics.Metric mmcv.runner.BaseModule mmengine.model.BaseModule mmengine.model.BaseModel
    timm.layers.ClassifierHead sentence_transformers.SentenceTransformer
    gpytorch.Module gpytorch.models.ExactGP gpytorch.kernels.Kernel
    botorch.models.model.Model pyro.nn.PyroModule pyro.nn.module.PyroModule
    stable_baselines3.common.torch_layers.BaseFeaturesExtractor
    stable_baselines3.common.policies.ActorCriticPolicy
    ray.rllib.models.torch.torch_modelv2.TorchModelV2
    """.split()
)
#: Bases that add no attributes of their own and decide nothing.
NEUTRAL_BASES = frozenset(
    """
    builtins.object abc.ABC typing.Generic typing.Protocol typing_extensions.Generic
    typing_extensions.Protocol torch.nn.modules.lazy.LazyModuleMixin torch.nn.LazyModuleMixin
    huggingface_hub.PyTorchModelHubMixin huggingface_hub.ModelHubMixin
    huggingface_hub.hub_mixin.PyTorchModelHubMixin huggingface_hub.hub_mixin.ModelHubMixin
    """.split()
)
