"""Events to feed the system with: the CDNOW purchase log, seeded traffic around it, a simulator.

The generators are pure: a seed and the parameters give the same bytes, and none reads a clock.
Only `sender` talks to a broker.
"""
