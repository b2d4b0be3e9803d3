// Servers that lie in an event stream: over Streamable HTTP in both eras, and over HTTP+SSE, where one stream carries all.
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { Liar, bytes, flood, honestly, marker, size, table, unknown } from './lying.mjs';
import { Weir, messages, openSession } from './weir.mjs';

const head = (lines = '', status = '200 OK') => `HTTP/1.1 ${status}\r\nContent-Type: text/event-stream\r\n${lines}\r\n`;
const chunk = (text) => `${size(text).toString(16)}\r\n${text}\r\n`;
const last = '0\r\n\r\n';
const opened = head('Transfer-Encoding: chunked\r\n');
// A whole stream, and one that goes on.
const stream = (text) => opened + chunk(bytes(text)) + last;
const open = (text) => opened + chunk(bytes(text));
const event = (data) => `data: ${data}\n\n`;
const note = (method, params = '{}') => event(`{"jsonrpc":"2.0","method":"notifications/${method}","params":${params}}`);
const progress = (token, n = 1) => note('progress', `{"progressToken":${JSON.stringify(token)},"progress":${n}}`);
const request = (method, params = '{}', id = '77') =>
  event(`{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`);
const mode = (name, text, more = {}) => ({ name, send: (one) => stream(text(one)), ...more });
const openMode = (name, text, more = {}) => ({ name, send: (one) => open(text(one)), ...more });
const forged = (one) => event(one.response(one.next, 'forged'));

const written = [
  mode('one event', (one) => event(one.good)),
  mode('lines that end in CR', (one) => `data: ${one.good}\r\r`),
  mode('lines that end in CRLF', (one) => `data: ${one.good}\r\n\r\n`),
  mode('lines that end in turn', (one) => `: a\rid: 1\ndata: ${one.good}\r\n\r`),
  mode('a byte order mark', (one) => '\ufeff' + event(one.good)),
  mode('no space behind the colon', (one) => `data:${one.good}\n\n`),
  mode('several spaces behind the colon', (one) => `data:   ${one.good}\n\n`),
  mode('several lines of data, between tokens', (one) => `data: ${one.good.replaceAll(',', ',\ndata: ')}\n\n`),
  mode('empty lines of data around it', (one) => `data\ndata:\ndata: ${one.good}\ndata\n\n`),
  mode(
    'comments, unknown fields and blank events',
    (one) =>
      ':\n: data: {"jsonrpc":"2.0"}\n\n\nfoo: bar\nretry: x\nretry: -1\nretry: 99999999999999999999\n' +
      `DATA: x\n data: y\n\n${event(one.good)}`,
  ),
  mode('the type said', (one) => `event: message\ndata: ${one.good}\n\n`),
  mode('the type said behind the data', (one) => `data: ${one.good}\nevent: message\n\n`),
  mode('a type without a value', (one) => `event\ndata: ${one.good}\n\n`),
  mode('an event of another type first', (one) => `event: other\ndata: ${one.response(one.id, 'forged')}\n\n${event(one.good)}`),
  mode('an id with a NUL', (one) => `id: a\0b\ndata: ${one.good}\n\n`),
  mode('an id of 10 KB', (one) => `id: ${'i'.repeat(10000)}\ndata: ${one.good}\n\n`),
  mode('an id with control characters', (one) => `id: a\x01\x7f\tb\ndata: ${one.good}\n\n`),
  mode('an id that is no ASCII', (one) => `id: \u00e9\u{1F600}\ndata: ${one.good}\n\n`),
  mode('a first event without data', (one) => `id: 1\nretry: 1\ndata:\n\n${event(one.good)}`),
  mode('separators of Unicode in a text', (one) => event(one.response(one.id, 'a\u2028b\u2029c\u0085d')), {
    result: 'a\u2028b\u2029c\u0085d',
  }),
  mode(
    'a text that looks like events',
    (one) => progress(one.token) + event(one.response(one.id, 'a\\n\\ndata: {\\"id\\":1}\\n\\nevent: endpoint\\rdata: /x\\r\\r')),
    { token: '"t"', notes: 1, result: 'a\n\ndata: {"id":1}\n\nevent: endpoint\rdata: /x\r\r' },
  ),
  mode(
    'line breaks between tokens',
    (one) => progress(one.token) + `data: ${one.good.replaceAll(',', ' \t,\rdata:\rdata: ')}\r\r`,
    { token: '"t"', notes: 1 },
  ),
  mode('progress of its own', (one) => progress(one.token) + progress(one.token, 2.5) + event(one.good), {
    token: '0',
    notes: 2,
    look: (_, all) =>
      assert.deepEqual(
        all.slice(0, 2).map((one) => [one.params.progressToken, one.params.progress]),
        [
          [0, 1],
          [0, 2.5],
        ],
      ),
  }),
  mode(
    'very much progress of its own',
    (one) => Array.from({ length: 3000 }, (_, i) => progress(one.token, i)).join('') + event(one.good),
    { token: '"t"', notes: 3000, look: (_, all) => all.slice(0, -1).forEach((one, i) => assert.equal(one.params.progress, i)) },
  ),
  { name: 'a byte in each chunk', send: (one) => opened + [...event(one.good)].map(chunk).join('') + last },
  { name: 'a byte in each segment', send: (one) => [...stream(event(one.good))] },
  { name: 'until the end of the connection', send: (one) => (one.write(head() + event(one.good)), one.end()) },
  { name: 'HTTP/1.0', send: (one) => (one.write(head().replace('/1.1', '/1.0') + event(one.good)), one.end()) },
  { name: 'a length', send: (one) => head(`Content-Length: ${size(event(one.good))}\r\n`) + event(one.good) },
  { name: 'a type with a charset', send: (one) => stream(event(one.good)).replace('event-stream', 'event-stream;charset=utf-8') },
  { name: 'a type in capitals', send: (one) => stream(event(one.good)).replace('text/event-stream', 'Text/Event-Stream') },
  openMode('a stream that does not end', (one) => event(one.good)),
];

