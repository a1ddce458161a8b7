"""Topological analyses of networks in training: arrays and parameters in, frozen results out."""
