// Event streams, measured: what an open one costs, how fast a change reaches all of them, how late progress becomes by
// Weir, and whether a slow reader of a large result hurts anybody. Usage: node bench/streams.mjs [--streams N]
// [--rounds N] [--only memory|change|progress|large]. Prints a line a figure with its goal; exit code 1 if one falls short.
// Clients here, the upstream in a process of its own, Weir as it is shipped; all on loopback.
import { Weir, agent, openSession, until } from '../test/e2e/weir.mjs';
import { Server, at, both, cpu, held, listen, many, modern, open, sorted, wait } from './streams_clients.mjs';

const option = (name, otherwise) => (process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : otherwise);
const streams = Number(option('streams', 2000));
const rounds = Number(option('rounds', 5));
const only = option('only', '');
agent.maxSockets = Infinity;

let short = 0;
function say(what, figure, goal, good) {
  if (!good) ++short;
  console.log(`${good ? 'ok   ' : 'SHORT'} ${what}: ${figure} (goal ${goal})`);
}
async function withWeir(work, config = {}) {
  const server = await Server.start();
  const weir = await Weir.start({ servers: { a: { url: server.url } }, ...config }, [], { descriptors: 20000 });
  try {
    await weir.settled();
    await work(weir, server);
  } finally {
    await weir.stop();
    server.stop();
  }
}

async function memory() {
  const [listens, gets, sessions] = [[], [], []];
  for (let round = 0; round < rounds; ++round) {
    await withWeir(async (weir) => {
      const before = held(weir);
      let told = 0;
      const opened = await many(streams, (i) => listen(weir.url, i, () => ++told));
      await until(() => told >= streams, 10000, 'all acknowledgements');
      await wait(300);
      listens.push((held(weir) - before) / streams);
      for (const one of opened) one.sent.destroy();
    });
    await withWeir(async (weir) => {
      const before = held(weir);
      const made = await many(streams, () => openSession(weir.url));
      const between = held(weir);
      sessions.push((between - before) / streams);
      const opened = await many(streams, (i) => open('GET', weir.url, { ...made[i].headers, Accept: 'text/event-stream' }, ''));
      await wait(300);
      gets.push((held(weir) - between) / streams);
      for (const one of opened) one.sent.destroy();
    });
  }
  say(`memory of an open subscriptions/listen stream of ${streams}, KB`, both(listens, 2), '<= 8', at(sorted(listens), 0.5) <= 8);
  say(`memory of an open GET stream of an old session of ${streams}, KB`, both(gets, 2), '<= 8', at(sorted(gets), 0.5) <= 8);
  console.log(`      besides, memory of an old session itself, KB: ${both(sessions, 2)}`);
}

async function change() {
  const [last, used] = [[], []];
  await withWeir(async (weir, server) => {
    let heard = 0;
    let at_last = 0n;
    const opened = await many(streams, (i) =>
      listen(weir.url, i, (part) => {
        if (!part.includes('list_changed')) return;
        ++heard;
        at_last = process.hrtime.bigint();
      }),
    );
    await wait(500);
    for (let round = 0; round < rounds * 2; ++round) {
      heard = 0;
      const spent = cpu(weir);
      const begun = await server.change();
      await until(() => heard >= streams, 10000, 'the change at all');
      last.push(Number(at_last - begun) / 1e6);
      await wait(300);
      if (heard !== streams) throw new Error(`${heard} heard of one change`);
      used.push(cpu(weir) - spent);
    }
    for (const one of opened) one.sent.destroy();
  });
  say(`list_changed to ${streams} listen streams, until the last has it, ms`, both(last), '<= 500', at(sorted(last), 0.5) <= 500);
  console.log(`      CPU time of Weir for it, ms: ${both(used)}`);
}

// When each progress came after it was sent, in ms: 8 calls side by side, a step each 10 ms.
async function lateness(url, round) {
  const late = [];
  const calls = Array.from({ length: 8 }, async (_, k) => {
    let rest = '';
    const { end } = await modern(url, `"p${round}-${k}"`, 'tools/call', '"name":"report","arguments":{"count":100,"every":10}', {
      name: 'report',
      token: `p${round}-${k}`,
      on: (part) => {
        const came = process.hrtime.bigint();
        const blocks = (rest + part).split('\n\n');
        rest = blocks.pop();
        for (const block of blocks) {
          const sent = /"message":"at (\d+)"/.exec(block);
          if (sent) late.push(Number(came - BigInt(sent[1])) / 1e6);
        }
      },
    });
    await end;
  });
  await Promise.all(calls);
  if (late.length !== 800) throw new Error(`${late.length} of 800 notifications came`);
  return sorted(late);
}

