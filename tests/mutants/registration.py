"""Mistakes in how parameters and layers are registered."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from edits import Attribute, Change, Subject, mistake, own


def _super_call(subject: Subject) -> ast.Expr | None:
    init = subject.method("__init__")
    for statement in init.body if init else ():
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            func = statement.value.func
            if isinstance(func, ast.Attribute) and func.attr == "__init__":
                return statement
    return None


def _first_assignment(subject: Subject) -> tuple[ast.AST, ...]:
    return tuple(a.statement for a in subject.attributes[:1])


@mistake("registration", "fewer")
def super_init_removed(subject: Subject) -> Iterator[Change]:
    init, call = subject.method("__init__"), _super_call(subject)
    if init and call:
        nodes = (subject.node, init, *_first_assignment(subject))
        yield Change((subject.remove(call),), nodes=nodes)


@mistake("registration", "fewer")
def super_init_moved_to_the_end(subject: Subject) -> Iterator[Change]:
    init, call = subject.method("__init__"), _super_call(subject)
    if init and call and init.body[-1] is not call:
        text = subject.text(call)
        edits = (subject.remove(call), subject.after(init.body[-1], text))
        yield Change(edits, nodes=_first_assignment(subject))


@mistake("registration", "fewer")
def init_misspelt(subject: Subject) -> Iterator[Change]:
    init = subject.method("__init__")
    if init:
        start = subject.span(init)[0] + len("def ")
        nodes = (subject.node, init)
        yield Change(((start, start + len("__init__"), "__int__"),), nodes=nodes)


def _unwrapped(subject: Subject, container: str) -> Iterator[Change]:
    for attribute in subject.layers(container):
        if len(attribute.call.args) == 1:
            inner = attribute.call.args[0]
            text = subject.text(inner)
            if isinstance(inner, ast.GeneratorExp):
                text = f"[{text[1:-1] if text.startswith('(') else text}]"
            edit = subject.replace(attribute.call, text)
            yield Change((edit,), attribute.name)
        elif not attribute.call.args:
            empty = "{}" if container.endswith("Dict") else "[]"
            yield Change((subject.replace(attribute.call, empty),), attribute.name)


@mistake("registration", "fewer", "less state")
def list_instead_of_ModuleList(subject: Subject) -> Iterator[Change]:
    yield from _unwrapped(subject, "ModuleList")


@mistake("registration", "fewer", "less state")
def dict_instead_of_ModuleDict(subject: Subject) -> Iterator[Change]:
    yield from _unwrapped(subject, "ModuleDict")


@mistake("registration", "fewer", "less state")
def list_instead_of_ParameterList(subject: Subject) -> Iterator[Change]:
    yield from _unwrapped(subject, "ParameterList")


@mistake("registration", "fewer", "less state")
def parameter_in_a_list(subject: Subject) -> Iterator[Change]:
    for attribute in subject.parameters:
        text = f"[{subject.text(attribute.call)}]"
        yield Change((subject.replace(attribute.call, text),), attribute.name)


@mistake("registration", "fewer", "less state")
def parameter_moved_by_cuda(subject: Subject) -> Iterator[Change]:
    for attribute in subject.parameters:
        yield Change((subject.after_expression(attribute.call, ".cuda()"),), attribute.name)


@mistake("registration", "fewer", "less state")
def parameter_cast(subject: Subject) -> Iterator[Change]:
    for attribute in subject.parameters:
        for text in (".half()", ".to(torch.float64)", ".double()"):
            if "torch." not in text or subject.names.get("torch") == "torch":
                yield Change((subject.after_expression(attribute.call, text),), attribute.name)


@mistake("registration", "fewer", "less state")
def parameter_scaled(subject: Subject) -> Iterator[Change]:
    for attribute in subject.parameters:
        for text in (" * 0.02", " / 8", ".mul(0.5)"):
            yield Change((subject.after_expression(attribute.call, text),), attribute.name)


@mistake("registration", "fewer", "less state")
def parameter_reshaped_after(subject: Subject) -> Iterator[Change]:
    for attribute in subject.parameters:
        for text in (".unsqueeze(0)", "[None]", ".flatten()"):
            yield Change((subject.after_expression(attribute.call, text),), attribute.name)


@mistake("registration", "fewer", "less state")
def parameter_is_a_tensor(subject: Subject) -> Iterator[Change]:
    """``self.w = torch.zeros(...)``, and the optimizer never hears of it."""
    for attribute in subject.parameters:
        text = subject.text(attribute.call.args[0])
        yield Change((subject.replace(attribute.call, text),), attribute.name)


def _moved(subject: Subject, one: Attribute) -> Iterator[Change]:
    """The definition to the top of forward; what it is sized by stays, as attributes."""
    forward, init = subject.method("forward"), subject.method("__init__")
    if forward is None or init is None:
        return
    local = {a.arg for a in [*init.args.args, *init.args.kwonlyargs]} - {"self"}
    local |= {
        n.id for n in ast.walk(init) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    kept: dict[str, None] = {}
    start, text = subject.span(one.statement)[0], subject.text(one.statement).encode()
    names = [n for n in ast.walk(one.call) if isinstance(n, ast.Name) and n.id in local]
    for name in sorted(names, key=lambda n: -subject.span(n)[0]):
        kept[name.id] = None
        first, last = (at - start for at in subject.span(name))
        text = text[:first] + f"self.its_{name.id}".encode() + text[last:]
    stays = "\n".join(f"self.its_{name} = {name}" for name in kept) or "pass"
    stays = stays.replace("\n", f"\n{subject.indent(one.statement)}")
    edits = (subject.replace(one.statement, stays), subject.at_start(forward, text.decode()))
    yield Change(edits, one.name)


@mistake("registration", "fewer")
def layer_moved_to_forward(subject: Subject) -> Iterator[Change]:
    for one in subject.layers("Linear", "Conv1d", "Conv2d", "LayerNorm", "BatchNorm2d"):
        yield from _moved(subject, one)


@mistake("registration", "fewer")
def parameter_moved_to_forward(subject: Subject) -> Iterator[Change]:
    for one in subject.parameters:
        yield from _moved(subject, one)


@mistake("registration", "fewer")
def self_forgotten(subject: Subject) -> Iterator[Change]:
    for one in subject.attributes:
        if one.kind.startswith("nn.") and isinstance(one.statement, ast.Assign):
            yield Change((subject.replace(one.statement.targets[0], one.name),), one.name)


@mistake("registration", "fewer")
def name_misspelt_at_the_call(subject: Subject) -> Iterator[Change]:
    forward = subject.method("forward")
    layers = {a.name for a in subject.attributes if a.kind.startswith("nn.")}
    for node in ast.walk(forward) if forward else ():
        if isinstance(node, ast.Call) and own(node.func) in layers:
            yield Change((subject.replace(node.func, f"self.{own(node.func)}_"),))


@mistake("registration", "fewer")
def list_times_instead_of_copies(subject: Subject) -> Iterator[Change]:
    """``[Block() for _ in range(n)]`` becomes ``[Block()] * n``."""
    for one in subject.layers("ModuleList", "Sequential"):
        for node in ast.walk(one.call):
            if isinstance(node, (ast.ListComp, ast.GeneratorExp)) and len(node.generators) == 1:
                loop = node.generators[0]
                names = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
                used = {n.id for n in ast.walk(node.elt) if isinstance(n, ast.Name)}
                ranged = isinstance(loop.iter, ast.Call) and len(loop.iter.args) == 1
                if ranged and not names & used and isinstance(loop.iter, ast.Call):
                    count = subject.text(loop.iter.args[0])
                    text = f"[{subject.text(node.elt)}] * {count}"
                    parent = one.call.args[0] if one.call.args else None
                    node_to = node if parent is node else None
                    if node_to is not None:
                        yield Change((subject.replace(node_to, text),), one.name)


@mistake("registration", "less state")
def buffer_is_a_plain_tensor(subject: Subject) -> Iterator[Change]:
    for call in _calls_of(subject, "register_buffer"):
        name, value = call.args[0], call.args[1] if len(call.args) > 1 else None
        if isinstance(name, ast.Constant) and value is not None:
            text = f"self.{name.value} = {subject.text(value)}"
            yield Change((subject.replace(call, text),), str(name.value))


@mistake("registration")
def buffer_over_an_attribute(subject: Subject) -> Iterator[Change]:
    for call in _calls_of(subject, "register_buffer"):
        statement = subject.statement(subject.span(call)[0])
        name = call.args[0]
        if isinstance(name, ast.Constant) and statement is not None:
            yield Change((subject.before(statement, f"self.{name.value} = None"),))


@mistake("registration")
def tensor_registered_as_parameter(subject: Subject) -> Iterator[Change]:
    for one in subject.parameters:
        text = f'self.register_parameter("{one.name}", {subject.text(one.call.args[0])})'
        yield Change((subject.replace(one.statement, text),), one.name)


@mistake("registration")
def dot_in_the_name(subject: Subject) -> Iterator[Change]:
    for one in subject.attributes:
        if one.kind.startswith("nn.") and not one.kind.endswith("Parameter"):
            text = f'self.add_module("{one.name}.0", {subject.text(one.call)})'
            yield Change((subject.replace(one.statement, text),), one.name)


@mistake("registration")
def list_of_modules_called(subject: Subject) -> Iterator[Change]:
    """``for block in self.blocks: x = block(x)`` becomes ``x = self.blocks(x)``."""
    lists = {a.name for a in subject.layers("ModuleList")}
    for node in ast.walk(subject.node):
        if isinstance(node, ast.For) and own(node.iter) in lists and len(node.body) == 1:
            step = node.body[0]
            if isinstance(step, ast.Assign) and isinstance(step.value, ast.Call):
                text = subject.text(step).replace(
                    subject.text(step.value.func) + "(", subject.text(node.iter) + "(", 1
                )
                yield Change((subject.replace(node, text),), own(node.iter))


@mistake("registration")
def parameter_rebound_in_forward(subject: Subject) -> Iterator[Change]:
    forward = subject.method("forward")
    for one in subject.parameters:
        if forward:
            line = f"self.{one.name} = self.{one.name} * 0.5"
            yield Change((subject.at_start(forward, line),), one.name)


@mistake("registration")
def layer_overwritten_by_its_output(subject: Subject) -> Iterator[Change]:
    """``x = self.fc(x)`` becomes ``self.fc = self.fc(x)``."""
    forward = subject.method("forward")
    layers = {a.name for a in subject.layers("Linear", "Conv2d", "LayerNorm", "Embedding")}
    for node in ast.walk(forward) if forward else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            name = own(node.value.func)
            if name in layers and len(node.targets) == 1:
                edit = subject.replace(node.targets[0], f"self.{name}")
                yield Change((edit,), name)


@mistake("registration", "fewer")
def parameter_of_the_class(subject: Subject) -> Iterator[Change]:
    init = subject.method("__init__")
    for one in subject.parameters:
        if init and isinstance(init, ast.FunctionDef) and not init.decorator_list:
            text = f"{one.name} = {subject.text(one.call)}"
            edits = (subject.remove(one.statement), subject.before(init, text + "\n"))
            yield Change(edits, one.name)


def _calls_of(subject: Subject, method: str) -> Iterator[ast.Call]:
    for node in ast.walk(subject.node):
        if isinstance(node, ast.Call) and own(node.func) == method and node.args:
            yield node
