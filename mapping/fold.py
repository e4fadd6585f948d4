def fold(trained, timesteps=None):
    """Being written: TrainedNetwork -> Network with a certificate per population."""
    raise NotImplementedError
