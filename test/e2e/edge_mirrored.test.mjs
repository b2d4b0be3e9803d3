// Headers that mirror the body: compared with it before anything is done, and made anew from it towards the server.
import assert from 'node:assert/strict';
import { callBody, post, table } from './raw.mjs';
import { openSession } from './weir.mjs';

const utf8 = (text) => Buffer.from(text, 'utf8').toString('latin1');
const base64 = (text) => `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
const text = (header) => ({ type: 'string', 'x-mcp-header': header });
const sql = {
  name: 'sql',
  inputSchema: {
    type: 'object',
    properties: {
      region: text('Region'),
      limit: { type: 'integer', 'x-mcp-header': 'Limit' },
      dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
      where: { type: 'object', properties: { zone: text('Zone') } },
      query: { type: 'string' },
    },
  },
};
const literal = '=?base64?ZWNobw==?=';
const listed = ['echo', 'Echo', 'grüße', 'gru\u0308ße', '世界', '😀', 'with space', ' padded', literal, 'a"b\\c', '\ufffd'];
const tools = [...listed.map((name) => ({ name, inputSchema: { type: 'object' } })), sql];

// What a server may see of the head of a call; what begins with mcp-param- is looked at apart.
const known = ['host', 'connection', 'content-type', 'content-length', 'accept', 'accept-encoding', 'user-agent', 'traceparent',
  'tracestate', 'mcp-protocol-version', 'mcp-method', 'mcp-name'];
const params = ({ headers }) => Object.fromEntries(
  Object.entries(headers).filter(([name]) => name.startsWith('mcp-param-')).map(([name, value]) => [name.slice(10), value]));
const anew = (name, mirrored = {}) => ([seen]) => {
  const { headers } = seen;
  const told = [headers['mcp-method'], headers['mcp-name'], headers['mcp-protocol-version']];
  assert.deepEqual(told, ['tools/call', name, '2026-07-28']);
  assert.deepEqual(params(seen), mirrored);
  assert.deepEqual(Object.keys(headers).filter((one) => !known.includes(one) && !one.startsWith('mcp-param-')), []);
};
const mismatch = {
  status: 400,
  code: -32020,
  look: (answers) => assert.equal(JSON.parse(answers[0].body).id, 1),
};
const repeated = { status: 400 };

const call = (lines, raw = '"echo"', args = '{}') => post(callBody('1', args).replace('"echo"', () => raw), { lines });
const good = (name, lines, more) => ({ name, send: call(lines), status: 200, saw: anew('echo'), ...more });
const bad = (name, lines, more) => ({ name, send: call(lines), ...mismatch, ...more });

const version = (name, value, more) => bad(`version: ${name}`, { 'MCP-Protocol-Version': value }, more);
const saying = (value) => callBody().replace('/protocolVersion":"2026-07-28"', `/protocolVersion":"${value}"`);
const versions = [
  good('version: between white space', { 'MCP-Protocol-Version': ' \t2026-07-28\t ' }),
  good('version: its name in other cases', { 'MCP-Protocol-Version': null, 'mCP-pROTOCOL-vERSION': '2026-07-28' }),
  good('version: no white space before it', {}, {
    send: call({}).replace('MCP-Protocol-Version: ', 'MCP-Protocol-Version:'),
  }),
  version('absent', null),
  version('empty', ''),
  version('white space alone', ' \t '),
  version('of a session', '2025-11-25'),
  version('one that nobody knows', '2031-01-01'),
  version('in quotes', '"2026-07-28"'),
  version('twice in one line', '2026-07-28, 2026-07-28'),
  version('with a parameter', '2026-07-28;q=1'),
  version('in the form for names', base64('2026-07-28')),
  version('with dashes that look alike', utf8('2026\u201007\u201028')),
  version('with a letter behind it', '2026-07-28x'),
  version('with an underscore in its name', null, {
    send: call({ 'MCP-Protocol-Version': null, MCP_Protocol_Version: '2026-07-28' }),
  }),
  { name: 'version: twice the same', send: call({ 'MCP-Protocol-Version': ['2026-07-28', '2026-07-28'] }), ...repeated },
  { name: 'version: a second, older one', send: call({ 'MCP-Protocol-Version': ['2026-07-28', '2025-11-25'] }), ...repeated },
  { name: 'version: a second one, its name in small letters', send: call({ 'mcp-protocol-version': '2026-07-28' }), ...repeated },
  { name: 'version: a second, empty one', send: call({ 'MCP-Protocol-Version': ['', '2026-07-28'] }), ...repeated },
  bad('version: the body\'s is of a session', {}, { send: post(saying('2025-11-25')) }),
  bad('version: the body\'s has white space behind it', {}, { send: post(saying('2026-07-28 ')) }),
  bad('version: letters of no ASCII, the same in the body', {}, {
    send: post(saying(utf8('é')), { lines: { 'MCP-Protocol-Version': utf8('é') } }),
  }),
];

