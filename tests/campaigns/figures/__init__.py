"""From a campaign's log to its tables, one file per campaign: pure, and without torch."""
