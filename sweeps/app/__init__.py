"""The page on which a photo is restored: photo → faces → what is wrong → one search at a time → a result to take home.

It runs what the command line runs (sweeps.execute), in a process of its own per search, and is reached from this
machine only.
"""
