// `weir stdio` as a client sees it: lines in, lines out; and the same over GET /sse with POST /messages.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { binary, request, until } from './weir.mjs';

export const hello = (version, capabilities = '{}') =>
  `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"${version}","capabilities":${capabilities},"clientInfo":{"name":"e2e","version":"1"}}}`;
export const call = (id, args = '{}', more = '') => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":${args}${more}}}`;

// What both have: the messages that came, as texts and parsed.
class Talk {
  texts = [];
  messages = [];
  take(text) {
    this.texts.push(text);
    this.messages.push(JSON.parse(text));
  }
  // The message that `fits`, as soon as it has come.
  async find(fits, what = 'a message', ms = 10000) {
    return until(() => this.messages.find(fits), ms, `${what}; came: ${this.texts.join('\n').slice(-2000)}`);
  }
  answer(id) {
    return this.find((one) => one.id === id && one.method === undefined, `the answer to ${id}`);
  }
  async open(version, capabilities) {
    await this.send(hello(version, capabilities));
    const answer = await this.answer('hello');
    await this.send('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    return answer;
  }
}

export class Lines extends Talk {
  static start(config, { paused = false } = {}) {
    const self = new Lines();
    self.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-stdio-'));
    self.file = path.join(self.folder, 'weir.yaml');
    fs.writeFileSync(self.file, JSON.stringify({ listen: '127.0.0.1:1', admin: '127.0.0.1:2', ...config }));
    self.child = spawn(binary, ['stdio', self.file]);
    self.child.stdin.on('error', () => {});
    self.log = '';
    self.child.stderr.on('data', (data) => (self.log += data));
    self.exit = new Promise((done) => self.child.on('close', (code, signal) => done({ code, signal })));
    let rest = '';
    self.child.stdout.setEncoding('utf8');
    self.read = () => self.child.stdout.on('data', (data) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      for (const line of lines) self.take(line);
    });
    if (!paused) self.read();
    return self;
  }
  send(text) {
    this.child.stdin.write(text + '\n');
  }
  ended() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
  // The client leaves; the exit code.
  async leave() {
    this.child.stdin.end();
    const how = await this.exit;
    fs.rmSync(this.folder, { recursive: true, force: true });
    return how.code;
  }
}

export class Stream extends Talk {
  static async start(url) {
    const self = new Stream();
    self.base = new URL(url).origin;
    self.events = [];
    self.comments = 0;
    const answer = await new Promise((done, fail) => {
      self.sent = http.get(self.base + '/sse', { headers: { Accept: 'text/event-stream' } }, done);
      self.sent.on('error', fail);
    });
    self.sent.on('error', () => {});
    self.status = answer.statusCode;
    self.headers = answer.headers;
    self.over = false;
    self.response = answer;
    let rest = '';
    answer.setEncoding('utf8');
    answer.on('data', (data) => {
      const blocks = (rest + data).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        if (block.startsWith(':')) { ++self.comments; continue; }
        const event = /^event: (.*)\ndata: (.*)$/s.exec(block);
        self.events.push({ type: event[1], data: event[2] });
        if (event[1] === 'message') self.take(event[2]);
      }
    });
    answer.on('end', () => (self.over = true));
    answer.on('error', () => (self.over = true));
    await until(() => self.events.length > 0, 5000, 'the endpoint event');
    self.endpoint = self.base + self.events[0].data;
    return self;
  }
  async send(text) {
    const answer = await request('POST', this.endpoint, { 'Content-Type': 'application/json' }, text);
    this.last = answer;
    return answer;
  }
  leave() {
    this.sent.destroy();
  }
}
