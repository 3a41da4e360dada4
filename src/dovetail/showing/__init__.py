"""What people see: documents rendered, and text by others made visible."""
