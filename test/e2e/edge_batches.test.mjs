// Batches: known to sessions of 2025-03-26 alone. What is no JSON is refused whole, what is no message by itself.
import assert from 'node:assert/strict';
import { callBody, post, table } from './raw.mjs';
import { accept, request } from './weir.mjs';

const ping = (id = '1') => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
const pong = (id = '1') => `{"jsonrpc":"2.0","id":${id},"result":{}}`;
const note = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
const call = (id = '1', args = '{}') =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":${args}}}`;
const said = '"capabilities":{},"clientInfo":{"name":"e2e","version":"1"}';
const hello = (version = '2025-03-26') =>
  `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"${version}",${said}}}`;
const batch = (...members) => `[${members.join()}]`;
const many = (count, one) => batch(...Array.from({ length: count }, (_, i) => one(String(i + 1))));

const bare = { 'MCP-Protocol-Version': null, 'Mcp-Method': null, 'Mcp-Name': null };
// In a session: the one of 2025-03-26 unless `session` names another.
const sends = (body, { session = '2025-03-26', lines = {}, path } = {}) => (wire, { ids }) =>
  wire.send(post(body, { lines: { ...bare, 'Mcp-Session-Id': ids[session] ?? session, ...lines }, path }));

// Answered with an array: each of `wanted` is an answer's text, or [id, code] of an error.
const answered = (name, body, wanted, more) => ({
  name,
  send: sends(body),
  status: 200,
  reached: 0,
  look([answer]) {
    const got = JSON.parse(answer.body);
    assert.ok(Array.isArray(got), answer.body);
    assert.equal(answer.headers['mcp-session-id'], undefined);
    const told = got.map((one, i) => (Array.isArray(wanted[i]) ? [one.id, one.error?.code] : one));
    assert.deepEqual(told, wanted.map((one) => (Array.isArray(one) ? one : JSON.parse(one))), answer.body);
  },
  ...more,
});
const refused = (name, body, code = -32600, more) => ({
  name,
  send: sends(body),
  status: 400,
  code,
  look([answer]) {
    assert.equal(JSON.parse(answer.body).id, null);
    assert.equal(answer.headers['mcp-session-id'], undefined);
  },
  ...more,
});
const noJson = (name, body, more) => refused(name, body, -32700, more);
const taken = (name, body) => ({ name, send: sends(body), status: 202, look: ([answer]) => assert.equal(answer.body, '') });

