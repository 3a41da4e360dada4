"""What a task says of sentences without its annotations has to look like what it says of others."""
