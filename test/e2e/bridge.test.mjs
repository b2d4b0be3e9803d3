// What servers ask of clients, across the eras: who is asked, what the server gets, and what is refused.
import assert from 'node:assert/strict';
import { Lines } from './lines.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, accept, answerOf, ask, between, messages, openSession, request, until } from './weir.mjs';

const elicitation = '{"elicitation":{}}';
const can = (capabilities) => `"io.modelcontextprotocol/clientCapabilities":${capabilities}`;

// A call of 2026-07-28 by a client with these capabilities.
function call(url, params = '', { id = '1', capabilities = elicitation, name = 'echo', who } = {}) {
  const info = who ? `"io.modelcontextprotocol/clientInfo":{"name":"${who}","version":"1"},` : '';
  const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",${info}${can(capabilities)}}`;
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
// An old upstream that asks on its session's GET stream, outside of the call's own, which it answers as plain JSON
// once all is said. `ask(session, id, method, params)` asks in a session; `held` has the calls under way.
class AskingBeside {
  era = 'old';
  streams = new Map();
  held = [];
  before = (parsed, send, request, response) => {
    if (request.method !== 'GET') return false;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    this.streams.set(request.headers['mcp-session-id'], response);
    return true;
  };
  call = (parsed, respond) => this.held.push({ parsed, respond });
  ask(session, id, method = 'elicitation/create', params = { message: 'x', requestedSchema: { type: 'object', properties: {} } }) {
    this.streams.get(session).write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n\n`);
  }
  // The calls' sessions, in the order of the calls, once there are as many.
  async sessions(upstream, count) {
    await until(() => this.held.length === count, 5000, 'the calls');
    return upstream.calls().map((one) => one.headers['mcp-session-id']);
  }
  finish(value) {
    for (const { respond } of this.held.splice(0)) respond.result(`{"content":[{"type":"text","text":${JSON.stringify(JSON.stringify(value))}}]}`);
  }
}
const answered = (upstream, id) => until(() => upstream.seen.find((one) => one.method === undefined && one.parsed.id === id), 5000, `the answer to ${id}`);

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

  async 'on pipes what is asked of one client is not shown to another of the same address'() {
    // `ask` asks, and ends with what it was told; only then `slow` ends.
    const script = `
      const say = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n');
      const text_of = (id, text) => say({ id, result: { content: [{ type: 'text', text }] } });
      let slow, ask;
      require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
        const { id, method, params, result } = JSON.parse(line);
        if (method === 'initialize') return say({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } } });
        if (method === 'tools/list') return say({ id, result: { tools: ['slow', 'ask'].map((name) => ({ name, inputSchema: { type: 'object' } })) } });
        if (method === undefined) return text_of(ask, result ? 'answered' : 'refused'), text_of(slow, 'slow');
        if (method !== 'tools/call') return id !== undefined && say({ id, error: { code: -32601, message: 'no' } });
        if (params.name === 'slow') return void (slow = id);
        ask = id;
        say({ id: 'q', method: 'elicitation/create', params: { message: 'for A', requestedSchema: { type: 'object', properties: {} } } });
      });`;
    const weir = await Weir.start({ servers: { a: { command: process.execPath, args: ['-e', script] } } });
    try {
      await weir.settled();
      const b = call(weir.url, '', { id: '1', name: 'slow', who: 'B' });
      await until(async () => (await weir.servers())[0].in_flight === 1, 5000, 'the call of B at the server');
      const a = call(weir.url, '', { id: '2', name: 'ask', who: 'A' });
      const shown = (await b).text;
      assert.ok(!shown.includes('for A'), shown);
      assert.equal(JSON.parse(shown).result.content[0].text, 'slow');
      assert.equal(result(await a).result.content[0].text, 'refused', 'nobody could tell whom it was for');
    } finally {
      await weir.stop();
    }
  },

  async 'two clients of one address have a session each with an old server'() {
    await between({ era: 'old' }, async (weir, upstream) => {
      for (const who of ['A', 'B', 'A']) assert.ok(result(await call(weir.url, '', { who })).result);
      const [a, b, again] = upstream.calls().map((one) => one.headers['mcp-session-id']);
      assert.notEqual(a, b);
      assert.equal(again, a);
      const names = upstream.seen.filter((one) => one.method === 'initialize').map((one) => one.parsed.params.clientInfo.name);
      assert.deepEqual(names.slice(-2), ['A', 'B'], 'told who it is');
    });
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

  async 'questions that nobody waits for stand in no other\'s way'() {
    // It asks and ends at once.
    const server = { era: 'old', call: (parsed, respond) => (respond.events(), respond.event('{"jsonrpc":"2.0","id":"q' + parsed.params.arguments.n + '","method":"roots/list"}'), respond.end('{"content":[]}')) };
    await between(server, async (weir, upstream) => {
      const session = await openSession(weir.url, '2025-11-25', '{"roots":{}}');
      let id;
      for (let n = 0; n < 300; ++n) {
        const [question, last] = messages(await session.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"n":${n}}}}`)).map((one) => JSON.parse(one));
        assert.equal(question.method, 'roots/list', `call ${n}`);
        assert.ok(last.result);
        id = question.id;
      }
      const told = await answered(upstream, 'q0');
      assert.equal(told.parsed.error.code, -32603, 'the oldest is given up');
      assert.equal((await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"roots":[]}}`)).status, 202);
      assert.deepEqual((await answered(upstream, 'q299')).parsed.result, { roots: [] }, 'a late answer to the last');
    });
  },

  async 'an old client that can\'t be asked never sees that a new server wants more'() {
    // `state` wants to be asked again; `form` and `roots` want what nobody can give.
    const wants = { state: {}, form: { q: { method: 'elicitation/create', params: { message: '?', requestedSchema: { type: 'object', properties: {} } } } }, roots: { r: { method: 'roots/list' } } };
    const server = {
      tools: Object.keys(wants),
      call: ({ params }, respond) => params.requestState ? respond.result(`{"resultType":"complete","content":[{"type":"text","text":${JSON.stringify(JSON.stringify([params.requestState, params.inputResponses]))}}]}`) : respond.result(JSON.stringify({ resultType: 'input_required', requestState: 's1', inputRequests: wants[params.name] })),
    };
    await between(server, async (weir) => {
      const asked = (name) => `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"${name}","arguments":{}}}`;
      const alone = await openSession(weir.url);
      const batches = await openSession(weir.url, '2025-03-26', '{"roots":{}}');
      for (const one of [async (name) => result(await alone.post(asked(name))), async (name) => answerOf(await batches.post(`[${asked(name)}]`))[0]]) {
        const said = async (name) => JSON.parse((await one(name)).result.content[0].text);
        assert.deepEqual((await said('state'))[0], 's1');
        assert.deepEqual(await said('form'), ['s1', { q: { action: 'cancel' } }]);
        assert.equal((await one('roots')).error.code, -32601, 'what the new revision has no answer for ends the call');
      }
    });
  },

  async 'a new server\'s question that says something twice ends its call, and nobody is asked'() {
    const params = '{"message":"to be shown","requestedSchema":{"type":"object","properties":{}},"message":"to be checked"}';
    const asks = `{"resultType":"input_required","requestState":"s","inputRequests":{"q":{"method":"elicitation/create","params":${params}}}}`;
    await between({ call: (_, respond) => respond.result(asks) }, async (weir) => {
      const session = await openSession(weir.url, '2025-11-25', elicitation);
      const answer = await session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","arguments":{}}}');
      assert.doesNotMatch(answer.text, /elicitation|to be/);
      const { error } = result(answer);
      assert.equal(error.code, 1002);
      assert.match(error.message, /can't be put to its client: duplicate member near byte/);
    });
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
      for (const wrong of ['"nonsense"', '[]', 'null', '7']) {
        const refused = await session.post(`{"jsonrpc":"2.0","id":${JSON.stringify(question.id)},"result":${wrong}}`);
        const { id, error } = JSON.parse(refused.text);
        assert.deepEqual([refused.status, id, error.code], [400, null, -32600], wrong);
      }
      assert.equal((await session.post(reply)).status, 202);
      assert.deepEqual(JSON.parse(result(await answer).result.content[0].text), [accepted('z')]);
      assert.equal((await session.post(reply)).status, 400, 'doubled');
      const counted = (await request('GET', weir.admin + '/metrics')).text;
      assert.match(counted, /^weir_rejected_total\{server="",reason="late_answer"\} 3$/m);
      assert.match(counted, /^weir_rejected_total\{server="",reason="bad_answer"\} 4$/m);
    });
  },

  async 'new client, old server: what is taken back before the client was asked is not asked'() {
    const question = (id) => `{"jsonrpc":"2.0","id":"${id}","method":"elicitation/create","params":{"message":"${id}","requestedSchema":{"type":"object","properties":{}}}}`;
    const end = (id) => `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"${id}"}}`;
    const before = (parsed, send, one, response) => {
      if (parsed?.method !== 'tools/call') return false;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const said = [question('a'), question('b'), end('a')];
      if (parsed.params.name === 'other') said.push(end('b'), `{"jsonrpc":"2.0","id":${parsed.id},"result":{"content":[]}}`);
      response.write(said.map((text) => `data: ${text}\n\n`).join(''));
      return true;
    };
    await between({ era: 'old', tools: ['echo', 'other'], before }, async (weir) => {
      const asked = result(await call(weir.url)).result;
      assert.deepEqual(Object.values(asked.inputRequests).map((one) => one.params.message), ['b']);
      assert.equal(result(await call(weir.url, '', { name: 'other' })).result.resultType, 'complete');
    });
  },

  async 'what is wrong with an answer to us has no place among a batch\'s answers'() {
    await between({}, async (weir) => {
      const session = await openSession(weir.url, '2025-03-26', elicitation);
      const wrong = ['{"jsonrpc":"2.0","id":1,"result":5}', '{"jsonrpc":"2.0","id":1,"result":{}}'];
      for (const one of wrong) {
        const mixed = await session.post(`[${one},{"jsonrpc":"2.0","id":1,"method":"ping"}]`);
        assert.deepEqual([mixed.status, JSON.parse(mixed.text)], [200, [{ jsonrpc: '2.0', id: 1, result: {} }]]);
        const alone = await session.post(`[${one}]`);
        assert.deepEqual([alone.status, JSON.parse(alone.text).id], [400, null]);
      }
    });
  },

  async 'new client, old server: asked on the session\'s stream, it reaches the one call under way'() {
    const scripted = new AskingBeside();
    await between(scripted, async (weir, upstream) => {
      const asked = call(weir.url);
      const [session] = await scripted.sessions(upstream, 1);
      scripted.ask(session, 'g1');
      const first = result(await asked).result;
      assert.equal(first.resultType, 'input_required');
      const [key] = Object.keys(first.inputRequests);
      assert.equal(first.inputRequests[key].params.message, 'x');
      // While it is parked the server asks again: asked in the next round.
      scripted.ask(session, 2, 'elicitation/create', { message: 'y', requestedSchema: { type: 'object', properties: {} } });
      const second = result(await call(weir.url, retry(first.requestState, { [key]: accepted('a') }))).result;
      const one = await answered(upstream, 'g1');
      assert.deepEqual([one.parsed.result, one.headers['mcp-session-id']], [accepted('a'), session]);
      const [next] = Object.keys(second.inputRequests);
      assert.equal(second.inputRequests[next].params.message, 'y');
      const last = call(weir.url, retry(second.requestState, { [next]: { action: 'decline' } }));
      assert.deepEqual((await answered(upstream, 2)).parsed.result, { action: 'decline' });
      scripted.finish('done');
      assert.equal(JSON.parse(result(await last).result.content[0].text), 'done');
      assert.equal(upstream.calls().length, 1, 'one call, though its client came three times');
    });
  },

  async 'new client, old server: asked on the session\'s stream, it reaches no other caller\'s call'() {
    const scripted = new AskingBeside();
    await between(scripted, async (weir, upstream) => {
      const form = call(weir.url);
      await scripted.sessions(upstream, 1);
      const sampling = call(weir.url, '', { capabilities: '{"sampling":{}}' });
      const [first, second] = await scripted.sessions(upstream, 2);
      assert.notEqual(first, second, 'who declares something else has another session');
      scripted.ask(second, 1);
      assert.equal((await answered(upstream, 1)).parsed.error.code, -32601, 'not declared by the caller of that session');
      scripted.ask(first, 2);
      const { inputRequests, requestState } = result(await form).result;
      const [key] = Object.keys(inputRequests);
      const last = call(weir.url, retry(requestState, { [key]: accepted('b') }));
      assert.deepEqual((await answered(upstream, 2)).parsed.result, accepted('b'));
      scripted.finish('all');
      assert.deepEqual([result(await last).result.content[0].text, result(await sampling).result.content[0].text], ['"all"', '"all"']);
    });
  },

  async 'new client, old server: asked on the session\'s stream, it is refused where it can\'t be told for which call'() {
    const scripted = new AskingBeside();
    await between(scripted, async (weir, upstream) => {
      const both = [call(weir.url), call(weir.url, '', { id: '2' })];
      const [session, other] = await scripted.sessions(upstream, 2);
      assert.equal(session, other);
      scripted.ask(session, 1);
      assert.match((await answered(upstream, 1)).parsed.error.message, /which one/);
      scripted.finish('both');
      for (const one of both) assert.equal(result(await one).result.content[0].text, '"both"');
      scripted.ask(session, 2);
      assert.equal((await answered(upstream, 2)).parsed.error.code, -32600, 'no call is under way');
      scripted.ask(session, 3, 'ping');
      assert.deepEqual((await answered(upstream, 3)).parsed.result, {});
    });
  },

  async 'new client, old server over stdio: one caller has one child, whatever it declares, and a parked call is not asked again'() {
    // Its tool asks three things at once and tells its process.
    const script = `const say=(m)=>process.stdout.write(JSON.stringify({jsonrpc:'2.0',...m})+'\\n');
      const form={message:'x',requestedSchema:{type:'object',properties:{}}};let next=1;const open=new Map();
      require('readline').createInterface({input:process.stdin}).on('line',(l)=>{const m=JSON.parse(l);
        if(m.method==='initialize')say({id:m.id,result:{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});
        else if(m.method==='tools/list')say({id:m.id,result:{tools:[{name:'echo',inputSchema:{type:'object'}}]}});
        else if(m.method==='tools/call'){const call={id:m.id,left:3,got:[]};
          for(let i=0;i<3;++i){open.set(next,call);say({id:next++,method:'elicitation/create',params:form});}}
        else if(m.method===undefined){const call=open.get(m.id);call.got.push(m.result??m.error);
          if(--call.left===0)say({id:call.id,result:{content:[{type:'text',text:JSON.stringify({pid:process.pid,got:call.got})}]}});}
        else if(m.id!==undefined)say({id:m.id,error:{code:-32601,message:'no'}});});`;
    const weir = await Weir.start({ servers: { a: { command: process.execPath, args: ['-e', script] } } });
    try {
      await weir.settled();
      const pids = new Set();
      const ended = async (capabilities) => {
        const first = result(await call(weir.url, '', { capabilities })).result;
        const keys = Object.keys(first.inputRequests);
        assert.equal(keys.length, 3, 'asked together');
        const last = result(await call(weir.url, retry(first.requestState, Object.fromEntries(keys.map((key) => [key, accepted(key)]))), { capabilities })).result;
        const { pid, got } = JSON.parse(last.content[0].text);
        assert.equal(got.length, 3);
        pids.add(pid);
      };
      assert.equal(result(await call(weir.url)).result.resultType, 'input_required'); // and stays so
      await ended(elicitation);
      await ended('{"elicitation":{"form":{}},"sampling":{}}');
      assert.equal(pids.size, 1);
    } finally {
      await weir.stop();
    }
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
      await weir.settled(); // what is not known to be offered is not agreed to
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
