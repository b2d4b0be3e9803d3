// Servers over HTTP+SSE (2024-11-05) behind the shipped binary: the official one, and a scripted one that does
// to its stream and to its POSTs what servers do wrong.
import assert from 'node:assert/strict';
import http from 'node:http';
import { z } from 'zod';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { Weir, answerOf, ask, openSession, until } from './weir.mjs';
import { Upstream } from './upstream.mjs';

// One event stream at /sse, POSTs at /messages. Told by its members how to behave.
class Raw {
  static async start(options = {}) {
    const self = new Raw();
    Object.assign(self, { endpoint: '/messages?s=SESSION', version: '2024-11-05', post: () => 202, seen: [], headers: [], streams: [], sessions: new Set(), next: 1, call: undefined, port: 0, bytes: false, foreign: 0 }, options);
    self.server = http.createServer((request, response) => self.serve(request, response));
    await new Promise((done) => self.server.listen(self.port, '127.0.0.1', done));
    self.port = self.server.address().port;
    self.url = `http://127.0.0.1:${self.port}/sse`;
    return self;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
  get stream() {
    return this.streams.at(-1);
  }
  cut() {
    this.stream.destroy();
  }
  // Bytes of the stream, one by one where told so.
  async write(text) {
    if (!this.bytes) return this.stream.write(text);
    for (const byte of Buffer.from(text)) {
      this.stream.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
  }
  say(message) {
    return this.write(`event: message\r\ndata: ${typeof message === 'string' ? message : JSON.stringify(message)}\r\n\r\n`);
  }
  serve(request, response) {
    this.headers.push(request.headers);
    if (request.method === 'GET') {
      if (this.get) return this.get(response);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.socket.setNoDelay(true);
      this.streams.push(response);
      const session = String(this.next++);
      this.sessions.add(session);
      if (this.endpoint) this.write(`: hello\n\nevent: endpoint\ndata: ${this.endpoint.replace('SESSION', session)}\n\n`);
      else response.write(': nothing\n\n');
      return;
    }
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      const session = new URL(request.url, this.url).searchParams.get('s');
      const message = JSON.parse(text);
      this.seen.push({ method: message.method, text, message, url: request.url });
      const status = this.sessions.has(session) ? this.post(message, response) : 404;
      if (status) response.writeHead(status).end(status === 202 ? 'Accepted' : 'no');
      if (status === 202) this.answer(message);
    });
  }
  answer(message) {
    const { id, method, params } = message;
    const result = (value) => this.say({ jsonrpc: '2.0', id, result: value });
    if (method === 'initialize') return result({ protocolVersion: this.version, capabilities: { tools: {} }, serverInfo: { name: 'raw', version: '1' } });
    if (method === 'tools/list') return result({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
    if (method === 'ping') return result({});
    if (method === 'tools/call') return this.call ? this.call(message, result) : result({ content: [], nonce: params.arguments.nonce });
    if (id !== undefined && method) return this.say({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } });
  }
  methods(name) {
    return this.seen.filter((one) => one.method === name);
  }
}

async function behind(options, work, { server = {}, ...config } = {}) {
  const upstream = await Raw.start(options);
  const weir = await Weir.start({ servers: { a: { url: upstream.url, type: 'sse', session: 'shared', ...server } }, timeout: { request: '20s' }, ...config });
  try {
    return await work(weir, upstream);
  } finally {
    const how = await weir.stop();
    await upstream.stop();
    assert.equal(how.code, 0, 'exit code');
  }
}
const call = async (weir, nonce = 'x', more = {}) => answerOf(await ask(weir.url, 'tools/call', `"name":"echo","arguments":{"nonce":"${nonce}"}`, { name: 'echo', ...more }));
const status = async (weir) => (await weir.servers())[0];

export const tests = {
  async 'the official server, several clients at once with equal ids'() {
    const transports = new Map();
    const server = http.createServer(async (request, response) => {
      if (request.method === 'GET') {
        const mcp = new McpServer({ name: 'sdk', version: '1' });
        mcp.registerTool('echo', { inputSchema: { nonce: z.string() } }, async ({ nonce }, extra) => {
          for (let progress = 1; progress <= 3 && extra._meta?.progressToken !== undefined; ++progress)
            await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: extra._meta.progressToken, progress } });
          return { content: [{ type: 'text', text: nonce }] };
        });
        const transport = new SSEServerTransport('/messages', response);
        transports.set(transport.sessionId, transport);
        await mcp.connect(transport);
      } else {
        await transports.get(new URL(request.url, 'http://h').searchParams.get('sessionId')).handlePostMessage(request, response);
      }
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const weir = await Weir.start({ threads: 2, servers: { a: { url: `http://127.0.0.1:${server.address().port}/sse`, type: 'sse', session: 'shared' } } });
    await weir.settled();
    const sessions = await Promise.all(Array.from({ length: 8 }, () => openSession(weir.url)));
    let answers = 0;
    await Promise.all(sessions.map(async (session, who) => {
      for (let round = 0; round < 25; ++round) {
        const nonce = `${who}-${round}`;
        const { text } = await session.post(`{"jsonrpc":"2.0","id":${round},"method":"tools/call","params":{"name":"echo","arguments":{"nonce":"${nonce}"},"_meta":{"progressToken":"t"}}}`);
        const events = text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
        assert.deepEqual(events.filter((one) => one.method).map((one) => [one.params.progressToken, one.params.progress]), [['t', 1], ['t', 2], ['t', 3]], text);
        assert.equal(events.at(-1).id, round);
        assert.equal(events.at(-1).result.content[0].text, nonce);
        ++answers;
      }
    }));
    assert.equal(transports.size, 1, 'one stream for all');
    assert.equal((await weir.stop()).code, 0);
    server.closeAllConnections();
    server.close();
    return `${answers} answers, progress before each`;
  },

