// Upstreams that lie in the answer to one call, byte by byte as a test wants it, and the judge of what a lie may cost: its own
// call and nothing else. All text on a wire is latin1: a character is a byte.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Weir, answerOf, ask, messages, openSession, until } from './weir.mjs';

export const bytes = (text) => Buffer.from(text, 'utf8').toString('latin1');
export const size = (text) => Buffer.byteLength(text, 'latin1');
export const marker = () => randomBytes(8).toString('hex');

// The tools of every liar: `wait` is answered when the test says so, `lie` and `hang` once with the lie, `echo` at once.
export const tools = ['echo', 'wait', 'lie', 'hang'];
const patience = 20000;
const reasons = {
  1001: 'unreachable',
  1002: 'upstream_protocol',
  1003: 'deadline_exceeded',
  1004: 'overloaded',
  1007: 'outcome_unknown',
  1008: 'needs_authorization',
  1011: 'too_large',
};

// What a lie has to work with: the call, the call of another client that is held meanwhile, and good answers.
export class Lie {
  constructor(liar, message) {
    this.liar = liar;
    this.era = liar.era;
    this.id = message.id;
    this.next = message.id + 1;
    this.held = liar.held?.message.id;
    this.heldToken = liar.held?.message.params._meta?.progressToken;
    this.token = message.params._meta?.progressToken;
    this.marker = message.params.arguments.marker;
  }
  result(text = this.marker, more = '') {
    return `{${this.era === 'new' ? '"resultType":"complete",' : ''}"content":[{"type":"text","text":"${text}"}]${more}}`;
  }
  response(id = this.id, text = this.marker, more = '') {
    return `{"jsonrpc":"2.0","id":${id},"result":${this.result(text, more)}}`;
  }
  get good() {
    return this.response();
  }
}

// One client's call, as the judge makes it: of a new client, or in an old client's session.
const call = (weir, { session, from, tool, args, id = '1', more = '' }) =>
  session
    ? session.post(
        `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}",` +
          `"arguments":${JSON.stringify(args)}${more && `,"_meta":{${more}}`}}}`,
      )
    : ask(weir.url, 'tools/call', `"name":"${tool}","arguments":${JSON.stringify(args)}`, {
        name: tool,
        id,
        more: more && more + ',',
        from,
      });

const bounded = (promise, what) => {
  const stop = new AbortController();
  const late = setTimeout(patience, undefined, { signal: stop.signal }).then(() => assert.fail(`${what} hangs`));
  late.catch(() => {});
  return Promise.race([promise, late]).finally(() => stop.abort());
};

// The texts of an answer, after a look at how it is written: one message a data line, nothing between events but comments.
function written(answer) {
  assert.equal(answer.status, 200, answer.text.slice(0, 300));
  if (String(answer.headers['content-type']).startsWith('text/event-stream'))
    for (const line of answer.text.split(/\r\n|\r|\n/))
      assert.match(line, /^(|:.*|data: \{.*\}|id: [!-~]+|retry: \d+|event: message|data:)$/, 'a line of the stream');
  return messages(answer)
    .filter((one) => one.trim())
    .map((one) => JSON.parse(one));
}

const textOf = (message) => message?.result?.content?.[0]?.text;

function good(message, id, text, who) {
  assert.equal(message.id, id, `${who}: id of ${JSON.stringify(message).slice(0, 300)}`);
  assert.equal(textOf(message), text, `${who}: ${JSON.stringify(message).slice(0, 300)}`);
}

// Whether its client can tell that an answer is not what was asked for: it is cut off, an error, or can't be read.
function shows(came) {
  if (came instanceof Error) return true;
  try {
    const last = written(came).at(-1);
    return 'error' in last && !('result' in last) && last.id === 1;
  } catch (error) {
    return error instanceof SyntaxError;
  }
}

