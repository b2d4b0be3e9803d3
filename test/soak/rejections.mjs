// What refusing costs. A client at its limit is measured while another one sends 20,000 calls/s, once to be refused by the same
// server, once to be answered by another; and how fast nobody is asked where a circuit is open or all are down. Usage: node
// rejections.mjs [--rate 20000] [--seconds 8: of each phase] [--rounds 3] [--stub build/release/bench_stub_server] [--weir PATH]
// [--write FILE]. Needs h2load (nghttp2-client). Exit code 1 if p99 beside those refused is more than twice that beside those answered, the
// rate was not reached, or an answer without a server takes 1 ms or more (median).
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { at, last, median, ms, option, report, sorted, table, tally } from './measure.mjs';
import { Weir, accept, meta } from '../e2e/weir.mjs';
import { call, endAll, metric, now, own, startGateway, startReplicas, stateOf, until } from '../e2e/replicas.mjs';

const rate = option('rate', 20000);
const seconds = option('seconds', 8);
const rounds = option('rounds', 3);
const stubs = option('stub', path.resolve(import.meta.dirname, '../../build/release/bench_stub_server'));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-rejections-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
const rows = [];
function say(what, expected, measured, good) {
  rows.push([what, expected, measured, good ? 'ok' : 'BROKEN']);
  console.error(rows.at(-1).join('; '));
}
const micro = (value) => `${Math.round(value * 1000)} us`;

