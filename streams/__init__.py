"""The shell around the pure core: the Faust app, its commands, and the local servers."""
