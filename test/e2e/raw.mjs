// Bytes as a stranger writes them: one connection, what comes back, and what became of the connection. For tables of cases
// whose answer is fixed, judged at the client and at the upstream.
import assert from 'node:assert/strict';
import net from 'node:net';
import { Upstream } from './upstream.mjs';
import { Weir, meta, until } from './weir.mjs';

const patience = 20000;

// One answer at the beginning of `text` (latin1), or null while it is not whole. `bodiless`: it answers HEAD.
export function parseAnswer(text, ended, bodiless = false) {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first, ...lines] = text.slice(0, end).split('\r\n');
  const [, status, reason] = /^HTTP\/1\.1 (\d{3}) (.+)$/.exec(first) ?? assert.fail(`status line ${first}`);
  const headers = {};
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): (.*)$/.exec(line) ?? assert.fail(`header line ${line}`);
    headers[name.toLowerCase()] = value;
  }
  const answer = { status: Number(status), reason, headers, body: '', size: end + 4 };
  const rest = text.slice(end + 4);
  if (bodiless || answer.status < 200 || answer.status === 204) return answer;
  if (headers['transfer-encoding'] === 'chunked') {
    for (let at = 0; ; ) {
      const line = rest.indexOf('\r\n', at);
      if (line < 0) return null;
      const size = parseInt(rest.slice(at, line), 16);
      if (rest.length < line + 2 + size + 2) return null;
      answer.body += rest.slice(line + 2, line + 2 + size);
      at = line + 4 + size;
      if (size === 0) return { ...answer, size: end + 4 + at };
    }
  }
  const length = headers['content-length'] === undefined ? null : Number(headers['content-length']);
  if (length === null) return ended ? { ...answer, body: rest, size: text.length } : null;
  if (rest.length < length) return null;
  return { ...answer, body: rest.slice(0, length), size: end + 4 + length };
}

