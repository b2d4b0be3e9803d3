// What is attacked: gateways before two servers, one of which the healthy clients use and the other the attackers.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { own } from '../e2e/replicas.mjs';
import { Weir } from '../e2e/weir.mjs';

export const addresses = Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 10}`);
export const token = 'healthy-clients-token-31f0';

async function startServer() {
  const child = own(process.execPath, [path.join(import.meta.dirname, 'attack_server.mjs')]);
  child.stderr.on('data', (part) => process.stderr.write(part));
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const url = (await lines.next()).value;
  return {
    url,
    pid: child.pid,
    counts: async () => (child.stdin.write('?\n'), JSON.parse((await lines.next()).value)), // {calls, left}
    stop: () => (child.stdin.end(), child.ended),
  };
}
export const [well, odd] = [await startServer(), await startServer()];
const hasty = ['drip', 'crawl', 'never'].map((tool) => [`lame_${tool}`, { url: odd.url, timeout: { request: '5s' } }]);
const servers = { well: { url: well.url }, odd: { url: odd.url }, ...Object.fromEntries(hasty) };

const running = new Set();
process.on('exit', () => running.forEach((weir) => weir.child.kill('SIGKILL')));
// Its end() says what was wrong with its end.
export async function start(config = {}, where = {}) {
  const weir = await Weir.start({ servers, ...config }, [], where);
  running.add(weir);
  const trim = setInterval(() => (weir.log = weir.log.slice(-4000)), 500);
  weir.end = async () => {
    clearInterval(trim);
    const { code, signal } = await weir.stop();
    running.delete(weir);
    return code === 0 ? '' : `it ended with ${code ?? signal}: ${weir.log.slice(-500)}`;
  };
  return weir;
}
function certificate() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-attacks-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = ['key', 'pem'].map((kind) => path.join(folder, `it.${kind}`));
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return { cert, key };
}
// Attacks that have a gateway to themselves: it is set up otherwise, or its memory would not be the same afterwards.
export const alone = {
  slow_tls: () => start({ listen: { address: '127.0.0.1:0', tls: certificate() } }),
  descriptors: () => start({}, { descriptors: 200 }),
  refused: () => start({ auth: { bearer_tokens: [token] } }),
  places: () => start({ limits: { connections: 200 }, metrics_listen: '127.0.0.1:0' }),
};
const usual = ['slow_reading', 'slow_events', 'never_reading', 'pipelining_unread', 'unread_answers', 'unread_channel', 'json'];
const large = ['huge_bodies', 'long_introductions', 'sessions', 'answers_kept', 'listens', 'tokens', 'keys', 'endless'];
for (const name of [...usual, ...large]) alone[name] = () => start();
