// The upstream of the chaos suite: a small MCP server whose every answer carries the key of its call, and which writes each
// run of a tool into a journal before it answers: that outlives a kill. node server.mjs --name n --era new|old --journal FILE
// [--stdio]. Over HTTP it is a child of the suite and told by messages: {do: ping | exhaust | fault | heal}; it says {port}.
// On pipes SIGUSR2 spoils its next answers. Faults: wrong_id, s503 (not run), s500 (run). Lines of the journal: "pid NAME PID"
// as it starts, "run NAME TOOL KEY PID".
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values: options } = parseArgs({ options: { name: text, era: text, journal: text, stdio: { type: 'boolean', default: false } } });
const old = options.era === 'old';
const journal = fs.openSync(options.journal, 'a');
const note = (...words) => fs.writeSync(journal, words.join(' ') + '\n');
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
let fault = { kind: 'none' };
note('pid', options.name, process.pid);

const inputSchema = { type: 'object' };
const tools = [
  { name: 'read', inputSchema, annotations: { readOnlyHint: true } },
  { name: 'same', inputSchema, annotations: { readOnlyHint: false, idempotentHint: true } },
  { name: 'write', inputSchema, annotations: { readOnlyHint: false, idempotentHint: false } },
  { name: 'bare', inputSchema }, // a write that says nothing of itself
  { name: 'slow', inputSchema, annotations: { readOnlyHint: true } },
  { name: 'patient', inputSchema, annotations: { readOnlyHint: true } },
];
const capabilities = { tools: {}, resources: {}, prompts: {} };
const introduction = { serverInfo: { name: options.name, version: '1' }, capabilities };

// `progress`: tells a step where the caller asked for it.
async function result(method, params, progress) {
  const args = params.arguments ?? {};
  switch (method) {
    case 'initialize': return { protocolVersion: params.protocolVersion === '2025-06-18' ? '2025-06-18' : '2025-11-25', ...introduction };
    case 'server/discover': return { supportedVersions: ['2026-07-28'], ttlMs: 0, cacheScope: 'private', ...introduction };
    case 'ping': return {};
    case 'tools/list': return { tools };
    case 'resources/list': return { resources: [] };
    case 'resources/templates/list': return { resourceTemplates: [{ name: 'item', uriTemplate: `${options.name}://item/{key}` }] };
    case 'prompts/list': return { prompts: [{ name: 'greet', arguments: [{ name: 'key' }] }] };
    case 'resources/read': return { contents: [{ uri: params.uri, text: params.uri.split('/').at(-1) }] };
    case 'prompts/get': return { messages: [{ role: 'user', content: { type: 'text', text: args.key } }] };
    case 'tools/call':
      note('run', options.name, params.name, args.key, process.pid);
      for (let step = 1; step <= (args.steps ?? 1); ++step) {
        if (args.ms) await wait(args.ms / (args.steps ?? 1));
        if (args.steps) progress(step, args.key);
      }
      return { content: [{ type: 'text', text: JSON.stringify({ key: args.key, by: options.name, tool: params.name }) }] };
    default: throw { code: -32601, message: `no ${method}` };
  }
}
const cached = (method) => (!old && /list$|read$/.test(method) ? { ttlMs: 0, cacheScope: 'private' } : {});
async function answer({ id, method, params = {} }, event) {
  const token = params._meta?.progressToken;
  const progress = (step, message) => token !== undefined && event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: token, progress: step, message } });
  try {
    return { jsonrpc: '2.0', id, result: { ...(old ? {} : { resultType: 'complete' }), ...cached(method), ...(await result(method, params, progress)) } };
  } catch (error) {
    return { jsonrpc: '2.0', id, error: { code: error.code ?? -32603, message: String(error.message) } };
  }
}

function onPipes() {
  let spoil = 0;
  process.on('SIGUSR2', () => (spoil += 3));
  const say = (raw) => process.stdout.write(raw + '\n');
  readline.createInterface({ input: process.stdin }).on('line', async (line) => {
    const message = JSON.parse(line);
    if (message.id === undefined || message.method === undefined) return;
    if (message.method === (old ? 'server/discover' : 'initialize')) {
      const [code, data] = old ? [-32601] : [-32022, { supported: ['2026-07-28'] }];
      return say(JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code, message: 'not here', data } }));
    }
    const said = await answer(message, (one) => say(JSON.stringify(one)));
    if (spoil && message.method === 'tools/call') return say([JSON.stringify({ ...said, id: 'of nobody' }), '\x01 no JSON at all', JSON.stringify(said).slice(0, -9)][--spoil % 3]);
    say(JSON.stringify(said));
  }).on('close', () => process.exit(0));
}

function overHttp() {
  const sessions = new Set();
  const serve = async (request, response, body) => {
    const send = (status, value = '', headers = {}) => response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(value && JSON.stringify(value));
    const refuse = (status, message) => send(status, { jsonrpc: '2.0', id: null, error: { code: -32000, message } });
    const session = request.headers['mcp-session-id'];
    if (old && request.method === 'DELETE') return send(sessions.delete(session) ? 200 : 404);
    if (old && request.method === 'GET' && sessions.has(session)) return void response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    if (request.method !== 'POST') return send(405, '', { Allow: 'POST' });
    const message = JSON.parse(body);
    if (!old && message.method === 'initialize') return send(400, { jsonrpc: '2.0', id: message.id, error: { code: -32022, message: 'Unsupported protocol version', data: { supported: ['2026-07-28'] } } });
    if (old && message.method !== 'initialize' && !sessions.has(session)) return refuse(session ? 404 : 400, session ? 'Session not found' : 'Session ID required');
    if (message.id === undefined || message.method === undefined) return send(202);
    const met = fault.kind !== 'none' && Math.random() < fault.share ? fault.kind : 'none';
    if (met === 's503') return response.writeHead(503, { 'Content-Type': 'text/plain' }).end('away');
    const headers = {};
    if (message.method === 'initialize') {
      headers['Mcp-Session-Id'] = randomUUID();
      sessions.add(headers['Mcp-Session-Id']);
    }
    const stream = () => response.headersSent || response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const event = (one) => (stream(), response.write(`data: ${JSON.stringify(one)}\n\n`));
    const said = await answer(message, event);
    if (met === 'wrong_id') said.id = typeof said.id === 'number' ? said.id + 1 : `${said.id}1`;
    if (met === 's500' && !response.headersSent) return response.writeHead(500, { 'Content-Type': 'text/plain' }).end('broken');
    if (message.params?.arguments?.sse) stream();
    if (!response.headersSent) return send(200, said, headers);
    event(said);
    response.end();
  };
  const server = http.createServer({ keepAliveTimeout: 60000 }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part) => (body += part)).on('end', () => void serve(request, response, body)).on('error', () => {});
    response.on('error', () => {});
  });
  server.on('clientError', (_, socket) => socket.destroy());
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  let held = [];
  let taking;
  const exhaust = () => {
    try {
      for (;;) held.push(fs.openSync('/dev/null'));
    } catch {
      // None is left: that is what was wanted.
    }
  };
  const release = () => {
    clearInterval(taking);
    for (const one of held) fs.closeSync(one);
    held = [];
  };
  process.on('message', (told) => {
    if (told.do === 'fault') fault = told;
    if (told.do === 'heal') release(), (fault = { kind: 'none' });
    if (told.do === 'exhaust') exhaust(), (taking = setInterval(exhaust, 2)); // what others give back, too
    process.send({ done: told.n });
  });
  process.on('disconnect', () => process.exit(0));
}

if (options.stdio) onPipes();
else overHttp();
