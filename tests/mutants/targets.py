"""Which sources are mutated, and models whose parts show how their classes are built and called.

A root is an expression for a model and one for its inputs. Every class of the library that takes
part in running it is taken with the very arguments it got; a class that no root contains is built
from made-up arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

_PICTURE = "torch.randn(2, 3, {0}, {0})"


@dataclass(frozen=True)
class Library:
    """Its distribution, the files to mutate (patterns below the package), the roots."""

    distribution: str
    files: tuple[str, ...]
    roots: tuple[tuple[str, str], ...] = ()


def _timm(*names: str, side: int = 64, more: str = "") -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"import_('timm').create_model({name!r}, num_classes=11{more})", _PICTURE.format(side))
        for name in names
    )


def _vision(*names: str, side: int = 64) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"import_('torchvision').models.{name}(num_classes=11)", _PICTURE.format(side))
        for name in names
    )


def _smp(*names: str) -> tuple[tuple[str, str], ...]:
    smp = "import_('segmentation_models_pytorch')"
    return tuple(
        (f"{smp}.{name}('resnet18', encoder_weights=None, classes=5)", _PICTURE.format(64))
        for name in names
    )


_X = "import_('x_transformers')"
_BERT = (
    "hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=80, "
    "vocab_size=61"
)


def _transformers(*names: str, sizes: str = _BERT, given: str = "") -> tuple[tuple[str, str], ...]:
    given = given or "torch.randint(0, 60, (2, 7))"
    it = "import_('transformers')"
    return tuple(
        (f"{it}.{name}Model({it}.{name}Config({sizes}))", given) for name in names
    )


LIBRARIES: dict[str, Library] = {
    "timm": Library(
        "timm",
        ("models/*.py", "layers/*.py"),
        (
            *_timm("resnet18", "ecaresnet26t", "convnext_atto", "efficientnet_b0", "regnety_002"),
            *_timm("densenet121", "dla34", "hrnet_w18_small", "res2net50_14w_8s", "dpn48b"),
            *_timm("ghostnet_050", "rexnet_100", "selecsls42", "xception41", "edgenext_xx_small"),
            *_timm("mobilevit_xxs", "poolformer_s12", "repvit_m0_9", "starnet_s1", "lambda_resnet26t"),
            *_timm("pvt_v2_b0", "efficientformer_l1", "levit_128s", "mixer_s32_224", side=224),
            *_timm("vit_tiny_patch16_224", "cait_xxs24_224", "swin_tiny_patch4_window7_224", side=224),
            *_timm("xcit_nano_12_p16_224", "coat_lite_tiny", "twins_svt_small", "visformer_tiny", side=224),
            *_timm("tnt_s_patch16_224", "volo_d1_224", "coatnet_nano_rw_224", "nest_tiny_jx", side=224),
            *_timm("focalnet_tiny_srf", "davit_tiny", "hiera_tiny_224", "eva02_tiny_patch14_224", side=224),
            *_timm("mvitv2_tiny", "sequencer2d_s", "efficientvit_b0", "halonet26t", side=256),
            *_timm("inception_v4", "inception_resnet_v2", side=299),
        ),
    ),
    "vit_pytorch": Library("vit-pytorch", ("*.py",)),
    "x_transformers": Library(
        "x-transformers",
        ("*.py",),
        (
            (
                f"{_X}.TransformerWrapper(num_tokens=61, max_seq_len=20, attn_layers="
                f"{_X}.Decoder(dim=48, depth=2, heads=4))",
                "torch.randint(0, 61, (2, 7))",
            ),
            (
                f"{_X}.TransformerWrapper(num_tokens=61, max_seq_len=20, attn_layers="
                f"{_X}.Encoder(dim=48, depth=2, heads=4, ff_glu=True, use_rmsnorm=True, "
                "rel_pos_bias=True, attn_qk_norm=True))",
                "torch.randint(0, 61, (2, 7))",
            ),
            (
                f"{_X}.ViTransformerWrapper(image_size=32, patch_size=8, num_classes=11, attn_layers="
                f"{_X}.Encoder(dim=48, depth=2, heads=4))",
                "torch.randn(2, 3, 32, 32)",
            ),
        ),
    ),
    "segmentation_models_pytorch": Library(
        "segmentation-models-pytorch",
        ("base/*.py", "decoders/**/*.py", "encoders/*.py"),
        _smp("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3Plus", "PAN", "UPerNet", "Segformer"),
    ),
    "torchvision": Library(
        "torchvision",
        ("models/*.py", "models/**/*.py", "ops/*.py"),
        (
            *_vision("resnet18", "alexnet", "vgg11", "squeezenet1_1", "densenet121", "mobilenet_v2"),
            *_vision("mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "efficientnet_b0"),
            *_vision("regnet_y_400mf", "convnext_tiny"),
            *_vision("vit_b_32", "swin_t", "swin_v2_t", "maxvit_t", side=224),
            *_vision("googlenet", "inception_v3", side=299),
        ),
    ),
    "diffusers": Library(
        "diffusers",
        ("models/*.py", "models/**/*.py"),
        (
            (
                "import_('diffusers').UNet2DModel(sample_size=16, block_out_channels=(32, 64), "
                "down_block_types=('DownBlock2D', 'AttnDownBlock2D'), "
                "up_block_types=('AttnUpBlock2D', 'UpBlock2D'))",
                "torch.randn(2, 3, 16, 16), 3",
            ),
            (
                "import_('diffusers').UNet2DConditionModel(sample_size=16, block_out_channels=(32, 64), "
                "down_block_types=('DownBlock2D', 'CrossAttnDownBlock2D'), "
                "up_block_types=('CrossAttnUpBlock2D', 'UpBlock2D'), cross_attention_dim=40)",
                "torch.randn(2, 4, 16, 16), 3, torch.randn(2, 7, 40)",
            ),
            ("import_('diffusers').AutoencoderKL(block_out_channels=(32,), norm_num_groups=8)", "torch.randn(2, 3, 16, 16)"),
            ("import_('diffusers').VQModel(block_out_channels=(32,), norm_num_groups=8)", "torch.randn(2, 3, 16, 16)"),
        ),
    ),
    "transformers": Library(
        "transformers",
        tuple(
            f"models/{name}/modeling_{name}.py"
            for name in (
                *("bert", "roberta", "electra", "distilbert", "albert", "gpt2", "llama", "mistral"),
                *("vit", "deit", "swin", "convnext", "resnet", "segformer", "mobilevit", "beit"),
                *("opt", "bloom", "gemma", "qwen2", "phi", "t5", "bart", "clip", "wav2vec2", "poolformer"),
            )
        ),
        (
            *_transformers("Bert", "Roberta", "Electra", "Albert"),
            *_transformers("Llama", "Mistral", "Gemma", "Qwen2", "Phi", sizes=_BERT + ", num_key_value_heads=2"),
            *_transformers("DistilBert", sizes="dim=48, n_layers=2, n_heads=4, hidden_dim=80, vocab_size=61"),
            *_transformers("GPT2", sizes="n_embd=48, n_layer=2, n_head=4, vocab_size=61"),
            *_transformers("Bloom", sizes="hidden_size=48, n_layer=2, n_head=4, vocab_size=61"),
            *_transformers("OPT", sizes=_BERT + ", ffn_dim=80, word_embed_proj_dim=48"),
            *_transformers("ViT", "DeiT", "Beit", sizes=_BERT + ", image_size=32, patch_size=8", given="torch.randn(2, 3, 32, 32)"),
            *_transformers("Swin", sizes="image_size=64, embed_dim=16, depths=[1, 1], num_heads=[2, 4], window_size=4", given="torch.randn(2, 3, 64, 64)"),
            *_transformers("ConvNext", sizes="hidden_sizes=[16, 24, 40, 48], depths=[1, 1, 1, 1]", given="torch.randn(2, 3, 64, 64)"),
            *_transformers("ResNet", sizes="embedding_size=16, hidden_sizes=[16, 24, 40, 48], depths=[1, 1, 1, 1]", given="torch.randn(2, 3, 64, 64)"),
            *_transformers("Segformer", sizes="hidden_sizes=[16, 32, 40, 48], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 2, 2]", given="torch.randn(2, 3, 64, 64)"),
            *_transformers("PoolFormer", sizes="hidden_sizes=[16, 32, 40, 48], depths=[1, 1, 1, 1]", given="torch.randn(2, 3, 64, 64)"),
        ),
    ),
}
