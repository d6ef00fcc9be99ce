"""A file of events through the rules, without a broker: `tierstream backtest`."""
