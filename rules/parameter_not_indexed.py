"""A Parameter with one value for each group is added whole, and which group a row has is not read.

A column of size (batch, 1) and a vector of size (n_groups,) broadcast to (batch, n_groups): every
row gets the values of all groups. Nothing fails, a loss broadcasts once more, and the model learns
the mean of its targets. Where forward is given ``group`` and reads it nowhere, the lookup was
forgotten.

Bad::

    import torch
    from torch import nn

    class MixedEffects(nn.Module):
        def __init__(self, n_features, n_groups):
            super().__init__()
            self.fixed = nn.Linear(n_features, 1)
            self.offsets = nn.Parameter(torch.zeros(n_groups))

        def forward(self, x, group):
            return self.fixed(x) + self.offsets

Good::

    import torch
    from torch import nn

    class MixedEffects(nn.Module):
        def __init__(self, n_features, n_groups):
            super().__init__()
            self.fixed = nn.Linear(n_features, 1)
            self.offsets = nn.Parameter(torch.zeros(n_groups))

        def forward(self, x, group):
            return self.fixed(x) + self.offsets[group].unsqueeze(-1)

Run::

    out = MixedEffects(3, 5)(torch.randn(4, 3), torch.tensor([0, 4, 1, 2]))
    assert out.shape == (4, 1), f"one value each, not {out.shape[1]}"

Says: one value each, not 5

Silent when: forward reads the argument, or has none that is named like what the Parameter's size
counts (``group``, ``group_id`` for ``n_groups``); a column of one output meets the thresholds of an
ordinal regression; what the Parameter is added to has more than one column, or its size is not
known for certain.
"""

from __future__ import annotations

from lint_params.rule import Finding, Level, Run, ShapeRule, Verification, evaluated


class ParameterNotIndexed(ShapeRule):
    code = "LP414"
    level = Level.ERROR
    words = ("Parameter",)

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        rows = evaluated(finding.details.get("got"), run.arguments)
        if not run.ok("forward") or not run.ran(finding):
            return None
        if rows == 1:
            return run.inconclusive("degenerate-input", "there is one row, which every one has")
        for shape in run.output_shapes:
            if len(shape) > 1 and shape[-1] == rows:
                return run.confirmed(f"forward gives {shape}: {rows} values for each row")
        return None
