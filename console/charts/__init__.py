"""Charts as SVG made on the server: plain values in, markup out. Each has its figures in a table
beside it.
"""
