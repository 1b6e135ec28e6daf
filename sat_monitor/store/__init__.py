"""The database: the only writer, the hash chain, the outbox."""
