// What clients listen to outlives the servers that tell of it: reload, restart, removal; and each client ends what it
// began and nothing else.
import assert from 'node:assert/strict';
import { Upstream } from './upstream.mjs';
import { Weir, accept, meta, openSession, request, until } from './weir.mjs';
import { Lines } from './lines.mjs';

const json = (message) => JSON.stringify({ jsonrpc: '2.0', ...message });

// A server with resources r:1, r:2, ... that keeps who subscribed to what. `era` as Upstream's.
async function telling({ era = 'new', port } = {}) {
  const state = { listens: [], streams: new Map(), subscribed: [], unsubscribed: [], levels: [], intros: [], deleted: [] };
  const before = function (parsed, send, http, response) {
    const session = http.headers['mcp-session-id'];
    const answer = (result, headers) => (send(200, json({ id: parsed.id, result: { ...(era === 'new' && { resultType: 'complete' }), ...result } }), headers), true);
    if (http.method === 'DELETE') return state.deleted.push(session), this.sessions.delete(session), send(200, '{}'), true;
    if (http.method === 'GET') {
      if (era === 'new' || !this.sessions.has(session)) return send(era === 'new' ? 405 : 404, ''), true;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      state.streams.set(session, response);
      response.on('close', () => state.streams.get(session) === response && state.streams.delete(session));
      return true;
    }
    const { method, params } = parsed;
    const capabilities = { tools: { listChanged: true }, logging: {}, resources: { subscribe: true, listChanged: true } };
    if (method === 'server/discover' && era === 'new')
      return answer({ supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'private' });
    if (method === 'initialize' && era === 'old') {
      const id = 's' + (state.intros.length + 1);
      this.sessions.add(id);
      state.intros.push({ id, name: params.clientInfo.name });
      return answer({ protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 's', version: '1' } }, { 'Mcp-Session-Id': id });
    }
    if (method === 'subscriptions/listen' && era === 'new') {
      const one = { uris: params.notifications.resourceSubscriptions ?? [], notifications: params.notifications, open: true, id: parsed.id };
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      one.tell = (message, more) => response.write(`data: ${json({ method: message, params: { _meta: { 'io.modelcontextprotocol/subscriptionId': parsed.id }, ...more } })}\n\n`);
      one.tell('notifications/subscriptions/acknowledged', { notifications: params.notifications });
      response.on('close', () => (one.open = false));
      state.listens.push(one);
      return true;
    }
    if (era === 'old' && !this.sessions.has(session)) return send(404, json({ id: parsed.id ?? null, error: { code: -32000, message: 'no session' } })), true;
    if (method === 'resources/list') return answer({ resources: ['r:1', 'r:2'].map((uri) => ({ uri, name: uri })), ...(era === 'new' && { ttlMs: 0, cacheScope: 'private' }) });
    if (method === 'resources/templates/list') return answer({ resourceTemplates: [], ...(era === 'new' && { ttlMs: 0, cacheScope: 'private' }) });
    if (method === 'resources/subscribe') return state.subscribed.push({ session, uri: params.uri }), answer({});
    if (method === 'resources/unsubscribe') return state.unsubscribed.push({ session, uri: params.uri }), answer({});
    if (method === 'logging/setLevel') return state.levels.push({ session, level: params.level }), answer({});
    return false;
  };
  const upstream = await Upstream.start({ era, before, port });
  return Object.assign(upstream, {
    state,
    // The one listen that counts: the newest that is open.
    listening: () => state.listens.filter((one) => one.open).at(-1),
    watched: () => state.listens.filter((one) => one.open).at(-1)?.uris ?? [],
    update(uri) {
      for (const one of state.listens) if (one.open && one.uris.includes(uri)) one.tell('notifications/resources/updated', { uri });
    },
    say: (session, message) => state.streams.get(session).write(`data: ${json(message)}\n\n`),
    of: (name) => state.intros.filter((one) => one.name === name).at(-1)?.id,
  });
}

const server = (upstream, more = {}) => ({ url: upstream.url, ...more });
// The same server, otherwise configured: it is replaced.
const other = (upstream) => server(upstream, { headers: { 'X-Another': 'one' } });

