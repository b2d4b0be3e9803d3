// The JSON-RPC envelope of a message and what each revision adds to it: members, ids, methods, versions and `_meta`.
import assert from 'node:assert/strict';
import { callBody, post, table } from './raw.mjs';
import { meta, openSession } from './weir.mjs';

const utf8 = (text) => Buffer.from(text, 'utf8').toString('latin1');
const call = callBody();
const change = (from, to) => {
  assert.ok(call.includes(from), from);
  return call.replace(from, () => to);
};
const id = (wanted) => (answers) => assert.deepEqual(JSON.parse(answers.at(-1).body).id, wanted);
const served = (name, body, more) => ({ name, send: post(body), status: 200, ...more });
// `wanted`: the id of the refusal.
const refused = (name, body, code, wanted = 1, more) => ({ name, send: post(body), status: 400, code, look: id(wanted), ...more });
const taken = (name, body, more) => ({
  name,
  send: post(body),
  status: 202,
  look: (answers) => assert.equal(answers[0].body, ''),
  ...more,
});
const unknown = (name, method, header = method) => ({
  name: `method: ${name}`,
  send: post(change('"tools/call"', JSON.stringify(method)), { lines: { 'Mcp-Method': header, 'Mcp-Name': null } }),
  status: 404,
  code: -32601,
  closes: false,
  look: id(1),
});

const versions = [
  refused('jsonrpc: absent', change('"jsonrpc":"2.0",', ''), -32600),
  ...['"1.0"', '"2"', '"2.00"', '"02.0"', '" 2.0"', '"2.0 "', '"2.0\\u0000"', '""', '2.0', '2', 'null', 'true', '["2.0"]', '{}',
    utf8('"２.０"')].map((raw) => refused(`jsonrpc: ${raw}`, change('"2.0"', raw), -32600)),
  refused('jsonrpc: in capitals', change('"jsonrpc"', '"JSONRPC"'), -32600),
  refused('jsonrpc: with a long s', change('"jsonrpc"', utf8('"j\u017fonrpc"')), -32600),
  served('jsonrpc: behind all else', change('"jsonrpc":"2.0",', '').replace(/}$/, ',"jsonrpc":"2.0"}')),
  served('jsonrpc: its value with an escape', change('"2.0"', '"\\u0032.0"')),
  served('jsonrpc: its name with an escape', change('"jsonrpc"', '"json\\u0072pc"')),
];

// What an id is answered as: the same bytes.
const ids = {
  '0': '0',
  '-0': '-0',
  '-1': '-1',
  '2^53 - 1': '9007199254740991',
  '2^53 + 1': '9007199254740993',
  '-2^53 - 1': '-9007199254740993',
  '2^63': '9223372036854775808',
  '2^64': '18446744073709551616',
  'a hundred digits': '1234567890'.repeat(10),
  'a hundred digits below zero': '-' + '9'.repeat(100),
  'a string': '"a-1"',
  'an empty string': '""',
  'a number in a string': '"1"',
  'null in a string': '"null"',
  'white space in a string': '" 1\\t"',
  'escapes': '"\\u0041\\/\\n\\"\\\\"',
  'NUL as an escape': '"\\u0000"',
  'a pair of surrogates as escapes': '"\\ud83d\\ude00"',
  'a lone surrogate as an escape': '"\\ud800"',
  'UTF-8': utf8('"ü \u4e16 \u{1f600}"'),
  'what would end the answer': '"},{\\"id\\":2"',
  'ten thousand letters': `"${'i'.repeat(10000)}"`,
};
const noId = ['null', 'true', 'false', '1.0', '1.5', '-1.0', '0.0', '1e2', '1E2', '1e0', '-1e2', '10e-1', '1.5e1', '[]', '[1]',
  '{}', '{"a":1}'];