// An open loop of `rate` calls/s by one client: {rate: reached, p50, p99: of its answers}.
async function flood(url) {
  const [body, log] = [path.join(folder, 'body'), path.join(folder, 'log')];
  fs.writeFileSync(body, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{},"_meta":{${meta}}}}`);
  fs.rmSync(log, { force: true });
  const heads = Object.entries({ ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo' }).flatMap(([key, value]) => ['-H', `${key}: ${value}`]);
  const child = own('h2load', ['--h1', '-c', '50', `--rps=${rate / 50}`, '-D', String(seconds), '-d', body, `--log-file=${log}`, ...heads, url]);
  child.stdout.resume();
  child.stderr.resume();
  await child.ended;
  const took = sorted(fs.readFileSync(log, 'utf8').trim().split('\n').map((line) => Number(line.split('\t')[2]) / 1000));
  return { rate: took.length / seconds, p50: at(took, 0.5), p99: at(took, 0.99) };
}
// Eight calls at a time, which is all that this client may have, until `over` resolves.
async function atLimit(url, over) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const records = [];
  let on = true;
  const worker = async (k) => {
    for (let n = 0; on; ++n) records.push(await call(url, { id: `m${k}-${n}`, agent, from: '127.0.0.99', patience: 20000 }));
  };
  const workers = Array.from({ length: 8 }, (_, k) => worker(k));
  const got = await over;
  on = false;
  await Promise.all(workers);
  agent.destroy();
  return { got, p99: at(sorted(records.map((one) => one.end - one.start)), 0.99), ill: records.filter((one) => one.outcome !== 'ok'), calls: records.length };
}
async function beside() {
  const stub = own(stubs, ['0']);
  const port = await new Promise((done) => stub.stdout.once('data', (text) => done(Number(text))));
  const replicas = await startReplicas(1, { latency: 50 });
  // Half of 16 for the one that is measured; the other half is soon taken, and nobody waits.
  const servers = { full: { url: replicas[0].url, bulkhead: { max_concurrent: 16, max_queue: 0 } }, open: { url: `http://127.0.0.1:${port}/mcp`, bulkhead: { max_concurrent: 10000, client_share: 1 } } };
  const weir = await Weir.start({ servers, limits: { connections: 5000 } });
  const refused = async () => (await metric(weir, 'weir_rejected_total')).reduce((sum, { value }) => sum + value, 0);
  const kinds = { quiet: [], refused: [], answered: [] };
  try {
    await weir.settled();
    const measured = `${weir.url}/full`;
    for (let i = 0; i < rounds; ++i) {
      kinds.quiet.push(await atLimit(measured, last(seconds * 1000)));
      for (const [kind, server] of [['refused', 'full'], ['answered', 'open']]) {
        const before = await refused();
        const got = await atLimit(measured, flood(`${weir.url}/${server}`));
        kinds[kind].push({ ...got, refused: ((await refused()) - before) / seconds });
      }
    }
  } finally {
    await weir.stop();
    await endAll(replicas);
    stub.kill();
  }
  const p99 = (kind) => median(kinds[kind].map((one) => one.p99));
  const ratio = p99('refused') / p99('answered');
  const each = Object.entries(kinds).map(([kind, some]) => `${kind} ${some.map((one) => ms(one.p99)).join(', ')}`).join('; ');
  const ill = Object.values(kinds).flat().flatMap((one) => one.ill);
  say(`p99 of 8 calls at a time of 50 ms, at its limit, beside ${rate} calls/s refused and ${rate} calls/s answered`, 'at most twice as long beside those refused; all answered', `quiet ${ms(p99('quiet'))}, refused ${ms(p99('refused'))}, answered ${ms(p99('answered'))}, ratio ${ratio.toFixed(2)} (rounds: ${each})${ill.length ? `; ${JSON.stringify(tally(ill))}` : ''}`, ratio <= 2 && !ill.length);
  for (const kind of ['refused', 'answered']) {
    const reached = median(kinds[kind].map((one) => one.got.rate));
    const [p50, far] = ['p50', 'p99'].map((key) => median(kinds[kind].map((one) => one.got[key])));
    say(`rate that was reached, ${kind}`, `${rate} calls/s, a tenth less at most: else measure on a machine that has time`, `${Math.round(reached)}/s, of which refused ${Math.round(median(kinds[kind].map((one) => one.refused)))}/s; their own answers p50 ${micro(p50)}, p99 ${micro(far)}`, reached >= rate * 0.9);
  }
}
// One after the other on one connection: what it takes, with all that this client takes itself.
async function at_once(what, count, server, breaks) {
  const replicas = await startReplicas(count);
  const weir = await startGateway(replicas, { server });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    await Promise.all(replicas.map(breaks));
    for (let i = 0; i < 10; ++i) await call(weir.url, { id: `b${i}`, agent });
    await until(async () => (await Promise.all(replicas.map((one) => stateOf(weir, one)))).every((one) => one.breaker === 'open'), 20000, 'all open');
    const records = [];
    const end = now() + 3000;
    while (now() < end) records.push(await call(weir.url, { id: `o${records.length}`, agent }));
    const took = sorted(records.map((one) => one.end - one.start));
    const said = records.filter((one) => one.code === 1005).length;
    say(`time to the answer, ${what}, of ${records.length} calls one after the other`, 'median < 1 ms; 1005', `p50 ${micro(at(took, 0.5))}, p99 ${micro(at(took, 0.99))}; ${said} times 1005`, at(took, 0.5) < 1 && said >= records.length * 0.99);
  } finally {
    agent.destroy();
    await weir.stop();
    await endAll(replicas);
  }
}
const parts = {
  beside,
  open: () => at_once('one server, its circuit open', 1, { retry: false, circuit_breaker: { timeout: '1h' }, outlier_detection: { base_ejection_time: '1h', max_ejection_time: '1h' } }, (one) => one.fault('s503', { only: 'calls' })),
  down: () => at_once('all three replicas down', 3, {}, (one) => one.kill()),
};
for (const [name, run] of Object.entries(parts)) {
  if (!(option('only') ?? name).split(',').includes(name)) continue;
  await run().catch((error) => (console.error(error.stack), say(name, 'no error', error.message, false)));
}
report(table(['what', 'expected', 'measured', ''], rows), rows);
process.exit(rows.some((row) => row.at(-1) !== 'ok') ? 1 : 0);
