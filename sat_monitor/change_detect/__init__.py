"""From stacks to scores, evidence and candidate patches."""
