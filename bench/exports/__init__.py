"""What others read: one file for each foreign format. Pure: from what was found to text."""
