// What hedging brings and costs: three replicas, some calls slow by chance or one replica slow, with and without `hedge`.
// Usage: node hedging.mjs [--seconds 10: of each phase] [--rate 100] [--rounds 2] [--weir PATH] [--write FILE]. Books of the replicas say
// how many attempts there were, and whether each loser was told. Exit code 1 if more than 5 % were added, a loser was not
// told, p99 is not better, or with everything failing there were more attempts than 1.2 of the calls and 10 a second.
import { at, last, median, ms, option, percent, report, sorted, table, tally } from './measure.mjs';
import { OpenLoop, endAll, startGateway, startReplicas, until } from '../e2e/replicas.mjs';

const seconds = option('seconds', 10);
const rate = option('rate', 100);
const rounds = option('rounds', 2);
const rows = [];
function say(part, what, expected, measured, good) {
  rows.push([part, what, expected, measured, good ? 'ok' : 'BROKEN']);
  console.error(rows.at(-1).join('; '));
}
const replicas = await startReplicas(3, { latency: 10 });
// Everybody gets his third: else the slow one would just be left alone.
const blind = { load_balancing: { strategy: 'round_robin' }, outlier_detection: { enabled: false }, circuit_breaker: false };
const attempts = async () => (await Promise.all(replicas.map((one) => one.counters()))).flatMap(({ id, calls }) => calls.map((one) => ({ ...one, replica: id })));

// Calls for `time` s, after others for `warm` s, and what the replicas had meanwhile.
async function phase(server, fault, { warm = 3, time = seconds } = {}) {
  const weir = await startGateway(replicas, { server });
  try {
    await fault();
    const before = new OpenLoop(weir.url, { rate, prefix: 'w' });
    await last(warm * 1000);
    await before.stop();
    await Promise.all(replicas.map((one) => one.reset()));
    const loop = new OpenLoop(weir.url, { rate, prefix: 'h', make: () => ({ patience: 20000 }) });
    await last(time * 1000);
    const records = await loop.stop();
    const answered = new Map(records.map((one) => [one.id, one.replica]));
    const losers = async () => (await attempts()).filter((one, _, all) => answered.get(one.id) !== one.replica && all.filter((other) => other.id === one.id).length > 1);
    // A loser that was done before it could be told had answered: it is none.
    await until(async () => (await losers()).every((one) => one.left ?? one.cancelled ?? one.done), 3000, 'the last word').catch(() => {});
    return { records, had: await attempts(), losers: await losers() };
  } finally {
    await Promise.all(replicas.map((one) => one.heal()));
    await weir.stop();
  }
}
const p99 = (got) => at(sorted(got.records.map((one) => one.end - one.due)), 0.99);

// Up to its budget of 5 % of the calls hedging can help each. Beyond, only as many: of a third that are slow it helps no p99,
// and costs no more.
const some = (share, add = 500) => (one, i) => one.fault('slow', { only: 'calls', share, factor: 1, add, seed: i + 1 });
const slow = [
  ['3 % of all calls take 500 ms more', () => Promise.all(replicas.map(some(0.03))), { delay: 'p95' }, true],
  ['10 % of the calls of one replica take 500 ms more', () => some(0.1)(replicas[0], 0), { delay: 'p95' }, true],
  ['one replica takes 500 ms more, hedged after 100 ms', () => some(1)(replicas[0], 0), { delay: '100ms' }, false],
];
for (const [what, fault, hedge, helps] of slow) {
  const [without, hedged] = [[], []];
  for (let i = 0; i < rounds; ++i) {
    without.push(await phase({ ...blind, hedge: false }, fault));
    hedged.push(await phase({ ...blind, hedge }, fault));
  }
  const extra = (got) => got.reduce((sum, one) => sum + one.had.length, 0) / got.reduce((sum, one) => sum + one.records.length, 0) - 1;
  const [plain, quick] = [median(without.map(p99)), median(hedged.map(p99))];
  const ill = tally([...without, ...hedged].flatMap((one) => one.records).filter((one) => one.outcome !== 'ok'));
  say('gain', what, helps ? 'p99 less than half' : 'all answered; more are slow than may be hedged', `p99 ${ms(plain)} without, ${ms(quick)} with${Object.keys(ill).length ? `, ${JSON.stringify(ill)}` : ''}`, !(helps && quick >= plain / 2) && !Object.keys(ill).length);
  say('cost', what, 'at most 5 % more attempts', `${percent(extra(hedged), 2)} (without: ${percent(extra(without), 2)})`, extra(hedged) <= 0.05);
  const losers = hedged.flatMap((one) => one.losers);
  const told = losers.filter((one) => one.left ?? one.cancelled).length;
  const done = losers.filter((one) => !(one.left ?? one.cancelled) && one.done).length;
  say('losers', what, 'each told, or done already', `${told} of ${losers.length} told, ${done} done`, losers.length > 0 && told + done === losers.length);
}
// From the eleventh second on: in the first ten a reserve of 10 a second for ten seconds, unused till then, may be spent at once.
// The budget looks back on whole seconds, nine to ten of them: a hundredth more is no break.
for (const kind of ['s503', 'reset', 'hang']) {
  const fault = () => Promise.all(replicas.map((one) => one.fault(kind, { only: 'calls' })));
  const got = await phase({ ...blind, hedge: { delay: 'p95' }, timeout: { request: '2s' } }, fault, { warm: 10, time: 20 });
  const each = got.had.length / got.records.length;
  const bound = 1.2 + 10 / rate;
  say('all fail', `${kind}, hedging and retries, ${rate} calls/s`, `at most ${bound.toFixed(2)} attempts a call (1.2 and 10/s)`, `${each.toFixed(3)} (${Object.entries(tally(got.records)).map(([name, times]) => `${times} ${name}`).join(', ')})`, each <= bound + 0.01 && got.had.length > 0);
}
await endAll(replicas);
report(table(['part', 'what', 'expected', 'measured', ''], rows), rows);
process.exit(rows.some((row) => row.at(-1) !== 'ok') ? 1 : 0);