const calledOff = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
const served = [
  answered('one request', batch(ping()), [pong()]),
  answered('two requests, in their order', batch(ping('2'), ping('1')), [pong('2'), pong('1')]),
  answered('a number and the same in a string', batch(ping('1'), ping('"1"')), [pong('1'), pong('"1"')]),
  answered('ids as they were written', batch(ping('9007199254740993'), ping('"\\u0041\\/"')), ['{}', '{}'], {
    look: ([answer]) => assert.equal(answer.body, batch(pong('9007199254740993'), pong('"\\u0041\\/"'))),
  }),
  answered('twice the same id', batch(ping(), ping()), [pong(), pong()]),
  answered('a call and a ping', batch(call(), ping('2')), [], {
    reached: 1,
    look([answer]) {
      const got = JSON.parse(answer.body);
      assert.deepEqual(got.map((one) => one.id), [1, 2]);
      assert.equal(got[0].result.content[0].text, '{}');
    },
  }),
  answered('two calls with one id', batch(call('1', '{"x":1}'), call('1', '{"x":2}')), [], {
    reached: 2,
    look([answer]) {
      const got = JSON.parse(answer.body).map((one) => [one.id, one.result.content[0].text]);
      assert.deepEqual(got, [[1, '{"x":1}'], [1, '{"x":2}']]);
    },
    saw: (seen) => assert.notEqual(seen[0].parsed.id, seen[1].parsed.id),
  }),
  answered('a call\'s arguments as they were written', batch(call('1', '{"x" : 1.0,"y":"\\u0041"}')), [], {
    reached: 1,
    look: undefined,
    saw: ([seen]) => assert.ok(seen.text.includes('{"x" : 1.0,"y":"\\u0041"}') && !seen.text.includes('['), seen.text),
  }),
  answered('a request and a notification', batch(note, ping(), note), [pong()]),
  answered('a method that nobody knows', batch(ping().replace('ping', 'no/such'), ping('2')), [[1, -32601], pong('2')]),
  answered('a method of the newest revision', batch('{"jsonrpc":"2.0","id":1,"method":"server/discover"}'), [[1, -32601]]),
  answered('a call of no tool', batch(call().replace('"name":"echo",', ''), ping('2')), [[1, -32602], pong('2')]),
  answered('a hundred requests', many(100, ping), Array.from({ length: 100 }, (_, i) => pong(String(i + 1)))),
  answered('a hundred calls', many(100, call), [], {
    reached: 100,
    look: ([answer]) => assert.ok(JSON.parse(answer.body).every((one, i) => one.id === i + 1 && one.result)),
  }),
  answered('a call that is called off behind it', batch(call(), calledOff), [], {
    reached: 1,
    look: ([answer]) => assert.ok(JSON.parse(answer.body)[0].result),
  }),
  answered('white space around and between', ` \t\r\n[ ${ping()} ,\n${ping('2')}\t]\n `, [pong(), pong('2')]),
  answered('the version in its header', batch(ping()), [pong()], {
    send: sends(batch(ping()), { lines: { 'MCP-Protocol-Version': '2025-03-26' } }),
  }),
  answered('the version in its header, between white space', batch(ping()), [pong()], {
    send: sends(batch(ping()), { lines: { 'MCP-Protocol-Version': '\t2025-03-26 ' } }),
  }),
  answered('at the path of one server', batch(ping()), [pong()], {
    send: sends(batch(ping()), { session: 'inA', path: '/mcp/a' }),
  }),
  answered('in chunks', batch(ping()), [pong()], {
    send: sends('1\r\n[\r\n' + `${(ping().length + 1).toString(16)}\r\n${ping()}]\r\n0\r\n\r\n`, {
      lines: { 'Content-Length': null, 'Transfer-Encoding': 'chunked' },
    }),
  }),
  taken('one notification', batch(note)),
  taken('notifications only', batch(note, '{"jsonrpc":"2.0","method":"notifications/nosuch"}')),
  taken('a hundred notifications', many(100, () => note)),
  taken('a call without an id is not made', batch(call().replace('"id":1,', ''))),
];

// A member that is no message is answered by itself; the others are served.
const wrong = (name, member, code = -32600, id = null) =>
  answered(`beside a ping: ${name}`, batch(member, ping('2')), [[id, code], pong('2')]);
