// Children that misbehave, through the shipped binary: what they do costs their own calls, and nobody else's.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Weir, accept, answerOf, ask, messages, meta, modules, openSession, request, until } from './weir.mjs';

const node = (...args) => ({ command: process.execPath, args });
// The beginning of every child: an old server with one tool; what follows defines call(message).
const hello = `const say=(m)=>process.stdout.write(JSON.stringify(m)+'\\n');require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);if(m.method==='initialize')say({jsonrpc:'2.0',id:m.id,result:{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});else if(m.method==='tools/list')say({jsonrpc:'2.0',id:m.id,result:{tools:[{name:'echo',inputSchema:{type:'object'}}]}});else if(m.method==='tools/call')call(m);else if(m.id!==undefined)say({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})});`;
const child = (rest) => node('-e', hello + rest);
const answer = `const call=(m)=>say({jsonrpc:'2.0',id:m.id,result:{content:[],nonce:m.params.arguments.nonce}});`;
const call = async (weir, name, args = '{}') => answerOf(await ask(weir.url, 'tools/call', `"name":"${name}","arguments":${args}`, { name }));

export const tests = {
  // Each child misbehaves for as long as it lives; the one beside them must answer as if it were alone.
  async 'children that flood, never end a line or answer unknown ids harm nobody'() {
    const pump = (text) => `const pump=()=>{while(process.stdout.write(${text}));process.stdout.once('drain',pump)};`;
    const weir = await Weir.start({
      timeout: { request: '2s' },
      servers: {
        good: child(`const call=(m)=>say({jsonrpc:'2.0',id:m.id,result:{content:[],nonce:m.params.arguments.nonce}});`),
        lines: child(pump(`'no json at all\\n'.repeat(2000)`) + `const call=()=>pump();`),
        messages: child(pump(`'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\\n'.repeat(500)`) + `const call=()=>pump();`),
        progress: child(`const call=(m)=>{const line=JSON.stringify({jsonrpc:'2.0',method:'notifications/progress',params:{progressToken:m.params._meta.progressToken,progress:1}})+'\\n';const pump=()=>{while(process.stdout.write(line.repeat(500)));process.stdout.once('drain',pump)};pump()};`),
        endless: child(pump(`'x'.repeat(65536)`) + `const call=()=>pump();`),
        stderr: child(`const call=()=>{const pump=()=>{while(process.stderr.write('noise\\n'.repeat(2000)));process.stderr.once('drain',pump)};pump()};`),
        unknown: child(`const call=(m)=>{for(const id of ['x',0,-1,null,1e15,m.id+1e6,String(m.id)])say({jsonrpc:'2.0',id,result:{stolen:true}});say({jsonrpc:'2.0',id:m.id,result:{content:[],nonce:m.params.arguments.nonce}})};`),
      },
    });
    await weir.settled();
    const one = async (server, nonce) => answerOf(await ask(weir.url, 'tools/call', `"name":"${server}__echo","arguments":{"nonce":"${nonce}"}`, { name: `${server}__echo` }));
    const bad = ['lines', 'messages', 'endless', 'stderr'].map((server) => one(server, 'never'));
    let answered = 0;
    const workers = Array.from({ length: 16 }, async (_, worker) => {
      for (let round = 0; round < 50; ++round) {
        const server = (worker + round) % 2 ? 'good' : 'unknown';
        const answer = await one(server, `${worker}-${round}`);
        assert.equal(answer.result?.nonce, `${worker}-${round}`, JSON.stringify(answer));
        ++answered;
      }
    });
    await Promise.all(workers);
    for (const answer of await Promise.all(bad)) assert.ok([1003, 1011].includes(answer.error.code), JSON.stringify(answer));
    const rss = Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${weir.child.pid}/status`, 'utf8'))[1]) / 1024;
    assert.ok(rss < 400, `${rss} MB`);
    assert.ok((await one('good', 'after')).result);
    assert.ok(weir.log.length < 4e6, `${weir.log.length} bytes of log`);
    await until(() => /lines were left out/.test(weir.log), 5000, 'the log to say so');
    assert.equal((await weir.stop()).code, 0);
    return `${answered} answers beside four floods, ${rss.toFixed(0)} MB`;
  },


  // The client has said no level: in the shared child no log is for it, in its own it can't take all of them.
  async 'a call survives a burst of log messages that its client does not read in time'() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-burst-'));
    const burst = (name) => child(`const call=(m)=>{const line=JSON.stringify({jsonrpc:'2.0',method:'notifications/message',params:{level:'debug',data:'x'.repeat(5000)}})+'\\n';process.stdout.write(line.repeat(3000),()=>{say({jsonrpc:'2.0',id:m.id,result:{content:[{type:'text',text:'ok'}]}});require('fs').writeFileSync('${path.join(folder, name)}','')})};`);
    const weir = await Weir.start({ limits: { message: '1MB' }, servers: { shared: burst('shared'), own: { ...burst('own'), session: 'per_client' } } });
    await weir.settled();
    const client = await openSession(weir.url, '2025-06-18');
    for (const server of ['shared', 'own']) {
      const answer = await client.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${server}__echo","arguments":{}}}`, (response) => {
        response.pause();
        void until(() => fs.existsSync(path.join(folder, server)), 60000, 'the burst').then(() => response.resume());
      });
      const came = messages(answer).map((one) => one.trim() && JSON.parse(one)).filter(Boolean);
      assert.equal(came.at(-1).result?.content[0].text, 'ok', `${server}: ${JSON.stringify(came.at(-1))}`);
      if (server === 'shared') assert.equal(came.length, 1);
      else assert(came.length < 3000, `${came.length} came`);
    }
    await client.end();
    assert.equal((await weir.stop()).code, 0);
    fs.rmSync(folder, { recursive: true });
  },

  async 'a flood of progress ends with its client'() {
    const weir = await Weir.start({ threads: 2, servers: Object.fromEntries(['a', 'b'].map((name) => [name, child(`const call=(m)=>{const line=JSON.stringify({jsonrpc:'2.0',method:'notifications/progress',params:{progressToken:m.params._meta.progressToken,progress:1}})+'\\n';const pump=()=>{while(process.stdout.write(line.repeat(500)));process.stdout.once('drain',pump)};pump()};`)])) });
    await weir.settled();
    for (const server of ['a', 'b', 'a', 'b']) {
      let sent;
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${server}__echo","arguments":{},"_meta":{"progressToken":7,${meta}}}}`;
      const gone = request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': `${server}__echo` }, body, (response, outgoing) => {
        sent = outgoing;
        response.once('data', () => outgoing.destroy());
      });
      await gone.catch(() => {});
      assert.ok(sent);
    }
    await until(async () => (await weir.servers()).every((one) => one.in_flight === 0), 5000, 'the calls to end');
    assert.equal((await weir.stop()).code, 0);
  },

  async 'answers that are too large or none at all end their call at once'() {
    const weir = await Weir.start({
      limits: { message: '64KB' },
      servers: {
        head: child(`const call=(m)=>say({jsonrpc:'2.0',id:m.id,result:{text:'x'.repeat(200000)}});`),
        tail: child(`const call=(m)=>say({result:{text:'x'.repeat(200000)},jsonrpc:'2.0',id:m.id});`),
        none: child(`const call=(m)=>say({jsonrpc:'2.0',id:m.id});`),
      },
    });
    await weir.settled();
    for (const [server, code] of [['head', 1011], ['tail', 1011], ['none', 1002]]) {
      const { error } = await call(weir, `${server}__echo`);
      assert.deepEqual([error.code, error.data.server], [code, server], error.message);
    }
    await weir.stop();
  },

  // It boots for longer than a question is waited for, and takes the era of whatever it is asked last.
  async 'a server that starts slowly keeps its era'() {
    const dual = `const say=(m)=>process.stdout.write(JSON.stringify(m)+'\\n');let old=false;setTimeout(()=>require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);
      if(m.method==='initialize'){old=true;say({jsonrpc:'2.0',id:m.id,result:{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}})}
      else if(m.method==='server/discover')say({jsonrpc:'2.0',id:m.id,result:{resultType:'complete',supportedVersions:['2026-07-28'],capabilities:{tools:{}},ttlMs:0,cacheScope:'private'}});
      else if(m.method==='tools/list')say({jsonrpc:'2.0',id:m.id,result:old?{tools:[]}:{resultType:'complete',tools:[],ttlMs:0,cacheScope:'private'}});
      else if(m.id!==undefined)say({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})}),4000)`.replace(/\n +/g, '');
    const weir = await Weir.start({ servers: { slow: node('-e', dual) } });
    const listed = (of) => until(async () => JSON.parse(messages(await ask(of.url, 'tools/list')).at(-1)).result, 60000, 'the list');
    assert.equal((await listed(weir)).resultType, 'complete');
    assert.equal((await weir.servers())[0].protocol, '2026-07-28');
    await weir.stop();
    const docs = path.join(modules, '@upstash/context7-mcp/dist/index.js');
    const real = await Weir.start({ servers: { docs: { command: 'bash', args: ['-c', `sleep 4; exec "${process.execPath}" "${docs}"`] } } });
    const answer = await listed(real);
    assert.deepEqual([answer.resultType, answer.tools.length >= 2], ['complete', true]);
    await real.stop();
  },

  async 'a caller that wants many children of its own ends no session\'s child'() {
    const count = `let n=0;const call=(m)=>say({jsonrpc:'2.0',id:m.id,result:{content:[],nonce:++n}});`;
    const weir = await Weir.start({ servers: { a: { ...child(count), session: 'per_client' } } });
    await weir.settled();
    const session = await openSession(weir.url);
    const own = async () => JSON.parse(messages(await session.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}')).at(-1)).result.nonce;
    assert.equal(await own(), 1);
    const stranger = async (capability) => {
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"${capability}":{}}}}}`;
      return answerOf(await request('POST', weir.url, { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }, body));
    };
    for (let n = 0; n < 33; ++n) assert.equal((await stranger('x' + n)).result?.nonce, 1, 'its own make room for each other');
    assert.equal(await own(), 2, 'the child that has counted before');
    await weir.stop();
  },

  async 'few descriptors are enough for children'() {
    const servers = Object.fromEntries(['a', 'b'].map((name) => [name, child(answer)]));
    const weir = await Weir.start({ threads: 1, servers }, [], { descriptors: 45 });
    await weir.settled();
    assert.equal((await call(weir, 'b__echo', '{"nonce":5}')).result.nonce, 5);
    await weir.stop();
  },

  async 'a child has the descriptors that Weir was given, and nothing of the supervisor'() {
    const weir = await Weir.start({ servers: { a: child(`const call=(m)=>say({jsonrpc:'2.0',id:m.id,result:{content:[],limit:require('child_process').execSync('ulimit -Sn').toString().trim(),names:Object.keys(process.env).filter((n)=>n.startsWith('WEIR'))}});`) } });
    await weir.settled();
    const { result } = await call(weir, 'echo');
    const { execSync } = await import('node:child_process');
    assert.deepEqual([result.limit, result.names], [execSync('ulimit -Sn').toString().trim(), []]);
    await weir.stop();
  },

  // Children that end at once are started again and again beside servers that are well.
  async 'starting children harms nobody who is connected'() {
    const bad = (n) => [`bad${n}`, n % 2 ? { command: '/nonexistent/program' } : node('-e', '0')];
    const weir = await Weir.start({ threads: 2, servers: { ...Object.fromEntries([0, 1, 2, 3, 4, 5].map(bad)), ...Object.fromEntries(['a', 'b', 'c'].map((name) => [name, child(answer)])) } });
    await until(async () => (await weir.servers()).every((one) => /^bad/.test(one.name) ? one.state === 'unreachable' : one.state === 'ready'), 20000);
    for (let round = 0; round < 200; ++round)
      for (const name of ['a', 'b', 'c']) assert.equal((await call(weir, `${name}__echo`, `{"nonce":${round}}`)).result.nonce, round);
    for (const one of await weir.servers()) if (one.reason) assert.doesNotMatch(one.reason, /supervisor has gone/, one.name);
    assert.doesNotMatch(weir.log, /supervisor has gone/);
    assert.equal((await weir.stop()).code, 0);
  },
};
