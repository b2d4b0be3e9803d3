// Tasks of both eras: an id leads its owner, and nobody else, to its server; equal ids of two servers are told apart.
import assert from 'node:assert/strict';
import { accept, answerOf, ask, between, meta, openSession, request, until } from './weir.mjs';

const extension = '"io.modelcontextprotocol/tasks":{}';

// A scripted server whose tasks are called 1, 2, ...; each old session has its own.
function server({ era = 'old', capabilities, status } = {}) {
  const state = { tasks: new Map(), streams: new Map(), count: 0, asked: [] };
  const spec = { era, state };
  spec.before = function (parsed, send, http, response) {
    const session = http.headers['mcp-session-id'] ?? '';
    const answer = (result) => (send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result: { ...(era === 'new' && { resultType: 'complete' }), ...result } })), true);
    const refuse = (message) => (send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, error: { code: -32602, message } })), true);
    if (http.method === 'GET') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      state.streams.set(session, response);
      return true;
    }
    const method = parsed.method;
    if (method === 'initialize') {
      this.sessions.add('s' + (state.sessions + 1));
      send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result: { protocolVersion: '2025-11-25', capabilities: capabilities ?? { tools: {}, tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }, serverInfo: { name: 's', version: '1' } } }), { 'Mcp-Session-Id': 's' + ++state.sessions });
      return true;
    }
    if (method === 'server/discover' && era === 'new')
      return answer({ supportedVersions: ['2026-07-28'], capabilities: { tools: {}, extensions: JSON.parse(`{${extension}}`) }, ttlMs: 0, cacheScope: 'private' });
    if (era === 'old' && method?.startsWith('notifications/')) return void send(202, '') ?? true;
    const wanted = era === 'new' ? JSON.stringify(parsed.params?._meta ?? {}).includes(extension) : parsed.params?.task;
    if (method === 'tools/call' && wanted) {
      const task = { taskId: String(++state.count), status: 'working', createdAt: 'now', lastUpdatedAt: 'now', [era === 'new' ? 'ttlMs' : 'ttl']: 60000 };
      state.tasks.set(task.taskId, { ...task, session });
      return answer(era === 'new' ? { ...task, resultType: 'task' } : { task });
    }
    if (method === undefined && parsed.result) return state.answered(parsed), void send(202, '') ?? true;
    if (!method?.startsWith('tasks/')) return false;
    state.asked.push({ method, params: parsed.params, session, name: http.headers['mcp-name'] });
    if (method === 'tasks/list') return answer({ tasks: [...state.tasks.values()].concat({ taskId: 'foreign', status: 'working' }) });
    const task = state.tasks.get(parsed.params.taskId);
    if (!task) return refuse('its own: no such task');
    if (method === 'tasks/cancel') task.status = 'cancelled';
    if (method === 'tasks/result' && state.asks) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const event = (message) => response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
      const related = { 'io.modelcontextprotocol/related-task': { taskId: task.taskId } };
      state.answered = (message) => (event({ id: parsed.id, result: { content: [], _meta: related, got: message.result } }), response.end());
      event({ id: 77, method: 'elicitation/create', params: { message: '?', requestedSchema: { type: 'object', properties: {} }, _meta: related } });
      return true;
    }
    if (method === 'tasks/result') return answer({ content: [{ type: 'text', text: state.label }], _meta: { 'io.modelcontextprotocol/related-task': { taskId: task.taskId } } });
    return answer(era === 'new' && method !== 'tasks/get' ? {} : { ...task, label: state.label });
  };
  state.sessions = 0;
  return spec;
}

// A client of 2025-11-25 that reads its stream.
async function client(url, capabilities) {
  const session = await openSession(url, '2025-11-25', capabilities);
  let id = 1;
  const self = { session, pushed: [], introduction: JSON.parse(session.answer.text).result };
  self.send = async (method, params = {}) => {
    const got = await session.post(JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }));
    const text = got.text.startsWith('{') ? got.text : got.text.split('\n').filter((line) => line.startsWith('data: {')).at(-1).slice(6);
    return JSON.parse(text);
  };
  self.make = async (name) => (await self.send('tools/call', { name, arguments: {}, task: { ttl: 60000 } })).result.task.taskId;
  self.listen = () => {
    request('GET', url, session.headers, '', (answer, sent) => {
      self.leave = () => sent.destroy();
      answer.on('data', (data) => {
        for (const line of String(data).split('\n')) if (line.startsWith('data: {')) self.pushed.push(JSON.parse(line.slice(6)));
      });
    }).catch(() => {});
    return until(() => self.leave);
  };
  return self;
}

