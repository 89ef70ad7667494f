#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes eight images of waves and edges, 128 x 128 pixels of 8 bits: cluster_images.py FOLDER."""
import math
import os
import struct
import sys
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(number):
    rows = b""
    for i in range(128):
        wave = [math.sin(0.05 * (number + 2) * i + 0.09 * j) + (math.cos(0.07 * i - 0.02 * (number + 1) * j) > 0) for j in range(128)]
        rows += b"\0" + bytes(round(60 + 60 * value) for value in wave)
    header = struct.pack(">IIBBBBB", 128, 128, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


os.makedirs(sys.argv[1], exist_ok=True)
for k in range(8):
    with open(os.path.join(sys.argv[1], f"{k}.png"), "wb") as file:
        file.write(picture(k))