const exact = (raw) => ([answer]) => assert.ok(answer.body.startsWith(`{"jsonrpc":"2.0","id":${raw},"result":`), answer.body);
const answersWith = (first, second) => (answers) => {
  assert.deepEqual(answers.map((one) => JSON.parse(one.body).id), [first, second]);
  assert.deepEqual(answers.map((one) => JSON.parse(JSON.parse(one.body).result.content[0].text).x), [1, 2]);
};
const identified = [
  ...Object.entries(ids).map(([name, raw]) => served(`id: ${name}`, callBody(raw), { look: exact(raw) })),
  ...noId.map((raw) => refused(`id: ${raw}`, callBody(raw), -32600, null)),
  served('id: behind all else', change('"id":1,', '').replace(/}$/, ',"id":7}'), { look: exact('7') }),
  served('id: before all else', change('"id":1,', '').replace('{', '{"id":7,'), { look: exact('7') }),
  served('id: between white space', change('"id":1,', '"id" :\n\t7 ,'), { look: exact('7') }),
  served('id: its name with an escape', change('"id"', '"\\u0069d"'), { look: exact('1') }),
  taken('id: in capitals it is none', change('"id"', '"ID"')),
  taken('id: with a capital it is none', change('"id"', '"Id"')),
  taken('id: with a dotless i it is none', change('"id"', utf8('"\u0131d"'))),
  served('id: another in capitals beside it', change('"id":1', '"ID":2,"id":1,"Id":3'), { look: exact('1') }),
  served('id: one within params changes nothing', change('"name":', '"id":2,"name":'), { look: exact('1') }),
  refused('id: of a refusal, beyond 2^53', callBody('9007199254740993').replace('"2.0"', '"1.0"'), -32600, undefined, {
    look: (answers) => assert.ok(answers[0].body.includes('"id":9007199254740993,'), answers[0].body),
  }),
  refused('id: of a refusal, with escapes', callBody('"\\u0041\\/"').replace('"2.0"', '"1.0"'), -32600, undefined, {
    look: (answers) => assert.ok(answers[0].body.includes('"id":"\\u0041\\/",'), answers[0].body),
  }),
  {
    name: 'id: twice the same, one behind the other',
    send: post(callBody('5', '{"x":1}')) + post(callBody('5', '{"x":2}')),
    status: [200, 200],
    reached: 2,
    look: answersWith(5, 5),
    saw: (seen) => assert.notEqual(seen[0].parsed.id, seen[1].parsed.id),
  },
  {
    name: 'id: a number and the same in a string, one behind the other',
    send: post(callBody('5', '{"x":1}')) + post(callBody('"5"', '{"x":2}')),
    status: [200, 200],
    reached: 2,
    look: answersWith(5, '5'),
    saw: (seen) => assert.notEqual(seen[0].parsed.id, seen[1].parsed.id),
  },
];

const method = (raw) => change('"tools/call"', raw);
const methods = [
  refused('method: absent', change('"method":"tools/call",', ''), -32600),
  ...['null', '5', 'true', '[]', '["tools/call"]', '{}'].map((raw) => refused(`method: ${raw}`, method(raw), -32600)),
  served('method: its slash with an escape', method('"tools\\/call"')),
  served('method: a letter with an escape', method('"\\u0074ools/call"')),
  served('method: all with escapes', method('"\\u0074\\u006F\\u006f\\u006C\\u0073\\u002f\\u0063\\u0061\\u006c\\u006c"')),
  served('method: its name with an escape', change('"method"', '"m\\u0065thod"')),
  unknown('empty', ''),
  unknown('unknown', 'tools/nosuch'),
  unknown('in capitals', 'TOOLS/CALL'),
  unknown('with a capital', 'tools/Call'),
  unknown('with two slashes', 'tools//call'),
  unknown('with a slash before', '/tools/call'),
  unknown('with a slash behind', 'tools/call/'),
  unknown('with a backslash', 'tools\\call'),
  unknown('with a point', 'tools.call'),
  unknown('with a percent', 'tools%2fcall'),
  unknown('with a query', 'tools/call?x'),
  unknown('with a dot segment', 'tools/x/../call'),
  unknown('with a space within', 'tools/ call'),
  unknown('its beginning alone', 'tools'),
  unknown('one letter less', 'tools/cal'),
  unknown('one letter more', 'tools/calls'),
  unknown('two of them', 'tools/call,tools/list'),
  unknown('reserved by JSON-RPC', 'rpc.discover'),
  unknown('very long', 'tools/call' + 'l'.repeat(20000)),
  unknown('of the old revisions: ping', 'ping'),
  unknown('of the old revisions: initialize', 'initialize'),
  unknown('of the old revisions: logging/setLevel', 'logging/setLevel'),
  unknown('of the old revisions: resources/subscribe', 'resources/subscribe'),
  unknown('of the old revisions: tasks/list', 'tasks/list'),
  unknown('of the old revisions: tasks/result', 'tasks/result'),
  unknown('a notification\'s, with an id', 'notifications/cancelled'),
  unknown('a server\'s: sampling/createMessage', 'sampling/createMessage'),
  unknown('a server\'s: elicitation/create', 'elicitation/create'),
  unknown('a server\'s: roots/list', 'roots/list'),
  unknown('a server\'s notification, with an id', 'notifications/message'),
  unknown('a name of JavaScript', '__proto__'),
  refused('method: NUL behind it', method('"tools/call\\u0000"'), -32020),
  refused('method: a letter that looks alike', method(utf8('"t\u043eols/call"')), -32020),
  refused('method: a letter that folds to s', method(utf8('"tool\u017f/call"')), -32020),
  refused('method: a soft hyphen within', method(utf8('"tools/\u00adcall"')), -32020),
  refused('method: named in capitals', change('"method"', '"Method"'), -32600),
  refused('method: named with a long name', change('"method"', '"method_"'), -32600),
  served('method: another in capitals beside it', change('"method":', '"Method":"tools/list","METHOD":"ping","method":')),
  served('method: another behind a NUL beside it', change('"method":', '"method\\u0000":"tools/list","method":')),
  refused('method: a result beside it', change('"method":', '"result":{},"method":'), -32600),
  refused('method: an error beside it', change('"method":', '"error":{"code":1,"message":"m"},"method":'), -32600),
  refused('method: a result that is null beside it', change('"method":', '"result":null,"method":'), -32600),
];

