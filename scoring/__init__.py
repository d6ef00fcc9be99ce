"""Pure numbers: calendar, money, ledger, RFM figures, tiers, levels. No I/O, no clock."""
