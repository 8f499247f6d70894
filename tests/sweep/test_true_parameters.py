"""Parameters that do not learn, calls that fail or do nothing, as in released libraries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from mistakes import checked


@contextmanager
def nan_in_new_memory() -> Iterator[None]:
    """Deterministic, torch writes NaN into memory that nobody writes."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def test_a_bias_filled_in_place() -> None:
    names = checked(
        """
        class Positions(nn.Module):
            def __init__(self, heads, dim, random=False):
                super().__init__()
                self.shift = nn.Parameter(torch.zeros(heads, dim))
                if random:
                    self.shift.uniform_(-1.0, 0.0)  # want LP205

            def forward(self, x):
                return x + self.shift
        """
    )
    names["Positions"](2, 3)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        names["Positions"](2, 3, random=True)


def test_freezing_a_module_by_an_attribute() -> None:
    names = checked(
        """
        class Adapted(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.trunk = nn.Linear(dim, dim)
                self.trunk.requires_grad = False  # want LP602
                self.down = nn.Linear(dim, 2)

            def forward(self, x):
                return self.down(self.trunk(x))
        """
    )
    model = names["Adapted"](4)
    model(torch.randn(2, 4)).sum().backward()
    assert model.trunk.weight.grad is not None


def test_a_misspelt_flag() -> None:
    names = checked(
        """
        class Slope(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.slope = nn.Parameter(torch.ones(dim))
                self.slope.requiresGrad = False  # want LP607

            def forward(self, x):
                return torch.sigmoid(self.slope * x)
        """
    )
    assert names["Slope"](3).slope.requires_grad


def test_dropout_whose_result_is_dropped() -> None:
    names = checked(
        """
        class Head(nn.Module):
            def __init__(self, dim, rate):
                super().__init__()
                self.rate = rate
                self.fc = nn.Linear(dim, 2)

            def forward(self, x):
                F.dropout(x, self.rate, training=self.training)  # want LP208
                return self.fc(x)
        """
    )
    model, x = names["Head"](4, 0.9).train(), torch.randn(2, 4)
    assert torch.equal(model(x), model(x))


def test_a_convolution_made_in_forward() -> None:
    names = checked(
        """
        class Mixer(nn.Module):
            def __init__(self, channels):
                super().__init__()
                self.channels = channels
                self.fc = nn.Linear(4, 4)

            def forward(self, x):
                return self.fc(self.coarse(x))

            def coarse(self, x):
                pool = nn.Conv1d(self.channels, self.channels, 3, stride=2)  # want LP307
                return pool(x)
        """
    )
    model, x = names["Mixer"](3), torch.randn(2, 3, 9)
    assert not torch.equal(model(x), model(x))


def test_a_method_that_was_left_behind() -> None:
    names = checked(
        """
        class Decoder(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.fc = nn.Linear(dim, dim)

            def forward(self, x, state=None):
                if state is not None:
                    x = x + self.read_state(state)  # want LP312
                return self.fc(x)
        """
    )
    names["Decoder"](3)(torch.randn(2, 3))
    with pytest.raises(AttributeError, match="read_state"):
        names["Decoder"](3)(torch.randn(2, 3), {})


def test_a_table_that_nothing_fills() -> None:
    names = checked(
        """
        class Text(nn.Module):
            def __init__(self, length, width):
                super().__init__()
                self.positions = nn.Parameter(torch.empty(length, width))  # want LP104
                self.fc = nn.Linear(width, width)

            def forward(self, x):
                return self.fc(x + self.positions)
        """
    )
    with nan_in_new_memory():
        model = names["Text"](3, 4)
    assert model.positions.isnan().all() and not model.fc.weight.isnan().any()


def test_a_beamformer_without_super() -> None:
    names = checked(
        """
        class Former(nn.Module):
            def forward(self, x):
                return x

        class Weighted(Former):
            def __init__(self, mu=1.0):  # want LP305
                self.mu = mu

            def forward(self, x):
                return super().forward(x) * self.mu
        """
    )
    with pytest.raises(AttributeError, match="_hooks"):
        names["Weighted"]()(torch.randn(2, 3))


def test_hidden_layers_that_are_one_layer() -> None:
    names = checked(
        """
        def made(dim, depth):
            layers = [nn.Linear(dim, dim), nn.ReLU()]
            layers += [nn.Linear(dim, dim), nn.ReLU()] * depth  # want LP308
            return nn.Sequential(*layers)
        """
    )
    assert len(list(names["made"](3, 5).parameters())) == 4


def test_embedders_in_a_list() -> None:
    names = checked(
        """
        class Embedder(nn.Module):
            def __init__(self, cardinalities, dim):
                super().__init__()
                self.embedders = [nn.Embedding(n, dim) for n in cardinalities]  # want LP303

            def forward(self, x):
                return torch.cat([e(x[:, i]) for i, e in enumerate(self.embedders)], dim=-1)
        """
    )
    assert list(names["Embedder"]((3, 4), 2).parameters()) == []


def test_a_parameter_list_that_gives_way_to_a_tensor() -> None:
    names = checked(
        """
        class Contraction(nn.Module):
            def __init__(self, n, internal=True, weights: torch.Tensor = None):
                super().__init__()
                self.weights = nn.ParameterList([])
                for _ in range(n):
                    self.weights.append(nn.Parameter(torch.randn(3)))
                if not internal:
                    self.weights = weights[:-1]  # want LP306

            def forward(self, x):
                return x * self.weights[0]
        """
    )
    names["Contraction"](2)(torch.randn(3))
    with pytest.raises(TypeError, match="cannot assign"):
        names["Contraction"](2, internal=False, weights=torch.randn(3, 3))


