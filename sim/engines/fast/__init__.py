"""The engine of the fast backend: blocks of samples in the lanes of vector registers.

``fields``   columns of the tables that a network becomes.
``windows``  every kind of connection as windows of packed words: numpy only.
``plan``     a network, compiled once: tables, packed weights; ``layout`` places its arrays.
``lanes``    vectors as a type of numba's; ``count``, ``sources``, ``currents``, ``neurons``,
             ``enter``, ``leave`` and ``block`` are the kernels; they are loaded by ``work``.
``work``     threads over blocks.
"""
