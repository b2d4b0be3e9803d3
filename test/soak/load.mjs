// Calls at a fixed rate in a process of their own, so that whoever measures beside them has its own to itself. Started by
// startLoad() with one argument, JSON: {url, rate, clients, first: the first client's address ends so, call: options of each};
// begins at once, ends with its standard input and prints what the calls came to.
import { OpenLoop, now, own } from '../e2e/replicas.mjs';
import { at, sorted, tally } from './measure.mjs';

export async function startLoad(options) {
  const child = own(process.execPath, [import.meta.filename, JSON.stringify(options)]);
  let out = '';
  child.stdout.on('data', (part) => (out += part));
  child.stderr.on('data', (part) => process.stderr.write(part));
  await new Promise((done) => child.stdout.once('data', done));
  return async () => {
    child.stdin.end();
    await child.ended;
    return JSON.parse(out.split('\n')[1]);
  };
}

if (process.argv[1] === import.meta.filename) {
  const { url, rate, clients = 1, first = 10, call } = JSON.parse(process.argv[2]);
  const begun = now();
  const loop = new OpenLoop(url, { rate, prefix: `l${process.pid}-`, make: (n) => ({ from: `127.0.0.${first + (n % clients)}`, patience: 60000, ...call }) });
  console.log('begun');
  process.stdin.resume().on('end', async () => {
    const seconds = (now() - begun) / 1000;
    const records = await loop.stop();
    const took = sorted(records.map((one) => one.end - one.due));
    console.log(JSON.stringify({ rate: records.length / seconds, kinds: tally(records), p50: at(took, 0.5), p99: at(took, 0.99) }));
    process.exit();
  });
}
