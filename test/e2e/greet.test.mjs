// How servers are found out: answers to server/discover that are none, and revisions that a server lists.
import assert from 'node:assert/strict';
import { Upstream } from './upstream.mjs';
import { Weir, answerOf, ask, between, until } from './weir.mjs';

// An upstream whose discover is answered by `discover(send, id, nth)`.
const answering = (era, discover) => {
  let nth = 0;
  return { era, before: (parsed, send) => parsed.method === 'server/discover' && (discover(send, JSON.stringify(parsed.id), nth++), true) };
};
const refusal = (id, supported) => `{"jsonrpc":"2.0","id":${id},"error":{"code":-32022,"message":"Unsupported protocol version","data":{"supported":${JSON.stringify(supported)},"requested":"2026-07-28"}}}`;
const discovered = (id) => `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}}`;
const methods = (upstream) => upstream.seen.map((one) => one.method);
const echo = async (weir) => answerOf(await ask(weir.url, 'tools/call', '"name":"echo","arguments":{"a":1}', { name: 'echo' }));

// A child that answers `discover` as told and initialize as an old server; it tells what it was asked by `seen`.
const child = (discover) => ({
  command: process.execPath,
  args: ['-e', `const seen=[];let nth=0;const say=(m)=>process.stdout.write(JSON.stringify({jsonrpc:'2.0',...m})+'\\n');require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);seen.push(m.method+' '+(m.params?.protocolVersion??''));
    if(m.method==='server/discover')say({id:m.id,...(${discover})(nth++)});
    else if(m.method==='initialize')say({id:m.id,result:{protocolVersion:m.params.protocolVersion,capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});
    else if(m.method==='tools/list')say({id:m.id,result:{resultType:'complete',ttlMs:0,cacheScope:'private',tools:[{name:'echo',inputSchema:{type:'object'}}]}});
    else if(m.method==='tools/call')say({id:m.id,result:{resultType:'complete',content:[],structuredContent:{seen}}});
  })`],
});
const throughChild = async (discover) => {
  const weir = await Weir.start({ servers: { a: child(discover) } });
  try {
    await weir.settled();
    return { protocol: (await weir.servers())[0].protocol, seen: (await echo(weir)).result.structuredContent.seen.filter((one) => /^(server.discover|initialize) /.test(one)) };
  } finally {
    assert.equal((await weir.stop()).code, 0);
  }
};

// Nothing but `times` questions who it is: on a busy machine it may have been greeted anew since, a second later each time.
const discovering = (asked, times) => assert.ok(asked.length >= times && asked.length <= 4 * times && asked.every((one) => one === 'server/discover'), String(asked));

export const tests = {
  async 'server/discover answered by a result that is none: an old server'() {
    for (const result of ['{}', '{"supportedVersions":"2026-07-28"}', '{"tools":[]}', '[]'])
      await between(answering('old', (send, id) => send(200, `{"jsonrpc":"2.0","id":${id},"result":${result}}`)), async (weir, upstream) => {
        await weir.settled();
        assert.deepEqual(methods(upstream).slice(0, 3), ['server/discover', 'initialize', 'notifications/initialized'], result);
        assert.equal((await weir.servers())[0].protocol, '2025-11-25');
        assert.equal((await echo(weir)).result.content[0].text, '{"a":1}');
      });
  },

  async 'server/discover answered by nothing: an old server'() {
    for (const status of [200, 202, 204])
      await between(answering('old', (send) => send(status, '')), async (weir, upstream) => {
        await weir.settled();
        assert.deepEqual(methods(upstream).slice(0, 2), ['server/discover', 'initialize']);
      });
  },

  async 'the revision asked in is refused and listed: asked once more, at once'() {
    await between(answering('new', (send, id, nth) => (nth ? send(200, discovered(id)) : send(400, refusal(id, ['2026-07-28', '2025-11-25'])))), async (weir, upstream) => {
      await weir.settled();
      assert.deepEqual(methods(upstream).slice(0, 3), ['server/discover', 'server/discover', 'tools/list']);
      assert.equal(upstream.seen[1].headers['mcp-protocol-version'], '2026-07-28');
      assert.deepEqual(Object.keys(upstream.seen[1].parsed.params._meta['io.modelcontextprotocol/clientCapabilities']), ['elicitation', 'roots', 'sampling']);
      assert.equal((await weir.servers())[0].protocol, '2026-07-28');
    });
    // Once only: then it is unreachable until the next greeting.
    await between(answering('new', (send, id) => send(400, refusal(id, ['2026-07-28']))), async (weir, upstream) => {
      await until(async () => (await weir.servers())[0].state === 'unreachable');
      assert.match(JSON.stringify(await weir.servers()), /speaks a revision of MCP that Weir does not/);
      discovering(methods(upstream), 2);
    });
  },

  async 'only old revisions are listed: initialize in the newest of them'() {
    const table = [
      [['2025-03-26', '2025-06-18', '2024-11-05'], '2025-06-18'],
      [['2030-01-01', '2025-11-25'], '2025-11-25'],
      [['2024-11-05'], '2024-11-05'],
    ];
    for (const [supported, wanted] of table) {
      const refused = (send, id) => send(400, refusal(id, supported));
      const listed = (send, id) => send(200, `{"jsonrpc":"2.0","id":${id},"result":{"supportedVersions":${JSON.stringify(supported)},"capabilities":{}}}`);
      for (const discover of [refused, listed])
        await between(answering('old', discover), async (weir, upstream) => {
          await weir.settled();
          assert.deepEqual(methods(upstream).slice(0, 2), ['server/discover', 'initialize']);
          assert.equal(upstream.seen[1].parsed.params.protocolVersion, wanted);
        });
    }
    await between(answering('new', (send, id) => send(400, refusal(id, ['2030-01-01']))), async (weir, upstream) => {
      await until(async () => (await weir.servers())[0].state === 'unreachable');
      discovering(methods(upstream), 1);
    });
  },

  async 'the same over stdio'() {
    const error = (supported) => `({error:{code:-32022,message:'no',data:{supported:${JSON.stringify(supported)}}}})`;
    const result = `({result:{resultType:'complete',supportedVersions:['2026-07-28'],capabilities:{tools:{}},ttlMs:0,cacheScope:'private'}})`;
    assert.deepEqual(await throughChild('()=>({result:{}})'), { protocol: '2025-11-25', seen: ['server/discover ', 'initialize 2025-11-25'] });
    assert.deepEqual(await throughChild(`()=>${error(['2025-06-18', '2025-03-26'])}`), { protocol: '2025-06-18', seen: ['server/discover ', 'initialize 2025-06-18'] });
    assert.deepEqual(await throughChild(`(nth)=>nth?${result}:${error(['2026-07-28'])}`), { protocol: '2026-07-28', seen: ['server/discover ', 'server/discover '] });
  },

  async 'initialize answered by nothing: said so'() {
    const upstream = await Upstream.start({ era: 'old', before: (parsed, send) => parsed.method === 'initialize' && (send(200, ''), true) });
    const weir = await Weir.start({ servers: { a: { url: upstream.url } } });
    try {
      await until(async () => (await weir.servers())[0].state === 'unreachable');
      assert.match(JSON.stringify(await weir.servers()), /answered initialize without a JSON-RPC response/);
    } finally {
      await weir.stop();
      await upstream.stop();
    }
  },
};
