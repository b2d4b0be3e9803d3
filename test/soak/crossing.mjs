// Sessions side by side whose ids, progress tokens and subscription ids are all the same, against servers whose question
// ids, keys and states are too: each exchange is checked by a nonce. Usage: node crossing.mjs [--sessions N]
// [--exchanges N] [--seed N] [--weir-stdio N]. Prints one line; exit code 1 if anything crossed or was lost.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { numbers } from '../e2e/numbers.mjs';
import { Weir, binary, until } from '../e2e/weir.mjs';
import { Client } from './client.mjs';

const file = path.join(import.meta.dirname, 'server.mjs');
const slots = 3; // exchanges at once in a session

export async function startServer(name, era, port = 0) {
  const child = spawn(process.execPath, [file, era, 'http', String(port)], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NAME: name } });
  let out = '';
  child.stdout.on('data', (part) => (out += part));
  const url = await until(() => /URL (\S+)\n/.exec(out)?.[1], 10000, `server ${name}`);
  return { child, url };
}

// Who there is: a mix of revisions and ways in. Few of them meet the old server on pipes: there each client has a child
// of its own, and Weir keeps 32 at most.
function cast(sessions, by_stdio, weir, config) {
  const all = [];
  for (let k = 0; k < sessions; ++k) {
    const kind = k < by_stdio ? 'stdio' : k % 5 === 4 ? 'sse' : 'http';
    const version = ['2025-11-25', '2026-07-28', '2025-06-18', '2026-07-28'][kind === 'sse' ? (k % 2) * 2 : k % 4];
    const url = kind === 'sse' ? weir.url.replace(/\/mcp$/, '/sse') : weir.url;
    // Who has no session is told apart by the address.
    const address = version >= '2026' ? `127.0.${1 + (k >> 7)}.${1 + (k & 127)}` : '127.0.0.1';
    const client = new Client({ name: `c${k}`, version, by: kind, url, address, command: [binary, ['stdio', config]] });
    client.servers = kind === 'stdio' ? ['oh', 'nh'] : k % 16 === 3 || k % 16 === 0 ? ['oh', 'nh', 'ns', 'os'] : ['oh', 'nh', 'ns'];
    all.push(client);
  }
  return all;
}

// One exchange of a client with a server; throws what is lost or wrong.
async function exchange(client, server, slot, nonce, draw) {
  const call = (name, more = {}, steps = 0) => client.call(`${server}__${name}`, { nonce, ...more }, { steps, mixed: server === 'os' });
  const same = (got, wanted) => {
    if (JSON.stringify(got) !== JSON.stringify(wanted)) client.wrong(`${JSON.stringify(wanted)} was to come`, got);
  };
  const kind = draw(100);
  if (kind < 35) return same(await call('echo'), { nonce });
  if (kind < 58) {
    const count = 1 + draw(5);
    return same(await call('report', { count }, count), { nonce });
  }
  const says = (key) => `${client.name} says ${nonce}/${key}`;
  if (kind < 72) return same(await call('ask'), { nonce, heard: { q: says('q') } });
  if (kind < 80) return same(await call('sample'), { nonce, heard: { q: says('q') } });
  if (kind < 86) return same(await call('two'), { nonce, heard: { a: says('a'), b: says('b') } });
  if (kind < 92 || slot !== 0) {
    const uri = `${server}://${client.name}/${nonce}`;
    const got = await client.ask('resources/read', { uri }, nonce, { mixed: server === 'os' });
    return same(got.contents, [{ uri, text: `text of ${uri}` }]);
  }
  const uri = `${server}://${client.name}/own`;
  const before = client.updates.get(uri);
  const { count } = await call('touch', { uri });
  if (count < 1) throw new Error(`the server knows no subscription to ${uri}`);
  await until(() => client.updates.get(uri) > before, 30000, `the update of ${uri}`);
}

export async function crossing({ sessions = 200, exchanges = 100000, seed = 1, stdio = 10 } = {}) {
  const begun = Date.now();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-crossing-'));
  const servers = { oh: await startServer('oh', 'old'), nh: await startServer('nh', 'new') };
  const urls = { oh: { url: servers.oh.url }, nh: { url: servers.nh.url } };
  const config = path.join(folder, 'weir.json');
  fs.writeFileSync(config, JSON.stringify({ servers: urls, admin: false, listen: '127.0.0.1:0' }));
  const piped = (name, era) => ({ command: process.execPath, args: [file, era, 'stdio'], env: { NAME: name } });
  const weir = await Weir.start({ servers: { ...urls, ns: piped('ns', 'new'), os: { ...piped('os', 'old'), session: 'per_client' } } }, [], { descriptors: 20000 });
  const clients = cast(sessions, stdio, weir, config);
  const lost = [];
  let made = 0;
  try {
    await weir.settled();
    for (let k = 0; k < clients.length; k += 20)
      await Promise.all(clients.slice(k, k + 20).map(async (one) => {
        await one.open();
        await one.subscribe(one.servers.map((server) => `${server}://${one.name}/own`));
      }));
    const opened = Date.now();
    const lanes = clients.flatMap((client, k) =>
      Array.from({ length: slots }, async (_, slot) => {
        const draw = numbers(seed * 1000003 + k * 31 + slot);
        while (made < exchanges && lost.length < 100) {
          const nonce = `n${++made}`;
          const server = client.servers[draw(client.servers.length)];
          await exchange(client, server, slot, nonce, draw).catch((error) => lost.push(`${client.name} (${client.version} by ${client.by}), ${server}, ${nonce}: ${error.message}`));
        }
      }),
    );
    await Promise.all(lanes);
    const ran = (Date.now() - opened) / 1000;
    await new Promise((done) => setTimeout(done, 300)); // for what comes unasked
    const crossed = clients.flatMap((one) => one.crossed);
    if (weir.child.exitCode !== null) crossed.push(`weir ended: ${weir.log.slice(-2000)}`);
    const sum = (what) => clients.reduce((all, one) => all + one.counts[what], 0);
    const line = `${sessions} sessions, ${made} exchanges in ${ran.toFixed(0)} s (${(made / ran).toFixed(0)} a second), ${sum('asked')} questions, ${sum('progress')} progress notifications, ${sum('updates')} updates: ${crossed.length} crossed, ${lost.length} lost (seed ${seed}, ${((Date.now() - begun) / 1000).toFixed(0)} s in all)`;
    return { line, crossed, lost };
  } finally {
    await Promise.all(clients.map((one) => one.close().catch(() => {})));
    await weir.stop();
    for (const one of Object.values(servers)) one.child.stdin.end();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, otherwise) => Number(process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : otherwise);
  const { line, crossed, lost } = await crossing({ sessions: option('sessions', 200), exchanges: option('exchanges', 100000), seed: option('seed', 1), stdio: option('weir-stdio', 10) });
  for (const one of [...crossed, ...lost].slice(0, 20)) console.log(one);
  console.log(line);
  process.exit(crossed.length || lost.length ? 1 : 0);
}
