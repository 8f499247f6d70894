# expect: import-failed
import surely_no_such_package


class Net(surely_no_such_package.Base):
    pass