const wrong = [
  mode('a line break within a string', (one) => event(one.response(one.id, 'a\nb')), { code: 1002 }),
  mode('lines of data that part a string', (one) => event(one.response(one.id, 'a\ndata: b')), { code: 1002 }),
  mode(
    'a CR that begins another event',
    (one) => event(one.response(one.id, `a\r\rdata: ${one.response(one.id, 'forged')}\r\rdata: b`)),
    { code: 1002 },
  ),
  mode('an event that is no JSON', () => event('no json'), { code: 1002 }),
  mode('an event that is no JSON before the answer', (one) => event('no json') + event(one.good), { code: 1002 }),
  mode('an event that is no JSON behind progress', (one) => progress(one.token) + event('{'), {
    token: '"t"',
    notes: 1,
    code: 1002,
  }),
  mode('a text', (one) => event('"x"') + event(one.good), { code: 1002 }),
  mode('an empty object', (one) => event('{}') + event(one.good), { code: 1002 }),
  mode('a batch', (one) => event(`[${one.good}]`), { code: 1002 }),
  mode('two answers in one event', (one) => `data: ${one.good}\ndata: ${one.good}\n\n`, { code: 1002 }),
  mode('invalid UTF-8', () => '', { send: (one) => opened + chunk(event(one.response(one.id, '\xff'))) + last, code: 1002 }),
  mode('a NUL in a string', (one) => event(one.response(one.id, 'a\0b')), { code: 1002 }),
  mode('deeper than 128', (one) => event(one.response(one.id, one.marker, `,"d":${'['.repeat(200)}${']'.repeat(200)}`)), {
    code: 1002,
  }),
  mode('NaN', (one) => event(one.response(one.id, one.marker, ',"n":NaN')), { code: 1002 }),
  mode('result and error', (one) => event(one.good.slice(0, -1) + ',"error":{"code":1,"message":"m"}}'), { code: 1002 }),
  mode('neither result nor error', (one) => event(`{"jsonrpc":"2.0","id":${one.id}}`), { code: 1002 }),
  mode('a result that is a text', (one) => event(`{"jsonrpc":"2.0","id":${one.id},"result":"done"}`), { code: 1002 }),
  mode('an error that is a text', (one) => event(`{"jsonrpc":"2.0","id":${one.id},"error":"bad"}`), { code: 1002 }),
  mode(
    'a notification with params that are a list',
    (one) => event('{"jsonrpc":"2.0","method":"notifications/message","params":[]}') + event(one.good),
    { code: 1002 },
  ),
  mode('the id twice', (one) => event(`{"jsonrpc":"2.0","id":${one.id},"id":"other","result":${one.result('forged')}}`), {
    code: 1002,
  }),
  mode('the result twice', (one) => event(one.good.slice(0, -1) + `,"result":${one.result('forged')}}`), { code: 1002 }),
  mode('its own error', (one) => event(`{"jsonrpc":"2.0","id":${one.id},"error":{"code":-32099,"message":"own"}}`), {
    any: [-32099],
  }),
  mode('no event', () => '', { send: () => opened + last, code: 1007 }),
  mode('only comments', () => ': a\n\n: b\n\n', { code: 1007 }),
  mode('only an event without data', () => 'id: 1\n\n', { code: 1007, eras: ['new'] }),
  mode('the answer under another type', (one) => `event: other\ndata: ${one.good}\n\n`, { code: 1007 }),
  mode('the answer under a type with a space', (one) => `event:  message\ndata: ${one.good}\n\n`, { code: 1007 }),
  mode('the answer in a comment', (one) => `: data: ${one.good}\n\n`, { code: 1007 }),
  mode('an event that is not ended', (one) => `data: ${one.good}\n`, { code: 1007 }),
  mode('a line that is not ended', (one) => `data: ${one.good}`, { code: 1007 }),
  openMode('an event that is never ended', (one) => `data: ${one.good}\n`, { code: 1003, slow: true }),
  openMode('nothing at all', () => ':\n\n', { code: 1003, slow: true }),
  mode('JSON instead of events', (one) => one.good, { code: 1007 }),
  ...[
    ['of another call', (one) => one.held],
    ['of the next', (one) => one.next],
    ['as a text', (one) => `"${one.id}"`],
    ['of its client', () => '1'],
    ['as a fraction', (one) => `${one.id}.0`],
  ].flatMap(([name, id]) => [
    mode(`an answer with an id ${name}`, (one) => event(one.response(id(one), 'forged')), { code: 1002 }),
    mode(`an answer with an id ${name}, before its own`, (one) => event(one.response(id(one), 'forged')) + event(one.good), {
      code: 1002,
    }),
  ]),
  mode('an error without an id', () => event('{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"m"}}'), { code: 1002 }),
];

