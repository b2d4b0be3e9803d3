// Hostile clients, all at the same time, and whoever behaves beside them: slow ones, ones that never read, greedy ones, ones
// that are refused. How quick the others are served meanwhile is measured elsewhere; here they are served.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import { Upstream } from './upstream.mjs';
import { Wire, callBody, callLines, headLines, post } from './raw.mjs';
import { Weir, accept, ask, openSession, request, until } from './weir.mjs';

const [attacker, other] = ['127.0.0.2', '127.0.0.9'];
const token = 'healthy-token-8a31';
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const head = (more) => `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n${headLines({ ...callLines, ...more })}\r\n`;
const hello = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
  + '"clientInfo":{"name":"e2e","version":"1"}}}';

// One byte after the other, until the gateway has closed; how many ms after the first one it has.
async function drip(wire, text, every) {
  const begun = Date.now();
  for (let i = 0; i < text.length && !wire.ended; ++i) {
    wire.send(text[i]);
    await wait(every);
  }
  await wire.closed();
  return Date.now() - begun;
}

// A header may take 10 s in all, however its bytes come.
async function slow(weir) {
  const text = head({ 'Content-Length': '2', 'X-Long': 'y'.repeat(2000) });
  const paces = [1000, 1000, 250, 50];
  await Promise.all(paces.map(async (every) => {
    const wire = await Wire.open(weir.url, { from: attacker });
    const took = await drip(wire, text, every);
    assert.ok(took > 9500 && took < 15000, `cut after ${took} ms`);
    assert.equal((await wire.answer()).status, 408);
    wire.destroy();
  }));
  return 'cut after 10 s, whatever dripped';
}

// What is not read is not made: the gateway takes the next call when the answer before has gone.
async function unread(weir, upstream) {
  const wanted = 1000;
  const calls = () => upstream.calls().filter((one) => one.parsed.params.name === 'large').length;
  const { port } = new URL(weir.url);
  const socket = net.connect({ host: '127.0.0.1', port: Number(port), localAddress: attacker });
  socket.on('error', () => {});
  const call = post(callBody().replace('echo', 'large'), { lines: { 'Mcp-Name': 'large' } });
  socket.write(call.repeat(wanted), 'latin1');
  await until(calls, 5000, 'the first call');
  for (let seen = -1; seen !== calls(); await wait(700)) seen = calls();
  const made = calls();
  socket.destroy();
  assert.ok(made < wanted / 2, `${made} of ${wanted} calls were made for a client that reads nothing`);
  return `${made} of ${wanted} calls made`;
}

// Sessions, streams and subscriptions without number are one client's own affair.
async function greedy(weir) {
  const wires = [];
  const open = async (text) => {
    const wire = await Wire.open(weir.url, { from: attacker });
    wires.push(wire);
    return wire.send(text);
  };
  const begin = post(hello, { lines: { 'MCP-Protocol-Version': null, 'Mcp-Method': null, 'Mcp-Name': null } });
  await Promise.all(Array.from({ length: 20 }, async () => {
    const wire = await open(begin.repeat(100));
    for (let i = 0; i < 100; ++i) assert.equal((await wire.answer()).status, 200);
  }));
  const answer = await request('POST', weir.url, accept, hello, undefined, attacker);
  const session = { 'Mcp-Session-Id': answer.headers['mcp-session-id'], 'MCP-Protocol-Version': '2025-11-25' };
  const stream = { ...session, Accept: 'text/event-stream' };
  for (let i = 0; i < 200; ++i) await open(`GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n${headLines(stream)}\r\n`);
  const body = callBody()
    .replace('tools/call', 'subscriptions/listen')
    .replace('"name":"echo","arguments":{}', '"notifications":{"toolsListChanged":true}');
  for (let i = 0; i < 100; ++i) await open(post(body, { lines: { 'Mcp-Method': 'subscriptions/listen', 'Mcp-Name': null } }));
  for (const from of [other, attacker]) {
    assert.equal((await request('POST', weir.url, accept, hello, undefined, from)).status, 200);
    const wire = await Wire.open(weir.url, { from });
    wire.send(post(body, { lines: { 'Mcp-Method': 'subscriptions/listen', 'Mcp-Name': null } }));
    assert.match(await wire.comes(/acknowledged.*\n/), /"toolsListChanged":true/);
    wire.destroy();
  }
  wires.forEach((one) => one.destroy());
}

