"""`tierstream uplift`: the effect of a campaign, against customers held out as a control group."""
