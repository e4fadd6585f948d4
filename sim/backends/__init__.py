"""Every way of running a network: a file each, whose ``run`` it is, and a row in ``rows``.

``row`` says what a row holds; ``rows`` is the table, and imports no backend.
``table`` prints it for the documents.
"""
