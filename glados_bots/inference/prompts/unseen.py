"""Invisible characters, written for use inside a character class of `re`.

Source: the Unicode Character Database 17. BLANK holds the categories Cc, Cf and Zs, the property
Default_Ignorable_Code_Point, and two characters with empty glyphs: the Braille blank and the musical null notehead.
ENDS holds the line ends of `str.splitlines`. BLANK does not, so a search that skips BLANK never leaves its line.
"""

ENDS = r"\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
BLANK = (
    r"\x00-\x09\x0e-\x1b\x1f-\x20\x7f-\x84\x86-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2"
    r"\u115f-\u1160\u1680\u17b4-\u17b5\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f\u2800\u3000\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
LINE_START = rf"(?:^|(?<=[{ENDS}]))[{BLANK}]*+"
