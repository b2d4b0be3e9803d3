// Mcp-Param-* headers: what clients must send, and what upstreams are sent.
import assert from 'node:assert/strict';
import http from 'node:http';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, createMcpHandler, fromJsonSchema } from '@modelcontextprotocol/server';
import { Weir, answerOf, ask, between, openSession, until } from './weir.mjs';

const tool = (name, properties, more = {}) => ({ name, inputSchema: { type: 'object', properties, ...more } });
const text = (header) => ({ type: 'string', 'x-mcp-header': header });
const sql = tool('sql', {
  region: text('Region'),
  limit: { 'x-mcp-header': 'Limit', type: 'integer' },
  dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
  where: { type: 'object', properties: { zone: text('Zone'), 'x-mcp-header': { type: 'string' } } },
  query: { type: 'string', default: { 'x-mcp-header': '' } },
});
const base64 = (value) => `=?base64?${Buffer.from(value).toString('base64')}?=`;

// The Mcp-Param-* headers of the last call that an upstream saw.
function mirrored(upstream) {
  const { headers } = upstream.calls().at(-1);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('mcp-param-')).map(([name, value]) => [name.slice(10), value]));
}
const call = (weir, name, args, params = {}, more = {}) =>
  ask(weir.url, 'tools/call', `"name":"${name}","arguments":${args}`, { name, headers: Object.fromEntries(Object.entries(params).map(([key, value]) => ['Mcp-Param-' + key, value])), ...more });
