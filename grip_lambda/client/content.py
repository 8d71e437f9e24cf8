"""Results that are more than JSON to the agents that get them: images, sounds, files.

They are written as the content blocks of the Model Context Protocol. A caller over HTTP gets these
as objects.
"""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path
from typing import Any


class Content:
    """A part of a result that is shown as what it is."""

    def block(self) -> dict[str, Any]:
        """Return it as a content block."""
        raise NotImplementedError


class _Media(Content):
    _kind = ""
    _default = ""

    def __init__(
        self,
        data: bytes | None = None,
        *,
        path: str | Path | None = None,
        format: str | None = None,
        mime_type: str | None = None,
    ) -> None:
        """Take the bytes, or the path of a file with them.

        Args:
            format: a word such as ``png`` or ``jpeg``; the type is then ``image/png``.
            mime_type: the whole type, if ``format`` does not make it.

        Raises:
            ValueError: neither or both of ``data`` and ``path`` are given.
            OSError: the file can't be read.
        """
        if (data is None) == (path is None):
            raise ValueError("give either the bytes, or the path of a file")
        if mime_type is None and format is not None:
            mime_type = f"{self._kind}/{format.lower()}"
        if path is not None:
            mime_type = mime_type or mimetypes.guess_type(str(path))[0]
            data = Path(path).read_bytes()
        assert data is not None
        self.data = data
        self.mime_type = mime_type or self._default

    def block(self) -> dict[str, Any]:
        return {"type": self._kind, "data": _base64(self.data), "mimeType": self.mime_type}


class Image(_Media):
    """An image: ``return Image(png_bytes)``, ``Image(path="plot.png")``.

    The type is PNG unless ``format``, ``mime_type`` or the name of the file says something else.
    """

    _kind, _default = "image", "image/png"


class Audio(_Media):
    """A sound: ``return Audio(path="hello.wav")``; WAV unless something else is said."""

    _kind, _default = "audio", "audio/wav"


class Resource(Content):
    """A file, or anything else that has an address: ``return Resource("file:///notes.txt", text)``.

    Args:
        uri: its address.
        content: a text, or bytes.
        mime_type: its type, if that is known.
    """

    def __init__(self, uri: str, content: str | bytes, mime_type: str | None = None) -> None:
        self.uri = uri
        self.content = content
        self.mime_type = mime_type or mimetypes.guess_type(uri)[0]

    def block(self) -> dict[str, Any]:
        resource: dict[str, Any] = {"uri": self.uri}
        if self.mime_type is not None:
            resource["mimeType"] = self.mime_type
        if isinstance(self.content, str):
            resource["text"] = self.content
        else:
            resource["blob"] = _base64(self.content)
        return {"type": "resource", "resource": resource}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
