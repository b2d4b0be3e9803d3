// Clients on one channel: `weir stdio`, and GET /sse with POST /messages; with the SDKs and line by line.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Lines, Stream, call, hello } from './lines.mjs';
import { Upstream } from './upstream.mjs';
import { Weir, between, binary, meta, modules, request, until } from './weir.mjs';

const done = (era, text = 'x') => `{${era === 'new' ? '"resultType":"complete",' : ''}"content":[{"type":"text","text":"${text}"}]}`;
const newCall = (id, args = '{}', more = '', params = '') => call(id, args, `${params},"_meta":{${more}${meta}}`);
const cancelled = (id) => `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`;

// Runs `work` with a stdio client in front of one scripted upstream.
async function onLines(spec, work, config = {}, options = {}) {
  const upstream = await Upstream.start(spec);
  const lines = Lines.start({ servers: { a: { url: upstream.url } }, ...config }, options);
  try {
    return await work(lines, upstream);
  } finally {
    lines.child.kill('SIGKILL');
    await lines.exit;
    await upstream.stop();
  }
}

// The same conversation over either channel.
async function onBoth(spec, work) {
  await onLines(spec, (lines, upstream) => work(lines, upstream, 'stdio'));
  await between(spec, async (weir, upstream) => {
    const stream = await Stream.start(weir.url);
    await work(stream, upstream, 'sse');
    stream.leave();
  });
}

// An old server that asks its client on the way.
const asks = (parsed, respond, answers) => {
  respond.events();
  respond.event('{"jsonrpc":"2.0","id":"its own","method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}}');
  answers.push(respond);
};

