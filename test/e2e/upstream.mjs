// A scripted upstream over HTTP, of either era: it keeps every request as it came and answers as it is told.
import http from 'node:http';
import https from 'node:https';

export class Upstream {
  // era: 'new' or 'old'. tools: names, or whole definitions. call(parsed, respond, text): answers a tools/call.
  // list(respond, whole): answers a tools/list in its own way. before(parsed, send, request, response): sees every
  // request first; true: it has answered. host: the address that it listens on.
  static async start({ era = 'new', tools = ['echo'], call, list, tls, pages = 1, before, port = 0, host = '127.0.0.1' } = {}) {
    const self = new Upstream();
    Object.assign(self, { era, tools, call, list, pages, before, seen: [], sessions: new Set(), closed: 0, status: 0 });
    const serve = (request, response) => {
      let text = '';
      request.setEncoding('utf8');
      request.on('data', (part) => (text += part));
      request.on('end', () => self.answer(request, response, text));
    };
    self.server = tls ? https.createServer(tls, serve) : http.createServer(serve);
    await new Promise((done) => self.server.listen(port, host, done));
    self.port = self.server.address().port;
    self.url = `${tls ? 'https://localhost' : `http://${host.includes(':') ? `[${host}]` : host}`}:${self.port}/mcp`;
    return self;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
  calls() {
    return this.seen.filter((one) => one.method === 'tools/call');
  }
  answer(request, response, text) {
    const parsed = text ? JSON.parse(text) : {};
    const id = JSON.stringify(parsed.id);
    this.seen.push({ method: parsed.method, text, parsed, headers: request.headers, http: request.method });
    response.on('close', () => response.writableFinished || this.closed++);
    const send = (status, body, headers = {}) => {
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(body);
    };
    if (this.before?.(parsed, send, request, response)) return;
    const result = (raw, headers) => send(200, `{"jsonrpc":"2.0","id":${id},"result":${raw}}`, headers);
    const error = (status, code, message) => send(status, `{"jsonrpc":"2.0","id":${id ?? null},"error":{"code":${code},"message":"${message}"}}`);
    if (this.status) return error(this.status, -32000, 'out of order');
    const old = this.era === 'old';
    const cache = old ? '' : '"resultType":"complete","ttlMs":0,"cacheScope":"private",';
    if (old) {
      if (parsed.method === 'initialize') {
        const session = 's' + Math.random().toString(36).slice(2);
        this.sessions.add(session);
        return result('{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}', { 'Mcp-Session-Id': session });
      }
      if (!this.sessions.has(request.headers['mcp-session-id'])) return error(request.headers['mcp-session-id'] ? 404 : 400, -32000, 'no session');
    }
    if (parsed.id === undefined || parsed.method === undefined) return send(202, '');
    if (parsed.method === 'server/discover' && !old)
      return result('{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}');
    if (parsed.method === 'tools/list') {
      const page = Number(parsed.params?.cursor ?? 0);
      const size = Math.ceil(this.tools.length / this.pages);
      const list = this.tools.slice(page * size, (page + 1) * size).map((tool) => (typeof tool === 'object' ? JSON.stringify(tool) : `{"name":"${tool}","inputSchema":{"type":"object"},"x-kept":1.0}`));
      const next = page + 1 < this.pages ? `,"nextCursor":"${page + 1}"` : '';
      if (this.list) return this.list({ result, error }, `{${cache}"tools":[${list}]${next}}`);
      return result(`{${cache}"tools":[${list}]${next}}`);
    }
    if (parsed.method === 'tools/call') {
      const respond = {
        result,
        error,
        send,
        raw: response,
        events: () => response.writeHead(200, { 'Content-Type': 'text/event-stream' }),
        event: (raw) => response.write(`data: ${raw}\n\n`),
        end: (raw) => response.end(`data: {"jsonrpc":"2.0","id":${id},"result":${raw}}\n\n`),
      };
      if (this.call) return this.call(parsed, respond, text);
      return result(`{${old ? '' : '"resultType":"complete",'}"content":[{"type":"text","text":${JSON.stringify(JSON.stringify(parsed.params.arguments ?? {}))}}]}`);
    }
    return error(old ? 200 : 404, -32601, 'method not found');
  }
}
