"""JSON documents as people's programs write them: in any Unicode encoding, with or without a mark."""

import json

import msgspec


def as_utf8(data: bytes | bytearray | memoryview) -> bytes:
    """The document in UTF-8 without a byte order mark, from UTF-8, UTF-16 or UTF-32 with or without one.

    Raises UnicodeDecodeError.
    """
    data = bytes(data)
    encoding = json.detect_encoding(data)
    return data.decode(encoding).lstrip("\ufeff").encode()


def decode_json(data: bytes | bytearray | memoryview) -> object:
    """The value of a JSON document; NaN and Infinity, which some programs write, are read as numbers.

    Raises ValueError with the place of the mistake.
    """
    try:
        text = as_utf8(data)
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            if b"NaN" not in text and b"Infinity" not in text:
                raise
            return json.loads(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not {error.encoding.upper()}") from None
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
