// taskIds in a listen filter (the tasks extension of 2026-07-28): how tasks stand is told to whoever listens to them, and
// may; under the id that it knows, of the server that has it.
import assert from 'node:assert/strict';
import http from 'node:http';
import { accept, answerOf, ask, between, meta, request, until } from './weir.mjs';

const extension = 'io.modelcontextprotocol/tasks';
const withTasks = meta.replace('clientCapabilities":{}', `clientCapabilities":{"extensions":{"${extension}":{}}}`);
const json = (message) => JSON.stringify({ jsonrpc: '2.0', ...message });

// A server whose tasks are called 1, 2, ...; it agrees to those that it has, but for `mute`.
function server({ mute = [] } = {}) {
  const state = { listens: [], count: 0 };
  return {
    state,
    before(parsed, send, _, response) {
      const { method, params } = parsed;
      const answer = (result) => (send(200, json({ id: parsed.id, result: { resultType: 'complete', ...result } })), true);
      if (method === 'server/discover')
        return answer({ supportedVersions: ['2026-07-28'], capabilities: { tools: {}, extensions: { [extension]: {} } }, ttlMs: 0, cacheScope: 'private' });
      if (method === 'tools/call') return answer({ resultType: 'task', taskId: String(++state.count), status: 'working', createdAt: 'now', lastUpdatedAt: 'now', ttlMs: 60000 });
      if (method !== 'subscriptions/listen') return false;
      const one = { open: true, tasks: params.notifications.taskIds ?? [], capabilities: params._meta['io.modelcontextprotocol/clientCapabilities'] };
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      one.tell = (name, more) => response.write(`data: ${json({ method: name, params: { _meta: { 'io.modelcontextprotocol/subscriptionId': parsed.id }, ...more } })}\n\n`);
      one.tell('notifications/subscriptions/acknowledged', { notifications: { ...params.notifications, ...(params.notifications.taskIds && { taskIds: one.tasks.filter((id) => !mute.includes(id)) }) } });
      response.on('close', () => (one.open = false));
      state.listens.push(one);
      return true;
    },
  };
}
const listening = (state) => state.listens.filter((one) => one.open).at(-1);
const tell = (state, taskId, status = 'working') => listening(state).tell('notifications/tasks', { taskId, status, createdAt: 'now', lastUpdatedAt: 'now', ttlMs: 60000, ...(status === 'completed' && { result: { content: [{ type: 'text', text: 'é 1.0' }] } }) });

async function make(url, name) {
  const got = await request('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name }, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":{},"_meta":{${withTasks}}}}`);
  return JSON.parse(got.text).result.taskId;
}

// `from`: the address that the caller is known by.
async function listener(url, notifications, id = '"L"', from = '127.0.0.1') {
  const heard = [];
  const body = `{"jsonrpc":"2.0","id":${id},"method":"subscriptions/listen","params":{"notifications":${JSON.stringify(notifications)},"_meta":{${withTasks}}}}`;
  const headers = { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'subscriptions/listen', 'Content-Length': Buffer.byteLength(body) };
  const sent = http.request(url, { method: 'POST', headers, localAddress: from }, (answer) => {
    let rest = '';
    answer.on('data', (data) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      for (const line of lines) if (line.startsWith('data: {')) heard.push(JSON.parse(line.slice(6)));
    });
    answer.on('error', () => {});
  });
  sent.on('error', () => {});
  sent.end(body);
  await until(() => heard.length > 0, 10000, 'the acknowledgement');
  return { heard, agreed: heard[0].params.notifications, told: () => heard.slice(1).map((one) => one.params.taskId), leave: () => sent.destroy() };
}

export const tests = {
  async 'each listener hears of its own tasks, whole, under the ids that it knows'() {
    const a = server();
    const b = server();
    await between([a, b], async (weir) => {
      await weir.settled();
      assert.deepEqual([await make(weir.url, 'a__echo'), await make(weir.url, 'b__echo'), await make(weir.url, 'a__echo')], ['1', 'b:1', '2']);
      const both = await listener(weir.url, { taskIds: ['b:1', '1'] });
      assert.deepEqual(both.agreed, { taskIds: ['b:1', '1'] });
      const second = await listener(weir.url, { taskIds: ['2'] }, '7');
      // Each server under its own ids, in one stream for all, with the capability that the extension wants.
      await until(() => listening(a.state).tasks.join() === '1,2' && listening(b.state).tasks.join() === '1', 5000, 'the filters');
      assert.deepEqual([listening(a.state).capabilities, listening(b.state).capabilities], Array(2).fill({ extensions: { [extension]: {} } }));
      assert.equal(a.state.listens.filter((one) => one.open).length, 1);
      tell(a.state, '2');
      tell(b.state, '1', 'completed');
      tell(a.state, '1');
      tell(a.state, '3');
      await until(() => both.told().length === 2 && second.told().length === 1, 5000, 'the news');
      assert.deepEqual([both.told().sort(), second.told()], [['1', 'b:1'], ['2']]);
      assert.deepEqual(both.heard.find((one) => one.params.taskId === 'b:1'), {
        jsonrpc: '2.0', method: 'notifications/tasks',
        params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 'L' }, taskId: 'b:1', status: 'completed', createdAt: 'now', lastUpdatedAt: 'now', ttlMs: 60000, result: { content: [{ type: 'text', text: 'é 1.0' }] } },
      });
      assert.deepEqual(second.heard[1].params._meta, { 'io.modelcontextprotocol/subscriptionId': 7 });
      both.leave();
      await until(() => listening(a.state)?.tasks.join() === '2', 5000, 'what nobody wants to be left out');
      second.leave();
      await until(() => !listening(b.state) && !listening(a.state), 5000, 'nothing to be wanted');
    });
  },

  async 'foreign and unknown tasks, and those that the server does not agree to, are left out'() {
    const a = server({ mute: ['2'] });
    await between([a], async (weir) => {
      await weir.settled();
      await make(weir.url, 'echo');
      await make(weir.url, 'echo');
      const one = await listener(weir.url, { taskIds: ['1', '2', '3', 'a:1'] });
      assert.deepEqual(one.agreed, { taskIds: ['1'] });
      const foreign = await listener(weir.url, { taskIds: ['1'] }, '"L"', '127.0.0.2');
      assert.deepEqual(foreign.agreed, {}, 'a task of another caller');
      assert.deepEqual(listening(a.state).tasks, ['1']);
      const none = await listener(weir.url, { taskIds: ['9'] });
      assert.deepEqual(none.agreed, {});
      const malformed = answerOf(await ask(weir.url, 'subscriptions/listen', '"notifications":{"taskIds":"1"}'));
      assert.ok([-32021, -32602].includes(malformed.error.code));
      const refused = await ask(weir.url, 'subscriptions/listen', '"notifications":{"taskIds":["1"]}');
      assert.deepEqual([refused.status, JSON.parse(refused.text).error.data], [400, { requiredCapabilities: { extensions: { [extension]: {} } } }]);
      tell(a.state, '1');
      await until(() => one.told().length === 1, 5000, 'the news');
      assert.deepEqual([foreign.told(), none.told()], [[], []]);
      for (const each of [one, none, foreign]) each.leave();
    });
  },
};
