"""The view: what readers see of every customer. The engine never waits for it."""
