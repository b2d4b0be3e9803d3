// Real servers behind, official clients in front; what happens when things die; reload; start and end.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Upstream } from './upstream.mjs';
import { Weir, answerOf, ask, modules, openSession, until } from './weir.mjs';

const script = (name) => path.join(modules, name);
const everything = script('@modelcontextprotocol/server-everything/dist/index.js');
const node = (...args) => ({ command: process.execPath, args });

// Processes that carry `mark` in their environment, zombies left out.
function marked(mark) {
  const found = [];
  for (const pid of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark) && !/^State:\s*Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))) found.push(Number(pid));
    } catch {}
  }
  return found;
}

function certificates(folder) {
  const run = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test ca');
  run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'server.csr', '-subj', '/CN=localhost');
  fs.writeFileSync(path.join(folder, 'ext'), 'subjectAltName=DNS:localhost');
  run('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'cert.pem', '-days', '2', '-extfile', 'ext');
  return { key: fs.readFileSync(path.join(folder, 'key.pem')), cert: fs.readFileSync(path.join(folder, 'cert.pem')) };
}

// Every official client at every revision that it can speak.
const clients = [
  ...['2025-03-26', '2025-06-18', '2025-11-25'].map((version) => [`SDK v1 ${version}`, async (url) => {
    const client = new OldClient({ name: 'e2e', version: '1' });
    const transport = new OldTransport(url);
    const send = transport.send.bind(transport);
    transport.send = (message, options) => send(message.method === 'initialize' ? { ...message, params: { ...message.params, protocolVersion: version } } : message, options);
    await client.connect(transport);
    return [client, transport.protocolVersion];
  }, version]),
  ['SDK v2 legacy', async (url) => {
    const client = new Client({ name: 'e2e', version: '1' });
    const transport = new StreamableHTTPClientTransport(url);
    await client.connect(transport);
    return [client, '2025-11-25'];
  }, '2025-11-25'],
  ...['auto', { pin: '2026-07-28' }].map((mode) => [`SDK v2 ${mode.pin ? 'pinned to 2026-07-28' : mode}`, async (url) => {
    const client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(url));
    return [client, '2026-07-28'];
  }, '2026-07-28']),
];

