"""Parts that the acts of people share: the message on the page that follows, and the fields of a silence.
Never here: the commands themselves (`acts.py`), reading a form (`forms.py`), and its HTML (`templates/`)."""