async function progress() {
  const [p50, p95] = [[], []];
  await withWeir(async (weir, server) => {
    for (let round = 0; round <= rounds * 2; ++round) {
      const straight = await lateness(server.url, round);
      const through = await lateness(weir.url, round);
      if (round === 0) continue; // warms all three up
      p50.push(at(through, 0.5) - at(straight, 0.5));
      p95.push(at(through, 0.95) - at(straight, 0.95));
    }
  });
  say('lateness of progress added by Weir, p50, ms', both(p50, 3), '< 1', at(sorted(p50), 0.5) < 1);
  say('lateness of progress added by Weir, p95, ms', both(p95, 3), '< 5', at(sorted(p95), 0.5) < 5);
}

// Other calls, four at a time, until `over` says so: their times in ms.
async function others(url, over) {
  const times = [];
  const one = async (k) => {
    for (let n = 0; !over(); ++n) {
      const begun = performance.now();
      const { answer, end } = await modern(url, `"o${k}-${n}"`, 'tools/call', '"name":"echo","arguments":{"text":"x"}', { name: 'echo' });
      answer.resume();
      await end;
      times.push(performance.now() - begun);
      await wait(2);
    }
  };
  await Promise.all([0, 1, 2, 3].map(one));
  return sorted(times);
}

// Reads a 32 MB result at some 8 MB/s; its length.
async function read_slowly(url, as_event) {
  const size = 32 * 1024 * 1024;
  const { answer, end } = await modern(url, '"big"', 'tools/call', `"name":"large","arguments":{"bytes":${size}${as_event ? ',"event":true' : ''}}`, { name: 'large' });
  let got = 0;
  answer.on('data', (part) => {
    got += part.length;
    answer.pause();
    setTimeout(() => answer.resume(), part.length / 8192);
  });
  await end;
  if (got < size) throw new Error(`${got} bytes of ${size}`);
}

async function large(as_event) {
  const [quiet50, quiet95, busy50, busy95, grown] = [[], [], [], [], []];
  await withWeir(
    async (weir) => {
      await others(weir.url, ((end) => () => Date.now() > end)(Date.now() + 1000));
      for (let round = 0; round < rounds; ++round) {
        const end = Date.now() + 4000;
        const quiet = await others(weir.url, () => Date.now() > end);
        const before = held(weir);
        let peak = before;
        let over = false;
        const watch = setInterval(() => (peak = Math.max(peak, held(weir))), 5);
        const reading = read_slowly(weir.url, as_event).finally(() => (over = true));
        const busy = await others(weir.url, () => over);
        await reading;
        clearInterval(watch);
        quiet50.push(at(quiet, 0.5));
        quiet95.push(at(quiet, 0.95));
        busy50.push(at(busy, 0.5));
        busy95.push(at(busy, 0.95));
        grown.push((peak - before) / 1024);
      }
    },
    { limits: { message: '64MB' } },
  );
  const form = as_event ? 'one event' : 'JSON';
  const middle = (values) => at(sorted(values), 0.5);
  // The noise of a shared machine is not to decide: half as much again, or half a millisecond.
  const slowed = (busy, quiet) => middle(busy) > Math.max(middle(quiet) * 1.5, middle(quiet) + 0.5);
  say(`other calls beside a slow reader of 32 MB (${form}), p50, ms`, `${both(busy50, 2)}; without it ${both(quiet50, 2)}`, 'not slowed', !slowed(busy50, quiet50));
  say(`other calls beside a slow reader of 32 MB (${form}), p95, ms`, `${both(busy95, 2)}; without it ${both(quiet95, 2)}`, 'not slowed', !slowed(busy95, quiet95));
  const bound = 1; // it passes as it comes, in either form
  say(`memory grown by it at its peak (${form}), MB`, both(grown, 2), `<= ${bound}`, middle(grown) <= bound);
}

const parts = { memory, change, progress, large: async () => { await large(false); await large(true); } };
for (const [name, run] of Object.entries(parts)) if (!only || only === name) await run();
process.exit(short ? 1 : 0);
