// SDK v1, 2025-11-25 and older, with that revision's tasks: over Streamable HTTP with sessions, over HTTP+SSE, on pipes.
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as types from '@modelcontextprotocol/sdk/types.js';
import { Hub, capabilities, features } from './features-server.mjs';
import { body, folder, listen, sessions, transport } from './host.mjs';

const levels = types.LoggingLevelSchema.options;
const hub = new Hub();
const tasks = new InMemoryTaskStore();
const queue = new InMemoryTaskMessageQueue();

// The one tool that may run as a task: it takes its time, then echoes.
const task = [
  { type: 'object' },
  async ({ text, ms = 150 }) => {
    await new Promise((done) => setTimeout(done, ms));
    return { content: [{ type: 'text', text }] };
  },
  { execution: { taskSupport: 'optional' } },
];
const handlers = features(hub, folder, { task });

async function asTask(request, extra) {
  const made = await extra.taskStore.createTask({ ttl: request.params.task.ttl, pollInterval: 50 });
  const run = async () => {
    const result = await handlers['tools/call'](request.params, {});
    const now = await extra.taskStore.getTask(made.taskId);
    if (now.status === 'working') await extra.taskStore.storeTaskResult(made.taskId, 'completed', result);
  };
  run().catch(() => {});
  return { task: made };
}

// One server a session.
async function connect(wire) {
  const server = new Server(
    { name: 'matrix-sdk1', version: '1' },
    { capabilities: { ...capabilities(), tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }, taskStore: tasks, taskMessageQueue: queue },
  );
  const wanted = new Set();
  let level = 'debug';
  const send = async (request, extra) => {
    const needed = { 'elicitation/create': 'elicitation', 'sampling/createMessage': 'sampling', 'roots/list': 'roots' }[request.method];
    if (!server.getClientCapabilities()[needed]) throw new Error(`the client does not support ${needed}`);
    const params = request.params?.mode === 'url' ? { ...request.params, elicitationId: `e-${Math.random()}` } : request.params;
    return extra.sendRequest({ method: request.method, params }, types.ResultSchema, { timeout: 40000 });
  };
  const run = async (handler, request, extra) => {
    const token = request.params?._meta?.progressToken;
    const ctx = {
      meta: request.params?._meta ?? {},
      signal: extra.signal,
      progress: async (params) => token !== undefined && extra.sendNotification({ method: 'notifications/progress', params: { progressToken: token, ...params } }),
      log: async (said, data) => levels.indexOf(said) >= levels.indexOf(level) && extra.sendNotification({ method: 'notifications/message', params: { level: said, logger: 'matrix', data } }),
      notFound: (uri) => Object.assign(new Error('Resource not found'), { code: -32002, data: { uri } }),
      prefixed: (code, text) => new types.McpError(code, text),
    };
    for (;;) {
      const got = await handler(request.params ?? {}, ctx);
      if (!got.ask) return got;
      ctx.responses = Object.fromEntries(await Promise.all(Object.entries(got.ask).map(async ([key, one]) => [key, await send(one, extra)])));
      ctx.state = got.state;
    }
  };
  const schemas = [types.ListToolsRequestSchema, types.ListPromptsRequestSchema, types.GetPromptRequestSchema, types.ListResourcesRequestSchema, types.ListResourceTemplatesRequestSchema, types.ReadResourceRequestSchema, types.CompleteRequestSchema];
  for (const schema of schemas) server.setRequestHandler(schema, (request, extra) => run(handlers[request.method], request, extra));
  server.setRequestHandler(types.CallToolRequestSchema, (request, extra) => (request.params.task ? asTask(request, extra) : run(handlers['tools/call'], request, extra)));
  server.setRequestHandler(types.SetLevelRequestSchema, (request) => ((level = request.params.level), {}));
  server.setRequestHandler(types.SubscribeRequestSchema, (request) => (wanted.add(request.params.uri), {}));
  server.setRequestHandler(types.UnsubscribeRequestSchema, (request) => (wanted.delete(request.params.uri), {}));
  const listener = { notify: (method, params) => server.notification({ method, params }), wants: (uri) => wanted.has(uri) };
  hub.listeners.add(listener);
  server.onclose = () => hub.listeners.delete(listener);
  await server.connect(wire);
}

if (transport === 'stdio') {
  await connect(new StdioServerTransport());
} else if (transport === 'http') {
  const serve = sessions(StreamableHTTPServerTransport, connect);
  await listen('/mcp', async (request, response) => serve(request, response, await body(request)));
} else {
  const open = new Map();
  await listen('/sse', async (request, response) => {
    const url = new URL(request.url, 'http://x');
    if (url.pathname === '/messages') {
      const wire = open.get(url.searchParams.get('sessionId'));
      return wire ? wire.handlePostMessage(request, response, await body(request)) : response.writeHead(404).end('no session');
    }
    if (request.method !== 'GET' || url.pathname !== '/sse') return response.writeHead(405).end();
    const wire = new SSEServerTransport('/messages', response);
    open.set(wire.sessionId, wire);
    response.on('close', () => open.delete(wire.sessionId));
    return connect(wire);
  });
}