// One connection to a gateway. All text is latin1: a character is a byte.
export class Wire {
  // `url`: of the gateway; `from`: the address to come from.
  static open(url, { from } = {}) {
    const self = new Wire();
    const { hostname, port } = new URL(url);
    Object.assign(self, { text: '', ended: false, broken: null, waiting: new Set() });
    self.socket = net.connect({ host: hostname, port: Number(port), localAddress: from, allowHalfOpen: true, noDelay: true });
    const tell = () => [...self.waiting].forEach((one) => one());
    self.socket.on('data', (data) => ((self.text += data.toString('latin1')), tell()));
    self.socket.on('end', () => ((self.ended = true), tell()));
    self.socket.on('error', (error) => ((self.broken = error.code), (self.ended = true), tell()));
    return new Promise((done, fail) => self.socket.once('connect', () => done(self)).once('error', fail));
  }
  send(bytes) {
    if (!this.socket.destroyed) this.socket.write(Buffer.from(bytes, 'latin1'));
    return this;
  }
  // Sends the parts one after the other, each its own segment unless the kernel joins them.
  async sendParts(parts) {
    for (const part of parts) {
      await new Promise((done) => (this.socket.destroyed ? done() : this.socket.write(Buffer.from(part, 'latin1'), done)));
      await new Promise(setImmediate);
    }
  }
  // No more from us; reading goes on.
  finish() {
    this.socket.end();
    return this;
  }
  async #wait(look, what, ms) {
    for (const end = Date.now() + ms; ; ) {
      const got = look();
      if (got !== undefined) return got;
      if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}; so far: ${JSON.stringify(this.text.slice(0, 400))}`);
      let seen;
      await new Promise((done) => {
        seen = done;
        this.waiting.add(done);
        setTimeout(done, 50);
      });
      this.waiting.delete(seen);
    }
  }
  // The next answer; null: the connection ended without one.
  answer({ bodiless = false, ms = patience } = {}) {
    return this.#wait(() => {
      const got = parseAnswer(this.text, this.ended, bodiless);
      if (got) {
        this.text = this.text.slice(got.size);
        return got;
      }
      return this.ended ? null : undefined;
    }, 'an answer', ms);
  }
  // What has come matches; it stays where it is.
  comes(pattern, ms = patience) {
    return this.#wait(() => (pattern.test(this.text) ? this.text : this.ended ? null : undefined), String(pattern), ms);
  }
  // The gateway has closed its side.
  closed(ms = patience) {
    return this.#wait(() => (this.ended ? true : undefined), 'the end of the connection', ms);
  }
  destroy() {
    this.socket.destroy();
  }
}

// Sends and waits for an answer that has come whole; no more than its begin is read.
export async function sendAndHold(weir, text, from) {
  const wire = await Wire.open(weir.url, { from });
  wire.socket.on('data', () => wire.socket.pause());
  wire.send(text);
  await until(() => wire.text.includes('\r\n\r\n'), 20000);
  return wire;
}
// The rest of an answer with its length.
export async function readLarge(wire) {
  const whole = () => {
    const head = /^HTTP\/1\.1 (\d+).*?content-length: (\d+).*?\r\n\r\n/is.exec(parts[0]);
    return { status: Number(head[1]), size: head[0].length + Number(head[2]), head: head[0].length };
  };
  const parts = [wire.text];
  let size = wire.text.length;
  const { socket } = wire;
  socket.removeAllListeners('data');
  if (size < whole().size)
    for await (const part of socket.iterator({ destroyOnReturn: false })) {
      parts.push(part.toString('latin1'));
      if ((size += part.length) >= whole().size) break;
    }
  return { status: whole().status, body: parts.join('').slice(whole().head) };
}

// A request of 2026-07-28 as a body, and its usual head lines.
export const callBody = (id = '1', args = '{}', more = '') => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":${args},"_meta":{${meta}${more}}}}`;
export const callLines = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' };
// Head lines: null leaves one out, a list repeats it.
export const headLines = (all) => Object.entries(all).filter(([, value]) => value !== null)
  .flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`)).join('');
// A whole request: `lines` replace or add head lines (null leaves one out; a list repeats it), `length: null` sends none.
export function post(body, { lines = {}, path = '/mcp', method = 'POST', version = 'HTTP/1.1', host = '127.0.0.1', length = Buffer.byteLength(body, 'latin1') } = {}) {
  const all = { Host: host, ...callLines, ...(length === null ? {} : { 'Content-Length': length }), ...lines };
  return `${method} ${path} ${version}\r\n${headLines(all)}\r\n${body}`;
}

// Cases that share all but their name and their bytes.
export const each = (shared, sends) => Object.entries(sends).map(([name, send]) => ({ name, send, ...shared }));

// Runs a table of cases of one class, one after the other over one gateway before one scripted upstream, and judges each at
// both ends. A case:
//   name, send: the bytes, or a list of them (each its own segment), or a function (wire, world) that sends them
//   at: 'admin' talks to the operators' address; from: the address that it comes from
//   status: what is answered; a list: several answers in order; null: the connection ends without an answer
//   code: the JSON-RPC code in the (last) body; reason: a pattern that the body matches
//   closes: whether the gateway ends the connection after it (default: it does where status is 400 or more and there is
//           no `code`); where it does not, the same connection must serve GET /health afterwards
//   reached: how many tools/call the upstream saw of it (default 0, or 1 where the status is 200 and there is no code)
//   saw(seen, answers): further assertions on what the upstream saw
//   finish: true sends no more after the bytes (half-closed), for a request that never ends
//   look(answers): further assertions on the answers
// Gives {cases, exact, safe, wrong, failures}: safe is an answer that was refused in another way than documented while
// nothing reached the upstream.
export async function judge(cases, { config = {}, upstream: spec = {}, prepare = async () => ({}) } = {}) {
  assert.equal(new Set(cases.map((one) => one.name)).size, cases.length, 'two cases have one name');
  const upstream = await Upstream.start(spec);
  let weir;
  const begin = async () => {
    weir = await Weir.start({ servers: { a: { url: upstream.url } }, ...config });
    await weir.settled();
    return { weir, upstream, ...(await prepare(weir, upstream)) };
  };
  const end = async () => {
    if (!weir) return;
    const how = await weir.stop();
    assert.equal(how.code, 0, `exit code ${how.code} ${how.signal}: ${weir.log.slice(-2000)}`);
  };
  const counts = { cases: cases.length, exact: 0, safe: 0, wrong: 0, failures: [] };
  try {
    let world = await begin();
    for (const one of cases) {
      const before = upstream.calls().length;
      let answers = [];
      try {
        answers = await run(one, world);
        const seen = upstream.calls().slice(before);
        const served = one.status !== null && one.code === undefined && expected(one).every((status) => status === 200);
        const reached = one.reached ?? (served ? 1 : 0);
        assert.equal(seen.length, reached, `reached the upstream: ${JSON.stringify(seen.map((call) => call.text))}`);
        one.saw?.(seen, answers);
        ++counts.exact;
      } catch (error) {
        const reached = upstream.calls().length - before;
        const got = error.answers ?? answers;
        const safe = reached <= (one.reached ?? 0) && got.length > 0 && got.at(-1).status >= 400;
        ++counts[safe ? 'safe' : 'wrong'];
        counts.failures.push(`${safe ? 'safe ' : 'WRONG'} ${one.name}: ${error.message.split('\n').slice(0, 12).join(' | ')}`);
        // What it left under way is not to be counted with the next one.
        await end();
        world = await begin();
      }
    }
  } finally {
    await end().finally(() => upstream.stop());
  }
  return counts;
}
const expected = (one) => (one.status === null ? [] : [one.status].flat());

async function run(one, world) {
  const wire = await Wire.open(one.at === 'admin' ? world.weir.admin : world.weir.url, { from: one.from });
  const answers = [];
  try {
    if (typeof one.send === 'function') await one.send(wire, world);
    else await wire.sendParts([one.send].flat());
    if (one.finish) wire.finish();
    for (const status of expected(one)) {
      const answer = await wire.answer({ bodiless: one.bodiless });
      if (answer) answers.push(answer);
      assert.equal(answer?.status ?? null, status, `status; ${answer?.body ?? 'the connection ended'}`);
    }
    const last = answers.at(-1);
    const closes = one.closes ?? (one.status === null || (last.status >= 400 && one.code === undefined));
    if (last && last.status >= 400 && !one.bodiless) {
      assert.match(last.headers['content-type'] ?? '', /^application\/json/, 'type of a refusal');
      const said = JSON.parse(last.body);
      assert.ok(typeof said.error === 'string' || typeof said.error?.message === 'string', `no reason: ${last.body}`);
    }
    if (one.code !== undefined) assert.equal(JSON.parse(last.body).error?.code, one.code, `code; ${last.body}`);
    if (one.reason) assert.match(last.body, one.reason);
    one.look?.(answers);
    if (closes) {
      await wire.closed();
      assert.equal(wire.text, '', 'more than the answers');
      assert.equal(wire.broken, null, 'the connection was reset');
      if (last) assert.equal(last.headers.connection, 'close', 'it closes without a word');
    } else {
      assert.notEqual(last?.headers.connection, 'close', 'it says that it closes');
      wire.send('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      assert.equal((await wire.answer())?.status, 200, 'the connection goes on');
      assert.equal(wire.text, '', 'more than the answers');
    }
    return answers;
  } catch (error) {
    throw Object.assign(error, { answers });
  } finally {
    wire.destroy();
  }
}

// A test of one class: all are exact, and there are as many as a class has.
export function table(cases, options = {}) {
  return async () => {
    assert.ok(cases.length >= (options.least ?? 60), `${cases.length} cases`);
    const counts = await judge(cases, options);
    assert.deepEqual(counts.failures, [], counts.failures.join('\n'));
    return `${counts.cases} cases, ${counts.exact} exact`;
  };
}
