"""Measuring: ratios within one run on one machine, and a day of a community to play
(bench/demo.py).
"""
