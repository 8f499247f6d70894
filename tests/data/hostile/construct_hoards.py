# expect: construct-failed
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        with open("hoard", "wb") as file:
            for _ in range(100):
                file.write(b"x" * (1 << 20))
