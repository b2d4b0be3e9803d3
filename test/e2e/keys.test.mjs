// Calls under an idempotency key: run once however often they are asked for, and what came of them is told again.
import assert from 'node:assert/strict';
import { Upstream } from './upstream.mjs';
import { Weir, accept, answerOf, ask, between, messages, openSession, request, until } from './weir.mjs';

const text = (what) => `{"resultType":"complete","content":[{"type":"text","text":"${what}"}]}`;
// A call of `write` under `key`; what it came to: its text, or its code. More than one connection is used.
function write(url, key, { args = '{"to":"a"}', tool = 'write', id = '1', more = '', on, headers } = {}) {
  return ask(url, 'tools/call', `"name":"${tool}","arguments":${args}`, { id, name: tool, more: `"weir/idempotencyKey":${JSON.stringify(key)},${more}`, on, headers }).then((answer) => {
    const events = String(answer.headers['content-type']).startsWith('text/event-stream');
    const message = JSON.parse(events ? answer.text.split('\n').filter((line) => line.startsWith('data: {')).at(-1).slice(6) : answer.text);
    return { id: message.id, code: message.error?.code, data: message.error?.data, message: message.error?.message, said: message.result?.content?.[0].text, result: message.result };
  });
}
// An upstream that counts, and answers when it is told to.
function counting(more = {}) {
  const spec = { tools: ['write', 'other'], runs: 0, held: [], hold: false };
  spec.call = (parsed, respond) => {
    const n = ++spec.runs;
    const answer = () => respond.result(text(`run ${n}`));
    if (spec.how) return spec.how(respond, n, parsed);
    if (spec.hold) return void spec.held.push(answer);
    answer();
  };
  return Object.assign(spec, more);
}
const settings = { threads: 2 };
const asks = (state) => `{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"${state}?","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"${state}"}`;
// The same by a client that can be asked, with what it answers to `to`.
async function elicited(url, key, to) {
  const answers = Object.keys(to?.inputRequests ?? {}).map((name) => `${JSON.stringify(name)}:{"action":"accept","content":{}}`);
  const more = to ? `,"inputResponses":{${answers}},"requestState":${JSON.stringify(to.requestState)}` : '';
  const answer = await ask(url, 'tools/call', `"name":"write","arguments":{}${more}`, { name: 'write', more: `"weir/idempotencyKey":"${key}",`, capabilities: '{"elicitation":{}}' });
  return JSON.parse(messages(answer).at(-1));
}
const oldCall = (key) => `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"write","arguments":{},"_meta":{"weir/idempotencyKey":"${key}"}}}`;
// What an upstream saw of the calls under a key, by the state that came with them.
const rounds = (upstream, key) => upstream.calls().map((one) => one.parsed.params).filter((one) => one._meta['weir/idempotencyKey'] === key).map((one) => one.requestState ?? 'begin');
const listen = (upstream) => new Promise((done) => upstream.server.listen(upstream.port, '127.0.0.1', done));

