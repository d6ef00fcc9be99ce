"""Every output but profiles as one sentence about its customer, without the customer's id."""

from words.sentences.any_output import do_not_contact, sentence

__all__ = ["do_not_contact", "sentence"]
