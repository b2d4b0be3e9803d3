// Clients that ask and do not read, or read slowly: what waits for them is bounded, and given up in time.
import {
  Line,
  callText,
  clock,
  closeAll,
  established,
  forgetPeak,
  mib,
  newcomer,
  once,
  openMany,
  other,
  peak,
  rss,
  said,
} from './attack_wires.mjs';
import { last } from './measure.mjs';
import { post } from '../e2e/raw.mjs';

// When the gateway let go of its side of these connections, in seconds from now.
export async function departures(port, lines, ms) {
  const begun = clock();
  const times = [];
  let left = established(port, lines);
  while (left && clock() - begun < ms) {
    await last(100);
    const now = established(port, lines);
    for (; left > now; --left) times.push((clock() - begun) / 1000);
  }
  return { times, left };
}
export const spanOf = ({ times, left }) =>
  `${times.length} cut${times.length ? ` after ${times[0].toFixed(1)} to ${times.at(-1).toFixed(1)} s` : ''}, ${left} not`;
const within = ({ times, left }, from, to) => !left && times.length > 0 && times[0] >= from && times.at(-1) <= to;
// Reads so many bytes a second.
function readSlowly(line, rate) {
  line.socket.on('readable', () => {});
  const timer = setInterval(
    () => (line.bytes += line.socket.read(Math.min(rate / 10, line.socket.readableLength))?.length ?? 0),
    100,
  );
  line.ended.then(() => clearInterval(timer));
  line.socket.once('close', () => clearInterval(timer));
}
// `most`: MiB that the gateway may hold for each connection.
async function leftUnread({ port, addresses, say, pid }, what, text, { count, rate, most }) {
  const before = rss(pid);
  forgetPeak(pid);
  const lines = await openMany(port, count, addresses, { reads: false });
  for (const one of lines) {
    one.send(text);
    if (rate) readSlowly(one, rate);
  }
  const left = await departures(port, lines, 20000);
  const grown = (peak(pid) - before) / count;
  closeAll(lines);
  say(what, 'cut 10 s after writing began (which it does within 1 s), at most 1 s later', spanOf(left), within(left, 9.5, 12));
  say(`${what}: memory`, `at most ${most} MiB for each connection`, `${mib(grown)} for each of ${count}`, grown <= most);
}

export const unread = {
  async slow_reading(world) {
    await leftUnread(world, 'an answer of 10 MB, read at 20 KB/s', callText('big', { bytes: 1e7 }, { path: '/mcp/odd' }), {
      count: 10,
      rate: 20000,
      most: 16,
    });
  },
  async slow_events(world) {
    await leftUnread(
      world,
      'a stream of events of 1 MB, read at 20 KB/s',
      callText('events', { count: 30, bytes: 1e6 }, { path: '/mcp/odd', token: 't' }),
      { count: 6, rate: 20000, most: 16 },
    );
  },
  async never_reading(world) {
    const big = (sized) => callText('big', { bytes: 1e7, sized }, { path: '/mcp/odd' });
    await leftUnread(world, 'an answer of 10 MB, of which nothing is read', big(false), { count: 10, most: 16 });
    await leftUnread(world, 'the same, whose server says its length', big(true), { count: 10, most: 2 });
    await leftUnread(
      world,
      'a stream of events of 1 MB, of which nothing is read',
      callText('events', { count: 30, bytes: 1e6 }, { path: '/mcp/odd', token: 't' }),
      { count: 6, most: 16 },
    );
  },
  async cut_answer({ port, addresses, say }) {
    const line = Line.open(port, { from: addresses[0], reads: false });
    line.send(callText('big', { bytes: 1e7 }, { path: '/mcp/odd' }));
    await last(12000);
    line.send(callText('echo', {}, { path: '/mcp/odd' }));
    let heads = 0;
    let whole = '';
    line.socket.on(
      'data',
      (data) => (
        (whole = whole.slice(-20) + data.toString('latin1')),
        (heads += whole.match(/HTTP\/1\.1 200/g)?.length ?? 0),
        (whole = whole.slice(-11))
      ),
    );
    await Promise.race([line.ended, last(3000)]);
    line.close();
    say(
      'an answer that was given up after 10 s; the client sends its next call and then reads',
      'the connection has ended; no other answer within the one that is not whole',
      `${heads} heads of answers, ${line.how ?? 'the connection goes on'}`,
      heads <= 1 && line.how !== undefined,
    );
  },
  async pipelining_unread({ port, addresses, say, pid, odd }) {
    const [before, calls] = [rss(pid), (await odd()).calls];
    const lines = await openMany(port, 20, addresses, { reads: false });
    lines.forEach((one) => one.send(callText('big', { bytes: 40000 }, { path: '/mcp/odd' }).repeat(3000)));
    await last(4000);
    const [grown, made] = [peak(pid) - before, (await odd()).calls - calls];
    const left = await departures(port, lines, 20000);
    say(
      '3,000 calls on each of 20 connections, for 40 KB each, nothing read',
      'at most 400 calls of a connection made (what sockets hold); at most 1 MiB each',
      `${(made / 20).toFixed(0)} made of each, ${mib(grown / 20)} each`,
      made / 20 <= 400 && grown <= 20,
    );
    const cut = !left.left && left.times.at(-1) <= 11;
    say('when those are cut', '10 s after the first answer that is stuck: within 11 s after 4 s', spanOf(left), cut);
    closeAll(lines);
  },
  async unread_answers({ port, addresses, say, pid }) {
    const before = rss(pid);
    const lines = await openMany(port, 80, addresses, { reads: false });
    lines.forEach((one) => one.send(callText('big', { bytes: 1e7 }, { path: '/mcp/odd' })));
    await last(5000);
    const newer = await newcomer(port, { from: other });
    const grown = peak(pid) - before;
    closeAll(lines);
    await last(2000);
    say(
      '80 answers of 10 MB that nobody reads',
      '512 MiB for all buffers together',
      `${mib(grown)}; ${mib(rss(pid) - before)} more afterwards`,
      grown <= 512,
    );
    say('a new client meanwhile', 'served within 100 ms', said(newer), newer.served === newer.count && newer.worst <= 100);
  },
  async unread_channel({ port, addresses, say, pid }) {
    const before = rss(pid);
    const line = Line.open(port, { from: addresses[0] });
    line.send('GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n');
    while (!/sessionId=/.test(line.text)) await last(20);
    const where = /data: (\S+)/.exec(line.text)[1];
    line.socket.pause();
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},' +
      '"clientInfo":{"name":"a","version":"1"}}}';
    const call = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"odd__big","arguments":{"bytes":4000000}}}';
    await once(port, post(body, { path: where }), { from: addresses[0] });
    const posts = Array.from({ length: 100 }, () =>
      once(port, post(call, { path: where }), { from: addresses[0], patience: 30000 }),
    );
    await Promise.all(posts);
    await last(8000);
    say(
      'a GET /sse that is not read, 100 calls for 4 MB each through it',
      'a quarter of limits.buffers for its calls and 64 MB of answers that wait, in buffers that grow by halves: 256 MiB at most',
      `${mib(peak(pid) - before)} at most`,
      peak(pid) - before <= 256,
    );
    line.close();
  },
};
