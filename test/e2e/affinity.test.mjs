// What belongs to one replica stays there: sessions of old clients, their subscriptions, tasks, and what a server handed
// out to be brought back. And what all replicas tell of is heard from each of them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { allOk, calls, outcomes, pool, served, turns } from './crowd.mjs';
import { OpenLoop, change } from './replicas.mjs';
import { listen, subscribe, telling } from './telling.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, accept, answerOf, ask, messages, meta, openSession, request, until } from './weir.mjs';

const use = pool();
const even = { load_balancing: { strategy: 'round_robin' } };
const last = (answer) => JSON.parse(messages(answer).filter((one) => one.includes('"id"')).at(-1));

// Old clients with sessions at the gateway; ask(i): where the i-th one's call goes, as the replica says itself.
async function guests(url, count) {
  const sessions = await Promise.all(Array.from({ length: count }, () => openSession(url, '2025-06-18')));
  let id = 1;
  const whoami = async (i) => {
    const answer = await sessions[i].post(`{"jsonrpc":"2.0","id":${++id},"method":"tools/call","params":{"name":"whoami","arguments":{}}}`);
    assert.equal(answer.status, 200, `session ${i}: ${answer.text}`);
    const message = last(answer);
    return message.error ? { error: message.error } : JSON.parse(message.result.content[0].text);
  };
  return { sessions, ask: whoami, all: () => Promise.all(sessions.map((_, i) => whoami(i))), end: () => Promise.all(sessions.map((one) => one.end())) };
}

// Scripted replicas of one server, in this process.
async function among(specs, work, keys = even) {
  const upstreams = await Promise.all(specs.map((spec) => Upstream.start(spec)));
  try {
    await served(upstreams.map((one) => Object.assign(one, { thaw() {} })), { weather: keys }, (weir) => work(weir, upstreams));
  } finally {
    await Promise.all(upstreams.map((one) => one.stop()));
  }
}

