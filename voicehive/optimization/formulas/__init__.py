"""Formulas over named columns: parsed and type-checked at load, evaluated for whole populations."""
