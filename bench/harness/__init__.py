"""What the benchmarks have in common: orders to the measured programs, pinning, medians, the
table."""
