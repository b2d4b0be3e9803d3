// SDK v2, revisions up to 2025-11-25 only: sessions over HTTP, or pipes.
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { body, listen, sessions, transport } from './host.mjs';
import { make } from './sdk2.mjs';

const connect = (wire) => make({ lasting: 'old' }).connect(wire);
if (transport === 'stdio') {
  await connect(new StdioServerTransport());
} else {
  const serve = sessions(NodeStreamableHTTPServerTransport, connect);
  await listen('/mcp', async (request, response) => serve(request, response, await body(request)));
}
