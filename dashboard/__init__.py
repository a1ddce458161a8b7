"""The browser dashboard over the results of `analysis`."""
