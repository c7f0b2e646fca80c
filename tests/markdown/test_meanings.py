"""What an answer means is what people read, on each platform: inputs of one kind after the other."""

import json
import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from glados_bots.markdown.drawing.math import unicode_math
from glados_discord.answers import markdown as discord
from glados_slack.answers import markdown as slack
from glados_web.answers import markdown as web

INVISIBLE = re.compile("[\u200b\u2060\ufeff]")


def joined(value: object) -> str:
    """Every text of some blocks, in order."""
    if isinstance(value, dict):
        own = [content for key, content in value.items() if key == "text" and isinstance(content, str)]
        return "".join(own + [joined(content) for content in value.values() if not isinstance(content, str)])
    return "".join(map(joined, value)) if isinstance(value, list) else ""


def plain_html(html: str) -> str:
    text = re.sub(r"<[^>]*>", "", html)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# What people read of an answer, without the marks of styles.
READ: dict[str, Callable[[str], str]] = {
    "discord": lambda text: re.sub(r"\\(?=\W)", "", "\n".join(discord.render(text))),
    "slack": lambda text: "\n".join(slack.render(text)).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"),
    "blocks": lambda text: joined(slack.render_blocks(text)),
    "page": lambda text: plain_html(web.render(text)),
    "discord, streamed": lambda text: re.sub(r"\\(?=\W)", "", "\n".join(streamed(discord.stream(), text))),
}
everywhere = pytest.mark.parametrize("platform", READ)
FORMS = ["{}", "- {}", "> {}", "# {}", "1. a\n\n   {}", "| a |\n|---|\n| {} |"]


def streamed(stream: object, text: str) -> list[str]:
    for place in range(0, len(text), 3):
        stream.feed(text[place : place + 3])  # type: ignore[attr-defined]
    chunks: list[str] = stream.close().chunks  # type: ignore[attr-defined]
    return chunks


def read(platform: str, text: str) -> str:
    return INVISIBLE.sub("", READ[platform](text))


# Tags


NAMES = (
    "a abbr article aside audio b base body br-x button canvas center code col dd del details div dl dt em embed form"
    " h1 head header hr-x html i iframe input kbd label li link main map mark meta nav ol option p param pre q s samp"
    " script section select small source span strike strong style sub summary sup svg table tbody td template textarea"
    " th title tr track tt u ul var video wbr-x destination name T"
).split()


@everywhere
@pytest.mark.parametrize("name", NAMES)
def test_a_tag_without_its_partner_is_a_word(platform: str, name: str) -> None:
    for text in (f"Use <{name}> to load it.", f"<{name}> is one.\n\nMore **words**.", f"It ends with </{name}> here."):
        shown = read(platform, text)
        for word in re.findall(r"</?[\w-]+>|\w+", text):
            assert word in shown


@everywhere
@pytest.mark.parametrize("form", FORMS)
def test_placeholders_stay(platform: str, form: str) -> None:
    shown = read(platform, form.format("cp <source> <destination>, from <script> to </script>"))
    for word in ("<source>", "<destination>", "<script>", "</script>", "to"):
        assert word in shown


@pytest.mark.parametrize("form", FORMS[:3])
def test_tags_with_partners_are_styles(form: str) -> None:
    text = form.format("<b>bold</b>, <i>it</i>, <s>old</s>, <code>x<y</code>")
    assert "**bold**, *it*, ~~old~~, `x<y`" in discord.render(text)[0]
    assert "*bold*, _it_, ~old~, `x&lt;y`" in slack.render(text)[0]
    assert "<b>bold</b>, <i>it</i>, <s>old</s>, <code>x&lt;y</code>" in web.render(text)


@everywhere
def test_text_behind_what_never_ends_is_read(platform: str) -> None:
    for opening in ("<script> loads code.", "<!-- a remark", "<pre> keeps lines.", "<style> is CSS.", "<?php echo 1"):
        assert "the rest" in read(platform, f"{opening}\n\nAnd *the rest*.")


