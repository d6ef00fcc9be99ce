"""`tierstream backtest`: runs a file of events through the rules, without a broker."""
