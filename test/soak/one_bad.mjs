// One of several replicas goes bad for a while under a fixed rate of calls: what was called, and what became of it.
import { back, deserted, last, sorted } from './measure.mjs';
import { OpenLoop, now, until } from '../e2e/replicas.mjs';

// `start(replicas)` gives {url, stop()}; hold: ms that the fault lasts; prefix: of the calls' ids. Gives {records, during (those
// due while it lasted), begun, healed, detect: from when on the bad one got less than a tenth of its share, recover: when it
// had half of it again over a second; null: never; late: how late a call was made at worst}.
export async function oneBad({ fault, start, replicas, bad, tool, rate, hold, random, prefix }) {
  await Promise.all(replicas.map((one) => one.reset()));
  const gateway = await start(replicas);
  const loop = new OpenLoop(gateway.url, { rate, make: () => ({ tool }), prefix });
  let stopped;
  try {
    await last(1000 + random(300));
    const before = now();
    await fault.begin(bad);
    const begun = fault.signal ? before : now();
    // A killed one's book is gone with it; what it got before is of no interest.
    await last(hold - (now() - begun));
    await fault.heal(bad);
    const healed = now();
    const arrivals = async () => Promise.all(replicas.map(async (one) => (await one.counters()).calls));
    const [fair, place] = [1 / replicas.length, replicas.indexOf(bad)];
    let recover = null;
    const comeback = async () => {
      const times = (await arrivals()).map((calls) => calls.map((one) => one.at));
      return (recover = back(times[place], times.flat(), healed, now(), fair)) !== null;
    };
    await until(async () => (await comeback()) || (await last(100), false), 15000, 'the comeback').catch(() => {});
    const records = (stopped = await loop.stop());
    const calls = await arrivals();
    // What lay in a stopped one's sockets counts when it was sent.
    const time = (one) => (fault.seen === 'sent' && one.at >= healed && one.sent < healed ? one.sent : one.at);
    const times = calls.map((some) => sorted(some.map(time)));
    const during = records.filter((one) => one.due >= begun && one.due < healed);
    const late = Math.max(...records.map((one) => one.start - one.due));
    return { records, during, begun, healed, late, recover, detect: deserted(times[place], times.flat(), begun, healed, fair) };
  } finally {
    if (!stopped) await loop.stop();
    await gateway.stop();
  }
}
