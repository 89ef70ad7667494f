#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds JSON answers to be the same but for their times: same_answers.py NAME COUNT FILE FILE...

NAME is a list of the answers, which must hold COUNT members at least.
"""
import json
import sys


def without_times(found):
    if isinstance(found, dict):
        return {name: without_times(value) for name, value in found.items() if name != "seconds"}
    return [without_times(value) for value in found] if isinstance(found, list) else found


name, count, *paths = sys.argv[1:]
answers = []
for path in paths:
    with open(path) as file:
        answers.append(without_times(json.load(file)))
if len(answers) < 2 or len(answers[0][name]) < int(count):
    sys.exit(f"{paths[0]}: found {len(answers[0][name])} {name}; expected {count} at least, and two files")
for path, answer in zip(paths, answers):
    if answer != answers[0]:
        sys.exit(f"{path}: found another answer than in {paths[0]}")
