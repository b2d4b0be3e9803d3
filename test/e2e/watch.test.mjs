// What a server is asked to tell of, where it fails, refuses, or tells too much; and what one client costs the others.
import assert from 'node:assert/strict';
import { listen, subscribe, telling } from './telling.mjs';
import { Weir, ask, between, messages, openSession, request, until } from './weir.mjs';

const names = (count, prefix) => Array.from({ length: count }, (_, i) => `x://${prefix}${i}`);
const call = (session) => session.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}');
const last = (answer) => JSON.parse(messages(answer).filter((one) => one).at(-1));

// An old server over HTTP with sessions; `answer(parsed, json, response)`: true, it has answered.
function old(answer) {
  const spec = { gets: new Map(), asked: [] };
  spec.before = (parsed, send, http, response) => {
    const session = http.headers['mcp-session-id'];
    if (http.method === 'GET') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(':\n\n');
      return spec.gets.set(session, response), true;
    }
    if (http.method === 'DELETE') return send(200, ''), true;
    const json = (result, headers) => send(200, JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result }), headers);
    if (parsed.method === 'server/discover') return send(404, ''), true;
    if (parsed.method === 'initialize') return json({ protocolVersion: '2025-11-25', capabilities: { tools: {}, logging: {}, resources: { subscribe: true } }, serverInfo: { name: 'o', version: '1' } }, { 'Mcp-Session-Id': `s${spec.asked.length}` }), spec.asked.push({ method: 'initialize' }), true;
    if (parsed.id === undefined) return send(202, ''), true;
    spec.asked.push({ method: parsed.method, params: parsed.params, session });
    if (answer(parsed, json, response)) return true;
    return json({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }], resources: [], resourceTemplates: [], content: [] }), true;
  };
  return spec;
}

// A child that counts its subscriptions; a call says how many it has.
const child = `let uris=0;const say=(id,result)=>process.stdout.write(JSON.stringify({jsonrpc:'2.0',id,result})+'\\n');require('readline').createInterface({input:process.stdin}).on('line',(l)=>{const m=JSON.parse(l);if(m.id===undefined)return;if(m.method==='resources/subscribe')++uris;if(m.method==='server/discover')return process.stdout.write(JSON.stringify({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})+'\\n');say(m.id,m.method==='initialize'?{protocolVersion:'2025-11-25',capabilities:{tools:{},resources:{subscribe:true}},serverInfo:{name:'p',version:'1'}}:{tools:[{name:'echo',inputSchema:{type:'object'}}],resources:[],resourceTemplates:[],content:[{type:'text',text:String(uris)}]})});`;

