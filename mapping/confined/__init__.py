"""Files that foreign parsers read, each in a child process of its own, under limits.

``read(reader, path)`` starts a Python that loads one reader and reads one file. Before it does,
it may open no other file, write none, grow by little memory and run for little time; whatever
becomes of it is one sentence. A limit is no jail: it stops accidents and files that are made to
eat memory or time. Code that takes over the child still has the user's rights in all else.

``parent``  starts the child, waits, and checks its answer.
``child``   what runs there: limits, then the reader, then the answer.
``hdf5``, ``mat``, ``torch_zip``  the readers; ``training.data.shd_file`` is one more.
``here``    the one limit on this process itself, for what cannot run in a child.

A reader is a module: ``NAME`` of its files, ``NEEDS`` (package and the extra that brings it, or
None), ``prepare()``, which loads what must be loaded while files can be opened, and ``read(file,
size)``, which returns dicts, lists, text, numbers and arrays, or raises ValueError with the rest
of a sentence that begins with the file's name.
"""

from .here import memory_limit
from .parent import Limits, read

__all__ = ["Limits", "memory_limit", "read"]
