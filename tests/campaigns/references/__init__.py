"""The catalogue against other libraries: which networks are compared, how, and what the page says of it."""
