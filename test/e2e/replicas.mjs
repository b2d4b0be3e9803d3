// Several replicas of one server, the gateway before them, and callers at a fixed rate: what the tests and the measurements
// of balancing and health share. Nothing here sleeps to be safe: it waits for what it wants, with a deadline. All that is
// started is ended by its own pid, at the latest when this process ends.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Weir, accept, meta, request, until } from './weir.mjs';
import { now } from './replica_book.mjs';
import { backlog } from './replica_http.mjs';

export { now, until };
export const script = path.join(import.meta.dirname, 'replica.mjs');
const alive = new Set();
process.on('exit', () => alive.forEach((child) => child.kill(child.ending ?? 'SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

// Starts a process that ends with this one, by the signal `ending`.
export function own(command, args, { ending, ...options } = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  child.ending = ending;
  alive.add(child);
  child.ended = new Promise((done) => child.on('exit', (code, signal) => (alive.delete(child), done({ code, signal }))));
  return child;
}

export class Replica {
  // options: id, era, latency, port, name; what replica.mjs takes.
  static async start(options = {}) {
    const self = new Replica();
    self.options = options;
    await self.run();
    return self;
  }
  async run() {
    const args = Object.entries(this.options).flatMap(([key, value]) => (value === true ? [`--${key}`] : [`--${key}`, String(value)]));
    this.child = own(process.execPath, [script, '--attached', ...args]);
    let out = '';
    let wrong = '';
    this.child.stdout.on('data', (data) => (out += data));
    this.child.stderr.on('data', (data) => (wrong += data));
    this.child.stdin.on('error', () => {});
    await until(() => out.includes('\n') || this.child.exitCode !== null, 10000, 'a replica');
    if (!out.includes('\n')) throw new Error('a replica ended: ' + wrong);
    Object.assign(this, JSON.parse(out));
    // It comes back where it was, and as who it was.
    Object.assign(this.options, { port: new URL(this.url).port, id: this.id });
  }
  counters(since = 0) {
    return told(this.control, 'GET', `/counters?since=${since}`);
  }
  fault(kind, more = {}) {
    return told(this.control, 'POST', '/fault', { kind, ...more });
  }
  heal() {
    return told(this.control, 'POST', '/heal');
  }
  latency(ms) {
    return told(this.control, 'POST', '/latency', { ms });
  }
  reset() {
    return told(this.control, 'POST', '/reset');
  }
  // Calls that are held there (argument `held`) are answered.
  release() {
    return told(this.control, 'POST', '/release');
  }
  freeze() {
    this.child.kill('SIGSTOP');
  }
  // As freeze(), and whoever connects anew gets no answer either: all places that wait for accept() are taken.
  async blackhole() {
    this.freeze();
    const { port } = new URL(this.url);
    let taken = 0;
    this.takers = Array.from({ length: backlog + 10 }, () => net.connect(port, '127.0.0.1', () => ++taken).on('error', () => {}));
    await until(() => taken > backlog, 1000, 'a full queue').catch(() => {}); // some were taken by others
  }
  thaw() {
    this.child.kill('SIGCONT');
    for (const one of this.takers ?? []) one.destroy();
    this.takers = [];
  }
  async kill() {
    for (const one of this.takers ?? []) one.destroy();
    this.child.kill('SIGKILL');
    await this.child.ended;
  }
  // After kill(): a new process on the same port; it knows no session any more.
  restart() {
    return this.run();
  }
}

// Replicas r0, r1, ... `each`: options of one by its place.
export const startReplicas = (count, options = {}, each = () => ({})) =>
  Promise.all(Array.from({ length: count }, (_, i) => Replica.start({ id: `r${i}`, ...options, ...each(i) })));
export const endAll = (replicas) => Promise.all(replicas.map((one) => one.kill()));

// A word to a control port; never over a connection that the one before held.
export async function told(control, method, where, body) {
  return new Promise((done, fail) => {
    const sent = http.request(control + where, { method, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part)).on('end', () => (answer.statusCode === 200 ? done(JSON.parse(text)) : fail(new Error(`${where}: ${text}`))));
    });
    sent.on('error', fail);
    sent.end(body ? JSON.stringify(body) : '');
  });
}

// The gateway before replicas of one server, named weather. server: more keys of its block; endpoints: more of each by its
// place (weight, priority); config: more at the top level. A single replica is written as a plain url.
export async function startGateway(replicas, { server = {}, endpoints = () => ({}), config = {}, ready = true } = {}) {
  const list = replicas.map((one, i) => ({ url: one.url, ...endpoints(i) }));
  const where = list.length === 1 && Object.keys(list[0]).length === 1 ? { url: list[0].url } : { endpoints: list };
  const weir = await Weir.start({ servers: { weather: { ...where, ...server } }, ...config });
  alive.add(weir.child);
  void weir.exit.then(() => alive.delete(weir.child));
  try {
    if (ready) await weir.settled();
    if (ready && list.length > 1) await healthy(weir, replicas);
  } catch (error) {
    await weir.stop();
    throw error;
  }
  return weir;
}
// Writes the configuration and waits until the gateway has taken it; `signal`: it is told to look.
export async function change(weir, config, signal) {
  // The log is written a little later than what it tells of.
  await until(() => weir.log.includes('"cause":"start"'), 20000, 'the line of the start');
  const taken = () => weir.log.split('"message":"configuration taken"').length;
  const before = taken();
  weir.write(config);
  if (signal) weir.child.kill(signal);
  await until(() => taken() > before, 20000, 'the reload: ' + weir.log.slice(-500));
}
// The same server as children of the gateway: waits until all have said where their control ports are. children(): those
// that live now.
export async function startChildren(count, { options = [], server = {}, config = {} } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-replicas-'));
  const args = [script, '--stdio', '--control-dir', folder, ...options];
  const weir = await Weir.start({ servers: { weather: { command: process.execPath, args, ...(count > 1 ? { replicas: count } : {}), ...server } }, ...config });
  const lives = (pid) => fs.existsSync(`/proc/${pid}/exe`);
  const about = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
  const children = () => fs.readdirSync(folder).filter((name) => name.endsWith('.json')).map(about).filter(({ pid }) => lives(pid));
  await until(() => children().length >= count, 20000, 'the children');
  await weir.settled();
  return { weir, children, stop: async () => (await weir.stop(), fs.rmSync(folder, { recursive: true, force: true })) };
}

// GET /health of the admin address: the endpoints of the server, in their order.
export async function endpoints(weir, server = 'weather') {
  return JSON.parse((await request('GET', weir.admin + '/health')).text).servers?.[server]?.endpoints ?? [];
}
export const stateOf = async (weir, replica) => (await endpoints(weir)).find((one) => one.address === replica.url);
export const healthy = (weir, replicas, ms = 30000) =>
  until(async () => (await Promise.all(replicas.map((one) => stateOf(weir, one)))).every((one) => one?.state === 'healthy'), ms, 'all healthy');
export const unhealthy = (weir, replica, ms = 10000) => until(async () => (await stateOf(weir, replica))?.state === 'unhealthy', ms, 'unhealthy');

// A metric's values whose labels have all of `labels`: a list of {labels, value}.
export async function metric(weir, name, labels = {}) {
  const found = [];
  for (const line of (await request('GET', weir.admin + '/metrics')).text.split('\n')) {
    if (!line.startsWith(name + '{') && !line.startsWith(name + ' ')) continue;
    const has = Object.fromEntries([...line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key, value]));
    if (Object.entries(labels).every(([key, value]) => has[key] === value)) found.push({ labels: has, value: Number(line.slice(line.lastIndexOf(' '))) });
  }
  return found;
}