const method = (name, value, more) => bad(`method: ${name}`, { 'Mcp-Method': value }, more);
const methods = [
  good('method: between white space', { 'Mcp-Method': '\t tools/call \t' }),
  good('method: its name in capitals', { 'Mcp-Method': null, 'MCP-METHOD': 'tools/call' }),
  good('method: the body\'s with an escape', {}, { send: post(callBody().replace('tools/call', 'tools\\/call')) }),
  method('absent', null),
  method('empty', ''),
  method('another', 'tools/list'),
  method('one that nobody knows', 'tools/nosuch'),
  method('with a capital', 'Tools/call'),
  method('in capitals', 'TOOLS/CALL'),
  method('in quotes', '"tools/call"'),
  method('its slash with an escape', 'tools\\/call'),
  method('its slash in percent', 'tools%2Fcall'),
  method('in the form for names', base64('tools/call')),
  method('twice in one line', 'tools/call, tools/call'),
  method('its beginning', 'tools/cal'),
  method('its end', 'ools/call'),
  method('a letter more', 'tools/call2'),
  method('white space within', 'tools/ call'),
  method('a byte of no ASCII behind it', 'tools/call\xa0'),
  method('with an underscore in its name', null, { send: call({ 'Mcp-Method': null, Mcp_Method: 'tools/call' }) }),
  method('absent, of a method that nobody knows', null, {
    send: post(callBody().replace('tools/call', 'no/such'), { lines: { 'Mcp-Method': null } }),
  }),
  method('the body\'s has white space behind it', 'tools/call', { send: post(callBody().replace('tools/call', 'tools/call ')) }),
  method('letters of no ASCII, the same in the body', null, {
    send: post(callBody().replace('tools/call', utf8('tööls/call')), { lines: { 'Mcp-Method': utf8('tööls/call') } }),
  }),
  method('the form for names, the same in the body', null, {
    send: post(callBody().replace('tools/call', base64('tools/call')), { lines: { 'Mcp-Method': base64('tools/call') } }),
    status: 404,
    code: -32601,
  }),
  { name: 'method: twice the same', send: call({ 'Mcp-Method': ['tools/call', 'tools/call'] }), ...repeated },
  { name: 'method: a second, other one', send: call({ 'Mcp-Method': ['tools/call', 'tools/list'] }), ...repeated },
  { name: 'method: a second one, its name in capitals', send: call({ 'MCP-METHOD': 'tools/call' }), ...repeated },
];

