// A server whose every answer can be told from all others: node server.mjs (old|new) (http|stdio) [PORT]. Its ids, keys and
// states are the same for all who ask, its nonces are the callers'. Over HTTP it prints its URL. It ends with its input.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import readline from 'node:readline';

const [era, transport, port = '0'] = process.argv.slice(2);
const modern = era === 'new';
const capabilities = { tools: {}, resources: { subscribe: true } };
const moment = () => new Promise((done) => setImmediate(done));
const listeners = new Set(); // {uris, tell(uri)}

const elicit = (message) => ({ method: 'elicitation/create', params: { message, requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } } });
const sample = (message) => ({ method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: message } }], maxTokens: 9 } });
const said = (answer) => answer.content?.name ?? answer.content?.text ?? JSON.stringify(answer);

// What a tool gives is what it says; `ask` gives the answers by key.
const tools = {
  echo: () => ({}),
  async report({ nonce, count }, { progress }) {
    for (let i = 1; i <= count; ++i) {
      progress(i, `${nonce}#${i}`);
      if (i % 2) await moment();
    }
    return {};
  },
  ask: ({ nonce }, { ask }) => ask({ q: elicit(`${nonce}/q`) }),
  sample: ({ nonce }, { ask }) => ask({ q: sample(`${nonce}/q`) }),
  two: ({ nonce }, { ask }) => ask({ a: elicit(`${nonce}/a`), b: sample(`${nonce}/b`) }),
  touch({ uri }) {
    let count = 0;
    for (const one of listeners) if (one.uris.has(uri)) (one.tell(uri), ++count);
    return { count };
  },
};

// One request; `wire`: {event(message), session: {ask(request), uris}}. Gives the result, or throws {code, message}.
async function serve({ method, params = {} }, wire) {
  const cache = modern ? { ttlMs: 0, cacheScope: 'private' } : {};
  if (method === 'tools/list') return { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })), ...cache };
  if (method === 'resources/templates/list') return { resourceTemplates: [{ name: 'item', uriTemplate: `${process.env.NAME}://{client}/{item}` }], ...cache };
  if (method === 'resources/list') return { resources: [], ...cache };
  if (method === 'resources/read') return { contents: [{ uri: params.uri, text: `text of ${params.uri}` }], ...cache };
  if (method === 'resources/subscribe') return wire.session.uris.add(params.uri), {};
  if (method === 'resources/unsubscribe') return wire.session.uris.delete(params.uri), {};
  if (method === 'ping') return {};
  if (method !== 'tools/call') throw { code: -32601, message: `no ${method}` };
  const args = params.arguments;
  const token = params._meta?.progressToken;
  const progress = (step, message) => token !== undefined && wire.event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: token, progress: step, message } });
  const ask = async (requests) => {
    let answers = params.inputResponses;
    if (modern && !answers) throw { input: { resultType: 'input_required', inputRequests: requests, requestState: `state of ${args.nonce}` } };
    if (modern && params.requestState !== `state of ${args.nonce}`) throw { code: -32602, message: `crossed state: ${params.requestState}` };
    if (!modern) answers = Object.fromEntries(await Promise.all(Object.entries(requests).map(async ([key, one]) => [key, await wire.session.ask(one, wire)])));
    return { heard: Object.fromEntries(Object.entries(answers).map(([key, one]) => [key, said(one)])) };
  };
  const got = await tools[params.name](args, { progress, ask });
  return { content: [{ type: 'text', text: JSON.stringify({ nonce: args.nonce, ...got }) }] };
}

async function answer(message, wire) {
  try {
    return { jsonrpc: '2.0', id: message.id, result: { ...(modern ? { resultType: 'complete' } : {}), ...(await serve(message, wire)) } };
  } catch (error) {
    if (error.input) return { jsonrpc: '2.0', id: message.id, result: error.input };
    return { jsonrpc: '2.0', id: message.id, error: { code: error.code ?? -32603, message: String(error.message) } };
  }
}

// What a session keeps: questions that wait, numbered from 1 in each, and subscriptions. `send`: beside calls.
class Session {
  next = 1;
  open = new Map();
  uris = new Set();
  constructor(send) {
    this.tell = (uri) => send({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } });
    listeners.add(this);
  }
  ask(request, wire) {
    const id = this.next++;
    wire.event({ jsonrpc: '2.0', id, ...request });
    return new Promise((done) => this.open.set(id, done));
  }
  answered({ id, result, error }) {
    this.open.get(id)?.(result ?? error);
    this.open.delete(id);
  }
}
const introduction = (version) => ({ protocolVersion: version, capabilities, serverInfo: { name: 'soak', version: '1' } });
const discovered = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'private' };

