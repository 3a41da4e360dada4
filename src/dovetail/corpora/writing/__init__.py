"""What writers share: which annotations can be written, and how."""
