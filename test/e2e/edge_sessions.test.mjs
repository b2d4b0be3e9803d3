// Sessions of the old revisions: who may use which id where, and that the newest revision knows none.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { callBody, post, table } from './raw.mjs';
import { Weir, accept, request, until } from './weir.mjs';

const said = '"capabilities":{},"clientInfo":{"name":"e2e","version":"1"}';
const hello = (version = '2025-11-25') =>
  `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"${version}",${said}}}`;
const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const echo = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}';
const note = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
const bearer = (token) => ({ Authorization: `Bearer ${token}` });

// The id of a new session.
async function open(url, { headers = {}, version, from } = {}) {
  const answer = await request('POST', url, { ...accept, ...headers }, hello(version), undefined, from);
  assert.equal(answer.status, 200, answer.text);
  return answer.headers['mcp-session-id'];
}
// One of another gateway, which has ended.
let foreign;
async function openElsewhere(upstream) {
  const other = await Weir.start({ servers: { a: { url: upstream.url } } });
  try {
    return await open(other.url);
  } finally {
    await other.stop();
  }
}

// A request with an id (or none), and what else is said; `way`: path and method.
function lined(text, id, lines = {}, way = {}) {
  const own = { 'MCP-Protocol-Version': '2025-11-25', 'Mcp-Method': null, 'Mcp-Name': null, 'Mcp-Session-Id': id };
  return post(text, { lines: { ...own, ...lines }, ...way });
}
// `which`: an id, or a function of the world that gives it.
const idOf = (which, world) => (typeof which === 'function' ? which(world) : which);
const sends = (which, { text = echo, lines = {}, ...way } = {}) => (wire, world) =>
  wire.send(lined(text, idOf(which, world), lines, way));
const own = ({ ids }) => ids.own;

const none = { status: 400, code: -32600 };
const gone = {
  status: 404,
  closes: false,
  look(answers) {
    const { error, id } = JSON.parse(answers.at(-1).body);
    assert.ok(Number.isInteger(error.code), answers.at(-1).body);
    assert.equal(id, 1);
  },
};
const goneBare = { status: 404, closes: false };
const served = { status: 200, closes: undefined, look: undefined };
const broken = { status: 400, closes: true, look: undefined };
const pong = { status: 200, reached: 0, look: ([answer]) => assert.equal(answer.body, '{"jsonrpc":"2.0","id":1,"result":{}}') };

