# expect: refuted
import threading

from torch import nn

threading.Thread(target=threading.Event().wait).start()


class Net(nn.Module):
    def forward(self, x):
        return x
