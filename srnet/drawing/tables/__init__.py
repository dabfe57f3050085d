"""Tables, one module each; ``draw`` takes tidy frames and returns a frame."""
