"""Tierstream beside other stream processors: one data set, one job, one run."""
