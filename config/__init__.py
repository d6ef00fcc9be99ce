"""What a deployment chooses: its settings, and the policy that decides about customers."""
