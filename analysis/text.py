"""Text from files, made safe to show."""

import unicodedata


def shown(text: str) -> str:
    """Spell out, as backslash and number, the characters that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or unicodedata.category(c) != "Cc" else _spelt(c) for c in text)


def _spelt(character: str) -> str:
    return f"\\x{ord(character):02x}"
