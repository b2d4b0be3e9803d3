// A replica's data port: MCP over Streamable HTTP on plain node:http, and /health. Every fault lives here, in how an answer
// leaves or whether the port listens; the same port is listened on again after it.
import http from 'node:http';
import { now } from './replica_book.mjs';

export const backlog = 128; // connections that may wait for accept()
const json = { 'Content-Type': 'application/json' };

export class Listener {
  constructor(book, fault, { stream = false } = {}) {
    Object.assign(this, { book, fault, stream });
    this.server = http.createServer({ keepAliveTimeout: 60000 }, (request, response) => this.serve(request, response));
    this.server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.on('close', () => socket.bytesRead || this.book.probed('connects'));
    });
    this.server.on('clientError', (_, socket) => socket.destroy());
  }
  // Port 0: one below those that the system gives out, so that nobody takes it while it is refused.
  async listen(port) {
    for (let tries = 0; ; ++tries) {
      this.port = port || 10000 + Math.floor(Math.random() * 20000);
      const error = await new Promise((done) => {
        this.server.once('error', done);
        this.server.listen(this.port, '127.0.0.1', backlog, () => (this.server.off('error', done), done()));
      });
      if (!error) return this.port;
      if (error.code !== 'EADDRINUSE' || tries > 200 || (port && tries > 20)) throw error;
      if (port) await new Promise((done) => setTimeout(done, 20));
    }
  }
  close() {
    return new Promise((done) => {
      if (!this.server.listening) return done();
      this.server.close(() => done());
      this.server.closeAllConnections();
    });
  }
  // Makes the port stand as the fault wants it.
  async apply() {
    clearInterval(this.flapping);
    const { kind, period } = this.fault;
    if (kind === 'flap') {
      let down = true;
      await this.close();
      this.flapping = setInterval(() => void ((down = !down) ? this.close() : this.reopen()), period);
    } else if (kind === 'refuse') {
      await this.close();
    } else {
      await this.reopen();
      // Those that hang would hold their connections for ever: after a fault they are cut.
      if (kind === 'none') for (const one of this.hung ?? []) one.destroy();
      this.hung = new Set();
    }
  }
  async reopen() {
    if (!this.server.listening) await this.listen(this.port);
  }
  serve(request, response) {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part) => (text += part));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => void this.take(request, response, text));
  }
  async take(request, response, text) {
    if (request.url.startsWith('/health')) {
      this.book.probed('health');
      return this.leave(this.fault.meets('/health'), request, response, 200, json, '{"status":"ok"}');
    }
    const { book } = this;
    const old = book.era === 'old';
    const session = request.headers['mcp-session-id'];
    const plain = (status, body = '', headers = {}) => this.leave(this.fault.meets(''), request, response, status, { ...json, ...headers }, body);
    const refusal = (status, message) => plain(status, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"${message}"}}`);
    if (request.method === 'DELETE' && old) return plain(book.sessions.delete(session) ? 200 : 404);
    if (request.method === 'GET' && old && this.stream && book.sessions.has(session)) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      return void response.write(': open\n\n');
    }
    if (request.method !== 'POST') return plain(405, '', { Allow: 'POST' });
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return refusal(400, 'no JSON');
    }
    if (old && message.method !== 'initialize' && !session) return refusal(400, 'Bad Request: Session ID required');
    if (old && message.method !== 'initialize' && !book.sessions.has(session)) return refusal(404, 'Session not found');
    if (message.method === 'notifications/cancelled') book.cancelled(message, session);
    if (message.id === undefined || message.method === undefined) return plain(202);
    const call = book.note(message, session);
    const met = this.fault.meets(message.method);
    if (call && met !== 'none') call.met = met;
    if (call) response.on('close', () => (call[response.writableFinished ? 'done' : 'left'] = now()));
    const { result, error, unknown } = await book.answer(message, session, met === 'slow' ? this.fault : {});
    const id = met === 'wrong_id' ? 'of another' : message.id;
    const opened = old && message.method === 'initialize' ? { 'Mcp-Session-Id': book.openSession() } : {};
    const body = JSON.stringify({ jsonrpc: '2.0', id, ...(error ? { error } : { result }) });
    return this.leave(met, request, response, unknown && !old ? 404 : 200, { ...json, ...opened }, body);
  }
  // How an answer leaves: as it should, or as the fault that it met has it.
  leave(met, request, response, status, headers, body) {
    const { socket } = request;
    if (!['none', 'slow', 'flap'].includes(met)) ++this.book.faulted;
    const length = Buffer.byteLength(body);
    switch (met) {
      case 'hang': return void this.hung.add(socket);
      case 'reset': return void socket.resetAndDestroy();
      case 'reset_mid':
        response.writeHead(status, { ...headers, 'Content-Length': length });
        return void response.write(body.slice(0, body.length / 2), () => setTimeout(() => socket.resetAndDestroy(), 2));
      case 's500': return void response.writeHead(500, { 'Content-Type': 'text/plain' }).end('broken');
      case 's503': return void response.writeHead(503, { 'Content-Type': 'text/plain' }).end('away');
      case 'garbage': return void socket.end('\x00\x01\xfe no HTTP at all \r\n\r\n\r\n');
      case 'badjson': return void response.writeHead(200, headers).end('{"jsonrpc":"2.0","id":1,"result":{"content":[{]');
      case 'trickle': return this.trickle(socket, `HTTP/1.1 ${status} OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`);
      default: return void response.writeHead(status, { ...headers, 'Content-Length': length }).end(body);
    }
  }
  trickle(socket, text) {
    const bytes = Buffer.from(text);
    let next = 0;
    const timer = setInterval(() => {
      if (socket.destroyed || next === bytes.length) return clearInterval(timer);
      socket.write(bytes.subarray(next, ++next));
    }, 100);
  }
}
