// What servers ask of clients, across the eras: who is asked, what the server gets, and what is refused.
import assert from 'node:assert/strict';
import { Lines } from './lines.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, accept, ask, between, messages, openSession, request, until } from './weir.mjs';

const elicitation = '{"elicitation":{}}';
const can = (capabilities) => `"io.modelcontextprotocol/clientCapabilities":${capabilities}`;

// A call of 2026-07-28 by a client with these capabilities.
function call(url, params = '', { id = '1', capabilities = elicitation, name = 'echo' } = {}) {
  const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",${can(capabilities)}}`;
  const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${name}","arguments":{},${params}${meta}}}`;
  return request('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name }, body);
}
const result = (answer) => JSON.parse(messages(answer).at(-1));

// An old upstream whose tool asks `questions` at once and answers with what it got.
function asking(questions, done = () => {}) {
  return {
    era: 'old',
    tools: ['echo', 'other'],
    call(parsed, respond) {
      const open = new Map(questions.map((one) => [one.id, null]));
      respond.events();
      for (const one of questions)
        respond.event(`{"jsonrpc":"2.0","id":${JSON.stringify(one.id)},"method":"elicitation/create","params":{"message":"${one.message}","requestedSchema":{"type":"object","properties":{}}}}`);
      const wait = setInterval(() => {
        for (const one of this.seen) {
          if (one.method !== undefined || !open.has(one.parsed.id) || one.taken) continue;
          one.taken = true;
          open.set(one.parsed.id, one.parsed.result ?? one.parsed.error);
        }
        if ([...open.values()].includes(null)) return;
        clearInterval(wait);
        done([...open.values()]);
        respond.end(`{"content":[{"type":"text","text":${JSON.stringify(JSON.stringify([...open.values()]))}}]}`);
      }, 5);
      respond.raw.on('close', () => clearInterval(wait));
    },
  };
}
const retry = (state, answers) => `"inputResponses":${JSON.stringify(answers)},"requestState":${JSON.stringify(state)},`;
const accepted = (name) => ({ action: 'accept', content: { name } });

export const tests = {
  async 'new client, old server: asked together, answered under the server\'s own ids'() {
    await between(asking([{ id: 'q', message: 'one' }, { id: 7, message: 'two' }]), async (weir) => {
      const first = result(await call(weir.url)).result;
      assert.equal(first.resultType, 'input_required');
      const keys = Object.keys(first.inputRequests);
      assert.deepEqual(keys.map((key) => first.inputRequests[key].params.message), ['one', 'two']);
      const half = result(await call(weir.url, retry(first.requestState, { [keys[0]]: accepted('a') }))).result;
      assert.deepEqual(Object.keys(half.inputRequests), [keys[1]], 'only what is missing is asked again');
      const last = result(await call(weir.url, retry(half.requestState, { [keys[1]]: { action: 'decline' } }))).result;
      assert.deepEqual(JSON.parse(last.content[0].text), [accepted('a'), { action: 'decline' }]);
    });
  },

  async 'a state that was tampered with, used twice or for another call opens nothing'() {
    await between(asking([{ id: 1, message: 'x' }]), async (weir) => {
      const { requestState: state, inputRequests } = result(await call(weir.url)).result;
      const [key] = Object.keys(inputRequests);
      const code = async (text, options) => result(await call(weir.url, retry(text, { [key]: accepted('a') }), options)).error?.code;
      for (let at = 0; at < state.length; at += 7) {
        const other = state[at] === 'A' ? 'B' : 'A';
        assert.equal(await code(state.slice(0, at) + other + state.slice(at + 1)), -32602, `changed at ${at}`);
      }
      assert.equal(await code(''), -32602);
      assert.equal(await code(state, { name: 'other' }), -32602);
      assert.equal(result(await call(weir.url, `"inputResponses":{"${key}":5},"requestState":${JSON.stringify(state)},`)).error.code, -32602);
      assert.ok(result(await call(weir.url, retry(state, { [key]: accepted('a') }))).result.content, 'still good after all that');
      assert.equal(await code(state), 1009);
    });
  },

  async 'nobody answers in time: the server is told, and a late retry too'() {
    let got;
    await between(asking([{ id: 1, message: 'x' }], (values) => (got = values)), async (weir, upstream) => {
      const { requestState: state, inputRequests } = result(await call(weir.url)).result;
      await until(() => upstream.seen.some((one) => one.method === undefined && one.parsed.error?.code === -32603), 5000, 'the error');
      const late = result(await call(weir.url, retry(state, { [Object.keys(inputRequests)[0]]: accepted('a') })));
      assert.deepEqual([late.error.code, late.error.data.reason], [1009, 'input_expired']);
    }, { timeout: { input: '200ms' } });
  },

  async 'on pipes a question goes to the call that waits for it, though another may have seemed meant'() {
    // Once it has both it asks in `hold`, then answers `quick`.
    const script = `
      const line_of = (m) => JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n';
      const say = (...all) => process.stdout.write(all.map(line_of).join(''));
      const result_of = (id, text) => ({ id, result: { content: [{ type: 'text', text }] } });
      let quick, hold;
      require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
        const { id, method, params, result } = JSON.parse(line);
        if (method === 'initialize') return say({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } });
        if (method === 'tools/list') return say({ id, result: { tools: ['quick', 'hold'].map((name) => ({ name, inputSchema: { type: 'object' } })) } });
        if (method === undefined) return say(result_of(hold, result ? result.content.name : line)), void (hold = 0);
        if (method !== 'tools/call') return id !== undefined && say({ id, error: { code: -32601, message: 'no' } });
        if (params.name === 'quick') quick = id;
        else hold = id;
        if (!quick || !hold) return;
        say({ id: 1, method: 'elicitation/create', params: { message: 'who?', requestedSchema: { type: 'object', properties: {} } } }, result_of(quick, 'quick'));
        quick = 0;
      });`;
    const weir = await Weir.start({ servers: { a: { command: process.execPath, args: ['-e', script] } } });
    try {
      await weir.settled();
      for (let round = 0; round < 12; ++round) {
        const order = round % 2 ? ['hold', 'quick'] : ['quick', 'hold'];
        const calls = {};
        for (const [at, name] of order.entries()) {
          calls[name] = call(weir.url, '', { id: String(at), name });
          if (at === 0) await until(async () => (await weir.servers())[0].in_flight === 1, 5000, 'the first call at the server');
        }
        assert.equal(result(await calls.quick).result.content[0].text, 'quick');
        const asked = result(await calls.hold).result;
        assert.equal(asked.resultType, 'input_required', JSON.stringify(asked));
        const [key] = Object.keys(asked.inputRequests);
        assert.equal(asked.inputRequests[key].params.message, 'who?');
        const last = result(await call(weir.url, retry(asked.requestState, { [key]: accepted('Ada') }), { id: '3', name: 'hold' })).result;
        assert.equal(last.content[0].text, 'Ada');
      }
    } finally {
      await weir.stop();
    }
  },

  async 'a client that listens while the servers still start is not told that there is nothing'() {
    const late = { pages: 1, before: (parsed, send) => parsed.method === 'server/discover' && (setTimeout(() => send(200, `{"jsonrpc":"2.0","id":${JSON.stringify(parsed.id)},"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"ttlMs":0,"cacheScope":"private"}}`), 2000), true) };
    const upstream = await Upstream.start(late);
    const lines = Lines.start({ servers: { a: { url: upstream.url } } });
    try {
      lines.send(`{"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",${can('{}')}}}}`);
      const first = await lines.find((one) => one.method === 'notifications/subscriptions/acknowledged', 'the acknowledgement');
      assert.deepEqual(first.params.notifications, { toolsListChanged: true });
    } finally {
      lines.child.kill('SIGKILL');
      await lines.exit;
      await upstream.stop();
    }
  },

  async 'who did not declare it is not asked'() {
    await between(asking([{ id: 1, message: 'x' }]), async (weir, upstream) => {
      const answer = result(await call(weir.url, '', { capabilities: '{"roots":{}}' })).result;
      assert.equal(JSON.parse(answer.content[0].text)[0].code, -32601);
      const intro = upstream.seen.filter((one) => one.method === 'initialize').at(-1).parsed.params.capabilities;
      assert.deepEqual(intro, { roots: {} }, 'told what this client can do');
    });
  },

  async 'old client, old server: answered once, from any connection; what comes late is refused'() {
    await between(asking([{ id: 'q', message: 'x' }]), async (weir) => {
      const session = await openSession(weir.url, '2025-11-25', elicitation);
      let question;
      const answer = session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","arguments":{}}}', (response) => {
        response.on('data', (part) => {
          const found = /data: (\{.*elicitation\/create.*\})/.exec(part);
          if (found) question = JSON.parse(found[1]);
        });
      });
      await until(() => question, 5000, 'the question');
      const reply = `{"jsonrpc":"2.0","id":${JSON.stringify(question.id)},"result":${JSON.stringify(accepted('z'))}}`;
      assert.equal((await session.post('{"jsonrpc":"2.0","id":"never","result":{}}')).status, 400);
      const stranger = await openSession(weir.url, '2025-11-25', elicitation);
      assert.equal((await stranger.post(reply)).status, 400, 'asked in another session');
      assert.equal((await session.post(reply)).status, 202);
      assert.deepEqual(JSON.parse(result(await answer).result.content[0].text), [accepted('z')]);
      assert.equal((await session.post(reply)).status, 400, 'doubled');
    });
  },

  async 'new server: its state comes back byte for byte, from whoever was given it'() {
    const raw = '"st\\u00e4te\\/1"';
    const seen = [];
    const upstream = {
      call(parsed, respond, text) {
        seen.push(text);
        if (!parsed.params.inputResponses)
          return respond.result(`{"resultType":"input_required","inputRequests":{"who":{"method":"elicitation/create","params":{"message":"m","requestedSchema":{"type":"object","properties":{}}}}},"requestState":${raw}}`);
        respond.result(`{"resultType":"complete","content":[{"type":"text","text":${JSON.stringify(JSON.stringify(parsed.params.inputResponses))}}]}`);
      },
    };
    await between(upstream, async (weir) => {
      const first = result(await call(weir.url)).result;
      assert.notEqual(first.requestState, JSON.parse(raw), 'sealed');
      const last = result(await call(weir.url, retry(first.requestState, { who: accepted('n') }))).result;
      assert.deepEqual(JSON.parse(last.content[0].text), { who: accepted('n') });
      assert.ok(seen.at(-1).includes(`"requestState":${raw}`), seen.at(-1));
      assert.equal(result(await call(weir.url, retry(JSON.parse(raw), { who: accepted('n') }))).error.code, -32602);
      // An old client is asked by a request, and the server gets the same.
      const session = await openSession(weir.url, '2025-11-25', elicitation);
      let asked = false;
      const answer = await session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","arguments":{}}}', (response) => {
        response.on('data', (part) => {
          const found = /data: (\{.*elicitation\/create.*\})/.exec(part);
          if (!found) return;
          asked = true;
          session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(JSON.parse(found[1]).id)},"result":${JSON.stringify(accepted('o'))}}`);
        });
      });
      assert.ok(asked);
      assert.deepEqual(JSON.parse(result(answer).result.content[0].text), { who: accepted('o') });
      assert.ok(seen.at(-1).includes(`"requestState":${raw}`), seen.at(-1));
    });
  },

  async 'a client that listens hears what it asked for, under its own id, and that the end came'() {
    await between({}, async (weir) => {
      let text = '';
      const filter = '"notifications":{"toolsListChanged":true,"promptsListChanged":true}';
      const listening = ask(weir.url, 'subscriptions/listen', filter, { id: '"L"', on: (response) => response.on('data', (part) => (text += part)) });
      await until(() => text.includes('acknowledged'), 5000, 'the acknowledgement');
      const first = JSON.parse(/data: (.*)/.exec(text)[1]);
      assert.deepEqual(first.params, { _meta: { 'io.modelcontextprotocol/subscriptionId': 'L' }, notifications: { toolsListChanged: true } });
      weir.write({ servers: { a: { builtin: 'demo' } } });
      await until(() => text.includes('notifications/tools/list_changed'), 5000, 'the change');
      assert.ok(!text.includes('prompts/list_changed'), 'not agreed to');
      weir.child.kill('SIGTERM');
      const end = result(await listening);
      await weir.exit;
      assert.deepEqual([end.id, end.result.resultType], ['L', 'complete']);
    });
  },
};
