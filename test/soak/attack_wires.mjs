// Connections as an attacker has them, many and cheap, and what is known of a gateway from outside.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import { callLines, headLines, post } from '../e2e/raw.mjs';
import { meta } from '../e2e/weir.mjs';
import { last } from './measure.mjs';

export const clock = () => performance.now();
export const other = '127.0.0.99'; // where a new client comes from
export const share = 64; // MiB: what one client may make the gateway keep

// One connection: when it began to send, when the first byte came and when it was ended, how many bytes came, and how they
// begin. `reads` false: nothing is read.
export class Line {
  static open(port, { from, reads = true, keeps = 1000 } = {}) {
    const self = new Line();
    Object.assign(self, { bytes: 0, text: '', from, keeps });
    self.socket = net.connect({ host: '127.0.0.1', port, localAddress: from, allowHalfOpen: true, noDelay: true });
    if (reads) self.read();
    const end = (how) => {
      self.endedAt ??= clock();
      self.how ??= how;
      self.socket.destroyed || how === 'end' || self.socket.destroy();
    };
    self.socket.on('error', (error) => end(error.code)).on('close', () => end('closed'));
    self.socket.on('end', () => end('end'));
    self.opened = new Promise((done) =>
      self.socket.once('connect', () => (self.connected(), done(true))).once('close', () => done(false)),
    );
    self.ended = new Promise((done) => self.socket.once('end', done).once('close', done));
    return self;
  }
  connected() {
    this.localPort = this.socket.localPort;
    this.openedAt = clock();
  }
  read() {
    this.socket.on('data', (data) => {
      this.firstAt ??= clock();
      this.bytes += data.length;
      if (this.text.length < this.keeps) this.text += data.toString('latin1', 0, this.keeps);
    });
  }
  get status() {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1] ?? NaN);
  }
  send(text) {
    this.begunAt ??= clock();
    if (!this.socket.destroyed && this.endedAt === undefined) this.socket.write(text, 'latin1');
    return this;
  }
  // One part every `every` ms, until it is ended.
  async drip(parts, every = 1000) {
    for (const part of parts) {
      if (this.endedAt !== undefined) return;
      this.send(part);
      await Promise.race([last(every), this.ended]);
    }
  }
  close() {
    this.socket.destroy();
  }
}

// So many connections, a few hundred at a time. Those that could not be opened are there too.
export async function openMany(port, count, addresses, options = {}) {
  const lines = [];
  for (let i = 0; i < count; ++i) {
    lines.push(Line.open(port, { from: addresses[i % addresses.length], ...options }));
    if (i % 200 === 199) await Promise.all(lines.slice(-200).map((one) => one.opened));
  }
  await Promise.all(lines.map((one) => one.opened));
  return lines;
}
export const closeAll = (lines) => lines.forEach((one) => one.close());
// All that were opened have ended, or `ms` are over.
export const allEnded = (lines, ms) => Promise.race([Promise.all(lines.map((one) => one.ended)), last(ms)]);

// When they were cut, counted from their first byte: within a second after `deadline` (seconds), all of them.
export function cuts(lines, deadline, { status, since = 'begunAt', until = 'endedAt' } = {}) {
  const times = lines
    .map((one) => (one[until] - one[since]) / 1000)
    .filter((one) => !Number.isNaN(one))
    .sort((a, b) => a - b);
  const answered = lines.filter((one) => one.status === status).length;
  const said = status === undefined ? '' : `, ${answered} told ${status}`;
  const span = times.length ? ` after ${times[0].toFixed(2)} to ${times.at(-1).toFixed(2)} s` : '';
  const good = times.length === lines.length && times[0] >= deadline - 0.05 && times.at(-1) <= deadline + 1;
  return {
    text: `${times.length} of ${lines.length} cut${span}${said}`,
    good: good && (status === undefined || answered === lines.length),
  };
}

// A call as it goes over the wire. `path`: "/mcp/NAME".
export function callText(tool, args = {}, { path = '/mcp', id = 1, token, lines = {}, key } = {}) {
  const more = (token ? `"progressToken":${JSON.stringify(token)},` : '') + (key ? `"weir/idempotencyKey":"${key}",` : '');
  const params = `"name":"${tool}","arguments":${JSON.stringify(args)},"_meta":{${more}${meta}}`;
  const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{${params}}}`;
  return post(body, { path, lines: { 'Mcp-Name': tool, ...lines } });
}
// The head of a POST whose body is to come.
export const headText = (more, path = '/mcp') =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headLines({ ...callLines, ...more })}\r\n`;
export const helloText = (more = '', path = '/mcp') =>
  post(
    `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},` +
      `"clientInfo":{"name":"attack","version":"1"${more}}}}`,
    { path, lines: { 'MCP-Protocol-Version': null, 'Mcp-Method': null, 'Mcp-Name': null } },
  );

