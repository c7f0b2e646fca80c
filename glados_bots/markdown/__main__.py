"""`python -m glados_bots.markdown`: the render tool."""

from glados_bots.markdown.render_tool import main

main()
