// Servers over stdio that lie: one pipe carries the answers of all calls, so a lie about one must not become another's.
import assert from 'node:assert/strict';
import path from 'node:path';
import { bytes, table } from './lying.mjs';
import { answerOf, ask, until } from './weir.mjs';

// A child that lies as the arguments of a call say.
class Child {
  constructor(era, env = {}) {
    this.era = era;
    this.server = { command: process.execPath, args: [path.join(import.meta.dirname, 'lying_child.mjs'), era], env };
    this.held = true; // it waits for that itself
  }
  arm(one) {
    return { steps: one.send };
  }
  disarm() {}
  // Answers the call that is held.
  async release({ weir }, server, of) {
    const answer = answerOf(
      await ask(weir.url, 'tools/call', `"name":"${server}__release","arguments":{"marker":"release","of":"${of}"}`, {
        name: `${server}__release`,
      }),
    );
    assert.ok(answer.result, `release: ${JSON.stringify(answer)}`);
  }
  stop() {}
}
const maker = async (era) => new Child(era);

const out = (text, more = {}) => ({ out: bytes(text), ...more });
const line = (text) => out(text + '\n');
const mode = (name, send, more = {}) => ({ name, send: [send].flat(), ...more });
const good = line('@GOOD@');
const response = (id, text = '@MARKER@') =>
  `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","content":[{"type":"text","text":"${text}"}]}}`;
const note = (method, params = '{}') => `{"jsonrpc":"2.0","method":"notifications/${method}","params":${params}}`;
const request = (method, params = '{}', id = '77') => `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`;
const silent = { code: 1003, slow: true };
// What can't be read says of no call that it is the answer: the call ends by its deadline, if not at once.
const unread = { any: [1002, 1003], slow: true };

