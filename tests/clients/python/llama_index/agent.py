"""LlamaIndex's FunctionAgent asks a function, and ends with words."""

from doing import END, KEY, MODEL, URL, WEATHER, do
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai_like import OpenAILike


async def finished():
    asked = []

    def get_weather(city: str) -> str:
        """The weather of a city"""
        asked.append(city)
        return WEATHER

    llm = OpenAILike(
        model=MODEL,
        api_base=URL,
        api_key=KEY,
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=8192,
        max_retries=0,
    )
    response = await FunctionAgent(tools=[get_weather], llm=llm).run("What is the weather in Rome?")
    assert str(response).strip() == END
    assert asked == ["Rome"]


do(finished)
