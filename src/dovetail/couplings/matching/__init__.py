"""Entity types and relations teach each other by what is known of which goes with which."""
