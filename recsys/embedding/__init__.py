"""Text to unit vectors: model specs, weights, and the engines that run them."""