  async 'headers and credentials go with the stream and the POSTs'() {
    const upstream = await Raw.start({ version: '2025-06-18' });
    const weir = await Weir.start({ servers: { a: { url: upstream.url.replace('//', '//us%40er:pw@'), type: 'sse', session: 'shared', headers: { 'X-Key': 'k' } } } });
    await weir.settled();
    assert.ok((await call(weir)).result);
    for (const one of upstream.headers) assert.deepEqual([one['x-key'], one.authorization], ['k', 'Basic ' + Buffer.from('us@er:pw').toString('base64')]);
    assert.equal(upstream.headers[0].accept, 'text/event-stream');
    assert.equal(upstream.headers.at(-1)['mcp-protocol-version'], '2025-06-18');
    assert.deepEqual(upstream.seen.slice(0, 2).map((one) => one.method), ['initialize', 'notifications/initialized']);
    assert.equal((await status(weir)).address, upstream.url);
    await weir.stop();
    await upstream.stop();
  },

  async 'an event comes byte by byte, among comments and noise'() {
    await behind({ bytes: true }, async (weir, upstream) => {
      await weir.settled();
      upstream.call = async (message, result) => {
        await upstream.write(':\n\n: keep-alive\n\nevent: other\ndata: {"jsonrpc":"2.0","id":' + message.id + ',"result":{"stolen":true}}\n\nevent: endpoint\ndata: http://127.0.0.1:1/x\n\ndata: no json\n\ndata: {"jsonrpc":"2.0","id":"' + message.id + '","result":{"stolen":true}}\n\n');
        await result({ content: [], nonce: message.params.arguments.nonce });
      };
      for (const nonce of ['ä1', 'ä2']) assert.equal((await call(weir, nonce)).result.nonce, nonce);
      await until(() => /no JSON-RPC message/.test(weir.log), 5000, 'the log to say so');
    });
  },

