// How fast the gateway finds the one of three replicas that goes bad, and how fast it trusts it again: each fault, with 150
// calls/s and with none. Usage: node detection.mjs [--runs 5] [--fault NAME,NAME] [--traffic yes|no] [--era new|old]
// [--strategy adaptive_latency] [--seed 1] [--weir PATH] [--write FILE] [--jobs 1: cells at the same time]. First what is
// expected, then the worst of the runs; exit code 1 if a bound is broken. "last call": the last that the bad one got before /health said unhealthy; later ones
// are trials. Of a killed or refusing replica Weir's own count of attempts says it, of a stopped one when clients sent.
import { fork } from 'node:child_process';
import { at, back, flag, last, median, ms, numbers, option, over, percent, report, sorted, table, tally, within, worst } from './measure.mjs';
import { faults } from './faults.mjs';
import { OpenLoop, endAll, endpoints, metric, now, startGateway, startReplicas, until } from '../e2e/replicas.mjs';

const runs = option('runs', 5);
const era = option('era', 'new');
const strategy = option('strategy', 'adaptive_latency');
const seed = option('seed', 1);
const rate = option('rate', 150);
const jobs = flag('cell') ? 1 : option('jobs', 1);
const count = 3;

// verdict: what /health says of it meanwhile, none: it does not matter. Bounds in ms; share: of the calls in [3 s, 6 s];
// changes: of its state, while the fault lasts (two a second come and go). hold: how long it lasts; wait: for the recovery.
const dead = { verdict: 'unhealthy', call: 1000, unhealthy: 1000, back: 5000, hold: 3000 };
const kept = { verdict: 'not unhealthy', back: 5000, hold: 3000 };
const flapping = { changes: 12, back: 30000, hold: 20000, wait: 65000 };
const expected = {
  kill: [dead, dead], stop: [dead, dead], blackhole: [dead, dead], refuse: [dead, dead], hang: [dead, dead],
  // Probes pass. Nothing can be seen without calls; with them those that hang are answered elsewhere and it is tried now and
  // then: too few fail to say anything. A session that it has stays there, as what it holds is nowhere else.
  hang_calls: [{ ...dead, verdict: undefined, unhealthy: undefined, call: undefined }, kept],
  reset: [dead, dead], reset_mid: [dead, dead], s500: [dead, dead], s503: [dead, dead],
  garbage: [dead, dead], badjson: [dead, dead], wrong_id: [dead, dead],
  slow: [{ ...kept, share: 0.1, hold: 6000 }, { ...kept, hold: 6000 }],
  flap: [flapping, flapping],
};

// Before an old server a client's session stays where it is: each second ten new clients come, so that shares can change.
const clients = (n) => (era === 'old' ? { from: `127.0.${1 + (Math.floor(n / rate) % 200)}.${10 + (n % 10)}` } : {});

// Looks at /health every 10 ms, and at Weir's count of attempts where `counted` is the address of a replica.
class Watch {
  changes = []; // of the replica watched: {at, state, reason}
  accused = 0; // how often another one was called unhealthy
  attempts = []; // when its count was seen to have grown
  constructor(weir, bad, counted) {
    Object.assign(this, { weir, bad, counted });
    this.done = this.loop();
  }
  async loop() {
    let [tries, others] = [undefined, new Set()];
    for (let looks = 0; !this.over; ++looks) {
      const begun = now();
      const all = await endpoints(this.weir);
      const one = all.find((some) => some.address === this.bad);
      if (one && one.state !== this.changes.at(-1)?.state) this.changes.push({ at: now(), state: one.state, reason: one.reason });
      const wrong = all.filter((some) => some.state === 'unhealthy' && some.address !== this.bad).map((some) => some.address);
      for (const some of all) if (some.state === 'unhealthy' && some.address !== this.bad && !others.has(some.address)) console.log(`   another one accused: ${some.address} (${some.reason})`);
      this.accused += wrong.filter((some) => !others.has(some)).length;
      others = new Set(wrong);
      if (this.counted && looks % 2) {
        const series = await metric(this.weir, 'weir_attempts_total', { endpoint: this.counted });
        const sum = series.reduce((so_far, { value }) => so_far + value, 0);
        this.counts ||= series.length > 0;
        if (tries !== undefined && sum > tries) this.attempts.push(now());
        tries = sum;
      }
      await last(Math.max(1, 10 - (now() - begun)));
    }
  }
  get state() {
    return this.changes.at(-1)?.state;
  }
  stop() {
    this.over = true;
    return this.done;
  }
}

