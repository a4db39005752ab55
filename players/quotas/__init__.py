"""Quotas: who is bound, how they stand, the judgement of closed periods, and exemptions."""
