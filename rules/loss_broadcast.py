"""A loss compares a column of predictions with a vector of targets.

A model that ends in ``nn.Linear(n, 1)`` gives (batch, 1), the targets of a data set are (batch,),
and the two broadcast to (batch, batch): every prediction is compared with every target. The loss
falls, and what the model learns is the mean of its targets. torch gives a warning, once, and none
where the loss is written out: ``(net(x) - y).pow(2).mean()``.

Bad::

    import torch
    from torch import nn

    net = nn.Linear(3, 1)
    inputs = torch.randn(8, 3)
    targets = inputs.sum(dim=1)


    def loss_of(model):
        return nn.functional.mse_loss(model(inputs), targets)


    loss = loss_of(net)

Good::

    import torch
    from torch import nn

    net = nn.Linear(3, 1)
    inputs = torch.randn(8, 3)
    targets = inputs.sum(dim=1)


    def loss_of(model):
        return nn.functional.mse_loss(model(inputs).squeeze(-1), targets)


    loss = loss_of(net)

Run::

    nn.init.ones_(net.weight)
    nn.init.zeros_(net.bias)
    assert loss_of(net) < 1e-6, "the loss of a perfect model is not 0"

Says: the loss of a perfect model is not 0

Silent when: nothing is reduced, for the table of all pairs may be wanted; the two have as many
dimensions, or another number of samples; there may be one sample only; a size is not known for
certain; of differences, no layer has made the column, but ``unsqueeze`` or an index, or nothing
is made of them before their mean, which is that of the samples then.
"""

from __future__ import annotations

from lint_params.rule import Finding, Level, Run, ShapeRule, Verification


class LossBroadcast(ShapeRule):
    code = "LP415"
    level = Level.ERROR
    words = ("torch",)

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for probe in run.probes_at(finding, "warned"):
            if "different to the input size" in probe.text:
                return run.confirmed(probe.text)
        by_hand = "the differences of" in finding.message  # of which torch says nothing
        return None if by_hand or not run.ran(finding) else run.refuted(finding, "torch gave no warning of two sizes")