const body = (params) => `{"jsonrpc":"2.0","id":1,"method":"tools/call"${params === null ? '' : `,"params":${params}`}}`;
const raw = (version = '"2026-07-28"', capabilities = '{}', info = '{"name":"e2e","version":"1"}') => [
  ['io.modelcontextprotocol/protocolVersion', version],
  ['io.modelcontextprotocol/clientCapabilities', capabilities],
  ['io.modelcontextprotocol/clientInfo', info],
].filter(([, value]) => value !== null).map(([name, value]) => `"${name}":${value}`).join();
const withMeta = (members) => body(`{"name":"echo","arguments":{},"_meta":{${members}}}`);
const versioned = (name, header, value, more) => ({
  name: `version: ${name}`,
  send: post(withMeta(raw(value)), { lines: { 'MCP-Protocol-Version': header } }),
  status: 400,
  ...more,
});
const unsupported = (name, version) => versioned(name, version, JSON.stringify(version), {
  code: -32022,
  look(answers) {
    const { id: own, error } = JSON.parse(answers[0].body);
    assert.deepEqual([own, error.data.requested], [1, version]);
    assert.deepEqual(error.data.supported, ['2026-07-28']);
  },
});
const envelopes = [
  ...[null, 'null', '[]', '[{"name":"echo"}]', '"{}"', '5', 'true', '{}'].map((params) =>
    refused(`params: ${params ?? 'absent'}`, body(params), -32602)),
  ...['null', '[]', '"{}"', '5', 'false', '{}'].map((value) =>
    refused(`_meta: ${value}`, body(`{"name":"echo","_meta":${value}}`), -32602)),
  refused('_meta: absent', body('{"name":"echo","arguments":{}}'), -32602),
  refused('_meta: in the envelope', body('{"name":"echo"}').replace('"id"', `"_meta":{${meta}},"id"`), -32602),
  refused('_meta: in the arguments', body(`{"name":"echo","arguments":{"_meta":{${meta}}}}`), -32602),
  refused('_meta: in capitals', change('"_meta"', '"_META"'), -32602),
  refused('_meta: without its underscore', change('"_meta"', '"meta"'), -32602),
  served('_meta: its name with an escape', change('"_meta"', '"\\u005fmeta"')),
  served('_meta: before all else in params', body(`{"_meta":{${meta}},"name":"echo"}`)),
  refused('params: in capitals', change('"params"', '"Params"'), -32602),
  refused('params: with a long s', change('"params"', utf8('"param\u017f"')), -32602),
  served('params: another with a long s beside them', change('"params":', utf8('"param\u017f":{"name":"other"},"params":'))),
  served('params: their name with an escape', change('"params"', '"param\\u0073"')),
  served('the tool\'s name: another in capitals beside it', change('"name":"echo"', '"Name":"other","name":"echo"')),
  served('the tool\'s name: with an escape in its member\'s name', change('"name":"echo"', '"n\\u0061me":"echo"')),
  served('the tool\'s name: with an escape in its value', change('"echo"', '"\\u0065cho"')),
  ...['null', '20260728', 'true', '["2026-07-28"]', '{}'].map((value) =>
    refused(`version: ${value}`, withMeta(raw(value)), -32602)),
  refused('version: absent', withMeta(raw(null)), -32602),
  refused('version: named with a capital', change('/protocolVersion', '/ProtocolVersion'), -32602),
  refused('version: named without its prefix', change('io.modelcontextprotocol/protocolVersion', 'protocolVersion'), -32602),
  served('version: its name with an escape', change('/protocolVersion', '\\/protocolVersion')),
  served('version: its value with an escape', withMeta(raw('"2026\\u002d07-28"'))),
  unsupported('a later one', '2031-01-01'),
  unsupported('the day before', '2026-07-27'),
  unsupported('one of a session: 2025-11-25', '2025-11-25'),
  unsupported('one of a session: 2025-03-26', '2025-03-26'),
  unsupported('one of a session: 2024-11-05', '2024-11-05'),
  unsupported('a draft', 'DRAFT-2026-v1'),
  unsupported('without zeros', '2026-7-28'),
  unsupported('one digit more', '2026-07-280'),
  unsupported('a number of JSON-RPC', '2.0'),
  unsupported('two of them', '2026-07-28, 2025-11-25'),
  unsupported('what must be escaped', 'a"b\\c</script>'),
  unsupported('very long', '2026-07-28'.repeat(500)),
  versioned('empty', '', '""', { code: -32020 }),
  ...['null', '[]', '"{}"', '5', 'true'].map((value) =>
    refused(`capabilities: ${value}`, withMeta(raw(undefined, value)), -32602)),
  refused('capabilities: absent', withMeta(raw(undefined, null)), -32602),
  refused('capabilities: in capitals', change('/clientCapabilities', '/clientcapabilities'), -32602),
  served('capabilities: unknown ones', withMeta(raw(undefined, '{"x":{},"extensions":{"com.example/y":[]}}'))),
  ...['null', '[]', '"e2e"', '5'].map((value) =>
    refused(`what the client is: ${value}`, withMeta(raw(undefined, undefined, value)), -32602)),
  served('what the client is: absent', withMeta(raw(undefined, undefined, null))),
  ...['debug', 'emergency'].map((level) =>
    served(`log level: ${level}`, withMeta(`${raw()},"io.modelcontextprotocol/logLevel":"${level}"`))),
  ...['"loud"', '"INFO"', '"info "', '""', '7', 'null', '["info"]'].map((level) =>
    refused(`log level: ${level}`, withMeta(`${raw()},"io.modelcontextprotocol/logLevel":${level}`), -32602)),
  served('members that nobody knows', change('"id"', '"x":{"method":"ping"},"trace":[1],"id"'), {
    saw: (seen) => assert.deepEqual([seen[0].parsed.x, seen[0].parsed.trace], [{ method: 'ping' }, [1]]),
  }),
  served('members of params that nobody knows', change('"name":"echo"', '"y":{},"name":"echo"'), {
    saw: (seen) => assert.ok(seen[0].text.includes('"y":{},"name":"echo"')),
  }),
  served('members of _meta that nobody knows', callBody('1', '{}', ',"com.example/x":[1.0],"":null'), {
    saw: (seen) => assert.ok(seen[0].text.includes(',"com.example/x":[1.0],"":null}')),
  }),
  refused('a result', '{"jsonrpc":"2.0","id":1,"result":{}}', -32600, null),
  refused('a result with the params of a request', `{"jsonrpc":"2.0","id":1,"result":{},"params":{"_meta":{${meta}}}}`,
    -32600, null),
  refused('an error', '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}', -32600, null),
  refused('an error whose id is null', '{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m"}}', -32600, null),
  refused('a result and an error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":-1,"message":"m"}}', -32600),
  refused('a result without an id', '{"jsonrpc":"2.0","result":{}}', -32600, null),
  refused('an id alone', '{"jsonrpc":"2.0","id":1}', -32600),
  taken('a notification', `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"_meta":{${meta}}}}`),
  taken('a notification without params', '{"jsonrpc":"2.0","method":"notifications/initialized"}'),
  taken('a notification that nobody knows', '{"jsonrpc":"2.0","method":"notifications/nosuch"}'),
  taken('a call without an id is not made', change('"id":1,', '')),
  refused('a notification whose id is null', '{"jsonrpc":"2.0","id":null,"method":"notifications/cancelled"}', -32600, null),
  refused('a notification of another JSON-RPC', '{"jsonrpc":"1.0","method":"notifications/cancelled"}', -32600, null),
  refused('a notification whose params are a list', '{"jsonrpc":"2.0","method":"notifications/cancelled","params":[1]}',
    -32602, null),
  refused('a notification of a version that nobody knows', '{"jsonrpc":"2.0","method":"notifications/cancelled"}', -32022, null, {
    send: post('{"jsonrpc":"2.0","method":"notifications/cancelled"}', { lines: { 'MCP-Protocol-Version': '2031-01-01' } }),
  }),
];

