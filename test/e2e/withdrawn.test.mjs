// A server that takes its question back: whoever was asked hears of it, on every way a server has.
import assert from 'node:assert/strict';
import { Weir, between, openSession, request, until } from './weir.mjs';

const form = { message: 'x', requestedSchema: { type: 'object', properties: {} } };
const echo = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}';
const open = (weir) => openSession(weir.url, '2025-11-25', '{"elicitation":{},"roots":{"listChanged":true}}');
// The messages of a stream so far.
const told = (text) => text.split('\n').filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)));
// Waits until the stream has the question and its end, under the id that the client knows.
const withdrawn = async (text) => {
  await until(() => told(text()).some((one) => one.method === 'notifications/cancelled'), 15000, 'the end of the question');
  const question = told(text()).find((one) => one.method === 'elicitation/create');
  const end = told(text()).find((one) => one.method === 'notifications/cancelled');
  assert.equal(end.params.requestId, question.id);
};

export const tests = {
  async 'over stdio: in the call that the question went to'() {
    // The call ends once the client has told of its roots.
    const script = `const say=(m)=>process.stdout.write(JSON.stringify({jsonrpc:'2.0',...m})+'\\n');let call;
      require('readline').createInterface({input:process.stdin}).on('line',(l)=>{const m=JSON.parse(l);
        if(m.method==='initialize')say({id:m.id,result:{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});
        else if(m.method==='tools/list')say({id:m.id,result:{tools:[{name:'echo',inputSchema:{type:'object'}}]}});
        else if(m.method==='tools/call'){call=m.id;say({id:'q',method:'elicitation/create',params:${JSON.stringify(form)}});say({method:'notifications/cancelled',params:{requestId:'q'}});}
        else if(m.method==='notifications/roots/list_changed')say({id:call,result:{content:[{type:'text',text:'end'}]}});
        else if(m.id!==undefined&&m.method)say({id:m.id,error:{code:-32601,message:'no'}});});`;
    for (const session of ['auto', 'per_client']) {
      const weir = await Weir.start({ servers: { a: { command: process.execPath, args: ['-e', script], session } } });
      try {
        await weir.settled();
        const client = await open(weir);
        let text = '';
        const call = client.post(echo, (answer) => answer.on('data', (part) => (text += part)));
        await withdrawn(() => text);
        await client.post('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}');
        assert.match((await call).text, /"end"/);
      } finally {
        await weir.stop();
      }
    }
  },

  async 'on the stream of the client\'s own session'() {
    const streams = new Map();
    let held;
    const before = (parsed, send, one, response) => {
      if (one.method !== 'GET') return false;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      streams.set(one.headers['mcp-session-id'], response);
      return true;
    };
    await between({ era: 'old', before, call: (parsed, respond) => (held = respond) }, async (weir, upstream) => {
      await weir.settled();
      const client = await open(weir);
      let text = '';
      request('GET', weir.url, client.headers, '', (answer) => answer.on('data', (part) => (text += part))).catch(() => {});
      const call = client.post(echo);
      await until(() => held);
      const stream = streams.get(upstream.calls()[0].headers['mcp-session-id']);
      stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params: form })}\n\n`);
      stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'q' } })}\n\n`);
      await withdrawn(() => text);
      const question = told(text).find((one) => one.method === 'elicitation/create');
      const late = await client.post(`{"jsonrpc":"2.0","id":${JSON.stringify(question.id)},"result":{"action":"decline"}}`);
      assert.equal(late.status, 400);
      held.result('{"content":[]}');
      assert.equal((await call).status, 200);
      await client.end();
    });
  },
};
