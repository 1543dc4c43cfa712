"""The commands of `lookalike`, one thin function each: parse, call one function, print."""