const name = (what, value, more) => bad(`name: ${what}`, { 'Mcp-Name': value }, more);
// The name in the body, the header, and what the server is told.
const named = (what, raw, value, wanted) => ({
  name: `name: ${what}`,
  send: call({ 'Mcp-Name': value }, raw),
  status: 200,
  saw([seen]) {
    anew(wanted)([seen]);
    const coded = wanted.startsWith('=?base64?');
    assert.equal(seen.parsed.params.name, coded ? Buffer.from(wanted.slice(9, -2), 'base64').toString() : wanted);
  },
});
const unlike = (what, raw, value) => ({ name: `name: ${what}`, send: call({ 'Mcp-Name': value }, raw), ...mismatch });
const names = [
  named('between white space', '"echo"', '\t echo \t', 'echo'),
  named('with a capital', '"Echo"', 'Echo', 'Echo'),
  named('in the form for others', '"echo"', base64('echo'), 'echo'),
  named('in the form for others, between white space', '"echo"', ` ${base64('echo')}\t`, 'echo'),
  named('with white space within', '"with space"', 'with space', 'with space'),
  named('padded, in the form for others', '" padded"', base64(' padded'), base64(' padded')),
  named('no ASCII, in the form for others', utf8('"grüße"'), base64('grüße'), base64('grüße')),
  named('no ASCII, with escapes in the body', '"gr\\u00fc\\u00dfe"', base64('grüße'), base64('grüße')),
  named('not composed', utf8('"gru\u0308ße"'), base64('gru\u0308ße'), base64('gru\u0308ße')),
  named('a pair of surrogates in the body', '"\\ud83d\\ude00"', base64('😀'), base64('😀')),
  named('three bytes a letter', utf8('"世界"'), base64('世界'), base64('世界')),
  named('what looks coded, coded', `"${literal}"`, base64(literal), base64(literal)),
  named('quotes and backslashes', '"a\\"b\\\\c"', 'a"b\\c', 'a"b\\c'),
  named('the replacement character', utf8('"\ufffd"'), base64('\ufffd'), base64('\ufffd')),
  good('name: escapes in the body', {}, { send: call({}, '"\\u0065c\\u0068o"') }),
  good('name: with its server before it', {}, { send: call({ 'Mcp-Name': 'a__echo' }, '"a__echo"') }),
  good('name: with its server before it, coded', {}, { send: call({ 'Mcp-Name': base64('a__echo') }, '"a\\u005f_echo"') }),
  name('absent', null),
  name('empty', ''),
  name('another', 'Echo'),
  name('in capitals', 'ECHO'),
  name('in quotes', '"echo"'),
  name('a letter less', 'ech'),
  name('a letter more', 'echoo'),
  name('twice in one line', 'echo, echo'),
  name('with a parameter', 'echo;x'),
  name('in percent', '%65cho'),
  name('with an escape of JSON', '\\u0065cho'),
  name('an encoded word of mail', '=?utf-8?b?ZWNobw==?='),
  name('an extended value', 'UTF-8\'\'echo'),
  name('NUL behind it, coded', base64('echo\0')),
  name('a line\'s end behind it, coded', base64('echo\n')),
  name('a byte order mark before it, coded', base64('\ufeffecho')),
  name('white space before it, coded', base64(' echo')),
  name('coded twice', base64(base64('echo'))),
  name('coded without padding', '=?base64?ZWNobw?='),
  name('coded with half its padding', '=?base64?ZWNobw=?='),
  name('coded with too much padding', '=?base64?ZWNobw===?='),
  name('coded, a letter is missing', '=?base64?ZWNob?='),
  name('coded, bits are left', '=?base64?ZWNobx==?='),
  name('coded, white space before it', '=?base64? ZWNobw==?='),
  name('coded, white space within', '=?base64?ZWNo bw==?='),
  name('coded, a tab within', '=?base64?ZWNo\tbw==?='),
  name('coded, padding in the middle', '=?base64?ZW==Nobw==?='),
  name('coded, a letter behind it', `${literal}x`),
  name('coded, a letter before it', `x${literal}`),
  name('coded, its end twice', `${literal}?=`),
  name('coded, without its end', '=?base64?ZWNobw=='),
  name('coded, its mark in capitals', '=?BASE64?ZWNobw==?='),
  name('coded, its mark with a capital', '=?Base64?ZWNobw==?='),
  name('coded, nothing in it', '=?base64??='),
  name('coded, its end is its beginning\'s', '=?base64?='),
  name('coded, no UTF-8', '=?base64?ZWNob/8=?='),
  name('coded, an overlong form', '=?base64?wWVjaG8=?='),
  unlike('coded with the letters of URLs', '"\\ud83d\\ude00"', '=?base64?8J-YgA==?='),
  unlike('what looks coded, as it is', `"${literal}"`, literal),
  unlike('padded, as it is', '" padded"', ' padded'),
  unlike('UTF-8 as it is', utf8('"grüße"'), utf8('grüße')),
  unlike('Latin-1 as it is', utf8('"grüße"'), 'gr\xfc\xdfe'),
  unlike('composed, the body\'s is not', utf8('"gru\u0308ße"'), base64('grüße')),
  unlike('a lone surrogate as what it is often replaced by', '"\\ud800"', base64('\ufffd')),
  unlike('a lone surrogate as the bytes of one', '"\\ud800"', '=?base64?7aCA?='),
  unlike('without its server', '"a__echo"', 'echo'),
  unlike('with its server, the body\'s without', '"echo"', 'a__echo'),
  name('the body has none', 'echo', { send: post(callBody().replace('"name":"echo",', '')) }),
  unlike('null in the body', 'null', 'null'),
  unlike('a list in the body', '["echo"]', 'echo'),
  { name: 'name: twice the same', send: call({ 'Mcp-Name': ['echo', 'echo'] }), ...repeated },
  { name: 'name: a second, other one', send: call({ 'Mcp-Name': ['echo', 'Echo'] }), ...repeated },
  { name: 'name: a second one, its name in small letters', send: call({ 'mcp-name': 'echo' }), ...repeated },
  { name: 'name: a second one, coded', send: call({ 'Mcp-Name': ['echo', base64('echo')] }), ...repeated },
  good('name: another under a name with an underscore', { Mcp_Name: 'Echo' }),
  name('under a name with an underscore alone', null, { send: call({ 'Mcp-Name': null, Mcp_Name: 'echo' }) }),
  name('under a longer name', null, { send: call({ 'Mcp-Name': null, 'Mcp-Name-': 'echo', 'X-Mcp-Name': 'echo' }) }),
];