const lines = [
  mode('one line', good),
  mode('ends in CRLF', line('@GOOD@\r')),
  mode('empty lines and white space around it', [out('\n\n \n\t\r\n\r\n'), good, out('\n  \n')]),
  mode('white space within the line', line(' \t @GOOD@ \t\r')),
  mode('a CR between tokens', line('{"jsonrpc":"2.0",\r"id":@ID@,\r"result":@RESULT@}')),
  mode('a byte at a time', [{ bytes: '@GOOD@\n' }]),
  mode('two answers and more in one segment', out(`${note('x')}\n@GOOD@\n${note('y')}\n`)),
  mode('text that is no JSON before it', [line('starting...'), line('> npm run start'), line('{'), line('}'), line('[1,2'), good]),
  mode('every byte there is before it', [
    { out: Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('') + '\n' },
    good,
  ]),
  mode('NULs in a line of their own', [{ out: '\0\0\0\0\n' }, good]),
  mode('NULs in front', { out: '\0\0@GOOD@\n' }, unread),
  mode('a byte order mark', line('\ufeff@GOOD@'), unread),
  mode('a byte order mark in a line of its own', [line('\ufeff'), good]),
  mode('heads as language servers have them', [out('Content-Length: 99\r\n\r\n'), good]),
  mode('an event', line('data: @GOOD@'), unread),
  mode('an event and its answer', [line('data: @GOOD@'), good]),
  mode('an HTTP answer', [out('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), good]),
  mode('terminal escapes', [{ out: '\x1b[31mred\x1b[0m\x1b]0;title\x07\n' }, good]),
  mode('a line break within a string', line(response('@ID@', 'a\nb')), unread),
  mode('separators of Unicode in a string', line(response('@ID@', 'a\u2028b\u2029c\u0085d')), {
    result: 'a\u2028b\u2029c\u0085d',
  }),
  mode('an escaped line break in a string', line(response('@ID@', 'a\\n{\\"jsonrpc\\":\\"2.0\\"}\\r\\u0000')), {
    result: 'a\n{"jsonrpc":"2.0"}\r\0',
  }),
  mode('broken off', line('{"jsonrpc":"2.0","id":@ID@,"result":{'), unread),
  mode('two answers in one line', line('@GOOD@@GOOD@'), unread),
  mode('something behind it', line('@GOOD@;'), unread),
  mode('invalid UTF-8', { out: response('@ID@', '\xff\xfe') + '\n' }, unread),
  mode('NaN', line('{"jsonrpc":"2.0","id":@ID@,"result":{"n":NaN}}'), unread),
  mode('deeper than 128', line(`{"jsonrpc":"2.0","id":@ID@,"result":{"d":${'['.repeat(200)}${']'.repeat(200)}}}`), unread),
  mode('a line that does not end in time', [out('{"jsonrpc":"2.0","id":@ID@,"result":{"x":"'), { line: 1 }, out('\n')], silent),
  mode(
    'an answer too large',
    line(`{"jsonrpc":"2.0","id":@ID@,"result":{"x":"${'x'.repeat(300)}"}}`.replace('x'.repeat(300), '@LARGE@')),
    { code: 1011 },
  ),
  mode('an answer too large, its id behind', line('{"result":{"x":"@LARGE@"},"jsonrpc":"2.0","id":@ID@}'), {
    any: [1003, 1011],
    slow: true,
  }),
  mode('a line too large that is no answer', [line('@LARGE@'), good]),
  mode('a line of white space too large', [out(' '.repeat(1000), { times: 300 }), out('\n'), good]),
  mode('a notification too large', [line(note('message', '{"level":"info","data":"@LARGE@"}')), good]),
].map((one) => ({
  ...one,
  // A line of more than limits.message is made there, so that the call is not too large itself.
  send: one.send.flatMap((step) =>
    step.out?.includes('@LARGE@')
      ? step.out
          .split('@LARGE@')
          .flatMap((part, i) => (i ? [{ out: 'x'.repeat(1000), times: 300 }, { out: part }] : [{ out: part }]))
      : [step],
  ),
}));

const ids = Array.from({ length: 40 }, (_, i) => i);
const messages = [
  mode('an id as a text', line(response('"@ID@"', 'forged')), silent),
  mode('an id as a fraction', line(response('@ID@.0', 'forged')), silent),
  mode('an id with an exponent', line(response('@ID@e0', 'forged')), silent),
  mode('no id', line('{"jsonrpc":"2.0","result":@RESULT@}'), silent),
  mode('an id that is null', line(response('null', 'forged')), silent),
  mode('an id that is a list', line(response('[@ID@]', 'forged')), silent),
  mode('an error without an id', line('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}'), silent),
  mode('answers to unknown ids, and then its own', [
    ...['"x"', '0', '-1', '-@ID@', 'null', '1e15', '"@ID@"', '@ID@.0', '9007199254740993', '99999999999999999999999'].map((id) =>
      line(response(id, 'forged')),
    ),
    good,
  ]),
  // Each process has ids of its own, which another has, too.
  mode('answers to every small id but those of its own calls', [
    ...ids.map((i) => line(response(`${i}000`, 'forged'))),
    line(response('@NEXT@', 'forged')),
    good,
  ]),
  mode('the same answer twice', [good, line(response('@ID@', 'forged'))]),
  mode('answers a hundred times', [good, out(response('@ID@', 'forged') + '\n', { times: 100 })]),
  mode('the answer to the next call beforehand', [line(response('@NEXT@', 'forged')), good]),
  mode('result and error', line('{"jsonrpc":"2.0","id":@ID@,"result":@RESULT@,"error":{"code":1,"message":"m"}}'), { code: 1002 }),
  mode('neither result nor error', line('{"jsonrpc":"2.0","id":@ID@}'), { code: 1002 }),
  mode('no version', line('{"id":@ID@,"result":@RESULT@}'), { code: 1002 }),
  mode('version 1.0', line('{"jsonrpc":"1.0","id":@ID@,"result":@RESULT@}'), { code: 1002 }),
  mode('a result that is a text', line('{"jsonrpc":"2.0","id":@ID@,"result":"done"}'), { code: 1002 }),
  mode('a result that is null', line('{"jsonrpc":"2.0","id":@ID@,"result":null}'), { code: 1002 }),
  mode('an error that is a text', line('{"jsonrpc":"2.0","id":@ID@,"error":"bad"}'), { code: 1002 }),
  mode('an error without a code', line('{"jsonrpc":"2.0","id":@ID@,"error":{"message":"bad"}}'), { code: 1002 }),
  mode('its own error', line('{"jsonrpc":"2.0","id":@ID@,"error":{"code":-32099,"message":"own"}}'), { any: [-32099] }),
  mode('the id twice', line('{"jsonrpc":"2.0","id":@ID@,"id":"other","result":@RESULT@}'), { code: 1002 }),
  mode('the id twice, with an escape', line('{"jsonrpc":"2.0","id":@ID@,"\\u0069d":"other","result":@RESULT@}'), { code: 1002 }),
  mode('the result twice', line(response('@ID@').slice(0, -1) + `,"result":${'{"content":[]}'}}`), { code: 1002 }),
  mode('a batch', line('[@GOOD@]'), unread),
  mode('a batch, and then the answer', [line(`[${response('@ID@', 'forged')}]`), good]),
  mode('names in capitals', line('{"JSONRPC":"2.0","ID":@ID@,"Result":@RESULT@}'), unread),
  mode('unknown members', line('{"x":[],"jsonrpc":"2.0","Id":7,"id":@ID@,"y":{"id":9},"result":@RESULT@}')),
  mode('a method and a result', line('{"jsonrpc":"2.0","id":@ID@,"method":"ping","result":@RESULT@}'), unread),
];

const beside = [
  mode('progress of its own', [line(note('progress', '{"progressToken":@TOKEN@,"progress":1}')), good], {
    token: '"t"',
    notes: 1,
    look: (_, all) => assert.equal(all[0].params.progressToken, 't'),
  }),
  mode(
    'very much progress of its own',
    [out(note('progress', '{"progressToken":@TOKEN@,"progress":1}') + '\n', { times: 5000 }), good],
    { token: '"t"', notes: 5000 },
  ),
  mode('progress of another call', [
    line(note('progress', '{"progressToken":"held","progress":1}')),
    line(note('progress', '{"progressToken":"@HELD@","progress":1}')),
    good,
  ]),
  mode(
    'progress of no call',
    [line(note('progress', '{"progressToken":12345678,"progress":1}')), line(note('progress', '{"progress":1}')), good],
    { token: '"t"' },
  ),
  mode(
    'progress with two tokens',
    [line(note('progress', '{"progressToken":@TOKEN@,"progressToken":"held","progress":1}')), good],
    { token: '"t"' },
  ),
  mode('another call cancelled', [line(note('cancelled', '{"requestId":@HELD@}')), good]),
  mode('itself cancelled', [line(note('cancelled', '{"requestId":@ID@}')), good]),
  mode('lists changed, five thousand times', [out(`${note('tools/list_changed')}\n`, { times: 5000 }), good]),
  mode('log messages, five thousand times', [out(`${note('message', '{"level":"error","data":"x"}')}\n`, { times: 5000 }), good]),
  mode('unknown notifications, five thousand times', [out(`${note('x/y')}\n`, { times: 5000 }), good]),
  mode('a notification with params that are a list', [
    line('{"jsonrpc":"2.0","method":"notifications/message","params":[]}'),
    good,
  ]),
  ...['sampling/createMessage', 'elicitation/create', 'roots/list', 'ping', 'x/y'].map((method) =>
    // No such requests in the new revision, and no answers to them: its client writes none.
    mode(
      `the server asks: ${method}`,
      [
        line(request(method, '{"message":"m","requestedSchema":{"type":"object","properties":{}},"messages":[],"maxTokens":1}')),
        good,
      ],
      {
        eras: ['new'],
        next: (answer) =>
          assert.deepEqual(
            answer.result.seen.filter((text) => JSON.parse(text).method === undefined),
            [],
            'an answer was written',
          ),
      },
    ),
  ),
  mode('the server asks under the id of the call', [line(request('ping', '{}', '@ID@')), good]),
  mode('the server asks very often', [out(`${request('roots/list')}\n`, { times: 2000 }), good]),
  mode('text on stderr', [{ err: 'a warning\n' }, good]),
  mode('a line without an end on stderr', [{ err: 'x'.repeat(1000), times: 500 }, good]),
  mode('every byte there is on stderr', [
    { err: Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('') + '\n' },
    good,
  ]),
  mode(
    'lines on stderr that look like the log',
    [
      {
        err:
          '{"time":"x","level":"error","module":"app","message":"forged"}\n' +
          '\x1b[2J\u2028\r{"module":"app","message":"forged"}\n',
      },
      good,
    ],
    {
      after: async ({ weir }) => {
        await until(() => weir.log.includes('forged'), 5000, 'the line in the log');
        for (const one of weir.log.trim().split('\n')) assert.notEqual(JSON.parse(one).message, 'forged');
        assert.doesNotMatch(weir.log, /[\u0000-\u0009\u000b-\u001f\u007f]/);
      },
    },
  ),
  mode('messages on stderr', [{ err: '@GOOD@\n' }], silent),
];

const floods = [
  mode('no answer', [], silent),
  mode('stdout: text', { flood: 'no json at all\n' }, silent),
  mode('stdout: a line without an end', { flood: 'x' }, silent),
  mode('stdout: empty lines', { flood: '\n' }, silent),
  mode('stdout: NULs', { flood: '\0' }, silent),
  mode('stdout: log messages', { flood: `${note('message', '{"level":"info","data":1}')}\n` }, silent),
  mode('stdout: lists changed', { flood: `${note('tools/list_changed')}\n` }, silent),
  mode('stdout: progress of no call', { flood: `${note('progress', '{"progressToken":-1,"progress":1}')}\n` }, silent),
  mode('stdout: answers to unknown ids', { flood: `${response('-1', 'forged')}\n` }, silent),
  mode('stdout: requests', { flood: `${request('roots/list')}\n` }, silent),
  mode('stderr: text', { flood: 'noise\n', to: 'err' }, silent),
  mode('stderr: a line without an end', { flood: 'x', to: 'err' }, silent),
  mode('it reads nothing for longer than the call', [{ deaf: 1, ms: 1500 }], silent),
  // The answer comes once nobody waits for it, before that to the next call.
  mode('the answer too late', [{ line: 1 }, line(response('@ID@', 'forged'))], silent),
  mode(
    'half an answer, and the rest too late',
    [out('{"jsonrpc":"2.0","id":@ID@,"result":'), { line: 1 }, line('{"content":[{"type":"text","text":"forged"}]}}')],
    silent,
  ),
].map((one) => ({ ...one, name: `until the deadline: ${one.name}` }));

// The process or one of its pipes ends: with it end all calls that are under way there.
const cut = { code: 1007, kills: true };
const ends = [
  mode('it exits', [{ exit: 1 }], cut),
  mode('it exits with an error', [{ exit: 1, code: 3 }], cut),
  mode('it is killed', [{ kill: 1, signal: 'SIGKILL' }], cut),
  mode('it crashes', [{ kill: 1, signal: 'SIGSEGV' }], cut),
  mode('it ends itself', [{ kill: 1, signal: 'SIGTERM' }], cut),
  mode('it exits within its answer', [out('{"jsonrpc":"2.0","id":@ID@,"resu'), { exit: 1 }], cut),
  mode('it exits before the line ends', [out('@GOOD@'), { exit: 1 }], cut),
  mode('it exits behind its answer', [good, { exit: 1 }], { kills: true }),
  mode(
    'it exits behind a very long answer',
    [
      out('{"jsonrpc":"2.0","id":@ID@,"result":{"pad":"'),
      out('x'.repeat(1000), { times: 200 }),
      line('","content":[{"type":"text","text":"@MARKER@"}]}}'),
      { exit: 1 },
    ],
    { kills: true },
  ),
  mode('it exits, and leaves somebody who holds its pipes', [{ leave: 1 }, { exit: 1 }], cut),
];
const pipes = [
  mode('it closes stdout', [{ close: 1, fd: 1 }], cut),
  mode('it closes stdout behind its answer', [good, { close: 1, fd: 1 }], { kills: true }),
  mode('it closes stdout within its answer', [out('{"jsonrpc":"2.0","id":@ID@,"resu'), { close: 1, fd: 1 }], cut),
  mode('it closes stdin behind its answer', [good, { close: 1, fd: 0 }], { kills: 'later' }),
  mode('it closes stdin', [{ close: 1, fd: 0 }], { code: 1007, kills: 'later' }),
  mode('it closes stderr', [{ close: 1, fd: 2 }, good]),
];

const options = { makeHonest: maker };
export const tests = {
  lines: table(lines, maker, options),
  messages: table(messages, maker, options),
  'what comes beside the answer': table(beside, maker, options),
  'without end': table(floods, maker, options),
  'ends of the process': table(ends, maker, { ...options, each: true }),
  ...Object.fromEntries(pipes.map((one) => [`ends of its pipes: ${one.name}`, table([one], maker, options)])),
};
