"""One small class for each way to find near vectors, all asked in the same way, see `engine.Engine`."""
