"""Whether a change did harm: metrics watched after it, tested reading by reading, and a verdict with its reasons."""
