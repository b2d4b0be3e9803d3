// Attacks by the number of connections.
import {
  Line,
  allEnded,
  callText,
  clientsOver,
  clock,
  closeAll,
  cpu,
  mib,
  newcomer,
  once,
  openMany,
  other,
  peak,
  said,
} from './attack_wires.mjs';
import { descriptors, last } from './measure.mjs';

const health = 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const many = (count) => Array.from({ length: count }, (_, i) => `127.0.0.${30 + i}`);
const spent = async (pid, ms) => {
  const before = cpu(pid);
  await last(ms);
  return ((cpu(pid) - before) * 1000) / ms;
};
async function idle({ port, say, pid, addresses }, count, from) {
  const lines = await openMany(port, count, from);
  await last(500);
  const [newer, same] = [await newcomer(port, { from: other }), await newcomer(port, { from: addresses[0] })];
  const held = descriptors(pid);
  const share = await spent(pid, 2000);
  closeAll(lines);
  say(
    `${count} idle connections: a new client`,
    'served within 100 ms',
    said(newer),
    newer.served === newer.count && newer.worst <= 100,
  );
  say(
    `${count} idle connections: a new client of an attacker's address`,
    'served within 100 ms',
    said(same),
    same.served === same.count && same.worst <= 100,
  );
  say(
    `${count} idle connections: descriptors, CPU beside the healthy clients`,
    'at most 10,000 connections; less than half a core',
    `${held} descriptors, ${(share * 100).toFixed(0)} % of a core, ${mib(peak(pid))} at most`,
    held <= 10100 && share < 0.5,
  );
}

export const floods = {
  async pipelining({ port, addresses, say }) {
    const texts = Array.from({ length: 500 }, (_, i) => callText('echo', {}, { path: '/mcp/odd', id: 100 + i }));
    const got = await Promise.all(
      addresses.slice(0, 4).flatMap((from) =>
        [0, 1].map(
          () =>
            new Promise((done) => {
              const line = Line.open(port, { from });
              let text = '';
              line.socket.on('data', (data) => (text += data) && text.match(/"id":/g)?.length === 500 && line.close());
              line.socket.on('close', () => done([...text.matchAll(/"id":(\d+)/g)].map((one) => Number(one[1]))));
              line.send(health + texts.join(''));
              setTimeout(() => line.close(), 20000);
            }),
        ),
      ),
    );
    const whole = got.filter((ids) => ids.length === 500 && ids.every((id, i) => id === 100 + i)).length;
    say(
      '500 calls in one go on each of 8 connections, read',
      'all answered, in order',
      `${whole} of ${got.length} connections`,
      whole === got.length,
    );
  },
  async idle_1500(world) {
    await idle(world, 1500, many(5));
  },
  async idle_12000(world) {
    await idle(world, 12000, many(6));
  },
  async churn({ port, addresses, say, admin }) {
    const open = await clientsOver(admin);
    let [count, failed] = [0, 0];
    const end = clock() + 5000;
    while (clock() < end) {
      for (let i = 0; i < 15; ++i) {
        const line = Line.open(port, { from: addresses[count++ % addresses.length] });
        line.opened.then((well) => (well ? (count % 2 ? line.socket.resetAndDestroy() : line.close()) : ++failed));
      }
      await last(10);
    }
    const newer = await newcomer(port, { from: other });
    const over = await clientsOver(admin, open);
    say(
      'connections opened and closed, or reset, for 5 s',
      'a new client is served; connections as before',
      `${count} opened, ${failed} not; ${said(newer)}; ${over} connections more`,
      newer.served === newer.count && over <= 0,
    );
  },
  async half_open({ port, addresses, say }) {
    const [bare, half] = [await openMany(port, 500, addresses), await openMany(port, 500, addresses)];
    const begun = clock();
    bare.forEach((one) => one.socket.end());
    half.forEach((one) => one.send('POST /mcp HTTP/1.1\r\nHo').socket.end());
    await allEnded([...bare, ...half], 5000);
    const times = [...bare, ...half].map((one) => one.endedAt - begun);
    say(
      "1,000 connections ended from the client's side, half of them within a header",
      'ended by the gateway within 1 s',
      `${times.filter((one) => one <= 1000).length} of ${times.length}, the last after ${Math.max(...times).toFixed(0)} ms`,
      times.every((one) => one <= 1000),
    );
    closeAll([...bare, ...half]);
  },
  async descriptors({ port, addresses, say, pid }) {
    const lines = await openMany(port, 400, addresses);
    lines.forEach((one) => one.send('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n'));
    await last(200);
    const open = descriptors(pid);
    const share = await spent(pid, 2000);
    const newer = await newcomer(port, { from: other });
    closeAll(lines);
    const begun = clock();
    let again;
    do again = await newcomer(port, { from: addresses[0], times: 1 });
    while (!again.served && clock() - begun < 10000);
    const took = clock() - begun;
    say(
      '400 connections with 200 descriptors: no spinning',
      'less than half a core',
      `${open} open, ${(share * 100).toFixed(0)} % of a core`,
      share < 0.5 && open <= 200,
    );
    say(
      '400 connections with 200 descriptors, of 8 addresses: a new client meanwhile',
      'served',
      said(newer),
      newer.served === newer.count,
    );
    say(
      'when these connections have closed',
      'served again within 1 s',
      `after ${took.toFixed(0)} ms`,
      again.served === 1 && took <= 1000,
    );
  },
  async places({ port, say, weir }) {
    const addresses = ['127.0.0.40', '127.0.0.41', '127.0.0.42'];
    const lines = await openMany(port, 300, addresses);
    lines.forEach((one) => one.send('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n'));
    await last(300);
    const all = await Promise.all(Array.from({ length: 30 }, () => newcomer(port, { from: other, times: 1 })));
    const newer = {
      count: 30,
      served: all.filter((one) => one.served).length,
      worst: Math.max(...all.map((one) => one.worst)),
      told: all.find((one) => one.told)?.told,
    };
    say(
      'all places (limits.connections 200) taken by three addresses with half a header: 30 new clients at once',
      'served',
      said(newer),
      newer.served === newer.count,
    );
    await last(5000);
    closeAll(lines);
    await last(500);
    const figures = Number(new URL(/metrics\s+(\S+)\/metrics/.exec(weir.out)[1]).port);
    const slow = await openMany(figures, 300, addresses);
    slow.forEach((one) => one.send('GET /metrics HTTP/1.1\r\n'));
    await last(300);
    const admin = await once(Number(new URL(weir.admin).port), 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    say(
      "300 connections to metrics_listen with half a header: /livez of the operators' address",
      '200',
      `${admin.status} after ${admin.ms.toFixed(0)} ms`,
      admin.status === 200,
    );
    closeAll(slow);
  },
};