// One request on a connection of its own; its status.
const once = (port, text) => new Promise((done) => {
  let got = '';
  const socket = net.connect({ host: '127.0.0.1', port, localAddress: attacker }, () => socket.write(text, 'latin1'));
  socket.on('data', (data) => (got += data.toString('latin1')) && /\r\n\r\n[^]/.test(got) && socket.destroy());
  socket.on('error', () => {}).on('close', () => done(Number(got.slice(9, 12))));
});
// Nothing of a request that was refused stays.
async function refused(weir) {
  const { port } = new URL(weir.url);
  const memory = () => Number(/Pss_Anon:\s+(\d+)/.exec(fs.readFileSync(`/proc/${weir.child.pid}/smaps_rollup`, 'utf8'))[1]);
  const lines = { Authorization: `Bearer ${token}` };
  const call = (more, path) => post(callBody(), { lines: { ...lines, ...more }, path });
  const kinds = [
    [401, post(callBody())],
    [403, call({ Origin: 'http://evil.example.com' })],
    [400, 'POST /mcp HTTP/1.1\r\nbroken\r\n\r\n'],
    [404, call({}, '/nothing')],
    [413, head({ ...lines, 'Content-Length': '9999999' })],
    [415, call({ 'Content-Type': 'text/plain' })],
  ];
  const some = async (count) => {
    let next = 0;
    const one = async () => {
      while (next < count) {
        const [status, text] = kinds[next++ % kinds.length];
        assert.equal(await once(Number(port), text), status);
      }
    };
    await Promise.all(Array.from({ length: 24 }, one));
  };
  await some(2000);
  const before = memory();
  await some(18000);
  const grown = memory() - before;
  assert.ok(grown < 1024, `${grown} KiB more after 18,000 refused requests`);
  return `${grown} KiB more after 18,000`;
}

// Calls of both eras from both addresses, one after the other, for as long as the others last.
async function healthy(weir, over) {
  const session = await openSession(weir.url);
  const caller = async (call) => {
    let count = 0;
    for (; !over(); ++count) {
      const answer = await call();
      assert.deepEqual([answer.status, answer.text.includes('"content"')], [200, true], answer.text);
      await wait(20);
    }
    return count;
  };
  const fresh = (from) => () => ask(weir.url, 'tools/call', '"name":"echo"', { name: 'echo', from });
  const old = () => session.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}');
  const counts = await Promise.all([caller(fresh(other)), caller(fresh(attacker)), caller(old)]);
  assert.ok(Math.min(...counts) > 20, String(counts));
  return `${counts.join(', ')} calls`;
}

// All begin together, as they would; each test is what came of its part.
let begun;
async function begin() {
  const large = JSON.stringify({ resultType: 'complete', content: [{ type: 'text', text: 'x'.repeat(40000) }] });
  const small = '{"resultType":"complete","content":[]}';
  const call = (parsed, respond) => respond.result(parsed.params.name === 'large' ? large : small);
  const upstream = await Upstream.start({ tools: ['echo', 'large'], call });
  const servers = { a: { url: upstream.url } };
  const [weir, closed] = [await Weir.start({ servers }), await Weir.start({ servers, auth: { bearer_tokens: [token] } })];
  await weir.settled();
  const work = { slow: slow(weir), unread: unread(weir, upstream), greedy: greedy(weir), refused: refused(closed) };
  let over = false;
  const rest = Promise.allSettled(Object.values(work)).then(() => (over = true));
  work.healthy = healthy(weir, () => over);
  work.ending = Promise.allSettled([rest, work.healthy]).then(async () => {
    const ends = [await weir.stop(), await closed.stop()];
    await upstream.stop();
    assert.deepEqual(ends.map((one) => one.code), [0, 0]);
  });
  for (const one of Object.values(work)) one.catch(() => {});
  return work;
}
const part = (name) => async () => await (await (begun ??= begin()))[name];

export const tests = {
  'a header that drips is cut with 408 after 10 s': part('slow'),
  'calls in one go are made as their answers are read': part('unread'),
  'one client\'s sessions, streams and subscriptions keep nobody out': part('greedy'),
  'refused requests leave nothing behind': part('refused'),
  'who behaves is served all the while': part('healthy'),
  'the gateways end well': part('ending'),
};
