// The fixture server of the official suite, on SDK v2. Usage: server.mjs [--era old|new|both] [--port N | --stdio]
// Over HTTP it prints its URL; old clients get real sessions, which can ask the client, keep events for a client
// that comes back, and end by DELETE.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { parseArgs } from 'node:util';
import { NodeStreamableHTTPServerTransport, localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import { classifyInboundRequest, createMcpHandler, isInitializeRequest } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { Changes, makeServer } from './surface.mjs';

const { era, port, stdio } = parseArgs({ options: { era: { type: 'string', default: 'both' }, port: { type: 'string', default: '0' }, stdio: { type: 'boolean', default: false } } }).values;
const changes = new Changes();

if (stdio) {
  if (era === 'old') await makeServer(changes, { lasting: true }).connect(new StdioServerTransport());
  else serveStdio(() => makeServer(changes, { lasting: true }), { legacy: era === 'new' ? 'reject' : 'serve' });
} else serveHttp();
// A runner that dies takes its fixture along.
process.on('disconnect', () => process.exit());

// Events of a session in order; an event's id names its stream.
class Events {
  all = [];
  async storeEvent(stream, message) {
    const id = `${stream}/${this.all.length}`;
    this.all.push({ id, stream, message });
    return id;
  }
  async getStreamIdForEventId(id) {
    return this.all.find((event) => event.id === id)?.stream;
  }
  async replayEventsAfter(last, { send }) {
    const from = this.all.findIndex((event) => event.id === last);
    const { stream } = this.all[from];
    for (const event of this.all.slice(from + 1)) if (event.stream === stream && event.message.jsonrpc) await send(event.id, event.message);
    return stream;
  }
}

function serveHttp() {
  const handler = createMcpHandler(() => makeServer(changes, { lasting: false }), { legacy: 'reject' });
  const modern = toNodeHandler(handler);
  changes.published = { tools: () => handler.notify.toolsChanged(), prompts: () => handler.notify.promptsChanged() };
  const guards = [localhostHostValidation(), localhostOriginValidation()];
  const sessions = new Map();
  const refuse = (response, status, message) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32000, message } }));
  };
  const open = async () => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events(),
      retryInterval: 500,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    const mcp = makeServer(changes, { lasting: true });
    await mcp.connect(transport);
    const closed = transport.onclose;
    transport.onclose = () => {
      sessions.delete(transport.sessionId);
      closed?.();
    };
    return transport;
  };
  const server = http.createServer(async (request, response) => {
    if (!guards.every((guard) => guard(request, response))) return;
    let body = '';
    request.setEncoding('utf8');
    for await (const part of request) body += part;
    let parsed;
    try {
      parsed = body ? JSON.parse(body) : undefined;
    } catch {
      return refuse(response, 400, 'Parse error');
    }
    const { 'mcp-protocol-version': protocolVersionHeader, 'mcp-method': mcpMethodHeader, 'mcp-session-id': id } = request.headers;
    const legacy = era === 'old' || (era === 'both' && classifyInboundRequest({ httpMethod: request.method, protocolVersionHeader, mcpMethodHeader, body: parsed }).kind === 'legacy');
    if (!legacy) return modern(request, response, parsed);
    const transport = id ? sessions.get(id) : isInitializeRequest(parsed) ? await open() : undefined;
    if (transport) return transport.handleRequest(request, response, parsed);
    return id ? refuse(response, 404, 'Session not found') : refuse(response, 400, 'Bad Request: Session ID required');
  });
  server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/mcp`));
}
