"""Judgement in words: by a language model where there is one, by a deterministic fallback where there is none."""
