"""What a run leaves behind: schema, append-only store, averages, paired statistics."""
