"""Benchmarks as ratios within one run (`make bench`), and a simulated day (`make demo`)."""
