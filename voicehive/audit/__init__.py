"""The audit log: a Merkle tree over all that was decided and done, signed heads, proofs, offline verification."""
