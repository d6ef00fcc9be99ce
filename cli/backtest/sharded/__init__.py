"""A backtest by several processes: each has some of the customers, and the clock of the whole file.

`plan` says which process takes a line and how far time has come with it, `shard` is a process,
`files` puts together what they wrote, `run` ties these together. The result is that of one process,
byte for byte.
"""