const beside = [
  mode('progress of another call', (one) => progress(one.heldToken) + event(one.good)),
  mode('progress of no call', (one) => progress('none') + progress(0) + progress(one.id) + event(one.good)),
  mode('progress without a token', (one) => note('progress', '{"progress":1}') + event(one.good), { token: '"t"' }),
  mode('progress with its token as a text', (one) => progress(String(one.token)) + event(one.good), { token: '"t"' }),
  mode(
    'progress with two tokens',
    (one) =>
      note('progress', `{"progressToken":${JSON.stringify(one.token)},"progressToken":"held","progress":1}`) + event(one.good),
    { token: '"t"', any: ['result', 1002] },
  ),
  mode('another call cancelled', (one) => note('cancelled', `{"requestId":${one.held}}`) + event(one.good)),
  mode('itself cancelled', (one) => note('cancelled', `{"requestId":${one.id}}`) + event(one.good)),
  mode(
    'lists changed, two thousand times',
    (one) =>
      (note('tools/list_changed') + note('resources/list_changed') + note('prompts/list_changed')).repeat(700) + event(one.good),
  ),
  mode(
    'a resource updated that nobody has subscribed to',
    (one) => note('resources/updated', '{"uri":"file:///x"}') + event(one.good),
  ),
  mode(
    'a subscription acknowledged',
    (one) => note('subscriptions/acknowledged', '{"_meta":{"io.modelcontextprotocol/subscriptionId":"1"}}') + event(one.good),
  ),
  mode(
    'log messages that nobody asked for',
    (one) => note('message', '{"level":"emergency","data":"x"}').repeat(500) + event(one.good),
    { eras: ['new'] },
  ),
  // The new revision has no requests of servers: they are dropped, and not answered either.
  ...[
    ['sampling', request('sampling/createMessage', '{"messages":[],"maxTokens":1}')],
    ['elicitation', request('elicitation/create', '{"message":"password?","requestedSchema":{"type":"object","properties":{}}}')],
    ['roots', request('roots/list')],
    ['a ping', request('ping')],
    ['an unknown request', request('x/y')],
    ['a request under the id of the call', null],
    ['very many requests', request('roots/list').repeat(500)],
  ].map(([name, text]) =>
    mode(`the server asks: ${name}`, (one) => (text ?? request('ping', '{}', one.id)) + event(one.good), {
      eras: ['new'],
      next: (_, { lies }) =>
        assert.deepEqual(
          lies.seen
            .splice(0)
            .filter((one) => one.http === 'POST' && one.message.method === undefined)
            .map((one) => one.text),
          [],
          'an answer was sent',
        ),
    }),
  ),
  mode('the same answer twice', (one) => event(one.good) + event(one.good)),
  mode('another answer behind it', (one) => event(one.good) + event(one.response(one.id, 'forged'))),
  mode(
    'answers to the next calls behind it',
    (one) => event(one.good) + Array.from({ length: 50 }, (_, i) => event(one.response(one.id + i, 'forged'))).join(''),
  ),
  mode('the answer to another call behind it', (one) => event(one.good) + event(one.response(one.held, 'forged'))),
  mode('progress behind it', (one) => event(one.good) + progress(one.token) + progress(one.heldToken), { token: '"t"' }),
  mode('a request behind it', (one) => event(one.good) + request('sampling/createMessage')),
  mode('no JSON behind it', (one) => event(one.good) + event('no json')),
  openMode('an answer to the next call behind it, and no end', (one) => event(one.good) + forged(one)),
  { name: 'a whole answer behind the stream', send: (one) => stream(event(one.good)) + stream(forged(one)) },
  {
    name: 'a whole answer behind the length',
    send: (one) => head(`Content-Length: ${size(event(one.good))}\r\n`) + event(one.good) + stream(forged(one)),
  },
  { name: 'a bad chunk behind it', send: (one) => open(event(one.good)) + 'x\r\n' },
  { name: 'endless events behind it', send: (one) => (one.write(open(event(one.good))), one.flood(chunk(forged(one)))) },
  { name: 'endless comments behind it', send: (one) => (one.write(open(event(one.good))), one.flood(chunk(':\n'))) },
  { name: 'an endless line behind it', send: (one) => (one.write(open(event(one.good))), one.flood(chunk('x'.repeat(1000)))) },
];

