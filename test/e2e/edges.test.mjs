// What clients and operators meet at the edges: cancelling, names, reload, odd methods.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Replica } from './replicas.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, accept, answerOf, ask, between, messages, openSession, request, until } from './weir.mjs';

// One request as bytes; all that comes back until the connection ends.
function raw(url, text) {
  return new Promise((done, fail) => {
    let got = '';
    const { port } = new URL(url);
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (data) => (got += data));
    socket.on('close', () => done(got));
    socket.on('error', fail);
  });
}

export const tests = {
  async 'quiet connections are kept alive by the kernel, on both sides'() {
    await between({}, async (weir, upstream) => {
      await weir.settled();
      await ask(weir.url, 'tools/call', '"name":"echo","arguments":{"text":"a"}', { name: 'echo' });
      // The kernel's table: addresses as hex, and in the sixth column which timer runs (2: keepalive).
      const rows = fs.readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/)).filter((row) => row[3] === '01');
      const port = (url) => Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
      const timers = (column, url) => rows.filter((row) => row[column].endsWith(':' + port(url))).map((row) => row[5].slice(0, 2));
      assert.ok(timers(1, weir.url).includes('02'), 'towards clients: ' + timers(1, weir.url));
      assert.ok(timers(2, upstream.url).includes('02'), 'towards servers: ' + timers(2, upstream.url));
    });
  },

  async 'a session that is deleted takes its calls along'() {
    await between([{ era: 'old' }], async (weir, upstream) => {
      upstream.call = () => {};
      const session = await openSession(weir.url);
      const call = session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","arguments":{}}}');
      await until(() => upstream.calls().length === 1);
      assert.equal((await session.end()).status, 200);
      assert.equal(JSON.parse(messages(await call).at(-1)).error.code, 1006);
      await until(() => upstream.seen.some((one) => one.method === 'notifications/cancelled'));
      assert.equal((await session.post('{"jsonrpc":"2.0","id":6,"method":"ping"}')).status, 404);
    });
  },

  // Ids are the clients' own and equal by chance: without a session nothing says whose call is meant.
  async 'a notification without a session cancels nobody\'s call'() {
    await between([{}], async (weir, upstream) => {
      const held = [];
      upstream.call = (parsed, respond) => held.push(respond);
      const call = ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo', id: '8' });
      await until(() => held.length === 1);
      const note = await request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'notifications/cancelled' }, '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}');
      assert.equal(note.status, 202);
      await ask(weir.url, 'tools/list');
      held[0].result('{"resultType":"complete","content":[]}');
      assert.ok(JSON.parse((await call).text).result);
    });
  },

  async 'without prefixes an equal name is listed once, the later with its server'() {
    await between([{ tools: ['same', 'one'] }, { tools: ['same', 'same', 'two'] }], async (weir, a, b) => {
      await weir.settled();
      const names = answerOf(await ask(weir.url, 'tools/list')).result.tools.map((one) => one.name);
      assert.deepEqual(names, ['same', 'one', 'b__same', 'two']);
      for (const [name, upstream] of [['same', a], ['b__same', b], ['two', b]]) {
        await ask(weir.url, 'tools/call', `"name":"${name}"`, { name });
        assert.equal(upstream.calls().at(-1).parsed.params.name, name.replace('b__', ''));
      }
    }, { names: { prefix: 'never' } });
  },

  async 'a name that leads nowhere says why'() {
    await between([{ tools: ['same'] }, { tools: ['same'] }], async (weir) => {
      await weir.settled();
      const call = async (name) => answerOf(await ask(weir.url, 'tools/call', `"name":"${name}"`, { name })).error;
      assert.match((await call('same')).message, /several servers .*use a__same or b__same/);
      assert.match((await call('nosuch')).message, /no server has a tool named "nosuch"$/);
      const ref = answerOf(await ask(weir.url, 'completion/complete', '"ref":{},"argument":{"name":"a","value":""}')).error;
      assert.match(ref.message, /params\.ref/);
    });
    const weir = await Weir.start({ servers: { a: { url: 'http://127.0.0.1:1/mcp' }, b: { url: 'http://127.0.0.1:1/mcp' } } });
    await until(async () => (await weir.servers()).every((one) => one.state === 'unreachable'));
    const { error } = answerOf(await ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo' }));
    assert.deepEqual([error.code, error.data.sent], [1001, 'no']);
    await weir.stop();
  },

  async 'what waits for a greeting that fails was never sent'() {
    const upstream = await Upstream.start();
    upstream.answer = (sent, response) => response.destroy();
    const weir = await Weir.start({ servers: { a: { url: upstream.url } } });
    const { error } = answerOf(await ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo' }));
    assert.deepEqual([error.code, error.data.sent], [1001, 'no']);
    await weir.stop();
    await upstream.stop();
  },

  async 'limits and timeouts change without a restart of anything'() {
    const upstream = await Upstream.start();
    const child = { command: process.execPath, args: ['-e', `const say=(m)=>process.stdout.write(JSON.stringify(m)+'\\n');require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);if(m.method==='initialize')say({jsonrpc:'2.0',id:m.id,result:{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});else if(m.method==='tools/list')say({jsonrpc:'2.0',id:m.id,result:{tools:[{name:'pid',inputSchema:{type:'object'}}]}});else if(m.method==='tools/call')setTimeout(()=>say({jsonrpc:'2.0',id:m.id,result:{content:[],pid:process.pid}}),m.params.arguments.pause??0);else if(m.id!==undefined)say({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})})`] };
    const servers = { a: child, b: { url: upstream.url } };
    const weir = await Weir.start({ servers, limits: { body: '1KB' } });
    try {
      await weir.settled();
      const call = async (args) => answerOf(await ask(weir.url, 'tools/call', `"name":"a__pid","arguments":${args}`, { name: 'a__pid' }));
      const { pid } = (await call('{}')).result;
      const large = async () => (await ask(weir.url, 'tools/list', `"x":"${'y'.repeat(5000)}"`)).status;
      assert.equal(await large(), 413);
      weir.write({ servers, limits: { body: '64KB' } });
      await until(async () => (await large()) === 200);
      weir.write({ servers, limits: { body: '2KB' } });
      await until(async () => (await large()) === 413);
      weir.write({ servers, timeout: { request: '50ms' } });
      await until(async () => (await call('{"pause":1000}')).error?.code === 1003);
      weir.write({ servers: { ...servers, a: { ...child, timeout: { request: '5s' }, tools: { pid: { timeout: '80ms' } } } } });
      await until(async () => (await call('{"pause":1000}')).error?.code === 1003);
      weir.write({ servers });
      await until(async () => (await call('{"pause":200}')).result);
      assert.equal((await call('{}')).result.pid, pid);
    } finally {
      await weir.stop();
      await upstream.stop();
    }
  },

  async 'a connection is waited for as long as timeout.connect says'() {
    const replica = await Replica.start();
    await replica.blackhole();
    const weir = await Weir.start({ servers: { short: { url: replica.url, timeout: { connect: '200ms' } }, long: { url: replica.url, timeout: { connect: '170s' } } } });
    try {
      const row = async (name) => (await weir.servers()).find((one) => one.name === name);
      await until(async () => (await row('short')).state === 'unreachable');
      assert.match((await row('short')).reason, /connecting took too long/);
      assert.equal((await row('long')).state, 'starting');
    } finally {
      replica.thaw();
      await replica.kill();
      await weir.stop();
    }
  },

  // The server answers no list until it is told to; the one that is waited for longer is asked for first.
  async 'a list waits for a server that is up as long as timeout.list says'() {
    const held = [];
    let hangs = false;
    const upstream = await Upstream.start({ list: ({ result }, whole) => (hangs ? void held.push(() => result(whole)) : result(whole)) });
    const weir = await Weir.start({ servers: { long: { url: upstream.url, timeout: { list: '170s' } }, short: { url: upstream.url, timeout: { list: '100ms' } } } });
    try {
      await weir.settled();
      hangs = true;
      const list = async (name) => answerOf(await ask(`${weir.url}/${name}`, 'tools/list')).result;
      let answered = false;
      const long = list('long').finally(() => (answered = true));
      assert.equal((await list('short'))._meta['weir/partial'].stale[0].server, 'short');
      assert.equal(answered, false, 'the other one is waited for');
      hangs = false;
      for (const answer of held) answer();
      assert.equal((await long)._meta?.['weir/partial'], undefined);
    } finally {
      await weir.stop();
      await upstream.stop();
    }
  },

  // The server answers nothing of the kind until it is told to; a list is asked of one that is up, an introduction of one that
  // starts. Who has all the time asks first.
  async 'a client that gives a list or an introduction less time has its answer sooner'() {
    const results = { 'tools/list': '"tools":[]', 'server/discover': '"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}' };
    for (const method of Object.keys(results)) {
      const held = [];
      let hangs = method === 'server/discover';
      const upstream = await Upstream.start({
        before(asked, send) {
          if (!hangs || asked.method !== method) return false;
          return held.push(() => send(200, `{"jsonrpc":"2.0","id":${JSON.stringify(asked.id)},"result":{"resultType":"complete",${results[method]},"ttlMs":0,"cacheScope":"private"}}`));
        },
      });
      const weir = await Weir.start({ timeout: { list: '170s', startup: '170s' }, servers: { a: { url: upstream.url } } });
      try {
        if (!hangs) await weir.settled();
        hangs = true;
        let answered = false;
        const patient = ask(weir.url, method).finally(() => (answered = true));
        await until(() => held.length > 0, 10000, 'the server to be asked');
        const { result, error } = answerOf(await ask(weir.url, method, '', { more: '"weir/timeoutMs":100,' }));
        assert.equal(error?.code ?? result._meta['weir/partial'].stale.length, method === 'tools/list' ? 1 : 1003);
        assert.equal(answered, false, `${method}: the other one waits on`);
        hangs = false;
        for (const answer of held) answer();
        assert.equal(JSON.parse((await patient).text).result._meta?.['weir/partial'], undefined);
      } finally {
        await weir.stop();
        await upstream.stop();
      }
    }
  },

  // Both children answer only once they are told to; the list of the one that is given more time is asked for first.
  async 'a first list waits for a server that starts as long as timeout.startup says'() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-startup-'));
    const flag = path.join(folder, 'go');
    const child = { command: process.execPath, args: ['-e', `const fs=require('fs');const go=()=>{if(!fs.existsSync(${JSON.stringify(flag)}))return setTimeout(go,10);require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);const say=(r)=>process.stdout.write(JSON.stringify({jsonrpc:'2.0',id:m.id,...r})+'\\n');if(m.method==='initialize')say({result:{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});else if(m.method==='tools/list')say({result:{tools:[{name:'echo',inputSchema:{type:'object'}}]}});else if(m.id!==undefined)say({error:{code:-32601,message:'no'}})})};go()`] };
    const weir = await Weir.start({ timeout: { list: '100ms', startup: '170s' }, servers: { long: child, short: { ...child, timeout: { startup: '300ms' } } } });
    try {
      const list = async (name) => answerOf(await ask(`${weir.url}/${name}`, 'tools/list'));
      let answered = false;
      const long = list('long').finally(() => (answered = true));
      assert.equal((await list('short')).error.data.reason, 'deadline_exceeded');
      assert.equal(answered, false, 'the other one has more time');
      fs.writeFileSync(flag, '');
      assert.deepEqual((await long).result.tools.map(({ name }) => name), ['echo']);
    } finally {
      await weir.stop();
      fs.rmSync(folder, { recursive: true });
    }
  },

  async 'a bad file that is put right again is a good reload'() {
    await between([{}], async (weir, upstream) => {
      const good = async () => Number(/^weir_config_last_reload_successful (\d)$/m.exec((await request('GET', weir.admin + '/metrics')).text)[1]);
      const config = { servers: { a: { url: upstream.url } } };
      assert.equal(await good(), 1);
      weir.write('servers: [');
      await until(async () => (await good()) === 0);
      weir.write(config);
      await until(async () => (await good()) === 1);
    });
  },

  async 'methods that are not served are told which are'() {
    await between([{}], async (weir) => {
      const got = await raw(weir.url, 'GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      assert.match(got, /^HTTP\/1.1 405 .*\r\nAllow: POST, GET, DELETE, OPTIONS\r\n/s);
      const head = await raw(weir.url, 'HEAD /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      assert.match(head, /^HTTP\/1.1 405 .*\r\nAllow: GET\r\n/s);
      assert.ok(head.endsWith('\r\n\r\n'), 'a HEAD answer has no body');
      const other = await ask(weir.url + '/nosuch', 'tools/list', '', { id: '41' });
      assert.deepEqual([other.status, JSON.parse(other.text).id], [404, 41]);
      const session = await openSession(weir.url, '2025-03-26');
      const batch = await session.post('[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"x","version":"1"}}},{"jsonrpc":"2.0","id":2,"method":"ping"}]');
      const answers = JSON.parse(batch.text);
      assert.deepEqual([answers[0].error.code, answers[1].result], [-32600, {}]);
      assert.ok(!batch.headers['mcp-session-id']);
    });
  },

  async 'an upstream is asked for plain bytes, and told what it did else'() {
    await between([{}], async (weir, upstream) => {
      upstream.call = (parsed, respond) => respond.send(200, 'zzz', { 'Content-Encoding': 'gzip' });
      const { error } = answerOf(await ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo' }));
      assert.deepEqual([error.code, upstream.calls().at(-1).headers['accept-encoding']], [1002, 'identity']);
      assert.match(error.message, /its answer is not packed as it says/);
      upstream.call = (parsed, respond) => respond.send(200, 'zzz', { 'Content-Encoding': 'br' });
      assert.match(answerOf(await ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo' })).error.message, /the coding br/);
    });
  },

  async 'waiting for servers is no work of the gateway'() {
    await between([{}, {}], async (weir, a, b) => {
      await weir.settled();
      b.answer = () => {};
      await ask(weir.url, 'tools/list');
      a.call = (_, respond) => {
        respond.events();
        respond.event('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"soon"}}');
        setTimeout(() => respond.end('{"resultType":"complete","content":[]}'), 500);
      };
      await ask(weir.url, 'tools/call', '"name":"a__echo"', { name: 'a__echo' });
      assert.equal(a.calls().length, 1);
      const page = (await request('GET', weir.admin + '/metrics')).text;
      assert.ok(Number(/weir_overhead_duration_seconds_sum ([\d.e-]+)/.exec(page)[1]) < 0.3, page.match(/weir_overhead.*sum.*/)[0]);
      b.server.closeAllConnections();
    }, { timeout: { list: '400ms' } });
  },
};
