"""A fixture for files that the system does not let be read."""

import errno
import os

import pytest


@pytest.fixture(params=[errno.EMFILE, errno.EIO, errno.EACCES], ids=errno.errorcode.get)
def refusal(request, monkeypatch):
    """Let the system refuse to open any file: the text of its error."""
    text = os.strerror(request.param)

    def fail(*arguments):
        raise OSError(request.param, text)

    monkeypatch.setattr(os, "open", fail)
    return text
