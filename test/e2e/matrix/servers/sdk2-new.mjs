// SDK v2, revision 2026-07-28 only.
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { body, listen, transport } from './host.mjs';
import { make, publishTo } from './sdk2.mjs';

if (transport === 'stdio') {
  serveStdio(() => make({ lasting: 'new' }), { legacy: 'reject' });
} else {
  const handler = createMcpHandler(() => make(), { legacy: 'reject' });
  publishTo(handler);
  const serve = toNodeHandler(handler);
  await listen('/mcp', async (request, response) => serve(request, response, await body(request)));
}
