"""Care of one customer: reminders, surveys, visits, promised times and retention."""
