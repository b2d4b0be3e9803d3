// How a server of the matrix is started: FLAVOUR.mjs (http|sse|stdio) FOLDER. Over HTTP it takes a free port and prints
// its URL. It ends when its standard input does, so that none is left behind.
import { randomUUID } from 'node:crypto';
import http from 'node:http';

export const [transport, folder] = process.argv.slice(2);

process.stdin.on('end', () => setTimeout(() => process.exit(0), 50));
process.on('SIGTERM', () => process.exit(0));

export async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const whole = Buffer.concat(parts).toString();
  return whole ? JSON.parse(whole) : undefined;
}

export async function listen(path, serve) {
  const server = http.createServer((request, response) =>
    Promise.resolve(serve(request, response)).catch((error) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error.stack));
    }),
  );
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  process.stdin.resume();
  console.log(`URL http://127.0.0.1:${server.address().port}${path}`);
}

// Real sessions: a transport and a server for each, found by their header. Both SDKs' transports have this shape.
export function sessions(Transport, connect) {
  const open = new Map();
  return async (request, response, parsed) => {
    const id = request.headers['mcp-session-id'];
    let transport = open.get(id);
    if (!transport) {
      const first = [parsed].flat()[0];
      if (id || first?.method !== 'initialize') {
        response.writeHead(id ? 404 : 400, { 'Content-Type': 'application/json' });
        return response.end(JSON.stringify({ jsonrpc: '2.0', id: first?.id ?? null, error: { code: -32000, message: id ? 'Session not found' : 'Session ID required' } }));
      }
      transport = new Transport({ sessionIdGenerator: randomUUID, onsessioninitialized: (made) => open.set(made, transport) });
      transport.onclose = () => open.delete(transport.sessionId);
      await connect(transport);
    }
    return transport.handleRequest(request, response, parsed);
  };
}