// The old revisions.
const bare = { 'MCP-Protocol-Version': null, 'Mcp-Method': null, 'Mcp-Name': null };
const hello = (members) => `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{${members}}}`;
const said = (version = '"2025-11-25"', capabilities = '{}', info = '{"name":"e2e","version":"1"}') => [
  ['protocolVersion', version],
  ['capabilities', capabilities],
  ['clientInfo', info],
].filter(([, value]) => value !== null).map(([name, value]) => `"${name}":${value}`).join();
const opens = (name, text, version, own = 1, more) => ({
  name: `initialize: ${name}`,
  send: post(text, { lines: bare }),
  status: 200,
  reached: 0,
  look([answer]) {
    const { id: told, result } = JSON.parse(answer.body);
    assert.deepEqual([told, result?.protocolVersion], [own, version], answer.body);
    assert.match(answer.headers['mcp-session-id'], /^[!-~]{22,}$/);
  },
  ...more,
});
const closed = (name, text, code, { status = 200, own = 1, lines = bare } = {}) => ({
  name: `initialize: ${name}`,
  send: post(text, { lines }),
  status,
  code,
  look([answer]) {
    assert.equal(answer.headers['mcp-session-id'], undefined, 'no session');
    assert.equal(JSON.parse(answer.body).id, own);
  },
});
const initializing = [
  ...['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'].map((one) => opens(one, hello(said(`"${one}"`)), one)),
  ...['2031-01-01', '2026-07-28', '1.0', '', 'a"b'].map((one) =>
    opens(`"${one}" is answered with another`, hello(said(JSON.stringify(one))), '2025-11-25')),
  opens('a version with an escape', hello(said('"2025\\u002d06-18"')), '2025-06-18'),
  opens('members that nobody knows', hello(said() + ',"x":[]'), '2025-11-25'),
  opens('an id that is a string', hello(said()).replace('"id":1', '"id":"1"'), '2025-11-25', '1'),
  opens('with the header of a known revision', hello(said()), '2025-11-25', 1, {
    send: post(hello(said()), { lines: { ...bare, 'MCP-Protocol-Version': '2025-11-25' } }),
  }),
  ...[null, 'null', '20251125', '["2025-11-25"]', '{}'].map((value) =>
    closed(`version ${value ?? 'absent'}`, hello(said(value)), -32602)),
  ...[null, 'null', '[]', '"{}"', '5'].map((value) =>
    closed(`capabilities ${value ?? 'absent'}`, hello(said(undefined, value)), -32602)),
  ...[null, 'null', '[]', '"e2e"', '5'].map((value) =>
    closed(`clientInfo ${value ?? 'absent'}`, hello(said(undefined, undefined, value)), -32602)),
  closed('no params', '{"jsonrpc":"2.0","id":1,"method":"initialize"}', -32602),
  closed('params that are a list', '{"jsonrpc":"2.0","id":1,"method":"initialize","params":["2025-11-25"]}', -32602, {
    status: 400,
  }),
  closed('an id that is null', hello(said()).replace('"id":1', '"id":null'), -32600, { status: 400, own: null }),
  closed('no id', hello(said()).replace('"id":1,', ''), -32600, { status: 400, own: null }),
  closed('with a capital', hello(said()).replace('"initialize"', '"Initialize"'), -32600, { status: 400 }),
  closed('with the header of a revision that nobody knows', hello(said()), -32022, {
    status: 400,
    lines: { ...bare, 'MCP-Protocol-Version': '2031-01-01' },
  }),
  closed('with the header of the revision without sessions', hello(said()), -32602, {
    status: 400,
    lines: { ...bare, 'MCP-Protocol-Version': '2026-07-28' },
  }),
];