@everywhere
@pytest.mark.parametrize(
    "text",
    [
        "std::vector<std::string> x",
        "dict<str:int>",
        "<soap:Body>",
        "Optional<Foo::Bar>",
        "map<k:v, int>",
        "<xs:element>",
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_types_stay_as_written(platform: str, form: str, text: str) -> None:
    assert text in read(platform, form.format(text))


@everywhere
@pytest.mark.parametrize("name", ["answer", "think", "my-tag", "Response"])
def test_markdown_between_unknown_tags_is_read(platform: str, name: str) -> None:
    shown = read(platform, f"<{name}>\n~~old~~ text\n- item\n</{name}>\nAfter.")
    for word in (f"<{name}>", "text", "item", f"</{name}>", "After."):
        assert word in shown
    if platform != "page":
        assert f"item\n</{name}>" not in shown, "the list ends before the tag"


def test_the_inside_of_unknown_tags_has_styles() -> None:
    text = "<answer>\n**bold** text\n- x\n</answer>"
    assert discord.render(text) == ["\\<answer>\n\n**bold** text\n\n- x\n\n\\</answer>"]
    assert "<strong>bold</strong>" in web.render(text)
    assert "<ul><li>x</li></ul>" in web.render(text)
    assert "**bold**\n" not in slack.render(text)[0]


def test_code_keeps_lines_that_begin_with_tags() -> None:
    code = "<answer>\n<std::string>\n<https://example.com|label>\n| a | b |\n|---|\n</answer>"
    assert discord.render(f"```xml\n{code}\n```") == [f"```xml\n{code}\n```"]
    inline = "`<https://example.com|label> <std::string>`"
    assert discord.render(inline) == [inline]


@pytest.mark.parametrize(
    "text", ["<pre>\na  b\n  c\n</pre>", "<div><pre>a  b\n  c</pre></div>", "<pre>\na  b\n  c\n\n</pre>"]
)
def test_preformatted_text_keeps_its_lines(text: str) -> None:
    assert discord.render(text) == ["```\na  b\n  c\n```"]
    assert slack.render(text) == ["```\na  b\n  c\n```"]
    assert "a  b\n  c" in joined(slack.render_blocks(text))


def test_preformatted_code_keeps_its_language() -> None:
    text = '<pre><code class="language-python">if a &lt; b:\n    pass\n</code></pre>'
    assert discord.render(text) == ["```python\nif a < b:\n    pass\n```"]


# Money and formulas


@everywhere
@pytest.mark.parametrize(
    "text",
    [
        "**$5** or **$6**",
        "~~$20~~ now _$5_",
        "*$5*-*$6*",
        "**5$** or **6$**",
        "***$5*** and ***$6***",
        "**$5/month** or **$50/year**",
        "**US$5** or **US$6**",
        "(**$5**)/(**$6**)",
        "**$1,000** – *$2,000*",
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_money_is_money(platform: str, form: str, text: str) -> None:
    shown = re.sub(r"[*_~]", "", read(platform, form.format(text)))
    assert re.sub(r"[*_~]", "", text) in shown
    assert "math" not in web.render(form.format(text))


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\rightarrow", "→"),
        (r"\leftarrow", "←"),
        (r"a \leftrightarrow b", "a ↔ b"),
        (r"\Leftrightarrow", "⇔"),
        (r"\longrightarrow", "⟶"),
        (r"\frac{a}{b}", "a/b"),
        (r"\frac{a}{b}c", "(a/b)c"),
        (r"\frac{d}{dx}x^2", "(d/dx)x²"),
        (r"x\frac{1}{2}", "x(1/2)"),
        (r"\frac{a}{b}^2", "(a/b)²"),
        (r"\frac{1}{n(n+1)}", "1/(n(n+1))"),
        (r"\frac{1}{2} m v^2", "(1/2) m v²"),
        (r"\frac{a+b}{2} + c", "(a+b)/2 + c"),
        (r"\sqrt{x}y", "(√x)y"),
        (r"\sqrt[3]{x+1}", "∛(x+1)"),
        (r"\left(\frac{a}{b}\right)", "(a/b)"),
        (r"\left\{ x \right.", "{ x "),
        (r"\sin\theta", "sin θ"),
        (r"\log_2 n", "log₂ n"),
        (r"\mathbb{R}^n", "ℝⁿ"),
        (r"\vec{v}", "v\u20d7"),
        (r"90^\circ", "90°"),
        (r"\sum_{i=1}^{n} x_i", "∑ᵢ₌₁ⁿ xᵢ"),
    ],
)
def test_formulas_that_plain_characters_can_hold(latex: str, shown: str) -> None:
    assert unicode_math(latex) == shown


@pytest.mark.parametrize(
    "latex", [r"x^{a/b}", r"\begin{matrix}a\end{matrix}", "a_", r"\unknown", "{", "a}b", r"\frac", "a & b", r"a\\b"]
)
def test_formulas_that_they_cannot_hold(latex: str) -> None:
    assert unicode_math(latex) is None


@pytest.mark.parametrize("unit", ["{", "\\bar", "\\frac{", "\\sqrt[", "x^{", "\\left", "\\mathbb"])
def test_formulas_nested_without_end_are_code(unit: str) -> None:
    assert unicode_math(unit * 20_000 + "x" + "}" * 20_000) is None


@everywhere
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CO$_2$", "CO₂"),
        ("H$_2$SO$_4$", "H₂SO₄"),
        ("x$^2$Y", "x²Y"),
        ("10$^{-3}$ m", "10⁻³ m"),
        ("where \\[ x^2 \\] is", "where x² is"),
        ("so \\[\\frac{a}{b}\\] holds", "so a/b holds"),
        ("see \\[1\\] and \\[x\\]", "see [1] and [x]"),
    ],
)
def test_formulas_within_sentences(platform: str, text: str, shown: str) -> None:
    assert shown in read(platform, text)


