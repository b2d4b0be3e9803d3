// What lists, introductions and calls say while a server is away: what it was last known to offer, marked as such, also
// after a restart of the gateway; and what clients hear when it is back.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { listen } from './telling.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, accept, answerOf, ask, binary, messages, openSession, request, until } from './weir.mjs';

// A server of either era with all kinds of lists; `names`: what its entries are called.
const offering = (names, more = {}) => {
  const old = more.era === 'old';
  const capabilities = { tools: { listChanged: true }, prompts: {}, resources: {} };
  const info = { name: 'offering', version: '1' };
  const state = { names };
  return {
    state,
    before(parsed, send) {
      const result = (value, headers) => send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result: { ...(old ? {} : { resultType: 'complete', ttlMs: 60000, cacheScope: 'public' }), ...value } }), headers);
      const all = (make) => state.names.map(make);
      switch (parsed.method) {
        case 'server/discover':
          return old ? send(404, '') : result({ supportedVersions: ['2026-07-28'], capabilities, instructions: `use ${state.names[0]}`, _meta: { 'io.modelcontextprotocol/serverInfo': info } }), true;
        case 'initialize':
          return result({ protocolVersion: '2025-11-25', capabilities, serverInfo: info, instructions: `use ${state.names[0]}` }, { 'Mcp-Session-Id': 'one' }), true;
        case 'tools/list':
          return result({ tools: all((name) => ({ name, inputSchema: { type: 'object' } })) }), true;
        case 'prompts/list':
          return result({ prompts: all((name) => ({ name })) }), true;
        case 'resources/list':
          return result({ resources: all((name) => ({ name, uri: `x://${name}` })) }), true;
        case 'resources/templates/list':
          return result({ resourceTemplates: all((name) => ({ name, uriTemplate: `y://${name}/{id}` })) }), true;
        case 'tools/call':
          return result({ content: [{ type: 'text', text: 'called' }] }), true;
        default:
          return parsed.id === undefined ? (send(202, ''), true) : false;
      }
    },
    ...more,
  };
};

const kinds = [
  ['tools/list', 'tools', (one) => one.name],
  ['prompts/list', 'prompts', (one) => one.name],
  ['resources/list', 'resources', (one) => one.uri],
  ['resources/templates/list', 'resourceTemplates', (one) => one.uriTemplate],
];
const result = (answer) => {
  const parsed = JSON.parse(messages(answer).filter(Boolean).at(-1));
  assert.ok(parsed.result, answer.text);
  return parsed.result;
};
const partial = (of) => of._meta?.['weir/partial'];
const tools = async (url) => result(await ask(url, 'tools/list'));
const toolNames = (of) => of.tools.map((one) => one.name).sort();
const fresh = (url, wanted) => until(async () => (await ask(url, 'tools/list').then((answer) => JSON.parse(answer.text).result?.tools?.map((one) => one.name).sort().join())) === wanted && !partial(await tools(url)), 30000, 'the list of now');
const call = async (url, name) => answerOf(await ask(url, 'tools/call', `"name":"${name}","arguments":{}`, { name }));

function stale(of, server, reasons = ['unreachable', 'no_healthy_endpoint']) {
  const said = partial(of);
  assert.ok(said, JSON.stringify(of));
  assert.deepEqual(said.missing, [], 'nothing is missing');
  assert.deepEqual(said.stale.map((one) => one.server), [server]);
  assert.match(said.stale[0].age, /^\d+s$/);
  assert.ok(reasons.includes(said.stale[0].reason), said.stale[0].reason);
}

// A client of 2025-11-25 that reads its GET stream: the methods that came.
function hear(session, url) {
  const self = { methods: [] };
  request('GET', url, { ...session.headers, Accept: 'text/event-stream' }, '', (response, sent) => {
    self.leave = () => sent.destroy();
    let rest = '';
    response.on('data', (part) => {
      const lines = (rest + part).split('\n');
      rest = lines.pop();
      for (const line of lines) if (line.startsWith('data: {')) self.methods.push(JSON.parse(line.slice(6)).method);
    });
  }).catch(() => {});
  return self;
}

