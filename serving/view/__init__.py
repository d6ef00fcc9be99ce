"""The Redis view: its keys, its Lua scripts, how it is written and read."""
