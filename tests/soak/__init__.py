"""A soak: people ask numbered questions, change their minds, and every part fails meanwhile; then it is judged.

The far ends (fake Discord, fake Slack, browsers at the page) live in this process and are never killed: they are what
people see. All else are processes as they are run in earnest: `glados discord`, `glados slack`, `glados web`, the
inference service, Valkey. `people` ask, edit, delete and regenerate; `parts` are killed; `weather` is what the
platforms do by themselves; `verdict` compares what stands in the end with what was asked.
"""
