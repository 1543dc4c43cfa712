"""Readers of the data sets that people have at home, each in its published layout, one module a data set."""