const inSession = (version, text, lines = {}) => (wire, { sessions }) => {
  const own = { ...bare, 'MCP-Protocol-Version': version, 'Mcp-Session-Id': sessions[version].id, ...lines };
  wire.send(post(text, { lines: own }));
};
const told = (name, text, more, version = '2025-11-25') => ({ name: `session: ${name}`, send: inSession(version, text), ...more });
const old = (rest) => `{"jsonrpc":"2.0",${rest}}`;
const oldCall = (own = '1') => old(`"id":${own},"method":"tools/call","params":{"name":"echo","arguments":{"x":1.0}}`);
const in400 = (code, wanted) => ({ status: 400, code, look: id(wanted) });
const in200 = (code) => ({ status: 200, code, look: id(1) });
const pong = { status: 200, reached: 0, look: ([answer]) => assert.equal(answer.body, '{"jsonrpc":"2.0","id":1,"result":{}}') };
const accepted = { status: 202, look: ([answer]) => assert.equal(answer.body, '') };
const sessions = [
  told('a call', oldCall(), { status: 200, look: exact('1'), saw: (seen) => assert.ok(seen[0].text.includes('{"x":1.0}')) }),
  told('a call, an id beyond 2^53', oldCall('9007199254740993'), { status: 200, look: exact('9007199254740993') }),
  told('a call, its method with an escape', oldCall().replace('tools/call', 'tools\\/call'), { status: 200 }),
  told('a call, its version with an escape', oldCall().replace('"2.0"', '"2\\u002e0"'), { status: 200 }),
  told('a call, its id 1.0', oldCall('1.0'), in400(-32600, null)),
  told('a call, its id null', oldCall('null'), in400(-32600, null)),
  told('a call without an id is not made', oldCall().replace('"id":1,', ''), accepted),
  told('a call without jsonrpc', oldCall().replace('"jsonrpc":"2.0",', ''), in400(-32600, 1)),
  told('a call that says the newest revision in its _meta', callBody(), in400(-32020, 1)),
  told('a ping', old('"id":1,"method":"ping"'), pong),
  told('a ping with params', old('"id":1,"method":"ping","params":{"_meta":{}}'), pong),
  told('a ping whose params are a list', old('"id":1,"method":"ping","params":[]'), in400(-32602, 1)),
  told('a ping whose params are null', old('"id":1,"method":"ping","params":null'), in400(-32602, 1)),
  told('a ping whose _meta is a list', old('"id":1,"method":"ping","params":{"_meta":[]}'), in400(-32602, 1)),
  told('a ping without an id', old('"method":"ping"'), accepted),
  told('a ping with a capital', old('"id":1,"method":"Ping"'), in200(-32601)),
  told('a method that nobody knows', old('"id":1,"method":"no/such"'), in200(-32601)),
  told('an empty method', old('"id":1,"method":""'), in200(-32601)),
  told('a method with NUL behind it', old('"id":1,"method":"ping\\u0000"'), in200(-32601)),
  told('a notification\'s method, with an id', old('"id":1,"method":"notifications/initialized"'), in200(-32601)),
  told('a server\'s method', old('"id":1,"method":"sampling/createMessage"'), in200(-32601)),
  told('server/discover', old('"id":1,"method":"server/discover"'), in200(-32601)),
  told('subscriptions/listen', old('"id":1,"method":"subscriptions/listen"'), in200(-32601)),
  told('tasks/list before there were any', old('"id":1,"method":"tasks/list"'), in200(-32601), '2025-06-18'),
  told('a log level that nobody knows', old('"id":1,"method":"logging/setLevel","params":{"level":"loud"}'), in200(-32602)),
  told('a log level that is a number', old('"id":1,"method":"logging/setLevel","params":{"level":1}'), in200(-32602)),
  told('a notification that nobody knows', old('"method":"notifications/nosuch","params":{}'), accepted),
  told('a notification that cancels nothing', old('"method":"notifications/cancelled","params":{"requestId":{}}'), accepted),
  told('a result that nobody waits for', old('"id":1,"result":{}'), in400(-32600, null)),
  told('a result that is a list', old('"id":1,"result":[]'), in400(-32600, null)),
  told('an error that nobody waits for', old('"id":"1","error":{"code":-1,"message":"m"}'), in400(-32600, null)),
  told('an error whose id is null', old('"id":null,"error":{"code":-1,"message":"m"}'), in400(-32600, null)),
  told('a result and an error', old('"id":1,"result":{},"error":{}'), in400(-32600, 1)),
  told('a result whose id is null', old('"id":null,"result":{}'), in400(-32600, null)),
];

const prepare = async (weir) => ({
  sessions: { '2025-11-25': await openSession(weir.url), '2025-06-18': await openSession(weir.url, '2025-06-18') },
});
const cases = [...versions, ...identified, ...methods, ...envelopes, ...initializing, ...sessions];

export const tests = { 'every case is answered as documented': table(cases, { prepare }) };
