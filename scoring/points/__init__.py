"""Points in numbers: terms, accounts and redemptions."""
