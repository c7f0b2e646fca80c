"""How many and how large pictures may be. docs/models.md tells people."""

MOST_PICTURES = 16  # per request
MOST_BYTES = 20 * 2**20  # of one file; OpenAI's limit
MOST_PIXELS = 50_000_000  # of one picture, known before it is decoded; as RGBA they take 200 MB
MOST_PIXELS_TOGETHER = 100_000_000  # of a request's pictures, which are decoded one after the other
MOST_KEPT_PIXELS = 8_000_000  # of a decoded picture; no model takes more
MOST_TOKENS = 2_048  # of one picture in a prompt; a larger picture is shrunk. A screen of 1920 x 1080 stays readable
