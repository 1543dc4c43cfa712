"""From what a store answers to products, one field a module; nothing is filled in without evidence."""
