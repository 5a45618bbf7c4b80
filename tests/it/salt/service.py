"""A service manager for Salt that remembers what it was told, in the directory that the environment names: what states
ask of services is compared, and no service of the machine is touched."""

import os

__virtualname__ = "service"


def __virtual__():
    return __virtualname__


def _mark(name, what, present=None):
    path = os.path.join(os.environ["SERVICES"], f"{name}.{what}")
    if present is True:
        with open(path, "w", encoding="utf-8"):
            pass
    elif present is False and os.path.exists(path):
        os.remove(path)
    return os.path.exists(path) if present is None else True


def available(name):
    return True


def missing(name):
    return False


def status(name, sig=None, **kwargs):
    return _mark(name, "active")


def start(name, **kwargs):
    return _mark(name, "active", True)


def stop(name, **kwargs):
    return _mark(name, "active", False)


def restart(name, **kwargs):
    return _mark(name, "active", True)


def enabled(name, **kwargs):
    return _mark(name, "enabled")


def disabled(name, **kwargs):
    return not _mark(name, "enabled")


def enable(name, **kwargs):
    return _mark(name, "enabled", True)


def disable(name, **kwargs):
    return _mark(name, "enabled", False)
