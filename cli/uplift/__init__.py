"""What a campaign did, against those held out: `tierstream uplift`."""