# Links


@pytest.mark.parametrize("text", ["[](x)", "# [](x)", "**[](x)**", "![](x)", "> [](x)", "[](javascript:x)"])
def test_an_empty_link_leaves_no_message(text: str) -> None:
    assert not [*discord.render(text), *slack.render(text), *slack.render_blocks(text)]
    assert discord.render(f"a\n\n{text}\n\nb") == discord.render("a\n\nb")


def test_a_link_without_a_label_shows_its_address() -> None:
    for message in (*discord.render("a [](http://x.y)"), *slack.render("a [](http://x.y)")):
        assert "http://x.y" in message
    assert ">http://x.y</a>" in web.render("a [](http://x.y)")


@pytest.mark.parametrize("form", FORMS)
def test_slack_s_links_are_links(form: str) -> None:
    text = form.format("see <https://example.com/doc|the document>, <http://a.org/b_c_d|Example>")
    shown = [*discord.render(text), *slack.render(text), json.dumps(slack.render_blocks(text)), web.render(text)]
    for message in shown:
        assert "https://example.com/doc" in message
        assert "the document" in message
        assert "http://a.org/b_c_d" in message
        assert "|the" not in message.replace("<https://example.com/doc|the document>", "")


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://evil.example">mybank.com</a>',
        '<div><a href="https://evil.example">mybank.com</a></div>',
        '<a href="https://mybank.com@evil.example/x">mybank.com</a>',
        '<a href="https://user:pw@evil.example/x"><b>mybank</b>.com</a>',
        "[mybank.com](https://user:pw@evil.example)",
        '<div>\n<a href="https://evil.example"><a href="https://mybank.com">mybank.com</a></a>\n</div>',
    ],
)
def test_a_link_of_raw_html_cannot_hide_its_host(text: str) -> None:
    html = web.render(text)
    assert "mybank.com (evil.example)" in plain_html(html)
    assert not re.search(r'href="[^"]*@', html)
    assert "(evil.example)" in "".join(discord.render(text))


@pytest.mark.parametrize("text", ["https://p\u0430ypal.com/x", "[p\u0430ypal.com](https://p\u0430ypal.com/x)"])
def test_a_host_of_other_letters_is_shown_as_the_network_knows_it(text: str) -> None:
    for shown in (*discord.render(text), *slack.render(text), web.render(text), str(slack.render_blocks(text))):
        assert "https://xn--pypal-4ve.com/x" in shown
    raw = web.render('<a href="https://p\u0430ypal.com/x">p\u0430ypal.com</a>')
    assert "(xn--pypal-4ve.com)</a>" in web.render(text)
    assert "(xn--pypal-4ve.com)</a>" in raw


@pytest.mark.parametrize(
    "text", ['<img src="https://e.org/a.png" alt="a cat">', 'see <img src="https://e.org/a.png" alt="a cat"> x']
)
def test_an_image_of_raw_html_is_a_link(text: str) -> None:
    assert '<a class="image" href="https://e.org/a.png"' in web.render(text)
    assert "<img" not in web.render(text)
    assert "[a cat](https://e.org/a.png)" in discord.render(text)[0]


# Tables and lists


