// The upstream of bench/streams.mjs, in a process of its own: 2026-07-28 and 2025-11-25 at one address. Takes a free port
// of loopback, prints it, and ends with its standard input. A line on that input says `change`: it sends list_changed to
// all who listen and prints when it began, on the clock that all processes of a machine share.
import http from 'node:http';
import readline from 'node:readline';

const listening = new Set();
const sessions = new Set();
const now = () => process.hrtime.bigint();
const tools = ['echo', 'report', 'large'].map((name) => ({ name, inputSchema: { type: 'object' } }));
const large = new Map(); // by size: the text is made once

function serve(request, response, parsed) {
  const { id, method, params = {} } = parsed;
  const send = (status, body = '', headers = {}) => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers });
    response.end(body);
  };
  const modern = request.headers['mcp-protocol-version'] === '2026-07-28';
  const whole = (result) => JSON.stringify({ jsonrpc: '2.0', id, result: { ...(modern ? { resultType: 'complete' } : {}), ...result } });
  const result = (value, headers) => send(200, whole(value), headers);
  const events = () => response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const cache = modern ? { ttlMs: 0, cacheScope: 'private' } : {};
  const capabilities = { tools: { listChanged: true } };
  if (method === 'initialize') {
    const session = `s${sessions.size}`;
    sessions.add(session);
    return result({ protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'streams', version: '1' } }, { 'Mcp-Session-Id': session });
  }
  if (request.method !== 'POST') return send(405);
  if (id === undefined) return send(202);
  if (method === 'server/discover' && modern) return result({ supportedVersions: ['2026-07-28'], capabilities, ...cache });
  if (method === 'tools/list') return result({ tools, ...cache });
  if (method === 'subscriptions/listen') {
    events();
    const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { _meta, notifications: params.notifications } })}\n\n`);
    const change = () => response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: { _meta } })}\n\n`);
    listening.add(change);
    return response.on('close', () => listening.delete(change));
  }
  if (method !== 'tools/call') return send(200, JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }));
  const args = params.arguments ?? {};
  if (params.name === 'large') {
    if (!large.has(args.bytes)) large.set(args.bytes, 'x'.repeat(args.bytes));
    const value = { content: [{ type: 'text', text: large.get(args.bytes) }] };
    if (!args.event) return result(value);
    events();
    return response.end(`data: ${whole(value)}\n\n`);
  }
  if (params.name !== 'report') return result({ content: [{ type: 'text', text: String(args.text) }] });
  // Progress that says when it was sent.
  events();
  let step = 0;
  const timer = setInterval(() => {
    if (++step > args.count) {
      clearInterval(timer);
      return response.end(`data: ${whole({ content: [] })}\n\n`);
    }
    response.write(`data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${JSON.stringify(params._meta.progressToken)},"progress":${step},"message":"at ${now()}"}}\n\n`);
  }, args.every);
  return response.on('close', () => clearInterval(timer));
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => serve(request, response, parts.length ? JSON.parse(Buffer.concat(parts).toString()) : {}));
});
server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
readline.createInterface({ input: process.stdin }).on('line', () => {
  const begun = now();
  for (const change of listening) change();
  console.log(String(begun));
}).on('close', () => process.exit(0));
