// Attacks on memory: what one client makes the gateway keep.
import {
  allEnded,
  clientsOver,
  clock,
  closeAll,
  cpu,
  cuts,
  headText,
  helloText,
  mib,
  newcomer,
  once,
  openMany,
  other,
  peak,
  rss,
  said,
  share,
} from './attack_wires.mjs';
import { last } from './measure.mjs';
import { post } from '../e2e/raw.mjs';

// Sends the same request so many times over 16 connections, some in one go; how many were answered with 200.
async function repeat(port, text, count, addresses) {
  const lines = await openMany(port, 16, addresses, { reads: false });
  const each = Math.floor(count / 16);
  const done = await Promise.all(
    lines.map(
      (line) =>
        new Promise((finish) => {
          let [sent, answers, good] = [0, 0, 0];
          const more = () => {
            const now = Math.min(50, each - sent);
            sent += now;
            if (now) line.send(text.repeat(now));
          };
          line.socket.on('data', (data) => {
            const got = data.toString('latin1').match(/HTTP\/1\.1 \d+/g) ?? [];
            answers += got.length;
            good += got.filter((one) => one.endsWith('200')).length;
            if (answers >= each) finish(good);
            else if (answers >= sent - 5) more();
          });
          line.socket.on('close', () => finish(good));
          setTimeout(() => finish(good), 60000).unref();
          more();
        }),
    ),
  );
  closeAll(lines);
  return done.reduce((a, b) => a + b, 0);
}
const greet = async (port, from) => (await once(port, helloText(), { from })).status;
const session = async (port, from, path) => {
  const { text } = await once(port, helloText('', path), { from });
  return /mcp-session-id: (\S+)/i.exec(text)[1];
};
const inSession = (id, text, path) =>
  post(text, {
    path,
    lines: { 'Mcp-Session-Id': id, 'MCP-Protocol-Version': '2025-11-25', 'Mcp-Method': null, 'Mcp-Name': null },
  });

export const memory = {
  async huge_bodies({ port, addresses, say, pid }) {
    const before = rss(pid);
    const announced = await openMany(port, 200, addresses);
    announced.forEach((one) => one.send(headText({ 'Content-Length': '4194304' }) + '{'));
    await last(1000);
    say(
      '200 connections that announce 4 MB and send a byte',
      'at most 64 KiB each',
      `${mib((peak(pid) - before) / 200)} each`,
      peak(pid) - before <= 200 / 16,
    );
    // As many as there is room for.
    const lines = await openMany(port, 60, addresses);
    lines.forEach((one) => one.send(headText({ 'Content-Length': '4194304' }) + ' '.repeat(3e6)).drip(' '.repeat(100)));
    await allEnded(lines, 34000);
    const got = cuts(lines, 30, { status: 408 });
    const sent = (60 * 3e6) / 2 ** 20;
    say(
      '60 connections that announce 4 MB, send 3 MB and then a byte a second',
      'cut 30 s after the head, 408',
      got.text,
      got.good,
    );
    say(
      'memory for those',
      `at most what was announced, 240 MiB`,
      `${mib(peak(pid) - before)} for ${mib(sent)}`,
      peak(pid) - before <= 240,
    );
    await last(2000);
    say('memory afterwards', 'as before, 32 MiB more at most', `${mib(rss(pid) - before)} more`, rss(pid) - before <= 32);
    closeAll([...announced, ...lines]);
  },
  async long_introductions({ port, addresses, say, pid }) {
    const before = rss(pid);
    const long = 'x'.repeat(60000);
    const opened = await repeat(port, helloText(`,"title":"${long}"`), 2000, [addresses[0]]);
    await last(4000);
    const grown = rss(pid) - before;
    say(
      '2,000 sessions of one client that says 60 KB of itself',
      `${share} MiB of one client at most`,
      `${opened} opened, ${mib(grown)}; at that rate ${((grown * 50) / 1024).toFixed(1)} GiB before the table is full`,
      grown <= share,
    );
    say(
      'another client meanwhile: initialize',
      'served',
      `status ${await greet(port, other)}`,
      (await greet(port, other)) === 200,
    );
  },
  async sessions({ port, addresses, say, pid }) {
    const before = rss(pid);
    const opened = await repeat(port, helloText(), 100000, [addresses[0]]);
    const grown = rss(pid) - before;
    const status = await greet(port, other);
    say(
      "100,000 sessions of one client: another client's initialize",
      'served',
      `${opened} opened, ${((grown * 1024) / opened).toFixed(2)} KiB each; status ${status}`,
      status === 200,
    );
    const [begun, busy] = [clock(), cpu(pid)];
    const more = await repeat(port, helloText(), 96, [addresses[0]]);
    const each = ((cpu(pid) - busy) * 1000) / 96;
    say(
      '96 more of that client: what one costs',
      'less than 1 ms of CPU',
      `${more} opened, ${each.toFixed(1)} ms each, ${((clock() - begun) / 1000).toFixed(1)} s in all`,
      each < 1,
    );
  },
  async answers_kept({ port, addresses, say, pid }) {
    const before = rss(pid);
    for (let i = 0; i < 30; ++i) {
      const id = await session(port, addresses[0], '/mcp/odd');
      await once(
        port,
        inSession(
          id,
          '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"late","arguments":{"ms":250,"bytes":10000000}}}',
          '/mcp/odd',
        ),
        { from: addresses[0] },
      );
      await last(400);
    }
    await last(2000);
    const grown = rss(pid) - before;
    say(
      '30 sessions of one client, in each a late answer of 10 MB that is not read to its end',
      `${share} MiB of one client at most`,
      `${mib(grown)} kept, ${mib(grown / 30)} for each session`,
      grown <= share,
    );
  },
  async get_streams({ port, addresses, say, pid, admin }) {
    const [before, open] = [rss(pid), await clientsOver(admin)];
    const ids = [];
    for (let i = 0; i < 300; ++i) ids.push(await session(port, addresses[0]));
    const lines = await openMany(port, 1500, [addresses[0]]);
    lines.forEach((one, i) =>
      one.send(
        `GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${ids[i % 300]}\r\n` +
          'MCP-Protocol-Version: 2025-11-25\r\n\r\n',
      ),
    );
    const channels = await openMany(port, 300, [addresses[0]]);
    channels.forEach((one) => one.send('GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n'));
    await last(1500);
    const streaming = [...lines, ...channels].filter((one) => one.status === 200).length;
    const grown = rss(pid) - before;
    const [newer, its] = [await newcomer(port, { from: other }), await newcomer(port, { from: addresses[0] })];
    closeAll([...lines, ...channels]);
    const over = await clientsOver(admin, open);
    say(
      '1,500 GET streams of one client in 300 sessions, 300 GET /sse',
      `${share} MiB of one client at most`,
      `${streaming} begun, ${mib(grown)}`,
      grown <= share,
    );
    say('a new client meanwhile', 'served within 100 ms', said(newer), newer.served === newer.count && newer.worst <= 100);
    say('a new client of that address', 'served within 100 ms', said(its), its.served === its.count && its.worst <= 100);
    say('connections of clients when they have gone', 'as before', `${over} more`, over <= 0);
  },
};
