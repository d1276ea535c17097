"""What a host has against what it should have, and what each difference will do."""
