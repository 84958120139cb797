"""Better names for topics than the offline ones, from whatever can write them; off unless a deployment asks.

:mod:`~recsys.namers.base` has what every namer takes and gives and the check that every answer has to pass;
:mod:`~recsys.namers.openai` asks a language model behind an OpenAI-compatible address. A namer never stops a build:
a topic it gives no fit name keeps the offline one, with the reason.
"""
