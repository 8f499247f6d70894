"""Shapes that do not fit, as in released libraries; see ``mistakes``."""

from __future__ import annotations

import pytest
import torch
from mistakes import checked


def test_one_row_of_a_joint_weight_instead_of_the_rest() -> None:
    names = checked(
        """
        class Attention(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.dim = dim
                self.joint = nn.Conv2d(dim, 1 + 2 * dim, 1)

            def forward(self, x):
                value = F.conv2d(x, weight=self.joint.weight[self.dim + 1])  # want LP408
                return value
        """
    )
    with pytest.raises(RuntimeError, match="expected stride"):
        names["Attention"](4)(torch.randn(2, 4, 8, 8))


def test_heads_in_a_dimension_of_their_own_before_bmm() -> None:
    names = checked(
        """
        class Attention(nn.Module):
            def __init__(self, dim, heads):
                super().__init__()
                self.heads = heads
                self.qkv = nn.Linear(dim, 3 * dim)

            def forward(self, x):
                n, length, width = x.shape
                q, k, v = self.qkv(x).chunk(3, dim=-1)
                q = q.reshape(n, length, self.heads, -1).transpose(1, 2)
                k = k.reshape(n, length, self.heads, -1).transpose(1, 2)
                return torch.bmm(q, k.transpose(-1, -2))  # want LP408
        """
    )
    with pytest.raises(RuntimeError, match="3D tensor"):
        names["Attention"](8, 2)(torch.randn(2, 5, 8))


def test_the_operation_of_the_sister_class() -> None:
    names = checked(
        """
        class Conv(nn.Module):
            def __init__(self, channels, side):
                super().__init__()
                self.weight = nn.Parameter(torch.randn(channels, channels, side, side))

            def forward(self, x):
                return F.conv1d(x, self.weight)  # want LP408
        """
    )
    for shape in ((2, 4, 8), (2, 4, 8, 8)):
        with pytest.raises(RuntimeError):
            names["Conv"](4, 3)(torch.randn(*shape))


def test_maps_of_a_video_in_the_pattern_of_a_picture() -> None:
    names = checked(
        """
        from einops import rearrange

        def conv(dim, out, kernel, **kwargs):
            return nn.Conv3d(dim, out, (1, kernel, kernel), **kwargs)

        class Attention(nn.Module):
            def __init__(self, dim, heads, width):
                super().__init__()
                self.heads = heads
                self.to_q = nn.Sequential(nn.SiLU(), conv(dim, heads * width, 1, bias=False))

            def forward(self, x):
                q = self.to_q(x)
                return rearrange(q, "b (h c) x y -> (b h) (x y) c", h=self.heads)  # want LP405
        """
    )
    from einops import EinopsError

    with pytest.raises(EinopsError, match="expected 4 dims"):
        names["Attention"](4, 2, 3)(torch.randn(2, 4, 3, 5, 5))


def test_a_head_that_returns_its_paths_too() -> None:
    names = checked(
        """
        class Head(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.fc = nn.Linear(dim, dim)

            def forward(self, x, return_paths=True):
                path = self.fc(x)
                return (path.sum(-1), path) if return_paths else path.sum(-1)

        class Depth(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.head = Head(dim)

            def forward(self, x):
                depth = self.head(x)
                return F.relu(depth)  # want LP404
        """
    )
    with pytest.raises(TypeError, match="must be Tensor, not tuple"):
        names["Depth"](3)(torch.randn(2, 3))


def test_blocks_that_widen_in_a_net_that_does_not_count_it() -> None:
    names = checked(
        """
        class Bottleneck(nn.Module):
            def __init__(self, channels, planes, expansion=4):
                super().__init__()
                self.conv1 = nn.Conv2d(channels, planes, 1)
                self.conv2 = nn.Conv2d(planes, expansion * planes, 1)

            def forward(self, x):
                return self.conv2(self.conv1(x))

        class Net(nn.Module):
            def __init__(self, depths, expansion=1):
                super().__init__()
                self.channels, self.expansion = 64, expansion
                self.stem = nn.Conv2d(3, 64, 1)
                self.layer1 = self.made(64, depths[0])

            def made(self, planes, depth):
                blocks = []
                for _ in range(depth):
                    blocks.append(Bottleneck(self.channels, planes))  # want LP402
                    self.channels = planes * self.expansion
                return nn.Sequential(*blocks)

            def forward(self, x):
                return self.layer1(self.stem(x))

        def backbone():
            return Net([3, 4])
        """
    )
    with pytest.raises(RuntimeError, match="to have 64 channels, but got 256"):
        names["backbone"]()(torch.randn(1, 3, 4, 4))


def test_an_example_that_its_model_outgrew() -> None:
    body = """
        class Voice(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.embedding = nn.Embedding(9, width)

            def forward(self, latent, text):
                condition = latent.unsqueeze(1)
                return torch.cat([condition, self.embedding(text)], dim=1)  # want LP410

        def example():
            return Voice(8)(torch.randn(2, 3, 8, 5), torch.randint(0, 9, (2, 4)))
        """
    names = checked(body)
    with pytest.raises(RuntimeError, match="same number of dimensions"):
        names["example"]()


def test_heads_of_a_width_of_their_own_merged_to_another() -> None:
    names = checked(
        """
        class Attention(nn.Module):
            def __init__(self, dim, heads=8, head_dim: int | None = None):
                super().__init__()
                each = dim // heads
                if head_dim is not None:
                    each = head_dim
                self.heads = heads
                self.qkv = nn.Linear(dim, 3 * each * heads)
                self.out = nn.Linear(each * heads, dim)

            def forward(self, x):
                b, n, c = x.shape
                q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
                x = F.scaled_dot_product_attention(q, k, v)
                x = x.transpose(1, 2).reshape(b, n, c)  # want LP413
                return self.out(x)

        class Block(nn.Module):
            def __init__(self, dim, heads, head_dim):
                super().__init__()
                self.attention = Attention(dim, heads, head_dim)

            def forward(self, x):
                return x + self.attention(x)
        """
    )
    with pytest.raises(RuntimeError, match="invalid for input of size 120"):
        names["Block"](16, 4, 3)(torch.randn(2, 5, 16))
    assert names["Block"](16, 4, 4)(torch.randn(2, 5, 16)).shape == (2, 5, 16)


def test_an_auxiliary_head_beside_features_that_no_head_has_read() -> None:
    names = checked(
        """
        class Tokens(nn.Module):
            def __init__(self, dim=8, classes=5):
                super().__init__()
                self.embed = nn.Conv2d(3, dim, 2, 2)
                self.head = nn.Linear(dim, classes)
                self.beside = nn.Linear(dim, classes)

            def forward(self, x):
                x = self.embed(x).flatten(2).transpose(1, 2)
                return self.head(x[:, 0]) + 0.5 * self.beside(x[:, 1:]).max(1)[0]

            def mixed(self, x):
                x = self.embed(x).flatten(2).transpose(1, 2)
                x_beside = self.beside(x[:, 1:])
                if not self.training:
                    return x[:, 0] + 0.5 * x_beside.max(1)[0]  # want LP409
                return x[:, 0], x_beside

        def made(pretrained=False, **settings):
            return Tokens(dim=6, classes=4, **settings)
        """
    )
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        names["made"]().eval().mixed(torch.randn(2, 3, 4, 4))