const endless = (name, text, more) => ({
  name: `endless: ${name}`,
  send: (one) => (one.write(opened), one.flood(chunk(text(one)))),
  slow: more.code === 1003 || more.any !== undefined,
  ...more,
});
const drip = (name, text, more = {}) => ({
  name: `drop by drop: ${name}`,
  send: async (one) => {
    one.write(opened);
    for (const drop of text(one)) {
      one.write(chunk(drop));
      await one.pause(100);
    }
  },
  slow: true,
  code: 1003,
  ...more,
});
const floods = [
  endless('comments', () => ':\n\n', { code: 1003 }),
  endless('empty lines', () => '\n', { code: 1003 }),
  endless('events of another type', (one) => `event: other\n${event(one.good)}`, { code: 1003 }),
  endless('events without data', () => 'id: 1\n\n', { code: 1003 }),
  endless('types, and no event', () => 'event: message\n', { code: 1003 }),
  endless('ids, and no event', () => 'id: 7\n', { code: 1003 }),
  endless('progress of another call', (one) => progress(one.heldToken), { code: 1003 }),
  endless('answers to another call', (one) => event(one.response(one.held, 'forged')), { any: [1002, 1003] }),
  endless('lists changed', () => note('tools/list_changed'), { code: 1003 }),
  endless('log messages', () => note('message', '{"level":"info","data":"x"}'), { code: 1003, eras: ['new'] }),
  endless('a line of data', () => 'x'.repeat(1000), {
    send: (one) => (one.write(open('data: ')), one.flood(chunk('x'.repeat(1000)))),
    code: 1011,
  }),
  endless('a comment', () => 'x', { send: (one) => (one.write(open(': ')), one.flood(chunk('x'.repeat(1000)))), code: 1011 }),
  endless('an id', () => 'x', { send: (one) => (one.write(open('id: ')), one.flood(chunk('x'.repeat(1000)))), code: 1011 }),
  endless('a name of a field', () => 'x'.repeat(1000), { code: 1011 }),
  endless('lines of data', () => 'data: x\n', { code: 1011 }),
  endless('empty lines of data', () => 'data\n', { code: 1011 }),
  mode(
    'endless: not quite, but too large',
    (one) => event(one.response(one.id, one.marker, `,"pad":"${'x'.repeat(256 * 1024)}"`)),
    { broken: true },
  ),
  mode('endless: not quite, too large and no message', () => event('x'.repeat(256 * 1024)), { code: 1011 }),
  mode(
    'endless: not quite, too large in many lines',
    (one) => `${`data: ${' '.repeat(1000)}\n`.repeat(300)}data: ${one.good}\n\n`,
    { code: 1011 },
  ),
  drip('comments', () => Array(400).fill(':\n\n')),
  drip('an event', (one) => event(one.good).padStart(400, '\n')),
  drip('progress of another call', (one) => Array(400).fill(progress(one.heldToken))),
];