// Other methods that carry a name.
const other = (what, wanted, params, value) => ({
  name: `${wanted}: ${what}`,
  send: post(callBody().replace('tools/call', wanted).replace('"name":"echo","arguments":{}', params), {
    lines: { 'Mcp-Method': wanted, 'Mcp-Name': value },
  }),
  ...mismatch,
});
const others = [
  other('another prompt', 'prompts/get', '"name":"one"', 'two'),
  other('no header', 'prompts/get', '"name":"one"', null),
  other('another URI', 'resources/read', '"uri":"file:///a"', 'file:///b'),
  other('the URI folded', 'resources/read', '"uri":"file:///a/../b"', 'file:///b'),
  other('the URI\'s scheme in capitals', 'resources/read', '"uri":"file:///a"', 'FILE:///a'),
  other('the URI in percent', 'resources/read', '"uri":"file:///a%2fb"', 'file:///a/b'),
  other('no header', 'resources/read', '"uri":"file:///a"', null),
  other('the name in place of the URI', 'resources/read', '"name":"one","uri":"file:///a"', 'one'),
  other('another task', 'tasks/get', '"taskId":"one"', 'two'),
  other('no header', 'tasks/cancel', '"taskId":"one"', null),
];

const prefixed = (given) => Object.fromEntries(Object.entries(given).map(([key, one]) => [`Mcp-Param-${key}`, one]));
const argued = (what, args, given, wanted) => ({
  name: `param: ${what}`,
  send: call({ 'Mcp-Name': 'sql', ...prefixed(given) }, '"sql"', args),
  ...(wanted ? { status: 200, saw: anew('sql', wanted) } : mismatch),
});
const x = '{"region":"x"}';
const injected = 'a\r\nMcp-Name: other\r\n\r\n';
const mirrored = [
  argued('all of them', '{"region":"us-west1","limit":42,"dry":true,"where":{"zone":"z"},"query":"q"}',
    { Region: 'us-west1', Limit: '42', Dry: 'true', Zone: 'z' }, { region: 'us-west1', limit: '42', dry: 'true', zone: 'z' }),
  argued('none of them', '{}', {}, {}),
  argued('their names in other cases', '{"region":"x","limit":1}', { REGION: 'x', lIMIT: '1' }, { region: 'x', limit: '1' }),
  argued('in the form for others', x, { Region: base64('x') }, { region: 'x' }),
  argued('no ASCII', utf8('{"region":"é"}'), { Region: base64('é') }, { region: base64('é') }),
  argued('escapes in the body', '{"regi\\u006fn":"\\u0078"}', { Region: 'x' }, { region: 'x' }),
  argued('padded', '{"region":" x "}', { Region: base64(' x ') }, { region: base64(' x ') }),
  argued('a tab within', '{"region":"a\\tb"}', { Region: base64('a\tb') }, { region: base64('a\tb') }),
  argued('lines of a head', `{"region":${JSON.stringify(injected)}}`, { Region: base64(injected) }, { region: base64(injected) }),
  argued('NUL', '{"region":"\\u0000"}', { Region: base64('\0') }, { region: base64('\0') }),
  argued('what looks coded', `{"region":"${literal}"}`, { Region: base64(literal) }, { region: base64(literal) }),
  argued('an empty string', '{"region":""}', { Region: '' }, { region: '' }),
  argued('an empty string, coded', '{"region":""}', { Region: '=?base64??=' }, { region: '' }),
  argued('a number by its value', '{"limit":42.0}', { Limit: '42' }, { limit: '42' }),
  argued('a number with a fraction of nothing', '{"limit":42}', { Limit: '42.000' }, { limit: '42' }),
  argued('a number below zero', '{"limit":-7}', { Limit: '-7' }, { limit: '-7' }),
  argued('a number with an exponent in the body', '{"limit":1e2}', { Limit: '100' }, { limit: '100' }),
  argued('false', '{"dry":false}', { Dry: 'false' }, { dry: 'false' }),
  argued('null is none', '{"region":null,"limit":null,"dry":null,"where":null}', {}, {}),
  argued('those that the schema does not know are passed on', x, { Region: 'x', Other: 'y: z', 'Regio-n': '1' },
    { region: 'x', other: 'y: z', 'regio-n': '1' }),
  argued('an argument of that name elsewhere', '{"zone":"z","where":{"region":"x"}}', {}, {}),
  argued('an argument with a capital', '{"Region":"x"}', {}, {}),
  argued('an argument with a capital, its header', '{"Region":"x"}', { Region: 'x' }),
  argued('absent', x, {}),
  argued('one of two is absent', '{"region":"x","limit":1}', { Region: 'x' }),
  argued('absent, of an empty string', '{"region":""}', {}),
  argued('absent, of false', '{"dry":false}', {}),
  argued('absent, of zero', '{"limit":0}', {}),
  argued('absent, of one a level down', '{"where":{"zone":""}}', {}),
  argued('another', x, { Region: 'y' }),
  argued('another case', x, { Region: 'X' }),
  argued('white space within', '{"region":"a b"}', { Region: 'a  b' }),
  argued('twice in one line', x, { Region: 'x, x' }),
  argued('in quotes', x, { Region: '"x"' }),
  argued('of null', '{"region":null}', { Region: 'null' }),
  argued('empty, of null', '{"region":null}', { Region: '' }),
  argued('of none', '{}', { Region: 'x' }),
  argued('empty, of none', '{}', { Region: '' }),
  argued('of one a level up', '{"zone":"z"}', { Zone: 'z' }),
  argued('of an object', '{"region":{"a":1}}', { Region: '{"a":1}' }),
  argued('of a list', '{"region":["x"]}', { Region: 'x' }),
  argued('bad form: no padding', x, { Region: '=?base64?eA?=' }),
  argued('bad form: bits are left', x, { Region: '=?base64?eB==?=' }),
  argued('bad form: no UTF-8', utf8('{"region":"\ufffd"}'), { Region: '=?base64?/w==?=' }),
  argued('UTF-8 as it is', utf8('{"region":"é"}'), { Region: utf8('é') }),
  argued('Latin-1 as it is', utf8('{"region":"é"}'), { Region: '\xe9' }),
  argued('a lone surrogate as what it is often replaced by', '{"region":"\\ud800"}', { Region: base64('\ufffd') }),
  argued('a number with a plus', '{"limit":42}', { Limit: '+42' }),
  argued('a number with an exponent', '{"limit":42}', { Limit: '42e0' }),
  argued('a number without its fraction', '{"limit":42}', { Limit: '42.' }),
  argued('a number in hexadecimal', '{"limit":42}', { Limit: '0x2a' }),
  argued('a number with a separator', '{"limit":4200}', { Limit: '4,200' }),
  argued('a number that is nearly the same', '{"limit":42}', { Limit: '42.00000000000000000001' }),
  argued('a number that is nearly the same, from below', '{"limit":42}', { Limit: '41.99999999999999999999' }),
  argued('a number beyond what is safe', '{"limit":9007199254740993}', { Limit: '9007199254740992' }),
  argued('an empty number', '{"limit":0}', { Limit: '' }),
  argued('true with a capital', '{"dry":true}', { Dry: 'True' }),
  argued('true as a number', '{"dry":true}', { Dry: '1' }),
  { name: 'param: twice the same', send: call({ 'Mcp-Name': 'sql', 'Mcp-Param-Region': ['x', 'x'] }, '"sql"', x), ...repeated },
  {
    name: 'param: a second, other one',
    send: call({ 'Mcp-Name': 'sql', 'Mcp-Param-Region': ['x', 'y'] }, '"sql"', x),
    ...repeated,
  },
  {
    name: 'param: a second one, its name in capitals',
    send: call({ 'Mcp-Name': 'sql', 'Mcp-Param-Region': 'x', 'MCP-PARAM-REGION': 'x' }, '"sql"', x),
    ...repeated,
  },
  { name: 'param: twice one that nobody knows', send: call({ 'Mcp-Param-Other': ['x', 'y'] }), ...repeated },
  { ...argued('under a name with underscores', x, {}), send: call({ 'Mcp-Name': 'sql', Mcp_Param_Region: 'x' }, '"sql"', x) },
  good('param: of a tool that mirrors nothing', { 'Mcp-Param-Region': 'y' }, { saw: anew('echo', { region: 'y' }) }),
];

