// A server made with SDK v2, whatever the era that serves it. `connected` is for those who keep it (sessions, pipes).
import { ProtocolError, ResourceNotFoundError, Server, inputRequired } from '@modelcontextprotocol/server';
import { Hub, capabilities, features } from './features-server.mjs';
import { folder } from './host.mjs';

export const hub = new Hub();
const handlers = features(hub, folder);

export function make({ lasting } = {}) {
  const server = new Server({ name: 'matrix-sdk2', version: '1' }, { capabilities: capabilities() });
  const wanted = new Set();
  for (const [method, handler] of Object.entries(handlers))
    server.setRequestHandler(method, async (request, { mcpReq }) => {
      const token = mcpReq._meta?.progressToken;
      const got = await handler(request.params ?? {}, {
        meta: mcpReq._meta ?? {},
        signal: mcpReq.signal,
        progress: async (params) => token !== undefined && mcpReq.notify({ method: 'notifications/progress', params: { progressToken: token, ...params } }),
        log: (level, data) => mcpReq.log(level, data, 'matrix'),
        notFound: (uri) => new ResourceNotFoundError(uri),
        prefixed: (code, text) => new ProtocolError(code, text),
        responses: mcpReq.inputResponses,
        state: mcpReq.requestState(),
      });
      return got.ask ? inputRequired({ inputRequests: got.ask, ...(got.state === undefined ? {} : { requestState: got.state }) }) : got;
    });
  // Old clients subscribe so; the SDK serves subscriptions/listen itself and picks what its streams asked for.
  server.setRequestHandler('resources/subscribe', (request) => (wanted.add(request.params.uri), {}));
  server.setRequestHandler('resources/unsubscribe', (request) => (wanted.delete(request.params.uri), {}));
  if (lasting) {
    const listener = { notify: (method, params) => server.notification({ method, params }), wants: (uri) => lasting === 'new' || wanted.has(uri) };
    hub.listeners.add(listener);
    server.onclose = () => hub.listeners.delete(listener);
  }
  return server;
}

// For per-request serving: changes go to the handler's listen streams.
export function publishTo(handler) {
  const { notify } = handler;
  const by = { tools: notify.toolsChanged, prompts: notify.promptsChanged, resources: notify.resourcesChanged };
  hub.listeners.add({
    wants: () => true,
    notify: async (method, params) => (params ? notify.resourceUpdated.call(notify, params.uri) : by[method.split('/')[1]].call(notify)),
  });
}
