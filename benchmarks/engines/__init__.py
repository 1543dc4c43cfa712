"""One small class for each index engine, all with the interface of `engine.Engine`."""
