// The clients beside an attack, in a process of their own: each a call of either era every 40 ms over keep-alive connections,
// one from an address of its own, one from the attackers'; and the same calls to the server itself, which tell how busy the
// machine is. Started by startBeside(); take() gives what there has been since the last time.
import http from 'node:http';
import https from 'node:https';
import readline from 'node:readline';
import { own } from '../e2e/replicas.mjs';
import { accept, meta } from '../e2e/weir.mjs';
import { putFirst } from './attack_wires.mjs';

// `url`: of the gateway, `direct`: of the server, `from`: the attackers' address.
export async function startBeside(url, direct, from, token) {
  const child = own(process.execPath, [import.meta.filename, JSON.stringify({ url, direct, from, token })]);
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stderr.on('data', (part) => process.stderr.write(part));
  child.stdin.on('error', () => {});
  const ask = async (line) => (child.stdin.write(JSON.stringify(line) + '\n'), JSON.parse((await lines.next()).value));
  await lines.next();
  try {
    putFirst(child.pid); // it is no attacker
  } catch {}
  return {
    take: () => ask({ take: true }), // {own, beside, direct}: each {took: [ms], errors: {what: count}}
    from: (address) => ask({ from: address }), // the attackers' address from now on
    stop: () => (child.stdin.end(), child.ended),
  };
}

const patience = 10000;
const introduction = '"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"beside","version":"1"}';
class Caller {
  constructor({ url, from, old = false, book, token }) {
    const { Agent, request } = url.startsWith('https') ? https : http;
    Object.assign(this, { url, old, book, request, credentials: token ? { Authorization: `Bearer ${token}` } : {} });
    this.agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: from, rejectUnauthorized: false });
  }
  send(body, headers) {
    return new Promise((done, fail) => {
      const all = { ...accept, ...this.credentials, 'Content-Length': body.length, ...headers };
      const sent = this.request(this.url, { method: 'POST', agent: this.agent, headers: all }, (answer) => {
        let text = '';
        answer
          .on('data', (part) => (text += part))
          .on('end', () => done({ answer, text }))
          .on('error', fail);
      });
      sent.setTimeout(patience, () => sent.destroy(Object.assign(new Error(), { code: 'timeout' })));
      sent.on('error', fail).end(body);
    });
  }
  async open() {
    const { answer } = await this.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{${introduction}}}`);
    if (answer.statusCode !== 200) throw Object.assign(new Error(), { code: `initialize ${answer.statusCode}` });
    this.session = answer.headers['mcp-session-id'];
  }
  async call() {
    if (this.opening) return;
    if (this.old && !this.session) await (this.opening = this.open().finally(() => (this.opening = undefined)));
    const era = this.old
      ? { 'Mcp-Session-Id': this.session, 'MCP-Protocol-Version': '2025-11-25' }
      : { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' };
    const more = this.old ? '' : `,"_meta":{${meta}}`;
    const begun = performance.now();
    const { answer, text } = await this.send(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}${more}}}`,
      era,
    );
    if (answer.statusCode === 404) this.session = undefined;
    if (answer.statusCode !== 200) throw Object.assign(new Error(), { code: `status ${answer.statusCode}` });
    if (!text.includes('"content"')) throw Object.assign(new Error(), { code: /"code":(-?\d+)/.exec(text)?.[0] ?? 'no answer' });
    return performance.now() - begun;
  }
  async run() {
    const { took, errors } = this.book;
    try {
      const ms = await this.call();
      if (ms !== undefined) took.push(Math.round(ms * 1000) / 1000);
    } catch (error) {
      const what = this.left ? undefined : `${error.code ?? error.message}${this.old ? ' (old)' : ''}`;
      if (what) errors[what] = (errors[what] ?? 0) + 1;
    }
  }
  async leave() {
    this.left = true;
    this.agent.destroy();
  }
}

if (process.argv[1] === import.meta.filename) {
  const { url, direct, from, token } = JSON.parse(process.argv[2]);
  const names = ['own', 'beside', 'direct'];
  const books = Object.fromEntries(names.map((name) => [name, { took: [], errors: {} }]));
  const pair = (address, book) => [false, true].map((old) => new Caller({ url, from: address, old, book, token }));
  const mine = pair('127.0.0.9', books.own);
  let theirs = pair(from, books.beside);
  const straight = new Caller({ url: direct, from: '127.0.0.9', book: books.direct });
  let turn = 0;
  setInterval(() => {
    const [due] = [[mine[0], theirs[1]], [theirs[0]], [mine[1]], [straight]].slice(turn++ % 4);
    due.forEach((one) => one.run());
  }, 10);
  console.log('begun');
  readline
    .createInterface({ input: process.stdin })
    .on('line', (line) => {
      const asked = JSON.parse(line);
      if (asked.from) {
        theirs.forEach((one) => one.leave());
        theirs = pair(asked.from, books.beside);
      }
      console.log(JSON.stringify(asked.take ? books : {}));
      if (asked.take)
        for (const one of Object.values(books))
          ((one.took.length = 0), Object.keys(one.errors).forEach((key) => delete one.errors[key]));
    })
    .on('close', () => process.exit(0));
}
