"""The write path: records into the store, texts into vectors, vectors into a published snapshot."""
