// SDK v2, both eras at one address: the new revision per request, old ones in real sessions.
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { body, listen, sessions, transport } from './host.mjs';
import { make, publishTo } from './sdk2.mjs';

if (transport === 'stdio') {
  serveStdio(({ era }) => make({ lasting: era === 'modern' ? 'new' : 'old' }));
} else {
  const handler = createMcpHandler(() => make(), { legacy: 'reject' });
  publishTo(handler);
  const modern = toNodeHandler(handler);
  const old = sessions(NodeStreamableHTTPServerTransport, (wire) => make({ lasting: 'old' }).connect(wire));
  await listen('/mcp', async (request, response) => {
    const parsed = await body(request);
    const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
    const seen = new Request('http://x/mcp', { method: request.method, headers, ...(parsed ? { body: JSON.stringify(parsed) } : {}) });
    return (await isLegacyRequest(seen, parsed)) ? old(request, response, parsed) : modern(request, response, parsed);
  });
}
