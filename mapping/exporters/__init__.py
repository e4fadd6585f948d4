"""Networks written out for other tools; what they cannot say goes along, so that nothing is lost.

``to_nir``   any Network as a NIR graph, and its exact integers back from one.
"""

from .to_nir import graph, load_nir, save_nir, unsaid

__all__ = ["graph", "load_nir", "save_nir", "unsaid"]
