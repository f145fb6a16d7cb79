"""Route 53 as strict as AWS: atomic batches, conflict rules, exact paging, health-check rules."""