def cells(text: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", web.render(text))
    return [[plain_html(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("| a | b | c |\n|---|---|\n| 1 | 2 | 3 |", [["a", "b", "c"], ["1", "2", "3"]]),
        ("a | b | c\n---|---\n1 | 2 | 3", [["a", "b", "c"], ["1", "2", "3"]]),
        ("| a | b |\n|---|---|---|\n| 1 | 2 | 3 |", [["a", "b", ""], ["1", "2", "3"]]),
        ("| a | b |\n|---|---|\n| `int | None` | x |", [["a", "b"], ["int | None", "x"]]),
        ("| `x | y` | b |\n|---|---|\n| ``a | ` b`` | x |", [["x | y", "b"], ["a | ` b", "x"]]),
        ("| a | b |\n|---|---|\n| 1 | 2 | 3 |", [["a", "b"], ["1", "2 | 3"]]),
        ("| a | b |\n|---|---|\n| 1 \\| 2 | 3 |", [["a", "b"], ["1 | 2", "3"]]),
        ("| a |\n--- |\n| 1 |", [["a"], ["1"]]),
    ],
)
def test_tables_keep_all_their_text(text: str, rows: list[list[str]]) -> None:
    assert cells(text) == rows
    for first, further in (("> ", "> "), ("- ", "  "), ("- > ", "  > "), ("> 1. > ", ">    > ")):
        assert cells(first + text.replace("\n", f"\n{further}")) == rows
    shown = "".join(discord.render(text)) + "".join(slack.render(text)) + joined(slack.render_blocks(text))
    assert all(shown.count(cell) >= 3 for row in rows for cell in row if cell)
    assert "|---" not in shown


def test_what_is_struck_out_in_a_drawn_table_is_seen_to_be() -> None:
    text = "| a |\n|---|\n| ~~old **price**~~ new |"
    assert "~~old price~~ new" in discord.render(text)[0]
    assert "~~old price~~ new" in slack.render(text)[0]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1. a\n3. b", [1, 3]),
        ("1969. a\n1989. b\n1990. c", [1969, 1989, 1990]),
        ("3. a\n2. b\n1. c", [3, 2, 1]),
        ("1. a\n1. b\n1. c", [1, 2, 3]),
        ("2) a\n\n   text\n\n5) b", [2, 5]),
        ("> 1. a\n> 4. b", [1, 4]),
        ("- x\n  1. a\n  7. b", [1, 7]),
        ("é\n\n1. ü\n3. b", [1, 3]),
    ],
)
def test_lists_keep_their_numbers(text: str, numbers: list[int]) -> None:
    for rendered in (discord.render(text), slack.render(text), streamed(discord.stream(), text)):
        assert [int(number) for number in re.findall(r"(?m)^[> ]*(\d+)\.", rendered[0])] == numbers
    lists = re.findall(r"'offset': (\d+)", str(slack.render_blocks(text)))
    assert {int(offset) + 1 for offset in lists} <= set(numbers)
    html = web.render(text)
    assert all(f'value="{number}"' in html for before, number in pairwise(numbers) if number != before + 1)


def test_slack_s_lists_have_at_most_nine_levels() -> None:
    text = "".join(
        "  " * level + f"- level {level}\n\n" + "  " * (level + 1) + f"more {level}\n" for level in range(12)
    )
    blocks = slack.render_blocks(text)
    indents = [int(indent) for indent in re.findall(r"'indent': (\d+)", str(blocks))]
    assert max(indents) == 8
    assert all(f"level {level}" in joined(blocks) and f"more {level}" in joined(blocks) for level in range(12))


# Code and emphasis


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("{python}", "python"),
        ("{r, echo=FALSE}", "r"),
        ("{.python .numberLines}", "python"),
        ("python:app.py", "python"),
        ("js=", "js"),
        ("rust,no_run", "rust"),
        ("js {1,3}", "js"),
        ("c++", "c++"),
        ("c#:a.cs", "c#"),
        ("objective-c", "objective-c"),
    ],
)
def test_the_language_of_a_fence(info: str, language: str) -> None:
    text = f"```{info}\nx = 1\n```"
    assert discord.render(text) == [f"```{language}\nx = 1\n```"]
    assert f'class="language-{language}"' in web.render(text)
    assert f"'language': '{language}'" in str(slack.render_blocks(text))


@pytest.mark.parametrize("label", ["**Note:**text", "**Hinweis.**Text", '**"x"**y', "**Total:**5", "**(a)**b"])
@pytest.mark.parametrize("form", FORMS[:3])
def test_emphasis_ends_before_a_letter_although_with_punctuation(form: str, label: str) -> None:
    bold, rest = label[2:].split("**")
    assert f"<strong>{bold}</strong>{rest}" in web.render(form.format(label)).replace("&quot;", '"')
    assert label in discord.render(form.format(label))[0]


@pytest.mark.parametrize("text", ["2*(3+4)*5", "a**(b)**c", "x **(**y", "5 * 3: *a"])
def test_signs_of_arithmetic_are_no_emphasis(text: str) -> None:
    assert web.render(text) == f"<p>{text}</p>"


def test_a_keycap_star_stays_an_emoji_in_slack() -> None:
    assert slack.render("Press *\ufe0f\u20e3 or #\ufe0f\u20e3, *\u20e3 too.") == [
        "Press *\ufe0f\u20e3 or #\ufe0f\u20e3, *\u20e3 too."
    ]
