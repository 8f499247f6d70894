"""What names say about the values behind them: tables of patterns. Child only."""

from __future__ import annotations

import re
from typing import Any

#: name pattern -> value; the first that matches the whole name decides.
_NAMED: tuple[tuple[str, Any], ...] = (
    (r".*(kv_heads|kv_head|key_value_heads|n_kv).*", 2),
    (r".*(heads|nhead|n_head|num_head).*", 4),
    (r".*(head_dim|dim_head|d_head|d_k|d_v|head_size).*", 8),
    (r".*(n_groups|num_groups|groups|cardinality)", 2),
    (r".*(kernel|ksize|k_size|filter_size|window).*", 3),
    (r"(stride|dilation|padding|pad|reduction_ratio)s?", 1),
    (r".*(dropout|drop_rate|drop|p_drop|drop_prob|drop_path)(_(rate|prob|ratio|p))?", 0.1),
    (
        r"(.*_)?prob(a|ability)?|(p|rate|ratio|alpha|beta|gamma|momentum|temperature|tau|margin|slope|scale|sigma)",
        0.5,
    ),
    (r"(.*_)?(eps|epsilon)|.*(_std|init_value|init_scale|weight_decay)", 1e-3),
    (r"(lr|learning_rate|max_norm|clip|clip_grad|max_grad_norm)", 0.01),
    (r"(n_?|num_?|max_?)?(epochs?|steps?|iters?|iterations|n_iter|max_iter)", 2),
    (r".*(expansion|mlp_ratio|mult|multiplier|factor|expand|upscale|scale_factor)", 2),
    (r".*(num_layers|n_layers?|depth|num_blocks?|n_blocks?|nlayers?|num_levels|stages|layers)", 2),
    (r".*(experts|n_expert)", 4),
    (r"(n|num)_?(times?|timesteps|timepoints|time_steps)|window_samples", 1000),
    (r"(top_?k|k|n_new|n_extra|n_samples|num_samples)|.*(radius|degree|order|levels?)", 2),
    (
        (
            r".*(vocab|num_embeddings|n_symbols|ntoken|n_tokens|num_tokens|n_words|n_items|n_users"
            r"|num_items|num_users|num_nodes|n_nodes|n_entities|n_chars|n_vocab|input_vocab).*"
        ),
        61,
    ),
    (
        (
            r".*(max_len|max_length|seq_len|block_size|context|max_pos|max_position|sequence_length"
            r"|max_seq|n_ctx|length|num_frames|n_positions).*"
        ),
        20,
    ),
    (r".*(patch).*", 4),
    (r".*(img|image|resolution|input_res|crop).*size.*|resolution|img_dim|image_dim", 32),
    (r"(height|width_px|img_h|img_w|h|w)", 32),
    (r".*(in_chans|img_channels|image_channels|n_channels|num_channels|input_channels|nc)", 3),
    (
        (
            r".*(num_class|n_class|classes|num_labels|n_labels|n_tags|tagset|num_outputs|n_actions"
            r"|num_actions|action_dim|n_outputs|labels).*"
        ),
        11,
    ),
    (r".*(batch).*size.*|bsz|batch|n_batch", 5),
    (r"seed", 0),
    (r"(path|checkpoint|ckpt|weights_path|pretrained_path|file|filename|root|resume)", None),
)
NAMED = tuple((re.compile(pattern), value) for pattern, value in _NAMED)
WIDTH = re.compile(
    r".*(dim|feature|channel|chan|plane|hidden|size|width|units|embed|emb|inner|mid|filter"
    r"|latent|ch|_in|_out|in_|out_|n_in|n_out|d_|ngf|ndf|nz|nf|rank|num|inputs|outputs|n_).*|d|c|n|m|in|out"
)
LADDER = (16, 48, 64, 80, 96, 112, 40, 56, 72, 88, 104, 120, 144, 160, 176, 192)
#: What a body asks of a tensor, of a text, of a mapping.
OF_TENSORS = {*"size shape dim ndim view reshape permute transpose unsqueeze squeeze flatten".split()} | {
    *"numel contiguous detach clone unbind chunk is_cuda dtype device expand bool long sum abs softmax".split()
}
OF_TEXTS = {*"split startswith endswith lower upper strip format rpartition partition".split()}
OF_MODULES = {*"parameters named_parameters state_dict load_state_dict named_modules requires_grad_".split()}
#: Of an array, and of what a list or a number has as well.
OF_ARRAYS = {"astype"}
OF_LISTS = {*"append extend insert index count copy pop item tolist __len__ __class__ __name__ __iter__".split()}
OF_MAPPINGS = {"items", "keys", "values"}
CONFIG = re.compile(r".*(cfg|config|conf|hparams?|args|opts?|options|params|settings|hyper).*")
MODEL = re.compile(
    r".*(model|net|network|encoder|decoder|backbone|module|layer|block|body|head|fn)"
)
#: A size or a number of such: d_model, dim_block, n_act.
OF_MODEL = re.compile(r"(d|n|dim|num|size|width)_")
#: A function that says how good a model is.
SCORE = re.compile(r"(run_|do_)?(valid|val|eval|test|score|metric|accuracy).*")
CALLABLE = re.compile(r".*(act|activation|act_layer|act_fn|nonlinearity)")
NORM = re.compile(r".*norm(_layer|_cls|_type|_fn)?")
LIST = re.compile(
    r".*(sizes|dims|channels_list|widths|hiddens|units_list|hidden_layers|depths|field_dims"
    r"|strides|kernels|layer_sizes|filters|chans|kernel_sizes|skips|shape|hidden_units)"
)