let witness;
const unheard = () => assert.equal(witness.connections, 0, 'another server was asked');
const status = (line, lines, more) => ({
  name: `status: ${line}`,
  send: (one) => opened.replace('200 OK', line).replace('\r\n\r\n', `\r\n${lines()}\r\n`) + chunk(event(one.good)) + last,
  ...more,
});
const wires = [
  status('202 Accepted', () => '', { code: 1002 }),
  status('400 Bad', () => '', { code: 1002, old: { any: ['result', 1002] } }),
  status('401 Unauthorized', () => 'WWW-Authenticate: Bearer\r\n', { code: 1008 }),
  status('403 Forbidden', () => '', { code: 1008 }),
  status('500 Broken', () => '', { code: 1002 }),
  status('302 Found', () => `Location: ${witness.origin}/mcp\r\n`, { code: 1002, after: unheard }),
  status('307 Elsewhere', () => `Location: ${witness.origin}/mcp\r\n`, { code: 1002, after: unheard }),
  mode('an event that names another endpoint', (one) => `event: endpoint\ndata: ${witness.origin}/mcp\n\n${event(one.good)}`, {
    after: unheard,
  }),
  {
    name: 'a type that only begins alike',
    send: (one) => stream(event(one.good)).replace('event-stream', 'event-streaming'),
    code: 1002,
  },
  {
    name: 'two types',
    send: (one) => stream(event(one.good)).replace('\r\n', '\r\nContent-Type: application/json\r\n'),
    code: 1002,
  },
  {
    name: 'a stream with gzip',
    send: (one) => (one.write(head('Content-Encoding: gzip\r\n') + zlib.gzipSync(event(one.good)).toString('latin1')), one.end()),
    any: ['result', 1002],
  },
  { name: 'a reset within an event', send: (one) => (one.write(open(event(one.good).slice(0, 30))), one.reset()), code: 1007 },
  { name: 'the end within an event', send: (one) => (one.write(open(event(one.good).slice(0, 30))), one.end()), code: 1007 },
  { name: 'the end within a chunk', send: (one) => (one.write(open(event(one.good)).slice(0, -20)), one.end()), code: 1007 },
  {
    name: 'the end behind progress',
    send: (one) => (one.write(open(progress(one.token))), one.end()),
    token: '"t"',
    notes: 1,
    code: 1007,
  },
  {
    name: 'a reset within an event, until the end',
    send: (one) => (one.write(head() + event(one.good).slice(0, 30)), one.reset()),
    code: 1007,
  },
  {
    name: 'a length that ends within the event',
    send: (one) => head(`Content-Length: ${size(event(one.good)) - 3}\r\n`) + event(one.good),
    code: 1007,
  },
  {
    name: 'a length that is too large, and the end',
    send: (one) => (one.write(head(`Content-Length: ${size(event(one.good)) + 9}\r\n`) + event(one.good)), one.end()),
  },
  { name: 'a bad chunk behind progress', send: (one) => open(progress(one.token)) + 'x\r\n', token: '"t"', notes: 1, code: 1002 },
  { name: 'a length and chunks', send: (one) => stream(event(one.good)).replace('\r\n', '\r\nContent-Length: 5\r\n'), code: 1002 },
  { name: 'no chunks, though it says so', send: (one) => opened + event(one.good), code: 1002 },
];