export const tests = {
  async 'asked again it is not run again: the answer is told again, and the key went along'() {
    const spec = counting();
    await between(spec, async (weir, upstream) => {
      const first = await write(weir.url, 'k1', { id: '7' });
      const again = await write(weir.url, 'k1', { id: '"x"' });
      assert.deepEqual([first.id, first.said, again.id, again.said], [7, 'run 1', 'x', 'run 1']);
      assert.equal(spec.runs, 1);
      assert.equal(upstream.calls()[0].parsed.params._meta['weir/idempotencyKey'], 'k1');
      assert.equal((await write(weir.url, 'k2')).said, 'run 2', 'another key');
      assert.equal((await write(weir.url, 'k1', { tool: 'other' })).said, 'run 3', 'another tool');
      const other = await write(weir.url, 'k1', { args: '{"to":"b"}' });
      assert.equal(other.code, -32602);
      assert.match(other.message, /other arguments/);
      assert.equal(spec.runs, 3);
      const session = await openSession(weir.url);
      const old = answerOf(await session.post('{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"write","arguments":{"to":"a"},"_meta":{"weir/idempotencyKey":"k1"}}}'));
      assert.deepEqual([old.result.content[0].text, old.result.resultType], ['run 1', undefined], 'as its revision has it');
      for (const wrong of ['', 5, null, {}, 'x'.repeat(256)]) assert.equal((await write(weir.url, wrong)).code, -32602, JSON.stringify(wrong));
      assert.equal(spec.runs, 3);
    }, settings);
  },

  async 'asked again while it runs it is joined'() {
    const spec = counting({ hold: true });
    await between(spec, async (weir) => {
      const all = Array.from({ length: 12 }, (_, n) => write(weir.url, 'k', { id: String(n) }));
      await until(() => spec.held.length > 0);
      const late = await write(weir.url, 'k', { more: '"weir/timeoutMs":50,' });
      assert.equal(late.code, 1003, 'it waits no longer than it wants');
      spec.held[0]();
      assert.deepEqual((await Promise.all(all)).map((one) => [one.id, one.said]), all.map((_, n) => [n, 'run 1']));
      assert.equal(spec.runs, 1);
    }, settings);
  },

  async 'whose client has gone runs on, and its answer is there for who asks again'() {
    const spec = counting({ hold: true });
    await between(spec, async (weir, upstream) => {
      const leave = async (key) => {
        const gone = new AbortController();
        const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"to":"a"},"_meta":{"weir/idempotencyKey":"${key}","progressToken":1,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"e2e","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`;
        const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'write' };
        const sent = fetch(weir.url, { method: 'POST', headers, body, signal: gone.signal }).then((answer) => answer.text()).catch(() => 'gone');
        const runs = spec.runs;
        await until(() => spec.runs > runs);
        gone.abort();
        assert.equal(await sent, 'gone');
      };
      await leave('k');
      const again = write(weir.url, 'k');
      spec.held[0]();
      assert.equal((await again).said, 'run 1');
      assert.equal(upstream.closed, 0, 'the upstream was not left');
      // As a stream: what comes after its client has gone is read on.
      let streamed;
      spec.how = (respond, n, parsed) => {
        respond.events();
        const step = (i) => respond.event(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${i},"progressToken":${JSON.stringify(parsed.params._meta.progressToken)}}}`);
        step(1);
        streamed = (i) => (i ? step(i) : respond.end(text(`run ${n}`)));
      };
      await leave('s');
      for (let i = 2; i < 5; ++i) streamed(i);
      const end = write(weir.url, 's');
      streamed(0);
      assert.equal((await end).said, 'run 2');
      assert.equal(spec.runs, 2);
    }, settings);
  },

  async 'nobody knows what came of it: so it is told, and it is not run again'() {
    const spec = counting({ how: (respond, n) => (n === 1 ? respond.raw.destroy() : respond.result(text(`run ${n}`))) });
    await between(spec, async (weir) => {
      for (let n = 0; n < 3; ++n) {
        const one = await write(weir.url, 'k');
        assert.deepEqual([one.code, one.data.reason, one.data.sent, one.data.retryable], [1007, 'outcome_unknown', 'maybe', false], JSON.stringify(one));
      }
      assert.equal(spec.runs, 1);
      assert.equal((await write(weir.url, 'new')).said, 'run 2');
    }, settings);
  },

  async 'of which nothing was sent, or that may be repeated, is run when it is asked for again'() {
    const harmless = { name: 'write', inputSchema: { type: 'object' }, annotations: { idempotentHint: true } };
    const spec = counting({ tools: [harmless] });
    await between(spec, async (weir, upstream) => {
      await write(weir.url, 'warm');
      // All attempts at the first call are cut.
      spec.how = (respond) => respond.raw.destroy();
      assert.equal((await write(weir.url, 'k')).code, 1007);
      const runs = spec.runs;
      spec.how = undefined;
      await until(async () => (await write(weir.url, 'k')).said === `run ${runs + 1}`, 10000, 'run anew');
      assert.equal(upstream.calls().at(-1).parsed.params._meta['weir/idempotencyKey'], 'k');
    }, settings);
    const other = counting();
    await between(other, async (weir, upstream) => {
      await write(weir.url, 'warm');
      await upstream.stop();
      const away = await write(weir.url, 'k');
      assert.ok([1001, 1005].includes(away.code), JSON.stringify(away));
      await new Promise((done) => upstream.server.listen(upstream.port, '127.0.0.1', done));
      await until(async () => (await write(weir.url, 'k')).said === 'run 2', 10000, 'run at last');
      assert.equal(other.runs, 2);
    }, settings);
  },

  async 'who sends a token is known by it: two at one address have their keys to themselves'() {
    const spec = counting();
    await between(spec, async (weir) => {
      const by = (token) => write(weir.url, '1', { headers: { Authorization: `Bearer ${token}` } });
      assert.deepEqual([(await by('alice')).said, (await by('bob')).said, (await by('alice')).said, (await write(weir.url, '1')).said], ['run 1', 'run 2', 'run 1', 'run 3']);
    }, settings);
  },

  async 'an error of the tool is an answer like any other'() {
    const spec = counting({ how: (respond, n) => (n % 2 ? respond.result('{"resultType":"complete","isError":true,"content":[{"type":"text","text":"no"}]}') : respond.error(200, -32050, 'as told')) });
    await between(spec, async (weir) => {
      for (let n = 0; n < 2; ++n) assert.equal((await write(weir.url, 'a')).result.isError, true);
      for (let n = 0; n < 2; ++n) assert.equal((await write(weir.url, 'b')).code, -32050);
      assert.equal(spec.runs, 2);
    }, settings);
  },

  async 'what was not run is run when it is asked for again, though a text stood in'() {
    const spec = counting();
    const upstream = await Upstream.start(spec);
    const weir = await Weir.start({ ...settings, servers: { a: { url: upstream.url, fallback: { text: 'later' } } } });
    try {
      await weir.settled();
      await upstream.stop();
      for (let n = 0; n < 2; ++n) assert.equal((await write(weir.url, 'k')).said, 'later');
      await new Promise((done) => upstream.server.listen(upstream.port, '127.0.0.1', done));
      await until(async () => (await write(weir.url, 'k')).said === 'run 1', 10000, 'run at last');
      assert.equal((await write(weir.url, 'k')).said, 'run 1');
      assert.equal(spec.runs, 1);
    } finally {
      assert.equal((await weir.stop()).code, 0);
      await upstream.stop();
    }
  },

  async 'a large answer is told again, too; one that is not kept is never run again'() {
    let size = 600_000;
    const spec = counting({
      how(respond, n, { id }) {
        const body = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${text(`run ${n} ${'x'.repeat(size)}`)}}`;
        respond.send(200, body, { 'Content-Length': body.length });  // else it is not known to be large
      },
    });
    await between(spec, async (weir) => {
      const [first, again] = [await write(weir.url, 'k'), await write(weir.url, 'k')];
      assert.equal(first.said.length, 6 + size);
      assert.equal(again.said, first.said);
      size = 2_000_000;
      assert.equal((await write(weir.url, 'l')).said.length, 6 + size);
      const large = await write(weir.url, 'l');
      assert.deepEqual([large.code, large.data.sent], [1011, 'maybe'], large.message);
      assert.match(large.message, /answered, but its result is too large to be kept/);
      assert.equal(spec.runs, 2);
    }, settings);
  },

  async 'a call that asks its client for input is not begun again, and goes on under its key'() {
    const spec = counting({
      how: (respond, n, { params }) => respond.result(params.requestState ? text(`run ${n}`) : '{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"s"}'),
    });
    await between(spec, async (weir) => {
      const meta = '"_meta":{"weir/idempotencyKey":"k","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}';
      const call = async (more = '') => {
        const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{},${more}${meta}}}`;
        const headers = { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'write' };
        return JSON.parse(messages(await request('POST', weir.url, headers, body)).at(-1)).result;
      };
      const asked = await call();
      assert.equal(asked.resultType, 'input_required');
      assert.deepEqual([(await call()).resultType, spec.runs], ['input_required', 1], 'what it asks is told again');
      const answered = await call(`"inputResponses":{"q":{"action":"accept","content":{}}},"requestState":${JSON.stringify(asked.requestState)},`);
      assert.equal(answered.content?.[0].text, 'run 2', JSON.stringify(answered));
      assert.equal((await call()).content?.[0].text, 'run 2', 'told again');
      assert.equal(spec.runs, 2);
    }, settings);
  },

  async 'answers that did not reach the server can be given again, and the call does not begin anew'() {
    const spec = counting({ how: (respond, n, { params }) => respond.result(params.requestState ? text('done') : asks('s')) });
    await between(spec, async (weir, upstream) => {
      const asked = (await elicited(weir.url, 'k')).result;
      await upstream.stop();
      const away = (await elicited(weir.url, 'k', asked)).error;
      assert.ok([1001, 1005].includes(away.code) && away.data.sent === 'no', JSON.stringify(away));
      assert.deepEqual((await elicited(weir.url, 'k')).result, asked, 'asked again while it is away');
      await listen(upstream);
      assert.deepEqual((await elicited(weir.url, 'k')).result, asked, 'and when it is back');
      await until(async () => (await elicited(weir.url, 'k', asked)).result?.content?.[0].text === 'done', 10000, 'the answers to arrive');
      assert.equal((await elicited(weir.url, 'k')).result.content[0].text, 'done');
      assert.deepEqual(rounds(upstream, 'k'), ['begin', 's']);
    }, settings);
  },

  async 'an old client whose answer does not reach the server is told that the call had begun'() {
    const spec = counting({ how: (respond, n, { params }) => respond.result(params.requestState ? text('done') : asks('s')) });
    await between(spec, async (weir, upstream) => {
      const session = await openSession(weir.url, '2025-11-25', '{"elicitation":{}}');
      let question;
      const called = session.post(oldCall('k'), (answer) => {
        let seen = '';
        answer.on('data', (part) => {
          seen += part;
          const whole = seen.split('\n').slice(0, -1).filter((line) => line.startsWith('data: {'));
          question ??= whole.map((line) => JSON.parse(line.slice(6))).find((message) => message.method === 'elicitation/create');
        });
      });
      await until(() => question);
      await upstream.stop();
      await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(question.id)},"result":{"action":"accept","content":{}}}`);
      const told = JSON.parse(messages(await called).at(-1)).error;
      assert.deepEqual([told.code, told.data], [1007, { server: 'a', reason: 'outcome_unknown', retryable: false, sent: 'maybe' }], told.message);
      await listen(upstream);
      await until(async () => (await elicited(weir.url, 'other')).result, 10000, 'the server to be back');
      const again = JSON.parse(messages(await session.post(oldCall('k'))).at(-1)).error;
      assert.deepEqual([again?.code, again?.data.sent], [1007, 'maybe']);
      assert.deepEqual(rounds(upstream, 'k'), ['begin']);
    }, settings);
  },

  async 'an answer to an old server that comes too late: it may have run, and does not run again'() {
    const spec = counting({
      era: 'old',
      how(respond) {
        respond.events();
        respond.event('{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{"message":"sure?","requestedSchema":{"type":"object","properties":{}}}}');
      },
    });
    await between(spec, async (weir, upstream) => {
      const asked = (await elicited(weir.url, 'k')).result;
      assert.equal(asked.resultType, 'input_required');
      await until(() => upstream.seen.some((one) => one.parsed.id === 'q1' && one.parsed.error), 10000, 'the end of waiting');
      const late = (await elicited(weir.url, 'k', asked)).error;
      assert.deepEqual([late?.code, late?.data], [1009, { server: 'a', reason: 'input_expired', retryable: false, sent: 'maybe' }], late?.message);
      assert.deepEqual((await elicited(weir.url, 'k')).result, asked, 'as it was');
      assert.equal(spec.runs, 1);
    }, { ...settings, timeout: { input: '1s' } });
  },

  async 'an answer that is sent again is told what came of it, and does not reach the server again'() {
    const next = { begin: 'one', one: 'two' };
    const spec = counting({
      how(respond, n, { params }) {
        const step = next[params.requestState ?? 'begin'];
        respond.result(step ? asks(step) : text('done'));
      },
    });
    await between(spec, async (weir, upstream) => {
      const one = (await elicited(weir.url, 'k')).result;
      const [two, joined] = (await Promise.all([elicited(weir.url, 'k', one), elicited(weir.url, 'k', one)])).map((answer) => answer.result);
      assert.equal(two.inputRequests.q.params.message, 'two?');
      assert.deepEqual(joined, two);
      assert.deepEqual((await elicited(weir.url, 'k', one)).result, two);
      assert.deepEqual(rounds(upstream, 'k'), ['begin', 'one']);
      for (let n = 0; n < 2; ++n) assert.equal((await elicited(weir.url, 'k', two)).result.content[0].text, 'done');
      assert.deepEqual(rounds(upstream, 'k'), ['begin', 'one', 'two']);
    }, settings);
  },

  async 'a server that asks for the same again is answered again'() {
    const spec = counting({ how: (respond, n) => respond.result(n < 4 ? '{"resultType":"input_required","requestState":"wait"}' : text('done')) });
    await between(spec, async (weir, upstream) => {
      let last = (await elicited(weir.url, 'k')).result;
      for (let n = 0; n < 3; ++n) last = (await elicited(weir.url, 'k', last)).result;
      assert.equal(last.content?.[0].text, 'done', JSON.stringify(last));
      assert.deepEqual(rounds(upstream, 'k'), ['begin', 'wait', 'wait', 'wait']);
    }, settings);
  },

  async 'what a call asks its client is not told to one that cannot answer'() {
    const spec = counting({ how: (respond, n, { params }) => respond.result(params.requestState ? text('done') : asks('s')) });
    await between(spec, async (weir, upstream) => {
      const asked = (await elicited(weir.url, 'k')).result;
      const plain = await write(weir.url, 'k', { args: '{}' });
      assert.deepEqual([plain.code, plain.data?.sent, plain.data?.retryable], [1007, 'maybe', false], JSON.stringify(plain));
      assert.match(plain.message, /waits for input/);
      const sessions = [await openSession(weir.url), await openSession(weir.url, '2025-11-25', '{"elicitation":{}}')];
      const old = async (session) => JSON.parse(messages(await session.post(oldCall('k'))).at(-1));
      for (const session of sessions) assert.equal((await old(session)).error?.code, 1007);
      assert.equal((await elicited(weir.url, 'k', asked)).result.content[0].text, 'done');
      for (const session of sessions) assert.equal((await old(session)).result?.content[0].text, 'done');
      assert.deepEqual(rounds(upstream, 'k'), ['begin', 's']);
    }, settings);
  },
};
