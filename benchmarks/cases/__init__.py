"""Cases of `benchmarks.algebra`, a file for each class of map algebra."""