const flip = (at, bit = 1) => (world) => {
  const bytes = Buffer.from(own(world), 'base64url');
  bytes[at < 0 ? bytes.length + at : at] ^= bit;
  return bytes.toString('base64url');
};
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
// Beside an id (or none), the id elsewhere.
const besides = (which, make) => (wire, world) => wire.send(lined(echo, idOf(which, world), make(own(world))));
const altered = {
  'the first bit': flip(0, 0x80),
  'its first byte': flip(0),
  'its second byte': flip(1),
  'a byte near its begin': flip(4),
  'a bit in its middle': flip(16),
  'its last byte': flip(-1),
  'a byte near its end': flip(-12),
  'the bits that its last letter leaves over': (world) =>
    own(world).slice(0, -1) + letters[letters.indexOf(own(world).at(-1)) ^ 1],
  'the last letter is missing': (world) => own(world).slice(0, -1),
  'the first letter is missing': (world) => own(world).slice(1),
  'its first half': (world) => own(world).slice(0, own(world).length / 2),
  'its first letter': (world) => own(world)[0],
  'a letter more': (world) => own(world) + 'A',
  'padding behind it': (world) => own(world) + '=',
  'twice in a row': (world) => own(world) + own(world),
  'twice in one line': (world) => `${own(world)}, ${own(world)}`,
  'two in one line': (world) => `${own(world)}, ${world.ids.second}`,
  'an unknown one before it': (world) => `x, ${own(world)}`,
  'a semicolon behind it': (world) => own(world) + ';',
  'a parameter behind it': (world) => `${own(world)};path=/mcp`,
  'in capitals': (world) => own(world).toUpperCase(),
  'in small letters': (world) => own(world).toLowerCase(),
  backwards: (world) => [...own(world)].reverse().join(''),
  'in quotes': (world) => `"${own(world)}"`,
  'in percent': (world) => `%${own(world).charCodeAt(0).toString(16)}${own(world).slice(1)}`,
  'in the form for names': (world) => `=?base64?${Buffer.from(own(world)).toString('base64')}?=`,
  'its bytes in hexadecimal': (world) => Buffer.from(own(world), 'base64url').toString('hex'),
  'its bytes with another alphabet': (world) => Buffer.from(world.ids.marked, 'base64url').toString('base64'),
  'the halves of two': (world) => own(world).slice(0, 30) + world.ids.second.slice(30),
  'white space within': (world) => `${own(world).slice(0, 20)} ${own(world).slice(20)}`,
  'a tab within': (world) => `${own(world).slice(0, 20)}\t${own(world).slice(20)}`,
  'a byte of no ASCII behind it': (world) => own(world) + '\xff',
  'of another gateway': ({ ids }) => ids.foreign,
  'of a session that was ended': ({ ids }) => ids.ended,
  'nothing but zeros': 'A'.repeat(54),
  'one letter': '1',
  'a UUID': '8c7f2d44-6a0e-4a1b-9d53-0f6c7c1f4b2e',
  'a word of JavaScript': '__proto__',
  null: 'null',
  'a path': '../../mcp',
  'no ASCII at all': '\xc3\xa9\xff\x80',
  'eight thousand letters': 'A'.repeat(8000),
  'thirty thousand letters': 'A'.repeat(30000),
};
const forged = [
  ...Object.entries(altered).map(([name, which]) => ({ name: `id: ${name}`, send: sends(which), ...gone })),
  { name: 'id: larger than a head may be', send: sends('A'.repeat(33000)), status: 431 },
  { name: 'id: NUL behind it', send: sends((world) => own(world) + '\0'), ...broken },
  { name: 'id: DEL behind it', send: sends((world) => own(world) + '\x7f'), ...broken },
  { name: 'id: a bare line\'s end within', send: sends((world) => own(world) + '\nX: y'), ...broken },
  { name: 'id: a folded line', send: sends((world) => own(world).slice(0, 20) + '\r\n ' + own(world).slice(20)), ...broken },
  { name: 'id: none', send: sends(null), ...none },
  { name: 'id: empty', send: sends(''), ...none },
  { name: 'id: white space alone', send: sends(' \t'), ...none },
  { name: 'id: twice the same', send: sends((world) => [own(world), own(world)]), ...broken },
  { name: 'id: two', send: sends((world) => [own(world), world.ids.second]), ...broken },
  { name: 'id: an empty one before it', send: sends((world) => ['', own(world)]), ...broken },
  { name: 'id: a second one, its name in small letters', send: besides(own, (id) => ({ 'mcp-session-id': id })), ...broken },
  { name: 'id: its own', send: sends(own), ...served, saw: ([seen]) => assert.equal(seen.headers['mcp-session-id'], undefined) },
  { name: 'id: between white space', send: sends((world) => `\t ${own(world)} \t`), ...served },
  { name: 'id: its name in capitals', send: besides(null, (id) => ({ 'MCP-SESSION-ID': id })), ...served },
  { name: 'id: under a name with underscores', send: besides(null, (id) => ({ Mcp_Session_Id: id })), ...none },
  { name: 'id: under another name', send: besides(null, (id) => ({ 'X-Mcp-Session-Id': id })), ...none },
  { name: 'id: in a cookie', send: besides(null, (id) => ({ Cookie: `Mcp-Session-Id=${id}` })), ...none },
  {
    name: 'id: in the query',
    send: (wire, world) => wire.send(lined(echo, null, {}, { path: `/mcp?sessionId=${own(world)}` })),
    ...none,
  },
  { name: 'id: an unknown one, a notification', send: sends('x', { text: note }), ...goneBare },
  { name: 'id: an unknown one, a result', send: sends('x', { text: '{"jsonrpc":"2.0","id":1,"result":{}}' }), ...goneBare },
  { name: 'id: none, a notification', send: sends(null, { text: note }), ...none },
  { name: 'id: none, a result', send: sends(null, { text: '{"jsonrpc":"2.0","id":1,"result":{}}' }), ...none },
];

