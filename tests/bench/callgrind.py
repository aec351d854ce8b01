# SPDX-License-Identifier: MPL-2.0
"""Counts instructions by valgrind's callgrind, which no other load on the machine disturbs."""
import collections
import os
import re


def read_record(path):
    """(instructions, {function: its own instructions}) from a file that callgrind wrote."""
    own, names, function, is_call = collections.Counter(), {}, None, False
    with open(path) as lines:
        for line in lines:
            if line.startswith("fn="):
                number, _, text = line[3:].strip().partition(" ")
                function = names.setdefault(number, text)
            elif line.startswith("cfn="):
                number, _, text = line[4:].strip().partition(" ")
                names.setdefault(number, text)
            elif line.startswith("calls="):
                is_call = True
            elif re.match(r"[0-9+*-]", line):
                if not is_call:
                    own[function] += int(line.split()[-1])
                is_call = False
    return sum(own.values()), own


class Counting:
    def __init__(self, field, directory):
        self.field, self.record = field, os.path.join(directory, "callgrind.out")

    def each(self, library, few, many, program, *args):
        """What each further one of many takes: (instructions, {function: its own}). The program's
        last argument is the number."""
        counts = []
        for count in (few, many):
            self.field.count_instructions(library, self.record, program, *args, count)
            counts.append(read_record(self.record))
        own = {function: (counts[1][1][function] - counts[0][1][function]) / (many - few)
               for function in counts[1][1]}
        return (counts[1][0] - counts[0][0]) / (many - few), own
