"""Named random streams fed by one seed, so that two variants share every stream that exists in both."""

import hashlib


def stream(seed: int, *name: str | int) -> int:
    """A seed (0 to 2^63 - 1) for the stream `name`, equal on every machine and unrelated to any other name's."""
    text = "/".join(map(str, (seed, *name)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
