"""What makes a result understandable: sensitivity, redundancy, adjustments, confidence, reasons."""
