// The client of SDK v2, at any revision.
import { Client, LOG_LEVEL_META_KEY, ProtocolError, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Listeners, WireError, answer, answers, capabilities, observed, timeout } from './common.mjs';

export async function connect({ transport, url, command, args, version, bare }) {
  const modern = version >= '2026';
  const client = new Client(
    { name: 'matrix-sdk2', version: '1' },
    {
      capabilities: capabilities(version, bare),
      ...(modern ? { versionNegotiation: { mode: { pin: version } } } : { supportedProtocolVersions: [version], versionNegotiation: { mode: 'legacy' } }),
    },
  );
  const heard = new Listeners();
  const self = { era: modern ? 'new' : 'old', version, answers: answers(), on: (method, handler) => heard.on(method, handler) };
  const asked = ['sampling/createMessage', 'roots/list', ...(version >= '2025-06-18' ? ['elicitation/create'] : [])];
  for (const method of bare ? [] : asked) client.setRequestHandler(method, (request) => answer(self.answers, method, request.params));
  for (const method of observed) client.setNotificationHandler(method, ({ params }) => heard.tell(method, params));
  const wire =
    transport === 'stdio' ? new StdioClientTransport({ command, args, stderr: 'ignore' })
    : transport === 'sse' ? new SSEClientTransport(new URL(url))
    : new StreamableHTTPClientTransport(new URL(url));
  await client.connect(wire, { timeout });
  const got = client.getNegotiatedProtocolVersion();
  if (got !== version) throw new Error(`asked for ${version}, got ${got}`);

  const wired = async (work) => {
    try {
      return await work;
    } catch (error) {
      throw error instanceof ProtocolError ? new WireError(error.code, error.message, error.data) : error;
    }
  };
  let level;
  const marked = (params, meta) => {
    const all = { ...meta, ...(modern && level ? { [LOG_LEVEL_META_KEY]: level } : {}) };
    return Object.keys(all).length ? { ...params, _meta: all } : params;
  };
  const fresh = { timeout, cacheMode: 'bypass' };
  const lists = { tools: 'listTools', prompts: 'listPrompts', resources: 'listResources', 'resources/templates': 'listResourceTemplates' };
  const named = { 'resources/read': 'readResource', 'prompts/get': 'getPrompt', 'completion/complete': 'complete' };
  self.get = (method, params) => (named[method] ? wired(client[named[method]](marked(params), fresh)) : wired(client.request({ method, params }, { timeout })));
  // This client reads all pages when it is given no cursor; one that is given, even an empty first one, means one page.
  self.list = (what, cursor) => wired(client[lists[what]](cursor === undefined ? undefined : { cursor }, fresh));
  self.call = (name, given = {}, { onprogress, signal, meta } = {}) =>
    wired(client.callTool(marked({ name, arguments: given }, meta), { timeout, ...(onprogress ? { onprogress } : {}), ...(signal ? { signal } : {}) }));
  self.setLevel = async (asked) => (modern ? (level = asked) : wired(client.setLoggingLevel(asked)));
  self.watch = async ({ uris = [], what = [] }) => {
    if (!modern) {
      for (const uri of uris) await wired(client.subscribeResource({ uri }, { timeout }));
      return { close: () => Promise.all(uris.map((uri) => wired(client.unsubscribeResource({ uri }, { timeout })))) };
    }
    const filter = { ...(uris.length ? { resourceSubscriptions: uris } : {}) };
    for (const one of what) filter[`${one}ListChanged`] = true;
    const stream = await wired(client.listen(filter, { timeout }));
    for (const key of Object.keys(filter)) if (!stream.honoredFilter[key]) throw new Error(`not acknowledged: ${key}`);
    return stream;
  };
  self.close = async () => {
    if (transport === 'http' && !modern) await wire.terminateSession().catch(() => {});
    await client.close();
  };
  return self;
}
