// The Vercel AI SDK does all that the service offers, through both providers that can reach it.
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [baseURL, apiKey, name] = process.argv.slice(2);
const compatible = createOpenAICompatible({
  name: "glados",
  baseURL,
  apiKey,
  includeUsage: true,
  supportsStructuredOutputs: true,
})(name);
const openai = createOpenAI({ baseURL, apiKey });
const models = { compatible, chat: openai.chat(name), responses: openai.responses(name) };
const Weather = z.object({ city: z.string().max(12), degrees: z.number().int().min(-40).max(50) });
const City = z.object({ city: z.enum(["Paris", "Rome"]) });
const stateless = { openai: { store: false } };
const done = {};

const parts = {
  async text(model) {
    const { text, usage } = await generateText({ model, prompt: "Hello", maxOutputTokens: 16, maxRetries: 0 });
    assert(text.length > 0);
    assert(usage.outputTokens > 0);
  },
  async stream(model) {
    const answer = streamText({ model, prompt: "Hello", maxOutputTokens: 16, maxRetries: 0, onError: () => {} });
    let text = "";
    for await (const piece of answer.textStream) text += piece;
    assert(text.length > 0);
    assert((await answer.usage).outputTokens > 0);
  },
  async tools(model) {
    const asked = [];
    const execute = async ({ city }) => asked.push(city) && "18 degrees, sunny";
    const weather = tool({ description: "The weather of a city", inputSchema: City, execute });
    const answer = await generateText({
      model,
      prompt: "What is the weather in Rome?",
      tools: { weather },
      providerOptions: stateless,
      maxOutputTokens: 1024,
      maxRetries: 0,
      stopWhen: stepCountIs(2),
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber ? "none" : "required" }),
    });
    assert(["Paris", "Rome"].includes(asked[0]));
    assert.equal(answer.steps.length, 2);
    assert(answer.text.length > 0);
  },
  async streamed_tools(model) {
    const weather = tool({ description: "The weather of a city", inputSchema: City });
    const toolChoice = { type: "tool", toolName: "weather" };
    const answer = streamText({ model, prompt: "Rome?", tools: { weather }, toolChoice, maxRetries: 0, onError: () => {} });
    const [call] = await answer.toolCalls;
    assert(["Paris", "Rome"].includes(call.input.city));
    assert.equal(await answer.finishReason, "tool-calls");
  },
  async schema(model) {
    const output = Output.object({ schema: Weather });
    const answer = await generateText({ model, prompt: "Rome?", output, maxOutputTokens: 64, maxRetries: 0 });
    Weather.parse(answer.output);
  },
  async errors(model) {
    const refused = generateText({ model, prompt: "Hello", temperature: 9, maxRetries: 0 });
    await assert.rejects(refused, (error) => APICallError.isInstance(error) && error.statusCode === 400);
  },
};

for (const [provider, model] of Object.entries(models)) {
  for (const [name, part] of Object.entries(parts)) {
    try {
      await part(model);
      done[`${provider}.${name}`] = "ok";
    } catch (error) {
      done[`${provider}.${name}`] = `${error.name}: ${error.message}`;
    }
  }
}
console.log(JSON.stringify(done));
