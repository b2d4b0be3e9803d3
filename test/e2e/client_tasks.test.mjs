// Tasks that a client of 2025-11-25 runs for a server: the server asks it to run a question as a task and polls it.
import assert from 'node:assert/strict';
import { accept, between, messages, request, until } from './weir.mjs';

const json = (message) => JSON.stringify({ jsonrpc: '2.0', ...message });
const sampling = { messages: [], maxTokens: 5, task: { ttl: 60000 } };

// An old server that asks what it is told to, on the stream of its session or of a call.
function asker() {
  const state = { streams: new Map(), intros: [], got: [], told: [] };
  return {
    era: 'old',
    state,
    // Asks in the session of `name`; the answer.
    async ask(name, id, method, params) {
      const session = state.intros.filter((one) => one.name === name).at(-1).session;
      await until(() => state.streams.has(session), 5000, 'the stream');
      state.streams.get(session).write(`data: ${json({ id, method, params })}\n\n`);
      return until(() => state.got.find((one) => one.session === session && one.id === id), 10000, `the answer to ${method}`);
    },
    before(parsed, send, http, response) {
      const session = http.headers['mcp-session-id'];
      if (http.method === 'GET') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.flushHeaders();
        state.streams.set(session, response);
        return true;
      }
      if (parsed.method === 'initialize') {
        const own = 's' + (state.intros.length + 1);
        this.sessions.add(own);
        state.intros.push({ session: own, name: parsed.params.clientInfo.name, capabilities: parsed.params.capabilities });
        send(200, json({ id: parsed.id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } }), { 'Mcp-Session-Id': own });
        return true;
      }
      if (parsed.method === 'notifications/tasks/status') state.told.push(parsed.params.taskId);
      if (parsed.method !== undefined || http.method !== 'POST') return false;
      state.got.push({ session, ...parsed });
      return send(202, ''), true;
    },
    // The tool asks for a sampling as a task and gives back what came.
    call(parsed, respond) {
      respond.events();
      respond.event(json({ id: 'in-call', method: 'sampling/createMessage', params: sampling }));
      const wait = setInterval(() => {
        const answer = state.got.find((one) => one.id === 'in-call' && !one.taken);
        if (!answer) return;
        answer.taken = true;
        clearInterval(wait);
        respond.end(json({ content: [{ type: 'text', text: JSON.stringify(answer.result ?? answer.error) }] }).replace('"jsonrpc":"2.0",', ''));
      }, 5);
      respond.raw.on('close', () => clearInterval(wait));
    },
  };
}

// A client that answers what it is asked by `answers[method](params)`; what it was asked.
async function client(url, name, capabilities, answers = {}, version = '2025-11-25') {
  const opened = await request('POST', url, accept, json({ id: 0, method: 'initialize', params: { protocolVersion: version, capabilities, clientInfo: { name, version: '1' } } }));
  const headers = { ...accept, 'Mcp-Session-Id': opened.headers['mcp-session-id'], 'MCP-Protocol-Version': version };
  const post = (message, on) => request('POST', url, headers, json(message), on);
  await post({ method: 'notifications/initialized' });
  const self = { asked: [], post };
  const hear = (answer) => {
    let rest = '';
    answer.on('data', (data) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      for (const line of lines.filter((one) => one.startsWith('data: {'))) {
        const message = JSON.parse(line.slice(6));
        if (message.method === undefined || message.id === undefined) continue;
        self.asked.push(message);
        post({ id: message.id, ...(answers[message.method] ? answers[message.method](message.params) : { error: { code: -32601, message: 'no' } }) });
      }
    });
  };
  let sent;
  request('GET', url, headers, '', (answer, req) => ((sent = req), hear(answer))).catch(() => {});
  await until(() => sent);
  self.leave = () => sent.destroy();
  self.call = async (tool) => JSON.parse(messages(await post({ id: 9, method: 'tools/call', params: { name: tool, arguments: {} } }, hear)).at(-1)).result;
  return self;
}

const full = { sampling: {}, elicitation: {}, tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } } };
const task = (taskId, status = 'working') => ({ taskId, status, createdAt: 'now', lastUpdatedAt: 'now', ttl: 60000 });
// Answers of a client whose tasks are called t1, t2, ...
function runner() {
  let count = 0;
  const make = () => ({ result: { task: task('t' + ++count) } });
  return {
    'sampling/createMessage': make,
    'elicitation/create': make,
    'tasks/get': ({ taskId }) => ({ result: task(taskId) }),
    'tasks/cancel': ({ taskId }) => ({ result: task(taskId, 'cancelled') }),
    'tasks/result': ({ taskId }) => ({ result: { role: 'assistant', model: 'm', content: { type: 'text', text: taskId }, _meta: { 'io.modelcontextprotocol/related-task': { taskId } } } }),
    'tasks/list': () => ({ result: { tasks: Array.from({ length: count }, (_, i) => task('t' + (i + 1))), nextCursor: 'n' } }),
  };
}

