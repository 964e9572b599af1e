"""What the tests of proofs share."""

from tests.integration.proof.fix_proven import proven

__all__ = ["proven"]