const principal = (name, lines, more = {}, which = own) => ({
  name: `principal: ${name}`,
  send: sends(which, { lines }),
  ...gone,
  ...more,
});
const alpha = ({ ids }) => ids.alpha;
const strangers = {
  'another token': bearer('beta'),
  'no token': {},
  'the token in capitals': bearer('ALPHA'),
  'the token\'s beginning': bearer('alph'),
  'the token and more': bearer('alphaa'),
  'the token in another scheme': { Authorization: 'Basic alpha' },
  'the token in another header': { 'X-Api-Key': 'alpha' },
  'what the token is known as within': bearer('token:' + createHash('sha256').update('alpha').digest('hex').slice(0, 32)),
};
const principals = [
  ...Object.entries(strangers).map(([name, lines]) => principal(name, lines, {}, alpha)),
  principal('its own token', bearer('alpha'), served, alpha),
  principal('its own token, the scheme in small letters', { Authorization: 'bearer alpha' }, served, alpha),
  principal('its own token from another address', bearer('alpha'), { ...served, from: '127.0.0.2' }, alpha),
  principal('its own token twice', { Authorization: ['Bearer alpha', 'Bearer alpha'] }, broken, alpha),
  principal('another token before its own', { Authorization: ['Bearer beta', 'Bearer alpha'] }, broken, alpha),
  principal('a token, of a session without', bearer('alpha')),
  principal('the address as token, of a session without', bearer('127.0.0.1')),
  principal('another address', {}, { from: '127.0.0.2' }),
  ...Object.entries({
    'X-Forwarded-For': '127.0.0.1',
    'X-Real-Ip': '127.0.0.1',
    Forwarded: 'for=127.0.0.1',
    'Client-Ip': '127.0.0.1',
  }).map(([name, value]) => principal(`another address that says otherwise: ${name}`, { [name]: value }, { from: '127.0.0.2' })),
  principal('an address that says that it is another', { 'X-Forwarded-For': '10.0.0.1' }, served),
  {
    name: 'principal: another\'s attempt leaves the session as it is',
    send: (wire, world) => wire.send(lined(ping, alpha(world)) + lined(ping, alpha(world), bearer('alpha'))),
    status: [404, 200],
  },
];

const at = (name, path, which, more = gone) => ({ name: `path: ${name}`, send: sends(which, { path }), ...more });
const inA = ({ ids }) => ids.inA;
const paths = [
  at('of all servers, at one', '/mcp/a', own),
  at('of one server, at all', '/mcp', inA),
  at('of one server, at its own', '/mcp/a', inA, served),
  at('with a query', '/mcp?a=b', own, served),
  at('with a query and a slash', '/mcp?/a', own, served),
  at('of one server, with a query', '/mcp/a?x=/mcp', inA, served),
  at('of one server, its name in percent', '/mcp/%61', inA),
  at('of one server, its name in capitals', '/mcp/A', inA),
  at('of one server, a point in a segment', '/mcp/./a', inA, { status: 404 }),
  at('of one server, a slash behind it', '/mcp/a/', inA, { status: 404 }),
  at('two dots', '/mcp/../mcp', own, { status: 404 }),
  at('two slashes', '//mcp', own, { status: 404 }),
  at('a slash behind it', '/mcp/', own),
  at('in capitals', '/MCP', own, { status: 404 }),
  at('of a server that nobody knows', '/mcp/b', own),
  at('of the transport before', '/messages', own, none),
  {
    name: 'path: of the transport before, in the query',
    send: (wire, world) => wire.send(lined(echo, own(world), {}, { path: `/messages?sessionId=${own(world)}` })),
    ...gone,
  },
];

