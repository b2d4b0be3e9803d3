// What bench/streams.mjs is made of: the upstream's process, figures of the gateway's process, clients that read as it comes.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { accept, meta } from '../test/e2e/weir.mjs';

export const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
export const sorted = (values) => [...values].sort((a, b) => a - b);
export const both = (values, digits = 1) => `best ${Math.min(...values).toFixed(digits)}, median ${at(sorted(values), 0.5).toFixed(digits)}`;
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));


export class Server {
  static async start() {
    const self = new Server();
    self.child = spawn(process.execPath, [path.join(import.meta.dirname, 'streams_upstream.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
    self.lines = readline.createInterface({ input: self.child.stdout })[Symbol.asyncIterator]();
    self.url = `http://127.0.0.1:${(await self.lines.next()).value}/mcp`;
    return self;
  }
  // Sends list_changed; when it began to.
  async change() {
    this.child.stdin.write('change\n');
    return BigInt((await this.lines.next()).value);
  }
  stop() {
    this.child.stdin.end();
  }
}

// What the process holds for itself, in KB. The kernel's share of sockets is not in it.
export const held = (weir) => Number(/RssAnon:\s+(\d+)/.exec(fs.readFileSync(`/proc/${weir.child.pid}/status`, 'utf8'))[1]);
// CPU time of all its threads, in ms.
export function cpu(weir) {
  const tasks = `/proc/${weir.child.pid}/task`;
  return fs.readdirSync(tasks).reduce((sum, one) => sum + Number(fs.readFileSync(`${tasks}/${one}/schedstat`, 'utf8').split(' ')[0]) / 1e6, 0);
}

// A request whose answer is read as it comes: on(text) for each part.
export function open(method, url, headers, body, on) {
  return new Promise((done, fail) => {
    const sent = http.request(url, { method, agent: false, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } }, (answer) => {
      answer.setEncoding('utf8');
      if (on) answer.on('data', on);
      answer.on('error', () => {});
      done({ sent, answer, end: new Promise((over) => answer.on('end', over)) });
    });
    sent.on('error', fail);
    sent.end(body);
  });
}
export const body = (id, method, params) => `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${params}}}`;
export const modern = (url, id, method, params, { name, token, on } = {}) =>
  open('POST', url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method, ...(name ? { 'Mcp-Name': name } : {}) }, body(id, method, `${params},"_meta":{${token ? `"progressToken":"${token}",` : ''}${meta}}`), on);

// 50 at a time, so that no one waits for a connection.
export async function many(count, make) {
  const all = [];
  for (let i = 0; i < count; i += 50) all.push(...(await Promise.all(Array.from({ length: Math.min(50, count - i) }, (_, k) => make(i + k)))));
  return all;
}
export const listen = (url, i, on) => modern(url, i, 'subscriptions/listen', '"notifications":{"toolsListChanged":true}', { on });
