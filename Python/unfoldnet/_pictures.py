# SPDX-License-Identifier: Apache-2.0
"""Pictures for notebooks, without a library of plots: images as PNG, curves as SVG."""

from __future__ import annotations

import html as markup
import struct
import zlib
from binascii import b2a_base64
from typing import Sequence

import numpy as np


def png(image: np.ndarray) -> bytes:
    """A gray image ``[h, w]`` or a coloured one ``[3, h, w]``, of complex numbers their magnitudes, from its least to its largest value."""
    shown: np.ndarray = np.abs(image) if np.iscomplexobj(image) else np.asarray(image, float)
    low, high = float(shown.min()), float(shown.max())
    pixels: np.ndarray = np.rint((shown - low) * (255 / (high - low or 1))).astype(np.uint8)
    rows = np.moveaxis(pixels, 0, -1).reshape(pixels.shape[1], -1) if pixels.ndim == 3 else pixels

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", image.shape[-1], image.shape[-2], 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    data = np.pad(rows, ((0, 0), (1, 0))).tobytes()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def curve(points: Sequence[Sequence[float]], title: str) -> str:
    """A curve of positive numbers on a logarithmic axis, or of any on a linear one."""
    x, y = np.array(points, float).T
    is_logarithmic = bool((y > 0).all())
    y = np.log10(y) if is_logarithmic else y
    width, height, margin = 320, 180, 8

    def scaled(v: np.ndarray, extent: int) -> np.ndarray:
        return margin + (v - v.min()) / (np.ptp(v) or 1) * (extent - 2 * margin)

    line = " ".join(f"{a:.1f},{height - b:.1f}" for a, b in zip(scaled(x, width), scaled(y, height)))
    ends = [10**v if is_logarithmic else v for v in (y[0], y[-1])]
    label = f"{title}{', logarithmic' if is_logarithmic else ''}: {ends[0]:.3g} to {ends[1]:.3g}, {x[0]:.0f} to {x[-1]:.0f}"
    return (
        f'<svg width="{width}" height="{height}" style="border:1px solid #ccc"><polyline fill="none" stroke="#1f5fa8" '
        f'stroke-width="1.5" points="{line}"/></svg><br/><small>{markup.escape(label)}</small>')


def html(image: np.ndarray | None, lines: Sequence[str], points: Sequence[Sequence[float]], title: str = "objective") -> str:
    parts = []
    if image is not None and (image.ndim == 2 or image.ndim == 3 and image.shape[0] == 3) and min(image.shape[-2:]) > 1:
        data = b2a_base64(png(image), newline=False).decode()
        parts.append(f'<img src="data:image/png;base64,{data}" style="image-rendering:pixelated;min-width:192px"/>')
    parts.append("<br/>".join(markup.escape(line) for line in lines))
    if len(points) > 1:
        parts.append(curve(points, title))
    return "<div>" + "<br/>".join(part for part in parts if part) + "</div>"
