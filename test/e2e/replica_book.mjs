// What a replica knows and keeps: its tools, its sessions, and a book of all that it was asked. Knows nothing of wires; a
// fault harms how an answer leaves (replica_http.mjs, replica.mjs), never what stands here. Times are the machine's
// monotonic clock in ms, the same in every process.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { numbers } from './numbers.mjs';

export const now = () => Number(process.hrtime.bigint()) / 1e6;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const kept = 100000; // calls that are remembered one by one

const tools = [
  { name: 'echo', description: 'returns its arguments', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true, idempotentHint: true } },
  { name: 'write', description: 'counted by the argument id', inputSchema: { type: 'object' }, annotations: { readOnlyHint: false, idempotentHint: false } },
  { name: 'slow', description: 'takes as many ms as it is told, or until it is released', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'whoami', description: 'which replica, which session', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'fail', description: 'a tool error', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'rpc_error', description: 'a JSON-RPC error', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
];

export class Book {
  // `journal`: a file that every write is noted in, too: it outlives a kill.
  constructor({ name = 'weather', id, era = 'new', latency = 0, journal }) {
    Object.assign(this, { name, id, era, latency, sessions: new Map(), in_flight: 0, held: [], journal: journal && fs.openSync(journal, 'a') });
    this.reset();
  }
  // Calls with the argument `held` are answered.
  release() {
    for (const done of this.held.splice(0)) done();
  }
  // Forgets what was counted; sessions stay.
  reset() {
    Object.assign(this, { calls: [], by_tool: {}, by_session: {}, writes: new Map(), most_in_flight: 0, last_call: null, made: 0, faulted: 0 });
    this.probes = { discover: 0, ping: 0, initialize: 0, health: 0, connects: 0, list: 0, last: null };
  }
  // Called for every message as it comes, before any fault; gives what is kept of a call. `done`: when its answer had been sent, `left`: when
  // its caller went away before, `cancelled`: when it said that it waits no more, `met`: the fault that it met.
  note(message, session) {
    const probe = { 'server/discover': 'discover', ping: 'ping', initialize: 'initialize', 'tools/list': 'list' }[message.method];
    if (probe) this.probed(probe);
    if (message.method !== 'tools/call') return;
    const { name: tool, arguments: args = {} } = message.params ?? {};
    const call = { at: now(), date: Date.now(), tool, id: args.id, sent: args.sent, session, rpc: message.id, time: message.params?._meta?.['weir/timeoutMs'] };
    if (this.calls.push(call) > kept) this.calls.shift();
    this.by_tool[tool] = (this.by_tool[tool] ?? 0) + 1;
    if (session) this.by_session[session] = (this.by_session[session] ?? 0) + 1;
    this.last_call = call.at;
    if (tool !== 'write') return call;
    this.writes.set(args.id, (this.writes.get(args.id) ?? 0) + 1);
    if (this.journal) fs.writeSync(this.journal, `${args.id}\n`);
    return call;
  }
  cancelled({ params }, session) {
    const call = this.calls.findLast((one) => one.rpc === params?.requestId && one.session === session);
    if (call) call.cancelled = now();
  }
  probed(kind) {
    ++this.probes[kind];
    this.probes.last = now();
  }
  counters(since = 0) {
    const { id, era, by_tool, by_session, probes, in_flight, most_in_flight, last_call, made, faulted } = this;
    const doubles = [...this.writes].filter(([, count]) => count > 1).map(([one]) => one);
    const calls = this.calls.filter((one) => one.at >= since);
    return { id, pid: process.pid, era, now: now(), calls, by_tool, by_session, probes, in_flight, most_in_flight, last_call, sessions_made: made, sessions: this.sessions.size, writes: this.writes.size, doubles, faulted };
  }
  openSession() {
    const session = randomUUID();
    this.sessions.set(session, now());
    ++this.made;
    return session;
  }
  // The answer to a request as {result} or {error}, and whether its method is known. `extra` ms more, `factor` times slower.
  async answer(message, session, { factor = 1, add = 0 } = {}) {
    const call = message.method === 'tools/call';
    if (call) this.most_in_flight = Math.max(this.most_in_flight, ++this.in_flight);
    try {
      const slept = call && message.params?.name === 'slow' ? Number(message.params.arguments?.ms ?? 0) : 0;
      const pause = (call ? this.latency + slept : 0) * factor + add;
      if (pause) await wait(pause);
      if (call && message.params?.arguments?.held) await new Promise((done) => this.held.push(done));
      return this.said(message, session);
    } finally {
      if (call) --this.in_flight;
    }
  }
  said({ method, params = {} }, session) {
    const old = this.era === 'old';
    const server = { name: this.name, version: '1' };
    const whole = old ? {} : { resultType: 'complete' };
    const cache = old ? {} : { ttlMs: 0, cacheScope: 'private' };
    const version = ['2025-06-18', '2025-11-25'].includes(params.protocolVersion) ? params.protocolVersion : '2025-11-25';
    if (old && method === 'initialize') return { result: { protocolVersion: version, capabilities: { tools: {} }, serverInfo: server } };
    if (old && method === 'ping') return { result: {} };
    if (!old && method === 'server/discover')
      return { result: { ...whole, ...cache, supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: server } };
    if (method === 'tools/list') return { result: { ...whole, ...cache, tools } };
    if (method !== 'tools/call') return { error: { code: -32601, message: `no ${method}` }, unknown: true };
    const args = params.arguments ?? {};
    const text = (value, more = {}) => ({ result: { ...whole, content: [{ type: 'text', text: JSON.stringify(value) }], ...more } });
    switch (params.name) {
      case 'fail': return text({ replica: this.id, failed: args.id }, { isError: true });
      case 'rpc_error': return { error: { code: -32603, message: 'as it was told', data: { replica: this.id } } };
      case 'whoami': return text({ replica: this.id, session: session ?? null, pid: process.pid });
      case 'echo': case 'write': case 'slow': return text({ replica: this.id, ...args });
      default: return { error: { code: -32602, message: `no tool ${params.name}` } };
    }
  }
}

// What is wrong with a replica at the moment, and whom it concerns.
export class Fault {
  kind = 'none';
  set({ kind = 'none', only = 'all', share = 1, factor = 10, add = 0, period = 500, seed = 1 }) {
    Object.assign(this, { kind, only, share, factor, add, period, draw: numbers(seed) });
  }
  // The kind that this request meets; calls are tools/call, probes everything else.
  meets(method) {
    if (this.kind === 'none' || (this.only !== 'all' && (this.only === 'calls') !== (method === 'tools/call'))) return 'none';
    return this.draw(1000) < this.share * 1000 ? this.kind : 'none';
  }
}