async function run(name, traffic, random) {
  const fault = faults[name];
  const { hold, wait = 25000 } = expected[name][traffic ? 0 : 1];
  const replicas = await startReplicas(count, { era, latency: 10 });
  const bad = replicas[random(count)];
  let [weir, loop, watch] = [];
  try {
    weir = await startGateway(replicas, { server: { load_balancing: { strategy } } });
    watch = new Watch(weir, bad.url, fault.seen === 'attempts' && bad.url);
    loop = traffic && new OpenLoop(weir.url, { rate, make: clients });
    await last(1000 + random(500)); // it begins at any moment of the probes' interval
    const before = now();
    await fault.begin(bad);
    const begun = fault.signal ? before : now();
    await last(hold);
    const early = fault.seen ? null : (await bad.counters()).calls;
    const held = now();
    await fault.heal(bad);
    const healed = now();
    const arrivals = async () => (await Promise.all(replicas.map(async (one) => (await one.counters()).calls.map(({ at }) => at))));
    let returned;
    const comeback = async () => {
      if (watch.state !== 'healthy') return false;
      if (!traffic) return (returned = Math.max(0, watch.changes.at(-1).at - healed)), true;
      const times = await arrivals();
      returned = back(times[replicas.indexOf(bad)], times.flat(), healed, now(), 1 / count);
      return returned !== null;
    };
    await until(comeback, wait, 'the comeback').catch(() => (returned = null));
    const records = loop ? await loop.stop() : [];
    loop = null;
    await watch.stop();

    const during = watch.changes.filter((one) => one.at >= begun && one.at < held);
    const found = during.find((one) => one.state === 'unhealthy')?.at;
    let times = watch.attempts;
    if (fault.seen === 'sent') times = (await bad.counters()).calls.filter((one) => one.at >= healed).map((one) => one.sent);
    else if (early) times = early.map((one) => one.at);
    times = times.filter((one) => one >= begun && one < held);
    const counted = times.filter((one) => one <= (found ?? held));
    const errors = records.filter((one) => one.outcome !== 'ok' && one.due < healed && one.end > begun);
    const later = records.filter((one) => one.outcome !== 'ok' && one.due >= healed);
    const spent = records.filter((one) => one.due >= begun && one.due < healed).map((one) => one.end - one.due);
    const slice = early && (await arrivals()).flat();
    return {
      name, traffic, replica: bad.id,
      call: traffic && name !== 'slow' && (fault.seen !== 'attempts' || watch.counts) ? (counted.length ? Math.max(...counted) - begun : 0) : undefined,
      trials: traffic ? times.length - counted.length : undefined, got: traffic ? times.length : undefined,
      unhealthy: found === undefined ? null : found - begun,
      reason: during.find((one) => one.state === 'unhealthy')?.reason,
      errors: traffic ? errors.length : undefined,
      kinds: tally(errors), later: traffic ? later.length : undefined, later_kinds: tally(later),
      slowest: traffic && spent.length ? Math.max(...spent) : undefined,
      p99: traffic ? at(sorted(spent), 0.99) : undefined,
      share: name === 'slow' && traffic ? within(times, begun + 3000, begun + 6000) / within(slice, begun + 3000, begun + 6000) : undefined,
      changes: name === 'flap' ? during.length : undefined,
      accused: watch.accused, back: returned, states: watch.changes.map((one) => ({ ...one, at: Math.round(one.at - begun) })),
    };
  } finally {
    if (loop) await loop.stop();
    await watch?.stop().catch(() => {});
    await weir?.stop();
    await endAll(replicas);
  }
}

// What of a cell's runs breaks what is expected.
function broken(of, bound) {
  const wrong = [];
  if (bound.verdict === 'unhealthy' && over(worst(of.map((one) => one.unhealthy)), bound.unhealthy)) wrong.push('unhealthy');
  if (bound.verdict === 'not unhealthy' && of.some((one) => one.unhealthy !== null)) wrong.push('verdict');
  for (const key of ['call', 'share', 'changes', 'back']) if (over(worst(of.map((one) => one[key])), bound[key])) wrong.push(key);
  if (of.some((one) => one.accused)) wrong.push('accused');
  return wrong;
}