// What a client may try to slip through.
const slipped = {
  Authorization: 'Bearer canary',
  'Proxy-Authorization': 'Basic canary',
  Cookie: 'canary=1',
  'X-Api-Key': 'canary',
  'Api-Key': 'canary',
  'Mcp-Session-Id': 'canary',
  'Last-Event-Id': 'canary',
  'X-Forwarded-For': '10.0.0.1',
  'X-Forwarded-Host': 'canary',
  Forwarded: 'for=canary',
  'X-Original-Url': '/canary',
  'X-Http-Method-Override': 'DELETE',
  'Router-Key': 'canary',
  'Mcp-Init-Host': 'canary',
  'Mcp-Other': 'canary',
  Mcp_Name: 'canary',
  Mcp_Param_Region: 'canary',
  'X-Weir-Action': '1',
  Te: 'trailers',
  Upgrade: 'h2c',
};
const old = (given, args = x) => (wire, { session }) => {
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sql","arguments":${args}}}`;
  const lines = { 'MCP-Protocol-Version': '2025-11-25', 'Mcp-Session-Id': session.id, 'Mcp-Method': null, 'Mcp-Name': null };
  wire.send(post(body, { lines: { ...lines, ...given } }));
};
const through = [
  ...Object.entries(slipped).map(([key, value]) => good(`not passed on: ${key}`, { [key]: value })),
  good('not passed on: what Connection names', { Connection: 'keep-alive, Mcp-Name', 'X-Mine': '1' }),
  { name: 'a session: the headers are made of the body', send: old({}), status: 200, saw: anew('sql', { region: 'x' }) },
  {
    name: 'a session: what the client mirrors counts for nothing',
    send: old({ 'Mcp-Method': 'tools/list', 'Mcp-Name': 'echo', 'Mcp-Param-Region': 'y', 'Mcp-Param-Dry': 'true' }),
    status: 200,
    saw: anew('sql', { region: 'x' }),
  },
  { name: 'a session: what the client mirrors twice', send: old({ 'Mcp-Param-Region': ['x', 'y'] }), ...repeated },
  {
    name: 'a session: lines of a head',
    send: old({}, `{"region":${JSON.stringify(injected)}}`),
    status: 200,
    saw: anew('sql', { region: base64(injected) }),
  },
  { name: 'a session: a number by its value', send: old({}, '{"limit":42.0}'), status: 200, saw: anew('sql', { limit: '42' }) },
];

const prepare = async (weir) => ({ session: await openSession(weir.url) });
const cases = [...versions, ...methods, ...names, ...others, ...mirrored, ...through];

export const tests = { 'every case is answered as documented': table(cases, { upstream: { tools }, prepare }) };
