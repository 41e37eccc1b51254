"""The host link: how a program reaches the registers of a unit through a line of bytes, such as a UART.

A request is answered by one reply. Both are frames: a mark, a head, what follows from the head, a CRC-32 of all but the
mark (that of zlib, low byte first). A request that came damaged or not in full is forgotten: the host hears nothing,
waits for `PAUSE` bits and may ask again. Twin: ``rtl/link.py``.
"""

import zlib
from typing import NamedTuple

REQUEST, REPLY = 0x5A, 0xA5
"""The marks."""

MOST_WORDS = 16
"""Of a frame."""

WRITES = 0x80
"""Bit of a head: words are written; else they are read. The low four bits are the number of words less 1."""

FAILED = 0x80
"""Bit of a reply's status: the bus answered with an error. The low bits are the words done before."""

BAUD = 1_000_000
"""Bits a second, where nobody asks for others: the USB bridges of all boards reach it."""

PAUSE = 64
"""Bits that a line is at rest inside a frame before the frame is given up."""


class Request(NamedTuple):
    """What a host asks for: words written to one register, or read from it."""

    address: int
    number: int
    """Of words."""
    words: tuple[int, ...] = ()
    """What is written; none where it reads."""

    def encode(self) -> bytes:
        """As bytes on the line."""
        head = (WRITES if self.words else 0) | self.number - 1
        body = bytes([head, self.address]) + b"".join(word.to_bytes(4, "little") for word in self.words)
        return bytes([REQUEST]) + _sealed(body)

    @property
    def reply_bytes(self) -> int:
        """Of the reply."""
        return 3 + (0 if self.words else 4 * self.number) + 4

    def decode(self, frame: bytes) -> "Reply | None":
        """The reply in so many bytes; None if it is none to this request, or damaged."""
        body, head = frame[1:-4], (WRITES if self.words else 0) | self.number - 1
        if len(frame) != self.reply_bytes or frame[0] != REPLY or body[0] != head or _sealed(body) != frame[1:]:
            return None
        words = tuple(int.from_bytes(body[i : i + 4], "little") for i in range(2, len(body), 4))
        return Reply(bool(body[1] & FAILED), body[1] & ~FAILED, words)


class Reply(NamedTuple):
    """What the unit answers."""

    failed: bool
    """The bus answered with an error."""
    done: int
    """Words that went well."""
    words: tuple[int, ...]
    """What was read; beyond ``done`` of no meaning."""


def _sealed(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")
