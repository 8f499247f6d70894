"""What is expected to raise: the lines on which nothing is reported, and those on which it is."""

import ast

import pytest

from lint_params.expected import meant_to_fail, tried

SAID = {
    "with": "with pytest.raises(E):\n    bad()  # here\n",
    "handed over": "self.assertRaises(E, bad, 1)  # here\n",
    "lambda": "check_raises(E, lambda: bad())  # here\n",
    "only used so": "def f():\n    bad()  # here\nwith raises(E):\n    f()\n",
    "class only used so": "class C:\n    bad = 1  # here\ndef f():\n    return C()\nwith raises(E):\n    f()\n",
    "loop": "for f in (\n    lambda: bad(),  # here\n):\n    with raises(E):\n        f()\n",
    "parametrize": "@m.parametrize('f, x', [\n    (lambda: bad(), 1),  # here\n])\n"
    "def test(f, x):\n    with raises(E):\n        f()\n",
    "own context": "@contextmanager\ndef no():\n    try:\n        yield\n    except E:\n        return\n"
    "    assert False\nwith no():\n    bad()  # here\n",
    "own helper": "def no(f):\n    try:\n        f()\n    except E:\n        return\n    raise Missing\n"
    "no(lambda: bad())  # here\n",
    "try": "try:\n    bad()  # here\nexcept E as e:\n    print(e)\n",
    "try with": "try:\n    with no_grad():\n        bad()  # here\nexcept E as e:\n    print(e)\n",
    "insists": "def f():\n    bad()  # here\ntry:\n    f()\nexcept E:\n    pass\nelse:\n    self.fail()\n",
    "xfail": "@pytest.mark.xfail\ndef test():\n    bad()  # here\n",
}
NOT = {
    "used elsewhere": "def f():\n    bad()  # here\nwith raises(E):\n    f(1)\nf()\n",
    "guarded main": "def main():\n    bad()  # here\ntry:\n    main()\nexcept E as e:\n    log(e)\n",
    "safely run": "def safely(f):\n    try:\n        f()\n    except E as e:\n        log(e)\n"
    "def main():\n    bad()  # here\nsafely(main)\n",
    "raised again": "try:\n    bad()  # here\nexcept E as e:\n    raise F from e\n",
    "much in try": "try:\n    a()\n    b()\n    bad()  # here\nexcept E:\n    pass\n",
    "training": "try:\n    for x in data:\n        bad()  # here\nexcept E as e:\n    log(e)\n",
    "stopped": "try:\n    bad()  # here\nexcept KeyboardInterrupt:\n    pass\n",
    "import": "try:\n    bad()  # here\nexcept ImportError:\n    pass\n",
    "never used": "def f():\n    bad()  # here\nwith raises(E):\n    g()\n",
    "some runs": "@m.parametrize('f', [\n    lambda: bad(),  # here\n])\ndef test(f):\n"
    "    with raises(E):\n        f()\n    f()\n",
}


def _hidden(source: str) -> bool:
    line = next(n for n, text in enumerate(source.splitlines(), 1) if "# here" in text)
    tree = ast.parse(source)
    return any(first <= line <= last for first, last in (*meant_to_fail(tree), *tried(tree)))


@pytest.mark.parametrize("source", SAID.values(), ids=SAID)
def test_it_is_meant_to_fail(source: str) -> None:
    assert _hidden(source)


@pytest.mark.parametrize("source", NOT.values(), ids=NOT)
def test_it_is_not_known_to_be_meant(source: str) -> None:
    assert not _hidden(source)