const remove = (id, lines = {}, way = {}) => lined('', id, lines, { method: 'DELETE', ...way });
const fresh = (make) => async (wire, world) => wire.send(make(await open(world.weir.url), world));
const stillThere = { status: [404, 200] };
const ends = [
  {
    name: 'DELETE: its own, then it is gone',
    send: fresh((id) => remove(id) + lined(echo, id)),
    status: [200, 404],
    closes: false,
  },
  { name: 'DELETE: twice', send: fresh((id) => remove(id) + remove(id)), status: [200, 404], closes: false },
  {
    name: 'DELETE: the stream is gone too',
    send: fresh((id) => remove(id) + lined('', id, {}, { method: 'GET' })),
    status: [200, 404],
    closes: false,
  },
  {
    name: 'DELETE: notifications are refused too',
    send: fresh((id) => remove(id) + lined(note, id)),
    status: [200, 404],
    closes: false,
  },
  {
    name: 'DELETE: with a body',
    send: fresh((id) => lined(echo, id, {}, { method: 'DELETE' }) + lined(ping, id)),
    status: [200, 404],
    closes: false,
  },
  {
    name: 'DELETE: another one of the same client stays',
    send: fresh((id, world) => remove(id) + lined(ping, own(world))),
    status: [200, 200],
    reached: 0,
  },
  {
    name: 'DELETE: without a version',
    send: fresh((id) => remove(id, { 'MCP-Protocol-Version': null })),
    status: 200,
    reached: 0,
  },
  {
    name: 'DELETE: of a version that nobody knows',
    send: fresh((id) => remove(id, { 'MCP-Protocol-Version': '2031-01-01' }) + lined(ping, id)),
    status: [400, 200],
  },
  {
    name: 'DELETE: of the revision without sessions',
    send: fresh((id) => remove(id, { 'MCP-Protocol-Version': '2026-07-28' }) + lined(ping, id)),
    status: [400, 200],
  },
  { name: 'DELETE: no id', send: remove(null), status: 400, closes: false },
  { name: 'DELETE: an empty id', send: remove(''), status: 400, closes: false },
  { name: 'DELETE: an unknown id', send: remove('x'), ...goneBare },
  { name: 'DELETE: an id of another gateway', send: (wire, { ids }) => wire.send(remove(ids.foreign)), ...goneBare },
  { name: 'DELETE: two ids', send: (wire, world) => wire.send(remove([own(world), world.ids.second])), ...broken },
  {
    name: 'DELETE: by a token',
    send: (wire, world) => wire.send(remove(own(world), bearer('alpha')) + lined(ping, own(world))),
    ...stillThere,
  },
  {
    name: 'DELETE: without the token',
    send: (wire, world) => wire.send(remove(alpha(world)) + lined(ping, alpha(world), bearer('alpha'))),
    ...stillThere,
  },
  {
    name: 'DELETE: by another token',
    send: (wire, world) => wire.send(remove(alpha(world), bearer('beta')) + lined(ping, alpha(world), bearer('alpha'))),
    ...stillThere,
  },
  {
    name: 'DELETE: from another address',
    async send(wire, world) {
      wire.send(remove(own(world)));
      const there = await request('POST', world.weir.url, { ...accept, 'Mcp-Session-Id': own(world) }, ping);
      assert.equal(there.status, 200);
    },
    from: '127.0.0.2',
    ...goneBare,
  },
  {
    name: 'DELETE: at another path',
    send: (wire, world) => wire.send(remove(own(world), {}, { path: '/mcp/a' }) + lined(ping, own(world))),
    ...stillThere,
  },
  {
    name: 'DELETE: at a path that has no sessions',
    send: (wire, world) => wire.send(remove(own(world), {}, { path: '/messages' }) + lined(ping, own(world))),
    status: 405,
  },
  {
    name: 'DELETE: in an override',
    send: (wire, world) =>
      wire.send(lined(ping, own(world), { 'X-Http-Method-Override': 'DELETE' }) + lined(ping, own(world))),
    status: [200, 200],
    reached: 0,
  },
];

const get = (which, { lines = {}, ...way } = {}) =>
  sends(which, { text: '', lines: { Accept: 'text/event-stream', ...lines }, method: 'GET', ...way });
