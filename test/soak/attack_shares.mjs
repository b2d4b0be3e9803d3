// Attacks on what all clients have a share of: subscriptions, permits, keys, the gateway's time.
import {
  Line,
  callText,
  clock,
  closeAll,
  messageOf,
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
import { meta } from '../e2e/weir.mjs';

const listening = (uris) =>
  post(
    `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":` +
      `${JSON.stringify(uris)}},"_meta":{${meta}}}}`,
    { path: '/mcp/odd', lines: { 'Mcp-Method': 'subscriptions/listen', 'Mcp-Name': null } },
  );

// Its socket takes more, or `ms` are over.
function room({ socket }, ms) {
  return new Promise((done) => {
    const go = () => (clearTimeout(timer), socket.off('drain', go), done());
    const timer = setTimeout(go, ms);
    socket.once('drain', go);
  });
}

export const shares = {
  async listens({ port, addresses, say, pid }) {
    const before = rss(pid);
    const lines = await openMany(port, 60, [addresses[0]]);
    lines.forEach((one, i) => one.send(listening(Array.from({ length: 500 }, (_, k) => `item://${i}/${k}${'n'.repeat(20)}`))));
    await last(4000);
    const begun = lines.filter((one) => one.status === 200).length;
    const got = await once(port, listening(['item://mine']), { from: other });
    const line = Line.open(port, { from: other }).send(listening(['item://mine-too']));
    await last(2000);
    const honoured = /acknowledged/.test(line.text) && /mine-too/.test(line.text);
    say(
      "60 listen streams of one client, 500 names each: another client's",
      'begun, and its name honoured',
      `${begun} begun; the other: ${got.status}, ${honoured ? 'honoured' : line.text.slice(-200).replaceAll('\n', ' ')}`,
      honoured,
    );
    say('memory for those', `${share} MiB of one client at most`, mib(peak(pid) - before), peak(pid) - before <= share);
    closeAll([...lines, line]);
    const same = await openMany(port, 40, [addresses[0]]);
    const names = Array.from({ length: 9000 }, (_, k) => `item://same/${k}`);
    const start = rss(pid);
    same.forEach((one) => one.send(listening(names)));
    await last(6000);
    const grown = rss(pid) - start;
    say(
      '40 listen streams of one client, the same 9,000 names each',
      `${share} MiB of one client at most`,
      `${same.filter((one) => one.status === 200).length} begun, ${mib(grown)}`,
      grown <= share,
    );
    closeAll(same);
    await last(1000);
  },
  async tokens({ port, addresses, say, odd }) {
    const before = (await odd()).left;
    const held = await openMany(port, 300, [addresses[0]]);
    held.forEach((one, i) =>
      one.send(callText('never', {}, { path: '/mcp/odd', lines: { Authorization: `Bearer made-up-${i}` } })),
    );
    await last(1000);
    const newer = await newcomer(port, { from: other, path: '/mcp/odd' });
    say(
      'one address under 300 made-up tokens, 300 calls that a server never answers: another client of that server',
      'served',
      said(newer),
      newer.served === newer.count,
    );
    closeAll(held);
    await last(1500);
    const gone = (await odd()).left - before;
    say('those calls once their client has left', 'given up within 1 s', `${gone} given up`, gone >= 128);
    const keyed = await openMany(port, 300, [addresses[0]]);
    keyed.forEach((one, i) =>
      one.send(callText('never', {}, { path: '/mcp/odd', key: `k${i}`, lines: { Authorization: `Bearer made-up-${i}` } })),
    );
    await last(1000);
    closeAll(keyed);
    await last(1000);
    const later = await newcomer(port, { from: other, path: '/mcp/odd' });
    say(
      'the same with idempotency keys, the client has left: another client of that server',
      'served',
      said(later),
      later.served === later.count,
    );
  },
  async keys({ port, addresses, say, odd }) {
    const mine = callText('echo', {}, { path: '/mcp/odd', key: 'mine' });
    await once(port, mine, { from: other });
    const before = (await odd()).calls;
    const again = await once(port, mine, { from: other });
    const same = (await odd()).calls === before && again.text.includes('"content"');
    for (let i = 0; i < 80; ++i)
      await once(port, callText('big', { bytes: 1e6 - 1000 }, { path: '/mcp/odd', key: `k${i}` }), { from: addresses[0] });
    const later = await once(port, mine, { from: other });
    const kept = later.text.includes('"content"');
    say(
      "80 calls of one client with idempotency keys and answers of 1 MB: what another client's key brings, as it did before",
      'its answer',
      `before ${same ? 'its answer' : messageOf(again.text)}; after ${kept ? 'its answer' : messageOf(later.text)}`,
      same && kept,
    );
  },
  async endless({ port, addresses, say, pid }) {
    const before = rss(pid);
    const lines = await openMany(port, 20, addresses);
    const text = callText('echo', {}, { path: '/mcp/odd' }).repeat(200);
    let sent = 0;
    const end = clock() + 8000;
    const send = async (line) => {
      while (clock() < end && line.endedAt === undefined) {
        sent += text.length;
        line.begunAt ??= clock();
        if (!line.socket.write(text, 'latin1')) await room(line, Math.max(0, end - clock()));
      }
    };
    await Promise.all(lines.map(send));
    const grown = (peak(pid) - before) / 20;
    const answered = lines.reduce((sum, one) => sum + one.bytes, 0) / 200;
    closeAll(lines);
    const what = `${mib(grown)} each; ${mib(sent / 2 ** 20)} sent, about ${Math.round(answered / 8)} calls/s answered`;
    say('calls without end on each of 20 connections, answers read', 'at most 1 MiB for each connection', what, grown <= 1);
  },
  async left_behind({ port, addresses, say, odd }) {
    const before = (await odd()).left;
    const lines = await openMany(port, 100, addresses);
    lines.forEach((one) => one.send(callText('never', {}, { path: '/mcp/odd' }) + 'P'));
    await last(1000);
    closeAll(lines);
    const begun = clock();
    let gone = 0;
    while (clock() - begun < 25000 && gone < 100) ((gone = (await odd()).left - before), await last(100));
    const took = (clock() - begun) / 1000;
    say(
      '100 clients that leave, having sent a byte more than their call',
      'their calls given up within 1 s',
      `${gone} given up after ${took.toFixed(1)} s`,
      gone >= 100 && took <= 1,
    );
  },
};
