// A new server that tells of what it is asked for, and a client that listens.
import { ask, until } from './weir.mjs';

// A new server that acknowledges what it is asked for; `refuses`: answers a whole filter with an error, true or its code
// and status.
export function telling({ refuses = () => false, before = () => false, ...more } = {}) {
  const filters = [];
  const state = { filters, open: new Set() };
  const spec = {
    state,
    before(parsed, send, http, response) {
      if (before(parsed, send)) return true;
      const id = JSON.stringify(parsed.id);
      const result = (raw) => send(200, `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private",${raw}}}`);
      if (parsed.method === 'server/discover')
        return result('"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true}}'), true;
      if (parsed.method === 'resources/list') return result('"resources":[]'), true;
      if (parsed.method === 'resources/templates/list') return result('"resourceTemplates":[]'), true;
      if (parsed.method !== 'subscriptions/listen') return false;
      const wanted = parsed.params.notifications;
      filters.push(wanted);
      const refused = refuses(wanted);
      if (refused) return send(refused.status ?? 200, `{"jsonrpc":"2.0","id":${id},"error":{"code":${refused.code ?? -32602},"message":"no such resource"}}`), true;
      const tell = (method, params = {}) => response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params: { _meta: { 'io.modelcontextprotocol/subscriptionId': parsed.id }, ...params } })}\n\n`);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      tell('notifications/subscriptions/acknowledged', { notifications: wanted });
      const one = { tell, response, wanted };
      state.open.add(one);
      response.on('close', () => state.open.delete(one));
      return true;
    },
    ...more,
  };
  return spec;
}

// A client that listens: the messages that came.
export function listen(url, filter, id = '"L"', from) {
  const self = { messages: [], rest: '' };
  self.over = ask(url, 'subscriptions/listen', `"notifications":${JSON.stringify(filter)}`, {
    id,
    from,
    on(response, sent) {
      self.leave = () => sent.destroy();
      let rest = '';
      response.on('data', (part) => {
        const lines = (rest + part).split('\n');
        rest = lines.pop();
        for (const line of lines) if (line.startsWith('data: ')) self.messages.push(JSON.parse(line.slice(6)));
      });
    },
  }).catch(() => {});
  self.came = (method) => until(() => self.messages.find((one) => one.method === method), 60000, method);
  self.acknowledged = async () => (await self.came('notifications/subscriptions/acknowledged')).params.notifications;
  return self;
}

export const subscribe = async (session, uri) => JSON.parse((await session.post(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":${JSON.stringify(uri)}}}`)).text);