// A client of 2026-07-28 that listens; what it heard, and how to leave.
async function listener(url, notifications, id = '"L"') {
  const heard = [];
  let sent;
  const body = `{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{"notifications":${JSON.stringify(notifications)},"_meta":{${meta}}}}`;
  let over = false;
  request('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'subscriptions/listen' }, body, (answer, req) => {
    sent = req;
    let rest = '';
    answer.on('data', (data) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      for (const line of lines) if (line.startsWith('data: {')) heard.push(JSON.parse(line.slice(6)));
    });
  }).then(() => (over = true), () => (over = true));
  await until(() => heard.length > 0, 10000, 'the acknowledgement');
  return { heard, agreed: heard[0].params.notifications, over: () => over, updates: () => heard.filter((one) => one.method === 'notifications/resources/updated').map((one) => one.params.uri), leave: () => sent.destroy() };
}

// A client of 2025-11-25 that reads its GET stream.
async function oldClient(url, name = 'e2e') {
  const opened = await request('POST', url, accept, json({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name, version: '1' } } }));
  const headers = { ...accept, 'Mcp-Session-Id': opened.headers['mcp-session-id'], 'MCP-Protocol-Version': '2025-11-25' };
  const self = { heard: [] };
  let id = 0;
  self.send = async (method, params) => {
    const got = await request('POST', url, headers, json({ id: ++id, method, params }));
    return JSON.parse(got.text.startsWith('{') ? got.text : got.text.split('\n').filter((line) => line.startsWith('data: {')).at(-1).slice(6));
  };
  await request('POST', url, headers, json({ method: 'notifications/initialized' }));
  let sent;
  self.over = false;
  request('GET', url, headers, '', (answer, req) => {
    sent = req;
    answer.on('data', (data) => {
      for (const line of String(data).split('\n')) if (line.startsWith('data: {')) self.heard.push(JSON.parse(line.slice(6)));
    });
    answer.on('end', () => (self.over = true));
  }).catch(() => (self.over = true));
  await until(() => sent);
  self.updates = () => self.heard.filter((one) => one.method === 'notifications/resources/updated').map((one) => one.params.uri);
  self.end = () => request('DELETE', url, headers);
  self.leave = () => sent.destroy();
  return self;
}

async function gateway(servers, work, config = {}) {
  const weir = await Weir.start({ servers, ...config });
  try {
    await weir.settled();
    return await work(weir);
  } finally {
    assert.equal((await weir.stop()).code, 0, 'exit code');
  }
}