  async 'relative and absolute endpoints of the same origin'() {
    for (const endpoint of ['messages?s=SESSION', '../x/../messages?s=SESSION', 'http://127.0.0.1:PORT/a/b?s=SESSION']) {
      const upstream = await Raw.start({ endpoint });
      upstream.endpoint = endpoint.replace('PORT', upstream.port);
      const weir = await Weir.start({ servers: { a: { url: upstream.url, type: 'sse', session: 'shared' } } });
      await weir.settled();
      assert.ok((await call(weir)).result, endpoint);
      assert.ok(upstream.seen.every((one) => one.url === (endpoint.includes('/a/b') ? '/a/b?s=1' : '/messages?s=1')));
      await weir.stop();
      await upstream.stop();
    }
  },

  async 'an endpoint of another origin gets nothing'() {
    const thief = await Raw.start();
    for (const endpoint of [`http://127.0.0.1:${thief.port}/messages?s=1`, `//127.0.0.1:${thief.port}/m`, `http://localhost:${thief.port}/m`, `http://127.0.0.1@127.0.0.1:${thief.port}/m`]) {
      await behind({ endpoint }, async (weir, upstream) => {
        await until(async () => (await status(weir)).state === 'unreachable');
        const { error } = await call(weir);
        assert.equal(error.code, 1002, JSON.stringify(error));
        assert.match(error.message, /another origin/);
        assert.equal(upstream.seen.length, 0);
      }, { server: { headers: { Authorization: 'Bearer secret' } } });
    }
    assert.equal(thief.headers.length, 0);
    await thief.stop();
  },