export const tests = {
  async 'stdio: official clients'() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-sdk-'));
    const file = path.join(folder, 'weir.yaml');
    fs.writeFileSync(file, '{"servers":{"demo":{"builtin":"demo"}}}');
    const how = { command: binary, args: ['stdio', file], stderr: 'ignore' };
    const clients = [
      ['SDK v1', new OldClient({ name: 'e2e', version: '1' }), new OldStdio(how)],
      ['SDK v2 legacy', new Client({ name: 'e2e', version: '1' }), new StdioClientTransport(how)],
      ...['auto', { pin: '2026-07-28' }].map((mode) => [`SDK v2 ${mode.pin ? 'pinned' : mode}`, new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode } }), new StdioClientTransport(how)]),
    ];
    for (const [name, client, transport] of clients) {
      await client.connect(transport);
      assert.deepEqual((await client.listTools()).tools.map((one) => one.name), ['echo', 'add', 'time', 'countdown'], name);
      assert.equal((await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })).structuredContent.sum, 3, name);
      const seen = [];
      await client.callTool({ name: 'countdown', arguments: { from: 3, pause_ms: 250 } }, ...(name === 'SDK v1' ? [undefined] : []), { onprogress: (one) => seen.push(one.progress) });
      // The SDKs lose progress that comes in one read with the answer.
      assert.deepEqual(seen, [1, 2, 3].slice(0, seen.length), name);
      assert.ok(seen.length >= 2, name);
      assert.ok((await client.readResource({ uri: 'demo://greeting/Ada' })).contents[0].text.includes('Ada'));
      if (name.startsWith('SDK v2 ') && name !== 'SDK v2 legacy') assert.equal(client.getProtocolEra?.() ?? 'modern', 'modern', name);
      await client.close();
    }
    fs.rmSync(folder, { recursive: true });
    return clients.map(([name]) => name).join(', ');
  },

  async 'stdio: the Inspector\'s command line client'() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-insp-'));
    const run = (...args) => new Promise((good, bad) => execFile(process.execPath, [path.join(modules, '.bin/mcp-inspector'), '--cli', ...args], { env: { ...process.env, HOME: folder }, cwd: folder, timeout: 60000 }, (error, out, log) => (error ? bad(new Error(log + out)) : good(JSON.parse(out)))));
    for (const era of ['legacy', 'auto', 'modern']) {
      const list = await run(binary, 'stdio', '--protocol-era', era, '--method', 'tools/list');
      assert.deepEqual(list.tools.map((one) => one.name), ['echo', 'add', 'time', 'countdown'], era);
    }
    const sum = await run(binary, 'stdio', '--method', 'tools/call', '--tool-name', 'add', '--tool-arg', 'a=1', 'b=2');
    assert.equal(sum.structuredContent.sum, 3);
    fs.rmSync(folder, { recursive: true });
  },

  async 'sse: the SDK\'s client, alone and with several servers'() {
    await between([{ tools: ['one'] }, { era: 'old', tools: ['two'] }], async (weir) => {
      await weir.settled();
      const clients = await Promise.all(Array.from({ length: 4 }, async () => {
        const client = new OldClient({ name: 'e2e', version: '1' });
        await client.connect(new SSEClientTransport(new URL('/sse', weir.url)));
        return client;
      }));
      for (const client of clients) {
        assert.deepEqual((await client.listTools()).tools.map((one) => one.name), ['a__one', 'b__two']);
        for (const name of ['a__one', 'b__two']) assert.match((await client.callTool({ name, arguments: { q: 7 } })).content[0].text, /"q":7/);
        await client.close();
      }
    });
  },

  async 'every old revision gets itself back, on every way in'() {
    for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']) {
      await onBoth({}, async (talk) => {
        assert.equal((await talk.open(version)).result.protocolVersion, version);
        await talk.send('{"jsonrpc":"2.0","id":1,"method":"ping"}');
        assert.deepEqual((await talk.answer(1)).result, {});
      });
      await between({}, async (weir) => {
        const answer = await request('POST', weir.url, { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' }, hello(version));
        assert.equal(JSON.parse(answer.text).result.protocolVersion, version);
      });
    }
  },

  async 'calls run side by side and are answered as they end; progress keeps its order'() {
    await onBoth({ era: 'old' }, async (talk, upstream) => {
      const held = new Map();
      upstream.call = (parsed, respond) => held.set(parsed.params.arguments.n, [parsed, respond]);
      await talk.open('2025-11-25');
      for (let n = 0; n < 20; ++n) await talk.send(n % 2 ? newCall(`"n${n}"`, `{"n":${n}}`, `"progressToken":${n},`) : call(n, `{"n":${n}}`, `,"_meta":{"progressToken":${n}}`));
      await until(() => held.size === 20, 5000, 'all calls at the server');
      for (let n = 19; n >= 0; --n) {
        const [parsed, respond] = held.get(n);
        respond.events();
        for (let i = 1; i <= 5; ++i) respond.event(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${i},"progressToken":${JSON.stringify(parsed.params._meta.progressToken)}}}`);
        respond.end(done('old', n));
        const id = n % 2 ? `n${n}` : n;
        assert.equal((await talk.answer(id)).result.content[0].text, String(n));
        const own = talk.messages.filter((one) => one.id === id || one.params?.progressToken === n);
        assert.deepEqual(own.map((one) => one.params?.progress ?? 'end'), [1, 2, 3, 4, 5, 'end']);
      }
    });
  },

  async 'both eras on one channel; cancelling ends the one call, and nothing more is said of it'() {
    for (const era of ['old', 'new'])
      await onBoth({ era }, async (talk, upstream) => {
        const open = [];
        upstream.call = (parsed, respond) => open.push([parsed, respond]);
        await talk.open('2025-06-18');
        for (const [id, text] of [[7, call(7)], [8, newCall(8)]]) {
          const [before, gone] = [open.length, upstream.closed];
          await talk.send(text);
          await talk.send(call(`"other ${id}"`));
          await until(() => open.length === before + 2);
          await talk.send(cancelled(id));
          await until(() => upstream.closed === gone + 1, 5000, 'the upstream request to end');
          open.slice(before).find(([, respond]) => !respond.raw.destroyed)[1].result(done(era));
          assert.ok((await talk.answer(`other ${id}`)).result);
          await talk.send(`{"jsonrpc":"2.0","id":"p${id}","method":"ping"}`);
          await talk.answer(`p${id}`);
          assert.ok(!talk.messages.some((one) => one.id === id), 'something was said of a cancelled request');
        }
      });
  },

  async 'a server asks: a client of either era answers'() {
    await onBoth({ era: 'old' }, async (talk, upstream) => {
      const open = [];
      upstream.call = (parsed, respond) => asks(parsed, respond, open);
      await talk.open('2025-11-25', '{"elicitation":{}}');
      await talk.send(call(1));
      const question = await talk.find((one) => one.method === 'elicitation/create', 'the question');
      // What is no answer leaves the question open.
      for (const wrong of ['5', 'null', '[]']) await talk.send(`{"jsonrpc":"2.0","id":${JSON.stringify(question.id)},"result":${wrong}}`);
      await talk.send(`{"jsonrpc":"2.0","id":${JSON.stringify(question.id)},"result":{"action":"accept","content":{"name":"Ada"}}}`);
      const told = await until(() => upstream.seen.find((one) => one.parsed.id === 'its own'), 5000, 'the answer at the server');
      assert.equal(told.parsed.result.content.name, 'Ada');
      open[0].end(done('old', 'Ada'));
      assert.equal((await talk.answer(1)).result.content[0].text, 'Ada');
      // The new era, on the same channel.
      const with_input = meta.replace('clientCapabilities":{}', 'clientCapabilities":{"elicitation":{}}');
      const ask = (id, params = '') => call(id, '{}', `${params},"_meta":{${with_input}}`);
      await talk.send(ask(2));
      const wanted = (await talk.answer(2)).result;
      assert.equal(wanted.resultType, 'input_required');
      const [key] = Object.keys(wanted.inputRequests);
      upstream.seen.length = 0;
      await talk.send(ask(3, `,"requestState":${JSON.stringify(wanted.requestState)},"inputResponses":{"${key}":{"action":"accept","content":{"name":"Bob"}}}`));
      const again = await until(() => upstream.seen.find((one) => one.parsed.id === 'its own'), 5000, 'the second answer at the server');
      assert.equal(again.parsed.result.content.name, 'Bob');
      open[1].end(done('old', 'Bob'));
      assert.equal((await talk.answer(3)).result.content[0].text, 'Bob');
    });
    // And through an official client.
    await between({ era: 'old' }, async (weir, upstream) => {
      const open = [];
      upstream.call = (parsed, respond) => asks(parsed, respond, open);
      const client = new OldClient({ name: 'e2e', version: '1' }, { capabilities: { elicitation: {} } });
      client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'Eve' } }));
      await client.connect(new SSEClientTransport(new URL('/sse', weir.url)));
      const result = client.callTool({ name: 'echo', arguments: {} });
      const told = await until(() => upstream.seen.find((one) => one.parsed.id === 'its own'), 5000, 'the answer at the server');
      open[0].end(done('old', told.parsed.result.content.name));
      assert.equal((await result).content[0].text, 'Eve');
      await client.close();
    });
  },

  async 'what is no message is answered, and the channel goes on'() {
    await onLines({}, async (lines) => {
      const wrong = async (text, code, id = null) => {
        const before = lines.messages.length;
        lines.send(text);
        const answer = await until(() => lines.messages[before], 5000, `an answer to ${text.slice(0, 60)}`);
        assert.deepEqual([answer.error?.code, answer.id], [code, id], text.slice(0, 80));
      };
      await wrong('garbage', -32700);
      await wrong('{"jsonrpc":"2.0","id":1', -32700);
      await wrong('\u0000\u0001', -32700);
      await wrong('"text"', -32600);
      await wrong('[]', -32600);
      await wrong('{"jsonrpc":"2.0","id":4,"method":7}', -32600, 4);
      await wrong('{"jsonrpc":"2.0","id":5,"method":"tools/list"}', -32602, 5);
      await wrong('{"jsonrpc":"2.0","id":6,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}', -32602, 6);
      await wrong('{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2030-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}', -32022, 7);
      await wrong(`{"jsonrpc":"2.0","id":8,"method":"initialize","params":{"_meta":{${meta}}}}`, -32601, 8);
      // Longer than limits.body, its id in front, behind, and never ending for a while.
      const long = 'x'.repeat(200 * 1024);
      await wrong(`{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"a":"${long}"}}`, 1011, 9);
      await wrong(`{"params":{"a":"${long}"},"jsonrpc":"2.0","id":9,"method":"tools/call"}`, 1011);
      lines.child.stdin.write('y'.repeat(3 << 20));
      await until(() => lines.messages.length === 13, 5000, 'the answer to an endless line');
      lines.send('');
      lines.send('\r');
      await lines.open('2025-03-26');
      await wrong(hello('2025-03-26').replace('"hello"', '10'), -32600, 10);
      lines.send('{"jsonrpc":"2.0","id":12345,"result":{}}');
      lines.send('{"jsonrpc":"2.0","method":"notifications/unknown"}');
      lines.send('[{"jsonrpc":"2.0","id":"b1","method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":"b2","method":"tools/list"}]');
      const batch = await lines.find(Array.isArray, 'the batch');
      assert.deepEqual(batch.map((one) => one.id), ['b1', 'b2']);
      assert.ok(!lines.messages.some((one) => one.id === 12345));
      assert.equal(await lines.leave(), 0);
    }, { limits: { body: '128KB' } });
    await onLines({}, async (lines) => {
      await lines.open('2025-06-18');
      lines.send('[{"jsonrpc":"2.0","id":"b1","method":"ping"}]');
      assert.equal((await lines.find((one) => one.error)).error.code, -32600);
    });
  },

  async 'stdio: the end'() {
    // What is under way when stdin ends is answered; the last line needs no end.
    await onLines({}, async (lines, upstream) => {
      const held = [];
      upstream.call = (parsed, respond) => held.push(respond);
      await lines.open('2025-11-25');
      lines.send(call(1));
      lines.child.stdin.end(call(2));
      await until(() => held.length === 2);
      await new Promise((good) => setTimeout(good, 100));
      assert.ok(!lines.ended());
      for (const one of held) one.result(done('new'));
      assert.equal((await lines.exit).code, 0);
      assert.ok(lines.messages.find((one) => one.id === 1).result && lines.messages.find((one) => one.id === 2).result);
    });
    // A client that listens has missed nothing, however it ends.
    for (const end of [(lines) => lines.child.stdin.end(), (lines) => lines.child.kill('SIGTERM')])
      await onLines({}, async (lines) => {
        lines.send(`{"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{${meta}}}}`);
        await lines.find((one) => one.method === 'notifications/subscriptions/acknowledged');
        end(lines);
        assert.equal((await lines.exit).code, 0);
        assert.equal(lines.messages.at(-1).result?.resultType, 'complete', lines.texts.at(-1));
      });
    // So it is at SIGTERM.
    await onLines({}, async (lines, upstream) => {
      const held = [];
      upstream.call = (parsed, respond) => held.push(respond);
      lines.send(newCall(1));
      await until(() => held.length === 1);
      lines.child.kill('SIGTERM');
      await new Promise((good) => setTimeout(good, 100));
      held[0].result(done('new'));
      assert.equal((await lines.exit).code, 0);
      assert.ok(lines.messages.find((one) => one.id === 1).result);
    });
    // A server that never answers is not waited for longer than drain_timeout, a question to whoever has left not at all.
    await onLines({}, async (lines, upstream) => {
      upstream.call = () => {};
      lines.send(newCall(1));
      await until(() => upstream.calls().length === 1);
      const begun = Date.now();
      assert.equal(await lines.leave(), 0);
      assert.ok(Date.now() - begun < 20000, `${Date.now() - begun} ms`);
    }, { drain_timeout: '1s' });
    await onLines({ era: 'old' }, async (lines, upstream) => {
      const open = [];
      upstream.call = (parsed, respond) => asks(parsed, respond, open);
      await lines.open('2025-11-25', '{"elicitation":{}}');
      lines.send(call(1));
      await lines.find((one) => one.method === 'elicitation/create');
      lines.child.stdin.end();
      const told = await until(() => upstream.seen.find((one) => one.parsed.id === 'its own'), 5000, 'the server to be told');
      assert.ok(told.parsed.error);
      open[0].end(done('old'));
      assert.equal((await lines.exit).code, 0);
    });
    // A client that reads no more is gone.
    await onLines({}, async (lines, upstream) => {
      const held = [];
      upstream.call = (parsed, respond) => held.push(respond);
      await lines.open('2025-11-25');
      lines.send(call(1));
      lines.send(call(2));
      await until(() => held.length === 2);
      lines.child.stdout.destroy();
      held[0].result(done('new'));
      await until(() => upstream.closed === 1, 5000, 'the other call to be cancelled');
      assert.equal((await lines.exit).code, 0);
    });
    // Nothing but messages on stdout, and neither address is opened.
    await onLines({}, async (lines) => {
      await lines.open('2025-11-25');
      lines.send('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
      await lines.answer(1);
      for (const port of [1, 2]) await assert.rejects(request('GET', `http://127.0.0.1:${port}/health`), /ECONNREFUSED/);
      assert.equal(await lines.leave(), 0);
      for (const text of lines.texts) assert.equal(JSON.parse(text).jsonrpc, '2.0');
      assert.match(lines.log, /configuration taken/);
    });
  },

  async 'stdio: a client that does not read for a while loses nothing and costs no memory'() {
    await onLines({ era: 'old' }, async (lines, upstream) => {
      const count = 3000;
      let served = 0;
      upstream.call = (parsed, respond) => (++served, respond.result(done('old', 'x'.repeat(64 * 1024))));
      let sent = 0;
      const feed = (async () => {
        for (; sent < count; ++sent) if (!lines.child.stdin.write(newCall(sent) + '\n')) await new Promise((good) => lines.child.stdin.once('drain', good));
      })();
      await until(() => served >= 64, 10000, 'the first calls');
      await new Promise((good) => setTimeout(good, 1500));
      assert.ok(served < count / 2, `${served} calls were made for who does not read`);
      const rss = Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${lines.child.pid}/status`, 'utf8'))[1]) / 1024;
      const kept = process.env.TSAN_OPTIONS ? 800 : 0; // sanitizers hold back what was freed, and their own notes
      assert.ok(rss < 300 + kept, `${rss} MB`);
      lines.read();
      await feed;
      await until(() => lines.messages.length === count, 60000, 'all answers');
      assert.equal(new Set(lines.messages.map((one) => one.id)).size, count);
      assert.ok(lines.messages.every((one) => one.result.content[0].text.length === 64 * 1024));
      return `${count} answers; ${rss.toFixed(0)} MB while nobody read`;
    }, { bulkhead: false }, { paused: true });
  },

  async 'sse: the wire, who may post, and the end'() {
    await between({}, async (weir, upstream) => {
      const held = [];
      upstream.call = (parsed, respond) => held.push(respond);
      const stream = await Stream.start(weir.url);
      assert.deepEqual([stream.status, stream.headers['content-type'], stream.events[0].type], [200, 'text/event-stream', 'endpoint']);
      assert.match(stream.events[0].data, /^\/messages\?sessionId=[A-Za-z0-9_-]{22,}$/);
      const post = (where, text, headers = { 'Content-Type': 'application/json' }) => request('POST', stream.base + where, headers, text).then((one) => one.status);
      const ping = '{"jsonrpc":"2.0","id":"p","method":"ping"}';
      assert.equal(await post('/messages', ping), 400);
      assert.equal(await post('/messages?sessionId=nosuch', ping), 404);
      assert.equal(await post(stream.events[0].data, 'garbage'), 400);
      assert.equal(await post(stream.events[0].data, ping, { 'Content-Type': 'text/plain' }), 415);
      assert.equal(await post(stream.events[0].data, ping, { 'Content-Type': 'application/json', Origin: 'http://evil.example' }), 403);
      assert.equal((await request('POST', stream.base + '/sse', { 'Content-Type': 'application/json' }, ping)).status, 405);
      assert.equal((await request('GET', stream.endpoint)).status, 405);
      assert.equal(await post(stream.events[0].data, ping), 202);
      await stream.answer('p');
      assert.equal((await stream.open('2024-11-05')).result.protocolVersion, '2024-11-05');
      // Another client's id is no use: here one from another address.
      const foreign = await new Promise((good, bad) => import('node:http').then(({ default: http }) => http.request(stream.endpoint, { method: 'POST', localAddress: '127.0.0.2', headers: { 'Content-Type': 'application/json', 'Content-Length': ping.length } }, (answer) => (answer.resume(), good(answer.statusCode))).on('error', bad).end(ping)));
      assert.equal(foreign, 404);
      // Its end cancels its calls, and only its own.
      const other = await Stream.start(weir.url);
      await other.open('2025-11-25');
      await stream.send(call(1));
      await stream.send(newCall(2));
      await until(() => held.length === 2); // the two streams may live on different threads: without this, held[2] could be any
      await other.send(call(1));
      await until(() => held.length === 3);
      stream.leave();
      await until(() => upstream.closed === 2, 5000, 'its calls to be cancelled');
      await until(async () => (await post(stream.events[0].data, ping)) === 404, 5000, 'its id to be gone');
      held[2].result(done('new'));
      assert.ok((await other.answer(1)).result);
      // The process ends: what is under way is answered, then the stream ends.
      await other.send(call(3));
      await until(() => held.length === 4);
      weir.child.kill('SIGTERM');
      await new Promise((good) => setTimeout(good, 100));
      held[3].result(done('new'));
      assert.ok((await other.answer(3)).result);
      await until(() => other.over, 3000, 'the stream to end');
      assert.equal((await weir.exit).code, 0);
    });
  },

  async 'sse: a quiet stream is kept alive'() {
    await between({}, async (weir) => {
      const stream = await Stream.start(weir.url);
      await until(() => stream.comments > 0, 20000, 'a comment');
      stream.leave();
    });
  },
};
