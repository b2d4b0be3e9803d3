// Clients that take their time, and servers that do. Deadlines are for the whole of a thing: bytes that drip do not extend
// them.
import tls from 'node:tls';
import net from 'node:net';
import { allEnded, callText, clock, closeAll, cuts, headText, newcomer, once, openMany, other, said } from './attack_wires.mjs';
import { last } from './measure.mjs';

// The bytes that a client says first.
function clientHello() {
  return new Promise((done) => {
    const server = net.createServer((socket) =>
      socket.on('error', () => {}).once('data', (data) => (socket.destroy(), server.close(), done(data.toString('latin1')))),
    );
    server.listen(0, '127.0.0.1', () =>
      tls.connect({ port: server.address().port, servername: 'localhost' }).on('error', () => {}),
    );
  });
}

export const slow = {
  async slow_header({ port, addresses, say }) {
    const lines = await openMany(port, 100, addresses);
    const text = headText({ 'Content-Length': '2', 'X-Long': 'y'.repeat(200) });
    lines.forEach((one) => one.drip(text));
    await allEnded(lines, 15000);
    const got = cuts(lines, 10, { status: 408 });
    say('a header, one byte a second', 'cut 10 s after its first byte, 408', got.text, got.good);
    closeAll(lines);
  },
  async slow_body({ port, addresses, say }) {
    const lines = await openMany(port, 100, addresses);
    lines.forEach((one) => one.send(headText({ 'Content-Length': '1000' })).drip(' '.repeat(1000)));
    await allEnded(lines, 35000);
    const got = cuts(lines, 30, { status: 408 });
    say('a body with its length, one byte a second', 'cut 30 s after its head, 408', got.text, got.good);
    closeAll(lines);
  },
  async slow_chunked({ port, addresses, say }) {
    const lines = await openMany(port, 100, addresses);
    lines.forEach((one, i) =>
      one
        .send(headText({ 'Transfer-Encoding': 'chunked' }))
        .drip(i % 2 ? Array(1000).fill('1\r\nx\r\n') : `1;${'e'.repeat(200)}\r\n`),
    );
    await allEnded(lines, 35000);
    const got = cuts(lines, 30, { status: 408 });
    say(
      'a chunked body, one byte a second, half of them within the size line',
      'cut 30 s after its head, 408',
      got.text,
      got.good,
    );
    closeAll(lines);
  },
  async silence({ port, addresses, say }) {
    const lines = await openMany(port, 200, addresses);
    const ask = 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
    lines.forEach((one, i) => (i % 2 ? one.send(ask) : (one.begunAt = one.openedAt)));
    await allEnded(lines, 65000);
    const got = cuts(lines, 60);
    say('connections that say nothing, half of them after one request', 'cut after 60 s', got.text, got.good);
    closeAll(lines);
  },
  async slow_tls({ port, addresses, say }) {
    const hello = await clientHello();
    const [drip, mute, plain] = [
      await openMany(port, 50, addresses),
      await openMany(port, 50, addresses),
      await openMany(port, 50, addresses),
    ];
    drip.forEach((one) => one.drip(hello));
    mute.forEach((one) => (one.begunAt = one.openedAt));
    plain.forEach((one) => one.send(callText('echo')));
    const shaken = await Promise.all(
      addresses.map(
        (localAddress) =>
          new Promise((done, fail) => {
            const socket = tls.connect({ host: '127.0.0.1', port, localAddress, rejectUnauthorized: false }, () =>
              done({ socket, begunAt: clock() }),
            );
            socket.on('error', fail);
          }),
      ),
    );
    await Promise.all(
      shaken.map(async (one) => {
        const ended = new Promise((done) =>
          one.socket
            .on('data', (data) => (one.status = Number(String(data).slice(9, 12))))
            .on('error', () => {})
            .on('close', done),
        );
        const timer = setInterval(() => one.socket.writable && one.socket.write('P'), 1000);
        one.socket.write('P');
        await Promise.race([ended, last(14000)]);
        one.endedAt = clock();
        clearInterval(timer);
        one.socket.destroy();
      }),
    );
    await allEnded([...drip, ...mute], 5000);
    const slowly = cuts(drip, 10);
    const silent = cuts(mute, 10);
    const inside = cuts(shaken, 10, { status: 408 });
    const at = plain.map((one) => (one.endedAt - one.begunAt) / 1000);
    say('a handshake, one byte a second', 'cut after 10 s', slowly.text, slowly.good);
    say('no handshake at all', 'cut after 10 s', silent.text, silent.good);
    say(
      'plain bytes where TLS is spoken',
      'cut at once',
      `${plain.length} cut within ${(Math.max(...at) * 1000).toFixed(0)} ms`,
      at.every((one) => one < 1),
    );
    say('a header inside TLS, one byte a second', 'cut 10 s after its first byte, 408', inside.text, inside.good);
    closeAll([...drip, ...mute, ...plain]);
  },
  async slow_servers({ port, addresses, say }) {
    for (const [tool, what] of [
      ['drip', 'an event stream of one byte a second'],
      ['crawl', 'a body of one byte a second'],
      ['never', 'no answer'],
    ]) {
      const begun = clock();
      const calls = Array.from({ length: 40 }, (_, i) =>
        once(port, callText(tool, {}, { path: `/mcp/lame_${tool}` }), { from: addresses[i % addresses.length], patience: 15000 }),
      );
      await last(1500);
      const newer = await newcomer(port, { from: other, path: `/mcp/lame_${tool}` });
      const ends = (await Promise.all(calls)).map((one) => ({ ...one, in: one.text.includes('1003') }));
      const times = ends.map((one) => one.ms / 1000).sort((a, b) => a - b);
      const told = ends.filter((one) => one.in).length;
      say(
        `a server with ${what}, timeout.request 5 s`,
        '1003 after 5 s',
        `${told} of ${ends.length} told 1003, after ${times[0].toFixed(2)} to ${times.at(-1).toFixed(2)} s`,
        told === ends.length && times[0] > 4.9 && times.at(-1) < 6,
      );
      say(
        `another client of that server meanwhile (${tool})`,
        'served',
        said(newer),
        newer.served === newer.count && clock() - begun < 20000,
      );
    }
  },
};
