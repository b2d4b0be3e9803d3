// A call that waits for its client's answer, and what becomes of it when its server is configured no more.
import assert from 'node:assert/strict';
import { Upstream } from './upstream.mjs';
import { Weir, accept, answerOf, between, messages, openSession, request, until } from './weir.mjs';

// An old server whose tool asks one question and answers with what it got.
async function asking() {
  const state = { answers: [], deleted: 0, open: [] };
  const upstream = await Upstream.start({
    era: 'old',
    before(parsed, send, http) {
      if (http.method === 'DELETE') return ++state.deleted, send(200, '{}'), true;
      if (parsed.method !== undefined || http.method !== 'POST') return false;
      state.answers.push(parsed.result ?? parsed.error);
      state.open.shift()?.(parsed);
      return send(202, ''), true;
    },
    call(parsed, respond) {
      respond.events();
      respond.event('{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}');
      state.open.push((answer) => respond.end(`{"content":[{"type":"text","text":${JSON.stringify(JSON.stringify(answer.result ?? answer.error))}}]}`));
    },
  });
  return Object.assign(upstream, { state });
}

const can = (capabilities) => `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":${capabilities}}`;
const meta = can('{"elicitation":{}}');
async function call(url, name, more = '', capabilities = '{"elicitation":{}}') {
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":{},${more}${can(capabilities)}}}`;
  const answer = await request('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name }, body);
  return JSON.parse(messages(answer).at(-1));
}
const retry = (url, name, { requestState, inputRequests }) =>
  call(url, name, `"inputResponses":{"${Object.keys(inputRequests)[0]}":{"action":"accept","content":{"x":1}}},"requestState":${JSON.stringify(requestState)},`);

// `work` with a gateway in front of two servers, of which the first asks.
async function two(work, config = {}) {
  const a = await asking();
  const b = await Upstream.start({ call: ({ params }, respond) => params.arguments.hang || respond.result('{"resultType":"complete","content":[]}') });
  const c = await Upstream.start({});
  const weir = await Weir.start({ servers: { a: { url: a.url }, b: { url: b.url } }, ...config });
  try {
    await weir.settled();
    const without = async (servers = { b: { url: b.url } }) => {
      weir.write({ servers, ...config });
      await until(async () => (await weir.servers()).map((one) => one.name).join() === Object.keys(servers).join(), 10000, 'the reload');
    };
    await work({ weir, a, b, c, without });
  } finally {
    assert.equal((await weir.stop()).code, 0, 'exit code');
    for (const one of [a, b, c]) await one.stop();
  }
}

export const tests = {
  async 'a removed server is kept until its client has answered'() {
    await two(async ({ weir, a, c, without }) => {
      const asked = (await call(weir.url, 'a__echo')).result;
      assert.equal(asked.resultType, 'input_required');
      // Names lead elsewhere, or nowhere, by now.
      await without({ b: { url: c.url }, c: { url: c.url } });
      assert.equal(a.state.deleted, 0, 'the session of the call that waits');
      const last = (await retry(weir.url, 'a__echo', asked)).result;
      assert.deepEqual(JSON.parse(last.content[0].text), { action: 'accept', content: { x: 1 } });
      assert.deepEqual(a.state.answers, [{ action: 'accept', content: { x: 1 } }]);
      await until(() => a.state.deleted > 0, 10000, 'the session to end with the call');
      assert.equal((await call(weir.url, 'a__echo')).error.code, -32602, 'no such tool any more');
    });
  },

  async 'one caller parks its share, and its calls that end make room'() {
    const share = 250;
    const open = new Map();
    const upstream = await Upstream.start({
      era: 'old',
      before(parsed, send, http) {
        if (parsed.method !== undefined || http.method !== 'POST') return false;
        open.get(parsed.id)(parsed);
        return send(202, ''), true;
      },
      call(parsed, respond) {
        const id = `q${open.size}`;
        open.set(id, (answer) => respond.end(`{"content":[{"type":"text","text":${JSON.stringify(JSON.stringify(answer.result ?? answer.error))}}]}`));
        respond.events();
        respond.event(`{"jsonrpc":"2.0","id":"${id}","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}`);
      },
    });
    const weir = await Weir.start({ threads: 1, servers: { a: { url: upstream.url } } });
    try {
      await weir.settled();
      const all = [];
      while (all.length < share) all.push(...(await Promise.all(Array.from({ length: 25 }, () => call(weir.url, 'echo')))));
      assert.ok(all.every((one) => one.result?.resultType === 'input_required'));
      const over = (await call(weir.url, 'echo')).result;
      assert.equal(over.resultType, 'complete', 'asked for nothing');
      assert.equal(JSON.parse(over.content[0].text).code, -32601, 'the server is told that nobody can be asked');
      assert.ok((await retry(weir.url, 'echo', all[0].result)).result.content);
      assert.equal((await call(weir.url, 'echo')).result.resultType, 'input_required');
    } finally {
      await weir.stop();
      await upstream.stop();
    }
  },

  async 'beyond the time that calls have'() {
    await two(async ({ weir, a, without }) => {
      const asked = (await call(weir.url, 'a__echo')).result;
      await without();
      // Calls that begin after the removal and end by their deadline: that time has passed for whatever began before.
      const hang = () => request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"hang":true},${meta}}}`);
      for (let i = 0; i < 3; ++i) assert.equal(answerOf(await hang()).error.data.reason, 'deadline_exceeded');
      assert.equal(a.state.deleted, 0, 'the session of the call that waits');
      assert.ok((await retry(weir.url, 'a__echo', asked)).result.content);
      await until(() => a.state.deleted > 0, 10000, 'the session to end with the call');
    }, { timeout: { request: '200ms' } });
  },

  async 'and no longer than timeout.input'() {
    await two(async ({ weir, a, without }) => {
      const asked = (await call(weir.url, 'a__echo')).result;
      await without();
      await until(() => a.state.answers.length === 1 && a.state.deleted > 0, 20000, 'the end of the call and its session');
      assert.equal(a.state.answers[0].code, -32603);
      const late = await retry(weir.url, 'a__echo', asked);
      assert.deepEqual([late.error.code, late.error.data.reason], [1009, 'input_expired']);
    }, { timeout: { input: '1s' } });
  },

  async 'the end of the process waits for no client'() {
    await two(async ({ weir, a, without }) => {
      for (let i = 0; i < 3; ++i) assert.equal((await call(weir.url, 'a__echo')).result.resultType, 'input_required');
      await without();
      assert.equal((await weir.stop()).code, 0);
      assert.ok(a.state.answers.every((answer) => answer.code === -32603), 'told that nobody answers');
    });
  },

  async 'nor for calls of removed servers, beyond drain_timeout'() {
    await two(async ({ weir, a, b, without }) => {
      const session = await openSession(weir.url);
      const answer = session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"b__echo","arguments":{"hang":true}}}').catch(() => {});
      await until(() => b.calls().length === 1, 5000, 'the call');
      await without({ a: { url: a.url } });
      assert.equal((await weir.stop()).code, 0);
      await answer;
    }, { timeout: { request: '10m' }, drain_timeout: '200ms' });
  },

  async 'an old client that is asked for a removed server answers it all the same'() {
    // By requests of an old server's, and by the rounds of a new one.
    const rounds = {
      call: ({ params }, respond) => respond.result(params.inputResponses ? `{"resultType":"complete","content":[{"type":"text","text":${JSON.stringify(JSON.stringify(params.inputResponses.k))}}]}`
        : '{"resultType":"input_required","requestState":"s","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}}}'),
    };
    for (const spec of ['old', 'new'])
      await two(async ({ weir, a, without }) => {
        const n = await Upstream.start(rounds);
        await without({ a: { url: spec === 'old' ? a.url : n.url }, b: { url: n.url } });
        await weir.settled();
        const session = await openSession(weir.url, '2025-11-25', '{"elicitation":{}}');
        let question;
        const answer = session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"a__echo","arguments":{}}}', (response) => {
          response.on('data', (part) => {
            const found = /data: (\{.*elicitation\/create.*\})/.exec(part);
            if (found) question = JSON.parse(found[1]);
          });
        });
        await until(() => question, 10000, 'the question');
        await without();
        assert.equal((await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(question.id)},"result":{"action":"accept","content":{"x":1}}}`)).status, 202);
        const last = JSON.parse(messages(await answer).at(-1));
        assert.deepEqual(JSON.parse(last.result.content[0].text), { action: 'accept', content: { x: 1 } }, spec);
        await n.stop();
      });
  },

  async 'what can\'t be put to a client is refused to the server, whose call goes on'() {
    const schema = (depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
    const elicit = (id, requested) => `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":{"message":"${id}","requestedSchema":${requested}}}`;
    const sample = (id, count) => `{"jsonrpc":"2.0","id":${id},"method":"sampling/createMessage","params":{"messages":[${'1,'.repeat(count)}1]}}`;
    // What is asked at once, and which of it the client can be asked for at all; nothing: each of it alone, but
    // not all by one message.
    const cases = [
      [[elicit(1, schema(125)), elicit(2, '{}')], [2]],
      [[elicit(1, schema(125))], []],
      [[sample(1, 60000), sample(2, 60000)]],
      [[sample(1, 99990)], []],
      [[1, 2, 3].map((id) => `{"jsonrpc":"2.0","id":${id},"method":"sampling/createMessage","params":{"messages":["${'x'.repeat(3e6)}"]}}`)],
    ];
    for (const [asks, good] of cases) {
      const answers = new Map();
      let end;
      const upstream = {
        era: 'old',
        before(parsed, send, http) {
          if (parsed.method !== undefined || http.method !== 'POST') return false;
          answers.set(parsed.id, parsed);
          if (answers.size === asks.length) end();
          return send(202, ''), true;
        },
        call(parsed, respond) {
          end = () => respond.end(`{"content":[{"type":"text","text":"done"}]}`);
          respond.events();
          for (const one of asks) respond.event(one);
        },
      };
      await between(upstream, async (weir) => {
        let last = await call(weir.url, 'echo', '', '{"elicitation":{},"sampling":{}}');
        let asked = 0;
        while (last.result?.resultType === 'input_required') {
          const keys = Object.keys(last.result.inputRequests);
          asked += keys.length;
          const responses = Object.fromEntries(keys.map((key) => [key, { action: 'cancel' }]));
          last = await call(weir.url, 'echo', `"inputResponses":${JSON.stringify(responses)},"requestState":${JSON.stringify(last.result.requestState)},`, '{"elicitation":{},"sampling":{}}');
        }
        assert.equal(last.result?.content[0].text, 'done', JSON.stringify(last).slice(0, 300));
        if (good) assert.equal(asked, good.length);
        else assert.ok(asked > 0);
        for (let id = 1; good && id <= asks.length; ++id)
          assert.equal(answers.get(id).error?.code, good.includes(id) ? undefined : -32600, `answer ${id}`);
      });
    }
  },

  async 'of many URLs to visit the client is told a hundred at a time'() {
    const urls = Array.from({ length: 30000 }, (_, i) => `{"url":"http://u/${i}","message":"m"}`).join();
    const upstream = {
      era: 'old',
      call: (parsed, respond) => respond.send(200, `{"jsonrpc":"2.0","id":${JSON.stringify(parsed.id)},"error":{"code":-32042,"message":"x","data":{"elicitations":[${urls}]}}}`),
    };
    await between(upstream, async (weir) => {
      const asked = (await call(weir.url, 'echo', '', '{"elicitation":{"url":{}}}')).result;
      assert.equal(asked.resultType, 'input_required');
      assert.deepEqual(Object.values(asked.inputRequests).map((one) => one.params.url), Array.from({ length: 100 }, (_, i) => `http://u/${i}`));
    });
  },
};