// One call of 2026-07-28 that never throws: {start, end, outcome, code, reason, replica, and of the
// gateway's own errors sent, retry_after}. outcome: ok, tool_error, rpc_error,
// wrong (no answer to what was asked), http, closed, timeout, aborted. `wishes`: more of _meta; `abort`: after how many ms the client leaves; `from`:
// the address it comes from.
export function call(url, { id, tool = 'echo', args = {}, headers = {}, agent, patience = 5500, abort, from, wishes = {} }) {
  const body = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"${tool}","arguments":${JSON.stringify({ id, sent: now(), ...args })},"_meta":{${JSON.stringify(wishes).slice(1, -1)}${Object.keys(wishes).length ? ',' : ''}${meta}}}}`;
  const heads = { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': tool, 'Content-Length': Buffer.byteLength(body), ...headers };
  const record = { id, tool, start: now() };
  return new Promise((done) => {
    const end = (outcome, more = {}) => {
      if (record.end) return;
      clearTimeout(timer);
      done(Object.assign(record, { end: now(), outcome }, more));
    };
    const sent = http.request(url, { method: 'POST', agent, headers: heads, ...(from ? { localAddress: from } : {}) }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (text += part));
      answer.on('error', (error) => end('closed', { reason: error.code }));
      answer.on('end', () => (answer.complete ? end(...read(text, answer, id)) : end('closed', { reason: 'cut' })));
    });
    const timer = setTimeout(() => (end(abort ? 'aborted' : 'timeout'), sent.destroy()), abort ?? patience);
    sent.on('error', (error) => end('closed', { reason: error.code }));
    sent.end(body);
  });
}
function read(text, answer, id) {
  if (answer.statusCode !== 200) return ['http', { code: answer.statusCode }];
  const events = String(answer.headers['content-type']).startsWith('text/event-stream');
  let message;
  try {
    message = JSON.parse(events ? text.split('\n').filter((line) => line.startsWith('data: {')).at(-1).slice(6) : text);
    if (message.id !== id) return ['wrong', { reason: `id ${JSON.stringify(message.id)}` }];
    if (message.error) return ['rpc_error', { code: message.error.code, reason: message.error.data?.reason ?? message.error.message, message: message.error.message, replica: message.error.data?.replica, data: message.error.data, sent: message.error.data?.sent, retry_after: message.error.data?.retry_after_ms, error: message.error }];
    const said = JSON.parse(message.result.content[0].text);
    return message.result.isError ? ['tool_error', { replica: said.replica }] : ['ok', { replica: said.replica, said }];
  } catch {
    return ['wrong', { reason: text.slice(0, 80) }];
  }
}

// Calls at a fixed rate, whatever becomes of them (open loop), by so many clients, each from an address of its own.
// `make(n)`: the options of the n-th call. stop() waits for those under way and gives all records, each with `due`: when it
// should have begun.
export class OpenLoop {
  constructor(url, { rate = 150, make = () => ({}), prefix = 'c', clients = 30 } = {}) {
    // Resting connections are closed well before the gateway does it, after 60 s: no call meets one that is just closing.
    Object.assign(this, { records: [], pending: new Set(), agent: new http.Agent({ keepAlive: true, maxSockets: 1024, timeout: 30000 }) });
    const begun = now();
    let n = 0;
    const step = () => {
      for (; begun + (n * 1000) / rate <= now(); ++n) {
        const due = begun + (n * 1000) / rate;
        const one = call(url, { id: `${prefix}${n}`, agent: this.agent, from: `127.0.0.${10 + (n % clients)}`, ...make(n) }).then((record) => {
          this.pending.delete(one);
          this.records.push(Object.assign(record, { due }));
        });
        this.pending.add(one);
      }
    };
    this.timer = setInterval(step, 2);
  }
  async stop() {
    clearInterval(this.timer);
    await Promise.all(this.pending);
    this.agent.destroy();
    return this.records;
  }
}

// Calls by replica as their books have them: {r0: 0.33, ...}.
export async function shares(replicas, since = 0) {
  const counts = await Promise.all(replicas.map(async (one) => [one.id, (await one.counters(since)).calls.length]));
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  return Object.fromEntries(counts.map(([id, count]) => [id, all ? count / all : 0]));
}
// Ids of the calls of `write` that ran more than once, on one replica or on several.
export async function doubled(replicas) {
  const runs = new Map();
  for (const { calls } of await Promise.all(replicas.map((one) => one.counters())))
    for (const { id } of calls.filter((one) => one.tool === 'write')) runs.set(id, (runs.get(id) ?? 0) + 1);
  return [...runs].filter(([, times]) => times > 1).map(([id]) => id);
}