export const tests = {
  async 'a question becomes a task that its server polls, and no other server'() {
    const a = asker();
    const b = asker();
    await between([a, b], async (weir) => {
      await weir.settled();
      const ann = await client(weir.url, 'ann', full, runner());
      assert.deepEqual(JSON.parse((await ann.call('a__echo')).content[0].text), { task: task('t1') });
      assert.deepEqual(ann.asked[0].params, sampling, 'asked to be run as a task');
      assert.deepEqual(JSON.parse((await ann.call('b__echo')).content[0].text), { task: task('t2') });
      assert.deepEqual(a.state.intros.at(-1).capabilities, full);
      // On the session's own stream, under the client's ids.
      assert.deepEqual((await a.ask('ann', 1, 'elicitation/create', { message: '?', requestedSchema: { type: 'object', properties: {} }, task: {} })).result, { task: task('t3') });
      assert.deepEqual((await a.ask('ann', 2, 'tasks/get', { taskId: 't1' })).result, task('t1'));
      assert.deepEqual((await a.ask('ann', 3, 'tasks/result', { taskId: 't3' })).result._meta, { 'io.modelcontextprotocol/related-task': { taskId: 't3' } });
      assert.deepEqual((await a.ask('ann', 4, 'tasks/cancel', { taskId: 't3' })).result.status, 'cancelled');
      const list = (await a.ask('ann', 5, 'tasks/list', {})).result;
      assert.deepEqual([list.tasks.map((one) => one.taskId), list.nextCursor], [['t1', 't3'], 'n'], 'its own alone');
      assert.deepEqual((await b.ask('ann', 5, 'tasks/list', {})).result.tasks.map((one) => one.taskId), ['t2']);
      const asked = ann.asked.length;
      for (const [id, method] of [[6, 'tasks/get'], [7, 'tasks/result'], [8, 'tasks/cancel']]) {
        assert.deepEqual((await b.ask('ann', id, method, { taskId: 't1' })).error, { code: -32602, message: 'Task not found' });
        assert.equal((await a.ask('ann', id, method, { taskId: 't9' })).error.code, -32602);
      }
      assert.equal(ann.asked.length, asked, 'the client is not asked for what is another\'s');
      for (const taskId of ['t2', 't9', 't1']) await ann.post({ method: 'notifications/tasks/status', params: task(taskId, 'completed') });
      await until(() => a.state.told.length === 1 && b.state.told.length === 1, 5000, 'the status');
      assert.deepEqual([a.state.told, b.state.told], [['t1'], ['t2']]);
      // Another client's session knows none of these.
      const ben = await client(weir.url, 'ben', full, runner());
      await ben.call('b__echo');
      await ben.call('a__echo');
      assert.equal((await a.ask('ben', 9, 'tasks/get', { taskId: 't1' })).error.code, -32602);
      assert.deepEqual((await a.ask('ben', 10, 'tasks/get', { taskId: 't2' })).result, task('t2'));
      ann.leave();
      ben.leave();
    });
  },

  async 'who does not run tasks answers as usual, and is not polled'() {
    const plain = { role: 'assistant', model: 'm', content: { type: 'text', text: 'x' } };
    const answers = { 'sampling/createMessage': () => ({ result: plain }) };
    for (const [capabilities, version] of [[{ sampling: {} }, '2025-11-25'], [{ sampling: {}, tasks: { requests: { elicitation: { create: {} } } } }, '2025-11-25'], [full, '2025-06-18']]) {
      const a = asker();
      await between([a], async (weir) => {
        const ann = await client(weir.url, 'ann', capabilities, answers, version);
        assert.deepEqual(JSON.parse((await ann.call('echo')).content[0].text), plain);
        const { task: _, ...rest } = sampling;
        assert.deepEqual(ann.asked.map((one) => one.params), [rest], 'the wish is to be ignored');
        assert.equal((await a.ask('ann', 1, 'tasks/list', {})).error.code, -32601);
        ann.leave();
      });
    }
    // A client of 2026-07-28 knows no such tasks.
    await between([asker()], async (weir) => {
      const meta = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}';
      const answer = await request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},${meta}}}`);
      const [asked] = Object.values(JSON.parse(messages(answer).at(-1)).result.inputRequests);
      assert.deepEqual(asked.params, { messages: [], maxTokens: 5 });
    });
  },
};