async function withState(work) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-state-'));
  try {
    return await work(path.join(folder, 'state'));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function ended(weir, ...upstreams) {
  const how = await weir.stop();
  for (const one of upstreams) await one.stop().catch(() => {});
  assert.equal(how.code, 0, 'exit code: ' + weir.log);
}

export const tests = {
  async 'a server that is down keeps its entries in every list, and the answer says so'() {
    for (const era of ['new', 'old']) {
      const a = await Upstream.start(offering(['one', 'two'], { era }));
      const b = await Upstream.start(offering(['three']));
      const weir = await Weir.start({ servers: { a: { url: a.url }, b: { url: b.url } } });
      await weir.settled();
      const before = {};
      for (const [method, key, name] of kinds) {
        const list = result(await ask(weir.url, method));
        assert.equal(partial(list), undefined);
        before[key] = list[key].map(name);
        assert.equal(before[key].length, 3);
      }
      await a.stop();
      for (const [method, key, name] of kinds) {
        const list = result(await ask(weir.url, method));
        assert.deepEqual(list[key].map(name), before[key], method);
        stale(list, 'a');
        assert.equal(list.ttlMs, 0);
        assert.equal(list.cacheScope, 'private');
        const own = result(await ask(weir.url + '/a', method));
        assert.equal(own[key].length, 2);
        stale(own, 'a');
        assert.equal(partial(result(await ask(weir.url + '/b', method))), undefined);
      }
      await until(async () => (await weir.servers())[0].state === 'unreachable', 30000, 'unreachable');
      const said = result(await ask(weir.url, 'server/discover'));
      stale(said, 'a');
      assert.match(said.instructions, /use one[\s\S]*use three/);
      assert.ok(said.capabilities.prompts && said.capabilities.resources);
      // To an old client, too.
      const session = await openSession(weir.url);
      const list = result(await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}'));
      assert.deepEqual(toolNames(list), ['a__one', 'a__two', 'b__three']);
      stale(list, 'a');
      assert.equal(list.ttlMs, undefined);
      await session.end();
      const failed = await call(weir.url, 'a__one');
      assert.ok([1001, 1005].includes(failed.error?.code), JSON.stringify(failed));
      await ended(weir, b);
    }
  },

  async 'one server alone: its list, its introduction; a client that asked behind a cursor gets the error'() {
    const a = await Upstream.start(offering(['one']));
    const weir = await Weir.start({ servers: { a: { url: a.url } } });
    await weir.settled();
    await a.stop();
    const list = await tools(weir.url);
    assert.deepEqual(toolNames(list), ['one']);
    stale(list, 'a');
    const behind = answerOf(await ask(weir.url, 'tools/list', '"cursor":"x"'));
    assert.ok([1001, 1005].includes(behind.error?.code), JSON.stringify(behind));
    await until(async () => (await weir.servers())[0].state === 'unreachable', 30000, 'unreachable');
    const said = result(await ask(weir.url, 'server/discover'));
    assert.equal(said.instructions, 'use one');
    stale(said, 'a');
    const session = await openSession(weir.url);
    stale(result(session.answer), 'a');
    assert.equal(result(session.answer).instructions, 'use one');
    await ended(weir);
  },

  async 'one server alone that refuses this client is not spoken for; one whose proxy says 502 is'() {
    let how;
    const spec = offering(['one']);
    const answer = spec.before;
    const a = await Upstream.start({ ...spec, before: (parsed, send) => (how && parsed.method === 'tools/list' ? (send(how, how === 200 ? JSON.stringify({ jsonrpc: '2.0', id: parsed.id, error: { code: -32603, message: 'not you' } }) : 'a proxy speaks'), true) : answer(parsed, send)) });
    const weir = await Weir.start({ servers: { a: { url: a.url } } });
    await weir.settled();
    how = 200;
    const refused = answerOf(await ask(weir.url, 'tools/list'));
    assert.equal(refused.error?.code, 1002, JSON.stringify(refused));
    how = 502;
    stale(await tools(weir.url), 'a', ['upstream_protocol', 'unreachable', 'no_healthy_endpoint']);
    how = 401;
    const wants = answerOf(await ask(weir.url, 'tools/list'));
    assert.equal(wants.error?.code, 1008, JSON.stringify(wants));
    await ended(weir, a);
  },

  async 'several endpoints: as long as one is there nothing is stale, after the last one all is'() {
    const spec = offering(['one']);
    const first = await Upstream.start(spec);
    const second = await Upstream.start(spec);
    const b = await Upstream.start(offering(['three']));
    const weir = await Weir.start({ servers: { a: { endpoints: [{ url: first.url }, { url: second.url }] }, b: { url: b.url } } });
    await weir.settled();
    const state = async () => (await weir.servers()).find((one) => one.name === 'a').state;
    await first.stop();
    await fresh(weir.url, 'a__one,b__three');
    await second.stop();
    const list = await tools(weir.url);
    assert.deepEqual(toolNames(list), ['a__one', 'b__three']);
    stale(list, 'a');
    await until(async () => (await state()) === 'unreachable', 30000, 'unreachable');
    stale(await tools(weir.url), 'a');
    stale(result(await ask(weir.url, 'server/discover')), 'a');
    const failed = await call(weir.url, 'a__one');
    assert.ok([1001, 1005].includes(failed.error?.code), JSON.stringify(failed));
    spec.state.names = ['four'];
    const again = await Upstream.start({ ...spec, port: first.port });
    await fresh(weir.url, 'a__four,b__three');
    await ended(weir, again, b);
  },

  async 'without anything remembered it is missing, or the error'() {
    const b = await Upstream.start(offering(['three']));
    const weir = await Weir.start({ servers: { a: { url: 'http://127.0.0.1:1/mcp' }, b: { url: b.url } } });
    await weir.settled(['a']);
    const list = await tools(weir.url);
    assert.deepEqual(partial(list), { missing: [{ server: 'a', reason: 'unreachable' }] });
    const own = answerOf(await ask(weir.url + '/a', 'tools/list'));
    assert.equal(own.error?.code, 1001, JSON.stringify(own));
    await ended(weir, b);
  },

  async 'a server that hangs: its entries after timeout.list'() {
    let hung = false;
    const spec = offering(['one']);
    const answer = spec.before;
    const a = await Upstream.start({ ...spec, before: (parsed, send) => (hung && parsed.method === 'tools/list') || answer(parsed, send) });
    const b = await Upstream.start(offering(['three']));
    const weir = await Weir.start({ servers: { a: { url: a.url }, b: { url: b.url } }, timeout: { list: '200ms' } });
    await weir.settled();
    hung = true;
    const list = await tools(weir.url);
    assert.deepEqual(toolNames(list), ['a__one', 'b__three']);
    stale(list, 'a', ['deadline_exceeded']);
    hung = false;
    await fresh(weir.url, 'a__one,b__three');
    await ended(weir, a, b);
  },

  async 'a server that is back: its new lists, without the mark, and clients of both eras hear of it'() {
    for (const era of ['new', 'old']) {
      const spec = offering(['one'], { era });
      const a = await Upstream.start(spec);
      const b = await Upstream.start(offering(['three']));
      const weir = await Weir.start({ servers: { a: { url: a.url }, b: { url: b.url } } });
      await weir.settled();
      const session = await openSession(weir.url);
      const old = hear(session, weir.url);
      const modern = listen(weir.url, { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true });
      await modern.acknowledged();
      await until(() => old.leave, 10000, 'the stream');
      await a.stop();
      stale(await tools(weir.url), 'a');
      await until(async () => (await weir.servers()).find((one) => one.name === 'a').state === 'unreachable', 30000, 'unreachable');
      stale(await tools(weir.url), 'a');
      // What its going has told of is read before it comes back.
      await until(() => old.methods.length >= 3, 10000, 'its going is told');
      const heard = modern.messages.length;
      old.methods.length = 0;
      spec.state.names = ['four', 'five'];
      const again = await Upstream.start({ ...spec, port: a.port });
      for (const of of ['tools', 'prompts', 'resources']) {
        const method = `notifications/${of}/list_changed`;
        await until(() => old.methods.includes(method), 30000, `${era}: ${method} in the session`);
        await until(() => modern.messages.slice(heard).some((one) => one.method === method), 30000, `${era}: ${method} to who listens`);
      }
      // Who is told before its calls are let through lists what was, and is told again.
      const method = 'notifications/tools/list_changed';
      let list;
      for (let tries = 0; (list = await tools(weir.url)) && partial(list) && tries < 5; ++tries) {
        old.methods.length = 0;
        await until(() => old.methods.includes(method), 30000, `${era}: ${method} once more`);
      }
      assert.deepEqual(toolNames(list), ['a__five', 'a__four', 'b__three']);
      assert.equal(partial(list), undefined);
      assert.equal((await call(weir.url, 'a__four')).result?.content[0].text, 'called');
      old.leave();
      modern.leave();
      await ended(weir, again, b);
    }
  },

  async 'after a restart while the server is down: from the state_dir'() {
    await withState(async (state) => {
      const spec = offering(['one', 'two']);
      const a = await Upstream.start(spec);
      const b = await Upstream.start(offering(['three']));
      const secrets = { headers: { Authorization: 'Bearer geheim' } };
      const config = { state_dir: state, servers: { a: { url: a.url, ...secrets }, b: { url: b.url } } };
      const first = await Weir.start(config);
      await first.settled();
      const before = {};
      for (const [method, key, name] of kinds) before[key] = result(await ask(first.url, method))[key].map(name);
      await ended(first, a);
      assert.equal(fs.statSync(state).mode & 0o777, 0o700);
      const files = fs.readdirSync(state).map((name) => path.join(state, name));
      assert.equal(files.length, 2);
      for (const file of files) {
        assert.equal(fs.statSync(file).mode & 0o777, 0o600);
        assert.doesNotMatch(fs.readFileSync(file, 'utf8'), /geheim|127\.0\.0\.1/);
      }
      const seen = () => Number(/"tools":\{"seen":(\d+)/.exec(fs.readFileSync(files.find((one) => path.basename(one).startsWith('b-')), 'utf8'))[1]);
      const seenFirst = seen();

      const second = await Weir.start(config);
      // Calls know where they belong before anybody has listed.
      const failed = await call(second.url, 'a__one');
      assert.ok([1001, 1005].includes(failed.error?.code), JSON.stringify(failed));
      const bare = await call(second.url, 'two');
      assert.ok([1001, 1005].includes(bare.error?.code), JSON.stringify(bare));
      for (const [method, key, name] of kinds) {
        const list = result(await ask(second.url, method));
        assert.deepEqual(list[key].map(name), before[key], method);
        stale(list, 'a');
      }
      const said = result(await ask(second.url, 'server/discover'));
      assert.match(said.instructions, /use one/);
      stale(said, 'a');
      const session = await openSession(second.url);
      const old = hear(session, second.url);
      const modern = listen(second.url, { toolsListChanged: true });
      await modern.acknowledged();
      await until(() => old.leave, 10000, 'the stream');
      await until(async () => (await second.servers()).find((one) => one.name === 'a').state === 'unreachable', 30000, 'unreachable');
      spec.state.names = ['four'];
      const again = await Upstream.start({ ...spec, port: a.port });
      await until(() => old.methods.includes('notifications/tools/list_changed'), 30000, 'the session hears');
      await modern.came('notifications/tools/list_changed');
      await fresh(second.url, 'a__four,b__three');
      old.leave();
      modern.leave();
      await ended(second, again);
      assert.ok(seen() > seenFirst, 'what has not changed was seen again');

      // Other servers by the same names inherit nothing.
      const third = await Weir.start({ state_dir: state, servers: { a: { url: 'http://127.0.0.1:1/mcp' }, b: { url: b.url } } });
      await third.settled(['a']);
      assert.deepEqual(partial(await tools(third.url)).missing, [{ server: 'a', reason: 'unreachable' }]);
      await ended(third, b);
    });
  },

  async 'a server that still starts: with entries at hand a list waits for timeout.list only'() {
    await withState(async (state) => {
      const flag = path.join(path.dirname(state), 'slow');
      const child = `const slow=require('fs').existsSync(${JSON.stringify(flag)});const say=(id,result)=>process.stdout.write(JSON.stringify({jsonrpc:'2.0',id,result})+'\\n');require('readline').createInterface({input:process.stdin}).on('line',(l)=>{const m=JSON.parse(l);if(slow||m.id===undefined)return;if(m.method==='server/discover')return process.stdout.write(JSON.stringify({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})+'\\n');say(m.id,m.method==='initialize'?{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'p',version:'1'}}:{tools:[{name:'echo',inputSchema:{type:'object'}}]});});`;
      const config = { state_dir: state, servers: { a: { command: process.execPath, args: ['-e', child] } }, timeout: { list: '300ms', startup: '170s' } };
      const first = await Weir.start(config);
      await first.settled();
      await ended(first);
      fs.writeFileSync(flag, '');
      const second = await Weir.start(config);
      const list = await tools(second.url);
      assert.deepEqual(toolNames(list), ['echo']);
      stale(list, 'a', ['deadline_exceeded']);
      stale(result(await ask(second.url, 'server/discover')), 'a', ['deadline_exceeded']);
      second.child.kill('SIGTERM');
      await second.stop();
    });
  },

  async 'files that are of no use: a warning, and they are replaced'() {
    await withState(async (state) => {
      const a = await Upstream.start(offering(['one']));
      const config = { state_dir: state, servers: { a: { url: a.url } } };
      const first = await Weir.start(config);
      await first.settled();
      await ended(first);
      const [name] = fs.readdirSync(state);
      const file = path.join(state, name);
      const text = fs.readFileSync(file, 'utf8');
      for (const broken of [text.slice(0, -20), 'weir-last-good 2 x\n{}', '']) {
        fs.writeFileSync(file, broken);
        const weir = await Weir.start(config);
        await weir.settled();
        assert.match(weir.log, /what was remembered is not used/);
        await ended(weir);
        const now = fs.readFileSync(file, 'utf8');
        const body = (of) => of.slice(of.indexOf('\n')).replace(/"seen":\d+/g, '');
        assert.equal(body(now), body(text));
      }
      await a.stop();
    });
  },

  async 'a state_dir that cannot be used is an error of the configuration, at the start and at a reload'() {
    await withState(async (state) => {
      fs.writeFileSync(state, 'a file');
      const file = path.join(path.dirname(state), 'weir.yaml');
      fs.writeFileSync(file, JSON.stringify({ state_dir: state, servers: { demo: { builtin: 'demo' } } }));
      const said = spawnSync(binary, ['run', file, '--listen', '127.0.0.1:0', '--admin', 'false'], { encoding: 'utf8', timeout: 20000 });
      assert.equal(said.status, 2, said.stderr);
      assert.match(said.stderr, /"state_dir": .*state is no directory/);
      const weir = await Weir.start({ servers: { demo: { builtin: 'demo' } } });
      weir.write({ state_dir: state, servers: { demo: { builtin: 'demo' } } });
      const reload = await until(async () => { const answer = await request('POST', weir.admin + '/reload', accept); return answer.text.includes('state_dir') && answer; }, 10000, 'the refusal');
      assert.equal(JSON.parse(reload.text).ok, false);
      await ended(weir);
    });
  },
};
