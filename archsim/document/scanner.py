"""YAML text to tokens, with tabs where YAML 1.2 has them: between tokens and before comments, not as indentation."""

from __future__ import annotations

from typing import Any

from ruamel.yaml.scanner import Scanner

__all__ = ["TabScanner"]

_BLANKS = " \t"
_LINE_ENDS = "\0\r\n\x85\u2028\u2029"


class TabScanner(Scanner):
    """The library's scanner, which refuses tabs outside of brackets and quotes, taught to read them.

    YAML 1.2.2, section 6.2: separation within a line is blanks and tabs; section 6.1: indentation is blanks alone. A
    tab that stands for indentation is left to the library, which refuses it.
    """

    def scan_to_next_token(self) -> Any:
        """Skip blanks, tabs, comments and line ends."""
        reader = self.reader
        while True:
            super().scan_to_next_token()
            if reader.peek() != "\t":
                return
            length = self._blanks()
            indents = not reader.buffer[reader.pointer - reader.column : reader.pointer].strip(_BLANKS)
            if reader.peek(length) not in "#" + _LINE_ENDS:
                if indents:
                    return
                self.allow_simple_key = False  # What follows a tab on its line begins no nested block.
            reader.forward(length)

    def scan_plain_spaces(self, indent: Any, start_mark: Any) -> Any:
        """Return what stands between two words of a text without quotes."""
        reader = self.reader
        length = self._blanks()
        if reader.peek(length) in _LINE_ENDS:
            reader.forward(length)
            return super().scan_plain_spaces(indent, start_mark)
        between = reader.prefix(length)
        reader.forward(length)
        return [between] if between else []

    def scan_block_scalar_indicators(self, start_mark: Any) -> Any:
        """Return how a block of text ends and how far it is indented, as its first line says."""
        return (None, None) if self.reader.peek() == "\t" else super().scan_block_scalar_indicators(start_mark)

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> Any:
        """Skip the rest of the line on which a block of text is announced."""
        self.reader.forward(self._blanks())
        return super().scan_block_scalar_ignored_line(start_mark)

    def _blanks(self) -> int:
        length = 0
        while self.reader.peek(length) in _BLANKS:
            length += 1
        return length
