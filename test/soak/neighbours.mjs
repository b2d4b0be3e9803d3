// What calls do to those beside them. Clients that leave and clients that read slowly say nothing about a server's health; a
// slow server and a greedy client leave others as quick as they were. Usage: node neighbours.mjs [--only PART,PART]
// [--seconds 8: of each phase] [--rounds 3] [--weir PATH] [--write FILE]. Exit code 1 if a bound is broken: nothing ejected, no
// breaker moved; p99 beside the load at most twice what it is without (medians of the rounds).
import http from 'node:http';
import { at, last, median, ms, option, report, sorted, table, tally } from './measure.mjs';
import { startLoad } from './load.mjs';
import { OpenLoop, endAll, endpoints, startGateway, startReplicas } from '../e2e/replicas.mjs';
import { gateway } from '../e2e/crowd.mjs';
import { accept, meta } from '../e2e/weir.mjs';

const seconds = option('seconds', 8);
const rounds = option('rounds', 3);
const rows = [];
function say(part, what, expected, measured, good) {
  rows.push([part, what, expected, measured, good ? 'ok' : 'BROKEN']);
  console.error(rows.at(-1).join('; '));
}
const kinds = (some) => Object.entries(some).map(([kind, times]) => `${times} ${kind}`).join(', ');

// Calls for an answer of 7 MB, more than sockets buffer, and reads nothing of it for `pause` ms. Gives how much had come then.
function readSlowly(url, pause) {
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":${JSON.stringify('"'.repeat(1.8e6))}},"_meta":{${meta}}}}`;
  const headers = { ...accept, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'echo', 'Content-Length': body.length };
  return new Promise((done) => {
    const sent = http.request(url, { method: 'POST', agent: false, headers, localAddress: '127.0.0.9' }, (answer) => {
      answer.pause();
      answer.on('error', () => done('cut'));
      let size = 0;
      setTimeout(() => answer.on('data', (part) => (size += part.length)).on('end', () => done(size > 7e6 ? 'whole' : `${size} bytes`)).resume(), pause);
    });
    sent.on('error', (error) => done(error.code));
    sent.end(body);
  });
}

// A measured client's p99 without and with the load, by turns. `load(url)` starts it, giving its stop().
async function beside(part, what, url, measured, load) {
  const phase = async () => {
    const loop = new OpenLoop(url.measured, { ...measured, make: () => ({ from: '127.0.0.99', patience: 20000, ...measured.call }) });
    await last(seconds * 1000);
    const records = await loop.stop();
    const took = sorted(records.map((one) => one.end - one.due));
    return { p99: at(took, 0.99), late: at(sorted(records.map((one) => one.start - one.due)), 0.99), ill: records.filter((one) => one.outcome !== 'ok') };
  };
  const [quiet, loaded, loads] = [[], [], []];
  for (let i = 0; i < rounds; ++i) {
    quiet.push(await phase());
    const stop = await load();
    await last(1000);
    loaded.push(await phase());
    loads.push(await stop());
  }
  const p99 = (some) => median(some.map((one) => one.p99));
  const ill = [...quiet, ...loaded].flatMap((one) => one.ill);
  const ratio = p99(loaded) / p99(quiet);
  const far = [...quiet, ...loaded].map((one) => ms(one.p99));
  say(part, `${what}; the load: ${Math.round(median(loads.map((one) => one.rate)))} calls/s, in the last round ${kinds(loads.at(-1).kinds)}`, 'all answered; p99 at most twice the quiet one', `quiet ${ms(p99(quiet))}, loaded ${ms(p99(loaded))}, ratio ${ratio.toFixed(2)} (${rounds} rounds, quiet then loaded: ${far.slice(0, rounds).join(', ')}; ${far.slice(rounds).join(', ')}; calls begun late, p99: ${ms(median(quiet.map((one) => one.late)))}, ${ms(median(loaded.map((one) => one.late)))})${ill.length ? `, ${kinds(tally(ill))}` : ''}`, ratio <= 2 && !ill.length);
}

const parts = {
  leaving: async () => {
    const replicas = await startReplicas(3, { latency: 10 });
    const weir = await startGateway(replicas);
    const [log, states] = [weir.log.length, new Set()];
    const loop = new OpenLoop(weir.url, { rate: 200, make: (n) => (n % 4 ? { tool: n % 3 ? 'slow' : 'write', args: { ms: 500 }, abort: 1 + ((n * 37) % 200) } : { patience: 20000 }) });
    const look = setInterval(async () => (await endpoints(weir).catch(() => [])).forEach((one) => states.add(`${one.state}, ${one.breaker}`)), 50);
    const reads = [];
    for (let i = 0; i < seconds; ++i) {
      reads.push(readSlowly(weir.url, 4000));
      await last(1000);
    }
    const read = tally((await Promise.all(reads)).map((outcome) => ({ outcome })));
    const records = await loop.stop();
    await last(1000);
    clearInterval(look);
    const moved = weir.log.slice(log).split('\n').filter((line) => line.includes('"module":"health"')).map((line) => JSON.parse(line).message).filter((one) => one !== 'healthy');
    await weir.stop();
    await endAll(replicas);
    const stayed = tally(records.filter((one) => one.tool === 'echo'));
    const left = records.filter((one) => one.outcome === 'aborted').length;
    say('leaving', `${left} clients left after 1 to 200 ms, ${reads.length} read nothing of 7 MB for 4 s (${kinds(read)}); those beside them: ${kinds(stayed)}`, 'all endpoints healthy and closed all the time, no other state in the log; those beside them are answered', `${[...states].join('; ')}; ${moved.length} lines${moved.length ? `: ${moved}` : ''}`, states.size === 1 && states.has('healthy, closed') && !moved.length && Object.keys(stayed).join() === 'ok' && left > 100);
  },
  slow_server: async () => {
    const [quick] = await startReplicas(1, { latency: 10 });
    const [slow] = await startReplicas(1, { id: 's0' });
    const weir = await gateway([quick], { quick: {} }, { config: { servers: { quick: { url: quick.url }, slow: { url: slow.url } } } });
    try {
      const load = () => startLoad({ url: weir.at('slow'), rate: 100, clients: 20, call: { tool: 'slow', args: { ms: 5000 } } });
      await beside('slow server', 'a server of 10 ms at 100 calls/s beside one whose calls take 5 s', { measured: weir.at('quick') }, { rate: 100 }, load);
    } finally {
      await weir.stop();
      await endAll([quick, slow]);
    }
  },
  greedy_client: async () => {
    const replicas = await startReplicas(1, { latency: 50 });
    const weir = await startGateway(replicas, { server: { bulkhead: { max_concurrent: 20 } } });
    try {
      const load = () => startLoad({ url: weir.url, rate: 1000, call: {} });
      await beside('greedy client', 'a client with 20 calls/s of 50 ms beside one whose share, half of 20 at a time, is 200 calls/s', { measured: weir.url }, { rate: 20 }, load);
    } finally {
      await weir.stop();
      await endAll(replicas);
    }
  },
};
for (const [name, run] of Object.entries(parts)) {
  if (!(option('only') ?? name).split(',').includes(name)) continue;
  await run().catch((error) => (console.error(error.stack), say(name, 'the measurement itself', 'no error', error.message, false)));
}
report(table(['part', 'what', 'expected', 'measured', ''], rows), rows);
process.exit(rows.some((row) => row.at(-1) !== 'ok') ? 1 : 0);
