"""What `benchmarks.optimization` compares: test problems, peer libraries, measures of quality."""