// The new revision's subscriptions; gives the one that listens.
function listen({ id, params }, event) {
  const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
  const say = (method, more) => event({ jsonrpc: '2.0', method, params: { _meta, ...more } });
  const one = { uris: new Set(params.notifications.resourceSubscriptions ?? []), tell: (uri) => say('notifications/resources/updated', { uri }) };
  listeners.add(one);
  say('notifications/subscriptions/acknowledged', { notifications: params.notifications });
  return one;
}

function onPipes() {
  const write = (message) => process.stdout.write(JSON.stringify(message) + '\n');
  const session = new Session(write);
  const listening = new Map();
  readline.createInterface({ input: process.stdin }).on('line', async (line) => {
    const message = JSON.parse(line);
    if (message.method === undefined) return session.answered(message);
    if (message.method === 'notifications/cancelled') return listeners.delete(listening.get(message.params.requestId));
    if (message.id === undefined) return;
    const result = (value) => write({ jsonrpc: '2.0', id: message.id, result: value });
    const refuse = (code, text, data) => write({ jsonrpc: '2.0', id: message.id, error: { code, message: text, data } });
    if (message.method === 'initialize') return modern ? refuse(-32022, 'Unsupported protocol version', { supported: ['2026-07-28'] }) : result(introduction(message.params.protocolVersion));
    if (modern && message.method === 'server/discover') return result(discovered);
    if (modern && message.method === 'subscriptions/listen') return listening.set(message.id, listen(message, write));
    write(await answer(message, { event: write, session }));
  }).on('close', () => process.exit(0));
}

function overHttp() {
  const sessions = new Map();
  const found = async (request, response, message) => {
    const send = (status, body = '', headers = {}) => response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body && JSON.stringify(body));
    const stream = () => response.headersSent || response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const event = (one) => (stream(), response.write(`data: ${JSON.stringify(one)}\n\n`));
    const refuse = (status, code, text, data) => send(status, { jsonrpc: '2.0', id: message?.id ?? null, error: { code, message: text, data } });
    let session;
    if (modern) {
      if (request.method !== 'POST') return send(405);
      if (message.method === 'initialize') return refuse(400, -32022, 'Unsupported protocol version', { supported: ['2026-07-28'] });
      if (message.id === undefined) return send(202);
      if (message.method === 'server/discover') return send(200, { jsonrpc: '2.0', id: message.id, result: discovered });
      if (message.method === 'subscriptions/listen') {
        const one = listen(message, event);
        return response.on('close', () => listeners.delete(one));
      }
    } else {
      if (message?.method === 'initialize') {
        const id = randomUUID();
        const kept = [];
        const fresh = new Session((one) => (fresh.stream ? fresh.stream.write(`data: ${JSON.stringify(one)}\n\n`) : kept.push(one)));
        fresh.kept = kept;
        sessions.set(id, fresh);
        return send(200, { jsonrpc: '2.0', id: message.id, result: introduction(message.params.protocolVersion) }, { 'Mcp-Session-Id': id });
      }
      session = sessions.get(request.headers['mcp-session-id']);
      if (!session) return refuse(request.headers['mcp-session-id'] ? 404 : 400, -32000, 'no session');
      if (request.method === 'DELETE') return listeners.delete(session), sessions.delete(request.headers['mcp-session-id']), send(200);
      if (request.method === 'GET') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
        session.stream = response;
        for (const one of session.kept.splice(0)) response.write(`data: ${JSON.stringify(one)}\n\n`);
        return response.on('close', () => session.stream === response && (session.stream = undefined));
      }
      if (message.method === undefined) return session.answered(message), send(202);
      if (message.id === undefined) return send(202);
    }
    const done = await answer(message, { event, session });
    if (!response.headersSent) return send(200, done);
    return response.end(`data: ${JSON.stringify(done)}\n\n`);
  };
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => found(request, response, parts.length ? JSON.parse(Buffer.concat(parts).toString()) : undefined));
  });
  server.keepAliveTimeout = 60000;
  server.listen(Number(port), '127.0.0.1', () => console.log(`URL http://127.0.0.1:${server.address().port}/mcp`));
  process.stdin.on('end', () => process.exit(0)).resume();
}

if (transport === 'stdio') onPipes();
else overHttp();