// An old server ends its stream before the answer and is asked for the rest by GET. `got` answers that.
const resumed = (name, got, { id = 'at-7', retry = 1, ...more }) => ({
  name: `resumed: ${name}`,
  send: (one) => {
    one.liar.get = (socket, { headers }) => {
      const asked = headers.find(([header]) => header.toLowerCase() === 'last-event-id')?.[1];
      if (asked === undefined) return one.liar.write(socket, 'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n');
      one.liar.asked.push(asked);
      const text = got(one, socket);
      if (typeof text === 'string') one.liar.write(socket, text);
    };
    one.liar.asked = [];
    return stream(`id: ${id}\nretry: ${retry}\ndata:\n\n`);
  },
  after: ({ lies }) => {
    delete lies.get;
    for (const one of lies.asked) assert.equal(one, id);
    unheard();
  },
  ...more,
});
const resumptions = [
  resumed('the answer', (one) => stream(event(one.good)), {}),
  resumed('the answer to another call', (one) => stream(event(one.response(one.held, 'forged'))), {
    any: [1002, 1003, 1007],
    slow: true,
  }),
  resumed('the answer to another call, and its own', (one) => stream(event(one.response(one.held, 'forged')) + event(one.good)), {
    any: ['result', 1002],
  }),
  resumed('nothing, again and again', () => stream(':\n\n'), { code: 1007 }),
  resumed('endless comments', (one, socket) => (one.liar.write(socket, opened), flood(socket, chunk(':\n\n'))), {
    code: 1003,
    slow: true,
  }),
  resumed('a redirect', () => `HTTP/1.1 307 Elsewhere\r\nLocation: ${witness.origin}/mcp\r\nContent-Length: 0\r\n\r\n`, {
    code: 1007,
  }),
  resumed('no such thing', () => 'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n', { code: 1007 }),
  resumed('JSON', (one) => one.liar.http('200 OK', one.good), { code: 1007 }),
  resumed('no HTTP', () => 'no http\r\n\r\n', { code: 1007 }),
  resumed('the end', (one, socket) => socket.end(), { code: 1007 }),
  resumed('later than anybody waits', (one) => stream(event(one.good)), { code: 1003, slow: true, retry: 999999999 }),
  resumed('an id that fits no header', (one) => stream(event(one.good)), { code: 1007, id: 'a\x01b' }),
  resumed('an id of 10 KB', (one) => stream(event(one.good)), { code: 1007, id: 'i'.repeat(10000) }),
  resumed('an id that looks like a header', (one) => stream(event(one.good)), { id: 'a: b, Authorization: x' }),
];

const maker = (era) => Liar.start({ era });
const watched =
  (modes, make = maker, options = {}) =>
  async () => {
    witness = await Liar.start();
    try {
      return await table(modes, make, options)();
    } finally {
      await witness.stop();
    }
  };

// HTTP+SSE: answers come by one stream, whatever POST they answer.
class Legacy extends Liar {
  static async start(options) {
    const self = await super.start({ era: 'old', ...options });
    self.server = { url: self.origin + '/sse', type: 'sse', session: 'shared' };
    return self;
  }
  arm(one) {
    this.armedPost = one.post;
    return super.arm(one);
  }
  greet(_, message) {
    this.say(null, message, honestly(this, message));
  }
  refuse(_, message) {
    this.say(null, message, unknown(message.id));
  }
  say(_, message, text) {
    this.write(this.stream, chunk(`event: message\ndata: ${text}\n\n`));
  }
  serve(seen) {
    const { http, message, socket } = seen;
    if (http === 'GET') {
      this.stream = socket;
      return this.write(socket, open(`event: endpoint\ndata: /messages?s=${++this.sessions}\n\n`));
    }
    const lied = this.armed && message.params?.arguments?.lie;
    if (lied && this.armedPost) this.write(socket, this.armedPost());
    else this.write(socket, 'HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted');
    if (message.id !== undefined && message.method) super.serve({ ...seen, socket: this.stream });
  }
}
const answered =
  (status, lines = '', body = '') =>
  () =>
    `HTTP/1.1 ${status}\r\n${lines}Content-Length: ${size(body)}\r\n\r\n${body}`;
