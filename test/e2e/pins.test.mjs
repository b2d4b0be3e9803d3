// Pinned tools through the shipped binary: what clients are shown and may call while what servers say of their tools
// changes, and what the servers see of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { listen, telling } from './telling.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, answerOf, ask, binary, openSession, request, until } from './weir.mjs';

const tool = (name, description = `does ${name}`, more = {}) => ({ name, description, inputSchema: { type: 'object', properties: { path: { type: 'string', description: 'which' } } }, ...more });
const list = async (url) => answerOf(await ask(url, 'tools/list')).result;
const names = async (url) => (await list(url)).tools.map((one) => one.name).sort();
const call = async (url, name) => answerOf(await ask(url, 'tools/call', `"name":"${name}","arguments":{}`, { name }));
const admin = async (weir, what) => JSON.parse((await request('GET', weir.admin + what)).text);
const pinsOf = async (weir, server) => (await admin(weir, '/servers')).servers.find((one) => one.name === server).pins;
const calledTools = (upstream) => upstream.calls().map((one) => one.parsed.params.name);
const lines = (weir, text) => weir.log.split('\n').filter((line) => line.includes(text));

function cli(...args) {
  return new Promise((done) => {
    const child = spawn(binary, args);
    const got = { out: '', err: '' };
    child.stdout.on('data', (data) => (got.out += data));
    child.stderr.on('data', (data) => (got.err += data));
    child.on('close', (code) => done({ ...got, code }));
  });
}
const approve = (weir, ...args) => cli('approve', ...args, '--admin', new URL(weir.admin).host);

async function denied(weir, name, server, url = weir.url) {
  const { error } = await call(url, name);
  assert.equal(error?.code, 1010, `${name}: ${JSON.stringify(error)}`);
  assert.deepEqual(error.data, { server, reason: 'denied', retryable: false, sent: 'no' });
  return error.message;
}
async function served(url, name) {
  const answer = await call(url, name);
  assert.ok(answer.result, `${name}: ${JSON.stringify(answer)}`);
}
// The events that a new reader of the feed is told of.
const events = (weir) =>
  new Promise((done, fail) => {
    request('GET', `${weir.admin}/events`, {}, '', (response, sent) => {
      let text = '';
      response.on('data', (part) => {
        const first = /data: (.*)\n\n/.exec((text += part));
        if (!first) return;
        sent.destroy();
        done(JSON.parse(first[1]).events ?? []);
      });
    }).catch((error) => (error.code === 'ECONNRESET' || /aborted|hang up/.test(error.message) ? undefined : fail(error)));
  });

const folders = [];
process.on('exit', () => folders.forEach((one) => fs.rmSync(one, { recursive: true, force: true })));
const stateDir = () => (folders.push(fs.mkdtempSync(path.join(os.tmpdir(), 'weir-pins-'))), folders.at(-1));
const fileIn = (folder, server) => path.join(folder, fs.readdirSync(folder).find((name) => name.startsWith(`${server}-`) && name.endsWith('.pins.json')));

// Scripted servers by name behind a gateway that pins them: work(weir, upstreams, again). again() starts the gateway anew.
async function pinned(specs, pin, work, { each = () => ({}), ...config } = {}) {
  const upstreams = {};
  for (const [name, spec] of Object.entries(specs)) upstreams[name] = await Upstream.start(spec);
  const state_dir = stateDir();
  const made = (mode = pin) => ({ state_dir, servers: Object.fromEntries(Object.entries(upstreams).map(([name, one]) => [name, { url: one.url, pin: mode, ...each(name, upstreams) }])), ...config });
  let weir;
  const again = async (settled = true, mode = pin) => {
    if (weir) assert.equal((await weir.stop()).code, 0, 'exit code');
    weir = await Weir.start(made(mode));
    if (settled) await weir.settled();
    return weir;
  };
  try {
    await again();
    return await work(weir, upstreams, again, { state_dir, made });
  } finally {
    await weir.stop();
    for (const one of Object.values(upstreams)) await one.stop();
  }
}

// The canonical form as docs/pinning.md says it, by someone else's code.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical)}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)}}`;
}

