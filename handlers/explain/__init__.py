"""Why a customer's state is what it is, as data."""