export const tests = {
  async 'reload: the new one hears what clients listen to, its updates reach the same streams'() {
    const a = await telling();
    const b = await telling();
    await gateway({ one: server(a) }, async (weir) => {
      const old = await oldClient(weir.url);
      assert.deepEqual((await old.send('resources/subscribe', { uri: 'r:1' })).result, {});
      const fresh = await listener(weir.url, { toolsListChanged: true, resourceSubscriptions: ['r:1', 'r:2'] });
      assert.deepEqual(fresh.agreed, { toolsListChanged: true, resourceSubscriptions: ['r:1', 'r:2'] });
      await until(() => a.watched().length === 2, 5000, 'the filter');
      a.update('r:1');
      await until(() => old.updates().length === 1 && fresh.updates().length === 1, 5000, 'the first update');
      let held;
      a.call = (parsed, respond) => (held = respond);
      const slow = old.send('tools/call', { name: 'echo', arguments: {} });
      await until(() => held, 5000, 'the call');
      weir.write({ servers: { one: server(b) } });
      await until(() => b.watched().length === 2, 10000, 'the new one to hear of it');
      await until(() => !a.listening(), 10000, 'the old one to be left, though a call is under way');
      held.result('{"resultType":"complete","content":[{"type":"text","text":"of the old one"}]}');
      assert.equal((await slow).result.content[0].text, 'of the old one');
      b.update('r:1');
      b.update('r:2');
      await until(() => old.updates().length === 2 && fresh.updates().length === 3, 5000, 'the updates of the new one');
      assert.deepEqual([old.updates(), fresh.updates()], [['r:1', 'r:1'], ['r:1', 'r:1', 'r:2']]);
      await until(() => fresh.heard.some((one) => one.method === 'notifications/tools/list_changed'), 5000, 'the change of tools');
      // The session is the client's, whatever server stands behind; and what ends is ended at the new one.
      assert.equal((await old.send('tools/call', { name: 'echo', arguments: {} })).result.content[0].type, 'text');
      fresh.leave();
      await until(() => b.watched().join() === 'r:1', 5000, 'r:2 to be wanted no more');
      assert.deepEqual((await old.send('resources/unsubscribe', { uri: 'r:1' })).result, {});
      await until(() => b.listening().uris.length === 0, 5000, 'r:1 likewise');
      old.leave();
    });
    await a.stop();
    await b.stop();
  },

  async 'reload: sessions of clients\' own are opened anew, with subscriptions and log level'() {
    const a = await telling({ era: 'old' });
    const b = await telling({ era: 'old' });
    await gateway({ one: server(a) }, async (weir) => {
      const ann = await oldClient(weir.url, 'ann');
      const ben = await oldClient(weir.url, 'ben');
      await ann.send('resources/subscribe', { uri: 'r:1' });
      await ben.send('resources/subscribe', { uri: 'r:2' });
      await ann.send('logging/setLevel', { level: 'warning' });
      assert.deepEqual(a.state.subscribed, [{ session: a.of('ann'), uri: 'r:1' }, { session: a.of('ben'), uri: 'r:2' }]);
      weir.write({ servers: { one: server(b) } });
      await until(() => b.state.subscribed.length === 2 && b.state.streams.has(b.of('ann')) && b.state.streams.has(b.of('ben')), 10000, 'the sessions');
      assert.deepEqual(b.state.subscribed.map((one) => one.session + one.uri).sort(), [b.of('ann') + 'r:1', b.of('ben') + 'r:2'].sort());
      assert.deepEqual(b.state.levels, [{ session: b.of('ann'), level: 'warning' }]);
      await until(() => a.state.deleted.includes(a.of('ann')) && a.state.deleted.includes(a.of('ben')), 5000, 'the old sessions to end');
      b.say(b.of('ann'), { method: 'notifications/resources/updated', params: { uri: 'r:1' } });
      b.say(b.of('ann'), { method: 'notifications/message', params: { level: 'error', data: 'x' } });
      b.say(b.of('ben'), { method: 'notifications/message', params: { level: 'error', data: 'y' } });
      b.say(b.of('ben'), { method: 'notifications/resources/updated', params: { uri: 'r:1' } });
      b.say(b.of('ben'), { method: 'notifications/resources/updated', params: { uri: 'r:2' } });
      const logs = (client) => client.heard.filter((one) => one.method === 'notifications/message').map((one) => one.params.data);
      await until(() => ben.updates().length === 1 && logs(ann).length && logs(ben).length, 5000, 'the news');
      assert.deepEqual([ann.updates(), ben.updates()], [['r:1'], ['r:2']]);
      assert.deepEqual([logs(ann), logs(ben)], [['x'], ['y']], 'each in its own session; ben leaves it to the server what to log');
      // What a client ends it ends in the new session, once.
      await ann.send('resources/unsubscribe', { uri: 'r:1' });
      assert.deepEqual(b.state.unsubscribed, [{ session: b.of('ann'), uri: 'r:1' }]);
      await ben.end();
      await until(() => b.state.deleted.includes(b.of('ben')), 5000, 'ben\'s session to end');
      ann.leave();
    });
    await a.stop();
    await b.stop();
  },

  async 'reload to a server of the other era'() {
    const a = await telling({ era: 'old' });
    const b = await telling();
    const c = await telling({ era: 'old' });
    await gateway({ one: server(a) }, async (weir) => {
      const ann = await oldClient(weir.url, 'ann');
      await ann.send('resources/subscribe', { uri: 'r:1' });
      const fresh = await listener(weir.url, { resourceSubscriptions: ['r:2'] });
      weir.write({ servers: { one: server(b) } });
      await until(() => b.watched().join() === 'r:1,r:2', 10000, 'the new server to hear of both');
      b.update('r:1');
      b.update('r:2');
      await until(() => ann.updates().length === 1 && fresh.updates().length === 1, 5000, 'the updates');
      weir.write({ servers: { one: server(c) } });
      await until(() => c.state.subscribed.length === 2, 10000, 'the old server to hear of both');
      const [{ session }] = c.state.subscribed;
      await until(() => c.state.streams.has(session), 5000, 'the stream');
      c.say(session, { method: 'notifications/resources/updated', params: { uri: 'r:1' } });
      c.say(session, { method: 'notifications/resources/updated', params: { uri: 'r:2' } });
      await until(() => ann.updates().length === 2 && fresh.updates().length === 2, 5000, 'the updates of the last one');
      fresh.leave();
      ann.leave();
    });
    for (const one of [a, b, c]) await one.stop();
  },

  async 'stdio in front: subscriptions outlive the server behind'() {
    const a = await telling();
    const client = Lines.start({ servers: { one: server(a) } });
    await client.open('2025-11-25');
    await client.send(json({ id: 1, method: 'resources/subscribe', params: { uri: 'r:1' } }));
    await client.answer(1);
    const { writeFileSync } = await import('node:fs');
    const b = await telling();
    writeFileSync(client.file, JSON.stringify({ listen: '127.0.0.1:1', admin: '127.0.0.1:2', servers: { one: server(b) } }));
    client.child.kill('SIGHUP');
    await until(() => b.watched().join() === 'r:1', 10000, 'the new one to hear of it');
    b.update('r:1');
    await client.find((one) => one.method === 'notifications/resources/updated' && one.params.uri === 'r:1', 'the update');
    assert.equal(await client.leave(), 0);
    await a.stop();
    await b.stop();
  },

  async 'a server that dies and comes back is asked again'() {
    for (const era of ['new', 'old']) {
      const a = await telling({ era });
      await gateway({ one: server(a) }, async (weir) => {
        const ann = await oldClient(weir.url, 'ann');
        await ann.send('resources/subscribe', { uri: 'r:1' });
        const fresh = await listener(weir.url, { resourceSubscriptions: ['r:1'] });
        await a.stop();
        const again = await telling({ era, port: a.port });
        if (era === 'new') {
          await until(() => again.watched().join() === 'r:1', 20000, 'the listen');
          again.update('r:1');
        } else {
          await until(() => again.state.subscribed.length === 2 && again.state.streams.size >= 2, 20000, 'the subscriptions').catch((error) => { throw new Error(error.message + JSON.stringify([again.state.subscribed, [...again.state.streams.keys()]]) + weir.log.slice(-1500)); });
          for (const { session, uri } of again.state.subscribed) {
            await until(() => again.state.streams.has(session), 5000, 'its stream');
            again.say(session, { method: 'notifications/resources/updated', params: { uri } });
          }
        }
        await until(() => ann.updates().length === 1 && fresh.updates().length === 1, 5000, 'the update');
        ann.leave();
        fresh.leave();
        await again.stop();
      });
    }
  },

  async 'a server that is removed takes its subscriptions along; added again, it begins anew'() {
    const a = await telling();
    const b = await telling();
    await gateway({ one: server(a), two: server(b) }, async (weir) => {
      const old = await oldClient(weir.url + '/one');
      const all = await listener(weir.url, { resourceSubscriptions: ['weir://one/r:1'] });
      await old.send('resources/subscribe', { uri: 'r:1' });
      await until(() => a.watched().join() === 'r:1', 5000, 'the subscription');
      weir.write({ servers: { two: server(b) } });
      await until(async () => (await weir.servers()).length === 1 && !a.listening(), 10000, 'the removal');
      weir.write({ servers: { one: server(a), two: server(b) } });
      await until(async () => (await weir.servers()).some((one) => one.name === 'one' && one.state === 'ready') && a.listening(), 10000, 'the return');
      assert.deepEqual(a.watched(), []);
      assert.deepEqual((await old.send('resources/subscribe', { uri: 'r:1' })).result, {});
      await until(() => a.watched().join() === 'r:1', 5000, 'the new subscription');
      a.update('r:1');
      await until(() => old.updates().length === 1, 5000, 'the update');
      assert.deepEqual([all.updates(), all.over()], [[], false]);
      await old.end();
      await until(() => a.watched().length === 0, 5000, 'nobody to want it');
      all.leave();
      old.leave();
    });
    await a.stop();
    await b.stop();
  },

  async 'whoever leaves ends what it began and nothing else'() {
    const a = await telling();
    await gateway({ one: server(a) }, async (weir) => {
      const ann = await oldClient(weir.url, 'ann');
      const ben = await oldClient(weir.url, 'ben');
      const cat = await listener(weir.url, { resourceSubscriptions: ['r:1'] });
      await ann.send('resources/subscribe', { uri: 'r:1' });
      await ann.send('resources/subscribe', { uri: 'r:1' });
      weir.write({ servers: { one: other(a) } });
      await until(() => a.state.listens.filter((one) => one.uris.length === 1).length > 1 && a.watched().join() === 'r:1', 10000, 'the new one');
      await ben.send('resources/subscribe', { uri: 'r:1' });
      await ann.send('resources/unsubscribe', { uri: 'r:1' });
      await ann.send('resources/unsubscribe', { uri: 'r:1' });
      await ann.end();
      cat.leave();
      // A change that comes after: had anything been ended, it would be seen in the filter.
      await ben.send('resources/subscribe', { uri: 'r:2' });
      await until(() => a.watched().join() === 'r:1,r:2', 5000, 'both');
      a.update('r:1');
      await until(() => ben.updates().length === 1, 5000, 'the update');
      assert.deepEqual(ann.updates(), []);
      await ben.end();
      await until(() => a.watched().length === 0, 5000, 'nobody to be left');
      ann.leave();
      ben.leave();
    });
    await a.stop();
  },
};
