"""The commands, a file each: options in words, and a call of what does the work.

``spikexact.cli`` puts them together. Whatever a command needs beyond these files is imported inside
it, so that ``--help`` and completion load no numpy.
"""
