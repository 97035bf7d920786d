"""Kernels: numpy in, numpy out, compiled by numba where loops are hot."""