def test_a_scale_that_changes_its_type() -> None:
    names = checked(
        """
        class Quantizer(nn.Module):
            def __init__(self, n, dtype=torch.float32):
                super().__init__()
                self.scale = nn.Parameter(torch.ones(n)).to(dtype)  # want LP301

            def forward(self, x):
                return torch.round(x / self.scale) * self.scale
        """
    )
    assert list(names["Quantizer"](3, torch.float64).parameters()) == []


def test_a_bound_that_is_computed_and_dropped() -> None:
    names = checked(
        """
        class Similarity(nn.Module):
            def __init__(self, start=10.0):
                super().__init__()
                self.w = nn.Parameter(torch.tensor(start))

            def forward(self, x):
                torch.clamp(self.w, 1e-6)  # want LP208
                return self.w * x
        """
    )
    model = names["Similarity"](-2.0)
    assert model(torch.ones(1)) < 0 and model.w < 0


def test_a_sequential_of_a_list() -> None:
    names = checked(
        """
        def upsample(channels, out, smooth=False):
            if smooth:
                layers = [nn.Upsample(scale_factor=2), nn.Conv2d(channels, out, 3, 1, 1)]
                if out == 1:
                    layers.append(nn.Conv2d(out, out, 1))
                return nn.Sequential(layers)  # want LP313
            return nn.ConvTranspose2d(channels, out, 2, 2)
        """
    )
    names["upsample"](4, 1)
    with pytest.raises(TypeError, match="is not a Module subclass"):
        names["upsample"](4, 1, smooth=True)


def test_a_best_state_that_is_the_last_one() -> None:
    names = checked(
        """
        def fit(model, optimizer, batches):
            best_loss, best_state = float("inf"), None
            for x, y in batches:
                loss = F.mse_loss(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                if loss.item() < best_loss:
                    best_loss = loss.item()
                    best_state = model.state_dict()  # want LP212
                optimizer.step()
            model.load_state_dict(best_state)
            return best_loss

        def start():
            model = nn.Linear(2, 1)
            return model, torch.optim.SGD(model.parameters(), lr=5.0)
        """
    )
    model, optimizer = names["start"]()
    x, y = torch.randn(8, 2), torch.randn(8, 1)
    best = names["fit"](model, optimizer, [(x, y)] * 4)
    assert torch.nn.functional.mse_loss(model(x), y) > 2 * best


def test_a_parameter_that_stays_a_local_name() -> None:
    names = checked(
        """
        class Scale(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.fc = nn.Linear(dim, dim)
                gamma = nn.Parameter(torch.ones(dim))

            def forward(self, x):
                return self.fc(x) * self.gamma  # want LP312
        """
    )
    with pytest.raises(AttributeError, match="gamma"):
        names["Scale"](3)(torch.randn(2, 3))


def test_a_bias_that_only_some_configurations_have() -> None:
    names = checked(
        """
        class Light(nn.Module):
            def __init__(self, share, features, use_bias=False):
                super().__init__()
                self.fc = nn.Linear(features, features)
                self.weight = nn.Parameter(torch.Tensor(share, 1, 3).uniform_(0, 1))
                self.use_bias = use_bias
                if self.use_bias:
                    self.bias = nn.Parameter(torch.Tensor(features))  # want LP104

            def forward(self, x):
                x = self.fc(x)
                return x + self.bias if self.use_bias else x
        """
    )
    with nan_in_new_memory():
        assert names["Light"](2, 4, use_bias=True)(torch.ones(1, 4)).isnan().any()
        assert not names["Light"](2, 4)(torch.ones(1, 4)).isnan().any()


def test_weights_that_are_normalised_under_a_name() -> None:
    names = checked(
        """
        class Speakers(nn.Module):
            def __init__(self, dim, count):
                super().__init__()
                self.final = nn.Linear(dim, count, bias=False)

            def forward(self, pool):
                for W in self.final.parameters():
                    W = F.normalize(W, p=2, dim=1)  # want LP213
                pool = F.normalize(pool, p=2, dim=1)
                return self.final(pool)
        """
    )
    speakers = names["Speakers"](3, 2)
    speakers.final.weight.data.mul_(100)
    cosines = speakers(torch.randn(4, 3))
    assert cosines.abs().max() > 1, "the weights are as long as before"


def test_embeddings_in_a_list_where_there_are_several() -> None:
    names = checked(
        """
        class Tokens(nn.Module):
            def __init__(self, tokens, dim, layers=1):
                super().__init__()
                if layers == 1:
                    self.embed = nn.Embedding(tokens, dim)
                else:
                    self.embed = [nn.Embedding(tokens, dim) for _ in range(layers)]  # want LP303
                self.layers = layers

            def forward(self, x):
                if self.layers == 1:
                    return self.embed(x)
                return sum(self.embed[i](x[..., i]) for i in range(self.layers))
        """
    )
    assert len(list(names["Tokens"](7, 4).parameters())) == 1
    several = names["Tokens"](7, 4, layers=3)
    several(torch.zeros(2, 3, dtype=torch.long))
    assert list(several.parameters()) == []
