"""Rules for the verifier's tests, found by ``module:Class``."""

from lint_params.rule import Level, Rule, ShapeRule


class Shape(ShapeRule):
    code = "LP401"
    level = Level.ERROR


class Nothing(Rule):
    """Refutes whatever ran."""

    code = "LP900"
    level = Level.ERROR

    def verify(self, run, finding):
        return run.refuted(finding, "it ran")


class Silent(Rule):
    """Says nothing about any run."""

    code = "LP901"
    level = Level.ERROR

    def verify(self, run, finding):
        return None


class Mute(Rule):
    """Has no predicate."""

    code = "LP902"
    level = Level.ERROR


class Broken(Rule):
    """Its predicate is mistaken."""

    code = "LP903"
    level = Level.ERROR

    def verify(self, run, finding):
        raise ZeroDivisionError
