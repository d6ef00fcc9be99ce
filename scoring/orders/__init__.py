"""Orders in numbers: one order, its changes and refunds, and the ledger of all."""