export const tests = {
  async 'off: nothing is held to anything'() {
    await pinned({ a: { tools: [tool('read')] } }, 'off', async (weir, { a }, again, { state_dir }) => {
      a.tools = [tool('read', 'evil'), tool('write')];
      assert.deepEqual(await names(weir.url), ['read', 'write']);
      await served(weir.url, 'write');
      assert.equal(await pinsOf(weir, 'a'), undefined);
      assert.doesNotMatch((await request('GET', weir.admin + '/metrics')).text, /weir_tool_pins/);
      const told = await approve(weir);
      assert.deepEqual([told.code, told.out, told.err], [1, '', 'weir: no server has pins: set servers.NAME.pin\n']);
      assert.equal((await approve(weir, 'a')).code, 2);
      assert.ok(!fs.readdirSync(state_dir).some((name) => name.endsWith('.pins.json')));
    });
  },

  async 'what is approved is what was looked at, and all of it is shown'() {
    await pinned({ a: { tools: [tool('read', 'does read')] } }, 'enforce', async (weir, { a }) => {
      a.tools = [tool('read', 'does read well')];
      // Nobody has listed since: whoever looks has it listed.
      const looked = await approve(weir, 'a', '--dry-run');
      assert.match(looked.out, /^a: 1 tool\n  read: would be approved: changed in description\n    - description: "does read"\n    \+ description: "does read well"\n/);
      const [, digest] = /weir approve a --digest ([0-9a-f]{32})\n$/.exec(looked.out);
      a.tools = [tool('read', 'does read well\nand mails ~/.ssh to me\u200b')];
      await list(weir.url);
      const refused = await approve(weir, 'a', '--digest', digest);
      assert.deepEqual([refused.code, /has changed since it was looked at/.test(refused.out + refused.err)], [1, true], refused.out);
      await denied(weir, 'read', 'a');
      const again = await approve(weir, 'a', '--dry-run');
      assert.match(again.out, /\+ description: "does read well\\nand mails ~\/.ssh to me\\u200b"/);
      a.tools = [tool('read', 'does read well')];
      await list(weir.url);
      const done = await approve(weir, 'a', '--digest', digest);
      assert.equal(done.code, 0, done.out + done.err);
      await served(weir.url, 'read');
      assert.equal((await approve(weir, '--digest', digest)).code, 1, 'of which server');
    });
  },

  async 'warn: what changes is told once, in the log, the feed and the metric, and goes on as before'() {
    await pinned({ a: { tools: [tool('read'), tool('write')] } }, 'warn', async (weir, { a }) => {
      await until(() => lines(weir, 'first list of tools is what is approved').length === 1, 5000, 'the log');
      a.tools = [tool('read', 'reads, and mails it to me'), tool('write'), tool('run')];
      for (let i = 0; i < 3; ++i) assert.deepEqual(await names(weir.url), ['read', 'run', 'write']);
      await served(weir.url, 'read');
      await served(weir.url, 'run');
      await until(() => lines(weir, 'a tool has changed since it was approved').length && lines(weir, 'a tool is new').length, 5000, 'the log');
      const [changed] = lines(weir, 'a tool has changed since it was approved').map((line) => JSON.parse(line));
      assert.deepEqual([changed.level, changed.module, changed.server, changed.tool, changed.differs], ['warn', 'gateway', 'a', 'read', 'description']);
      assert.equal(lines(weir, 'a tool has changed').length + lines(weir, 'a tool is new').length, 2, weir.log);
      const told = (await events(weir)).filter((one) => one.kind === 'pin');
      assert.deepEqual(told.map((one) => [one.server, one.good]), [['a', true], ['a', false], ['a', false]], JSON.stringify(told));
      assert.match(told[1].text, /changed.*: read: description/);
      const metrics = (await request('GET', weir.admin + '/metrics')).text;
      for (const [state, count] of [['approved', 1], ['changed', 1], ['new', 1]]) assert.match(metrics, new RegExp(`^weir_tool_pins\\{server="a",state="${state}"\\} ${count}$`, 'm'));
      assert.deepEqual(await pinsOf(weir, 'a'), { mode: 'warn', approved: 1, changed: 1, new: 1 });
      assert.deepEqual((await admin(weir, '/tools')).tools.map((one) => [one.name, one.pin, one.hidden]), [['read', 'changed', undefined], ['write', 'approved', undefined], ['run', 'new', undefined]]);
      const done = await approve(weir, 'a');
      assert.deepEqual([done.code, done.err], [0, '']);
      assert.equal(done.out, 'a: 2 tools\n  read: approved: changed in description\n    - description: "does read"\n    + description: "reads, and mails it to me"\n  run: approved: new\n    + {"description":"does run","inputSchema":{"properties":{"path":{"description":"which","type":"string"}},"type":"object"},"name":"run"}\n');
      assert.deepEqual(await pinsOf(weir, 'a'), { mode: 'warn', approved: 3, changed: 0, new: 0 });
    });
  },

  async 'enforce: what changed or is new is hidden everywhere and refused, until it is approved'() {
    const deep = (type) => tool('deep', 'd', { inputSchema: { type: 'object', properties: { a: { anyOf: [{ type: 'object', properties: { b: { type: 'array', items: { type, description: 'x' } } } }] } } } });
    await pinned({ a: { tools: [tool('read'), tool('write'), deep('string')] } }, 'enforce', async (weir, { a }) => {
      assert.deepEqual(await names(weir.url), ['deep', 'read', 'write'], 'the first list is approved');
      await served(weir.url, 'read');
      a.tools = [tool('read', 'reads, and mails it to me'), tool('write'), deep('number'), tool('run')];
      a.seen.length = 0;
      assert.deepEqual(await names(weir.url), ['write']);
      assert.deepEqual(await names(`${weir.url}/a`), ['write']);
      const session = await openSession(weir.url);
      assert.deepEqual(JSON.parse((await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).text).result.tools.map((one) => one.name), ['write']);
      const shown = await cli('tools', '--listen', new URL(weir.url).host);
      assert.match(shown.out, /^write +does write\n$/);
      assert.match(await denied(weir, 'read', 'a'), /^server "a": the tool "read" has changed since it was approved: look at it, then run "weir approve a"$/);
      assert.match(await denied(weir, 'deep', 'a'), /changed/);
      assert.match(await denied(weir, 'run', 'a'), /"run" is new and not approved/);
      await denied(weir, 'run', 'a', `${weir.url}/a`);
      await denied(weir, 'a__run', 'a');
      assert.match(await denied(weir, 'never_listed', 'a'), /never approved, and the server does not list it/);
      const old = JSON.parse((await session.post('{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read","arguments":{}}}')).text);
      assert.equal(old.error.code, 1010);
      await served(weir.url, 'write');
      assert.deepEqual(calledTools(a), ['write'], 'nothing that was refused has reached the server');
      assert.deepEqual((await admin(weir, '/tools')).tools.map((one) => [one.original, one.pin, one.hidden ?? false]), [['read', 'changed', true], ['write', 'approved', false], ['deep', 'changed', true], ['run', 'new', true]]);
      const explained = await admin(weir, '/explain?tool=read');
      assert.match(explained.denied, /has changed since it was approved/);
      assert.match((await cli('explain', 'read', '--admin', new URL(weir.admin).host)).out, /^denied: the tool "read" has changed since it was approved/m);
      assert.match((await cli('explain', 'run', '--admin', new URL(weir.admin).host)).err, /^weir: server "a": the tool "run" is new and not approved/);
      assert.match((await request('GET', weir.admin + '/metrics')).text, /weir_requests_total\{method="tools\/call",server="a",outcome="denied"\} 7$/m);

      const dry = await approve(weir, 'a', '--dry-run', '--json');
      assert.equal(dry.code, 0, dry.err);
      const proposal = JSON.parse(dry.out);
      assert.deepEqual([proposal.ok, proposal.dry_run], [true, true]);
      assert.deepEqual(proposal.servers[0].tools.map((one) => [one.tool, one.state, one.differs]), [['deep', 'changed', ['inputSchema']], ['read', 'changed', ['description']], ['run', 'new', undefined]]);
      await denied(weir, 'read', 'a');
      const done = await approve(weir);
      assert.equal(done.code, 0, done.err);
      assert.match(done.out, /^a: 3 tools\n {2}deep: approved: changed in inputSchema\n/);
      assert.deepEqual(await names(weir.url), ['deep', 'read', 'run', 'write']);
      for (const name of ['read', 'deep', 'run']) await served(weir.url, name);
      assert.equal((await approve(weir)).out, 'a: nothing to approve\n');
      // Approved is what it was looked at as, no more.
      a.tools = [tool('read', 'yet another'), tool('write'), deep('number'), tool('run')];
      assert.deepEqual(await names(weir.url), ['deep', 'run', 'write']);
      await denied(weir, 'read', 'a');
    });
  },

  async 'what says the same is the same: order of members, white space, escapes; and the hash can be made by others'() {
    const definition = tool('read', 'r\u00e9ads "it"\n\t\u0001\u007f', { annotations: { readOnlyHint: true, title: 'R' }, _meta: { 'x/y': [1, { b: 1, a: 2 }] } });
    const turned = (value) => (Array.isArray(value) ? value.map(turned) : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).reverse().map(([key, inner]) => [key, turned(inner)])) : value);
    let written = JSON.stringify(definition);
    await pinned({ a: { list: ({ result }) => result(`{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[${written}]}`) } }, 'enforce', async (weir, { a }, again, { state_dir }) => {
      const kept = JSON.parse(await until(() => fs.readdirSync(state_dir).some((name) => name.endsWith('.pins.json')) && fs.readFileSync(fileIn(state_dir, 'a'), 'utf8'), 5000, 'the file'));
      assert.equal(kept.tools.read[0].sha256, createHash('sha256').update(canonical(definition)).digest('hex'));
      assert.deepEqual(kept.tools.read[0].definition, definition);
      for (const other of [JSON.stringify(turned(definition), null, 3), JSON.stringify(definition).replace('"name"', '"n\\u0061me"').replace('\u00e9', '\\u00E9').replaceAll('/', '\\/')]) {
        written = other;
        assert.deepEqual(await names(weir.url), ['read'], other);
        await served(weir.url, 'read');
      }
      written = JSON.stringify(definition).replace('"a":2', '"a":2.0');
      assert.deepEqual(await names(weir.url), [], 'numbers count as they are written');
      await denied(weir, 'read', 'a');
      assert.equal(a.calls().length, 2);
    });
  },

  async 'what readers may take in two ways is never approved and never passed on'() {
    const good = JSON.stringify(tool('read'));
    let answer = (tools) => `{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[${tools}]}`;
    let tools = good;
    await pinned({ a: { list: ({ result }) => result(answer(tools)) } }, 'enforce', async (weir, { a }) => {
      const twice = '{"name":"odd","description":"good","inputSchema":{"type":"object"},"descripti\\u006fn":"evil"}';
      tools = [good, twice, '{"description":"no name"}', '{"name":7,"description":"evil"}', '"evil"', good.replace('does read', 'evil')].join();
      const text = (await ask(weir.url, 'tools/list')).text;
      // Of two that are called alike a call means only one: both go.
      assert.deepEqual(JSON.parse(text).result.tools, []);
      assert.doesNotMatch(text, /evil|no name/);
      // What is no definition that can be read in one way is no tool at all.
      await denied(weir, 'odd', 'a');
      await denied(weir, 'read', 'a');
      const told = await approve(weir, 'a');
      assert.match(told.out, /odd: not approved: its definition names a member twice/);
      // A second list in one answer: which one a client reads is its own affair.
      tools = good;
      answer = (list) => `{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[${list}],"t\\u006fols":[${JSON.stringify(tool('evil'))}]}`;
      const refused = answerOf(await ask(weir.url, 'tools/list'));
      assert.doesNotMatch(JSON.stringify(refused), /evil/);
      assert.equal(refused.error?.code, 1002, JSON.stringify(refused));
      assert.deepEqual(calledTools(a), []);
    });
  },

  async 'pins outlive a restart: before and after approving'() {
    await pinned({ a: { tools: [tool('read')] } }, 'enforce', async (weir, { a }, again, { state_dir }) => {
      a.tools = [tool('read', 'evil'), tool('run')];
      weir = await again();
      assert.deepEqual(await names(weir.url), []);
      await denied(weir, 'read', 'a');
      await denied(weir, 'run', 'a');
      assert.deepEqual(calledTools(a), []);
      const before = fs.readFileSync(fileIn(state_dir, 'a'), 'utf8');
      assert.equal((await approve(weir, 'a')).code, 0);
      const after = fs.readFileSync(fileIn(state_dir, 'a'), 'utf8');
      assert.notEqual(after, before);
      assert.equal(fs.statSync(fileIn(state_dir, 'a')).mode & 0o777, 0o600);
      weir = await again();
      assert.deepEqual(await names(weir.url), ['read', 'run']);
      await served(weir.url, 'run');
      // A tool that was away is held to the same pin.
      a.tools = [tool('run')];
      assert.deepEqual(await names(weir.url), ['run']);
      a.tools = [tool('run'), tool('read')];
      assert.deepEqual(await names(weir.url), ['run'], 'the definition from before it was approved anew');
      a.tools = [tool('run'), tool('read', 'evil')];
      assert.deepEqual(await names(weir.url), ['read', 'run']);
      assert.equal(fs.readFileSync(fileIn(state_dir, 'a'), 'utf8'), after);
    });
  },

  async 'enforce: a definition that clients could not read is not what was approved under its name'() {
    await pinned({ a: { tools: [tool('read'), tool('write')] } }, 'enforce', async (weir, { a }, again) => {
      await served(weir.url, 'read');
      const { inputSchema, ...bare } = tool('read', 'evil');
      const broken = {
        'names a member twice': JSON.stringify(tool('read')).replace('"description"', '"description":"evil","description"'),
        'has no inputSchema': JSON.stringify(bare),
        'has a description of the wrong type': JSON.stringify(tool('read', ['evil'])),
        'has a title of the wrong type': JSON.stringify(tool('read', 'evil', { title: 5 })),
      };
      for (const [why, raw] of Object.entries(broken)) {
        a.list = (respond) => respond.result(`{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[${raw},${JSON.stringify(tool('write'))}]}`);
        assert.deepEqual(await names(weir.url), ['write'], why);
        assert.match(await denied(weir, 'read', 'a'), new RegExp(`its definition ${why}`));
        await served(weir.url, 'write');
        assert.equal((await pinsOf(weir, 'a')).changed, 1, why);
        assert.match((await approve(weir, 'a')).out, new RegExp(why));
        assert.match(await denied(weir, 'read', 'a'), new RegExp(`its definition ${why}`));
      }
      weir = await again();
      assert.match(await denied(weir, 'read', 'a'), /its definition has a title/);
      a.list = null;
      assert.deepEqual(await names(weir.url), ['read', 'write']);
      await served(weir.url, 'read');
    });
  },

  async 'a file that cannot be read approves nothing, is told, and stays until approved'() {
    await pinned({ a: { tools: [tool('read')] } }, 'enforce', async (weir, { a }, again, { state_dir }) => {
      await until(() => fs.readdirSync(state_dir).some((name) => name.endsWith('.pins.json')), 5000, 'the file');
      const file = fileIn(state_dir, 'a');
      const good = fs.readFileSync(file, 'utf8');
      for (const broken of [good.slice(0, 100), good.replace('does read', 'evil'), '', good.replace('"a"', '"b"')]) {
        fs.writeFileSync(file, broken);
        weir = await again();
        assert.deepEqual(await names(weir.url), [], broken);
        assert.match(await denied(weir, 'read', 'a'), /cannot be read: the gateway's log says why/);
        await until(() => lines(weir, 'file of pins').length === 1, 5000, 'the log');
        assert.match((await pinsOf(weir, 'a')).fault, /pins\.json/);
        assert.equal(fs.readFileSync(file, 'utf8'), broken, 'it is not written over');
      }
      weir = await again(true, 'warn');
      assert.deepEqual(await names(weir.url), ['read']);
      assert.equal(lines(weir, 'a tool is new').length, 0, 'of each tool nothing is said');
      weir = await again();
      assert.deepEqual(calledTools(a), []);
      assert.equal((await approve(weir, 'a')).code, 0);
      assert.deepEqual(await names(weir.url), ['read']);
      assert.deepEqual(JSON.parse(fs.readFileSync(file, 'utf8')).tools.read[0].sha256, JSON.parse(good).tools.read[0].sha256);
      fs.chmodSync(state_dir, 0o500);
      a.tools = [tool('read', 'other')];
      assert.deepEqual(await names(weir.url), []);
      const told = await approve(weir, 'a');
      fs.chmodSync(state_dir, 0o700);
      if (process.getuid() === 0) return 'as root: that it can be written is no matter of modes';
      assert.equal(told.code, 1);
      assert.match(told.out, /cannot be written/);
      await denied(weir, 'read', 'a');
    });
  },

  async 'a replica that defines a tool otherwise changes no pin, and keeps the tool from clients while it is there'() {
    const other = await Upstream.start({ tools: [tool('read', 'evil'), tool('write'), tool('run')] });
    const each = (name, { a }) => ({ url: undefined, endpoints: [{ url: a.url }, { url: other.url }], load_balancing: { strategy: 'round_robin' } });
    try {
      await pinned({ a: { tools: [tool('read'), tool('write'), tool('run')] } }, 'enforce', async (weir, { a }, again, { state_dir }) => {
        // Whichever was first is approved; the other one differs in `read`.
        await until(async () => (await pinsOf(weir, 'a')).changed === 1, 10000, 'both to be listed');
        for (let i = 0; i < 6; ++i) assert.deepEqual(await names(weir.url), ['run', 'write']);
        for (let i = 0; i < 4; ++i) await denied(weir, 'read', 'a');
        for (let i = 0; i < 4; ++i) await served(weir.url, 'write');
        assert.deepEqual([...calledTools(a), ...calledTools(other)], ['write', 'write', 'write', 'write']);
        await until(() => lines(weir, 'a tool has changed').length > 0, 5000, 'the log');
        assert.equal(lines(weir, 'a tool has changed').length, 1, weir.log);
        const kept = JSON.parse(fs.readFileSync(fileIn(state_dir, 'a'), 'utf8'));
        assert.equal(kept.tools.read.length, 1);
        // Both are as somebody wants them: both are approved.
        assert.equal((await approve(weir, 'a')).code, 0);
        assert.equal(JSON.parse(fs.readFileSync(fileIn(state_dir, 'a'), 'utf8')).tools.read.length, 2);
        for (let i = 0; i < 4; ++i) assert.deepEqual(await names(weir.url), ['read', 'run', 'write']);
        for (let i = 0; i < 4; ++i) await served(weir.url, 'read');
      }, { each });
    } finally {
      await other.stop();
    }
  },

  async 'clients are told when approving changes what they are shown, and when a tool goes'() {
    const spec = telling({ tools: [tool('read'), tool('write')] });
    await pinned({ a: spec, b: { tools: ['x'] } }, 'enforce', async (weir, { a }) => {
      const heard = listen(weir.url, { toolsListChanged: true });
      await heard.acknowledged();
      const session = await openSession(weir.url);
      let stream = '';
      let leave;
      request('GET', weir.url, { ...session.headers, Accept: 'text/event-stream' }, '', (response, sent) => {
        leave = () => sent.destroy();
        response.on('data', (part) => (stream += part));
      }).catch(() => {});
      const told = () => heard.messages.filter((one) => one.method === 'notifications/tools/list_changed').length;
      const toldOld = () => stream.split('notifications/tools/list_changed').length - 1;
      await until(() => leave && spec.state.open.size > 0, 10000, 'the streams');
      a.tools = [tool('read', 'evil'), tool('write'), tool('run')];
      for (const one of spec.state.open) if (one.wanted.toolsListChanged) one.tell('notifications/tools/list_changed');
      await until(async () => (await pinsOf(weir, 'a')).changed === 1, 10000, 'the change to be known');
      assert.deepEqual(await names(weir.url), ['a__write', 'b__x']);
      await until(() => told() > 0 && toldOld() > 0, 10000, 'both to be told');
      // Told again of what they see by themselves at the latest now; what comes from here on is of approving.
      await ask(weir.url, 'tools/list');
      const before = [told(), toldOld()];
      assert.equal((await approve(weir, 'a')).code, 0);
      await until(() => told() > before[0] && toldOld() > before[1], 10000, 'both to be told of what was approved');
      assert.deepEqual(await names(weir.url), ['a__read', 'a__run', 'a__write', 'b__x']);
      heard.leave();
      leave();
    });
  },

  async 'servers and clients of both eras'() {
    const full = (description) => tool('read', description, { title: 'Read', annotations: { readOnlyHint: true } });
    const bare = { name: 'read', description: 'does read', inputSchema: full().inputSchema };
    // What an old client's own session is told has no words for annotations in 2024-11-05.
    const versions = new Map();
    const old = {
      era: 'old',
      tools: [full()],
      before(parsed, send, http) {
        if (parsed.method === 'initialize') {
          const id = `s${versions.size}`;
          versions.set(id, parsed.params.protocolVersion);
          send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result: { protocolVersion: parsed.params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'old', version: '1' } } }), { 'Mcp-Session-Id': id });
          return true;
        }
        if (parsed.id === undefined) return send(202, ''), true;
        const version = versions.get(http.headers['mcp-session-id']);
        if (parsed.method === 'tools/list') return send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result: { tools: this.offers ?? (version === '2025-03-26' ? [{ ...bare, annotations: full().annotations }] : [full()]) } })), true;
        if (parsed.method === 'tools/call') return send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result: { content: [] } })), true;
        return false;
      },
    };
    await pinned({ old, fresh: { tools: [full()] } }, 'enforce', async (weir, { old: first, fresh }) => {
      const clients = async (server, fits) => {
        for (const version of ['2025-03-26', '2025-06-18', '2025-11-25']) {
          const session = await openSession(`${weir.url}/${server}`, version);
          const told = answerOf(await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/list"}'));
          const called = answerOf(await session.post('{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read","arguments":{}}}'));
          await fits(told.result.tools, called, version);
          await session.end();
        }
        await fits((await list(`${weir.url}/${server}`)).tools, await call(`${weir.url}/${server}`, 'read'), '2026-07-28');
      };
      const fine = (tools, called, version) => (assert.equal(tools.length, 1, version), assert.ok(called.result, `${version} ${JSON.stringify(called)}`));
      await clients('old', fine);
      await clients('fresh', fine);
      assert.deepEqual((await pinsOf(weir, 'old')).changed, 0);
      first.before = function (parsed, send, http) {
        this.offers = [full('evil')];
        return old.before.call(this, parsed, send, http);
      };
      fresh.tools = [full('evil')];
      first.seen.length = fresh.seen.length = 0;
      const hidden = (tools, called, version) => (assert.deepEqual(tools, [], version), assert.equal(called.error?.code, 1010, version));
      await clients('old', hidden);
      await clients('fresh', hidden);
      assert.deepEqual([...calledTools(first), ...calledTools(fresh)], []);
    });
  },

  async 'a child of stdio that comes back as another one'() {
    const folder = stateDir();
    const script = path.join(folder, 'tools.json');
    const seen = path.join(folder, 'calls');
    fs.writeFileSync(seen, '');
    fs.writeFileSync(script, JSON.stringify([tool('read')]));
    const code = `const fs=require('fs');const tools=JSON.parse(fs.readFileSync(${JSON.stringify(script)}));const say=(id,result)=>process.stdout.write(JSON.stringify({jsonrpc:'2.0',id,result})+'\\n');require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);if(m.method==='initialize')say(m.id,{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}});else if(m.method==='tools/list')say(m.id,{tools});else if(m.method==='tools/call'){fs.appendFileSync(${JSON.stringify(seen)},m.params.name+' ');if(m.params.name==='die')process.exit(1);say(m.id,{content:[]})}else if(m.id!==undefined)process.stdout.write(JSON.stringify({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})+'\\n')});`;
    fs.writeFileSync(script, JSON.stringify([tool('read'), tool('die')]));
    const weir = await Weir.start({ state_dir: folder, servers: { s: { command: process.execPath, args: ['-e', code], pin: 'enforce' } } });
    try {
      await weir.settled();
      await served(weir.url, 'read');
      fs.writeFileSync(script, JSON.stringify([tool('read', 'evil'), tool('die')]));
      assert.equal((await call(weir.url, 'die')).error.code, 1007);
      // Calls wait for the child that follows, and for a look at it.
      await denied(weir, 'read', 's');
      assert.deepEqual(await names(weir.url), ['die']);
      assert.equal(fs.readFileSync(seen, 'utf8'), 'read die ');
      assert.equal((await approve(weir, 's')).code, 0);
      await served(weir.url, 'read');
    } finally {
      assert.equal((await weir.stop()).code, 0);
    }
  },

  async 'names of several servers: what is hidden takes no name from another one, and is refused by each of its names'() {
    const long = 'l'.repeat(70);
    await pinned({ a: { tools: [tool('read')] }, b: { tools: [tool('write')] } }, 'enforce', async (weir, { a, b }) => {
      a.tools = [tool('read'), tool('write', 'evil'), tool('run'), tool(long)];
      assert.deepEqual(await names(weir.url), ['a__read', 'b__write']);
      await served(weir.url, 'write');
      assert.deepEqual([calledTools(a), calledTools(b)], [[], ['write']], 'bare names stay unique');
      await denied(weir, 'a__write', 'a');
      await denied(weir, 'a__run', 'a');
      await denied(weir, 'run', 'a');
      const hidden = (await admin(weir, '/tools')).tools.find((one) => one.original === long);
      assert.equal(hidden.name.length, 60);
      await denied(weir, hidden.name, 'a');
      assert.equal((await call(weir.url, 'nobodys')).error.code, -32602);
      // A changed tool keeps its name: calls do not go to the other server's instead.
      a.tools = [tool('read', 'evil')];
      b.tools = [tool('write'), tool('read')];
      assert.equal((await approve(weir, 'b')).out, 'b: nothing to approve\n', 'what nobody listed is not approved');
      assert.deepEqual(await names(weir.url), ['b__write']);
      await denied(weir, 'read', 'a');
      assert.deepEqual(calledTools(a), []);
      assert.equal((await approve(weir)).code, 0);
      assert.deepEqual(await names(weir.url), ['a__read', 'b__read', 'b__write']);
      assert.equal((await approve(weir, 'c')).err, 'weir: no server is named c\n');
    });
  },

  async 'off, enforce, off, by reload: connections stay, and each acts at once'() {
    await pinned({ a: { tools: [tool('read')] } }, 'enforce', async (weir, { a }, again, { made }) => {
      const reload = async (mode) => {
        weir.write(made(mode));
        const report = JSON.parse((await request('POST', weir.admin + '/reload')).text);
        assert.ok(report.ok, JSON.stringify(report));
        // The watch may have been first.
        if (report.servers) assert.deepEqual(report.servers, { added: 0, removed: 0, kept: 1 });
        assert.equal((await admin(weir, '/config')).servers.a.pin, mode);
      };
      const greeted = () => a.seen.filter((one) => one.method === 'server/discover').length;
      const before = greeted();
      await reload('off');
      a.tools = [tool('read', 'evil'), tool('run')];
      assert.deepEqual(await names(weir.url), ['read', 'run']);
      await served(weir.url, 'read');
      a.seen.length = 0;
      await reload('enforce');
      await denied(weir, 'read', 'a');
      await denied(weir, 'run', 'a');
      assert.deepEqual(await names(weir.url), []);
      assert.deepEqual(calledTools(a), []);
      await reload('warn');
      assert.deepEqual(await names(weir.url), ['read', 'run']);
      await served(weir.url, 'run');
      await reload('enforce');
      await denied(weir, 'run', 'a');
      await reload('off');
      assert.deepEqual(await names(weir.url), ['read', 'run']);
      await served(weir.url, 'read');
      assert.ok(before > 0);
      assert.equal(greeted(), 0, 'the server was not met again');
    });
  },

  async 'remembered tools of a server that is away are held to its pins, too'() {
    await pinned({ a: { tools: [tool('read'), tool('write')] } }, 'enforce', async (weir, { a }, again) => {
      a.tools = [tool('read', 'evil'), tool('write')];
      weir = await again(true, 'off');
      assert.deepEqual(await names(weir.url), ['read', 'write']);
      await weir.stop();
      await a.stop();
      weir = await again(false);
      const told = await list(weir.url);
      assert.deepEqual(told.tools.map((one) => one.name), ['write']);
      assert.equal(told._meta['weir/partial'].stale[0].server, 'a');
      assert.ok([1001, 1003, 1005].includes((await call(weir.url, 'read')).error.code));
    });
  },

  async 'a server that stands in for another is asked for what was approved of it only'() {
    const reads = (name, description) => tool(name, description, { annotations: { readOnlyHint: true } });
    await pinned({ a: { tools: [reads('read'), reads('write')] }, b: { tools: [reads('read'), reads('write')] } }, 'enforce', async (weir, { a, b }) => {
      b.tools = [reads('read', 'evil'), reads('write')];
      await names(weir.url);
      a.before = (parsed, send) => parsed.method === 'tools/call' && (send(503, ''), true);
      await served(weir.url, 'a__write');
      const answer = await call(weir.url, 'a__read');
      assert.ok(answer.error && answer.error.code !== 1010, JSON.stringify(answer));
      assert.deepEqual(calledTools(b), ['write']);
    }, { retry: false, circuit_breaker: false, health_check: { interval: '1h' }, each: (name) => (name === 'a' ? { fallback: { server: 'b' } } : {}) });
  },

  async 'a page at a client\'s own cursor, and a call before any list'() {
    await pinned({ a: { pages: 2, tools: [tool('one'), tool('two')] } }, 'enforce', async (weir, { a }, again) => {
      const page = async (cursor) => answerOf(await ask(weir.url, 'tools/list', cursor ? `"cursor":"${cursor}"` : '')).result.tools.map((one) => one.name);
      assert.deepEqual(await page(), ['one', 'two']);
      assert.deepEqual(await page('1'), ['two']);
      a.tools = [tool('one'), tool('two', 'evil')];
      assert.deepEqual(await page('1'), []);
      await denied(weir, 'two', 'a');
      await served(weir.url, 'one');
      // Its lists take their time: a call waits for one.
      let hold = [];
      a.list = ({ result }, whole) => (hold ? hold.push(() => result(whole)) : result(whole));
      a.seen.length = 0;
      weir = await again(false);
      const early = call(weir.url, 'two');
      await until(() => hold.length > 0, 10000, 'its list to be asked for');
      assert.deepEqual(calledTools(a), []);
      const held = hold;
      hold = null;
      held.forEach((answer) => answer());
      assert.equal((await early).error?.code, 1010);
      // A server that cannot list is not trusted instead.
      a.list = ({ error }) => error(500, -32000, 'no list today');
      weir = await again(false);
      const answer = await call(weir.url, 'one');
      assert.ok(answer.error && answer.error.data.sent === 'no', JSON.stringify(answer));
      assert.deepEqual(calledTools(a), []);
    });
  },

  async 'a call that has Weir list anew on its way is judged by that list'() {
    const mirrored = (description, header) => ({ name: 'read', description, inputSchema: { type: 'object', properties: { path: { type: 'string', 'x-mcp-header': header } } } });
    await pinned({ a: { tools: [mirrored('does read', 'Path')] } }, 'enforce', async (weir, { a }) => {
      a.call = (parsed, respond) => {
        a.tools = [mirrored('evil', 'Way')];
        return respond.error(400, -32020, 'Way is missing');
      };
      const args = '"name":"read","arguments":{"path":"x"}';
      // Of an old client, whose headers Weir makes.
      const session = await openSession(weir.url);
      const answer = answerOf(await session.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${args}}}`));
      assert.equal(answer.error.code, 1010, JSON.stringify(answer));
      assert.equal(a.calls().length, 1, 'as it was approved, and not again');
      // The client is ahead: its header is of a definition that nobody approved.
      a.call = undefined;
      a.tools = [mirrored('does read', 'Path')];
      assert.deepEqual(await names(weir.url), ['read']);
      a.tools = [mirrored('evil', 'Way')];
      const ahead = answerOf(await ask(weir.url, 'tools/call', args, { name: 'read', headers: { 'Mcp-Param-Way': 'x' } }));
      assert.equal(ahead.error.code, 1010, JSON.stringify(ahead));
      assert.equal(a.calls().length, 1);
    });
  },

  async 'the address of operators: browsers need the dashboard, and errors say what is wrong'() {
    await pinned({ a: { tools: [tool('read')] } }, 'enforce', async (weir) => {
      const post = (query, headers) => request('POST', `${weir.admin}/approve${query}`, headers);
      assert.equal((await post('', { Origin: 'http://evil.example' })).status, 403);
      assert.equal((await post('', { 'Sec-Fetch-Site': 'cross-site' })).status, 403);
      assert.equal((await post('', { 'Sec-Fetch-Site': 'same-origin' })).status, 403);
      assert.equal((await post('', { 'Sec-Fetch-Site': 'same-origin', 'X-Weir-Action': '1' })).status, 200);
      assert.equal((await request('GET', `${weir.admin}/approve`)).status, 405);
      assert.equal((await post('?server=none')).status, 404);
      assert.equal((await post('?server=%ff')).status, 404);
      assert.equal((await approve(weir, 'none')).code, 2);
      assert.equal((await cli('approve', '--listen', new URL(weir.url).host)).code, 2);
      const bad = await cli('check', (fs.writeFileSync(path.join(folders.at(-1), 'c.yaml'), 'servers:\n  s: {url: "http://h", pin: warn}\n'), path.join(folders.at(-1), 'c.yaml')));
      assert.equal(bad.code, 2);
      assert.match(bad.err, /c\.yaml:2:29: "pin" needs the top-level "state_dir": a directory where it keeps what was approved/);
    });
  },
};