// What became of the call that was lied to: `code`, or one of `any` (codes and 'result'), or else the result, with the text
// `result` if that is said; `notes`: how many notifications came before.
function verdict(one, came, own) {
  if (one.broken) return assert.ok(shows(came), `it looks whole: ... ${came.text?.slice(-90)}`);
  if (came instanceof Error) throw came;
  assert.ok(!came.text.includes('\ufffd'), 'the answer is no UTF-8');
  const all = written(came);
  const last = all.at(-1);
  assert.ok(!('method' in last), `the last message is no response: ${JSON.stringify(last)}`);
  assert.equal(last.id, 1, 'the id of the answer');
  assert.ok('result' in last !== 'error' in last, JSON.stringify(last).slice(0, 300));
  const notes = one.notes ?? 0;
  assert.equal(all.length - 1, notes, `messages before the answer: ${JSON.stringify(all.slice(0, -1)).slice(0, 600)}`);
  const wanted = one.any ?? [one.code ?? 'result'];
  const got = last.error ? last.error.code : 'result';
  assert.ok(wanted.includes(got), `answered ${got} instead of ${wanted.join(' or ')}: ${JSON.stringify(last).slice(0, 300)}`);
  if (got === 'result') {
    assert.equal(textOf(last), one.result ?? own, JSON.stringify(last).slice(0, 300));
  } else if (reasons[got]) {
    const { server, reason, sent } = last.error.data;
    assert.deepEqual({ server, reason, sent }, { server: 'a', reason: reasons[got], sent: one.sent ?? 'maybe' });
  }
  one.look?.(last, all, came);
}

async function run(one, world) {
  const { weir, lies, honest, clients } = world;
  const [a, b, own, after] = Array.from({ length: 4 }, marker);
  const held = call(weir, { ...clients[1], tool: 'a__wait', args: { marker: a }, more: '"progressToken":"held"' }).catch(
    (error) => error,
  );
  const beside = call(weir, { ...clients[2], tool: 'b__wait', args: { marker: b } }).catch((error) => error);
  try {
    await until(() => lies.held && honest.held, patience, 'the calls beside it');
    const tool = one.slow ? 'a__hang' : 'a__lie';
    const args = { marker: own, ...lies.arm(one) };
    const lied = call(weir, {
      ...clients[0],
      tool,
      args,
      more: one.token === undefined ? '' : `"progressToken":${one.token}`,
    }).catch((error) => error);
    await one.during?.(world, lied);
    verdict(one, await bounded(lied, 'the call that is lied to'), own);
    // Whoever calls before the end has been seen may be cut, too.
    if (one.kills === true) await bounded(held, 'the call of another client');
    await one.after?.(world);
    let next = await bounded(call(weir, { ...clients[0], tool: 'a__echo', args: { marker: after } }), 'the next call');
    // What is written to a pipe that nobody reads any more is how that is found out.
    if (one.kills === 'later' && [1001, 1007].includes(written(next).at(-1).error?.code))
      next = await bounded(call(weir, { ...clients[0], tool: 'a__echo', args: { marker: after } }), 'the call after the next');
    good(written(next).at(-1), 1, after, 'the next call');
    one.next?.(answerOf(next), world);
  } finally {
    // Of a child that has died the next one is not asked.
    if (!one.kills) await bounded(lies.release(world, 'a', a), 'the release');
    await bounded(honest.release(world, 'b', b), 'the release');
    lies.disarm();
  }
  const other = await bounded(beside, 'the call to another server');
  if (other instanceof Error) throw other;
  assert.equal(written(other).length, 1, `the call to another server: ${other.text}`);
  good(written(other)[0], 1, b, 'the call to another server');
  const same = await bounded(held, 'the call of another client');
  if (same instanceof Error) throw same;
  const all = written(same);
  assert.equal(all.length, 1, `the call of another client heard of ${same.text}`);
  if (one.kills) assert.equal(all[0].error?.code, 1007, `the call of another client: ${same.text}`);
  else good(all[0], 1, a, 'the call of another client');
}

