"""Trust that is measured: calibrated confidence, a certified threshold, and its withdrawal."""