const members = [
  ...['1', '"x"', 'null', 'true', '-1.5e3', '{}', '[]', '[[]]', '""'].map((member) => wrong(member, member)),
  wrong('a batch within', batch(ping())),
  wrong('a batch of a call within', batch(call())),
  wrong('a call in a string', JSON.stringify(call())),
  wrong('an id that is null', ping('null')),
  wrong('an id that is no integer', ping('1.0')),
  wrong('an id that is a list', ping('[1]')),
  wrong('no jsonrpc', ping().replace('"jsonrpc":"2.0",', ''), -32600, 1),
  wrong('another jsonrpc', ping().replace('2.0', '1.0'), -32600, 1),
  wrong('a method that is a number', ping().replace('"ping"', '5'), -32600, 1),
  wrong('no method', '{"jsonrpc":"2.0","id":1}', -32600, 1),
  wrong('a method in capitals', ping().replace('"method"', '"METHOD"'), -32600, 1),
  wrong('a method and a result', ping().replace('}', ',"result":{}}'), -32600, 1),
  wrong('params that are a list', ping().replace('}', ',"params":[]}'), -32602, 1),
  wrong('a notification whose id is null', note.replace('"method"', '"id":null,"method"')),
  wrong('initialize', hello(), -32600, 1),
  wrong('initialize, with an escape', hello().replace('initialize', '\\u0069nitialize'), -32600, 1),
  wrong('two ids', ping('1').replace('"method"', '"id":3,"method"')),
  wrong('two methods', ping().replace('}', ',"method":"tools/list"}'), -32600, 1),
  wrong('two names of a tool', call().replace('"name":"echo"', '"name":"echo","name":"other"'), -32600, 1),
  wrong('two names of a tool, one with an escape', call().replace('"name":', '"n\\u0061me":"other","name":'), -32600, 1),
  wrong('an argument twice', call('1', '{"a":1,"a":2}'), -32602, 1),
  wrong('an argument twice, a level down', call('1', '{"x":[{"a":1,"\\u0061":2}]}'), -32602, 1),
  answered('nothing but what is no message', batch('1', '2', '3'), [[null, -32600], [null, -32600], [null, -32600]]),
  answered('one that is no message', batch('1'), [[null, -32600]]),
  answered('initialize alone', batch(hello()), [[1, -32600]]),
  answered('what is no message, and a notification', batch('1', note), [[null, -32600]]),
  answered('a result that nobody waits for, and a request', batch('{"jsonrpc":"2.0","id":1,"result":{}}', ping('2')), [pong('2')]),
  refused('a result that nobody waits for', batch('{"jsonrpc":"2.0","id":1,"result":{}}')),
  refused('an error that nobody waits for', batch('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}')),
  refused('a result that nobody waits for, and a notification', batch(note, '{"jsonrpc":"2.0","id":1,"result":{}}')),
];

const arrays = (depth) => '['.repeat(depth) + ']'.repeat(depth);
const numbers = (count) => `[${Array(count).fill('0').join()}]`;
const bounds = [
  refused('nothing', '[]'),
  refused('nothing but white space', '[ \n\t]'),
  refused('a hundred and one requests', many(101, ping)),
  refused('a hundred and one calls', many(101, call)),
  refused('a hundred and one notifications', many(101, () => note)),
  refused('a hundred and one of nothing', many(101, () => '0')),
  refused('twenty thousand calls', many(20000, call)),
  answered('128 deep in all', batch(call('1', `{"x":${arrays(124)}}`)), [], { reached: 1, look: undefined }),
  refused('129 deep in all', batch(call('1', `{"x":${arrays(125)}}`))),
  refused('129 deep in the second', batch(call(), call('2', `{"x":${arrays(125)}}`))),
  refused('129 batches within each other', arrays(129)),
  refused('a hundred thousand batches within each other, never closed', '['.repeat(100000)),
  refused('100,000 members in two calls', batch(call('1', `{"x":${numbers(50000)}}`), call('2', `{"x":${numbers(50000)}}`))),
];

const broken = [
  noJson('a bracket', '['),
  noJson('never closed', `[${call()}`),
  noJson('never closed, behind a comma', `[${call()},`),
  noJson('closed by a brace', `[${call()}}`),
  noJson('a comma first', `[,${call()}]`),
  noJson('a comma last', `[${call()},]`),
  noJson('two commas', `[${call()},,${ping('2')}]`),
  noJson('no comma', `[${call()}${ping('2')}]`),
  noJson('lines in place of commas', `[${call()}\n${ping('2')}]`),
  noJson('a bracket too many', `[${call()}]]`),
  noJson('two batches', batch(call()) + batch(ping())),
  noJson('a message behind the batch', batch(call()) + ping()),
  noJson('NUL behind the batch', batch(call()) + '\0'),
  noJson('a byte order mark before the batch', '\xef\xbb\xbf' + batch(call())),
  noJson('a byte order mark between two', `[${call()},\xef\xbb\xbf${ping('2')}]`),
  noJson('NaN as the second', batch(call(), 'NaN')),
  noJson('a leading zero in the second\'s id', batch(call(), ping('02'))),
  noJson('the second is cut', `[${call()},${call('2').slice(0, -2)}]`),
  noJson('invalid UTF-8 in the second', batch(call(), ping('"\xff"'))),
  noJson('a line\'s end within a string of the second', batch(call(), ping('"\n"'))),
  noJson('a comment between two', `[${call()},/**/${ping('2')}]`),
];

