"""Certificates: integers proved to do what real numbers do, for every input.

Mathematics only: nothing here knows a network. In each kind of proof both sides are a list of
integer constants, and equal constants, clamped to what data can reach, are the proof.

``exact``    the numbers: rationals and square roots, whose floors and ceilings are decided.
``lattice``  the dyadic leak, the lattice of data, and the values of a second scale on it.
``neurons``  neurons that fire: their constants, real and integer; ``search`` finds the integers.
``static``   neurons whose drive never changes within a sample: their breakpoints, and the search.
``classes``  a membrane read-out: what decides between its classes, and the search.
"""
