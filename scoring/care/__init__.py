"""Dates and hours of care: reminders, both calendars, quiet hours, service levels."""
