# expect: refuted
import subprocess
import sys

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        for apart in (False, True):
            subprocess.Popen([sys.executable, "-c", code], start_new_session=apart)

    def forward(self, x):
        return x
