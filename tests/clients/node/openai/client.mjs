// OpenAI's client for Node does all that the service offers. Prints one JSON object; throws if something is missing.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "What is the weather in Paris?" }];
const base = { model, messages, max_tokens: 64, temperature: 0, seed: 1 };
const Weather = z.object({ city: z.string().max(12), degrees: z.number().int().min(-40).max(50) });
const tool = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather of a city",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { enum: ["Paris", "Rome"] } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};
const done = {};

const parts = {
  async models() {
    const ids = [];
    for await (const each of client.models.list()) ids.push(each.id);
    assert(ids.includes(model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  async chat() {
    const answer = await client.chat.completions.create(base);
    assert(answer.choices[0].message.content.length > 0);
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  },
  async stream() {
    const runner = client.chat.completions.stream({ ...base, stream_options: { include_usage: true } });
    let text = "";
    runner.on("content", (piece) => (text += piece));
    const answer = await runner.finalChatCompletion();
    assert.equal(answer.choices[0].message.content, text);
    assert(answer.usage.completion_tokens > 0);
  },
  async leaving() {
    const stream = await client.chat.completions.create({ ...base, stream: true });
    for await (const _ of stream) break;
    assert(stream.controller.signal.aborted);
  },
  async errors() {
    const refused = client.chat.completions.create({ ...base, temperature: 9 });
    await assert.rejects(refused, (error) => error instanceof OpenAI.BadRequestError && error.param === "temperature");
    const unknown = client.chat.completions.create({ ...base, model: "no-such-model" });
    await assert.rejects(unknown, OpenAI.NotFoundError);
  },
  async tools() {
    const only = { tools: [tool], tool_choice: "required", parallel_tool_calls: false };
    const answer = await client.chat.completions.create({ ...base, ...only });
    assert.equal(answer.choices[0].finish_reason, "tool_calls");
    const { id, function: called } = answer.choices[0].message.tool_calls[0];
    assert(["Paris", "Rome"].includes(JSON.parse(called.arguments).city));
    const result = { role: "tool", tool_call_id: id, content: "18 degrees, sunny" };
    const next = { ...base, messages: [...messages, answer.choices[0].message, result], tools: [tool] };
    const end = await client.chat.completions.create({ ...next, tool_choice: "none" });
    assert(end.choices[0].message.content.length > 0);
  },
  async streamed_tools() {
    const choice = { type: "function", function: { name: "weather" } };
    const answer = await client.chat.completions
      .stream({ ...base, tools: [tool], tool_choice: choice })
      .finalChatCompletion();
    const { function: called } = answer.choices[0].message.tool_calls[0];
    assert.equal(called.name, "weather");
    assert(["Paris", "Rome"].includes(JSON.parse(called.arguments).city));
  },
  async run_tools() {
    const asked = [];
    const look = zodFunction({
      name: "weather",
      parameters: z.object({ city: z.enum(["Paris", "Rome"]) }),
      function: ({ city }) => asked.push(city) && "18 degrees, sunny",
    });
    const choice = { type: "function", function: { name: "weather" } };
    await client.chat.completions.runTools({ ...base, tools: [look], tool_choice: choice }).done();
    assert(["Paris", "Rome"].includes(asked[0]));
  },
  async schema() {
    const format = zodResponseFormat(Weather, "weather");
    const answer = await client.chat.completions.parse({ ...base, response_format: format });
    Weather.parse(answer.choices[0].message.parsed);
  },
  async logprobs() {
    const answer = await client.chat.completions.create({ ...base, max_tokens: 4, logprobs: true, top_logprobs: 3 });
    const told = answer.choices[0].logprobs.content;
    assert.equal(told.length, answer.usage.completion_tokens);
    assert(told.every((each) => each.top_logprobs.length === 3 && each.logprob <= 0));
  },
  async several() {
    const answer = await client.chat.completions.create({ ...base, max_tokens: 4, n: 3 });
    assert.deepEqual(answer.choices.map((each) => each.index), [0, 1, 2]);
  },
  async completions() {
    const answer = await client.completions.create({ model, prompt: "Once upon a time", max_tokens: 8 });
    assert(answer.choices[0].text.length > 0);
  },
  async responses() {
    const answer = await client.responses.create({ model, input: "Hello", max_output_tokens: 16, store: false });
    assert(answer.output_text.length > 0);
  },
  async streamed_responses() {
    const stream = client.responses.stream({ model, input: "Hello", max_output_tokens: 16, store: false });
    let text = "";
    stream.on("response.output_text.delta", (event) => (text += event.delta));
    assert.equal((await stream.finalResponse()).output_text, text);
  },
  async response_tools() {
    const { name, parameters } = tool.function;
    const tools = [{ type: "function", name, parameters, strict: true }];
    const asked = { model, input: "The weather in Rome?", tools, tool_choice: "required", store: false };
    const [call] = (await client.responses.create(asked)).output.filter((each) => each.type === "function_call");
    assert(["Paris", "Rome"].includes(JSON.parse(call.arguments).city));
    const result = { type: "function_call_output", call_id: call.call_id, output: "18 degrees" };
    const input = [{ role: "user", content: asked.input }, call, result];
    const end = await client.responses.create({ ...asked, input, tool_choice: "none", max_output_tokens: 32 });
    assert(end.output_text.length > 0);
  },
};

for (const [name, part] of Object.entries(parts)) {
  try {
    await part();
    done[name] = "ok";
  } catch (error) {
    done[name] = `${error.name}: ${error.message}`;
  }
}
console.log(JSON.stringify(done));
