"""The ResNet50 encoder: preprocessing, weights, runtimes and the stage that embeds what is new."""