async function two(work, options = {}) {
  const a = server(options);
  const b = server(options);
  a.state.label = 'of a';
  b.state.label = 'of b';
  await between([a, b], async (weir) => {
    await weir.settled();
    return work(weir, a.state, b.state);
  });
}

const withTasks = meta.replace('clientCapabilities":{}', `clientCapabilities":{"extensions":{${extension}}}`);
async function askNew(url, method, params, name, id = '1') {
  const body = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${params},"_meta":{${withTasks}}}}`;
  const got = await request('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method, ...(name && { 'Mcp-Name': name }) }, body);
  return { status: got.status, ...JSON.parse(got.text) };
}

export const tests = {
  async 'equal task ids of two servers are told apart, in every answer'() {
    await two(async (weir, a, b) => {
      const one = await client(weir.url);
      assert.deepEqual(one.introduction.capabilities.tasks, { list: {}, cancel: {}, requests: { tools: { call: {} } } });
      assert.equal(await one.make('a__echo'), '1');
      assert.equal(await one.make('b__echo'), 'b:1');
      for (const [taskId, label] of [['1', 'of a'], ['b:1', 'of b']]) {
        const got = (await one.send('tasks/get', { taskId })).result;
        assert.deepEqual([got.taskId, got.label], [taskId, label]);
        const result = (await one.send('tasks/result', { taskId })).result;
        assert.equal(result.content[0].text, label);
        assert.deepEqual(result._meta, { 'io.modelcontextprotocol/related-task': { taskId } });
      }
      assert.ok(b.asked.every((asked) => asked.params.taskId === '1'), 'the server is asked by its own id');
      const cancelled = (await one.send('tasks/cancel', { taskId: 'b:1' })).result;
      assert.deepEqual([cancelled.taskId, cancelled.status], ['b:1', 'cancelled']);
      assert.deepEqual([a.tasks.get('1').status, b.tasks.get('1').status], ['working', 'cancelled']);
    });
  },

  async 'tasks/list joins the servers and shows the client\'s own only'() {
    await two(async (weir, a) => {
      const one = await client(weir.url);
      const other = await client(weir.url);
      await one.make('a__echo');
      await one.make('b__echo');
      assert.equal(await other.make('a__echo'), '2');
      const list = async (who) => (await who.send('tasks/list')).result.tasks.map((task) => task.taskId);
      assert.deepEqual(await list(one), ['1', 'b:1']);
      assert.deepEqual(await list(other), ['2']);
      assert.equal((await one.send('tasks/list', { cursor: 'x' })).error.code, -32602);
      assert.ok(a.asked.length > 0);
    });
  },

  async 'a foreign or unknown task is refused and no server hears of it'() {
    await two(async (weir, a, b) => {
      const one = await client(weir.url);
      const other = await client(weir.url);
      const taskId = await one.make('a__echo');
      for (const [who, id] of [[other, taskId], [one, 'nosuch'], [one, 'b:1']])
        for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
          assert.deepEqual((await who.send(method, { taskId: id })).error, { code: -32602, message: 'Task not found' });
      assert.equal((await one.send('tasks/get')).error.code, -32602);
      assert.equal((await askNew(weir.url, 'tasks/get', `"taskId":"${taskId}"`, taskId)).error.code, -32602);
      assert.deepEqual([a.asked, b.asked], [[], []]);
      await one.session.end();
    });
  },

  async 'a task goes on in the session that made it'() {
    await two(async (weir, a) => {
      const one = await client(weir.url);
      const taskId = await one.make('a__echo');
      await one.send('tasks/get', { taskId });
      assert.equal(a.asked[0].session, a.tasks.get('1').session);
    });
  },

  async 'a status is told to the owner alone, under its id'() {
    await two(async (weir, a, b) => {
      const one = await client(weir.url);
      const other = await client(weir.url);
      await one.listen();
      await other.listen();
      await one.make('a__echo');
      await one.make('b__echo');
      await until(() => b.streams.has(b.tasks.get('1').session));
      b.streams.get(b.tasks.get('1').session).write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tasks/status', params: { taskId: '1', status: 'completed' } })}\n\n`);
      await until(() => one.pushed.some((message) => message.method === 'notifications/tasks/status'));
      assert.deepEqual(one.pushed.filter((message) => message.method === 'notifications/tasks/status').map((message) => message.params.taskId), ['b:1']);
      assert.ok(other.pushed.every((message) => message.method !== 'notifications/tasks/status'));
      one.leave();
      other.leave();
    });
  },

  async 'what a server asks for a task, and the answer, name it as each side knows it'() {
    await two(async (weir, a, b) => {
      const one = await client(weir.url, '{"elicitation":{}}');
      await one.make('a__echo');
      await one.make('b__echo');
      b.asks = true;
      let asked;
      const related = (taskId) => ({ 'io.modelcontextprotocol/related-task': { taskId } });
      const got = await one.session.post('{"jsonrpc":"2.0","id":9,"method":"tasks/result","params":{"taskId":"b:1"}}', (answer) => {
        answer.on('data', (data) => {
          const line = String(data).split('\n').find((part) => part.startsWith('data: {') && part.includes('elicitation/create'));
          if (!line) return;
          asked = JSON.parse(line.slice(6));
          one.session.post(JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: { action: 'decline', _meta: related('b:1') } }));
        });
      });
      assert.deepEqual(asked.params._meta, related('b:1'));
      const { result } = JSON.parse(got.text.split('\n').filter((line) => line.startsWith('data: {')).at(-1).slice(6));
      assert.deepEqual([result._meta, result.got._meta], [related('b:1'), related('1')]);
    });
  },

  async 'tasks are told of within an era only'() {
    await two(async (weir) => {
      assert.ok((await client(weir.url)).introduction.capabilities.tasks);
      const discovered = answerOf(await ask(weir.url, 'server/discover')).result.capabilities;
      assert.deepEqual([discovered.tasks, discovered.extensions], [undefined, undefined]);
      const older = await openSession(weir.url, '2025-06-18');
      assert.equal(JSON.parse(older.answer.text).result.capabilities.tasks, undefined);
      assert.equal(answerOf(await older.post('{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"1"}}')).error.code, -32601);
      // The member means nothing in 2026-07-28: an old server must not take it for a wish.
      const got = answerOf(await ask(weir.url, 'tools/call', '"name":"a__echo","arguments":{},"task":{"ttl":1}', { name: 'a__echo' }));
      assert.ok(got.result.content, JSON.stringify(got));
    });
    await two(async (weir) => {
      const { capabilities } = (await client(weir.url)).introduction;
      assert.deepEqual([capabilities.tasks, capabilities.extensions], [undefined, undefined]);
      const discovered = answerOf(await ask(weir.url, 'server/discover')).result.capabilities;
      assert.deepEqual(discovered.extensions, JSON.parse(`{${extension}}`));
      // Who does not say that it knows the extension is not told of tasks; nor is an old client, whatever it says.
      const refused = answerOf(await ask(weir.url, 'subscriptions/listen', '"notifications":{"taskIds":["1"]}'));
      assert.equal(refused.error.code, -32021);
      const old = await client(weir.url, `{"extensions":{${extension},"x/y":{}}}`);
      assert.ok((await old.send('tools/call', { name: 'a__echo', arguments: {} })).result.content);
    }, { era: 'new' });
  },

  async 'the extension of 2026-07-28: ids, Mcp-Name made anew, update, cancel'() {
    await two(async (weir, a, b) => {
      const make = async (name) => (await askNew(weir.url, 'tools/call', `"name":"${name}","arguments":{}`, name)).result;
      assert.deepEqual([(await make('a__echo')).taskId, (await make('b__echo')).taskId], ['1', 'b:1']);
      const got = await askNew(weir.url, 'tasks/get', '"taskId":"b:1"', 'b:1');
      assert.deepEqual([got.result.taskId, got.result.label, got.result.resultType], ['b:1', 'of b', 'complete']);
      const updated = await askNew(weir.url, 'tasks/update', '"taskId":"b:1","inputResponses":{"k":{"action":"accept"}}', 'b:1');
      assert.deepEqual(updated.result, { resultType: 'complete' });
      await askNew(weir.url, 'tasks/cancel', '"taskId":"b:1"', 'b:1');
      assert.deepEqual([a.tasks.get('1').status, b.tasks.get('1').status], ['working', 'cancelled']);
      assert.deepEqual(b.asked.map((asked) => [asked.method, asked.params.taskId, asked.name]), [['tasks/get', '1', '1'], ['tasks/update', '1', '1'], ['tasks/cancel', '1', '1']]);
      assert.deepEqual(b.asked[1].params.inputResponses, { k: { action: 'accept' } });
      assert.equal((await askNew(weir.url, 'tasks/get', '"taskId":"b:1"', '1')).status, 400);
      assert.equal((await askNew(weir.url, 'tasks/get', '"taskId":"7"', '7')).error.code, -32602);
      for (const gone of ['tasks/result', 'tasks/list']) assert.equal((await askNew(weir.url, gone, '"taskId":"1"', '1')).error.code, -32601);
      assert.deepEqual(a.asked, []);
    }, { era: 'new' });
  },
};