export const tests = {
  async 'who has a session stays where it is well: when the primary is back, and when it is to get nothing new'() {
    const replicas = await use(2, { era: 'old' });
    const [first, second] = replicas;
    const list = (each) => replicas.map((one, i) => ({ url: one.url, ...each(i) }));
    await served(replicas, { weather: even }, async (weir) => {
      await first.fault('refuse');
      await turns(weir, first, 'unhealthy');
      const clients = await guests(weir.url, 6);
      const before = await clients.all();
      assert.ok(before.every((one) => one.replica === second.id), JSON.stringify(before));
      await first.heal();
      await turns(weir, first, 'healthy');
      assert.deepEqual((await clients.all()).map((one) => one.session), before.map((one) => one.session));
      await change(weir, { servers: { weather: { endpoints: list((i) => ({ weight: 1 - i })), ...even } } });
      assert.deepEqual((await clients.all()).map((one) => one.session), before.map((one) => one.session));
      const fresh = await guests(weir.url, 4);
      assert.ok((await fresh.all()).every((one) => one.replica === first.id));
      await change(weir, { servers: { weather: { endpoints: list(() => ({})).slice(0, 1), ...even } } });
      assert.ok((await clients.all()).every((one) => one.replica === first.id), 'it drains');
      await clients.end();
      await fresh.end();
    }, { each: (i) => ({ priority: i }) });
  },

  async 'a round goes back to who asked, though that drains or is to get nothing new'() {
    const spec = (i) => ({ call: ({ params }, respond) => respond.result(params.requestState
      ? `{"resultType":"complete","content":[{"type":"text","text":"${i} has ${params.requestState}"}]}`
      : JSON.stringify({ resultType: 'input_required', requestState: `of ${i}`, inputRequests: { who: { method: 'elicitation/create', params: { message: 'm', requestedSchema: { type: 'object', properties: {} } } } } })) });
    const mute = [0, 0].map(() => net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1'));
    await Promise.all(mute.map((one) => once(one, 'listening')));
    for (const how of ['drains', 'weight 0', 'all are replaced by some that say nothing yet'])
      await among([spec(0), spec(1)], async (weir, upstreams) => {
        const session = await openSession(weir.url, '2025-11-25', '{"elicitation":{}}');
        let asked;
        let said = '';
        const answer = session.post('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{}}}', (response) => response.on('data', (text) => {
          // Whole lines alone: it may come in pieces.
          const question = /^data: (\{.*elicitation\/create.*\})\r?\n/m.exec(said += text);
          if (question) asked = JSON.parse(question[1]);
        }));
        await until(() => asked, 10000, 'the question');
        const owner = upstreams.findIndex((one) => one.calls().length);
        const replaced = how.startsWith('all');
        const others = mute.map((one) => ({ url: `http://127.0.0.1:${one.address().port}/mcp` }));
        const endpoints = replaced ? others : upstreams.flatMap(({ url }, i) => (i !== owner ? [{ url }] : how === 'drains' ? [] : [{ url, weight: 0 }]));
        await change(weir, { servers: { weather: { endpoints, ...even } } });
        await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(asked.id)},"result":{"action":"accept","content":{}}}`);
        assert.equal(last(await answer).result?.content[0].text, `${owner} has of ${owner}`, how);
        await session.end();
      });
    for (const one of mute) one.close();
  },

  async 'a round that another one asked anew goes back to that one, though the first is well again'() {
    // Each asks for itself until it is shown its own state.
    const spec = (i) => ({ call: ({ params }, respond) => respond.result(params.requestState === `of ${i}`
      ? `{"resultType":"complete","content":[{"type":"text","text":"${i}"}]}`
      : JSON.stringify({ resultType: 'input_required', requestState: `of ${i}`, inputRequests: { who: { method: 'elicitation/create', params: { message: 'm', requestedSchema: { type: 'object', properties: {} } } } } })) });
    await among([spec(0), spec(1)], async (weir, upstreams) => {
      const session = await openSession(weir.url, '2025-11-25', '{"elicitation":{}}');
      let said = '';
      const answer = session.post('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{}}}', (response) => response.on('data', (text) => (said += text)));
      const question = async (n) => {
        const asked = () => [...said.matchAll(/^data: (\{.*elicitation\/create.*\})\r?\n/gm)].map(([, text]) => JSON.parse(text));
        await until(() => asked().length === n, 10000, `question ${n}`);
        return asked().at(-1).id;
      };
      const accept = (id) => session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"action":"accept","content":{}}}`);
      const first = await question(1);
      const owner = upstreams.find((one) => one.calls().length);
      const other = upstreams.find((one) => one !== owner);
      owner.before = (parsed, send) => (send(503, 'away'), true);
      await turns(weir, owner, 'unhealthy');
      await accept(first);
      const second = await question(2);
      assert.equal(other.calls().length, 1);
      owner.before = undefined;
      await turns(weir, owner, 'healthy');
      await accept(second);
      assert.equal(last(await answer).result?.content[0].text, String(upstreams.indexOf(other)));
      assert.equal(owner.calls().length, 1);
      await session.end();
    });
  },

  async 'the end of the process waits no longer than drain_timeout for a round whose client says nothing'() {
    const call = (_, respond) => respond.result(JSON.stringify({ resultType: 'input_required', requestState: 'x', inputRequests: { who: { method: 'elicitation/create', params: { message: 'm', requestedSchema: { type: 'object', properties: {} } } } } }));
    const upstreams = [await Upstream.start({ call }), await Upstream.start({ call })];
    const weir = await Weir.start({ drain_timeout: '100ms', servers: { weather: { endpoints: upstreams.map(({ url }) => ({ url })) } } });
    await weir.settled();
    const session = await openSession(weir.url, '2025-11-25', '{"elicitation":{}}');
    let said = '';
    const answer = session.post('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{}}}', (response) => response.on('data', (text) => (said += text)));
    await until(() => said.includes('elicitation/create'), 10000, 'the question');
    assert.equal((await weir.stop()).code, 0);
    assert.equal(last(await answer).error.code, 1007, 'it may have run');
    for (const one of upstreams) await one.stop();
  },

  async 'each old client\'s calls reach the replica that has its session; when that dies, it goes on at another'() {
    const replicas = await use(3, { era: 'old' });
    // With a slow start hardly anybody would come to the one that has returned.
    await served(replicas, { weather: { load_balancing: { strategy: 'round_robin', slow_start: '0s' } } }, async (weir) => {
      const clients = await guests(weir.url, 18);
      const first = await clients.all();
      assert.equal(new Set(first.map((one) => one.replica)).size, 3, JSON.stringify(first));
      assert.equal(new Set(first.map((one) => one.session)).size, 18, 'each has one of its own');
      for (let round = 0; round < 5; ++round) assert.deepEqual(await clients.all(), first);
      // Others come and go meanwhile.
      allOk(await calls(weir.url, 40, { make: (n) => ({ from: `127.0.0.${10 + (n % 20)}` }) }));
      assert.deepEqual(await clients.all(), first);
      for (const one of replicas) {
        const book = await one.counters();
        const here = first.filter(({ replica }) => replica === one.id);
        for (const { session } of here) assert.equal(book.by_session[session], 7);
      }

      const dead = replicas[0];
      await dead.kill();
      await turns(weir, dead, 'unhealthy');
      const second = await clients.all();
      second.forEach((one, i) => {
        assert.ok(!one.error, `session ${i} is lost: ${JSON.stringify(one.error)}`);
        if (first[i].replica === dead.id) assert.ok(one.replica !== dead.id && one.session !== first[i].session);
        else assert.deepEqual(one, first[i], 'who was elsewhere stays');
      });
      for (let round = 0; round < 3; ++round) assert.deepEqual(await clients.all(), second, 'they stay where they went');
      await dead.restart();
      await turns(weir, dead, 'healthy');
      for (let round = 0; round < 2; ++round) assert.deepEqual(await clients.all(), second, 'they do not move for it');
      // Who comes anew is welcome there.
      const late = await guests(weir.url, 30);
      const seen = await late.all();
      assert.ok(seen.every((one) => !one.error) && seen.some((one) => one.replica === dead.id), JSON.stringify(seen));
      const open = async () => (await Promise.all(replicas.map((one) => one.counters()))).reduce((sum, book) => sum + book.sessions, 0);
      const most = await open();
      await Promise.all([clients.end(), late.end()]);
      await until(async () => (await open()) <= most - 48, 20000, 'their sessions at the replicas to end');
    });
  },

  async 'under calls: a replica with sessions dies, and no session ends'() {
    const replicas = await use(3, { era: 'old' });
    await served(replicas, { weather: even }, async (weir) => {
      const clients = await guests(weir.url, 12);
      const before = await clients.all();
      const load = new OpenLoop(weir.url, { rate: 60, clients: 12 });
      await replicas[1].kill();
      // What is under way may fail; it says so, and the session stays.
      let failed = 0;
      for (let end = Date.now() + 1500; Date.now() < end; )
        for (const one of await clients.all()) {
          failed += one.error ? 1 : 0;
          if (one.error) assert.ok(['unreachable', 'outcome_unknown', 'no_healthy_endpoint'].includes(one.error.data?.reason), JSON.stringify(one.error));
        }
      await turns(weir, replicas[1], 'unhealthy');
      const after = await clients.all();
      after.forEach((one, i) => (before[i].replica === 'r1' ? assert.ok(one.replica && one.replica !== 'r1', JSON.stringify(one)) : assert.deepEqual(one, before[i])));
      const records = await load.stop();
      assert.ok((outcomes(records).ok ?? 0) > records.length / 2, JSON.stringify(outcomes(records)));
      await clients.end();
    });
  },

  async 'whose session is being opened at a replica that hangs is not held there'() {
    const replicas = await use(3, { era: 'old' });
    await served(replicas, { weather: even }, async (weir) => {
      await replicas[0].fault('hang');
      const records = await calls(weir.url, 12, { width: 12, make: (n) => ({ from: `127.4.0.${n + 1}` }) });
      await turns(weir, replicas[0], 'unhealthy');
      const late = records.filter((one) => one.outcome === 'timeout');
      assert.deepEqual(late.map((one) => one.id), [], 'calls that are held for 20 s, of which nothing was sent');
    });
  },

  async 'resource subscriptions of old clients follow to another replica'() {
    const specs = Array.from({ length: 3 }, (_, i) => {
      const state = { streams: new Map(), subscribed: new Map(), made: 0 };
      const before = (parsed, send, http, response) => {
        const session = http.headers['mcp-session-id'];
        if (http.method === 'GET') return response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders(), state.streams.set(session, response), true;
        if (http.method === 'DELETE') return send(200, ''), true;
        const json = (result, headers) => (send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result }), headers), true);
        if (parsed.method === 'server/discover') return send(404, ''), true;
        if (parsed.method === 'initialize') return json({ protocolVersion: '2025-06-18', capabilities: { tools: {}, resources: { subscribe: true } }, serverInfo: { name: 'o', version: '1' } }, { 'Mcp-Session-Id': `${i}-${++state.made}` });
        if (parsed.id === undefined) return send(202, ''), true;
        if (parsed.method === 'resources/subscribe') return state.subscribed.set(parsed.params.uri, session), json({});
        if (parsed.method === 'tools/call') return json({ content: [{ type: 'text', text: JSON.stringify({ replica: String(i), session }) }] });
        return json({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }], resources: [], resourceTemplates: [], content: [] });
      };
      return { era: 'old', before, state };
    });
    await among(specs, async (weir, upstreams) => {
      const clients = [];
      for (let i = 0; i < 6; ++i) {
        const session = await openSession(weir.url, '2025-06-18');
        const self = { uri: `x://${i}`, came: [], session };
        request('GET', weir.url, session.headers, '', (answer, sent) => {
          self.leave = () => sent.destroy();
          answer.on('data', (part) => self.came.push(...String(part).split('\n').filter((line) => line.includes('resources/updated')).map((line) => JSON.parse(line.slice(6)))));
        }).catch(() => {});
        assert.ok((await subscribe(session, self.uri)).result, self.uri);
        clients.push(self);
      }
      const holder = (uri) => specs.findIndex((one) => one.state.subscribed.has(uri));
      const tell = (at, uri) => {
        const { streams, subscribed } = specs[at].state;
        streams.get(subscribed.get(uri))?.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } })}\n\n`);
      };
      const hears = async (one, what) => {
        const before = one.came.length;
        await until(() => (tell(holder(one.uri), one.uri), one.came.length > before), 20000, `${one.uri} ${what}`);
      };
      for (const one of clients) await hears(one, 'where it was asked for');
      const dead = holder(clients[0].uri);
      await upstreams[dead].stop();
      specs[dead].state.subscribed.clear();
      await turns(weir, upstreams[dead], 'unhealthy');
      await until(() => clients.every((one) => holder(one.uri) >= 0), 20000, 'all subscriptions elsewhere');
      for (const one of clients) await hears(one, 'after it moved');
      for (const one of clients) {
        assert.ok(one.came.every(({ params }) => params.uri === one.uri), 'its own only');
        one.leave();
        await one.session.end();
      }
    });
  },

  async 'a task is asked for where it runs'() {
    const extension = '"io.modelcontextprotocol/tasks":{}';
    const specs = Array.from({ length: 3 }, (_, i) => {
      const state = { tasks: new Set(), wrong: [] };
      const before = (parsed, send) => {
        const answer = (result) => (send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result: { resultType: 'complete', ...result } })), true);
        if (parsed.method === 'server/discover') return answer({ supportedVersions: ['2026-07-28'], capabilities: { tools: {}, extensions: JSON.parse(`{${extension}}`) }, ttlMs: 0, cacheScope: 'private' });
        const of = (taskId) => ({ taskId, status: 'working', createdAt: 'now', lastUpdatedAt: 'now', ttlMs: 60000 });
        if (parsed.method === 'tools/call') {
          const taskId = `task-${i}-${state.tasks.size}`;
          state.tasks.add(taskId);
          return answer({ ...of(taskId), resultType: 'task' });
        }
        if (!parsed.method?.startsWith('tasks/')) return false;
        const { taskId } = parsed.params;
        if (!state.tasks.has(taskId)) return state.wrong.push(taskId), send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, error: { code: -32602, message: 'no such task' } })), true;
        return answer(parsed.method === 'tasks/get' ? of(taskId) : {});
      };
      return { before, state };
    });
    const withTasks = meta.replace('clientCapabilities":{}', `clientCapabilities":{"extensions":{${extension}}}`);
    const say = async (url, method, params, name) => answerOf(await request('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method, 'Mcp-Name': name }, `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{${params},"_meta":{${withTasks}}}}`));
    await among(specs, async (weir) => {
      const made = [];
      for (let i = 0; i < 12; ++i) made.push((await say(weir.url, 'tools/call', '"name":"echo","arguments":{}', 'echo')).result.taskId);
      assert.deepEqual(specs.map((one) => one.state.tasks.size), [4, 4, 4]);
      for (let round = 0; round < 3; ++round)
        for (const taskId of made) assert.equal((await say(weir.url, 'tasks/get', `"taskId":"${taskId}"`, taskId)).result?.taskId, taskId);
      for (const taskId of made) assert.ok((await say(weir.url, 'tasks/cancel', `"taskId":"${taskId}"`, taskId)).result, taskId);
      assert.deepEqual(specs.map((one) => one.state.wrong), [[], [], []], 'nobody is asked for what is another\'s');
    });
  },

  async 'what a replica hands out for the next round is brought back to it'() {
    const specs = Array.from({ length: 3 }, (_, i) => ({
      call: ({ params }, respond) => params.requestState
        ? respond.result(`{"resultType":"complete","content":[{"type":"text","text":${JSON.stringify(JSON.stringify([i, params.requestState]))}}]}`)
        : respond.result(JSON.stringify({ resultType: 'input_required', requestState: `of ${i}`, inputRequests: { who: { method: 'elicitation/create', params: { message: 'm', requestedSchema: { type: 'object', properties: {} } } } } })),
    }));
    await among(specs, async (weir, upstreams) => {
      const able = meta.replace('clientCapabilities":{}', 'clientCapabilities":{"elicitation":{}}');
      const say = async (more = '') => answerOf(await request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},${more}"_meta":{${able}}}}`)).result;
      const asked = [];
      for (let i = 0; i < 12; ++i) asked.push((await say()).requestState);
      assert.deepEqual(upstreams.map((one) => one.calls().length), [4, 4, 4]);
      const homes = [];
      for (const state of asked.reverse()) {
        const said = await say(`"inputResponses":{"who":{"action":"accept","content":{}}},"requestState":${JSON.stringify(state)},`);
        const [at, own] = JSON.parse(said.content[0].text);
        assert.equal(own, `of ${at}`, 'another one\'s state');
        homes.push(at);
      }
      assert.deepEqual([0, 1, 2].map((i) => homes.filter((at) => at === i).length), [4, 4, 4]);
    });
  },

  async 'who listens hears of every replica, of one that came back, too'() {
    const specs = [telling(), telling(), telling()];
    await among(specs, async (weir, upstreams) => {
      const one = listen(weir.url, { resourceSubscriptions: ['x://1'], toolsListChanged: true });
      assert.deepEqual(await one.acknowledged(), { resourceSubscriptions: ['x://1'], toolsListChanged: true });
      const updates = () => one.messages.filter(({ method }) => method === 'notifications/resources/updated').length;
      const tell = async (i) => {
        await until(() => [...specs[i].state.open].some(({ wanted }) => wanted.resourceSubscriptions?.includes('x://1')), 20000, `replica ${i} to be listened to`);
        const before = updates();
        for (const { tell: say, wanted } of specs[i].state.open) if (wanted.resourceSubscriptions) say('notifications/resources/updated', { uri: 'x://1' });
        await until(() => updates() > before, 10000, `the update of replica ${i}`);
      };
      for (const i of [0, 1, 2, 2, 1, 0]) await tell(i);
      const { port } = upstreams[1];
      await upstreams[1].stop();
      await turns(weir, upstreams[1], 'unhealthy');
      for (const i of [0, 2]) await tell(i);
      upstreams[1] = Object.assign(await Upstream.start({ ...specs[1], port }), { thaw() {} });
      await turns(weir, upstreams[1], 'healthy');
      for (const i of [0, 1, 2]) await tell(i);
      assert.ok(one.messages.every(({ params }) => params._meta['io.modelcontextprotocol/subscriptionId'] === 'L'));
      // Somebody who comes later is heard by all, too.
      const other = listen(weir.url, { resourceSubscriptions: ['x://2'] }, '"M"');
      await other.acknowledged();
      await until(() => specs.every(({ state }) => [...state.open].some(({ wanted }) => wanted.resourceSubscriptions?.includes('x://2'))), 20000, 'all to be asked');
      one.leave();
      other.leave();
    });
  },
};
