// The server behind a proxy, on a bare socket: it keeps every byte that came and reads requests strictly by RFC 9112. Each one
// it can read is answered with 200 and a valid result of JSON-RPC; what it cannot read, with 400 and the end of the connection.
import net from 'node:net';

const tools = [
  { name: 'echo', inputSchema: { type: 'object' } },
  { name: 'größe', inputSchema: { type: 'object' } },
  { name: 'sql', inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } },
];
const whole = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
const results = {
  'server/discover': { ...whole, supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
  'tools/list': { ...whole, tools },
};
const called = { resultType: 'complete', content: [{ type: 'text', text: 'done' }] };

// One request at the beginning of `text` (latin1): null while it is not whole, else {method, target, headers, body, framing,
// odd, size}. `odd` lists what no proxy should pass on; `broken` ends the connection.
export function parseRequest(text) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first, ...lines] = text.slice(0, end).split('\r\n');
  const odd = [];
  const note = (wrong, what) => wrong && odd.push(what);
  const [, method, target] = /^(\S+) (\S+) HTTP\/1\.[01]$/s.exec(first) ?? [];
  const broken = (what) =>
    ({ method, target, headers: {}, body: '', framing: 'broken', odd: [...odd, what], size: text.length, broken: true });
  if (method === undefined) return broken('a request line that is none');
  const headers = {};
  for (const line of lines) {
    const [, name, value] = /^([^:]*):[ \t]*(.*?)[ \t]*$/s.exec(line) ?? [];
    if (name === undefined) return broken('a line without a colon');
    note(/[^!#$%&'*+.^_`|~0-9A-Za-z-]/.test(name) || name === '', 'a name that is no token');
    note(/[\0-\x08\x0a-\x1f\x7f]/.test(value), 'a control character in a value');
    (headers[name.toLowerCase()] ??= []).push(value);
  }
  const head = { method, target, headers, odd };
  const length = headers['content-length'];
  const coding = headers['transfer-encoding'];
  note(headers.host?.length !== 1, 'not one Host');
  if (length && coding) return broken('a length and a coding');
  if (length && (length.length > 1 || !/^\d{1,19}$/.test(length[0]))) return broken('a length that is none');
  if (coding && (coding.length > 1 || coding[0].toLowerCase() !== 'chunked')) return broken('another coding');
  const at = end + 4;
  if (!coding) {
    const size = Number(length?.[0] ?? 0);
    if (text.length < at + size) return { ...head, partial: true };
    return { ...head, body: text.slice(at, at + size), framing: length ? 'length' : 'none', size: at + size };
  }
  let body = '';
  for (let from = at; ; ) {
    const line = text.indexOf('\r\n', from);
    if (line < 0) return { ...head, partial: true };
    const [, digits, more] = /^([0-9A-Fa-f]{1,12})(.*)$/s.exec(text.slice(from, line)) ?? [];
    if (digits === undefined) return broken('a size that is none');
    note(more !== '', 'an extension of a chunk');
    const size = parseInt(digits, 16);
    if (size === 0) {
      const last = text.startsWith('\r\n', line + 2) ? line + 2 : text.indexOf('\r\n\r\n', line) + 2;
      if (last === 1 || text.length < last + 2) return { ...head, partial: true };
      note(last !== line + 2, 'a trailer');
      return { ...head, body, framing: 'chunked', size: last + 2 };
    }
    if (text.length < line + 4 + size) return { ...head, partial: true };
    if (!text.startsWith('\r\n', line + 2 + size)) return broken('a chunk that does not end in CRLF');
    body += text.slice(line + 2, line + 2 + size);
    from = line + 4 + size;
  }
}

export class RawUpstream {
  static async start() {
    const self = new RawUpstream();
    Object.assign(self, { wires: new Set(), seen: [], bytes: 0, cut: 0 });
    self.server = net.createServer((socket) => self.#serve(socket));
    await new Promise((done) => self.server.listen(0, '127.0.0.1', done));
    self.port = self.server.address().port;
    self.url = `http://127.0.0.1:${self.port}/mcp`;
    return self;
  }
  #serve(socket) {
    const wire = { socket, text: '', asked: false };
    this.wires.add(wire);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.wires.delete(wire);
      if (wire.text !== '') ++this.cut;
    });
    socket.on('data', (data) => {
      wire.text += data.toString('latin1');
      this.bytes += data.length;
      for (let got; wire.text !== '' && (got = parseRequest(wire.text)); ) {
        if (got.partial) {
          if (!wire.asked && got.headers.expect) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
          wire.asked = true;
          return;
        }
        got.raw = wire.text.slice(0, got.size);
        wire.text = wire.text.slice(got.size);
        wire.asked = false;
        this.seen.push(got);
        this.#answer(socket, got);
      }
    });
  }
  #answer(socket, got) {
    if (got.broken) {
      socket.end('HTTP/1.1 400 Bad Request\r\nX-Raw: broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    let asked = {};
    try {
      asked = JSON.parse(Buffer.from(got.body, 'latin1').toString('utf8'));
    } catch {
      // Answered all the same: what is no JSON is none of HTTP's business.
    }
    got.asked = JSON.stringify(asked?.params?.arguments ?? null);
    got.own = ['server/discover', 'tools/list', 'ping'].includes(asked?.method); // what a gateway asks for itself
    got.probe = got.headers['x-probe'] !== undefined;
    got.health = got.method === 'GET' && got.target === '/health' && got.framing === 'none';
    const result = results[asked?.method] ?? called;
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: asked?.id ?? null, result }));
    const mark = got.probe ? 'probe' : 'answer';
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Raw: ${mark}\r\nContent-Length: ${body.length}\r\n\r\n`);
    if (got.method !== 'HEAD') socket.write(body);
  }
  // What has begun to come and is not whole; with what was cut off, since the last clear().
  begun() {
    return [...this.wires].filter((wire) => wire.text !== '').length;
  }
  parts() {
    return this.begun() + this.cut;
  }
  // Nothing of one case is left for the next: whoever still sends is cut.
  async clear(ms = 300) {
    for (const end = Date.now() + ms; this.begun() && Date.now() < end; ) await new Promise((done) => setTimeout(done, 5));
    for (const wire of this.wires) {
      if (wire.text === '') continue;
      wire.text = '';
      wire.socket.destroy();
    }
    this.seen.length = 0;
    this.cut = 0;
  }
  stop() {
    for (const { socket } of this.wires) socket.destroy();
    return new Promise((done) => this.server.close(done));
  }
}
