"""First-order operations, each with its rules, one home each."""
