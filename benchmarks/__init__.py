"""Speed against peers, with the results recorded."""