  async 'a server that never names its endpoint, or has no stream'() {
    await behind({ endpoint: '' }, async (weir) => {
      await until(async () => (await status(weir)).state === 'unreachable', 20000);
      assert.match((await status(weir)).reason, /names no endpoint/);
    });
    for (const [answer, code, say] of [[(r) => r.writeHead(405).end(), 1002, /type http/], [(r) => r.writeHead(401).end(), 1008, /401/], [(r) => r.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'), 1002, /no event stream/]])
      await behind({ get: answer }, async (weir) => {
        await until(async () => (await status(weir)).state !== 'starting');
        const { error } = await call(weir);
        assert.equal(error.code, code);
        assert.match(error.message, say);
      });
  },

  async 'a stream cut in a call, and the next session'() {
    await behind({}, async (weir, upstream) => {
      await weir.settled();
      upstream.call = () => {};
      const calls = [call(weir, 'a'), call(weir, 'b', { id: '2' })];
      await until(() => upstream.methods('tools/call').length === 2);
      upstream.cut();
      for (const one of await Promise.all(calls)) assert.deepEqual([one.error.code, one.error.data.sent], [1007, 'maybe'], JSON.stringify(one));
      upstream.call = undefined;
      assert.equal((await call(weir, 'after')).result.nonce, 'after');
      assert.equal(upstream.streams.length, 2);
      assert.ok(upstream.seen.at(-1).url.endsWith('s=2'));
    });
  },

  async 'a server that starts again'() {
    await behind({}, async (weir, upstream) => {
      await weir.settled();
      await upstream.stop();
      await until(async () => (await status(weir)).state === 'unreachable');
      assert.equal((await call(weir)).error.code, 1001);
      const again = await Raw.start({ port: upstream.port });
      upstream.stop = () => again.stop();
      await until(async () => (await call(weir)).result, 20000, 'the server');
      assert.equal(again.methods('initialize').length, 1);
    });
  },

  async 'a refused POST ends its own call and nothing else'() {
    await behind({}, async (weir, upstream) => {
      await weir.settled();
      let held;
      upstream.call = (message, result) => (held = () => result({ content: [], nonce: 'held' }));
      const waiting = call(weir, 'held');
      await until(() => held);
      for (const [refusal, code] of [[400, 1002], [404, 1002], [403, 1008], [413, 1002], [500, 1002], [503, 1004], [307, 1002]]) {
        upstream.post = (message) => (message.method === 'tools/call' ? refusal : 202);
        const { error } = await call(weir, 'refused', { id: '9' });
        assert.equal(error.code, code, `${refusal} ${JSON.stringify(error)}`);
        assert.match(error.message, new RegExp(refusal));
      }
      upstream.post = (message, response) => (message.method === 'tools/call' ? response.destroy() && 0 : 202);
      assert.equal((await call(weir, 'cut', { id: '9' })).error.code, 1007);
      upstream.post = () => 202;
      held();
      assert.equal((await waiting).result.nonce, 'held');
      assert.equal(upstream.streams.length, 1);
      assert.equal(upstream.methods('notifications/cancelled').length, 0);
    });
  },

  // The stream goes on, though nothing can come by it: a call finds it out and is made again.
  async 'a session that the server has forgotten'() {
    await behind({}, async (weir, upstream) => {
      await weir.settled();
      upstream.sessions.clear();
      assert.equal((await call(weir, 'again')).result.nonce, 'again');
      assert.equal(upstream.streams.length, 2);
    });
  },

  async 'an event larger than limits.message ends its own call'() {
    await behind({}, async (weir, upstream) => {
      await weir.settled();
      let held;
      upstream.call = (message, result) => {
        if (message.params.arguments.nonce === 'large') return result({ content: [], pad: 'x'.repeat(300000) });
        held = () => result({ content: [], nonce: 'held' });
      };
      const waiting = call(weir, 'held');
      await until(() => held);
      assert.equal((await call(weir, 'large', { id: '2' })).error.code, 1011);
      held();
      assert.equal((await waiting).result.nonce, 'held');
      assert.equal(upstream.streams.length, 1);
    }, { limits: { message: '64KB' } });
  },

  async 'a POST that is held until the answer holds nobody up, and a cancel follows its request'() {
    await behind({}, async (weir, upstream) => {
      await weir.settled();
      const held = [];
      upstream.post = (message, response) => {
        if (message.method !== 'tools/call' || message.params.arguments.nonce !== 'held') return 202;
        held.push(response);
        return 0;
      };
      const gone = call(weir, 'held');
      await until(() => held.length === 1);
      assert.equal((await call(weir, 'other', { id: '2' })).result.nonce, 'other');
      const session = await openSession(weir.url);
      const mine = session.post('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","arguments":{"nonce":"held"}}}');
      await until(() => held.length === 2);
      await session.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}');
      await until(() => upstream.methods('notifications/cancelled').length === 1, 5000, 'the cancel');
      const id = upstream.methods('tools/call').at(-1).message.id;
      assert.equal(upstream.seen.at(-1).message.params.requestId, id);
      await session.end();
      await mine;
      upstream.answer(upstream.methods('tools/call')[0].message);
      await gone;
    });
  },

  // Revisions older than any that Weir speaks itself, on the transports that they have.
  async 'servers of 2024-10-07 and 2024-11-05 over all transports'() {
    for (const version of ['2024-10-07', '2024-11-05']) {
      await behind({ version }, async (weir) => {
        await weir.settled();
        assert.equal((await call(weir, version)).result.nonce, version);
      });
      const script = `const say=(m)=>process.stdout.write(JSON.stringify(m)+'\\n');require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);if(m.method==='initialize')say({jsonrpc:'2.0',id:m.id,result:{protocolVersion:'${version}',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});else if(m.method==='tools/list')say({jsonrpc:'2.0',id:m.id,result:{tools:[{name:'echo',inputSchema:{type:'object'}}]}});else if(m.method==='tools/call')say({jsonrpc:'2.0',id:m.id,result:{content:[],nonce:m.params.arguments.nonce}});else if(m.id!==undefined)say({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})});`;
      const web = await Upstream.start({ era: 'old' });
      const answer = web.answer.bind(web);
      web.answer = (request, response, text) => {
        const end = response.end.bind(response);
        response.end = (body) => end(body?.replace?.('"protocolVersion":"2025-11-25"', `"protocolVersion":"${version}"`));
        answer(request, response, text);
      };
      const weir = await Weir.start({ servers: { pipe: { command: process.execPath, args: ['-e', script] }, web: { url: web.url } } });
      await weir.settled();
      for (const name of ['pipe__echo', 'web__echo']) assert.ok(answerOf(await ask(weir.url, 'tools/call', `"name":"${name}","arguments":{"nonce":"n"}`, { name })).result, name + version);
      await weir.stop();
      await web.stop();
    }
  },
};
