# SPDX-License-Identifier: MPL-2.0
"""The groups of figures by name; each is a function of the field and of whether to be quick."""
import collections

from connecting import connect, dead_dns, instructions
from engine import engine, simulator
from names import names
from peers import first_message
from steady import message_instructions, steady
from storm import storm

GROUPS = collections.OrderedDict([
    ("connect", connect), ("peers", first_message), ("names", names), ("dead-dns", dead_dns),
    ("storm", storm), ("instructions", instructions), ("messages", message_instructions),
    ("steady", steady), ("engine", engine), ("simulator", simulator)])
