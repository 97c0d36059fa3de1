"""The CIFAR-10 patch experiment in PyTorch. Importing this package imports no torch."""