const legacyMode = (name, text, more = {}) => ({ name, send: (one) => chunk(bytes(text(one))), ...more });
const legacy = [
  legacyMode('one event', (one) => event(one.good)),
  legacyMode('the type said', (one) => `event: message\r\ndata: ${one.good}\r\n\r\n`),
  legacyMode('lines that end in CR', (one) => `data: ${one.good}\r\r`),
  legacyMode('several lines of data', (one) => `data: ${one.good.replaceAll(',', ',\ndata: ')}\n\n`),
  legacyMode('comments around it', (one) => ':\n'.repeat(5000) + event(one.good) + ':\n'.repeat(5000)),
  legacyMode(
    'answers to unknown ids',
    (one) =>
      ['"x"', 0, -1, 'null', 1e15, `"${one.id}"`, `${one.id}.0`].map((id) => event(one.response(id, 'forged'))).join('') +
      event(one.good),
  ),
  legacyMode('no JSON before it', (one) => event('no json') + event('{') + event('[]') + event('7') + event(one.good)),
  legacyMode('the same answer twice', (one) => event(one.good) + event(one.response(one.id, 'forged'))),
  legacyMode(
    'answers to calls that are still to come',
    (one) => event(one.good) + Array.from({ length: 50 }, (_, i) => event(one.response(one.next + 1000 + i, 'forged'))).join(''),
  ),
  legacyMode('result and error', (one) => event(one.good.slice(0, -1) + ',"error":{"code":1,"message":"m"}}'), { code: 1002 }),
  legacyMode('neither result nor error', (one) => event(`{"jsonrpc":"2.0","id":${one.id}}`), { code: 1002 }),
  legacyMode('another version', (one) => event(one.good.replace('"2.0"', '"1.0"')), { code: 1002 }),
  legacyMode('a result that is a text', (one) => event(`{"jsonrpc":"2.0","id":${one.id},"result":"done"}`), { code: 1002 }),
  legacyMode('an error that is a text', (one) => event(`{"jsonrpc":"2.0","id":${one.id},"error":"bad"}`), { code: 1002 }),
  legacyMode(
    'the id twice',
    (one) => event(`{"jsonrpc":"2.0","id":${one.id},"id":${one.held},"result":${one.result('forged')}}`),
    { code: 1002 },
  ),
  legacyMode('the result twice', (one) => event(one.good.slice(0, -1) + `,"result":${one.result('forged')}}`), { code: 1002 }),
  legacyMode('the answer under another type', (one) => `event: other\ndata: ${one.good}\n\n`, { code: 1003, slow: true }),
  legacyMode('an event larger than may be', (one) => event(one.response(one.id, one.marker, `,"pad":"${'x'.repeat(300000)}"`)), {
    code: 1011,
  }),
  legacyMode('an event larger than may be, of nobody', (one) => event('x'.repeat(300000)) + event(one.good)),
  legacyMode('an id with a NUL', (one) => `id: a\0b\ndata: ${one.good}\n\n`),
  legacyMode(
    'another endpoint',
    (one) => `event: endpoint\ndata: ${witness.origin}/messages\n\nevent: endpoint\ndata: /elsewhere\n\n${event(one.good)}`,
    {
      after: unheard,
      next: (_, { lies }) => assert.match(lies.seen.at(-1).target, /^\/messages\?s=\d+$/),
    },
  ),
  legacyMode('progress of another call', (one) => progress('held') + progress(one.id) + progress('none') + event(one.good)),
  legacyMode('another call cancelled', (one) => note('cancelled', `{"requestId":${one.held}}`) + event(one.good)),
  legacyMode('lists changed, two thousand times', (one) => note('tools/list_changed').repeat(2000) + event(one.good)),
  legacyMode(
    'log messages, two thousand times',
    (one) => note('message', '{"level":"error","data":"x"}').repeat(2000) + event(one.good),
  ),
  { name: 'a byte in each segment', send: (one) => [...chunk(event(one.good))], after: ({ lies }) => lies.lied },
  { name: 'the stream ends', send: (one) => one.end(), code: 1007, kills: true },
  { name: 'the stream is reset', send: (one) => one.reset(), code: 1007, kills: true },
  {
    name: 'the stream ends within an event',
    send: (one) => (one.write(chunk(event(one.good).slice(0, 30))), one.end()),
    code: 1007,
    kills: true,
  },
  { name: 'the stream is said to be whole', send: (one) => last, code: 1007, kills: true },
  { name: 'a bad chunk', send: (one) => 'x\r\n', any: [1002, 1007], kills: true },
  {
    name: 'the POST: a redirect',
    post: () => answered('307 Elsewhere', `Location: ${witness.origin}/messages\r\n`)(),
    send: () => [],
    code: 1002,
    after: unheard,
  },
  { name: 'the POST: unauthorized', post: answered('401 Unauthorized'), send: () => [], code: 1008 },
  { name: 'the POST: refused', post: answered('500 Broken'), send: () => [], code: 1002 },
  { name: 'the POST: no HTTP', post: () => 'no http\r\n\r\n', send: () => [], code: 1002 },
  {
    name: 'the POST: the answer itself',
    post: answered('200 OK', 'Content-Type: application/json\r\n', '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
    send: () => [],
    code: 1003,
    slow: true,
  },
  {
    name: 'the POST: an answer, and the stream another',
    post: answered('200 OK', 'Content-Type: application/json\r\n', '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
    send: (one) => chunk(event(one.good)),
  },
  {
    name: 'the POST: more than one answer',
    post: () => answered('202 Accepted')() + answered('500 Broken')(),
    send: (one) => chunk(event(one.good)),
  },
  { name: 'the POST: not answered', post: () => '', send: (one) => chunk(event(one.good)) },
  { name: 'silence', send: () => [], code: 1003, slow: true },
];

// An old client declares that it can be asked: a server of the new revision may not ask it all the same.
async function asksOldClient() {
  const lies = await Liar.start();
  const weir = await Weir.start({ threads: 1, servers: { a: lies.server } });
  try {
    await weir.settled();
    const session = await openSession(weir.url, '2025-11-25', '{"sampling":{},"elicitation":{"form":{}},"roots":{}}');
    for (const method of ['sampling/createMessage', 'elicitation/create', 'roots/list', 'ping']) {
      const own = marker();
      lies.arm({
        send: (one) =>
          stream(
            request(method, '{"message":"m","requestedSchema":{"type":"object","properties":{}},"messages":[],"maxTokens":1}') +
              event(one.good),
          ),
      });
      const all = messages(
        await session.post(
          `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lie","arguments":{"lie":true,"marker":"${own}"}}}`,
        ),
      )
        .filter((one) => one.trim())
        .map((one) => JSON.parse(one));
      assert.deepEqual(
        all.filter((one) => one.method),
        [],
        `${method} reached the client`,
      );
      assert.equal(all[0].result?.content[0].text, own);
    }
    assert.deepEqual(
      lies.seen.filter((one) => one.http === 'POST' && one.message.method === undefined).map((one) => one.text),
      [],
      'an answer was sent',
    );
  } finally {
    await weir.stop();
    await lies.stop();
  }
}

export const tests = {
  'streams as they may be written': watched(written),
  'events that are wrong': watched(wrong),
  'what comes beside and behind the answer': watched(beside),
  'streams without end': watched(floods),
  'statuses, types and cuts': watched(wires),
  'streams that are resumed': watched(resumptions, maker, { eras: ['old'] }),
  'one stream for all calls': watched(legacy, () => Legacy.start(), { eras: ['old'] }),
  'a server of the new revision asks no old client': asksOldClient,
};
