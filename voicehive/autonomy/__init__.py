"""The autonomous controller: safety policy, confidence, verdicts and reviews."""
