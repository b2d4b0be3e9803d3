// What the official suite calls by name on a server: tools, resources, prompts, completion. One definition serves
// both eras; tools that ask the client are in asking.mjs.
import { setTimeout as sleep } from 'node:timers/promises';
import { McpServer, ResourceTemplate, fromJsonSchema } from '@modelcontextprotocol/server';
import { codec, registerAsking, text } from './asking.mjs';

const image = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const audio = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';
const object = (properties = {}, required = []) => fromJsonSchema({ type: 'object', properties, ...(required.length ? { required } : {}) });

// The lists really change when a trigger is called: one more tool or prompt is there, or no longer. Instances that
// live longer than a request follow, so that each tells its own client; `published` tells listeners over HTTP, where
// the new revision has an instance per request.
export class Changes {
  on = { tools: false, prompts: false };
  live = new Set();
  published = {};
  toggle(kind) {
    this.on[kind] = !this.on[kind];
    for (const { extra } of this.live) this.on[kind] ? extra[kind].enable() : extra[kind].disable();
    this.published[kind]?.();
  }
}

// `lasting`: the instance serves a whole session or process.
export function makeServer(changes, { lasting }) {
  const mcp = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    {
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true }, logging: {}, completions: {} },
      requestState: { verify: codec.verify },
    },
  );
  const extra = { tools: mcp.registerTool('test_extra', { description: 'comes and goes' }, async () => text('extra')), prompts: mcp.registerPrompt('test_extra_prompt', { description: 'comes and goes' }, async () => say({ type: 'text', text: 'extra' })) };
  for (const kind of ['tools', 'prompts']) if (!changes.on[kind]) extra[kind].disable();
  if (lasting) {
    const entry = { extra };
    changes.live.add(entry);
    mcp.server.onclose = () => changes.live.delete(entry);
  }
  registerTools(mcp, changes);
  registerAsking(mcp);
  registerResources(mcp);
  registerPrompts(mcp);
  return mcp;
}

function registerTools(mcp, changes) {
  const tool = (name, description, run, inputSchema) => mcp.registerTool(name, { description, ...(inputSchema ? { inputSchema } : {}) }, run);
  const resource = (uri, mimeType, value) => ({ type: 'resource', resource: { uri, mimeType, text: value } });
  tool('test_simple_text', 'plain text', async () => text('This is a simple text response for testing.'));
  tool('test_image_content', 'an image', async () => ({ content: [{ type: 'image', data: image, mimeType: 'image/png' }] }));
  tool('test_audio_content', 'a sound', async () => ({ content: [{ type: 'audio', data: audio, mimeType: 'audio/wav' }] }));
  tool('test_embedded_resource', 'a resource', async () => ({ content: [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')] }));
  tool('test_multiple_content_types', 'text, image and resource', async () => ({
    content: [{ type: 'text', text: 'Multiple content types test:' }, { type: 'image', data: image, mimeType: 'image/png' }, resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')],
  }));
  tool('test_error_handling', 'fails', async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  tool('test_tool_with_logging', 'logs three times', async (_, ctx) => {
    for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await ctx.mcpReq.log('info', line);
      await sleep(25);
    }
    return text('Tool with logging executed successfully');
  }, object());
  tool('test_logging_tool', 'logs once', async (_, ctx) => {
    await ctx.mcpReq.log('info', 'only seen by a request that asked for logs');
    return text('logged');
  }, object());
  // The pause after the last message is for clients that lose a progress message that comes together with the result.
  tool('test_tool_with_progress', 'reports progress', async (_, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100, message: `Completed step ${progress} of 100` } });
      await sleep(25);
    }
    return text(String(progressToken ?? 'no token'));
  }, object());
  // Over Streamable HTTP the stream ends before the result, which then waits for the client to come back.
  tool('test_reconnection', 'closes its stream during the call', async (_, ctx) => {
    ctx.http?.closeSSE?.();
    await sleep(400);
    return text('Reconnection test completed successfully.');
  }, object());
  tool('test_streaming_elicitation', 'a stream without requests of its own', async () => text('no requests on this stream'), object());
  for (const kind of ['tools', 'prompts'])
    tool(`test_trigger_${kind.slice(0, -1)}_change`, `changes the list of ${kind}`, async () => {
      changes.toggle(kind);
      return text(`the list of ${kind} changed`);
    }, object());
  tool('test_x_mcp_header', 'an argument that is mirrored into a header', async ({ region }) => text(`region=${region ?? 'none'}`),
    object({ region: { type: 'string', 'x-mcp-header': 'Region' }, level: { type: 'integer' } }));
  tool('json_schema_2020_12_tool', 'keywords of JSON Schema 2020-12', async (args) => text(JSON.stringify(args)), fromJsonSchema({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
    properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' }, contactMethod: { type: 'string', enum: ['phone', 'email'] }, phone: { type: 'string' }, email: { type: 'string' } },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  }));
}

function registerResources(mcp) {
  const resource = (name, uri, mimeType, contents) => mcp.registerResource(name, uri, { description: name, mimeType }, async () => ({ contents: [{ uri, mimeType, ...contents }] }));
  resource('static-text', 'test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  resource('static-binary', 'test://static-binary', 'image/png', { blob: image });
  resource('watched-resource', 'test://watched-resource', 'text/plain', { text: 'Watched resource content' });
  mcp.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined }), { description: 'a template', mimeType: 'application/json' },
    async (uri, { id }) => ({ contents: [{ uri: uri.toString(), mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }] }));
  for (const method of ['resources/subscribe', 'resources/unsubscribe']) mcp.server.setRequestHandler(method, async () => ({}));
}

const say = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });

function registerPrompts(mcp) {
  const prompt = (name, run, argsSchema) => mcp.registerPrompt(name, { description: name, ...(argsSchema ? { argsSchema } : {}) }, run);
  const string = { type: 'string' };
  prompt('test_simple_prompt', async () => say({ type: 'text', text: 'This is a simple prompt for testing.' }));
  prompt('test_prompt_with_arguments', async ({ arg1, arg2 }) => say({ type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }), object({ arg1: string, arg2: string }, ['arg1', 'arg2']));
  prompt('test_prompt_with_embedded_resource', async ({ resourceUri }) => say(
    { type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } },
    { type: 'text', text: 'Please process the embedded resource above.' }), object({ resourceUri: string }, ['resourceUri']));
  prompt('test_prompt_with_image', async () => say({ type: 'image', data: image, mimeType: 'image/png' }, { type: 'text', text: 'Please analyze the image above.' }));
  mcp.server.setRequestHandler('completion/complete', async ({ params }) => {
    const values = ['paris', 'park', 'party'].filter((one) => one.startsWith(params.argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
}