const allowed = { status: 405, look: ([answer]) => assert.match(answer.headers.allow, /POST/) };
const streams = [
  {
    name: 'GET: a stream, until its session is ended',
    async send(wire, { weir }) {
      const id = await open(weir.url);
      wire.send(lined('', id, { Accept: 'text/event-stream' }, { method: 'GET' }));
      await until(() => wire.text.includes('\r\n\r\n'));
      assert.equal((await request('DELETE', weir.url, { 'Mcp-Session-Id': id })).status, 200);
    },
    status: 200,
    reached: 0,
    look: ([answer]) => assert.match(answer.headers['content-type'], /^text\/event-stream/),
  },
  { name: 'GET: no id', send: get(null), ...allowed },
  {
    name: 'GET: no id, of the revision without sessions',
    send: get(null, { lines: { 'MCP-Protocol-Version': '2026-07-28' } }),
    ...allowed,
  },
  {
    name: 'GET: an id, of the revision without sessions',
    send: get(own, { lines: { 'MCP-Protocol-Version': '2026-07-28' } }),
    ...allowed,
  },
  { name: 'GET: an unknown id', send: get('x'), ...goneBare },
  { name: 'GET: an id of another gateway', send: get(({ ids }) => ids.foreign), ...goneBare },
  { name: 'GET: an id that was ended', send: get(({ ids }) => ids.ended), ...goneBare },
  { name: 'GET: two ids', send: get((world) => [own(world), world.ids.second]), ...broken },
  { name: 'GET: with a token', send: get(own, { lines: bearer('alpha') }), ...goneBare },
  { name: 'GET: without the token', send: get(alpha), ...goneBare },
  { name: 'GET: from another address', send: get(own), from: '127.0.0.2', ...goneBare },
  { name: 'GET: at another path', send: get(own, { path: '/mcp/a' }), ...goneBare },
  { name: 'GET: of all servers\' path, an id of one', send: get(inA), ...goneBare },
  { name: 'GET: only JSON is accepted', send: get(own, { lines: { Accept: 'application/json' } }), status: 406 },
  {
    name: 'GET: of a version that nobody knows',
    send: get(own, { lines: { 'MCP-Protocol-Version': '2031-01-01' } }),
    status: 400,
    closes: false,
  },
  { name: 'GET: after an event of no form', send: get(own, { lines: { 'Last-Event-Id': 'x' } }), ...none },
  {
    name: 'GET: after an event beyond all numbers',
    send: get(own, { lines: { 'Last-Event-Id': '99999999999999999999-1' } }),
    ...none,
  },
  { name: 'GET: after an event that was never sent', send: get(own, { lines: { 'Last-Event-Id': '4000000-7' } }), ...none },
  { name: 'GET: after two events', send: get(own, { lines: { 'Last-Event-Id': ['0-0', '0-1'] } }), ...broken },
  { name: 'HEAD: an id', send: get(own, { method: 'HEAD' }), status: 405, bodiless: true },
  { name: 'PUT: an id', send: sends(own, { method: 'PUT' }), ...allowed },
  { name: 'PATCH: an id', send: sends(own, { method: 'PATCH' }), ...allowed },
  { name: 'GET in small letters: an id', send: sends(own, { text: '', method: 'get' }), status: 501 },
  { name: 'DELETE in small letters: an id', send: sends(own, { text: '', method: 'delete' }), status: 501 },
];

const versioned = (name, value, more, which = own) => ({
  name: `version: ${name}`,
  send: sends(which, { lines: { 'MCP-Protocol-Version': value } }),
  ...more,
});
const refused = { status: 400, closes: false };
const versions = [
  versioned('absent', null, served),
  versioned('the one agreed on', '2025-11-25', served),
  versioned('the one agreed on, between white space', ' 2025-11-25\t', served),
  versioned('the one agreed on before', '2025-06-18', served, ({ ids }) => ids['2025-06-18']),
  versioned('absent, in a session of 2025-03-26', null, served, ({ ids }) => ids['2025-03-26']),
  versioned('a later one', '2031-01-01', refused),
  versioned('the day before', '2025-11-24', refused),
  versioned('without its dashes', '20251125', refused),
  versioned('a letter more', '2025-11-25x', refused),
  versioned('a letter less', '2025-11-2', refused),
  versioned('in quotes', '"2025-11-25"', refused),
  versioned('two of them', '2025-11-25, 2025-06-18', refused),
  versioned('a draft', 'draft', refused),
  versioned('no ASCII', '2025\u201011\u201025'.replace(/\u2010/g, '\xe2\x80\x90'), refused),
  versioned('a very long one', '2025-11-25'.repeat(1000), refused),
  versioned('twice the same', ['2025-11-25', '2025-11-25'], broken),
  versioned('the revision without sessions', '2026-07-28', { status: 400, code: -32602 }),
  versioned('a later one, and the session is unknown', '2031-01-01', refused, 'x'),
];

const unminted = { status: 200, look: ([answer]) => assert.equal(answer.headers['mcp-session-id'], undefined, 'no id is given') };
const modern = (name, which, more) => ({
  name: `no sessions: ${name}`,
  send: (wire, world) => wire.send(post(callBody(), { lines: { 'Mcp-Session-Id': idOf(which, world) } })),
  ...unminted,
  saw: ([seen]) => assert.equal(seen.headers['mcp-session-id'], undefined, 'none is passed on'),
  ...more,
});
const request2026 = (method) => post(callBody().replace('tools/call', method).replace('"name":"echo","arguments":{},', ''), {
  lines: { 'Mcp-Method': method, 'Mcp-Name': null },
});
const newest = [
  modern('none is given', null),
  modern('an unknown id counts for nothing', 'x'),
  modern('an empty id', ''),
  modern('an id of no ASCII', '\xff\x80'),
  modern('a very long id', 'A'.repeat(20000)),
  modern('an id that is in use', own),
  modern('an id of another', alpha),
  modern('an id of another path', inA),
  modern('an id that was ended', ({ ids }) => ids.ended),
  modern('an event to go on from', null, {
    send: (wire) => wire.send(post(callBody(), { lines: { 'Last-Event-Id': '0-0' } })),
  }),
  modern('two ids', (world) => [own(world), own(world)], { ...broken, look: undefined, saw: undefined }),
  { name: 'no sessions: server/discover', send: request2026('server/discover'), ...unminted, reached: 0 },
  { name: 'no sessions: tools/list', send: request2026('tools/list'), ...unminted, reached: 0 },
  { name: 'no sessions: initialize', send: request2026('initialize'), status: 404, code: -32601, look: unminted.look },
];

