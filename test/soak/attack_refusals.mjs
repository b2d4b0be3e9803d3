// Attacks by what is refused: it costs little and leaves nothing behind.
import { anonymous, callText, clock, cpu, headText, mib, once, peak, rss, side } from './attack_wires.mjs';
import { last, sorted } from './measure.mjs';
import { post } from '../e2e/raw.mjs';

const kindsFor = (token) => {
  const good = { Authorization: `Bearer ${token}` };
  const call = (lines, more) => callText('echo', {}, { lines: { ...good, ...lines }, ...more });
  return [
    [401, callText('echo')],
    [401, callText('echo', {}, { lines: { Authorization: 'Bearer wrong-token-0000' } })],
    [403, call({ Origin: 'http://evil.example.com' })],
    [403, call({ Host: 'evil.example.com' })],
    [400, 'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    [400, 'POST /mcp HTTP/1.1\r\nbroken\r\n\r\n'],
    [404, call({}, { path: '/nothing' })],
    [404, call({}, { path: '/mcp/nobody' })],
    [413, headText({ ...good, 'Content-Length': '9999999' })],
    [415, call({ 'Content-Type': 'text/plain' })],
    [406, call({ Accept: 'image/png' })],
    [400, post('{"jsonrpc":"2.0",', { lines: good })],
    [400, call({ 'Mcp-Name': 'other' })],
  ];
};

export const refusals = {
  async oversized({ port, addresses, say }) {
    const kinds = {
      'a header of 40 KB': [431, `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'y'.repeat(40000)}\r\n\r\n`],
      '150 fields': [431, `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n${'X: y\r\n'.repeat(150)}\r\n`],
      'a target of 10 KB': [414, `GET /${'y'.repeat(10000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`],
      'a header without an end': [431, `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n${`X: ${'y'.repeat(1000)}\r\n`.repeat(1000)}`],
    };
    for (const [what, [status, text]] of Object.entries(kinds)) {
      const all = [];
      await side(300, 16, async (i) => all.push(await once(port, text, { from: addresses[i % addresses.length] })));
      const good = all.filter((one) => one.status === status).length;
      say(
        `${what}, 300 times`,
        `${status} at once`,
        `${good} told ${status}, the slowest after ${Math.max(...all.map((one) => one.ms)).toFixed(0)} ms`,
        good === 300,
      );
    }
  },
  async json({ port, addresses, say, pid }) {
    const deep = (open, n) => open.repeat(n);
    const call = (args) => post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${args}}}`);
    const texts = [
      post(deep('[', 1e6)),
      post(deep('{"a":', 2e5)),
      call(deep('[', 5e5) + deep(']', 5e5)),
      call(`{${'"a":1,'.repeat(1e5)}"a":1}`),
      post(`{"id":${'1'.repeat(1e6)}`),
      post('\xff\xfe'.repeat(5e5)),
      post(`{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`),
      post(`{"a":"${'\\u0000'.repeat(1e5)}`),
      post('{"a":1e99999}'.repeat(1000)),
      call(`{${Array.from({ length: 1e5 }, (_, i) => `"k${i}":1`).join(',')},"k0":2}`),
    ];
    const [before, busy] = [rss(pid), cpu(pid)];
    let [told, bytes] = [0, 0];
    await side(2000, 8, async (i) => {
      const text = texts[i % texts.length];
      bytes += text.length;
      const got = await once(port, text, { from: addresses[i % addresses.length] });
      told += got.status === 400 || /"code":-32(602|600|700)/.test(got.text) ? 1 : 0;
    });
    const cost = ((cpu(pid) - busy) * 1e9) / bytes;
    say(
      `2,000 bodies up to 1.3 MB of deep, doubled and broken JSON`,
      'each refused',
      `${told} refused; ${cost.toFixed(1)} ns of CPU for each byte`,
      told === 2000,
    );
    say(
      'memory for those, 8 at a time',
      'at most 4 times what came at once',
      `${mib(peak(pid) - before)} of ${mib((8 * Math.max(...texts.map((one) => one.length))) / 2 ** 20)}`,
      peak(pid) - before <= (4 * 8 * 1.3e6) / 2 ** 20,
    );
  },
  async refused({ port, addresses, say, pid, token }) {
    const kinds = kindsFor(token);
    const book = [];
    let [ill, first] = [0, undefined];
    for (let round = 0; round < 5; ++round) {
      const begun = clock();
      await side(20000, 32, async (i) => {
        const [status, text] = kinds[i % kinds.length];
        const got = await once(port, text, { from: addresses[i % addresses.length] });
        if (got.status !== status) (++ill, (first ??= `${got.status} for ${status}: ${text.slice(0, 60)}`));
      });
      await last(1000);
      book.push({ kib: anonymous(pid), rate: 20000 / ((clock() - begun - 1000) / 1000) });
    }
    const grown = ((book.at(-1).kib - book[1].kib) * 1024) / 60000;
    say(
      '100,000 requests that are refused, each on its own connection',
      'each with its status',
      `${ill} otherwise${first ? ` (${first})` : ''}; ${Math.round(sorted(book.map((one) => one.rate))[2])} a second`,
      ill === 0,
    );
    say(
      'memory after each 20,000 of them',
      'less than a byte for each after the second round',
      `${book.map((one) => one.kib).join(', ')} KiB: ${grown.toFixed(2)} bytes for each`,
      grown < 1,
    );
  },
};
