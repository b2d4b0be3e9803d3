// The client of SDK v1, at 2025-11-25.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as types from '@modelcontextprotocol/sdk/types.js';
import { Listeners, WireError, answer, answers, capabilities, observed, shown, timeout } from './common.mjs';

const loose = types.ResultSchema;

export async function connect({ transport, url, command, args, version, bare }) {
  const client = new Client({ name: 'matrix-sdk1', version: '1' }, { capabilities: capabilities(version, bare) });
  const heard = new Listeners();
  const self = { era: 'old', version, answers: answers(), on: (method, handler) => heard.on(method, handler) };
  for (const schema of bare ? [] : [types.ElicitRequestSchema, types.CreateMessageRequestSchema, types.ListRootsRequestSchema])
    client.setRequestHandler(schema, (request) => answer(self.answers, request.method, request.params));
  client.fallbackNotificationHandler = async ({ method, params }) => observed.includes(method) && heard.tell(method, params);
  const wire =
    transport === 'stdio' ? new StdioClientTransport({ command, args, stderr: 'ignore' })
    : transport === 'sse' ? new SSEClientTransport(new URL(url))
    : new StreamableHTTPClientTransport(new URL(url));
  // This SDK tells the transport alone what was agreed on.
  let got;
  const agreed = wire.setProtocolVersion?.bind(wire);
  wire.setProtocolVersion = (said) => ((got = said), agreed?.(said));
  await client.connect(wire, { timeout });
  if (got !== version) throw new Error(`asked for ${version}, got ${got}`);

  // This client puts a prefix of its own in front of every message.
  self.get = async (method, params, options = {}) => {
    try {
      return await client.request({ method, ...(params ? { params } : {}) }, loose, { timeout, ...options });
    } catch (error) {
      if (!(error instanceof types.McpError)) throw error;
      throw new WireError(error.code, error.message.replace(`MCP error ${error.code}: `, ''), error.data);
    }
  };
  self.call = (name, given = {}, { onprogress, signal, meta, task } = {}) =>
    self.get('tools/call', { name, arguments: given, ...(meta ? { _meta: meta } : {}), ...(task ? { task } : {}) }, { ...(onprogress ? { onprogress } : {}), ...(signal ? { signal } : {}) });
  self.list = (what, cursor) => self.get(shown[what], cursor === undefined ? {} : { cursor });
  self.setLevel = (level) => self.get('logging/setLevel', { level });
  self.watch = async ({ uris = [] }) => {
    for (const uri of uris) await self.get('resources/subscribe', { uri });
    return { close: async () => Promise.all(uris.map((uri) => self.get('resources/unsubscribe', { uri }))) };
  };
  self.close = async () => {
    if (transport === 'http') await wire.terminateSession().catch(() => {});
    await client.close();
  };
  return self;
}