const elsewhere = (name, options, more) =>
  refused(`elsewhere: ${name}`, '', -32600, { send: sends(batch(call()), options), ...more });
const version = (value) => ({ lines: { 'MCP-Protocol-Version': value } });
const gone = (name, options) => ({ name: `elsewhere: ${name}`, send: sends(batch(call()), options), status: 404, closes: false });
const newest = { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' };
const others = [
  elsewhere('a session of 2025-06-18', { session: '2025-06-18' }),
  elsewhere('a session of 2025-06-18, in its header', { session: '2025-06-18', ...version('2025-06-18') }),
  elsewhere('a session of 2025-06-18 that says 2025-03-26', { session: '2025-06-18', ...version('2025-03-26') }),
  elsewhere('a session of 2025-11-25', { session: '2025-11-25' }),
  elsewhere('a session of 2024-11-05', { session: '2024-11-05' }),
  elsewhere('a header of 2025-06-18', version('2025-06-18')),
  elsewhere('a header of 2025-11-25', version('2025-11-25')),
  elsewhere('a header of 2024-11-05', version('2024-11-05')),
  elsewhere('a header of the newest revision', version('2026-07-28')),
  elsewhere('a header of a revision that nobody knows', version('2031-01-01')),
  elsewhere('two headers', version(['2025-03-26', '2025-03-26']), { code: undefined, look: undefined }),
  elsewhere('no session', { session: null }),
  elsewhere('no session, a header of 2025-03-26', { session: null, ...version('2025-03-26') }),
  elsewhere('no session, notifications only', {}, { send: sends(batch(note), { session: null }) }),
  elsewhere('no session, nothing', {}, { send: sends('[]', { session: null }) }),
  elsewhere('no session, initialize', {}, { send: sends(batch(hello()), { session: null }) }),
  elsewhere('the newest revision', {}, { send: post(batch(callBody())) }),
  elsewhere('the newest revision, two calls', {}, { send: post(batch(callBody(), callBody('2'))) }),
  elsewhere('the newest revision, nothing', {}, { send: post('[]') }),
  elsewhere('the newest revision, a session of 2025-03-26', {}, { send: sends(batch(callBody()), { lines: newest }) }),
  elsewhere('the newest revision, white space first', {}, { send: post(`\r\n ${batch(callBody())}`) }),
  noJson('elsewhere: the newest revision, never closed', '', { send: post(`[${callBody()}`) }),
  noJson('elsewhere: the newest revision, invalid UTF-8', '', { send: post(batch(callBody('"\xff"'))) }),
  noJson('elsewhere: a session of 2025-11-25, a comma last', '', { send: sends(`[${call()},]`, { session: '2025-11-25' }) }),
  gone('a session that nobody knows', { session: 'x' }),
  gone('a session that was ended', { session: 'ended' }),
  gone('a session of another client', { session: 'alpha' }),
  gone('a session of another path', { session: 'inA' }),
  gone('a session of all paths, at one', { path: '/mcp/a' }),
];

async function open(url, version, headers = {}) {
  return (await request('POST', url, { ...accept, ...headers }, hello(version))).headers['mcp-session-id'];
}
async function prepare(weir) {
  const ids = {
    inA: await open(weir.url + '/a'),
    alpha: await open(weir.url, undefined, { Authorization: 'Bearer alpha' }),
    ended: await open(weir.url),
  };
  for (const one of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']) ids[one] = await open(weir.url, one);
  assert.equal((await request('DELETE', weir.url, { 'Mcp-Session-Id': ids.ended })).status, 200);
  return { ids };
}
const cases = [...served, ...members, ...bounds, ...broken, ...others];

export const tests = { 'every case is answered as documented': table(cases, { prepare }) };
