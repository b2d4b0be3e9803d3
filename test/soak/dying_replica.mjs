// What clients of a read-only tool see while one of three replicas goes bad for 4 s, in each way, at 150 calls/s: through
// Weir with its defaults, and through nginx and HAProxy, with their own retries and without. Same replicas, in shuffled
// order; each gateway is fresh. Usage: node dying_replica.mjs [--runs 1] [--fault NAME,NAME] [--target PART,PART] [--tool echo]
// [--hold 4000] [--seed 1] [--weir PATH] [--write FILE]. detect: from when on the bad one got less than a tenth of its share;
// errors: of the calls made meanwhile, answers that were not the right one and those not there after 5.5 s; late: these and
// those that took over a second; recover: when it had half of its share again over a second, so 0.5 s is at once. With
// --tool write: how many calls ran twice, too.
import { at, back, deserted, last, median, ms, numbers, option, percent, report, shuffled, sorted, table, tally, worst } from './measure.mjs';
import { faults } from './faults.mjs';
import { targets } from './peers.mjs';
import { OpenLoop, doubled, endAll, now, startReplicas, until } from '../e2e/replicas.mjs';

const runs = option('runs', 1);
const tool = option('tool', 'echo');
const hold = option('hold', 4000);
const rate = option('rate', 150);
const random = numbers(option('seed', 1));
const count = 3;
const names = Object.keys(faults).filter((name) => (option('fault') ?? name).split(',').includes(name));
const through = Object.keys(targets).filter((name) => option('target', name).split(',').some((part) => name.includes(part)));

async function run(name, target, replicas, bad) {
  const fault = faults[name];
  await Promise.all(replicas.map((one) => one.reset()));
  const gateway = await targets[target](replicas);
  const loop = new OpenLoop(gateway.url, { rate, make: () => ({ tool }) });
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
    let recovered = null;
    const comeback = async () => {
      const times = (await arrivals()).map((calls) => calls.map((one) => one.at));
      return (recovered = back(times[replicas.indexOf(bad)], times.flat(), healed, now(), 1 / count)) !== null;
    };
    await until(async () => (await comeback()) || (await last(100), false), 15000, 'the comeback').catch(() => {});
    const records = (stopped = await loop.stop());
    const calls = await arrivals();
    // What lay in a stopped one's sockets counts when it was sent.
    const time = (one) => (fault.seen === 'sent' && one.at >= healed && one.sent < healed ? one.sent : one.at);
    const times = calls.map((some) => sorted(some.map(time)));
    const during = records.filter((one) => one.due >= begun && one.due < healed);
    const errors = during.filter((one) => one.outcome !== 'ok');
    return {
      name, target, replica: bad.id, calls: during.length, errors: errors.length / during.length, kinds: tally(errors),
      detect: deserted(times[replicas.indexOf(bad)], times.flat(), begun, healed, 1 / count), recover: recovered,
      late: during.filter((one) => one.outcome !== 'ok' || one.end - one.due > 1000).length / during.length,
      p99: at(sorted(during.map((one) => one.end - one.due)), 0.99),
      later: records.filter((one) => one.due >= healed && one.outcome !== 'ok').length,
      doubled: tool === 'write' ? (await doubled(replicas)).length : undefined,
    };
  } finally {
    if (!stopped) await loop.stop();
    await gateway.stop();
  }
}

const replicas = await startReplicas(count, { latency: 10 });
const all = [];
try {
  for (const name of names) {
    for (let i = 0; i < runs; ++i) {
      const bad = replicas[random(count)];
      for (const target of shuffled(through, random)) {
        const got = await run(name, target, replicas, bad);
        all.push(got);
        console.error(`${name} ${target}: ${ms(got.detect)} / ${percent(got.errors, 2)} / ${percent(got.late, 2)} ${JSON.stringify(got.kinds)} / ${ms(got.recover)}`);
      }
    }
  }
} finally {
  await endAll(replicas);
}
const cell = (name, target, say) => say(all.filter((one) => one.name === name && one.target === target));
const rows = (say) => names.map((name) => [name, ...through.map((target) => cell(name, target, say))]);
const middle = (of, key) => median(of.map((one) => one[key] ?? Infinity));
const figure = (value) => (value === Infinity ? 'never' : ms(value));
// Who was never deserted has nothing to come back from.
const recovery = (of) => (of.every((one) => one.detect === null) ? '-' : figure(middle(of, 'recover')));
const kinds = (of) => tally(of.flatMap((one) => Object.entries(one.kinds).flatMap(([outcome, times]) => Array(times).fill({ outcome }))));
report([
  `${rate} calls/s of \`${tool}\`, one of ${count} replicas bad for ${hold / 1000} s, medians of ${runs}: detect / errors / late / recover.`, '',
  table(['fault', ...through], rows((of) => `${figure(middle(of, 'detect'))} / ${percent(middle(of, 'errors'), 2)} / ${percent(middle(of, 'late'), 2)} / ${recovery(of)}`)), '',
  `The 99th percentile of all answers meanwhile, the worst; errors after it was well; what the errors were${tool === 'write' ? '; calls that ran twice' : ''}.`, '',
  table(['fault', ...through], rows((of) => [ms(worst(of.map((one) => one.p99))), worst(of.map((one) => one.later)), Object.entries(kinds(of)).map(([kind, n]) => `${n} ${kind}`).join(', ') || 'none', ...(tool === 'write' ? [`${worst(of.map((one) => one.doubled))} doubled`] : [])].join('; '))),
].join('\n'), all);
