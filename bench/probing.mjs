// What probing costs: the CPU of a gateway that has nothing else to do than to watch over the endpoints of one server, at
// the default interval. Usage: node bench/probing.mjs [--endpoints 100] [--seconds 20] [--weir PATH]. Exit code 1 where it
// is 2 % of a core or more. Ends only what it started.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const count = Number(option('endpoints', 100));
const seconds = Number(option('seconds', 20));
const weir = option('weir', path.join(import.meta.dirname, '../build/release/weir'));

let probes = 0;
const says = {
  'server/discover': { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ttlMs: 0, cacheScope: 'private', _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'probed', version: '1' } } },
  'tools/list': { resultType: 'complete', tools: [], ttlMs: 0, cacheScope: 'private' },
};
function serve(request, response) {
  let text = '';
  request.on('data', (data) => (text += data));
  request.on('end', () => {
    const message = JSON.parse(text);
    probes += message.method === 'server/discover';
    const body = JSON.stringify({ jsonrpc: '2.0', id: message.id, result: says[message.method] ?? {} });
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body);
  });
}
const servers = await Promise.all(
  Array.from({ length: count }, () => new Promise((done) => {
    const server = http.createServer({ keepAliveTimeout: 60000 }, serve).listen(0, '127.0.0.1', () => done(server));
  })),
);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-probing-'));
const file = path.join(folder, 'weir.yaml');
const endpoints = servers.map((server) => `http://127.0.0.1:${server.address().port}/mcp`);
fs.writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', admin: false, servers: { probed: { endpoints } } }));
const child = spawn(weir, ['run', file], { stdio: ['ignore', 'pipe', 'ignore'] });
process.on('exit', () => child.kill('SIGKILL'));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
await new Promise((done) => child.stdout.on('data', (data) => String(data).includes('probed') && done()));
await pause(3000); // all have been greeted

// In seconds, of all threads: user and system time of /proc/PID/schedstat in nanoseconds.
const used = () => fs.readdirSync(`/proc/${child.pid}/task`)
  .map((task) => Number(fs.readFileSync(`/proc/${child.pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
  .reduce((sum, one) => sum + one, 0) / 1e9;
const [cpu, asked, begun] = [used(), probes, process.hrtime.bigint()];
await pause(seconds * 1000);
const [share, rate, took] = [used() - cpu, probes - asked, Number(process.hrtime.bigint() - begun) / 1e9];
const percent = (100 * share) / took;
console.log(`${count} endpoints: ${(rate / took).toFixed(0)} probes/s, ${percent.toFixed(2)} % of a core, ${((1e6 * share) / rate).toFixed(1)} us a probe`);
fs.rmSync(folder, { recursive: true });
process.exit(percent < 2 && rate > 0 ? 0 : 1);
