"""Pure numbers: calendar, money, orders, RFM, tiers, dormancy. No I/O, no clock."""
