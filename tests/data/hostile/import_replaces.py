# expect: import-failed
import sys

sys.modules[__name__] = None
raise ImportError("there is something else in its place")


class Net:
    pass
