// A server that may be slow, large or silent, as its tools say; node attack_server.mjs prints its URL and ends with its input.
// Tools: echo; big {bytes, sized}: so much text at once, perhaps with its length; events {count, bytes}: progress of that size,
// then an answer; late {ms, bytes}; drip: an event stream of one byte a second; crawl: a body of one byte a second; never.
// Resources: any that is asked for.
import { Upstream } from '../e2e/upstream.mjs';

const capabilities = '{"tools":{},"resources":{"subscribe":true,"listChanged":true}}';
const text = (bytes) => JSON.stringify({ resultType: 'complete', content: [{ type: 'text', text: 'x'.repeat(bytes) }] });
const sizeOf = (id, raw) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":}`.length + raw.length;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
let calls = 0;

// One byte a second, until the other side has gone.
function crawl(raw, body, head) {
  raw.writeHead(200, head);
  let at = 0;
  const timer = setInterval(() => (at < body.length ? raw.write(body[at++]) : (clearInterval(timer), raw.end())), 1000);
  raw.on('close', () => clearInterval(timer));
}
function big(id, respond, { bytes, sized }) {
  const raw = text(bytes);
  respond.result(raw, sized ? { 'Content-Length': sizeOf(id, raw) } : {});
}
async function events(parsed, respond, { count, bytes }) {
  const progressToken = parsed.params._meta?.progressToken;
  respond.events();
  respond.raw.on('close', () => respond.raw.more?.());
  for (let progress = 1; progress <= count; ++progress) {
    if (respond.raw.destroyed) return;
    const params = { progressToken, progress, message: 'x'.repeat(bytes) };
    const room = respond.event(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }));
    if (!room) await new Promise((done) => ((respond.raw.more = done), respond.raw.once('drain', done)));
  }
  respond.end(text(1));
}
async function call(parsed, respond) {
  ++calls;
  const { name, arguments: args = {} } = parsed.params;
  if (name === 'big') return big(parsed.id, respond, args);
  if (name === 'events') return events(parsed, respond, args);
  if (name === 'late') return wait(args.ms).then(() => respond.result(text(args.bytes)));
  if (name === 'drip') return crawl(respond.raw, `data: ${text(100)}\n\n`, { 'Content-Type': 'text/event-stream' });
  if (name === 'crawl') return crawl(respond.raw, text(100), { 'Content-Type': 'application/json' });
  if (name !== 'never') respond.result(text(2));
}

function before(parsed, send, request, response) {
  const result = (value) => send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result: value }));
  const cache = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  if (parsed.method === 'server/discover')
    return (result({ ...cache, supportedVersions: ['2026-07-28'], capabilities: JSON.parse(capabilities) }), true);
  if (parsed.method === 'resources/list') return (result({ ...cache, resources: [] }), true);
  if (parsed.method === 'resources/templates/list')
    return (result({ ...cache, resourceTemplates: [{ name: 'item', uriTemplate: 'item://{name}' }] }), true);
  if (parsed.method !== 'subscriptions/listen') return false;
  const _meta = { 'io.modelcontextprotocol/subscriptionId': parsed.id };
  const message = {
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: { _meta, notifications: parsed.params.notifications },
  };
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write(`data: ${JSON.stringify(message)}\n\n`);
  return true;
}

const server = await Upstream.start({ tools: ['echo', 'big', 'events', 'late', 'drip', 'crawl', 'never'], call, before });
server.server.keepAliveTimeout = 60000;
setInterval(() => (server.seen.length = 0), 1000).unref();
console.log(server.url);
// Each line asks how many calls there have been, and how many answers were cut from the other side.
process.stdin.on('data', () => console.log(JSON.stringify({ calls, left: server.closed }))).on('end', () => process.exit(0));
