"""What is known of one customer: attributes, owner, consent, and the public profile."""
