"""The network that is explained: its training, the values of its layers, and models that users
bring."""