const begin = (lines = {}, text = hello()) =>
  post(text, { lines: { 'MCP-Protocol-Version': null, 'Mcp-Method': null, 'Mcp-Name': null, ...lines } });
const idIn = (answer) => answer.headers['mcp-session-id'];
let inUse;
const begins = [
  {
    name: 'begin: an id of visible letters',
    send: begin(),
    status: 200,
    reached: 0,
    look: ([answer]) => assert.match(idIn(answer), /^[!-~]{22,128}$/),
  },
  {
    name: 'begin: two of one client are two',
    send: begin() + begin(),
    status: [200, 200],
    reached: 0,
    look: ([one, two]) => assert.notEqual(idIn(one), idIn(two)),
  },
  {
    name: 'begin: an id that the client has chosen is not taken',
    send: begin({ 'Mcp-Session-Id': 'chosen' }) + lined(ping, 'chosen'),
    status: [200, 404],
    closes: false,
    look: ([answer]) => assert.notEqual(idIn(answer), 'chosen'),
  },
  {
    name: 'begin: an id in use is not given again',
    send: (wire, world) => wire.send(begin({ 'Mcp-Session-Id': (inUse = own(world)) }) + lined(ping, own(world))),
    status: [200, 200],
    reached: 0,
    look: ([answer]) => assert.notEqual(idIn(answer), inUse),
  },
  {
    name: 'begin: refused, no id',
    send: begin({}, hello().replace('"2025-11-25"', '5')),
    status: 200,
    code: -32602,
    look: ([answer]) => assert.equal(idIn(answer), undefined),
  },
  {
    name: 'begin: no later answer has the id',
    send: sends(own, { text: ping }),
    ...pong,
    look: ([answer]) => assert.equal(idIn(answer), undefined),
  },
  {
    name: 'begin: of 128 ids at least 128 bits can\'t be foreseen',
    async send(wire, { weir }) {
      const ids = [];
      for (let i = 0; i < 128; i++) ids.push(await open(weir.url));
      assert.equal(new Set(ids).size, ids.length);
      const bits = ids.map((id) => [...Buffer.from(id, 'base64url')].flatMap((byte) => [...byte.toString(2).padStart(8, '0')]));
      // Seven standard deviations to either side of the half: a fair coin does not fall so.
      const fair = (count) => count > 24 && count < 104;
      const set = bits[0].map((_, i) => bits.filter((one) => one[i] === '1').length);
      const changed = bits[0].map((_, i) => bits.filter((one, k) => k > 0 && one[i] !== bits[k - 1][i]).length);
      const random = set.filter((count, i) => fair(count) && fair(changed[i])).length;
      assert.ok(random >= 128, `${random} bits`);
      wire.send(lined(ping, ids[0]) + lined(ping, ids[127]));
    },
    status: [200, 200],
    reached: 0,
  },
];

async function prepare(weir, upstream) {
  const ids = {
    own: await open(weir.url),
    second: await open(weir.url),
    inA: await open(weir.url + '/a'),
    alpha: await open(weir.url, { headers: bearer('alpha') }),
    ended: await open(weir.url),
    foreign: (foreign ??= await openElsewhere(upstream)),
  };
  for (const version of ['2025-03-26', '2025-06-18']) ids[version] = await open(weir.url, { version });
  do ids.marked = await open(weir.url);
  while (!/[-_]/.test(ids.marked));
  assert.equal((await request('DELETE', weir.url, { 'Mcp-Session-Id': ids.ended })).status, 200);
  return { ids };
}
const cases = [...forged, ...principals, ...paths, ...ends, ...streams, ...versions, ...newest, ...begins];

export const tests = { 'every case is answered as documented': table(cases, { prepare }) };
