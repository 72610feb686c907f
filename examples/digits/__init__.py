"""A convolutional network for scikit-learn's handwritten digits."""
