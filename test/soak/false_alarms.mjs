// Healthy replicas under a mixed load, all by default, on a machine that is too busy: no endpoint may ever be called anything
// but healthy. Usage: node false_alarms.mjs [--seconds 120] [--burners 4] [--rate 100] [--replicas 3] [--era new|old]
// [--stdio] [--weir PATH], or --hours 1: as long without burners; --prove: one replica is stopped for 3 s half-way, so that
// the watch itself is seen to work. Exit code 1 if anything was called unwell (with --prove: if nothing was), or a call
// ended as it should not.
import { at, flag, last, option, percent, sorted, tally } from './measure.mjs';
import { expected, mixed } from './mixed.mjs';
import { OpenLoop, doubled, endAll, endpoints, metric, now, own, startChildren, startGateway, startReplicas } from '../e2e/replicas.mjs';

const hours = option('hours', 0);
const seconds = hours ? hours * 3600 : option('seconds', 120);
const burners = hours ? 0 : option('burners', 4);
const rate = option('rate', 100);
const count = option('replicas', 3);
const prove = flag('prove');
const options = { era: option('era', 'new'), latency: 10 };

const replicas = flag('stdio') ? [] : await startReplicas(count, options);
const children = flag('stdio') ? await startChildren(count, { options: ['--era', options.era, '--latency', '10'] }) : null;
const weir = children?.weir ?? (await startGateway(replicas));
const burning = Array.from({ length: burners }, () => own(process.execPath, ['-e', 'for(;;){}'], { stdio: 'ignore' }));
const loop = new OpenLoop(weir.url, { rate, make: mixed });
const begun = now();
const alarms = []; // {at, endpoint, state, reason}
const states = new Map();
let [polls, gap, failed] = [0, 0, 0];

// One look: what /health says, and what the metric says.
async function look() {
  for (const { address, state, reason } of await endpoints(weir)) {
    if (state !== 'healthy' && states.get(address) !== state) alarms.push({ at: Math.round(now() - begun), endpoint: address, state, reason });
    states.set(address, state);
  }
  if (polls % 10) return;
  for (const { labels, value } of await metric(weir, 'weir_endpoint_state'))
    if (value && labels.state !== 'healthy' && states.get(labels.endpoint) === 'healthy') alarms.push({ at: Math.round(now() - begun), endpoint: labels.endpoint, state: labels.state, reason: 'the metric alone' });
}
try {
  let [before, said, frozen] = [now(), 0, false];
  while (now() - begun < seconds * 1000) {
    try {
      await look();
      ++polls;
    } catch (error) {
      ++failed;
      console.log(`no answer of the admin address: ${error.message}`);
    }
    gap = Math.max(gap, now() - before);
    before = now();
    const gone = (now() - begun) / 1000;
    if (prove && !frozen && gone > seconds / 2) (frozen = true), replicas[0].freeze(), setTimeout(() => replicas[0].thaw(), 3000);
    if (gone - said >= 60) (said = gone), console.log(`${Math.round(gone)} s: ${loop.records.length} calls, ${alarms.length} alarms`);
    await last(20);
  }
} finally {
  for (const one of burning) one.kill('SIGKILL');
  const records = await loop.stop();
  const ill = records.filter(({ tool, outcome }) => !expected[tool].includes(outcome));
  const took = sorted(records.filter((one) => one.tool === 'echo' && one.outcome === 'ok').map((one) => one.end - one.due));
  console.log(`${seconds} s, ${burners} burners, ${count} replicas ${children ? 'on pipes' : `over HTTP`} (${options.era} era): ${records.length} calls ${JSON.stringify(tally(records.map(({ tool, outcome }) => ({ outcome: `${tool}:${outcome}` }))))}`);
  console.log(`echo, from when it was due: p50 ${at(took, 0.5)?.toFixed(1)} ms, p99 ${at(took, 0.99)?.toFixed(1)} ms, most ${took.at(-1)?.toFixed(0)} ms`);
  const lists = children ? children.children().map((one) => one.id) : replicas.map((one) => one.id);
  const by = Object.fromEntries(lists.map((id) => [id, percent(records.filter((one) => one.replica === id).length / records.filter((one) => one.replica).length)]));
  console.log(`shares ${JSON.stringify(by)}; ${polls} looks, the longest pause between two ${gap.toFixed(0)} ms; endpoints seen: ${[...states.keys()].length}`);
  for (const one of alarms.slice(0, 50)) console.log(`ALARM after ${one.at} ms: ${one.endpoint} ${one.state} (${one.reason ?? 'no reason'})`);
  for (const [kind, times] of Object.entries(tally(ill))) console.log(`ILL ${times} x ${kind}`);
  console.log(`${alarms.length} alarms, ${ill.length} calls ended as they should not, ${failed} looks failed`);
  const twice = (await doubled(replicas)).length;
  if (twice) console.log(`${twice} calls of write ran twice`);
  await (children ?? weir).stop();
  await endAll(replicas);
  const bad = (prove ? !alarms.length : alarms.length) || states.size < count || failed || twice || (!prove && ill.length);
  process.exit(bad ? 1 : 0);
}