export const tests = {
  async 'the demo, official clients at every revision'() {
    const weir = await Weir.start({ servers: { demo: { builtin: 'demo' } } });
    const table = [];
    for (const [name, connect] of clients) {
      const [client, version] = await connect(new URL(weir.url));
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((one) => one.name), ['echo', 'add', 'time', 'countdown']);
      const sum = await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } });
      assert.equal(sum.structuredContent.sum, 3);
      const seen = [];
      await client.callTool({ name: 'countdown', arguments: { from: 3, pause_ms: 40 } }, ...(name.startsWith('SDK v1') ? [undefined] : []), { onprogress: (one) => seen.push(one.progress) });
      assert.deepEqual(seen, [1, 2, 3], name);
      assert.ok((await client.readResource({ uri: 'demo://greeting/Ada' })).contents[0].text.includes('Ada'));
      assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 1);
      assert.equal((await client.getPrompt({ name: 'introduce', arguments: { topic: 'x' } })).messages.length, 1);
      assert.deepEqual((await client.complete({ ref: { type: 'ref/prompt', name: 'introduce' }, argument: { name: 'topic', value: 're' } })).completion.values, ['retries']);
      await client.close();
      table.push(`${name} (${version})`);
    }
    assert.equal((await weir.stop()).code, 0);
    return table.join(', ');
  },

  async 'six servers as one, official clients at every revision'() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-six-'));
    const secure = await Upstream.start({ tls: certificates(folder), tools: ['secret'] });
    const port = 20000 + (process.pid % 12000); // below those that the system gives out
    const http = spawn(process.execPath, [everything, 'streamableHttp'], { env: { ...process.env, PORT: String(port) }, stdio: 'pipe' });
    let heard = '';
    http.stderr.on('data', (data) => (heard += data));
    http.stdout.on('data', (data) => (heard += data));
    await until(() => /listening/i.test(heard), 20000, 'server-everything over HTTP');
    const weir = await Weir.start({
      servers: {
        every: node(everything, 'stdio'),
        web: { url: `http://127.0.0.1:${port}/mcp` },
        files: node(script('@modelcontextprotocol/server-filesystem/dist/index.js'), folder),
        memory: { command: 'npx', args: ['mcp-server-memory'], cwd: path.dirname(modules), env: { MEMORY_FILE_PATH: path.join(folder, 'memory.json') } },
        secure: { url: secure.url, tls: { ca: path.join(folder, 'ca.pem') } },
        gone: { url: 'http://127.0.0.1:1/mcp' },
      },
    });
    try {
      await weir.settled(['gone']);
      const table = [];
      for (const [name, connect] of clients) {
        const [client] = await connect(new URL(weir.url));
        const list = await client.listTools();
        const owners = new Set(list.tools.map((one) => one.name.split('__')[0]));
        assert.deepEqual([...owners], ['every', 'web', 'files', 'memory', 'secure']);
        assert.deepEqual(list._meta['weir/partial'].missing, [{ server: 'gone', reason: 'unreachable' }]);
        const text = async (tool, args) => (await client.callTool({ name: tool, arguments: args })).content[0].text;
        assert.match(await text('every__echo', { message: 'hi' }), /hi/);
        assert.match(await text('web__echo', { message: 'ho' }), /ho/);
        assert.match(await text('files__list_allowed_directories', {}), /weir-six/);
        assert.match(await text('memory__read_graph', {}), /entities/);
        assert.match(await text('secure__secret', { a: 1 }), /"a":1/);
        const resources = await client.listResources();
        assert.ok(resources.resources.length > 0);
        await client.readResource({ uri: resources.resources[0].uri });
        await client.close();
        table.push(name);
      }
      return `${table.length} clients x 5 servers`;
    } finally {
      await weir.stop();
      await secure.stop();
      http.kill('SIGKILL');
      fs.rmSync(folder, { recursive: true, force: true });
    }
  },

  async 'a real server of the new revision over stdio'() {
    const weir = await Weir.start({ servers: { docs: node(script('@upstash/context7-mcp/dist/index.js')) } });
    await weir.settled();
    assert.equal((await weir.servers())[0].protocol, '2026-07-28');
    for (const [, connect] of clients) {
      const [client] = await connect(new URL(weir.url));
      assert.ok((await client.listTools()).tools.length >= 2);
      await client.close();
    }
    await weir.stop();
  },

  async 'a child killed under load comes back'() {
    const mark = `WEIR_MARK=${process.pid}-${Date.now()}`;
    const [key, value] = mark.split('=');
    const weir = await Weir.start({ servers: { every: { ...node(everything, 'stdio'), env: { [key]: value }, retry: false } } });
    await weir.settled();
    const call = () => ask(weir.url, 'tools/call', '"name":"echo","arguments":{"message":"x"}', { name: 'echo' });
    const child = marked(mark).find((pid) => !fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('--weir-supervisor'));
    let failed = 0;
    let killed = 0;
    let back = 0;
    const codes = new Set();
    const load = Array.from({ length: 8 }, async () => {
      while (!back) {
        const answer = answerOf(await call());
        if (answer.error) {
          failed ||= Date.now();
          codes.add(answer.error.code);
        } else if (failed && !back) back = Date.now();
      }
    });
    await call();
    killed = Date.now();
    process.kill(child, 'SIGKILL');
    await Promise.all(load);
    for (const code of codes) assert.ok([1001, 1007].includes(code), `code ${code}`);
    await weir.stop();
    await until(() => marked(mark).length === 0, 1000, 'the supervisor to be gone');
    return `first failed call ${failed - killed} ms, next good call ${back - killed} ms after the kill`;
  },

  async 'nothing is left when Weir is killed'() {
    const mark = `WEIR_MARK=k${process.pid}-${Date.now()}`;
    const env = { [mark.split('=')[0]]: mark.split('=')[1] };
    const stubborn = `process.on('SIGTERM',()=>{});process.stdin.on('end',()=>{});require('child_process').spawn(process.execPath,['-e','setInterval(()=>{},1000)'],{detached:true,stdio:'ignore'});setInterval(()=>{},1000);process.stdin.on('data',d=>{for(const l of String(d).split('\\n'))if(l){const m=JSON.parse(l);if(m.method==='initialize')console.log(JSON.stringify({jsonrpc:'2.0',id:m.id,result:{protocolVersion:'2025-11-25',capabilities:{},serverInfo:{name:'s',version:'1'}}}));else if(m.id!==undefined)console.log(JSON.stringify({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}}))}})`;
    const weir = await Weir.start({
      servers: {
        stubborn: { ...node('-e', stubborn), env },
        memory: { command: 'npx', args: ['mcp-server-memory'], cwd: path.dirname(modules), env },
      },
    });
    await until(async () => (await weir.servers()).every((one) => one.state === 'ready'), 30000);
    assert.ok(marked(mark).length >= 5, 'children and grandchildren run');
    const begun = Date.now();
    weir.child.kill('SIGKILL');
    await until(() => marked(mark).length === 0, 5000, 'all to be gone');
    const took = Date.now() - begun;
    await weir.stop();
    return `gone after ${took} ms`;
  },

  async 'reload under load loses nothing'({ full }) {
    const [a, b] = [await Upstream.start(), await Upstream.start({ tools: ['other'] })];
    const weir = await Weir.start({ servers: { a: { url: a.url } } });
    await weir.settled();
    let stop = false;
    let calls = 0;
    const load = Array.from({ length: 64 }, async () => {
      while (!stop) {
        const answer = await ask(weir.url, 'tools/call', '"name":"a__echo","arguments":{}', { name: 'a__echo' });
        assert.ok(JSON.parse(answer.text).result, answer.text);
        ++calls;
      }
    });
    const names = async () => (await weir.servers()).map((one) => one.name).join();
    const times = [];
    for (let i = 0; i < (full ? 20 : 4); ++i) {
      for (const servers of [{ a: { url: a.url }, b: { url: b.url } }, { a: { url: a.url } }]) {
        const begun = Date.now();
        weir.write({ servers });
        await until(async () => (await names()) === Object.keys(servers).join());
        times.push(Date.now() - begun);
      }
    }
    weir.write('servers: {a: {url: 7x}}\nfrob: 1\n');
    await until(() => weir.log.includes('frob'));
    assert.equal(await names(), 'a');
    assert.equal((await (await fetch(weir.admin + '/rollback', { method: 'POST' })).json()).ok, true);
    assert.equal(await names(), 'a,b');
    stop = true;
    await Promise.all(load);
    await weir.stop();
    await a.stop();
    await b.stop();
    times.sort((x, y) => x - y);
    return `${calls} calls, 0 errors; from rename to effect ${times[times.length >> 1]} ms (most ${times.at(-1)} ms)`;
  },

  async 'SIGTERM lets calls in flight finish'() {
    const upstream = await Upstream.start();
    const held = [];
    upstream.call = (parsed, respond) => held.push(respond);
    const weir = await Weir.start({ servers: { a: { url: upstream.url } } });
    await weir.settled();
    const call = ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo' });
    await until(() => held.length === 1);
    weir.child.kill('SIGTERM');
    await until(async () => fetch(weir.url).then(() => false, () => true), 5000, 'accepting to stop');
    held[0].result('{"resultType":"complete","content":[]}');
    assert.ok(JSON.parse((await call).text).result);
    assert.equal((await weir.exit).code, 0);
    await weir.stop();
    await upstream.stop();
  },

  async 'secrets never appear'() {
    const canary = 'canary-5e6f';
    const upstream = await Upstream.start();
    const url = upstream.url.replace('http://', `http://user:${canary}@`) + `?key=${canary}`;
    const weir = await Weir.start({ log: { level: 'debug', access: 'all' }, servers: { a: { url, headers: { Authorization: `Bearer ${canary}` } }, b: { ...node('-e', '0'), env: { TOKEN: canary } } } });
    await until(async () => (await weir.servers())[0].state === 'ready');
    await ask(weir.url, 'tools/call', `"name":"a__echo","arguments":{"x":"${canary}"}`, { name: 'a__echo', headers: { Authorization: canary, Cookie: canary } });
    assert.equal(upstream.calls().length, 1);
    let shown = '';
    for (const where of ['/config', '/servers', '/health', '/metrics', '/tools']) shown += await (await fetch(weir.admin + where)).text();
    await upstream.stop();
    shown += (await ask(weir.url, 'tools/call', '"name":"a__echo"', { name: 'a__echo' })).text;
    await weir.stop();
    assert.ok(!(shown + weir.log + weir.out).includes(canary));
  },

  async 'first answer soon after the start'() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-start-'));
    const file = path.join(folder, 'weir.yaml');
    fs.writeFileSync(file, '{"listen":"127.0.0.1:0","admin":false,"servers":{"demo":{"builtin":"demo"}}}');
    const { binary } = await import('./weir.mjs');
    const begun = process.hrtime.bigint();
    const child = spawn(binary, ['run', file]);
    const url = await new Promise((done) => child.stdout.on('data', (data) => done(/weir \S+ {2}(\S+)/.exec(data)?.[1])));
    assert.equal(answerOf(await ask(url, 'tools/list')).result.tools.length, 4);
    const took = Number(process.hrtime.bigint() - begun) / 1e6;
    child.kill('SIGTERM');
    await new Promise((done) => child.on('exit', done));
    fs.rmSync(folder, { recursive: true });
    return `${took.toFixed(0)} ms`;
  },

  async 'clients that are there before the start find it whole'() {
    const { binary } = await import('./weir.mjs');
    const net = await import('node:net');
    for (let round = 0; round < 10; ++round) {
      const port = await new Promise((done) => {
        const probe = net.createServer().listen(0, '127.0.0.1', () => {
          const { port } = probe.address();
          probe.close(() => done(port));
        });
      });
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-early-'));
      const file = path.join(folder, 'weir.yaml');
      fs.writeFileSync(file, JSON.stringify({ listen: `127.0.0.1:${port}`, admin: false, servers: { demo: { builtin: 'demo' } } }));
      const child = spawn(binary, ['run', file], { stdio: 'ignore' });
      const ended = new Promise((done) => child.on('exit', (code, signal) => done(signal ?? code)));
      const tools = await until(() => ask(`http://127.0.0.1:${port}/mcp`, 'tools/list').then((got) => JSON.parse(got.text).result?.tools, () => (child.signalCode ? [] : null)));
      assert.equal(tools.length, 4, `round ${round}: ${child.signalCode}`);
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
      fs.rmSync(folder, { recursive: true });
    }
  },
};