const oldCall = (session, name, args) => session.post(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"${name}"${args ? `,"arguments":${args}` : ''}}}`);
const names = async (weir) => answerOf(await ask(weir.url, 'tools/list')).result.tools.map((one) => one.name);

// Arguments, and the headers that they make.
const table = [
  ['{"region":"us-west1","limit":42,"dry":true,"where":{"zone":"z"},"query":"q"}', { region: 'us-west1', limit: '42', dry: 'true', zone: 'z' }],
  ['{"region":"Hello, 世界"}', { region: '=?base64?SGVsbG8sIOS4lueVjA==?=' }],
  ['{"region":"\\u4e16\\u754c"}', { region: base64('世界') }],
  ['{"region":" padded "}', { region: '=?base64?IHBhZGRlZCA=?=' }],
  ['{"region":"a b"}', { region: 'a b' }],
  ['{"region":"line1\\nline2"}', { region: '=?base64?bGluZTEKbGluZTI=?=' }],
  ['{"region":"a\\r\\nMcp-Param-Dry: true"}', { region: base64('a\r\nMcp-Param-Dry: true') }],
  ['{"region":"a\\tb"}', { region: base64('a\tb') }],
  ['{"region":"=?base64?literal?="}', { region: '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=' }],
  ['{"region":"=?base64?no end"}', { region: '=?base64?no end' }],
  ['{"region":""}', { region: '' }],
  ['{"region":null,"limit":-7,"dry":false}', { limit: '-7', dry: 'false' }],
  ['{"limit":42.0}', { limit: '42' }],
  ['{"limit":9007199254740991}', { limit: '9007199254740991' }],
  ['{"limit":9007199254740993}', {}],
  ['{"limit":1e400}', {}],
  ['{"region":"x","where":null}', { region: 'x' }],
  ['{"region":["x"],"where":"no object"}', {}],
  ['{"where":{"zone":"ü","other":1},"zone":"not this one"}', { zone: base64('ü') }],
  ['{}', {}],
];

export const tests = {
  async 'arguments become the headers of a new server, for clients of both eras'() {
    await between({ tools: [sql, 'plain'] }, async (weir, upstream) => {
      await weir.settled();
      const session = await openSession(weir.url);
      for (const [args, expected] of table) {
        assert.ok(JSON.parse((await oldCall(session, 'sql', args)).text).result, args);
        assert.deepEqual(mirrored(upstream), expected, args);
        const got = await call(weir, 'sql', args, { ...expected, Other: 'kept', Odd: 'x:  y' });
        assert.equal(got.status, 200, args + got.text);
        assert.deepEqual(mirrored(upstream), { ...expected, other: 'kept', odd: 'x:  y' }, args);
      }
      await oldCall(session, 'sql');
      assert.deepEqual(mirrored(upstream), {});
      // Of a tool without annotations every header is the client's own affair.
      await call(weir, 'plain', '{"region":"a"}', { Region: 'b' });
      assert.deepEqual(mirrored(upstream), { region: 'b' });
      assert.equal(upstream.seen.filter((one) => one.method === 'tools/list').length, 1, 'nothing was asked twice');
    });
  },

  async 'two servers: each tool by its own schema, whatever clients call it'() {
    const b = tool('sql', { region: text('Realm'), limit: { type: 'integer' } });
    await between([{ tools: [sql] }, { tools: [b] }, { era: 'old', tools: [sql] }], async (weir, first, second, old) => {
      await weir.settled();
      const session = await openSession(weir.url);
      await oldCall(session, 'a__sql', '{"region":"r","limit":1}');
      assert.deepEqual(mirrored(first), { region: 'r', limit: '1' });
      assert.equal(first.calls().at(-1).headers['mcp-name'], 'sql');
      await oldCall(session, 'b__sql', '{"region":"r","limit":1}');
      assert.deepEqual(mirrored(second), { realm: 'r' });
      assert.equal((await call(weir, 'b__sql', '{"region":"r"}', { Realm: 'r' })).status, 200);
      assert.deepEqual(mirrored(second), { realm: 'r' });
      assert.equal((await call(weir, 'b__sql', '{"region":"r"}', { Region: 'r' })).status, 400);
      // An old server never sees them, but what clients were shown binds them all the same.
      await oldCall(session, 'c__sql', '{"region":"r"}');
      assert.deepEqual(mirrored(old), {});
      assert.equal((await call(weir, 'c__sql', '{"region":"r"}', { Region: 'r', Other: 'x' })).status, 200);
      assert.deepEqual(mirrored(old), {});
      assert.equal((await call(weir, 'c__sql', '{"region":"r"}', { Region: 's' })).status, 400);
    });
  },

  async 'a new client whose headers do not mirror its arguments is refused'() {
    await between({ tools: [sql] }, async (weir, upstream) => {
      await weir.settled();
      const good = [
        ['{"limit":42}', { Limit: '42.0' }],
        ['{"limit":42.0}', { Limit: '42' }],
        ['{"limit":1e2}', { Limit: '100' }],
        ['{"limit":1.5}', { Limit: '1.5' }],
        ['{"limit":42}', { LIMIT: base64('42') }],
        ['{"region":"plain"}', { region: base64('plain') }],
        ['{"region":"=?base64?eA=="}', { Region: '=?base64?eA==' }],
        ['{"region":"=?BASE64?eA==?="}', { Region: '=?BASE64?eA==?=' }],
        ['{"region":"eA==?="}', { Region: 'eA==?=' }],
        ['{"region":"a\\tb"}', { Region: 'a\tb' }],
      ];
      for (const [args, headers] of good) assert.equal((await call(weir, 'sql', args, headers)).status, 200, args);
      const before = upstream.calls().length;
      const bad = [
        ['{"region":"a"}', {}, /Region is missing/],
        ['{"region":""}', {}, /Region is missing/],
        ['{"where":{"zone":"a"}}', {}, /Zone is missing/],
        ['{"region":"a"}', { Region: 'b' }, /Region does not match/],
        ['{"region":"a"}', { Region: 'A' }, /does not match/],
        ['{"region":"true","dry":true}', { Region: 'true', Dry: 'TRUE' }, /Dry does not match/],
        ['{"limit":42}', { Limit: '43' }, /Limit does not match/],
        ['{"limit":42}', { Limit: '4.2e1' }, /Limit does not match/],
        ['{"limit":42}', { Limit: '0x2a' }, /Limit does not match/],
        ['{"limit":42}', { Limit: '42.' }, /Limit does not match/],
        ['{"limit":"42"}', { Limit: '42.0' }, /Limit does not match/],
        ['{"region":null}', { Region: 'null' }, /not there/],
        ['{}', { Region: '' }, /not there/],
        ['{"zone":"z"}', { Zone: 'z' }, /not there/],
        ['{"region":{"a":1}}', { Region: '{"a":1}' }, /does not match/],
        ['{"region":"x"}', { Region: '=?base64?eA=?=' }, /no valid encoding/],
        ['{"region":"x"}', { Region: '=?base64?e A==?=' }, /no valid encoding/],
        ['{"region":"x"}', { Region: '=?base64?_w==?=' }, /no valid encoding/],
        ['{"region":"x"}', { Region: '=?base64?/w==?=' }, /no valid encoding/],
        // The bytes of its UTF-8 as they are, and one that is none.
        ['{"region":"é"}', { Region: 'Ã©' }, /no valid encoding/],
        ['{"region":"é"}', { Region: 'é' }, /no valid encoding/],
      ];
      for (const [args, headers, reason] of bad) {
        const got = await call(weir, 'sql', args, headers, { id: '"q1"' });
        assert.equal(got.status, 400, args + JSON.stringify(headers) + got.text);
        const parsed = JSON.parse(got.text);
        assert.deepEqual([parsed.id, parsed.error.code], ['q1', -32020], got.text);
        assert.match(parsed.error.message, reason, args);
      }
      assert.equal(upstream.calls().length, before, 'no refused call reached the server');
    });
  },

  async 'a schema that has changed: the list is asked again, the call is repeated once'() {
    // Refuses, as SDK servers do, what does not mirror the schema that it has by now.
    const strict = (upstream, wanted) => (parsed, respond) => {
      const { headers } = upstream.seen.at(-1);
      for (const [header, value] of Object.entries(wanted(parsed.params.arguments)))
        if (headers['mcp-param-' + header] !== value) return respond.error(400, -32020, `${header} is missing`);
      respond.result('{"resultType":"complete","content":[]}');
    };
    await between({ tools: [tool('t', { where: { type: 'object', properties: { b: { type: 'string' } } } })] }, async (weir, upstream) => {
      await weir.settled();
      const session = await openSession(weir.url);
      const args = '{"where":{"b":"x"}}';
      const outcome = async (sent) => [JSON.parse(sent.text).error?.code ?? 'ok', upstream.calls().length];
      assert.deepEqual(await outcome(await oldCall(session, 't', args)), ['ok', 1]);
      // From no annotations to one.
      upstream.tools = [tool('t', { where: { type: 'object', properties: { b: text('B') } } })];
      upstream.call = strict(upstream, (given) => ({ b: given.where.b }));
      assert.deepEqual(await outcome(await oldCall(session, 't', args)), ['ok', 3]);
      assert.deepEqual(mirrored(upstream), { b: 'x' });
      assert.deepEqual(await outcome(await oldCall(session, 't', args)), ['ok', 4], 'it is known now');
      // From one name to another: a client that knows it is ahead of the gateway, and is not refused.
      upstream.tools = [tool('t', { where: { type: 'object', properties: { b: text('C') } } })];
      upstream.call = strict(upstream, (given) => ({ c: given.where.b }));
      assert.deepEqual(await outcome(await call(weir, 't', args, { C: 'x' })), ['ok', 5]);
      assert.deepEqual(mirrored(upstream), { c: 'x' });
      // A client that does not know it yet is refused, and learns it from the list.
      upstream.tools = [tool('t', { where: { type: 'object', properties: { b: text('D') } } })];
      upstream.call = strict(upstream, (given) => ({ d: given.where.b }));
      const stale = await call(weir, 't', args, { C: 'x' }, { id: '"s"' });
      assert.equal(stale.status, 400);
      assert.deepEqual([JSON.parse(stale.text).id, ...(await outcome(stale))], ['s', -32020, 6]);
      assert.match(JSON.parse(stale.text).error.message, /Mcp-Param-D is missing/);
      assert.deepEqual(await outcome(await call(weir, 't', args, { D: 'x' })), ['ok', 7]);
      // A server that refuses whatever comes is asked no third time, and not twice with the same.
      upstream.call = (parsed, respond) => respond.error(400, -32020, 'never');
      const never = await call(weir, 't', args, { D: 'x' }, { id: '"n"' });
      assert.equal(never.status, 400);
      assert.deepEqual([JSON.parse(never.text).id, JSON.parse(never.text).error.message, ...(await outcome(never))], ['n', 'never', -32020, 8]);
      upstream.tools = [tool('t', { where: { type: 'object', properties: { b: text('E') } } })];
      assert.deepEqual(await outcome(await oldCall(session, 't', args)), [-32020, 10]);
      // The list cannot be had: the refusal stands.
      upstream.list = (respond) => respond.error(400, -32603, 'no list');
      assert.deepEqual(await outcome(await oldCall(session, 't', args)), [-32020, 11]);
      upstream.list = null;
      // From one annotation to none.
      upstream.tools = ['t'];
      upstream.call = null;
      assert.deepEqual(await outcome(await call(weir, 't', args)), ['ok', 12]);
      assert.deepEqual(mirrored(upstream), {});
    });
  },

  async 'a call before the first list waits for it'() {
    let lists = 0;
    // Until a call was made nothing is listed: what the gateway asks by itself fails.
    const list = (respond, whole) => (++lists === 1 ? respond.error(400, -32603, 'not yet') : respond.result(whole));
    await between([{ tools: [sql], list }], async (weir, upstream) => {
      await until(() => lists === 1);
      assert.equal((await call(weir, 'sql', '{"region":"a"}', { Region: 'b' })).status, 400);
      assert.equal(upstream.calls().length, 0);
      await oldCall(await openSession(weir.url), 'sql', '{"region":"a"}');
      assert.deepEqual(mirrored(upstream), { region: 'a' });
      assert.equal(lists, 2);
    });
    // A server that cannot list at all may be called: the client's headers are passed on as they are.
    lists = 0;
    await between([{ list: (respond) => (++lists, respond.error(400, -32603, 'never')) }], async (weir, upstream) => {
      await until(() => lists === 1);
      for (let i = 0; i < 3; ++i) assert.equal((await call(weir, 'sql', '{"region":"a"}', { Region: 'b' })).status, 200);
      assert.deepEqual(mirrored(upstream), { region: 'b' });
      assert.equal(lists, 2, 'it is asked once');
    });
  },

  async 'a tool with invalid annotations is left out, and only it'() {
    const bad = [
      ['empty', tool('empty', { a: text('') }), /empty/],
      ['blank', tool('blank', { a: text('A B') }), /token/],
      ['twice', tool('twice', { a: text('Same'), b: { type: 'object', properties: { c: text('sAME') } } }), /twice/],
      ['number', tool('number', { a: { type: 'number', 'x-mcp-header': 'A' } }), /number/],
      ['items', tool('items', { a: { type: 'array', items: text('A') } }), /chain/],
      ['anyof', tool('anyof', {}, { anyOf: [{ properties: { a: text('A') } }] }), /chain/],
      ['defs', tool('defs', {}, { $defs: { a: text('A') } }), /chain/],
    ];
    const good = ['first', sql, 'last'];
    const tools = [good[0], ...bad.slice(0, 4).map((one) => one[1]), good[1], ...bad.slice(4).map((one) => one[1]), good[2]];
    for (const pages of [1, 3])
      await between({ tools, pages }, async (weir, upstream) => {
        await weir.settled();
        for (let i = 0; i < 3; ++i) assert.deepEqual(await names(weir), ['first', 'sql', 'last']);
        assert.equal((await weir.servers())[0].tools, 3);
        for (const [name, , reason] of bad) {
          const { error } = answerOf(await call(weir, name, '{"a":"x"}', { A: 'x' }));
          assert.equal(error.code, -32602);
          assert.match(error.message, new RegExp(`"${name}" of server "a" is left out.*x-mcp-header.*${reason.source}`));
          const lines = weir.log.split('\n').filter((line) => line.includes('left out') && line.includes(`"${name}"`));
          assert.equal(lines.length, 1, weir.log);
          assert.match(lines[0], reason);
          assert.match(lines[0], /"warn".*"server":"a"/);
        }
        assert.equal(upstream.calls().length, 0);
        await oldCall(await openSession(weir.url), 'sql', '{"region":"x"}');
        assert.deepEqual(mirrored(upstream), { region: 'x' });
        // Mended, it is there again; a call is enough to see it.
        upstream.tools = [tool('empty', { a: text('A') })];
        assert.equal((await call(weir, 'empty', '{"a":"x"}', { A: 'x' })).status, 200);
        assert.deepEqual(mirrored(upstream), { a: 'x' });
      });
    await between({ tools: [bad[0][1]] }, async (weir) => assert.deepEqual(await names(weir), []));
  },

  async 'invalid annotations among several servers, and where nobody reads headers'() {
    const invalid = tool('bad', { a: text('') });
    const stdio = { command: process.execPath, args: ['-e', `const say=(m)=>process.stdout.write(JSON.stringify(m)+'\\n');require('readline').createInterface({input:process.stdin}).on('line',l=>{const m=JSON.parse(l);if(m.method==='initialize')say({jsonrpc:'2.0',id:m.id,result:{protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{name:'s',version:'1'}}});else if(m.method==='tools/list')say({jsonrpc:'2.0',id:m.id,result:{tools:${JSON.stringify([invalid, sql])}}});else if(m.method==='tools/call')say({jsonrpc:'2.0',id:m.id,result:{content:[]}});else if(m.id!==undefined)say({jsonrpc:'2.0',id:m.id,error:{code:-32601,message:'no'}})});`] };
    for (const prefix of ['auto', 'never'])
      await between([{ tools: [invalid, 'fine', { ...invalid, name: 'solo' }] }, { era: 'old', tools: [invalid] }], async (weir, first, old) => {
        await weir.settled();
        const shown = (name) => (prefix === 'auto' ? name : name.slice(3));
        assert.deepEqual(await names(weir), [shown('a__fine'), shown('b__bad')]);
        assert.deepEqual((answerOf(await ask(weir.url + '/a', 'tools/list'))).result.tools.map((one) => one.name), ['fine']);
        assert.equal((await call(weir, shown('b__bad'), '{"a":"x"}')).status, 200);
        assert.equal(old.calls().length, 1);
        const { error } = answerOf(await call(weir, shown('a__solo'), '{}'));
        assert.match(error.message, /"solo" of server "a" is left out/);
        assert.equal(first.calls().length, 0);
      }, { names: { prefix } });
    const weir = await Weir.start({ servers: { child: stdio } });
    await weir.settled();
    assert.deepEqual(await names(weir), ['bad', 'sql']);
    assert.equal((await call(weir, 'bad', '{"a":"x"}')).status, 200);
    assert.equal((await call(weir, 'sql', '{"region":"x"}', { Region: 'x' })).status, 200);
    assert.equal((await call(weir, 'sql', '{"region":"x"}')).status, 400);
    assert.ok(!weir.log.includes('left out'));
    assert.equal((await weir.stop()).code, 0);
  },

  async 'the official clients and server: each call mirrors what the server checks'() {
    let annotated = text('Region');
    const handler = createMcpHandler(() => {
      const server = new McpServer({ name: 'sdk', version: '1' });
      const inputSchema = fromJsonSchema({ type: 'object', properties: { region: annotated, where: { type: 'object', properties: { limit: { type: 'integer', 'x-mcp-header': 'Limit' } } } } });
      server.registerTool('deploy', { inputSchema }, async (given) => ({ content: [{ type: 'text', text: JSON.stringify(given) }] }));
      return server;
    });
    const seen = [];
    const serve = toNodeHandler(handler);
    const listener = http.createServer((incoming, outgoing) => (seen.push(incoming.headers), serve(incoming, outgoing)));
    await new Promise((done) => listener.listen(0, '127.0.0.1', done));
    const weir = await Weir.start({ servers: { sdk: { url: `http://127.0.0.1:${listener.address().port}/mcp` } } });
    try {
      await weir.settled();
      const given = { region: 'é \n', where: { limit: 7 } };
      const check = async (client, header) => {
        const got = await client.callTool({ name: 'deploy', arguments: given });
        assert.deepEqual(JSON.parse(got.content[0].text), given);
        const headers = seen.at(-1);
        assert.deepEqual([headers[header], headers['mcp-param-limit']], [base64(given.region), '7']);
      };
      const old = new OldClient({ name: 'e2e', version: '1' });
      await old.connect(new OldTransport(new URL(weir.url)));
      const fresh = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
      await fresh.connect(new StreamableHTTPClientTransport(new URL(weir.url)));
      await check(old, 'mcp-param-region');
      // It has not listed: its first try has no headers, which is refused, and it repairs itself.
      await check(fresh, 'mcp-param-region');
      annotated = text('Area');
      await check(old, 'mcp-param-area');
      await check(fresh, 'mcp-param-area');
      await old.close();
      await fresh.close();
    } finally {
      const how = await weir.stop();
      listener.closeAllConnections();
      listener.close();
      assert.equal(how.code, 0);
    }
  },
};
