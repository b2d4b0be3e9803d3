// The chaos suite: calls of every kind through the shipped binary while everything befalls the upstreams, judged at clients
// and upstreams. Usage: node run.mjs [--seeds 1000] [--first 1] [--jobs 4] [--seconds 7200] [--seed N: that one alone, and
// what befell it; --all: its calls too] [--weir PATH]. SEEDS and SEED in the environment are the same. Prints the seeds that broke a rule; exit
// code 1 if there is one. A cell is a process of its own, with its own upstreams and, for each seed, a gateway.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { flag, option } from '../soak/measure.mjs';

const enough = 50; // broken seeds: the next ones would say the same
const file = fileURLToPath(import.meta.url);

// Seeds from `first` on, in so many processes; none begins after `seconds`. Gives {seeds, calls, faults, outcomes, broken: [{seed, broken}]}.
export async function chaos({ seeds, first = 1, jobs = 4, seconds = 7200, heard = () => {} }) {
  const ends = Date.now() + seconds * 1000;
  const sum = { seeds: 0, calls: 0, faults: 0, outcomes: {}, broken: [] };
  let next = first;
  const take = () => (next < first + seeds && Date.now() < ends && sum.broken.length < enough ? next++ : null);
  const add = (got) => {
    ++sum.seeds;
    sum.calls += got.calls;
    sum.faults += got.faults;
    for (const [name, times] of Object.entries(got.outcomes)) sum.outcomes[name] = (sum.outcomes[name] ?? 0) + times;
    if (got.broken.length) sum.broken.push(got);
    heard(got, sum);
  };
  const work = async () => {
    for (let seed = take(); seed !== null; ) {
      const child = fork(file, ['--cell'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      const kill = () => child.kill();
      process.on('exit', kill);
      let doing = seed;
      await new Promise((done) => {
        child.on('message', (got) => {
          doing = null;
          add(got);
          // What a broken run left behind is no business of the next.
          seed = take();
          if (seed === null || got.broken.length) return child.disconnect();
          child.send((doing = seed));
        });
        child.on('exit', (code, signal) => {
          if (doing !== null) add({ seed: doing, calls: 0, faults: 0, outcomes: {}, broken: [`the cell ended: ${signal ?? code}`] }), (seed = take());
          done();
        });
        child.send(seed);
      });
      process.off('exit', kill);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, seeds) }, work));
  return sum;
}
export const line = ({ seeds, calls, faults, outcomes, broken }) =>
  `${seeds} seeds, ${calls} calls, ${faults} faults: ${Object.entries(outcomes).sort().map(([name, times]) => `${times} ${name}`).join(', ')}; ${broken.length} seeds broke a rule${broken.length ? ': ' + broken.map((one) => one.seed).join(', ') : ''}`;

async function asCell() {
  const [{ cell }, { Stage }, { most, schedule }] = await Promise.all([import('./cell.mjs'), import('./stage.mjs'), import('./schedule.mjs')]);
  const stage = await Stage.set(most);
  process.on('message', async (seed) => process.send({ ...(await cell(stage, schedule(seed))), records: undefined }));
  process.on('disconnect', async () => {
    await stage.end();
    process.exit(0);
  });
}
async function alone(seed) {
  const [{ cell }, { Stage }, { most, schedule }] = await Promise.all([import('./cell.mjs'), import('./stage.mjs'), import('./schedule.mjs')]);
  const plan = schedule(seed);
  console.log(JSON.stringify({ servers: plan.servers, config: plan.config }));
  for (const one of plan.faults) console.log(`${one.at}-${one.until} ms: ${one.kind} of ${one.server}${one.place} (share ${one.share}, ${one.ms} ms, cut ${one.cut}, flush ${one.flush})`);
  const stage = await Stage.set(most);
  const got = await cell(stage, plan);
  await stage.end();
  if (flag('all')) for (const one of got.records) console.log(`${one.n} at ${one.at}: ${one.kind} of ${one.server} by ${one.by} of ${one.from}: ${one.outcome} ${one.code ?? ''} after ${Math.round(one.end - one.start)} ms ${one.message ?? ''}`);
  for (const one of got.broken) console.log(`BROKEN ${one}`);
  console.log(`${got.calls} calls in ${got.ms} ms, which waited ${got.waited} ms in all for a processor: ${JSON.stringify(got.outcomes)}`);
  return got.broken.length ? 1 : 0;
}

if (process.argv[1] === file) {
  const seed = option('seed') ?? process.env.SEED;
  if (process.argv.includes('--cell')) await asCell();
  else if (seed !== undefined) process.exit(await alone(Number(seed)));
  else {
    let said = Date.now();
    const sum = await chaos({
      seeds: option('seeds', Number(process.env.SEEDS ?? 1000)), first: option('first', 1), jobs: option('jobs', 4), seconds: option('seconds', 7200),
      heard(got, so_far) {
        if (got.broken.length) console.log(`seed ${got.seed} (SEED=${got.seed} make chaos):\n  ${got.broken.slice(0, 8).join('\n  ')}`);
        if (Date.now() - said > 60000) (said = Date.now()), console.log(line(so_far));
      },
    });
    console.log(line(sum));
    process.exit(sum.broken.length ? 1 : 0);
  }
}