// Runs modes one after the other over one gateway, `lies` behind it as server a and an honest server as b. A mode:
//   name, send: the lie, for its liar to understand
//   code, any, result, notes, sent: what becomes of the call, see verdict(); look(last, all, answer): more of it
//   broken: it is large and may pass as it comes, but its client must be able to tell that it is broken
//   slow: the call is to end by its deadline, which is short then
//   token: the progress token that its client gives
//   kills: what it does ends all calls of its connection or process: the one held beside it fails with 1007, at once or, where
//          that is 'later', with the next call, which may fail as well
//   after(world), next(answer, world): further assertions
//   eras: those in which it is run; all unless said. old: other expectations there
// Gives {modes, good, failures}.
export async function judge(
  modes,
  makeLiar,
  { era = 'new', config = {}, server = {}, makeHonest = (era) => Liar.start({ era }) } = {},
) {
  assert.equal(new Set(modes.map((one) => one.name)).size, modes.length, 'two modes have one name');
  const lies = await makeLiar(era);
  const honest = await makeHonest(era);
  const settings = {
    threads: 1,
    limits: { message: '256KB' },
    timeout: { request: '60s' },
    drain_timeout: '1s',
    retry: false,
    circuit_breaker: false,
    outlier_detection: { enabled: false },
    health_check: { interval: '1h', timeout: '10s' },
    ...config,
  };
  const calm = { tools: { hang: { timeout: '1s' }, lie: { timeout: '10s' }, release: { timeout: '10s' } } };
  const weir = await Weir.start({ ...settings, servers: { a: { ...lies.server, ...calm, ...server }, b: honest.server } });
  const counts = { modes: 0, good: 0, failures: [] };
  try {
    await weir.settled();
    const clients = [{}, { from: '127.0.0.2' }, { from: '127.0.0.3' }];
    if (era === 'old') for (const one of clients) Object.assign(one, { session: await openSession(weir.url), from: undefined });
    const world = { weir, lies, honest, clients };
    for (const each of modes) {
      if (each.eras && !each.eras.includes(era)) continue;
      const one = era === 'old' ? { ...each, ...each.old } : each;
      ++counts.modes;
      try {
        await run(one, world);
        ++counts.good;
      } catch (error) {
        counts.failures.push(`${one.name}: ${error.message.split('\n').slice(0, 12).join(' | ').slice(0, 900)}`);
        await until(async () => (await weir.servers()).every((each) => each.in_flight === 0), 5000, 'all calls to end').catch(
          () => {},
        );
      }
    }
    const rss = Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${weir.child.pid}/status`, 'utf8'))[1]) / 1024;
    if (rss > 300) counts.failures.push(`resident memory: ${rss.toFixed(0)} MB`);
  } finally {
    const how = await weir.stop();
    await lies.stop();
    await honest.stop();
    if (how.code !== 0) counts.failures.push(`exit code ${how.code} ${how.signal}: ${weir.log.slice(-2000)}`);
  }
  return counts;
}

// A test of a table of modes, in the eras that are given: all of it is told that is not as specified.
export const table =
  (modes, makeLiar, { eras = ['new', 'old'], each = false, ...options } = {}) =>
  async () => {
    const said = [];
    const failures = [];
    for (const era of eras) {
      const counts = { modes: 0, good: 0 };
      // `each`: every mode has a gateway of its own.
      for (const part of each ? modes.map((one) => [one]) : [modes]) {
        const got = await judge(part, makeLiar, { era, ...options });
        counts.modes += got.modes;
        counts.good += got.good;
        failures.push(...got.failures.map((one) => `${era}: ${one}`));
      }
      said.push(`${era}: ${counts.good} of ${counts.modes} as specified`);
    }
    assert.ok(!failures.length, `${said.join(', ')}\n${failures.join('\n')}`);
    return said.join(', ');
  };

// What all liars over HTTP have in common: connections, requests, the call that is held.
export class Liar {
  static async start(options = {}) {
    const self = new this();
    Object.assign(
      self,
      { era: 'new', tools, sockets: new Set(), seen: [], held: null, armed: null, connections: 0, sessions: 0 },
      options,
    );
    self.listener = net.createServer({ noDelay: true }, (socket) => self.#serve(socket));
    await new Promise((done) => self.listener.listen(0, '127.0.0.1', done));
    self.port = self.listener.address().port;
    self.origin = `http://127.0.0.1:${self.port}`;
    self.server = { url: self.origin + '/mcp' };
    return self;
  }
  stop() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((done) => this.listener.close(done));
  }
  arm(one) {
    this.armed = one.send;
    return { lie: true };
  }
  disarm() {
    this.armed = null;
  }
  async release() {
    const held = this.held;
    this.held = null;
    if (held) this.say(held.socket, held.message, new Lie(this, held.message).good);
  }
  #serve(socket) {
    ++this.connections;
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      for (let end; (end = text.indexOf('\r\n\r\n')) >= 0;) {
        const [line, ...lines] = text.slice(0, end).split('\r\n');
        const headers = lines.map((one) => [one.slice(0, one.indexOf(':')), one.slice(one.indexOf(':') + 1).trim()]);
        const length = Number(headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        const body = Buffer.from(text.slice(end + 4, end + 4 + length), 'latin1').toString('utf8');
        text = text.slice(end + 4 + length);
        const [method, target] = line.split(' ');
        const one = { http: method, target, headers, message: parsed(body), text: body, socket };
        this.seen.push(one);
        if (one.message) this.serve(one);
        else this.write(socket, 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
      }
    });
  }
  calls(tool) {
    return this.seen.filter((one) => one.message?.method === 'tools/call' && (!tool || one.message.params.name === tool));
  }
  http(status, body, lines = '') {
    const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n`;
    return `${head}${lines}Content-Length: ${size(bytes(body))}\r\n\r\n${bytes(body)}`;
  }
  write(socket, text) {
    if (socket.behind) return void socket.behind.push(text);
    if (!socket.destroyed) socket.write(Buffer.from(text, 'latin1'));
  }
  // A message for whoever waits at `socket`.
  say(socket, message, text) {
    this.write(socket, this.http('200 OK', text));
  }
  greet(socket, message) {
    this.write(socket, this.http('200 OK', honestly(this, message), `Mcp-Session-Id: s${++this.sessions}\r\n`));
  }
  refuse(socket, { id }) {
    this.write(socket, this.http(this.era === 'old' ? '200 OK' : '404 Not Found', unknown(id)));
  }
  serve({ http, message, socket }) {
    const { id, method } = message;
    const old = this.era === 'old';
    if (http === 'GET')
      return this.get
        ? this.get(socket, this.seen.at(-1))
        : this.write(socket, 'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n');
    if (http === 'DELETE') return this.write(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    if (method === 'initialize' && old) return this.greet(socket, message);
    if (id === undefined || method === undefined) return this.write(socket, 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n');
    if (method === 'tools/list' && this.list) return this.list(this.seen.at(-1));
    const text = honestly(this, message);
    if (text) return this.say(socket, message, text);
    if (method !== 'tools/call') return this.refuse(socket, message);
    const { name, arguments: args } = message.params;
    if (name === 'wait') return (this.held = { message, socket });
    const lie = new Lie(this, message);
    if (!args.lie || !this.armed) return this.say(socket, message, lie.good);
    const send = this.armed;
    this.armed = null; // once: whatever comes again is answered well
    this.lied = this.lie(send, Object.assign(lie, { socket }));
  }
  // `send`: a text, texts each its own segment, or a function that writes itself or gives these.
  async lie(send, one) {
    const { socket } = one;
    one.write = (text) => this.write(socket, text);
    one.end = () => void socket.end();
    one.reset = () => void socket.resetAndDestroy();
    one.flood = (text) => flood(socket, text);
    one.closed = () => until(() => socket.destroyed, patience, 'the connection to be dropped');
    // A while, or until the other side has gone.
    one.pause = (ms) => (socket.destroyed ? undefined : either(socket, 'close', ms));
    const parts = typeof send === 'function' ? await send(one) : send;
    // What else is said there comes behind them, not in between.
    const behind = (socket.behind = []);
    for (const part of [parts ?? []].flat()) {
      if (socket.destroyed) return;
      await new Promise((done) => socket.write(Buffer.from(part, 'latin1'), done));
      await new Promise(setImmediate);
    }
    socket.behind = null;
    for (const text of behind) this.write(socket, text);
  }
}

// Of a body that is no JSON null.
function parsed(body) {
  try {
    return body ? JSON.parse(body) : {};
  } catch {
    return null;
  }
}

// The first of these events, or a time in ms.
async function either(source, ...events) {
  const stop = new AbortController();
  const { signal } = stop;
  await Promise.race(
    events.map((one) => (typeof one === 'number' ? setTimeout(one, undefined, { signal }) : once(source, one, { signal }))),
  ).catch(() => {});
  stop.abort();
}

// Writes for as long as the other side lives.
export async function flood(socket, text) {
  const block = Buffer.from(text.repeat(Math.max(1, Math.floor(16384 / text.length))), 'latin1');
  while (!socket.destroyed) if (!socket.write(block)) await either(socket, 'drain', 'close');
}

export const initialized =
  '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"liar","version":"1"}}';
export const unknown = (id) => `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"method not found"}}`;

// The honest answer to what every server is asked; nothing: it is something else.
export function honestly({ era, tools }, { id, method }) {
  const result = (raw) => `{"jsonrpc":"2.0","id":${id},"result":${raw}}`;
  const old = era === 'old';
  if (method === 'server/discover' && !old)
    return result(
      '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}',
    );
  if (method === 'initialize' && old) return result(initialized);
  if (method === 'ping') return result(old ? '{}' : '{"resultType":"complete"}');
  if (method === 'tools/list') {
    const all = tools.map((name) => `{"name":"${name}","inputSchema":{"type":"object"}}`);
    return result(`{${old ? '' : '"resultType":"complete","ttlMs":0,"cacheScope":"private",'}"tools":[${all}]}`);
  }
}