export const tests = {
  async 'a server that answers errors for a while is listened to again, for all that is wanted'() {
    for (const how of [{ code: -32603 }, { status: 503, code: -32000 }]) {
      let broken = false;
      const spec = telling({ refuses: () => broken && how });
      await between(spec, async (weir) => {
        await weir.settled();
        const one = listen(weir.url, { resourceSubscriptions: ['x://1', 'x://2'] });
        await one.acknowledged();
        const before = spec.state.filters.length;
        broken = true;
        for (const { response } of spec.state.open) response.destroy();
        await until(() => spec.state.filters.length >= before + 2, 20000, 'two attempts');
        assert.equal(spec.state.filters.at(-1).resourceSubscriptions.join(), 'x://1,x://2', 'nothing is to blame');
        broken = false;
        await until(() => spec.state.open.size === 1, 20000, 'the stream');
        [...spec.state.open][0].tell('notifications/resources/updated', { uri: 'x://2' });
        await one.came('notifications/resources/updated');
        const session = await openSession(weir.url);
        assert.ok((await subscribe(session, 'x://9')).result);
        await session.end();
        one.leave();
      });
    }
  },

  async 'what a server has refused it is asked for again later'() {
    let gone = false;
    const spec = telling({ refuses: (filter) => gone && filter.resourceSubscriptions?.includes('x://2') });
    await between(spec, async (weir) => {
      await weir.settled();
      const one = listen(weir.url, { resourceSubscriptions: ['x://1', 'x://2'] });
      await one.acknowledged();
      gone = true;
      for (const { response } of spec.state.open) response.destroy();
      await until(() => spec.state.open.size === 1 && [...spec.state.open][0].wanted.resourceSubscriptions?.join() === 'x://1', 20000, 'the other');
      gone = false;
      await until(() => spec.state.open.size === 1 && [...spec.state.open][0].wanted.resourceSubscriptions.join() === 'x://1,x://2', 60000, 'both');
      [...spec.state.open][0].tell('notifications/resources/updated', { uri: 'x://2' });
      await one.came('notifications/resources/updated');
      one.leave();
    });
  },

  async 'a stream is acknowledged once'() {
    const spec = telling();
    await between(spec, async (weir) => {
      await weir.settled();
      const one = listen(weir.url, { resourceSubscriptions: ['x://1'] });
      await one.acknowledged();
      await until(() => spec.state.open.size === 1, 10000, 'one stream');
      const [stream] = spec.state.open;
      for (let i = 0; i < 10; ++i) stream.tell('notifications/subscriptions/acknowledged', { notifications: {} });
      stream.tell('notifications/resources/updated', { uri: 'x://1' });
      await one.came('notifications/resources/updated');
      const session = await openSession(weir.url);
      assert.ok((await subscribe(session, 'x://1')).result, 'it stands by what it has agreed to');
      await session.end();
      one.leave();
    });
  },

  async 'a good name is not refused beside many bad ones of another client'() {
    const spec = telling({ refuses: (filter) => filter.resourceSubscriptions?.some((uri) => uri.includes('bad')) });
    await between(spec, async (weir) => {
      await weir.settled();
      const session = await openSession(weir.url);
      const many = listen(weir.url, { resourceSubscriptions: names(300, 'bad') });
      await until(() => spec.state.filters.some((one) => one.resourceSubscriptions?.some((uri) => uri.includes('bad'))), 20000, 'the bad names');
      let good = 0;
      for (; !many.messages.length; ++good) assert.ok((await subscribe(session, `x://good${good}`)).result, `good ${good}`);
      assert.deepEqual(await many.acknowledged(), {});
      assert.ok(spec.state.filters.length < 1000, `${spec.state.filters.length} listens`);
      await session.end();
      many.leave();
      return `${good} good names, ${spec.state.filters.length} listens`;
    });
  },

  async 'a subscription holds though the server logs while it answers'() {
    const spec = old((parsed, json, response) => {
      if (parsed.method !== 'resources/subscribe') return false;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"subscribing"}}\n\n');
      const good = parsed.params.uri === 'x://1';
      return response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: parsed.id, ...(good ? { result: {} } : { error: { code: -32602, message: 'no' } }) })}\n\n`), true;
    });
    await between(spec, async (weir) => {
      await weir.settled();
      const session = await openSession(weir.url);
      const heard = [];
      let leave;
      request('GET', weir.url, { ...session.headers, Accept: 'text/event-stream' }, '', (response, sent) => {
        leave = () => sent.destroy();
        response.on('data', (part) => heard.push(String(part)));
      }).catch(() => {});
      const asked = async (uri) => last(await session.post(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"${uri}"}}`));
      assert.deepEqual((await asked('x://1')).result, {});
      assert.equal((await asked('x://2')).error.code, -32602);
      const { session: own } = spec.asked.find((one) => one.method === 'resources/subscribe');
      await until(() => spec.gets.has(own) && leave, 20000, 'the streams');
      for (const uri of ['x://2', 'x://1']) spec.gets.get(own).write(`data: {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${uri}"}}\n\n`);
      await until(() => heard.join('').includes('x://1'), 20000, 'the update');
      assert.ok(!heard.join('').includes('x://2'));
      leave();
      await session.end();
    });
  },

  async 'one log level is told at a time, and then the newest'() {
    const held = [];
    const spec = old((parsed, json) => parsed.method === 'logging/setLevel' && held.push({ level: parsed.params.level, json }) > 0);
    await between(spec, async (weir) => {
      await weir.settled();
      const session = await openSession(weir.url);
      await call(session);
      const level = async (name) => assert.ok(last(await session.post(`{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"${name}"}}`)).result);
      await level('info');
      await until(() => held.length === 1, 10000, 'the first');
      for (const name of ['debug', 'warning', 'notice', 'error']) await level(name);
      held[0].json({});
      await until(() => held.length === 2, 10000, 'the newest');
      held[1].json({});
      await call(session);
      assert.deepEqual(held.map((one) => one.level), ['info', 'error']);
      await session.end();
    });
  },

  async 'whose time is over while its server is told a log level is never sent: nothing ran'() {
    // It answers all but the level, and says how often its tool ran.
    const mute = child.replace('tools:{}', 'tools:{},logging:{}').replace('if(m.id===undefined)return;', "if(m.id===undefined||m.method==='logging/setLevel')return;if(m.method==='tools/call')++uris;");
    const weir = await Weir.start({ servers: { a: { command: process.execPath, args: ['-e', mute] } } });
    await weir.settled();
    const write = (more, from) => ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo', capabilities: '{"elicitation":{}}', more, from });
    const { error } = last(await write('"io.modelcontextprotocol/logLevel":"debug","weir/timeoutMs":500,'));
    assert.match(error.message, /before it could be sent/);
    assert.equal(last(await write('')).result?.content[0].text, '1', 'the first that it was sent');
    assert.equal((await weir.stop()).code, 0);
  },

  async 'one client does not keep all others from children of their own'() {
    const weir = await Weir.start({ servers: { a: { command: process.execPath, args: ['-e', child], session: 'per_client' } } });
    await weir.settled();
    const many = [];
    for (let i = 0; i < 32; ++i) {
      many.push(await openSession(weir.url));
      assert.ok((await subscribe(many[i], 'x://1')).result, `subscription ${i}`);
    }
    const answer = await ask(weir.url, 'tools/call', '"name":"echo","arguments":{}', { name: 'echo', from: '127.0.0.2' });
    assert.equal(last(answer).result?.content[0].text, '0', answer.text);
    // Whoever had to make room finds its subscription again.
    for (const session of many) assert.equal(last(await call(session)).result.content[0].text, '1');
    assert.equal((await weir.stop()).code, 0);
  },

  async 'what a client says of itself costs the gateway once, however much it listens to'() {
    // Streams of an old server: what is asked in a caller's own session is asked one by one.
    const http = await import('node:http');
    const [streams, introduced] = [new Map(), []];
    const server = http.createServer((incoming, response) => {
      if (incoming.method === 'GET') {
        const id = String(streams.size);
        streams.set(id, response);
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        return response.write(`event: endpoint\ndata: /messages?s=${id}\n\n`);
      }
      let text = '';
      incoming.on('data', (part) => (text += part));
      incoming.on('end', () => {
        response.writeHead(202).end();
        const parsed = JSON.parse(text);
        if (parsed.id === undefined) return;
        if (parsed.method === 'initialize') introduced.push(parsed.params.clientInfo);
        const result = parsed.method === 'initialize' ? { protocolVersion: '2024-11-05', capabilities: { resources: { subscribe: true }, tools: {} }, serverInfo: { name: 'r', version: '1' } } : { tools: [], resources: [], resourceTemplates: [] };
        streams.get(new URL(incoming.url, 'http://x').searchParams.get('s')).write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: parsed.id, result })}\n\n`);
      });
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const config = (more) => ({ servers: { a: { url: `http://127.0.0.1:${server.address().port}/sse`, type: 'sse', ...more } } });
    const weir = await Weir.start(config());
    try {
      await weir.settled();
      const info = { name: 'e', version: '1', x: 'y'.repeat(60000) };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params: { notifications: { resourceSubscriptions: names(2000, 'n') }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': info, 'io.modelcontextprotocol/clientCapabilities': { experimental: { x: 'z'.repeat(60000) } } } } });
      let [got, leave] = [''];
      request('POST', weir.url, { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'subscriptions/listen' }, body, (response, sent) => {
        leave = () => sent.destroy();
        response.on('data', (part) => (got += part));
      }).catch(() => {});
      await until(() => got.includes('\n\n'), 60000, 'the acknowledgement');
      assert.equal(got.match(/x:\/\/n\d/g).length, 2000);
      const { readFileSync } = await import('node:fs');
      const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${weir.child.pid}/status`, 'utf8'))[1]) / 1024;
      assert.ok(peak < 400, `${peak} MB`);
      // Another server in its place gets to know the same client.
      const count = introduced.length;
      weir.write(config({ headers: { 'X-Other': '1' } }));
      await until(() => introduced.slice(count).some((one) => one.x === info.x), 30000, 'the introduction');
      leave();
      return `${peak.toFixed(0)} MB`;
    } finally {
      const how = await weir.stop();
      if (how.code !== 0) console.log(how, weir.log.slice(-3000));
      assert.equal(how.code, 0);
      server.closeAllConnections();
      server.close();
    }
  },
};
