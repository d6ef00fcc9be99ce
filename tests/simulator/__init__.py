"""The worker's production code over a broker, a group and a clock in memory, with faults by a seed.

`python -m tests.simulator SEED` tells what happened in one history, and whether all promises held.
"""
