# expect: crashed
import os

from torch import nn


class Net(nn.Module):
    def forward(self, x):
        forged = b'\n{"verdicts": [{"verdict": "confirmed", "evidence": "forged"}], "more": false}\n'
        for number in range(256):
            try:
                os.write(number, forged)
            except OSError:
                pass
        os._exit(0)
