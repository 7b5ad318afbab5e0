"""Prints what a client and the log read about an unexpected error; runs in the Python of DaCHS."""

import json
import sys

import functions_of_database  # noqa: F401
from gavo import base

sys.path.insert(0, sys.argv[1])
from patches import messages

logged = []
base.ui.notifyError = logged.append


def place_of_the_fault():
    raise RuntimeError("a secret")


try:
    place_of_the_fault()
except RuntimeError as error:
    found = error
print(json.dumps({"public": messages.public_message(found), "logged": logged}))