const only = option('fault')?.split(',');
const cells = Object.keys(expected).filter((name) => !only || only.includes(name)).flatMap((name) => ['yes', 'no'].filter((one) => one === option('traffic', one)).map((one) => [name, one === 'yes']));
const columns = (name, traffic) => [name, traffic ? `${rate}/s` : 'none'];
const bounds = table(['fault', 'traffic', 'verdict', 'last call', 'unhealthy', 'more', 'back within'], cells.map(([name, traffic]) => {
  const bound = expected[name][traffic ? 0 : 1];
  const more = bound.share ? `share <= ${percent(bound.share)}` : bound.changes ? `<= ${bound.changes} changes in ${ms(bound.hold)}` : '';
  return [...columns(name, traffic), bound.verdict ?? 'any', traffic ? ms(bound.call) : '-', ms(bound.unhealthy), more, ms(bound.back)];
}));
if (!flag('cell')) console.log(`Expected (${strategy}, ${era} era):\n\n${bounds}\n`);

// The runs of one cell: what was measured, and how many could not be made.
async function runsOf(name, traffic) {
  const random = numbers(seed + Object.keys(expected).indexOf(name) * 2 + traffic);
  const out = { of: [], failed: 0 };
  for (let i = 0; i < runs; ++i) {
    try {
      out.of.push(await run(name, traffic, random));
      const it = out.of.at(-1);
      if (!flag('quiet')) console.error(`${name} ${traffic ? 'traffic' : 'idle'} #${i}: call ${ms(it.call)}, unhealthy ${ms(it.unhealthy)} (${it.reason ?? ''}), errors ${it.errors ?? '-'} ${JSON.stringify(it.kinds)}, back ${ms(it.back)}`);
    } catch (error) {
      ++out.failed;
      console.error(`${name}, run ${i}: ${error.stack}`);
    }
  }
  return out;
}
// The same in a process of its own, so that cells measured side by side share no event loop: the options put first count.
function runsApart(name, traffic) {
  const own = ['--cell', '--fault', name, '--traffic', traffic ? 'yes' : 'no', ...process.argv.slice(2)];
  const child = fork(process.argv[1], own, { serialization: 'advanced' });
  return new Promise((done) => {
    let got = { of: [], failed: runs };
    child.on('message', (message) => (got = message));
    child.on('exit', () => done(got));
  });
}
if (flag('cell')) {
  process.send(await runsOf(...cells[0]));
  process.exit();
}

const results = [];
const queue = cells.map((cell, place) => [...cell, place]);
const work = async () => {
  for (let cell; (cell = queue.shift()); ) results[cell[2]] = await (jobs > 1 ? runsApart : runsOf)(cell[0], cell[1]);
};
await Promise.all(Array.from({ length: jobs }, work));
const all = [];
const rows = [];
let failed = 0;
for (const [place, [name, traffic]] of cells.entries()) {
  const { of, failed: lost } = results[place];
  failed += lost;
  if (!of.length) continue;
  const wrong = broken(of, expected[name][traffic ? 0 : 1]);
  failed += wrong.length;
  all.push(...of);
  const most = (key) => worst(of.map((one) => one[key]));
  rows.push([...columns(name, traffic), ms(most('call')), ms(most('unhealthy')), ms(median(of.map((one) => one.unhealthy ?? Infinity))).replace('Infinity s', 'never'), most('errors') ?? '-', most('later') ?? '-',
    most('trials') ?? '-', ms(most('slowest')), most('changes') ?? '-', percent(most('share')), ms(most('back')), most('accused'), wrong.length ? `BROKEN: ${wrong}` : 'ok']);
}
report(`Measured, the worst of ${runs} runs, seed ${seed} (${strategy}, ${era} era, probes and all else by default):\n\n` +
  table(['fault', 'traffic', 'last call', 'unhealthy', 'its median', 'errors', 'errors after', 'trials', 'slowest call', 'changes', 'share 3-6 s', 'back', 'others accused', 'verdict'], rows), all);
process.exit(failed ? 1 : 0);
