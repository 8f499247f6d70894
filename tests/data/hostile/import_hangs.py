# expect: timeout
while True:
    pass


class Net:
    pass
