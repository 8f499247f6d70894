# expect: timeout
import signal

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        if hasattr(signal, "SIGALRM"):
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
