// A long day in small: mixed tools at a fixed rate through three replicas of which each has its own fault in one of a hundred
// calls, and another configuration each minute. Usage: node soak.mjs [--minutes 60] [--rate 500] [--warm-up 10] [--era new|old]
// [--weir PATH] [--write FILE]. Prints each minute. Exit code 1 if a call ended as it should not, a write ran twice, memory grew
// by more than 1 MiB an hour after the warm-up, or descriptors did not go back to what they were.
import { at, descriptors, last, ms, option, report, resident, slope, sorted, table, tally, usualSlope } from './measure.mjs';
import { expected, mixed } from './mixed.mjs';
import { OpenLoop, call, change, endAll, now, startGateway, startReplicas, until } from '../e2e/replicas.mjs';

const minutes = option('minutes', 60);
const rate = option('rate', 500);
const warm = option('warm-up', Math.min(10, minutes / 3));
const share = 0.01;
// Each minute they go around, and the errors and cuts are of another kind. Of three replicas two fail: so a call that may
// be tried three times never has to meet a fault each time.
const kinds = { error: ['s500', 's503', 'badjson'], cut: ['reset', 'reset_mid'], delay: ['slow'] };
const turn = (replicas, k) =>
  Promise.all(Object.values(kinds).map((some, i) => replicas[(i + k) % 3].fault(some[k % some.length], { only: 'calls', share, factor: 1, add: 300 })));
// Weights go around; hedging, which makes the layers anew, is off every other minute.
const server = (k) => ({ hedge: k % 2 ? { delay: 'p95' } : false, load_balancing: { strategy: k % 4 < 2 ? 'adaptive_latency' : 'weighted_round_robin' } });
const config = (replicas, k) => ({ servers: { weather: { endpoints: replicas.map(({ url }, i) => ({ url, weight: i === k % 3 ? 3 : 1 })), ...server(k) } } });

// What the calls of a minute came to, by the replicas' books of that minute and the one before. A call ends as mixed.mjs has
// it; but one of `write` whose replica had it and met a fault must not be tried again: its client is told that it may have run.
function judge(records, books) {
  const calls = books.flatMap((one) => one.calls);
  const met = new Set(calls.filter((one) => one.met && one.met !== 'slow').map((one) => one.id));
  const may = (one) => one.tool === 'write' && met.has(one.id) && (one.code === 1007 || one.sent === 'maybe');
  const others = records.filter((one) => !expected[one.tool].includes(one.outcome));
  const writes = calls.filter((one) => one.tool === 'write').map((one) => one.id);
  return { told: others.filter(may).length, ill: others.filter((one) => !may(one)), twice: writes.length - new Set(writes).size };
}

const replicas = await startReplicas(3, { latency: 10, era: option('era', 'new') });
const weir = await startGateway(replicas, { server: server(0), endpoints: (i) => ({ weight: i === 0 ? 3 : 1 }) });
const { pid } = weir.child;
const start = { open: descriptors(pid), rss: resident(pid) };
const points = []; // [hours, KiB]
const rows = [];
const ill = [];
let [twice, total, reloads, broken] = [0, 0, 0, undefined];
const begun = now();
const watch = setInterval(() => points.push([(now() - begun) / 3600000, resident(pid)]), 5000);
const loop = new OpenLoop(weir.url, { rate, prefix: 's', make: (n) => ({ patience: 60000, ...mixed(n) }) });
console.log(`begun: ${start.rss} KiB, ${start.open} descriptors`);

// Memory stays at what the largest crowd needed. Larger ones than this machine's pauses make later come while it warms up.
async function crowd(k) {
  const calls = Array.from({ length: 200 }, (_, i) => call(weir.url, { id: `crowd${k}-${i}`, agent: loop.agent, from: `127.0.0.${10 + (i % 30)}`, patience: 60000 }));
  loop.records.push(...(await Promise.all(calls)).map((one) => Object.assign(one, { due: one.start })));
}
const marks = [0]; // when each minute ended
async function minute(k) {
  await turn(replicas, k);
  if (k) await change(weir, config(replicas, k), k % 2 ? 'SIGHUP' : undefined).then(() => ++reloads);
  for (let i = 0; k < warm && i < 3; ++i) await crowd(`${k}.${i}`);
  await last(Math.max(0, (k + 1) * 60000 - (now() - begun)));
  await tell(k, loop.records.splice(0));
  weir.log = weir.log.slice(-2000);
}
async function tell(k, records) {
  marks.push(now());
  const books = await Promise.all(replicas.map((one) => one.counters(marks.at(-3) ?? 0)));
  const got = judge(records, books);
  ill.push(...got.ill);
  total += records.length;
  twice += got.twice;
  const faults = books.flatMap(({ calls }) => calls).filter((one) => one.met && one.at >= marks.at(-2)).length;
  const took = sorted(records.filter((one) => one.tool === 'echo' && one.outcome === 'ok').map((one) => one.end - one.due));
  const late = Math.max(...records.map((one) => one.start - one.due));
  rows.push([k < minutes ? k + 1 : 'after', records.length, faults, got.told, got.ill.length, ms(at(took, 0.5)), ms(at(took, 0.99)), ms(late), resident(pid), descriptors(pid)]);
  console.log(rows.at(-1).join('; '));
  for (const [kind, times] of Object.entries(tally(got.ill))) console.log(`  UNEXPECTED ${times} x ${kind}`);
  for (const one of got.ill.slice(0, 20)) console.log(`  at ${((one.due - begun) / 1000).toFixed(3)} s: ${JSON.stringify({ ...one, error: undefined })}`);
}
try {
  for (let k = 0; k < minutes; ++k) await minute(k);
} catch (error) {
  console.log((broken = error).stack);
}
clearInterval(watch);
const rest = await loop.stop();
await tell(minutes, rest).catch((error) => (broken ??= error));
await until(async () => descriptors(pid) <= start.open || (await last(500), false), 120000, 'descriptors').catch(() => {});
const end = { open: descriptors(pid), rss: resident(pid) };
await weir.stop();
await endAll(replicas);
const kept = points.filter(([hours]) => hours * 60 >= warm);
const fit = slope(kept);
const grows = fit.by / 1024;
const bad = [
  broken && broken.message,
  ill.length && `${ill.length} calls ended as they should not`,
  twice && `${twice} writes ran twice`,
  grows > 1 && `memory grows by ${grows.toFixed(2)} MiB/h`,
  end.open > start.open && `${end.open} descriptors, ${start.open} at the start`,
].filter(Boolean);
report([
  `${minutes} minutes, ${rate} calls/s of mixed tools, three replicas, of each ${share * 100} % of calls with a fault (errors, cuts, delays of 300 ms, going around), ${reloads} reloads: ${total} calls, ${ill.length} ended as they should not, ${twice} writes ran twice.`,
  `Memory from minute ${warm.toFixed(0)} on: ${grows.toFixed(2)} MiB/h (a line's slope; standard error ${(fit.error / 1024).toFixed(2)}; median of the slopes between any two points ${(usualSlope(kept) / 1024).toFixed(2)}); ${start.rss} KiB at the start, ${end.rss} at the end. Descriptors: ${start.open} at the start, ${end.open} after the end of the load.`,
  '',
  table(['minute', 'calls', 'faults met', 'writes told that they may have run', 'unexpected', 'p50', 'p99', 'latest start', 'KiB', 'descriptors'], rows),
  '',
  bad.length ? `BROKEN: ${bad.join('; ')}` : 'ok',
].join('\n'), { rows, points, start, end, unexpected: tally(ill) });
process.exit(bad.length ? 1 : 0);
