"""Files from which others are generated: they are read by a generator and never run as they stand."""

from __future__ import annotations

from pathlib import Path

from lint_params.project import Project, SourceFile

#: How such a file is called in transformers: ``modular_gemma.py`` beside ``modeling_gemma.py``.
PREFIX = "modular_"
#: So many bytes of a file are its head.
_HEAD = 2_000


def is_template(file: SourceFile, project: Project | None) -> bool:
    """Whether a file beside says at its head that it was generated from this one.

    In a template ``super().__init__()`` stands for the text of another class, and ``del self.x`` for
    a line that is to be left out: what it does as Python tells nothing of what will run.
    """
    path = Path(file.path)
    if project is None or not path.name.startswith(PREFIX):
        return False
    folder = project.folder(path.resolve().parent, file)
    heads = ((folder.text(one) or b"")[:_HEAD] for one in folder.files if one.name != path.name)
    return any(path.name.encode() in head and b"generated from" in head for head in heads)
