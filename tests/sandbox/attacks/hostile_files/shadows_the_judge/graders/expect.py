def equal(*args, **kwargs):
    return None
