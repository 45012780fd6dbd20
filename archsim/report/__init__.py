"""What a person looks at: figures, the one-file report, the trace and the terminal's table."""