// One request on a connection of its own: {ms, status, text}.
export async function once(port, text, { from, patience = 10000, whole: all = false } = {}) {
  const begun = clock();
  const line = Line.open(port, { from, keeps: all ? Infinity : 1000 });
  line.send(text);
  const whole = () => {
    const [head, body] = line.text.split('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN);
    return body !== undefined && (line.bytes >= head.length + 4 + length || /event-stream/.test(head));
  };
  await new Promise((done) => {
    const timer = setTimeout(done, patience);
    line.socket.on('data', () => whole() && done());
    line.ended.then(done);
    line.socket.once('close', () => clearTimeout(timer));
  });
  line.close();
  return { ms: clock() - begun, status: line.status, text: line.text };
}
// What a refusal says.
export const messageOf = (text) => /"(?:error|message)":"((?:[^"\\]|\\.)*)/.exec(text)?.[1] ?? '';
// A new client's first call, several times: {worst, served, count, told}.
export async function newcomer(port, { from, times = 10, path = '/mcp/well', tool = 'echo', lines } = {}) {
  const all = [];
  for (let i = 0; i < times; ++i) all.push(await once(port, callText(tool, {}, { path, lines }), { from }));
  const served = all.filter((one) => one.status === 200 && one.text.includes('"content"')).length;
  const told = all.find((one) => !(one.status === 200 && one.text.includes('"content"')));
  return {
    worst: Math.max(...all.map((one) => one.ms)),
    served,
    count: times,
    told: told && (told.status ? `${told.status} ${messageOf(told.text)}` : 'no answer'),
  };
}
export const said = (one) =>
  `${one.served} of ${one.count} served, the slowest in ${one.worst.toFixed(0)} ms${one.told ? `; else ${one.told}` : ''}`;

// Of these connections those that the gateway has not let go of.
export function established(port, lines) {
  const hex = (number, digits) => Number(number).toString(16).toUpperCase().padStart(digits, '0');
  const placeOf = (address, of) =>
    `${address
      .split('.')
      .reverse()
      .map((part) => hex(part, 2))
      .join('')}:${hex(of, 4)}`;
  const [local, theirs] = [placeOf('127.0.0.1', port), new Set(lines.map((one) => placeOf(one.from, one.localPort)))];
  const rows = fs
    .readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  // A row that moves while the file is read comes twice.
  return new Set(rows.filter((row) => row[3] === '01' && row[1] === local && theirs.has(row[2])).map((row) => row[2])).size;
}

// What the system knows of a process. MiB, CPU seconds.
const status = (pid, name) =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
export const rss = (pid) => status(pid, 'VmRSS');
// All its threads at the usual priority, whatever ours is; throws where that is not allowed.
export const putFirst = (pid) => fs.readdirSync(`/proc/${pid}/task`).forEach((one) => os.setPriority(Number(one), 0));
export const peak = (pid) => status(pid, 'VmHWM');
export const forgetPeak = (pid) => fs.writeFileSync(`/proc/${pid}/clear_refs`, '5');
export const anonymous = (pid) => Number(/Pss_Anon:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
export const cpu = (pid) =>
  fs
    .readFileSync(`/proc/${pid}/stat`, 'utf8')
    .split(') ')[1]
    .split(' ')
    .slice(11, 13)
    .reduce((sum, one) => sum + Number(one), 0) / 100;
// How many connections of clients the gateway has more than `open`, after a while at most.
export async function clientsOver(admin, open = 0) {
  const { port } = new URL(admin);
  const more = async () => {
    const { text } = await once(Number(port), 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', { whole: true });
    return Number(/^weir_connections\{side="client"\} (\d+)/m.exec(text)[1]) - open;
  };
  for (const end = clock() + 5000; (await more()) > 0 && open && clock() < end;) await last(100);
  return more();
}
export const mib = (value) => `${value.toFixed(1)} MiB`;

// So many tasks, `width` at a time.
export async function side(count, width, task) {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
