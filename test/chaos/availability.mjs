// Replicas die one after the other, each killed, stopped or refusing for some seconds, under 100 calls/s of a read-only tool.
// Usage: node availability.mjs [--minutes 10] [--rate 100] [--seed 1] [--replicas 3] [--weir PATH] [--write FILE]. Prints the share of
// calls that got their answer within 5.5 s, and what the others got; exit code 1 below 99.9 %.
import { at, last, ms, numbers, option, percent, report, sorted, tally } from '../soak/measure.mjs';
import { faults } from '../soak/faults.mjs';
import { OpenLoop, endAll, endpoints, now, startGateway, startReplicas } from '../e2e/replicas.mjs';

const minutes = option('minutes', 10);
const rate = option('rate', 100);
const count = option('replicas', 3);
const seed = option('seed', 1);
const draw = numbers(seed);
const ways = ['kill', 'stop', 'refuse', 'blackhole', 'hang', 'reset', 'kill'];

const replicas = await startReplicas(count, { latency: 10 });
const deaths = {};
const events = []; // {at, replica, name}, and what became of it by /health
const began = now();
let weir;
let loop;
let records = [];
try {
  weir = await startGateway(replicas);
  loop = new OpenLoop(weir.url, { rate });
  let states = '';
  const look = setInterval(async () => {
    const all = await endpoints(weir).catch(() => []);
    const said = all.map((one) => `${replicas.find(({ url }) => url === one.address)?.id} ${one.state}`).join(', ');
    if (said !== states) events.push({ at: Math.round(now() - began), name: (states = said) });
  }, 50);
  const first = draw(count);
  for (let n = 0; now() - began < minutes * 60000; ++n) {
    const bad = replicas[(first + n) % count];
    const name = ways[draw(ways.length)];
    await last(500 + draw(2500));
    await faults[name].begin(bad);
    events.push({ at: Math.round(now() - began), replica: bad.id, name });
    await last(1000 + draw(4000));
    await faults[name].heal(bad);
    events.push({ at: Math.round(now() - began), replica: bad.id, name: 'well' });
    deaths[name] = (deaths[name] ?? 0) + 1;
  }
  clearInterval(look);
} finally {
  records = (await loop?.stop()) ?? [];
  await weir?.stop();
  await endAll(replicas);
}
const bad = records.filter((one) => one.outcome !== 'ok');
const took = sorted(records.filter((one) => one.outcome === 'ok').map((one) => one.end - one.due));
const available = 1 - bad.length / records.length;
report([
  `${minutes} minutes, ${rate} calls/s of a read-only tool, one of ${count} replicas dead at a time (seed ${seed}): ${Object.entries(deaths).map(([name, times]) => `${times} x ${name}`).join(', ')}.`,
  `Availability ${percent(available, 4)} of ${records.length} calls; p50 ${ms(at(took, 0.5))}, p99 ${ms(at(took, 0.99))}, p99.9 ${ms(at(took, 0.999))}.`,
  ...Object.entries(tally(bad)).map(([kind, times]) => `${times} x ${kind}`),
].join('\n'), { minutes, rate, seed, deaths, calls: records.length, failed: bad.length, kinds: tally(bad) });
// What happened before the first of each series that failed.
let told = -10000;
for (const one of bad.sort((a, b) => a.due - b.due)) {
  const when = Math.round(one.due - began);
  if (when - told > 1000) {
    console.log(`failed from ${when} ms on: ${[one.outcome, one.code, one.reason].join(' ')}; before that:`);
    for (const { at, replica, name } of events.filter((some) => some.at <= when).slice(-14)) console.log(`  ${at} ms: ${replica ?? 'states'} ${name}`);
  }
  told = when;
}
process.exit(records.length && available >= 0.999 ? 0 : 1);
