// Starts the shipped binary on free ports and talks to it; ends only what it started.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { Upstream } from './upstream.mjs';

export const binary = process.env.WEIR ?? path.resolve(import.meta.dirname, '../../build/release/weir');
export const modules = path.join(import.meta.dirname, 'node_modules');

// Waits until `probe` gives something true; fails after `ms`.
export async function until(probe, ms = 15000, what = 'condition') {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

export class Weir {
  // `descriptors`: how many of them the process may have; `listen`, `admin`: where it listens, null: as the file says.
  static async start(config, extra = [], { descriptors, listen = '127.0.0.1:0', admin = '127.0.0.1:0' } = {}) {
    const self = new Weir();
    self.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-e2e-'));
    self.file = path.join(self.folder, 'weir.yaml');
    self.write(config);
    const args = ['run', self.file, ...(listen ? ['--listen', listen] : []), ...(admin ? ['--admin', admin] : []), ...extra];
    self.child = descriptors ? spawn('bash', ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, binary, ...args]) : spawn(binary, args);
    self.out = '';
    self.log = '';
    self.child.stdout.on('data', (data) => (self.out += data));
    self.child.stderr.on('data', (data) => (self.log += data));
    self.exit = new Promise((done) => self.child.on('exit', (code, signal) => done({ code, signal })));
    const ended = () => self.child.exitCode !== null || self.child.signalCode !== null;
    await until(() => /paste into/.test(self.out) || ended(), 10000, 'the start');
    // What it said on its way may come after its end.
    if (ended() && !self.child.stderr.readableEnded) await new Promise((done) => self.child.stderr.once('end', done).once('close', done));
    if (ended()) throw new Error(`weir ended (${self.child.signalCode ?? self.child.exitCode}): ${self.log}`);
    self.url = /weir \S+ {2}(\S+)/.exec(self.out)[1];
    self.admin = /admin\s+(\S+)/.exec(self.out)[1];
    return self;
  }
  write(config) {
    const text = typeof config === 'string' ? config : JSON.stringify(config);
    fs.writeFileSync(this.file + '.new', text);
    fs.renameSync(this.file + '.new', this.file);
  }
  async servers() {
    return JSON.parse((await request('GET', this.admin + '/servers')).text).servers;
  }
  // Waits until every server is ready but those named.
  async settled(but = []) {
    await until(async () => (await this.servers()).every((s) => (s.state === 'ready' && s.tools !== undefined) || but.includes(s.name)), 60000, 'servers');
  }
  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    const how = await this.exit;
    fs.rmSync(this.folder, { recursive: true, force: true });
    return how;
  }
}

export const agent = new http.Agent({ keepAlive: true, maxSockets: 512 });

// One HTTP request; the answer's text whole. `on` sees the response as it begins. `from`: the address it comes from.
export function request(method, url, headers = {}, body = '', on = () => {}, from) {
  return new Promise((done, fail) => {
    const sent = http.request(url, { method, agent, ...(from ? { localAddress: from } : {}), headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } }, (answer) => {
      on(answer, sent);
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (text += part));
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, text }));
      answer.on('error', fail);
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

export const accept = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
export const meta = '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"e2e","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}';

// The JSON-RPC messages of an answer, events or not, as raw texts.
export function messages(answer) {
  if (!String(answer.headers['content-type']).startsWith('text/event-stream')) return [answer.text];
  return answer.text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
}

// What was answered: on a busy machine an answer may have become a stream before it came.
export const answerOf = (answer) => JSON.parse(messages(answer).at(-1));

// A request of 2026-07-28 with raw params (without braces) and raw id.
export function ask(url, method, params = '', { id = '1', name, more = '', headers = {}, on, from, capabilities = '{}' } = {}) {
  const about = meta.replace(/{}$/, capabilities);
  const body = `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${params}${params ? ',' : ''}"_meta":{${more}${about}}}}`;
  return request('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method, ...(name ? { 'Mcp-Name': name } : {}), ...headers }, body, on, from);
}

// An old client's session: post(text) sends in it.
export async function openSession(url, version = '2025-11-25', capabilities = '{}') {
  const answer = await request('POST', url, accept, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"${version}","capabilities":${capabilities},"clientInfo":{"name":"e2e","version":"1"}}}`);
  const id = answer.headers['mcp-session-id'];
  const headers = { ...accept, 'Mcp-Session-Id': id, 'MCP-Protocol-Version': version };
  await request('POST', url, headers, '{"jsonrpc":"2.0","method":"notifications/initialized"}');
  return { id, answer, headers, post: (text, on) => request('POST', url, headers, text, on), end: () => request('DELETE', url, headers) };
}

// Runs `work` between a gateway and upstreams made by `specs`, named a, b, ... or as they say.
export async function between(specs, work, config = {}) {
  const upstreams = [];
  for (const one of [specs].flat()) upstreams.push(await Upstream.start(one));
  const servers = Object.fromEntries(upstreams.map((one, i) => [one.name ?? 'abcdef'[i], { url: one.url }]));
  const weir = await Weir.start({ servers, ...config });
  try {
    return await work(weir, ...upstreams);
  } finally {
    const how = await weir.stop();
    for (const one of upstreams) await one.stop();
    assert.equal(how.code, 0, 'exit code');
  }
}
